"""Where changes stand in a file's text, by the texts that they speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nexus_lsp.core.anchors import already_there, place, sure_lines
from nexus_lsp.core.conflicts import sides_of
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.tracking import Placed
from nexus_lsp.core.tracking import settle as track_from
from nexus_lsp.lsp.bases import Bases
from nexus_lsp.lsp.sheet import Sheet

Json = dict[str, Any]


class Placing:
    """See the module. `earlier` gives the edits in whose place a later task put a change."""

    def __init__(self, bases: Bases, earlier: Callable[[str], Sequence[Json]]) -> None:
        self._bases = bases
        self._earlier = earlier

    def settle(self, sheet: Sheet, wanted: Mapping[str, Json]) -> None:
        """Place those that have no place in the sheet yet; forget those that are not wanted any more."""
        hunks = {i: sheet.standing(c) for i, c in wanted.items()}
        before = sheet.placed
        sheet.placed = {i: p for i, p in sheet.placed.items() if i in hunks and _same(p.hunk, hunks[i])}
        missing = [c for i, c in wanted.items() if i not in sheet.placed]
        live = sheet.lines
        for change, line in self.places(sheet, [c for c in missing if c["status"] == "pending"], live):
            if line is not None:
                sheet.placed[change["id"]] = track_from(hunks[change["id"]], line, live)
        for change, line in self._afters(sheet, [c for c in missing if c["status"] == "accepted"], live):
            if line is not None:
                sheet.placed[change["id"]] = track_from(hunks[change["id"]], line, live)
        self._place_conflicts(sheet, wanted, before)
        sheet.lost = {i for i, c in wanted.items() if c["status"] == "pending" and i not in sheet.placed}

    def _place_conflicts(
        self, sheet: Sheet, wanted: Mapping[str, Json], before: Mapping[str, Placed]
    ) -> None:
        """Each conflict anew: what it shows is what stands there now. Where it was tells where to look."""
        sheet.conflicts = {}
        for base, group in self._by_base(sheet, [c for c in wanted.values() if c.get("conflict")]):
            name = self._bases.name(group[0]["id"])
            taken = [
                c for i, c in wanted.items() if c["status"] == "accepted" and self._bases.name(i) == name
            ]
            windows = [before.get(c["id"]) for c in group]
            near = [range(w.start, w.end) if w else None for w in windows]
            hunks, accepted = [sheet.hunk(c) for c in group], [sheet.hunk(c) for c in taken]
            for change, sides in zip(group, sides_of(hunks, base, accepted, sheet.lines, near), strict=True):
                if sides is not None:
                    sheet.conflicts[change["id"]] = sides
                    hunk = Hunk(sides.line, sides.yours, sides.theirs)
                    sheet.placed[change["id"]] = track_from(hunk, sides.line, sheet.lines)

    def _by_base(self, sheet: Sheet, changes: Sequence[Json]) -> list[tuple[list[str], list[Json]]]:
        return self._bases.grouped(changes, sheet.plain)

    def places(self, sheet: Sheet, changes: Sequence[Json], live: list[str]) -> list[tuple[Json, int | None]]:
        """Where edits can be made in the text."""
        found: list[tuple[Json, int | None]] = []
        for base, group in self._by_base(sheet, changes):
            found += zip(group, place([sheet.hunk(c) for c in group], base, live), strict=True)
        return [(c, None if self.is_half_there(sheet, c["id"]) else line) for c, line in found]

    def is_half_there(self, sheet: Sheet, change_id: str) -> bool:
        """Whether an earlier form of a change stands in the text, as an undo can bring it there."""
        earlier = self._earlier(change_id)
        return any(line is not None for _, line in self._afters(sheet, earlier, sheet.lines))

    def _afters(
        self, sheet: Sheet, changes: Sequence[Json], live: list[str]
    ) -> list[tuple[Json, int | None]]:
        """Where edits have been made in the text."""
        found: list[tuple[Json, int | None]] = []
        for base, group in self._by_base(sheet, changes):
            sure = sure_lines(base, live)
            found += [(c, already_there(sheet.hunk(c), sure, live)) for c in group]
        return found

    def typed(self, sheet: Sheet, changes: Sequence[Json]) -> set[str]:
        """The ids of those that stand in the text already."""
        return {c["id"] for c, line in self._afters(sheet, changes, sheet.lines) if line is not None}


def _same(a: Hunk, b: Hunk) -> bool:
    return (a.before, a.after) == (b.before, b.after)
