"""The review desk of one editor: where every waiting change stands in what this editor shows.

Open documents are tracked edit by edit (`core.tracking`); closed ones are placed on the file as it is on
disk. Positions never leave this face: the engine hears only that a change lost its ground, or has it again.

**Invariant:** a change is shown, and can be accepted, only where its own lines stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from nexus_lsp.core.text import Edit
from nexus_lsp.core.tracking import Placed
from nexus_lsp.lsp.bases import Bases
from nexus_lsp.lsp.moving import Moving
from nexus_lsp.lsp.placing import Placing
from nexus_lsp.lsp.sheet import Sheet, sheet_of

log = logging.getLogger(__name__)

Json = dict[str, Any]
REST = 2.0
"""Seconds without typing after which a change that has no place is called outdated."""


FAR_EVENTS = frozenset({"head_moved", "head_taken", "run_resumed", "file_moved"})
"""After these, other changes than before may belong to the branch that is checked out, or to a file."""


def home(change: Json) -> str:
    """The file that a change is shown on: a rename shows where the file still is."""
    if change["kind"] == "rename" and change["status"] == "pending":
        return change["old_path"]
    return change["path"]


class Desk:
    """See the module. `execute` reaches the engine; `show` is called with each path that looks different."""

    def __init__(self, root: Path, execute: Callable[[str, Json], Any], show: Callable[[str], None]) -> None:
        self._root = root
        self._execute = execute
        self._show = show
        self.changes: dict[str, Json] = {}
        """By id; only `_take` puts some in."""
        self._homes: dict[str, list[Json]] = {}
        self._of_tasks: dict[tuple[str, str], list[Json]] = {}
        self._earlier: dict[str, list[Json]] | None = None
        self.sheets: dict[str, Sheet] = {}
        self.in_hand: set[str] = set()
        """Changes that are being carried out: their lines may vanish before the engine says why."""
        self._decided: set[str] = set()
        """Accepted changes that are still of interest: accepted while this editor looked on."""
        self.bases = Bases(execute, lambda: self.changes)
        self._placing = Placing(self.bases, self._earlier_forms)
        self._moving = Moving(root)
        self._rests: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what the engine says ------------------------------------------------------------------------

    async def reload(self) -> None:
        """All changes anew; for the start, and after events were missed."""
        listed = await self._execute("review.list", {"grouped": False})
        self.changes = {}
        self._take(listed["changes"])
        unsettled = {c["run_id"] for c in listed["changes"] if c["status"] == "pending"}
        self._decided |= {c["id"] for c in listed["changes"] if c["run_id"] in unsettled}
        for path in {home(c) for c in listed["changes"]}:
            await self.lay_out(path)

    async def hear(self, events: Iterable[Json]) -> None:
        """Events, those that concern changes among them; many at once cost hardly more than one."""
        ids: list[str] = []
        events = list(events)
        await self._hear_far([event for event in events if event["type"] in FAR_EVENTS])
        for event in events:
            kind = event["type"]
            if kind == "change_proposed":
                self._take([{"status": "", **event["change"]}])
                ids.append(event["change"]["id"])
            elif kind in ("change_accepted", "change_rejected", "change_outdated", "change_reopened"):
                if kind == "change_accepted":
                    self._decided.add(event["change_id"])
                self.bases.forget(event["change_id"])  # what was put in has a base of its own
                ids.append(event["change_id"])
            elif kind == "changes_related":
                for told in event["relations"]:
                    self.changes[told["change_id"]] |= {"depends_on": told["depends_on"]}
            elif kind == "changes_committed":
                ids += event["change_ids"]
            elif kind == "base_moved":
                moved = [move["change_id"] for move in event["moves"]]
                for change_id in moved:
                    self.bases.forget(change_id)
                ids += moved
        if ids:
            await self._reload(ids)

    async def _hear_far(self, events: Sequence[Json]) -> None:
        if not events:
            return
        for event in (e for e in events if e["type"] == "file_moved"):
            for path in self._moving.rename(event["old_path"], event["path"], self.sheets):
                self._rest_later(path)
        before = {home(c) for c in self.changes.values()}
        await self.reload()
        for path in before - {home(c) for c in self.changes.values()}:
            await self.lay_out(path)

    def _take(self, changes: Iterable[Json]) -> None:
        self.changes |= {c["id"]: c for c in changes}
        self._homes, self._of_tasks, self._earlier = {}, {}, None

    def on_file(self, path: str) -> list[Json]:
        """All changes that show on a file, whatever became of them, oldest first."""
        if not self._homes:
            for change in self.changes.values():
                self._homes.setdefault(home(change), []).append(change)
        return self._homes.get(path, [])

    async def _reload(self, ids: Sequence[str]) -> None:
        """These changes, and all others of their files, anew."""
        known = [self.changes[i] for i in ids if i in self.changes]
        seen = {home(c) for c in known}
        for path in dict.fromkeys(c["path"] for c in known):
            listed = await self._execute("review.list", {"path": path, "grouped": False})
            self._take(listed["changes"])
        for path in sorted(seen | {home(self.changes[c["id"]]) for c in known}):
            await self.lay_out(path)

    def pending(self, path: str) -> list[Json]:
        """The waiting changes shown on a file, oldest first."""
        return [c for c in self.on_file(path) if c["status"] == "pending" and not c["parked"]]

    def accepted(self, path: str) -> list[Json]:
        """The accepted edits of a file that are still of interest, oldest first: not those in a commit."""
        accepted = [c for c in self.on_file(path) if c["status"] == "accepted" and c["kind"] == "edit"]
        here = [c for c in accepted if c["id"] in self._decided and not c["parked"]]
        return [c for c in here if c["commit"] is None]

    def conflicts(self, path: str) -> list[Json]:
        """The changes of a file that are in conflict with what the user typed, oldest first."""
        return [c for c in self.on_file(path) if c.get("conflict") and not c["parked"]]

    def is_accepted(self, change_id: str) -> bool:
        """Whether the user's text is taken to hold this change."""
        return self.changes.get(change_id, {}).get("status") == "accepted"

    def can_be_redone(self, change_id: str) -> bool:
        """Whether a text that holds this change again says something new."""
        change = self.changes.get(change_id, {})
        return change.get("status") == "pending" or bool(change.get("conflict"))

    def pending_of(self, run_id: str, task_id: str) -> list[Json]:
        """The waiting changes of a task, in all files, oldest first."""
        if not self._of_tasks:
            for change in self.changes.values():
                if change["status"] == "pending" and not change["parked"]:
                    self._of_tasks.setdefault((change["run_id"], change["task_id"]), []).append(change)
        return self._of_tasks.get((run_id, task_id), [])

    def _earlier_forms(self, change_id: str) -> list[Json]:
        """The edits in whose place later tasks put this one, one after the other."""
        if self._earlier is None:
            self._earlier = {}
            for change in self.changes.values():
                if change.get("superseded_by") and change["kind"] == "edit":
                    self._earlier.setdefault(change["superseded_by"], []).append(change)
        found = list(self._earlier.get(change_id, []))
        for change in found:  # which grows meanwhile
            found += self._earlier.get(change["id"], [])
        return found

    def _edits(self, path: str) -> dict[str, Json]:
        pending = [c for c in self.pending(path) if c["kind"] == "edit"]
        return {c["id"]: c for c in (*pending, *self.accepted(path), *self.conflicts(path))}

    # --- texts ---------------------------------------------------------------------------------------

    def opened(self, path: str, text: str) -> None:
        """A document was opened: its changes are placed at once, as an edit may follow on its heels."""
        known = self.sheets.get(path)
        sheet = self.sheets[path] = Sheet(text, True)
        if known and known.text == text:
            sheet.placed = known.placed
        self._moving.come(path)
        self._moving.settle(path, sheet)
        self._moving.forget(path)
        wanted = self._edits(path)
        if all(i in self.bases for i in wanted):
            self._placing.settle(sheet, wanted)
        self._spawn(self.lay_out(path))

    def closed(self, path: str) -> None:
        """A document was closed: from now on the file on disk counts."""
        self._leave(path)
        self._spawn(self.lay_out(path))

    def edited(self, path: str, edits: Sequence[Edit], text: str) -> None:
        """A document was edited; `edits` follow one another."""
        sheet = self.sheets.get(path)
        if sheet is None or not sheet.is_open:
            self.opened(path, text)
            return
        sheet.edited(edits, text)
        self._show(path)
        self._rest_later(path)

    def came_back(self, path: str, ids: Sequence[str]) -> None:
        """The text holds these changes again; what a later task made of them has no place beside them."""
        sheet = self.sheets.get(path)
        later = list(ids)
        for change_id in later:  # which grows meanwhile
            later += [by] if (by := self.changes.get(change_id, {}).get("superseded_by")) else []
        for change_id in later[len(ids) :]:
            if sheet and sheet.placed.pop(change_id, None):
                sheet.lost.add(change_id)
                self._show(path)

    async def given_up(self, path: str, text: str, ids: Collection[str]) -> None:
        """This is the file's text now; accepted edits whose own lines stand in it again wait again."""
        accepted = [c for c in self.accepted(path) if c["id"] in ids]
        for change in accepted:
            await self.bases.learn(change["id"])
        sheet = Sheet(text, False)
        found = self._placing.places(sheet, accepted, sheet.lines)
        if back := [c["id"] for c, line in found if line is not None]:
            await self._execute("review.reopen", {"change_ids": back, "placed": True})

    def disk_changed(self, path: str) -> None:
        """A file changed on disk; an open document is not moved by that, its editor will say."""
        sheet = self.sheets.get(path)
        if sheet is None or not sheet.is_open:
            self._moving.come(path)
            self._leave(path)
            self._spawn(self.lay_out(path))

    def _leave(self, path: str) -> None:
        """The sheet no longer counts; where the same text is met again, its changes stand as in it."""
        if sheet := self.sheets.pop(path, None):
            self._moving.leave(path, sheet)
        self._rest_later(path)

    async def lay_out(self, path: str) -> None:
        """Place the changes of a file that have no place yet; forget those that are of no interest."""
        if path not in self.sheets and self._edits_or_pending(path):
            read = await self._from_disk(path)
            self.sheets.setdefault(path, read)
        while unknown := [i for i in self._concerned(path) if i not in self.bases]:
            for change_id in unknown:
                await self.bases.learn(change_id)
        sheet = self.sheets.get(path)
        if sheet:
            self._moving.settle(path, sheet)
            self._placing.settle(sheet, self._edits(path))
            if not (sheet.is_open or self._edits_or_pending(path)):
                del self.sheets[path]
            if sheet.lost:
                self._rest_later(path)
        self._show(path)

    def _concerned(self, path: str) -> list[str]:
        wanted = self._edits(path)
        return [*wanted, *(c["id"] for i in wanted for c in self._earlier_forms(i))]

    def _edits_or_pending(self, path: str) -> bool:
        return bool(self.pending(path) or self.accepted(path) or self.conflicts(path))

    async def _from_disk(self, path: str) -> Sheet:
        return await asyncio.to_thread(sheet_of, self._root / path)

    # --- places --------------------------------------------------------------------------------------

    def placed(self, change_id: str, path: str) -> Placed | None:
        """An `edit` and where it stands; None where it has no place."""
        sheet = self.sheets.get(path)
        found = sheet.placed.get(change_id) if sheet else None
        return found if found and found.line is not None else None

    def lines_of(self, path: str) -> list[str]:
        """The file's lines as this face shows them."""
        sheet = self.sheets.get(path)
        return sheet.lines if sheet else []

    # --- rest ----------------------------------------------------------------------------------------

    def _rest_later(self, path: str) -> None:
        timer = self._rests.pop(path, None)
        if timer:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._rests[path] = loop.call_later(REST, lambda: self._spawn(self._rested(path)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_logged)

    async def _rested(self, path: str) -> None:
        """The typing rests: say which changes lost their ground, which have it again, and which the user
        wrote by themselves; look anew at those in conflict."""
        self._rests.pop(path, None)
        if await self._moved(path):
            return
        lost = [self.changes[i] for i in self._without_place(path)]
        typed = await self._say_typed(path, lost)
        if gone := [c["id"] for c in lost if c["id"] not in typed]:
            from nexus_lsp.core.review import CHANGED_LINES

            await self._execute("review.outdate", {"change_ids": gone, "why": CHANGED_LINES})
        await self._find_again(path)
        if self.conflicts(path):
            await self.lay_out(path)

    async def _moved(self, path: str) -> bool:
        """Whether a file with changes is met under another name; then the engine is told."""
        left = self._moving.forget(path)
        if left is None or not self._edits_or_pending(path):
            return False
        there = await asyncio.to_thread(self._moving.gone_to, path, left.text, self.sheets)
        if there:
            self._moving.leave(path, left)
            await self._execute("review.moved", {"old_path": path, "path": there})
        return there is not None

    async def _say_typed(self, path: str, changes: Sequence[Json]) -> set[str]:
        """Tell the engine which of these stand in the text, written by the user; gives their ids."""
        for change in changes:
            await self.bases.learn(change["id"])
        sheet = self.sheets.get(path) or await self._from_disk(path)
        typed = self._placing.typed(sheet, changes)
        if typed:
            await self._execute("review.carried", {"change_ids": sorted(typed), "typed": True})
        return typed

    def _without_place(self, path: str) -> list[str]:
        sheet = self.sheets.get(path)
        if sheet is None:
            return []
        waiting = [c["id"] for c in self.pending(path) if c["kind"] == "edit" and c["id"] not in self.in_hand]
        found = {i: sheet.placed.get(i) for i in waiting}
        return [
            i
            for i, p in found.items()
            if (p is None and i in sheet.lost)
            or (p and (p.line is None or self._placing.is_half_there(sheet, i)))
        ]

    async def _find_again(self, path: str) -> None:
        written = [c for c in self.accepted(path) if c["note"] == "typed"]
        gone = self.conflicts(path)
        if not (gone or written):
            return
        for change in (*gone, *written):
            await self.bases.learn(change["id"])
        sheet = self.sheets.get(path) or await self._from_disk(path)
        found = self._placing.places(sheet, [*gone, *written], sheet.lines)
        back = [c["id"] for c, line in found if line is not None and c["id"] not in self.in_hand]
        if back:
            await self._execute("review.reopen", {"change_ids": back, "placed": True})
        await self._say_typed(path, [c for c in gone if c["id"] not in back])

    def close(self) -> None:
        """No timer and no task outlives the face."""
        for timer in self._rests.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()


def _logged(done: asyncio.Task[None]) -> None:
    if not done.cancelled() and done.exception():
        log.error("the review desk lost its thread", exc_info=done.exception())
