"""Conflicts: the user typed inside a waiting hunk's own lines. Its three sides, and the edits that settle it.

A conflict is read off the base text, the hunk and the user's text as it is now; nothing of it is stored. So
it goes away by itself where the base is back, and shows what the user has at this moment.

**Invariant:** settling a conflict replaces what its side `yours` shows, and no other line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from nexus_lsp.core.anchors import Sure, sure_lines
from nexus_lsp.core.changes import Change, ChangeStatus
from nexus_lsp.core.composing import trimmed
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, Lines, apply, common_ends, fits
from nexus_lsp.core.review import over_accepted

How = Literal["mine", "theirs", "both"]

LOST_GROUND = "you changed these lines"
"""How every reason begins that the user's own typing gave, and that an undo of it takes away again."""

KEPT_MINE = "the user kept their own text"
"""How the reason of a rejection begins that settled a conflict."""

ASK_AGENT = "The user changed these lines meanwhile. Put together what both sides want."
"""What an agent is asked about a conflict, where the user says no more."""

REACH = 20
"""Lines of the base between a hunk and the nearest sure line at most; past it its surroundings are gone."""


WINDOW = 10 * REACH
"""Lines around a hunk that are looked at where its place is known; more than `REACH`, whose ends count."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands where a hunk was to go.

    Attributes:
        line: in the user's text, the first line of `yours`; where that is empty, the line it would stand at.
        base: what the agent saw; `yours`: what stands there now; `theirs`: what is proposed. Whole lines with
            their ends; a few more than the hunk's own where the user changed across its edge.
    """

    line: int
    base: tuple[str, ...]
    yours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def end(self) -> int:
        """The first line after `yours`."""
        return self.line + len(self.yours)


def in_conflict(change: Change, status: ChangeStatus, note: str, superseded_by: str | None) -> bool:
    """Whether a change lost its place to what the user typed, and nothing took its place."""
    lost = status == "outdated" and note.startswith(LOST_GROUND)
    return lost and change.kind == "edit" and superseded_by is None


def find_conflict(hunk: Hunk, base: Lines, live: Lines, sure: Sure | None = None) -> Conflict | None:
    """The three sides of a hunk of `base` that has no place in `live`; None where its surroundings are gone.

    The stretch between the nearest sure lines around the hunk, without those of the user's edits in it that
    leave the hunk's own lines alone. `sure` is `anchors.sure_lines` of both, where that is known.
    """
    sure = sure_lines(base, live) if sure is None else sure
    above, below = (
        _nearest(range(hunk.line - 1, -2, -1), sure),
        _nearest(range(hunk.end, len(base) + 1), sure),
    )
    if above is None or below is None:
        return None
    start, end = _place(above, sure, -1) + 1, _place(below, sure, len(live))
    region, own = base[above + 1 : below], replace(hunk, line=hunk.line - above - 1)
    edits = diff(region, live[start:end])
    inside = [edit for edit in edits if _touches(edit, own)]
    top, low = min([own.line, *(e.line for e in inside)]), max([own.end, *(e.end for e in inside)])
    if not inside:  # its lines stand there, and more than once: which ones are meant nobody can say
        top, low, inside = 0, len(region), edits
    before = [edit for edit in edits if edit.end <= top and edit not in inside]
    first = start + top + sum(len(edit.after) - len(edit.before) for edit in before)
    yours = tuple(apply(region[top:low], [replace(edit, line=edit.line - top) for edit in inside]))
    theirs = (*region[top : own.line], *own.after, *region[own.end : low])
    return Conflict(first, tuple(region[top:low]), yours, theirs)


def sides_of(
    hunks: Sequence[Hunk],
    base: Lines,
    accepted: Sequence[Hunk],
    live: Lines,
    near: Sequence[range | None] = (),
) -> list[Conflict | None]:
    """`find_conflict` of hunks of one base, with what was `accepted` of it taken into account.

    Args:
        near: of each hunk, lines of `live` where it is known to be; then only those around are looked at.
    """
    over, moved = over_accepted(base, hunks, accepted)
    known = list(near) or [None] * len(hunks)
    sure = sure_lines(over, live) if None in known else None
    return [
        find_conflict(hunk, over, live, sure) if at is None else _close_by(hunk, over, live, at)
        for hunk, at in zip(moved, known, strict=True)
    ]


