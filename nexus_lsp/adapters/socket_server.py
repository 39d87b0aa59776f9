"""The holder's side: faces of other processes at this process's engine, each over one connection.

A connection starts with `attach` (who asks, what it can carry out, the last event it knows) and then hears
every event. The engine asks a face with a text for its open texts, and to carry decisions out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from nexus_lsp.adapters.socket_place import clear, listening, peer_of
from nexus_lsp.adapters.socket_wire import MAX_MESSAGE, Channel, Gone, Json
from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.wire import from_json, to_json
from nexus_lsp.ports import CarriedOut, EngineApi, Face

log = logging.getLogger(__name__)

PROTOCOL = 1
"""Raised whenever an older process could misunderstand a newer one."""

TEXTS_SECONDS = 2.0
CARRY_SECONDS = 7.0
"""A bit more than an editor has for its own answer (`lsp.editor.ANSWER_SECONDS`)."""
FINISH_SECONDS = 0.5
"""What decisions under way get to end in when the holder goes."""


class HostedApi(EngineApi, Protocol):
    """An engine in this process, as one face sees it."""

    @property
    def seq(self) -> int:
        """The last event's number; 0 before the first."""
        ...

    def listen(self, hear: Callable[[Json], None], after: int | None = None) -> Callable[[], None]:
        """Hear of every event from now on; with `after`, first of those since that number."""
        ...


Host = Callable[[Face | None], HostedApi]


class RemoteFace:
    """`ports.Face` of an editor whose server is another process."""

    def __init__(self, channel: Channel, kinds: Sequence[str]) -> None:
        self._channel = channel
        self._kinds = frozenset(kinds)
        self._texts: dict[str, str] = {}

    async def open_texts(self) -> Mapping[str, str]:
        """See the port. A face that does not answer in time has open what it had; a dead one, nothing."""
        try:
            answer = await asyncio.wait_for(self._channel.call("open_texts", {}), TEXTS_SECONDS)
            self._texts = {str(k): str(v) for k, v in answer["texts"].items()}
        except Gone:
            self._texts = {}
        except Exception:
            log.warning("a face did not say what it has open", exc_info=True)
        return self._texts

    def can_carry(self, kind: ChangeKind) -> bool:
        """See the port."""
        return kind in self._kinds

    async def carry_out(self, changes: Sequence[Change], undo: bool = False) -> CarriedOut:
        """See the port."""
        argument = {"changes": to_json(tuple(changes)), "undo": undo}
        try:
            answer = await asyncio.wait_for(self._channel.call("carry_out", argument), CARRY_SECONDS)
            return from_json(answer, CarriedOut)
        except Gone:
            why = "the editor that has the file open went away just now; try again"
        except TimeoutError:
            why = "the editor did not answer in time; if it applies the edit later, that counts"
        except Exception as error:
            why = f"the editor that has the file open could not do it: {error}"
        return CarriedOut((), tuple((c.id, why) for c in changes))


class _Attached:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host) -> None:
        self._host = host
        self._api: HostedApi | None = None
        self._stop: Callable[[], None] = lambda: None
        self.channel = Channel(reader, writer, self._answer, lambda _name, _argument: None)

    async def run(self) -> None:
        try:
            await self.channel.run()
        finally:
            self._stop()
            if self._api:
                await self._api.close()

    async def _answer(self, name: str, argument: Json) -> Json:
        if name == "attach" and self._api is None:
            return self._attach(argument)
        if name == "execute" and self._api is not None:
            return await self._api.execute(str(argument["name"]), argument["argument"])
        raise InvalidArgument(f"{name!r} is nothing to ask here now.")

    def _attach(self, argument: Json) -> Json:
        if argument.get("protocol") != PROTOCOL:
            raise Refused("Another version of NEXUS works on this workspace: close it, or update both.")
        kinds, after = argument.get("kinds"), argument.get("after")
        face = RemoteFace(self.channel, cast("list[str]", kinds)) if isinstance(kinds, list) else None
        self._api = self._host(face)
        # replay and subscription are one step of the loop: no event falls between them
        self._stop = self._api.listen(self._push, after if isinstance(after, int) else None)
        return {"seq": self._api.seq}

    def _push(self, event: Json) -> None:
        self.channel.tell("event", event)


class SocketServer:
    """Serves an engine to other processes of this user, until `close`."""

    def __init__(self, state: Path, host: Host) -> None:
        self._state = state
        self._host = host
        self._server: asyncio.Server | None = None
        self._attached: dict[_Attached, asyncio.Task[Any]] = {}

    async def start(self, env: Mapping[str, str]) -> None:
        """Listen. OSError where no socket can be made."""
        bound = listening(self._state, env)
        self._server = await asyncio.start_unix_server(self._connected, sock=bound, limit=MAX_MESSAGE)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not _welcome(writer):
            writer.close()
            return
        attached = _Attached(reader, writer, self._host)
        task = asyncio.current_task()
        assert task is not None
        self._attached[attached] = task
        try:
            await attached.run()
        except asyncio.CancelledError:
            log.debug("a connection ended with its server")
        finally:
            del self._attached[attached]

    async def close(self) -> None:
        """Hang up on every face; decisions under way may end first."""
        if self._server:
            self._server.close()
            clear(self._state)
        answering = [task for a in self._attached for task in a.channel.answering]
        if answering:
            _, late = await asyncio.wait(answering, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
        connections = list(self._attached.values())
        for attached in list(self._attached):
            attached.channel.close()
        if connections:
            # one that does not read what is written to it never closes by itself
            _, late = await asyncio.wait(connections, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()


def _welcome(writer: asyncio.StreamWriter) -> bool:
    """Only this user, and none of the processes that this one started: agents do not decide."""
    import os

    import psutil

    peer = peer_of(writer.get_extra_info("socket"))
    if peer is None:
        return True
    pid, uid = peer
    if uid != os.geteuid():
        return False
    try:
        parents = {p.pid for p in psutil.Process(pid).parents()}
    except psutil.Error:
        return True
    return os.getpid() not in parents
