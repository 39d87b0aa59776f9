"""Publishing the marks of files: waiting changes, and failed gates on the lines that cause them.

What looks different is gathered until the typing rests, and published file by file. A publication is of one
moment, works in small portions between which the editor is served, and costs in proportion to the marks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.questioned import shown_at
from nexus_lsp.core.text import split_lines
from nexus_lsp.lsp import marks
from nexus_lsp.lsp.desk import Desk, home
from nexus_lsp.lsp.foreseen import Foreseen
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.showing import Showing

log = logging.getLogger(__name__)

Json = dict[str, Any]
SHOW_REST = 0.05
"""Seconds without news of a file after which its marks are published."""
SHOW_EVERY = 0.2
"""Seconds between publications of one file at least; and for no longer than that do they wait for a rest."""
PORTION = 50
"""Marks made in one go."""
MAX_RELATED = 10
"""Other changes of its task that a mark names at most, the nearest first."""
RELATED_IN_ALL = 2000
"""The same for a whole publication, but one for each mark: past this an editor is only kept busy."""


class Publisher:
    """The marks of one editor."""

    def __init__(self, server: NexusLanguageServer, showing: Showing) -> None:
        self._server = server
        self._showing = showing
        self._news: dict[str, float] = {}
        """Path → when it was last said to look different, and was not published since."""
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._marked: dict[str, frozenset[str]] = {}
        """Path → the URIs that its marks stand on in the editor."""
        self._lensed: dict[str, list[tuple[str, str]]] = {}
        """Path → the changes, and their states, that its lenses were last made for."""
        self._gates: dict[str, list[tuple[str, Json]]] = {}
        self.foreseen = Foreseen(self.show)
        self._asks: set[asyncio.Task[Any]] = set()

    # --- when ----------------------------------------------------------------------------------------

    def show(self, path: str) -> None:
        """A file looks different: publish its marks soon."""
        self._news[path] = asyncio.get_running_loop().time()
        if path not in self._workers:
            self._workers[path] = asyncio.ensure_future(self._work(path))

    async def _work(self, path: str) -> None:
        """Publish a file for as long as there is news of it."""
        now = asyncio.get_running_loop().time
        try:
            while path in self._news:
                await self._rest(path)
                async with self._turn:
                    began = now()
                    del self._news[path]
                    await self._publish(path)
                    await asyncio.sleep(0)
                await asyncio.sleep(began + SHOW_EVERY - now())
        except Exception:
            log.exception("the marks of %s could not be shown", path)
        finally:
            del self._workers[path]

    async def _rest(self, path: str) -> None:
        now = asyncio.get_running_loop().time
        latest = now() + SHOW_EVERY
        while path in self._news:
            rest = min(self._news[path] + SHOW_REST, latest) - now()
            if rest <= 0:
                return
            await asyncio.sleep(rest)

    def close(self) -> None:
        """Nothing is published from now on."""
        for task in (*self._workers.values(), *self._asks):
            task.cancel()

    # --- gates ---------------------------------------------------------------------------------------

    def note_gate(self, event: Json) -> None:
        """Failed gates, and what a gate questions, are warnings on the lines that cause them, until it passes
        or the run ends."""
        kind, run = event["type"], f"{event['run_id']}/"
        if kind in ("gate_failed", "gate_passed", "gate_warning"):
            key = run + event["gate"]
            old = self._gates.pop(key, [])
            if kind != "gate_passed":
                told = {"run_id": event["run_id"], "whole": kind == "gate_warning"}
                self._gates[key] = [(p["path"], p | told) for p in event["places"]]
            for path, _ in [*old, *self._gates.get(key, [])]:
                self.show(path)
        elif kind in ("run_completed", "run_cancelled"):
            for key in [k for k in self._gates if k.startswith(run)]:
                for path, _ in self._gates.pop(key):
                    self.show(path)

    def _gate_marks(self, path: str) -> Iterator[tuple[str, Json]]:
        """(URI, warning) of what gates say about a file."""
        for places in list(self._gates.values()):
            for where, place in places:
                if where == path and (found := self._gate_place(path, place)):
                    yield found[0], marks.warning(found[1], f"Gate: {place['message']}")

    def _gate_place(self, path: str, place: Json) -> tuple[str, lsp.Range] | None:
        """What holds for all that landed (`whole`) is shown on the change that brings it."""
        showing, desk, units = self._showing, self._showing.desk, self._server.units
        uri, line = showing.uri(path), place["line"]
        if desk is not None and place["whole"]:
            mine = [c for c in desk.on_file(path) if c["run_id"] == place["run_id"]]
            found = shown_at(line, mine)
            if found is None:
                return None
            change, line = found
            if change is not None and showing.has_preview(change):
                lines = split_lines(change["after"])
                return showing.page(change, uri), marks.whole_lines(lines, line, 1, units)
            at = showing.place(change) if change is not None else None
            if at is not None:
                return uri, at
        return uri, marks.whole_lines(desk.lines_of(path) if desk else [], line, 1, units)

    # --- what ----------------------------------------------------------------------------------------

    async def _publish(self, path: str) -> None:
        mine = self._showing.uri(path)
        document = self._server.workspace.opened(mine)
        version = document.version if document else None
        pages = await self._pages(path)
        gone = self._marked.pop(path, frozenset()) - pages.keys()
        if pages:
            self._marked[path] = frozenset(pages)
        for uri in sorted(gone):
            self._tell(uri, [], None)
        for uri, diagnostics in pages.items():
            preview = self._server.workspace.opened(uri) if uri != mine else None
            self._tell(uri, diagnostics, preview.version if preview else version if uri == mine else None)
        self._refresh_lenses(path)

    def _tell(self, uri: str, diagnostics: list[str], version: int | None) -> None:
        """Send marks that are encoded already; `notify` takes only values of lsprotocol, and all at once."""
        encoded = self._server.protocol.encoded
        told: Json = {"uri": uri} | ({} if version is None else {"version": version})
        head = encoded({"jsonrpc": "2.0", "method": lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, "params": told})
        self._server.protocol.send_body(f'{head[:-2]},"diagnostics":[{",".join(diagnostics)}]}}}}')

    async def _pages(self, path: str) -> dict[str, list[str]]:
        """URI → what is marked there because of a file, encoded: on the file itself, and on previews."""
        pages: dict[str, list[str]] = {}
        desk, uri = self._showing.desk, self._showing.uri(path)
        encoded = self._server.protocol.encoded
        for change, mark in await self._marks(desk, path) if desk else ():
            pages.setdefault(self._showing.page(change, uri), []).append(mark)
        for page, mark in self._gate_marks(path):
            pages.setdefault(page, []).append(encoded(mark))
        for mark in self.foreseen.marks(path, desk.lines_of(path) if desk else [], self._server.units):
            pages.setdefault(uri, []).append(encoded(mark))
        return pages

    async def _marks(self, desk: Desk, path: str) -> list[tuple[Json, str]]:
        """Changes and their marks, of one moment: what is awaited in between changes nothing.

        Each is encoded at once: many values kept meanwhile would make the garbage collector hold up a key.
        """
        encoded = self._server.protocol.encoded
        showing, units = self._showing, self._server.units
        waiting, lines, sheet = desk.pending(path), desk.lines_of(path), desk.sheets.get(path)
        where = dict(sheet.placed) if sheet else {}
        placed: list[tuple[Json, lsp.Range]] = []
        for at, change in enumerate(waiting, 1):
            if (place := showing.place_in(change, where, lines)) is not None:
                placed.append((change, place))
            await _breathe(at)
        placed.sort(key=lambda item: (item[1].start.line, item[0]["line"]))
        related = _Related(showing, desk, path, placed, encoded)
        made: list[tuple[Json, str]] = []
        for at, (change, place) in enumerate(placed, 1):
            exact = marks.edit_range(where[change["id"]], lines, units) if change["id"] in where else None
            mark = encoded(marks.diagnostic(change, place, exact, showing.names))
            others = ",".join(related.of(change))
            made.append((change, f'{mark[:-1]},"relatedInformation":[{others}]}}' if others else mark))
            await _breathe(at)
        return made + self._conflicts(desk, path)

    def _conflicts(self, desk: Desk, path: str) -> list[tuple[Json, str]]:
        encoded = self._server.protocol.encoded
        found: list[tuple[Json, str]] = []
        for change in desk.conflicts(path):
            place, sides = self._showing.place(change), self._showing.conflict(change)
            if place is not None and sides is not None:
                found.append((change, encoded(marks.conflict(change, place, sides, self._showing.names))))
        return found

    def _refresh_lenses(self, path: str) -> None:
        """Editors ask for lenses when a text changes; a decision or a proposal has to be told."""
        desk, workspace = self._showing.desk, self._server.client_capabilities.workspace
        lenses = workspace.code_lens if workspace else None
        if desk is None or not (lenses and lenses.refresh_support):
            return
        now = [
            (c["id"], c["status"]) for c in (*desk.pending(path), *desk.accepted(path), *desk.conflicts(path))
        ]
        if now != self._lensed.get(path, []):
            self._lensed[path] = now
            self._spawn(self._server.request(lsp.WORKSPACE_CODE_LENS_REFRESH, None))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._asks.add(task)
        task.add_done_callback(self._asks.discard)
        task.add_done_callback(_logged)


class _Related:
    """The other waiting changes of the same task, for all the marks of one publication."""

    def __init__(
        self,
        showing: Showing,
        desk: Desk,
        path: str,
        placed: list[tuple[Json, lsp.Range]],
        encoded: Callable[[Json], str],
    ) -> None:
        self._encoded = encoded
        self._showing = showing
        self._desk = desk
        self._path = path
        self._room = max(1, min(MAX_RELATED, RELATED_IN_ALL // max(1, len(placed))))
        self._here: dict[tuple[str, str], list[tuple[Json, lsp.Range]]] = {}
        """Task → its changes in this file, from top to bottom."""
        self._at: dict[str, int] = {}
        """Change id → its index among those."""
        for change, place in placed:
            mine = self._here.setdefault(_task(change), [])
            self._at[change["id"]] = len(mine)
            mine.append((change, place))
        self._elsewhere: dict[tuple[str, str], list[str]] = {}
        self._told: dict[str, str] = {}
        self._uris: dict[str, str] = {}

    def of(self, change: Json) -> list[str]:
        """The nearest in the file, then those in other files, as an editor is told of them, encoded."""
        task, at = _task(change), self._at[change["id"]]
        mine, room = self._here[task], self._room
        line = mine[at][1].start.line
        near = mine[max(0, at - room) : at] + mine[at + 1 : at + 1 + room]
        near.sort(key=lambda item: abs(item[1].start.line - line))
        told = [self._tell(c, place) for c, place in near[:room]]
        return told if len(told) == room else [*told, *self._others(task)[: room - len(told)]]

    def _others(self, task: tuple[str, str]) -> list[str]:
        if task not in self._elsewhere:
            found = self._elsewhere[task] = []
            for change in self._desk.pending_of(*task):
                if len(found) == self._room:
                    break
                if home(change) != self._path and (place := self._showing.place(change)) is not None:
                    found.append(self._tell(change, place))
        return self._elsewhere[task]

    def _tell(self, change: Json, place: lsp.Range) -> str:
        if change["id"] not in self._told:
            path = home(change)
            if path not in self._uris:
                self._uris[path] = self._showing.uri(path)
            location = {"uri": self._showing.page(change, self._uris[path]), "range": marks.plain(place)}
            told = marks.message(change, self._showing.names)
            self._told[change["id"]] = self._encoded({"location": location, "message": told})
        return self._told[change["id"]]


def _task(change: Json) -> tuple[str, str]:
    return change["run_id"], change["task_id"]


async def _breathe(at: int) -> None:
    """Let others have their turn after every portion."""
    if at % PORTION == 0:
        await asyncio.sleep(0)


def _logged(done: asyncio.Task[Any]) -> None:
    if not done.cancelled() and done.exception():
        log.error("the editor could not be asked to look again", exc_info=done.exception())
