"""One file as a face knows it: its text, the lines of it, and where its changes stand.

A keystroke splits only the lines that it touches, and only the changes near it are looked at anew: `track`
says where those stand, all others move with their lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_lsp.core.conflicts import Conflict
from nexus_lsp.core.hunks import Hunk, Lines, common_ends
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.text import Edit, apply_edit, split_lines
from nexus_lsp.core.tracking import LineEdit, Placed, track

Json = dict[str, Any]
BOM = "\ufeff"


@dataclass(slots=True)
class Sheet:
    """One file: its text as this face knows it, and its changes in it.

    Attributes:
        placed: waiting changes as proposed, accepted ones the other way round.
        lost: waiting changes without a place.
        conflicts: changes in conflict with what stands here, as last looked at; `placed` has them too, their
            hunk from what the user has to what is proposed.
    """

    text: str
    is_open: bool
    placed: dict[str, Placed] = field(default_factory=dict[str, Placed])
    lost: set[str] = field(default_factory=set[str])
    conflicts: dict[str, Conflict] = field(default_factory=dict[str, Conflict])
    _split: tuple[str, list[str]] = ("", [])
    """A text and its lines; these count as long as it is the sheet's text."""

    @property
    def lines(self) -> list[str]:
        """The text's lines. An edit makes a new list, so that whoever holds one may go on with it."""
        if self._split[0] is not self.text:
            self._split = (self.text, split_lines(self.text))
        return self._split[1]

    def edited(self, edits: Sequence[Edit], text: str) -> None:
        """Follow edits, each in offsets of the text its predecessor left; `text` is what they lead to."""
        for edit in edits:
            lines, change = self.lines, line_edit(self.text, edit)
            live = [*lines[: change.start], *change.added, *lines[change.start + len(change.removed) :]]
            self.text = apply_edit(self.text, edit)
            self._split = (self.text, live)
            if self.placed:
                self.placed = followed(self.placed, change, live)
        if self.text != text:
            self.text = text

    def plain(self, text: str) -> str:
        """A text of the engine as this sheet has it: most editors keep a byte order mark to themselves."""
        return text if self.text.startswith(BOM) else text.removeprefix(BOM)

    def hunk(self, change: Json) -> Hunk:
        """An `edit`, as the engine lists it, as a hunk on its base."""
        before, after = self.plain(change["before"]), self.plain(change["after"])
        return Hunk(change["line"], tuple(split_lines(before)), tuple(split_lines(after)))

    def standing(self, change: Json) -> Hunk:
        """What stands in the text because of an `edit`, and what a decision would put in its place."""
        hunk = self.hunk(change)
        return Hunk(hunk.line, hunk.after, hunk.before) if change["status"] == "accepted" else hunk


def sheet_of(place: Path) -> Sheet:
    """A file on disk, as most editors show it; empty where it is not there or no text."""
    try:
        text = text_of(place.read_bytes())
    except OSError:
        text = None
    return Sheet((text or "").removeprefix(BOM), False)


def followed(placed: Mapping[str, Placed], change: LineEdit, live: Lines) -> dict[str, Placed]:
    """`tracking.track`, with only the hunks that the edit can concern put through it.

    Whether a hunk fits is decided by its window and one line on either side; further away nothing changes
    but the numbers.
    """
    top, low = common_ends(change.removed, change.added)
    removed, added = (part[top : len(part) - low] for part in (change.removed, change.added))
    edit = LineEdit(change.start + top, removed, added)
    end, by = edit.start + len(removed), len(added) - len(removed)
    near = {i: p for i, p in placed.items() if p.start - 1 <= end and edit.start <= p.end + 1}
    found = track(near, edit, live)
    if by == 0:
        return {**placed, **found}
    return {i: found[i] if i in near else _moved(p, edit.start, by) for i, p in placed.items()}


def _moved(placed: Placed, start: int, by: int) -> Placed:
    if placed.end < start:
        return placed
    line = None if placed.line is None else placed.line + by
    stands = None if placed.stands is None else placed.stands + by
    window = (placed.start + by, placed.end + by)
    return Placed(placed.hunk, line, *window, placed.good, placed.at, placed.whole, stands)


def line_edit(before: str, edit: Edit) -> LineEdit:
    """An edit in characters as one in whole lines, with the lines it touches at either end."""
    start = _line_start(before, edit.start)
    if before[start - 1 : start + 1] == "\r\n":
        start = _line_start(before, start - 1)
    ends = [at for at in (before.find("\n", edit.end), before.find("\r", edit.end)) if at >= 0]
    end = min(ends) + 1 if ends else len(before)
    if before[end - 1 : end + 1] == "\r\n":
        end += 1
    after = before[start : edit.start] + edit.text + before[edit.end : end]
    if after.startswith("\n") and before[start - 1 : start] == "\r":
        above = _line_start(before, start - 1)  # the two become one line end
        start, after = above, before[above:start] + after
    removed, added = split_lines(before[start:end]), split_lines(after)
    return LineEdit(_line_ends(before, start), tuple(removed), tuple(added))


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _line_ends(text: str, end: int) -> int:
    returns = text.count("\r", 0, end)
    found = text.count("\n", 0, end) + returns
    return found - text.count("\r\n", 0, end) if returns else found
