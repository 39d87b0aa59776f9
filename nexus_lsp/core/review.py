"""Review: where waiting or decided changes stand in the user's current text, and the edits that carry a
decision out. Pure; faces (an editor, the disk) apply what it gives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby

from nexus_lsp.core.anchors import already_there, place, sure_lines
from nexus_lsp.core.changes import Change
from nexus_lsp.core.hunks import Hunk, Lines, TextEdit, apply, edit_text
from nexus_lsp.core.needs import Missing, missing, node_of, reached, users_of
from nexus_lsp.core.proposals import hunk_of
from nexus_lsp.core.run import Run
from nexus_lsp.core.text import split_lines

CHANGED_LINES = "you changed these lines since; they were not touched"


@dataclass(frozen=True, slots=True)
class TextDecision:
    """What a decision means for one text.

    Attributes:
        edits: ordered, disjoint edits in coordinates of the live text.
        text: the text after them.
        carried: ids whose hunks are among the edits, or whose text stands there already (a crash came
            between the edit and the journal, or the user typed the same).
        refused: (id, why) of those that have no place.
    """

    edits: tuple[TextEdit, ...]
    text: str
    carried: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def edits_by_path(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    """The `edit` changes of each file, in the order they come."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if change.kind == "edit":
            found.setdefault(change.path, []).append(change)
    return found


def over_accepted(
    base: Lines, waiting: Sequence[Hunk], accepted: Sequence[Hunk]
) -> tuple[Lines, Sequence[Hunk]]:
    """`base` with what was accepted of it, and the waiting hunks moved along.

    The user's text is nearer to that than to the plain base: fewer places come out ambiguous when hunks are
    looked for in it. Where the accepted ones do not go together with each other or with those that wait (one
    was reopened meanwhile), all stays as it was given.
    """
    if not accepted:
        return base, waiting
    try:
        apply(base, [*accepted, *waiting])
        return apply(base, accepted), _below(waiting, accepted)
    except ValueError:
        return base, waiting


def _below(waiting: Sequence[Hunk], accepted: Sequence[Hunk]) -> list[Hunk]:
    """The waiting hunks as far down as the accepted ones above each have moved the text."""
    ordered = sorted(accepted, key=lambda a: (a.end, not a.before))
    ends = [(a.end, not a.before) for a in ordered]
    grown = [0, *accumulate(len(a.after) - len(a.before) for a in ordered)]
    moved: list[Hunk] = []
    for hunk in waiting:
        # an insertion just at an insertion's place stays above what was accepted there
        above = bisect_right(ends, (hunk.line, bool(hunk.before)))
        moved.append(replace(hunk, line=hunk.line + grown[above]) if above else hunk)
    return moved


def _by_base(changes: Sequence[Change]) -> Iterable[tuple[str, list[Change]]]:
    ordered = sorted(changes, key=lambda c: (c.base or "", c.line))
    return ((base, list(group)) for base, group in groupby(ordered, key=lambda c: c.base or ""))


def decide_text(
    changes: Sequence[Change], bases: Mapping[str, str], live: str, undo: bool = False
) -> TextDecision:
    """The edits that accept these `edit` changes of one file, or with `undo` take accepted ones back."""
    hunks: list[tuple[Change, Hunk, str]] = []
    for base, group in _by_base(changes):
        hunks += inverted(group, bases[base]) if undo else [(c, hunk_of(c), bases[base]) for c in group]
    lines = split_lines(live)
    placed: list[tuple[int, Hunk, str]] = []
    refused: list[tuple[str, str]] = []
    stand: list[str] = []
    for text, same in groupby(hunks, key=lambda item: item[2]):
        items, base = list(same), split_lines(text)
        found = place([hunk for _, hunk, _ in items], base, lines)
        sure = sure_lines(base, lines) if None in found else []
        for (change, hunk, _), line in zip(items, found, strict=True):
            if line is not None:
                placed.append((line, hunk, change.id))
            elif already_there(hunk, sure, lines) is not None:
                stand.append(change.id)
            else:
                refused.append((change.id, CHANGED_LINES))
    decision = _edited(lines, placed, refused)
    return replace(decision, carried=(*decision.carried, *stand))


