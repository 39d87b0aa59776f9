"""The changes of a run grouped by intent, the riskiest group first.

What belongs together is what one task did to one definition, what needs each other, one word put in another's
place over many files, or one sort of work: layout, mended lint, documents.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.core.changes import RISKS, Change, Risk, Traits
from nexus_lsp.core.relating.kinds import is_configuration, is_docs, is_tests
from nexus_lsp.core.run import ChangeState, Run

MOST_SHOWN = 3
"""Names, and files, that a summary tells."""

UNREAD = "no rule has looked at it"
_LINT = re.compile(r"\(([A-Z]+\d+)\)$")
"""A rule's name, as the local team ends its reasons."""


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that are best looked at together, in an order in which they can be accepted one by one.

    Attributes:
        id: of one run's groups; that of its oldest change makes it, so that it lasts.
        risk, risk_why: of its riskiest change that waits (of any, where none does).
        paths: by the number of their changes.
        counts: by status.
    """

    id: str
    run_id: str
    summary: str
    risk: Risk
    risk_why: str
    change_ids: tuple[str, ...]
    paths: tuple[str, ...]
    counts: Mapping[str, int]


def members(run: Run, questions: Mapping[str, Sequence[str]]) -> list[tuple[str, list[ChangeState]]]:
    """By group, its id and its changes, with traits, each after those that it needs.

    All changes of the run are in one but those that others took the place of.

    Args:
        questions: by change id, what is asked about the tests in it (see `core.integrity`).
    """
    states = {i: _read(s, questions.get(i, ())) for i, s in run.changes.items() if not s.superseded_by}
    words = Counter(_words(s) for s in states.values())
    sets = _Sets(states)
    first: dict[str, str] = {}
    for change_id, state in states.items():
        for key in _keys(state, words[_words(state)] > 1):
            sets.join(change_id, first.setdefault(key, change_id))
        for needed in state.change.depends_on:
            if needed in states and _task(states[needed].change) == _task(state.change):
                sets.join(change_id, needed)
    return [(_id_of(ids[0]), [states[i] for i in _needed_first(ids, states)]) for ids in sets.all()]


def _id_of(oldest: str) -> str:
    _, _, rest = oldest.partition("_")
    return f"group_{rest or oldest}"


def _needed_first(ids: Sequence[str], states: Mapping[str, ChangeState]) -> Sequence[str]:
    """The same ids, each after those that it needs where that is possible, else as they were."""
    if not any(states[i].change.depends_on for i in ids):
        return ids
    mine, seen, ordered = frozenset(ids), set[str](), list[str]()
    stack = [(i, False) for i in reversed(ids)]
    while stack:
        current, done = stack.pop()
        if done:
            ordered.append(current)
        elif current not in seen:
            seen.add(current)
            stack.append((current, True))
            needed = states[current].change.depends_on
            stack += [(i, False) for i in reversed(needed) if i in mine and i not in seen]
    return ordered


def in_order(groups: Iterable[Group]) -> list[Group]:
    """Riskiest first, but those in which nothing waits last; else as they came."""
    return sorted(groups, key=lambda group: (not group.counts.get("pending"), RISKS.index(group.risk)))


def _task(change: Change) -> str:
    return change.task_ids[-1]


def _read(state: ChangeState, asked: Sequence[str]) -> ChangeState:
    """With traits, where there are none, and with what is asked about its tests."""
    traits = state.traits or _by_path(state.change)
    if asked and RISKS.index(traits.risk) > RISKS.index("tests_weakened"):
        traits = replace(traits, risk="tests_weakened", risk_why=asked[0])
    return state if traits is state.traits else replace(state, traits=traits)


def _by_path(change: Change) -> Traits:
    if is_tests(change.path):
        return Traits("tests", risk="tests", risk_why=UNREAD)
    if is_configuration(change.path):
        return Traits("configuration", risk="configuration", risk_why=UNREAD)
    if is_docs(change.path):
        return Traits("docs", risk="docs", risk_why=UNREAD)
    return Traits(risk_why=UNREAD)


# --- what belongs together ---------------------------------------------------------------------------


class _Sets:
    """Disjoint sets of ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._above = {i: i for i in ids}

    def _top(self, one: str) -> str:
        while self._above[one] != one:
            self._above[one] = self._above[self._above[one]]
            one = self._above[one]
        return one

    def join(self, one: str, other: str) -> None:
        self._above[self._top(one)] = self._top(other)

    def all(self) -> list[list[str]]:
        """The sets in the order of their first ids."""
        found: dict[str, list[str]] = {}
        for one in self._above:
            found.setdefault(self._top(one), []).append(one)
        return list(found.values())


