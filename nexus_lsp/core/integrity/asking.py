"""What a change took from the tests, as questions to the user.

A question is no verdict: a test may well be gone for a reason. Only what can be read off the two texts is
asked here; what running them shows is asked by the gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.integrity.cases import Case, cases, is_test_module, parse
from nexus_lsp.core.integrity.checks import may_assert
from nexus_lsp.core.integrity.heirs import Heirs
from nexus_lsp.core.integrity.pairs import Comparison, Loss, Pair, Pool, Side, compare, losses, matched, side
from nexus_lsp.core.integrity.settings import NAMES, conftest_doubts, settings_doubts
from nexus_lsp.core.integrity.skips import Skip, added, lifted, skips
from nexus_lsp.core.repo_map import is_test
from nexus_lsp.core.text import split_lines

QuestionKind = Literal[
    "skip_added",
    "test_removed",
    "assertion_removed",
    "assertion_weakened",
    "no_assertion",
    "passes_without_change",
    "kills_no_mutant",
]


@dataclass(frozen=True, slots=True)
class Question:
    """Something about a test that the user should decide on; `line` is 0-based, in the new text."""

    path: str
    line: int
    kind: QuestionKind
    message: str


@dataclass(frozen=True, slots=True)
class TextChange:
    """A file before and after; None where it does not exist. `old_path` is set where it was renamed."""

    path: str
    old: str | None
    new: str | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class TestChange:
    """A test that a change added (`new`) or gave new assertions; lines are 0-based, in the new text.

    `name` is `test_a` or `TestB.test_a`; `line` that of its `def`, `end` its last.
    """

    __test__ = False  # no test itself, whatever pytest makes of its name

    path: str
    name: str
    line: int
    end: int
    new: bool

    @property
    def node_id(self) -> str:
        """As pytest names it, without the rows of `parametrize`."""
        return f"{self.path}::{self.name.replace('.', '::')}"


def questions(path: str, old: str | None, new: str) -> tuple[Question, ...]:
    """What one changed file makes doubtful: a test file, a module of the tests, or pytest's configuration."""
    return all_questions([TextChange(path, old, new)])


def all_questions(changes: Sequence[TextChange]) -> tuple[Question, ...]:
    """What a whole change makes doubtful; what moved from one file to another is not asked about."""
    found = [question for _, asked in ChangedTests.of(changes).files() for question in asked]
    return tuple(dict.fromkeys(sorted(found, key=lambda question: (question.path, question.line))))


def changed_tests(changes: Sequence[TextChange]) -> tuple[TestChange, ...]:
    """The tests that are new, or assert something that they did not; moved and renamed ones are neither."""
    return tuple(ChangedTests.of(changes).tests())


@dataclass(frozen=True, slots=True)
class ChangedTests:
    """A whole change with the tests of its files paired, so that it can be told one thing after another."""

    changes: Sequence[TextChange]
    _compared: Sequence[tuple[TextChange, Comparison]]
    _elsewhere: Pool
    _moved: set[Case]

    @staticmethod
    def of(changes: Sequence[TextChange]) -> ChangedTests:
        """Read and compare all its files."""
        compared = _compared(changes)
        elsewhere, moved = _moves([comparison for _, comparison in compared])
        return ChangedTests(changes, compared, elsewhere, moved)

    def tests(self) -> Iterator[TestChange]:
        """See `changed_tests`."""
        for change, comparison in self._compared:
            if is_test_module(change.path):
                fresh = [case for case in comparison.fresh if case not in self._moved]
                yield from (_test_change(change.path, case, new=True) for case in fresh)
                gained = [pair.new for pair in comparison.pairs if pair.gained]
                yield from (_test_change(change.path, case, new=False) for case in gained)

    def files(self) -> Iterator[tuple[str, Iterator[Question]]]:
        """(path, what is asked of the file), to be gone through in this order; some paths come twice."""
        for change in self.changes:
            yield change.path, _of_settings(change)
        for change, comparison in self._compared:
            yield change.path, _Reading(change, comparison, self._elsewhere, self._moved).questions()


def count_tests(path: str, text: str) -> int:
    """How many test functions a file has; a parametrised one counts once, what cannot be read as none."""
    tree = parse(text) if is_test_module(path) else None
    return sum(case.collected for case in cases(tree).values()) if tree is not None else 0


def _test_change(path: str, case: Case, *, new: bool) -> TestChange:
    return TestChange(path, case.name, case.line, (case.node.end_lineno or case.line + 1) - 1, new)