def _edited(
    lines: list[str], placed: list[tuple[int, Hunk, str]], refused: list[tuple[str, str]]
) -> TextDecision:
    try:
        edits = edit_text(lines, [(line, hunk) for line, hunk, _ in placed])
        text = "".join(apply(lines, [replace(hunk, line=line) for line, hunk, _ in placed]))
    except ValueError:
        why = "these changes overlap in what you have now; accept them one by one"
        return TextDecision((), "".join(lines), (), (*refused, *((i, why) for _, _, i in placed)))
    return TextDecision(edits, text, tuple(i for _, _, i in placed), tuple(refused))


def inverted(group: Sequence[Change], base: str) -> list[tuple[Change, Hunk, str]]:
    """The same hunks the other way round, on the text that has them all."""
    hunks = [hunk_of(c) for c in group]
    after = "".join(apply(split_lines(base), hunks))
    grown = 0
    inverted: list[tuple[Change, Hunk, str]] = []
    for change, hunk in zip(group, hunks, strict=True):
        inverted.append((change, Hunk(hunk.line + grown, hunk.after, hunk.before), after))
        grown += len(hunk.after) - len(hunk.before)
    return inverted


@dataclass(frozen=True, slots=True)
class Choice:
    """Which changes an operation means, and which of them it cannot be done to.

    Attributes:
        refused: (id, why).
        needs: by id of a refused one, those that the operation would have to mean as well.
    """

    changes: tuple[Change, ...]
    refused: tuple[tuple[str, str], ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def acceptable(runs: Iterable[Run], ids: Sequence[str], anyway: bool = False) -> Choice:
    """The changes that can be accepted now: pending, and with everything they need, unless `anyway`."""
    states = {i: s for run in runs for i, s in run.changes.items()}
    nodes = {i: node_of(s) for i, s in states.items()}
    wanted = dict.fromkeys(ids)
    lack = {i: missing(i, nodes.get) for i in wanted if states[i].status == "pending" and not anyway}
    refused: list[tuple[str, str]] = []
    needs: dict[str, tuple[str, ...]] = {}
    for change_id in wanted:
        state = states[change_id]
        needed = lack.get(change_id, Missing())
        if state.status != "pending":
            refused.append((change_id, _why_not(state.status, state.note)))
        elif needed.gone:
            refused.append((change_id, _gone(needed)))
        elif others := tuple(i for i in needed.waiting if i not in wanted):
            refused.append((change_id, f"it needs {', '.join(others)}: accept them together"))
            needs[change_id] = others
    out = {i for i, _ in refused}
    return Choice(tuple(states[i].change for i in wanted if i not in out), tuple(refused), needs)


def _gone(needed: Missing) -> str:
    told = ", ".join(f"{i}, which is {status}" for i, status in needed.gone)
    return f"it needs {told}: take that back (`undo`) first, or accept it anyway"


def undoable(runs: Iterable[Run], ids: Sequence[str], anyway: bool = False) -> Choice:
    """The accepted changes that can be taken back: no accepted one that stays needs them, unless `anyway`."""
    states = {i: s for run in runs for i, s in run.changes.items()}
    accepted = [i for i in dict.fromkeys(ids) if states[i].status == "accepted"]
    nodes = {i: node_of(s) for i, s in states.items()}
    users = {} if anyway else users_of((i for i, n in nodes.items() if n.status == "accepted"), nodes.get)
    needs = {i: left for i in accepted if (left := tuple(u for u in reached(i, users) if u not in ids))}
    refused = tuple(
        (i, f"it is needed by {', '.join(left)}: take them back together") for i, left in needs.items()
    )
    return Choice(tuple(states[i].change for i in accepted if i not in needs), refused, needs)


def _why_not(status: str, note: str) -> str:
    return f"it is {status} already" + (f" ({note})" if note else "")


def select(runs: Iterable[Run], wanted: Callable[[Run, Change], bool], statuses: Sequence[str]) -> list[str]:
    """Ids of all changes in these states that `wanted` picks, oldest first."""
    return [
        i for run in runs for i, s in run.changes.items() if s.status in statuses and wanted(run, s.change)
    ]