def _words(state: ChangeState) -> tuple[str, ...]:
    """The task, and the word that the change puts in another's place; done once only, that is no renaming."""
    return (_task(state.change), *_traits(state).renames)


def _keys(state: ChangeState, many: bool) -> Iterator[str]:
    """Changes with a key in common belong together; `many`: others put the same word in the same place."""
    change, traits = state.change, state.traits
    task, path = _task(change), change.path
    assert traits is not None
    if traits.renames and many:
        yield f"{task} {' → '.join(traits.renames)}"
    elif traits.intent in ("format", "docs"):
        yield f"{task} {traits.intent}"
    elif _LINT.search(change.why):
        yield f"{task} lint"
    else:
        names = [n.partition(".")[0] for n in (*traits.adds, *traits.removes, *traits.touches)]
        if names:
            yield from (f"{task} {path} {name}" for name in names)
        elif not change.depends_on:
            yield f"{task} {path}"


# --- one group ---------------------------------------------------------------------------------------


def group_of(run_id: str, group_id: str, states: Sequence[ChangeState]) -> Group:
    """One group, of changes that have traits."""
    changes = [s.change for s in states]
    waiting = [s for s in states if s.status == "pending"] or states
    riskiest = min((_traits(s) for s in waiting), key=lambda traits: RISKS.index(traits.risk))
    paths = tuple(path for path, _ in Counter(c.path for c in changes).most_common())
    return Group(
        id=group_id,
        run_id=run_id,
        summary=_summary(states, paths),
        risk=riskiest.risk,
        risk_why=riskiest.risk_why,
        change_ids=tuple(c.id for c in changes),
        paths=paths,
        counts=dict(Counter(s.status for s in states)),
    )


def _traits(state: ChangeState) -> Traits:
    assert state.traits is not None
    return state.traits


def _summary(states: Sequence[ChangeState], paths: Sequence[str]) -> str:
    count = _many(len(states), "change")
    more = f" in {_many(len(paths), 'file')}" if len(paths) > 1 else ""
    return f"{_told(states, paths)}; {count}{more}"


def _told(states: Sequence[ChangeState], paths: Sequence[str]) -> str:
    first = states[0]
    traits = [_traits(s) for s in states]
    intents = {t.intent for t in traits}
    where = _listed([posixpath.basename(p) for p in paths])
    if intents == {"format"}:
        return f"layout only: {where}"
    renames = {t.renames for t in traits}
    if len(states) > 1 and len(renames) == 1 and traits[0].renames:
        old, new = renames.pop()
        return f"puts `{new}` in the place of `{old}`"
    if intents == {"docs"}:
        return f"documents: {where}"
    rules = {hit[1] for s in states if (hit := _LINT.search(s.change.why))}
    if rules and all(_LINT.search(s.change.why) for s in states):
        return f"mends lint ({', '.join(sorted(rules))}): {where}"
    return _names_told(states) or _file_told(first.change, where) or f"{first.change.why}: {where}"


_VERBS: tuple[tuple[str, str, Callable[[Traits], tuple[str, ...]]], ...] = (
    ("adds", "to", lambda traits: traits.adds),
    ("removes", "from", lambda traits: traits.removes),
    ("changes", "in", lambda traits: traits.touches),
)


def _names_told(states: Sequence[ChangeState]) -> str:
    """`adds `login` to auth.py, used in app.py`."""
    parts: list[str] = []
    homes: set[str] = set()
    code = [s for s in states if not is_tests(s.change.path)] or states
    for verb, link, pick in _VERBS:
        hit = [s for s in code if pick(_traits(s))]
        names = list(dict.fromkeys(n for s in hit for n in pick(_traits(s))))
        if not names or (verb == "changes" and parts):
            continue
        files = list(dict.fromkeys(s.change.path for s in hit))
        homes.update(files)
        named = _listed([f"`{n}`" for n in names])
        parts.append(f"{verb} {named} {link} {_listed([posixpath.basename(p) for p in files])}")
    if not parts:
        return ""
    others = list(dict.fromkeys(s.change.path for s in states if s.change.path not in homes))
    users = [posixpath.basename(p) for p in others if not is_tests(p)]
    tests = [posixpath.basename(p) for p in others if is_tests(p)]
    used = [f"used in {_listed(users)}"] if users else []
    tested = [f"tested in {_listed(tests)}"] if tests else []
    return ", ".join([*parts, *used, *tested])


def _file_told(change: Change, where: str) -> str:
    verb = {"create": "new file", "delete": "deletes", "rename": "moves", "binary": "binary file"}
    verb |= {"mode": "mode of", "symlink": "symbolic link"}
    found = verb.get(change.kind, "")
    return f"{found} {where}" if found else ""


def _listed(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - MOST_SHOWN
    return ", ".join(distinct[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
