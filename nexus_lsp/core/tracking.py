"""Keeping the hunks of one open document placed while the user types; work goes with the hunks, not the file.

Each hunk holds a stretch of the live text, its *window*, together with what stood there when all was well.
Edits beside the window move it. An edit into it widens it to take the edit in, and from then on the hunk is
placed only if an alignment of the window with what stood there says surely where (`anchors.place`). So an
undo brings it back, and a duplicate pasted beside it does not confuse it: the edit said where the new
lines are.

**Invariant:** wherever a hunk is reported placed, `hunks.fits` holds for the live text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nexus_lsp.core.anchors import EDGE, place
from nexus_lsp.core.hunks import Hunk, Lines, common_ends, find_lines, fits, shift


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One change of a document in whole lines; a change within a line replaces that line.

    Attributes:
        start: index of the first replaced line.
        removed: the lines that stood there, with their ends.
        added: the lines that stand there now.
    """

    start: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A hunk in an open document.

    Attributes:
        hunk: as proposed; its `line` speaks of the base, not of the document.
        line: where it can be applied in the document now; None = outdated as the document stands.
        start, end: the window, in lines of the document.
        good: what stood in the window when the hunk was last surely in it.
        at: the hunk's line within `good`.
        whole: whether the window is just as it was then.
        stands: where its lines are known to stand; None = nowhere. `line` is this, unless it does not fit.
    """

    hunk: Hunk
    line: int | None
    start: int
    end: int
    good: tuple[str, ...]
    at: int
    whole: bool
    stands: int | None


def settle(hunk: Hunk, line: int, live: Lines) -> Placed:
    """Starts tracking a hunk that `anchors.place` found at `line` of `live`.

    A hunk that it did not find is not tracked: ask `place` again when the typing rests.
    """
    start, end = line, line + len(hunk.before)
    if not hunk.before:
        start, end = max(0, line - 1), min(len(live), line + 1)
    good = tuple(live[start:end])
    return _fitted(Placed(hunk, line, start, end, good, line - start, True, line), live)


def track(places: Mapping[str, Placed], change: LineEdit, live: Lines) -> dict[str, Placed]:
    """The hunks after a change.

    Args:
        places: hunks by change id, as they were before the change.
        change: what happened; several changes of one notification come one after the other, each with
            the text right after it.
        live: the document after the change. Only the windows of the hunks are read.
    """
    edit = _without_common_ends(change)
    if not (edit.removed or edit.added):
        return dict(places)
    reached = {id: _widened(placed, edit) for id, placed in places.items() if _reaches(edit, placed)}
    moved = {id: _moved(placed, edit) for id, placed in places.items() if id not in reached}
    found = moved | _looked_for(reached, live)
    for id in reached:
        if found[id].stands is None and (line := _held(places[id], found[id], edit, live)) is not None:
            found[id] = replace(found[id], stands=line)
    return {id: _fitted(found[id], live) for id in places}


def _without_common_ends(edit: LineEdit) -> LineEdit:
    """So that Enter at the end of a line, or a whole line pasted there, leaves that line untouched."""
    removed, added = edit.removed, edit.added
    top, low = common_ends(removed, added)
    return LineEdit(edit.start + top, removed[top : len(removed) - low], added[top : len(added) - low])


def _reaches(edit: LineEdit, placed: Placed) -> bool:
    """Whether the edit changes the window.

    Lines put right above or below it do not, unless some of its own are gone: these may be they, back; or
    unless an insertion stands there, at an end of the file: these may be what it would put in.
    """
    edit_end = edit.start + len(edit.removed)
    if not placed.whole or placed.start == placed.end:
        return edit.start <= placed.end and edit_end >= placed.start
    first = not placed.hunk.before and placed.at == 0
    last = not placed.hunk.before and placed.at == len(placed.good)
    above = edit_end >= placed.start if first else edit_end > placed.start
    return above and (edit.start <= placed.end if last else edit.start < placed.end)


def _moved(placed: Placed, edit: LineEdit) -> Placed:
    by = len(edit.added) - len(edit.removed)
    if by == 0 or edit.start >= placed.end:
        return placed
    stands = None if placed.stands is None else placed.stands + by
    return replace(placed, start=placed.start + by, end=placed.end + by, stands=stands)


def _widened(placed: Placed, edit: LineEdit) -> Placed:
    """The window with the edit in it; what the edit removed beside it was good too."""
    edit_end = edit.start + len(edit.removed)
    over_top = edit.removed[: max(0, placed.start - edit.start)]
    over_end = edit.removed[len(edit.removed) - max(0, edit_end - placed.end) :]
    return replace(
        placed,
        start=min(placed.start, edit.start),
        end=max(placed.end, edit_end) + len(edit.added) - len(edit.removed),
        good=over_top + placed.good + over_end,
        at=placed.at + len(over_top),
        whole=False,
        stands=None,
    )


def _looked_for(reached: Mapping[str, Placed], live: Lines) -> dict[str, Placed]:
    """Each hunk looked for in its window; hunks with the same window share one alignment."""
    windows: dict[tuple[int, int, tuple[str, ...]], list[str]] = {}
    for id, placed in reached.items():
        windows.setdefault((placed.start, placed.end, placed.good), []).append(id)
    found: dict[str, Placed] = {}
    for (start, end, good), ids in windows.items():
        hunks = [replace(reached[id].hunk, line=reached[id].at) for id in ids]
        for id, line in zip(ids, place(hunks, good, live[start:end]), strict=True):
            found[id] = reached[id] if line is None else _narrowed(reached[id], start + line, live)
    return found


def _held(before: Placed, now: Placed, edit: LineEdit, live: Lines) -> int | None:
    """The line of an insertion that its edit leaves certain, though the text of its window does not.

    Its neighbours may be alike (two empty lines, and the user makes it three), or it stands at an end of
    the file, which is there even when the line beside it was changed.
    """
    if now.hunk.before or find_lines(now.hunk.after, live[now.start : now.end]) is not None:
        return None
    if before.stands is not None and not edit.removed:
        shifted = shift(replace(now.hunk, line=before.stands), edit.start, 0, len(edit.added))
        return shifted.line if shifted and now.good else None
    if 0 < len(now.good) <= EDGE and now.at in (0, len(now.good)):
        return now.end if now.at else now.start
    return None


def _narrowed(placed: Placed, line: int, live: Lines) -> Placed:
    """The hunk standing at `line`; its window is fresh, unless a neighbour it lost may still come back."""
    at, good = placed.at, placed.good
    above = at == 0 or (line > 0 and good[at - 1] == live[line - 1])
    below = at == len(good) or (line < len(live) and good[at] == live[line])
    if placed.hunk.before or (above and below):
        return settle(placed.hunk, line, live)
    return replace(placed, stands=line)


def _fitted(placed: Placed, live: Lines) -> Placed:
    stands = placed.stands
    line = stands if stands is not None and fits(placed.hunk, live, stands) else None
    return placed if line == placed.line else replace(placed, line=line)
