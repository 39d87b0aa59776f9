"""The tests of a file before and after: which are the same, what each lost, and what took its place."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from nexus_lsp.core.integrity.cases import Case, dotted, parse, text_of
from nexus_lsp.core.integrity.checks import Check, ParsedTests, checks, is_written_out
from nexus_lsp.core.integrity.empty import CONSTANT
from nexus_lsp.core.integrity.strength import best, partial, rank, same_subject, stronger_whole, weaker

MAX_NEAR = 400
"""New checks that are looked at for one that is lost: a table's rows, or a loop's turns."""


@dataclass(frozen=True, slots=True)
class Side:
    """One text of a test file; `tests` are those of its functions that are compared."""

    tree: ast.Module
    file: ParsedTests
    tests: Mapping[str, Case]
    _checks: dict[tuple[str, bool], tuple[Check, ...]] = field(
        default_factory=dict[tuple[str, bool], tuple[Check, ...]], compare=False, repr=False
    )

    @staticmethod
    def empty() -> Side:
        """The tests of no file."""
        tree = ast.Module([], [])
        return Side(tree, ParsedTests.of(tree), {})

    def around(self) -> list[str]:
        """What its tests use of the file: helpers and constants."""
        helpers = [text_of(case.node) for case in self.file.cases.values() if not case.collected]
        return [*helpers, *(f"{name} = {text_of(value)}" for name, value in self.file.literals.items())]

    def checks(self, case: Case, rows: bool = True) -> tuple[Check, ...]:
        """What one of its functions asserts, see `checks`; read once."""
        key = (case.name, rows)
        if key not in self._checks:
            self._checks[key] = checks(case, self.file, rows)
        return self._checks[key]


@dataclass(frozen=True, slots=True)
class Pair:
    """A test that was there before: what it no longer asserts, and what it does now and did not."""

    old: Case
    new: Case
    lost: tuple[Check, ...] = ()
    gained: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A test file before and after.

    Attributes:
        pairs: tests that are there on both sides, also under another name.
        gone, fresh: tests of one side only.
        hidden: (before, after) of tests whose function is still there but is no longer collected.
    """

    old: Side
    new: Side
    pairs: tuple[Pair, ...] = ()
    gone: tuple[Case, ...] = ()
    fresh: tuple[Case, ...] = ()
    hidden: tuple[tuple[Case, Case], ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """A check that is no longer made; `instead` is the weaker one in its place, None for none."""

    check: Check
    instead: Check | None = None


def side(text: str, collected: bool) -> Side | None:
    """A text's tests; all its functions where pytest collects none of it (a module of helpers)."""
    tree = parse(text)
    if tree is None:
        return None
    file = ParsedTests.of(tree)
    tests = {name: case for name, case in file.cases.items() if case.collected or not collected}
    return Side(tree, file, tests)


def compare(old: Side, new: Side) -> Comparison:
    """Pair the tests of two texts by their names, then by what they do."""
    same = [(old.tests[name], new.tests[name]) for name in old.tests if name in new.tests]
    gone = [case for name, case in old.tests.items() if name not in new.tests]
    fresh = [case for name, case in new.tests.items() if name not in old.tests]
    renamed = matched(gone, fresh)
    known = {case.node for pair in renamed for case in pair}
    gone = [case for case in gone if case.node not in known]
    fresh = [case for case in fresh if case.node not in known]
    used = {
        dotted(part).rpartition(".")[2]
        for case in new.tests.values()
        for part in ast.walk(case.node)
        if isinstance(part, ast.Call)
    }
    idle = [
        case
        for name, case in new.file.cases.items()
        if not case.collected and name not in old.file.cases and case.node.name not in used
    ]
    hidden = matched(gone, idle)
    known = {before.node for before, _ in hidden}
    gone = [case for case in gone if case.node not in known]
    around = old.around() == new.around()
    pairs = tuple(
        Pair(before, after)
        if around and text_of(before.node) == text_of(after.node)
        else _pair(old, before, new, after)
        for before, after in [*same, *renamed]
    )
    return Comparison(old, new, pairs, tuple(gone), tuple(fresh), tuple(hidden))


def matched(before: Iterable[Case], after: Iterable[Case]) -> list[tuple[Case, Case]]:
    """Those that do the same under another name, each once."""
    waiting: dict[str, list[Case]] = {}
    for case in after:
        waiting.setdefault(case.body, []).append(case)
    return [(case, waiting[case.body].pop(0)) for case in before if waiting.get(case.body)]


def _pair(old: Side, before: Case, new: Side, after: Case) -> Pair:
    rows = is_written_out(before, old.file) and is_written_out(after, new.file)
    had, has = old.checks(before, rows), new.checks(after, rows)
    return Pair(before, after, without(had, has), without(has, had))


def without(these: Sequence[Check], others: Sequence[Check]) -> tuple[Check, ...]:
    """`these` but for what `others` assert as often; empty ones left out."""
    left = Counter(check.key for check in others)
    kept: list[Check] = []
    for check in these:
        left[check.key] -= 1
        if left[check.key] < 0:
            kept.append(check)
    return tuple(kept)


# --- what took a check's place -----------------------------------------------------------------------


@dataclass(slots=True)
class Pool:
    """Checks made elsewhere that are new there: what a test lost may have moved to them."""

    counts: Counter[str] = field(default_factory=Counter[str])

    def put(self, found: Iterable[Check]) -> None:
        """Offer checks."""
        self.counts.update(check.key for check in found if not check.empty)

    def take(self, check: Check) -> bool:
        """Whether such a check is there; it then counts as taken."""
        there = self.counts[check.key] > 0
        self.counts[check.key] -= there
        return there


def losses(lost: Sequence[Check], gained: Sequence[Check]) -> list[Loss]:
    """Which of the lost checks nothing as strong has taken the place of."""
    replacing = _Replacing.by(gained)
    found = [replacing.loss(check) for check in lost if not check.empty]
    return [loss for loss in found if loss is not None]


@dataclass(slots=True)
class _Replacing:
    """The checks that are still to take a place, by their numbers, and those of each text and kind."""

    free: dict[int, Check]
    worded: dict[tuple[str, str], list[int]]

    @staticmethod
    def by(gained: Sequence[Check]) -> _Replacing:
        worded: dict[tuple[str, str], list[int]] = {}
        for at, check in enumerate(gained):
            worded.setdefault((check.plain, check.form.kind), []).append(at)
        return _Replacing(dict(enumerate(gained)), worded)

    def loss(self, old: Check) -> Loss | None:
        """Look for the same words, the same subject, a whole that it is a part of, then for anything akin."""
        for at in self.worded.get((old.plain, old.form.kind), ()):  # what its variables stand for has changed
            if (new := self.free.pop(at, None)) is not None:
                if new.form.is_fixed and not old.form.is_fixed:
                    return Loss(old, replace(new, empty=new.empty or CONSTANT))
                return Loss(old, new) if weaker(old, new) else None
        near = self._near()
        same = best(new for new in near if same_subject(old.form, new.form))
        if same is not None:
            return Loss(old, same) if weaker(old, same) and not self._said_otherwise(old, same) else None
        if any(stronger_whole(old, new) for new in near):
            return None
        if shadow := best(new for new in near if partial(old, new)):
            return Loss(old, shadow)
        return self._akin(old)

    def _near(self) -> list[Check]:
        """As many as are looked at for one: long tables keep their order, so the first will do."""
        return list(islice(self.free.values(), MAX_NEAR))

    def _said_otherwise(self, old: Check, new: Check) -> bool:
        """`match=` became an assertion about the exception."""
        speaks = any(_about_error(each) for each in self._near())
        return (
            old.form.kind == new.form.kind == "raises" and old.form.expected == new.form.expected and speaks
        )

    def _akin(self, old: Check) -> Loss | None:
        near = self._near()
        if _about_error(old) and any(new.form.kind == "raises" and new.form.match for new in near):
            return None
        akin = [new for new in near if _akin(old, new)]
        for new in akin:
            if rank(new) >= rank(old) and not weaker(old, new):
                del self.free[next(at for at, each in self.free.items() if each is new)]
                return None
        empty = [new for new in near if new.empty]
        return Loss(old, best(akin) or best(empty))


def _about_error(check: Check) -> bool:
    return not check.form.names.isdisjoint({"value", "exception", "excinfo", "exc_info"})


def _akin(old: Check, new: Check) -> bool:
    """Whether one may stand for the other: the same inputs, or the same result of something of that name."""
    before, now = old.form, new.form
    if "call" in (before.kind, now.kind):
        return True
    if "raises" in (before.kind, now.kind) and before.kind != now.kind:
        return False
    shared = not before.names.isdisjoint(now.names)
    inputs = before.constants <= now.constants
    return sum((shared, inputs, before.expected == now.expected != "")) >= 2
