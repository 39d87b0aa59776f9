"""A face's way to the engine of its workspace, wherever it runs, for as long as the face is there.

The first process on a workspace holds its engine; every other attaches to it. When the holder goes, one of
those left takes the engine over and the others attach to that one. Listeners notice nothing of it: they hear
every event once, in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.socket_client import Link
from nexus_lsp.adapters.socket_server import HostedApi
from nexus_lsp.adapters.socket_wire import Gone, Json
from nexus_lsp.core.changes import Applied, Change
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.settings import Settings, settings_over
from nexus_lsp.ports import CarriedOut, Face, JournalFailed

log = logging.getLogger(__name__)

MOVED = "NEXUS' engine moved to another process just now; say it again."
JOIN_SECONDS = 20.0
"""How long a workspace may be held by a process that nobody can attach to: it opens, or it is closing."""
FIRST_WAIT, LONGEST_WAIT = 0.05, 0.5
"""Seconds between two tries to join."""
SWITCHES = 5
"""How often one question follows the engine from process to process."""

REPEATABLE = frozenset(
    {"runs", "run", "run.messages", "agents", "events", "settings", "memory.search", "memory.export"}
    | {
        "review.list",
        "review.base",
        "review.why",
        "review.preview",
        "review.diff",
        "review.follow",
        "review.carried",
        "review.outdate",
        "review.reopen",
    }
)
"""Operations that do no harm when they are carried out twice."""

Take = Callable[[Settings], Awaitable[HostedApi | None]]
"""Takes the workspace and opens its engine in this process; None where another process holds it."""


class SharedEngine:
    """`ports.EngineApi`; `join` first."""

    def __init__(self, state: Path, settings: Settings, face: Face | None, take: Take) -> None:
        self._state = state
        self._settings = settings
        self._face = face
        self._take = take
        self._api: HostedApi | Link | None = None
        self._joining: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[Json], None]] = []
        self._seen: int | None = None
        self._unheard: dict[str, tuple[str, Json]] = {}
        """Changes this face carried out: operation and argument that say so, until the engine knows of it."""
        self._closed = False

    # --- the port ------------------------------------------------------------------------------------

    async def execute(self, name: str, argument: Mapping[str, Any]) -> Json:
        """See the port. Refused (`MOVED`) where the holder went and the operation may have been done."""
        argument = self._with_settings(name, argument)
        for _ in range(SWITCHES):
            api = await self._joined()
            try:
                return await api.execute(name, argument)
            except Gone:
                self._lost(api)
                if name not in REPEATABLE:
                    break
        raise Refused(MOVED)

    def listen(self, hear: Callable[[Json], None]) -> Callable[[], None]:
        """See the port."""
        self._listeners.append(hear)

        def stop() -> None:
            if hear in self._listeners:
                self._listeners.remove(hear)

        return stop

    async def close(self) -> None:
        """See the port."""
        self._closed = True
        if self._joining and not self._joining.done():
            self._joining.cancel()
            await asyncio.gather(self._joining, return_exceptions=True)
        api, self._api = self._api, None
        if api:
            await api.close()

    def _with_settings(self, name: str, argument: Mapping[str, Any]) -> Mapping[str, Any]:
        """Each face's settings count for what it delegates, and for an engine that it takes over."""
        if name == "settings":
            self._settings = settings_over(self._settings, argument)
        if name == "delegate":
            return {**argument, "settings": asdict(self._settings)}
        return argument

    # --- joining -------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Hold the engine, or attach to who holds it.

        Raises:
            Refused: it is held by a process that does not answer, or cannot be opened here.
        """
        await self._joined()

    async def _joined(self) -> HostedApi | Link:
        while self._api is None:
            if self._closed:
                raise Refused("NEXUS was left: join it anew.")
            if self._joining is None or self._joining.done():
                self._joining = asyncio.create_task(self._join(), name="nexus join")
                self._joining.add_done_callback(_retrieved)
            await asyncio.shield(self._joining)
        return self._api

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        end, wait = loop.time() + JOIN_SECONDS, FIRST_WAIT
        while not (await self._hold() or await self._attach()):
            if loop.time() > end:
                raise Refused("Another NEXUS holds this workspace and cannot be reached: close it first.")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        await self._say_unheard()

    async def _hold(self) -> bool:
        api = await self._take(self._settings)
        if api is None:
            return False
        after, self._seen = self._seen, api.seq if self._seen is None else self._seen
        api.listen(self._hear, after)
        self._api = api
        return True

    async def _attach(self) -> bool:
        link = Link(self._face, self._hear, self._carried, lambda: self._lost(link))
        seq = await link.attach(self._state, self._seen)
        if seq is None or not link.is_open:
            await link.close()
            return False
        self._seen = max(self._seen or 0, seq)
        self._api = link
        return True

    def _lost(self, link: HostedApi | Link) -> None:
        """The holder is gone: go on at once, so that its runs do."""
        if self._api is link:
            self._api = None
        if not self._closed:
            asyncio.ensure_future(self._joined()).add_done_callback(_logged)

    # --- events --------------------------------------------------------------------------------------

    def _hear(self, event: Json) -> None:
        seq = event.get("seq")
        if seq is not None:
            if self._seen is not None and seq <= self._seen:
                return
            self._seen = seq
        if event["type"] in ("change_accepted", "change_reopened"):
            self._unheard.pop(event["change_id"], None)
        for hear in list(self._listeners):
            try:
                hear(event)
            except Exception:
                log.exception("a listener failed")

    def _carried(self, changes: Sequence[Change], out: CarriedOut, undo: bool) -> None:
        for change in (c for c in changes if c.id in out.applied):
            said: Json = {"change_ids": [change.id]}
            if change.kind == "edit" and not undo:  # what was put in for a conflict is not what was proposed
                said["applied"] = {change.id: asdict(Applied.by(change))}
            self._unheard[change.id] = ("review.reopen" if undo else "review.carried", said)

    async def _say_unheard(self) -> None:
        """A holder that died between our edit and its journal took the news with it: say it to the next."""
        unheard, self._unheard = self._unheard, {}
        for change_id, (operation, said) in unheard.items():
            try:
                assert self._api is not None
                await self._api.execute(operation, said)
            except (Refused, JournalFailed, Gone):
                log.exception("%s of %s was lost", operation, change_id)


def _retrieved(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()


def _logged(done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and done.exception():
        log.error("the engine could not be joined again: %s", done.exception())