def _close_by(hunk: Hunk, base: Lines, live: Lines, at: range) -> Conflict | None:
    top, low = max(0, hunk.line - WINDOW), min(len(base), hunk.end + WINDOW)
    start = max(0, at.start - WINDOW) if top else 0
    end = at.stop + WINDOW if low < len(base) else len(live)
    found = find_conflict(replace(hunk, line=hunk.line - top), base[top:low], live[start:end])
    return replace(found, line=found.line + start) if found else None


def _nearest(lines: Iterable[int], sure: Sure) -> int | None:
    """The first of these lines of the base that has a sure place; the ends of the file have one."""
    return next((i for i in islice(lines, REACH) if not 0 <= i < len(sure) or sure[i] is not None), None)


def _place(line: int, sure: Sure, at_end: int) -> int:
    found = sure[line] if 0 <= line < len(sure) else None
    return at_end if found is None else found


def _touches(edit: Hunk, own: Hunk) -> bool:
    """Whether an edit changes lines of the hunk or stands between them; of an insertion: beside it."""
    if not own.before:
        return edit.line <= own.line <= edit.end
    return edit.line < own.end and edit.end > own.line


# --- settling it -------------------------------------------------------------------------------------


def settled(conflict: Conflict, how: How, live: Lines) -> Hunk | None:
    """The hunk on `live` that carries a decision out; one that leaves all as it is for `mine`, or where the
    user has it already. None where it would run into a line beside it."""
    end = _line_end((*live, *conflict.theirs))
    sides = {"mine": conflict.yours, "theirs": conflict.theirs, "both": both(conflict, end)}
    line, before, after = conflict.line, conflict.yours, list(sides[how])
    if line and after and not _ended(live[line - 1]):
        line, before, after = line - 1, (live[line - 1], *before), [live[line - 1], *after]
    whole = Hunk(line, before, _with_ends(after, end, last=conflict.end < len(live)))
    hunk = trimmed(whole) or replace(whole, after=before)
    return hunk if hunk.before == hunk.after or fits(hunk, live, hunk.line) else None


def both(conflict: Conflict, end: str = "\n") -> tuple[str, ...]:
    """Both sides: what only one of them changed as that one has it; where both did, yours and then theirs.

    `end` is the line end of the text, for a last line that is not the last any more.
    """
    base = conflict.base
    edits = [(edit, 0) for edit in diff(base, conflict.yours)]
    edits += [(edit, 1) for edit in diff(base, conflict.theirs)]
    edits.sort(key=lambda item: (item[0].line, len(item[0].before), item[1]))
    groups: list[list[tuple[Hunk, int]]] = []
    reached = -1
    for edit, side in edits:
        again = groups and not edit.before and groups[-1][0][0].line == edit.line == reached
        if edit.line < reached or again:
            groups[-1].append((edit, side))
            reached = max(reached, edit.end)
        else:
            groups.append([(edit, side)])
            reached = edit.end
    return tuple(apply(base, [_joined(group, base, end) for group in groups]))


def _joined(group: Sequence[tuple[Hunk, int]], base: Lines, end: str) -> Hunk:
    """Edits of both sides that meet, as one; a side that only puts lines in brings those and no others."""
    start, stop = min(e.line for e, _ in group), max(e.end for e, _ in group)
    sides: list[tuple[str, ...]] = []
    for which in (0, 1):
        edits = [replace(e, line=e.line - start) for e, side in group if side == which]
        adds = len(edits) < len(group) and not any(e.before for e in edits)
        added = tuple(line for e in edits for line in e.after)
        sides.append(added if adds else tuple(apply(base[start:stop], edits)))
    mine, theirs = sides
    top, low = common_ends(mine, theirs)
    rest = theirs[top : len(theirs) - low]
    after = _with_ends([*mine[: len(mine) - low], *rest, *mine[len(mine) - low :]], end, last=False)
    return Hunk(start, tuple(base[start:stop]), after)


def _with_ends(lines: Lines, end: str, last: bool) -> tuple[str, ...]:
    """The lines, each but the last (with `last` that too) with a line end: `end`, where it has none."""
    open_ones = len(lines) if last else len(lines) - 1
    return tuple(line if _ended(line) or at >= open_ones else line + end for at, line in enumerate(lines))


def _line_end(lines: Lines) -> str:
    return next((line[len(line.rstrip("\r\n")) :] for line in lines if _ended(line)), "\n")


def _ended(line: str) -> bool:
    return line.endswith(("\n", "\r"))
