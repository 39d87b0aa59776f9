"""The review desk of one editor: where every waiting change stands in what this editor shows.

Open documents are tracked edit by edit (`core.tracking`); closed ones are placed on the file as it is on
disk. Positions never leave this face: the engine hears only that a change lost its ground, or has it again.

**Invariant:** a change is shown, and can be accepted, only where its own lines stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_lsp.core.anchors import place
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.review import CHANGED_LINES
from nexus_lsp.core.text import Edit, split_lines
from nexus_lsp.core.tracking import LineEdit, Placed, settle, track

log = logging.getLogger(__name__)

Json = dict[str, Any]
REST = 2.0
"""Seconds without typing after which a change that has no place is called outdated."""


@dataclass(slots=True)
class Sheet:
    """One file: its text as this face knows it, and its changes in it."""

    text: str
    is_open: bool
    placed: dict[str, Placed] = field(default_factory=dict[str, Placed])
    lost: set[str] = field(default_factory=set[str])


def hunk_of_line(change: Json) -> Hunk:
    """An `edit` change, as the engine lists it, as a hunk."""
    return Hunk(change["line"], tuple(split_lines(change["before"])), tuple(split_lines(change["after"])))


class Desk:
    """See the module. `execute` reaches the engine; `show` is called with each path that looks different."""

    def __init__(
        self, root: Path, execute: Callable[[str, Json], Any], show: Callable[[str], None], rest: float = REST
    ) -> None:
        self._root = root
        self._execute = execute
        self._show = show
        self._rest = rest
        self.changes: dict[str, Json] = {}
        self.sheets: dict[str, Sheet] = {}
        self.in_hand: set[str] = set()
        """Changes that are being carried out: their lines may vanish before the engine says why."""
        self._bases: dict[str, str] = {}
        self._rests: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what the engine says ------------------------------------------------------------------------

    async def reload(self) -> None:
        """All changes anew; for the start, and after events were missed."""
        listed = await self._execute("review.list", {})
        self.changes = {c["id"]: c for c in listed["changes"]}
        for path in {c["path"] for c in listed["changes"]}:
            await self.lay_out(path)

    async def hear(self, event: Json) -> None:
        """An event that concerns changes."""
        kind = event["type"]
        if kind == "change_proposed":
            await self._reload_paths([event["change"]["path"]])
        elif kind in ("change_accepted", "change_rejected", "change_outdated", "change_reopened"):
            change = self.changes.get(event["change_id"])
            if change:
                await self._reload_paths([change["path"]])
        elif kind == "base_moved" and event["moves"]:
            ids = {move["change_id"] for move in event["moves"]}
            await self._reload_paths(sorted({self.changes[i]["path"] for i in ids if i in self.changes}))

    async def _reload_paths(self, paths: Sequence[str]) -> None:
        for path in paths:
            listed = await self._execute("review.list", {"path": path})
            self.changes |= {c["id"]: c for c in listed["changes"]}
            await self.lay_out(path)

    def pending(self, path: str, *kinds: str) -> list[Json]:
        """The waiting changes of a file, oldest first."""
        return [
            c
            for c in self.changes.values()
            if c["path"] == path and c["status"] == "pending" and (not kinds or c["kind"] in kinds)
        ]

    # --- texts ---------------------------------------------------------------------------------------

    async def opened(self, path: str, text: str) -> None:
        """A document was opened."""
        self.sheets[path] = Sheet(text, True)
        await self.lay_out(path)

    async def closed(self, path: str) -> None:
        """A document was closed: from now on the file on disk counts."""
        self.sheets.pop(path, None)
        await self.lay_out(path)

    def edited(self, path: str, edits: Sequence[Edit], text: str) -> None:
        """A document was edited; `edits` follow one another."""
        sheet = self.sheets.get(path)
        if sheet is None:
            return
        for edit in edits:
            before = sheet.text
            sheet.text = before[: edit.start] + edit.text + before[edit.end :]
            if sheet.placed:
                sheet.placed = track(sheet.placed, line_edit(before, edit), split_lines(sheet.text))
        sheet.text = text
        self._show(path)
        self._rest_later(path)

    async def disk_changed(self, path: str) -> None:
        """A file changed on disk; an open document is not moved by that, its editor will say."""
        sheet = self.sheets.get(path)
        if sheet is None or not sheet.is_open:
            self.sheets.pop(path, None)
            await self.lay_out(path)

    async def lay_out(self, path: str) -> None:
        """Place the changes of a file that have no place yet; forget those that are decided."""
        wanted = {c["id"]: c for c in self.pending(path, "edit")}
        sheet = self.sheets.get(path)
        if sheet is None and not wanted:
            self._show(path)
            return
        sheet = sheet or await self._from_disk(path)
        self.sheets[path] = sheet
        sheet.placed = {i: p for i, p in sheet.placed.items() if i in wanted and _same(p, wanted[i])}
        sheet.lost &= wanted.keys()
        missing = [c for i, c in wanted.items() if i not in sheet.placed]
        if missing:
            bases = {c["id"]: await self.base_of(c["id"]) for c in missing}
            self._settle(sheet, missing, bases)
        self._show(path)
        if sheet.lost or any(p.line is None for p in sheet.placed.values()):
            self._rest_later(path)

    def _settle(self, sheet: Sheet, changes: Sequence[Json], bases: Mapping[str, str]) -> None:
        live = split_lines(sheet.text)
        for base in dict.fromkeys(bases.values()):
            group = [c for c in changes if bases[c["id"]] == base]
            hunks = [hunk_of_line(c) for c in group]
            for change, hunk, line in zip(group, hunks, place(hunks, split_lines(base), live), strict=True):
                if line is None:
                    sheet.lost.add(change["id"])
                else:
                    sheet.lost.discard(change["id"])
                    sheet.placed[change["id"]] = settle(hunk, line, live)

    async def _from_disk(self, path: str) -> Sheet:
        try:
            content = await asyncio.to_thread((self._root / path).read_bytes)
        except OSError:
            content = b""
        return Sheet(text_of(content) or "", False)

    async def base_of(self, change_id: str) -> str:
        """The text that a change's `line` and `before` speak of."""
        answer = await self._execute("review.base", {"change_id": change_id})
        return self._bases.setdefault(answer["base"], answer["text"])

    # --- places --------------------------------------------------------------------------------------

    def line_of(self, change: Json) -> int | None:
        """The line at which an `edit` stands now; None where it has no place."""
        sheet = self.sheets.get(change["path"])
        placed = sheet.placed.get(change["id"]) if sheet else None
        return placed.line if placed else None

    def lines_of(self, path: str) -> list[str]:
        """The file's lines as this face shows them."""
        sheet = self.sheets.get(path)
        return split_lines(sheet.text) if sheet else []

    # --- rest ----------------------------------------------------------------------------------------

    def _rest_later(self, path: str) -> None:
        timer = self._rests.pop(path, None)
        if timer:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._rests[path] = loop.call_later(self._rest, lambda: self._spawn(self._rested(path)))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _rested(self, path: str) -> None:
        """The typing rests: say which changes lost their ground, and which have it again."""
        sheet = self.sheets.get(path)
        if sheet is None:
            return
        lost = [i for i, p in sheet.placed.items() if p.line is None] + sorted(sheet.lost)
        lost = [i for i in lost if i not in self.in_hand]
        try:
            if lost:
                await self._execute("review.outdate", {"change_ids": lost, "why": CHANGED_LINES})
            await self._find_again(path, sheet)
        except Exception:
            log.exception("the engine could not be told what stands in %s", path)

    async def _find_again(self, path: str, sheet: Sheet) -> None:
        gone = [
            c
            for c in self.changes.values()
            if c["path"] == path
            and c["kind"] == "edit"
            and c["status"] == "outdated"
            and c["note"] == CHANGED_LINES
            and c["superseded_by"] is None
        ]
        live = split_lines(sheet.text)
        back = [
            c["id"]
            for c in gone
            if place([hunk_of_line(c)], split_lines(await self.base_of(c["id"])), live)[0] is not None
        ]
        if back:
            await self._execute("review.reopen", {"change_ids": back})

    def close(self) -> None:
        """No timer and no task outlives the face."""
        for timer in self._rests.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()


def _same(placed: Placed, change: Json) -> bool:
    return (placed.hunk.before, placed.hunk.after) == (
        tuple(split_lines(change["before"])),
        tuple(split_lines(change["after"])),
    )


def line_edit(before: str, edit: Edit) -> LineEdit:
    """An edit in characters as one in whole lines, with the lines it touches at either end."""
    start = max(before.rfind("\n", 0, edit.start), before.rfind("\r", 0, edit.start)) + 1
    if before[start - 1 : start + 1] == "\r\n":
        start -= 1
        start = max(before.rfind("\n", 0, start), before.rfind("\r", 0, start)) + 1
    ends = [at for at in (before.find("\n", edit.end), before.find("\r", edit.end)) if at >= 0]
    end = min(ends) + 1 if ends else len(before)
    if before[end - 1 : end + 1] == "\r\n":
        end += 1
    after = before[start : edit.start] + edit.text + before[edit.end : end]
    first = len(split_lines(before[:start]))
    return LineEdit(first, tuple(split_lines(before[start:end])), tuple(split_lines(after)))