def _compared(changes: Sequence[TextChange]) -> list[tuple[TextChange, Comparison]]:
    """The changed files of the tests, each with its tests before and after; unreadable ones left out."""
    found: list[tuple[TextChange, Comparison]] = []
    for change in changes:
        if not (change.path.endswith(".py") and is_test(change.path)):
            continue
        collected = is_test_module(change.path)
        old, new = side(change.old or "", collected), side(change.new or "", collected)
        if new is not None:
            found.append((change, compare(old or Side.empty(), new)))
    return found


def _moves(comparisons: Sequence[Comparison]) -> tuple[Pool, set[Case]]:
    """Checks that are new somewhere, and the tests (before and after) that only changed their file."""
    gone = [case for comparison in comparisons for case in comparison.gone]
    fresh = [case for comparison in comparisons for case in comparison.fresh]
    moved = {case for pair in matched(gone, fresh) for case in pair}
    pool = Pool()
    for comparison in comparisons:
        for case in comparison.fresh:
            if case not in moved:
                pool.put(comparison.new.checks(case))
        for pair in comparison.pairs:  # `result == 3` may be said of any result, `f(2) == 3` may not
            pool.put(check for check in pair.gained if "(" in check.key)
    return pool, moved


def _of_settings(change: TextChange) -> Iterator[Question]:
    name = change.path.rpartition("/")[2]
    if change.new is None:
        return
    doubts = settings_doubts(name, change.old or "", change.new) if name in NAMES else ()
    if name == "conftest.py":
        doubts = conftest_doubts(change.old or "", change.new)
    for line, what in doubts:
        said = f"Fewer tests run, or count, than before: {what}. Take it back, or check that it is meant."
        yield Question(change.path, line, "skip_added", said)


@dataclass(frozen=True)
class _Reading:
    """One changed file of the tests."""

    change: TextChange
    comparison: Comparison
    elsewhere: Pool
    moved: set[Case]

    def questions(self) -> Iterator[Question]:
        if not is_test_module(self.change.path):
            yield from self.uncollected()
            yield from (question for pair in self.comparison.pairs for question in self.pair(pair))
            return
        if self.change.new is None:
            yield from self.deleted()
            return
        yield from self.skipped()
        yield from self.hidden()
        for pair in self.comparison.pairs:
            yield from self.pair(pair)
        gone = self.comparison.gone
        for at, case in enumerate(gone):
            yield from self.gone(case, at / len(gone)) if case not in self.moved else ()
        yield from self.fresh()

    def ask(self, line: int, kind: QuestionKind, message: str) -> Question:
        return Question(self.change.path, line, kind, message)

    # --- what no longer runs ---

    def skipped(self) -> Iterator[Question]:
        compared = self.comparison
        names = {pair.old.name: pair.new.name for pair in compared.pairs}
        before = [
            replace(skip, scope=names.get(skip.scope, skip.scope))
            for skip in lifted(skips(compared.old.tree, compared.old.file.cases), compared.old.tests.values())
        ]
        now = skips(compared.new.tree, compared.new.file.cases)
        owners = {owner.name for case in compared.old.tests.values() for owner in case.owners}
        known = {*names.values(), *owners, *([""] if self.change.old is not None else [])}
        for skip in added(before, now, known):
            yield self.ask(skip.line, "skip_added", _left_out(skip, compared.new.tests))

    def hidden(self) -> Iterator[Question]:
        for old, new in self.comparison.hidden:
            said = f"`{old.name}` is now `{new.name}`, which pytest does not collect, so it no longer runs."
            yield self.ask(new.line, "skip_added", f"{said} Give it a name that is collected.")

    def uncollected(self) -> Iterator[Question]:
        """A test file under a name in which pytest finds no tests."""
        old_path, tests = self.change.old_path, [c for c in self.comparison.old.tests.values() if c.collected]
        if old_path is not None and is_test_module(old_path) and tests and self.change.new is not None:
            said = f"In {old_path} pytest ran {_count(len(tests))}; under this name it looks for none."
            yield self.ask(0, "skip_added", f"{said} Name it `test_….py`.")

    # --- what is no longer asserted ---

    def pair(self, pair: Pair) -> Iterator[Question]:
        lost = [check for check in pair.lost if not check.empty and not self.elsewhere.take(check)]
        yield from self.lost(pair.old, pair.new, losses(lost, pair.gained))

    def lost(self, old: Case, new: Case, found: Sequence[Loss]) -> Iterator[Question]:
        removed = [loss for loss in found if loss.instead is None]
        if removed:
            shown = _listed(list(dict.fromkeys(loss.check.plain for loss in removed)))
            said = f"`{new.name}` no longer asserts {shown}. Put it back, or check that it is not needed."
            yield self.ask(self.where(removed[0].check.line), "assertion_removed", said)
        for loss in found:
            if loss.instead is not None:
                now = f"only {_shown(loss.instead.plain)}"
                if loss.instead.empty:
                    now = f"{_shown(loss.instead.plain)}, which {loss.instead.empty}"
                said = f"`{old.name}` asserted {_shown(loss.check.plain)}, and now {now}."
                yield self.ask(
                    loss.instead.line,
                    "assertion_weakened",
                    f"{said} Assert as much as before, or check why not.",
                )

    @cached_property
    def heirs(self) -> Heirs:
        return Heirs([(case, self.comparison.new.checks(case)) for case in self.comparison.fresh])

    def gone(self, case: Case, place: float) -> Iterator[Question]:
        """A test without a namesake: renamed and changed, taken up in others, or removed."""
        had = [check for check in self.comparison.old.checks(case) if not check.empty]
        lost = [check for check in had if not self.elsewhere.take(check)]
        if had and not lost:
            return
        heir = self.heirs.of(case, lost, place)
        if heir is not None and any(loss.instead for loss in heir[1]) | (len(heir[1]) < len(lost)):
            yield from self.lost(case, *heir)
            return
        said = f"`{case.name}` is gone, and no other test asserts what it did."
        yield self.ask(
            self.where(case.line),
            "test_removed",
            f"{said} Put it back, or check that it is no longer needed.",
        )

    def deleted(self) -> Iterator[Question]:
        gone = [case for case in self.comparison.gone if case not in self.moved]
        lost = [case.name for case in gone if not self.absorbed(case)]
        if lost:
            said = f"The file is gone with {_count(len(lost))}: {_listed(lost)}."
            yield self.ask(0, "test_removed", f"{said} Put it back, or check that they are no longer needed.")

    def absorbed(self, case: Case) -> bool:
        had = [check for check in self.comparison.old.checks(case) if not check.empty]
        taken = [self.elsewhere.take(check) for check in had]
        return bool(had) and all(taken)

    # --- what asserts nothing ---

    def fresh(self) -> Iterator[Question]:
        new = self.comparison.new
        left_out = {skip.scope for skip in skips(new.tree, new.file.cases) if skip.always}
        for case in self.comparison.fresh:
            if case in self.moved or {case.name, "", *(owner.name for owner in case.owners)} & left_out:
                continue
            found = new.checks(case)
            if found and all(check.empty for check in found):
                said = f"`{case.name}` asserts {_shown(found[0].plain)}, which {found[0].empty}."
                yield self.ask(found[0].line, "assertion_weakened", f"{said} Assert the result.")
            elif not found and not may_assert(case, new.file):
                said = f"`{case.name}` asserts nothing: it only fails where something raises."
                yield self.ask(case.line, "no_assertion", f"{said} Assert the result.")

    @cached_property
    def hunks(self) -> tuple[list[Hunk], int]:
        """What changed, and the number of lines now."""
        new = split_lines(self.change.new or "")
        return diff(split_lines(self.change.old or ""), new), len(new)

    def where(self, line: int) -> int:
        """Where a line of the old text stood, in the new one."""
        hunks, lines = self.hunks
        shift = 0
        for hunk in hunks:
            if hunk.end <= line:
                shift += len(hunk.after) - len(hunk.before)
            elif hunk.line <= line:
                line = hunk.line + min(line - hunk.line, max(len(hunk.after) - 1, 0))
        return max(0, min(line + shift, lines - 1))


def _left_out(skip: Skip, tests: Mapping[str, Case]) -> str:
    by = skip.what if skip.what.startswith("an early return") else f"`{skip.what}`"
    if skip.scope in tests or "[" in skip.scope:
        return f"`{skip.scope}` is left out now by {by}. Let it run, or check that the reason holds."
    whose = f"`{skip.scope}`" if skip.scope else "this file"
    return f"The tests of {whose} are left out now by {by}. Let them run, or check that the reason holds."


def _listed(texts: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(_shown(text) for text in texts[:limit]) + more


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= 70 else line[:69] + '…'}`"


def _count(tests: int) -> str:
    return "1 test" if tests == 1 else f"{tests} tests"
