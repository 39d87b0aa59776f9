"""A face's side of the socket: the engine of another process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from nexus_lsp.adapters.socket_place import address, is_mine
from nexus_lsp.adapters.socket_server import PROTOCOL
from nexus_lsp.adapters.socket_wire import MAX_MESSAGE, Channel, Gone, Json
from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.wire import from_json, to_json
from nexus_lsp.ports import CarriedOut, Face

ATTACH_SECONDS = 10.0
STOPPABLE = frozenset({"review.commit"})
"""Operations that run what is the user's own (hooks), and so as long as that takes."""

CarriedHere = Callable[[Sequence[Change], CarriedOut, bool], None]


class Link:
    """A connection to the holder's engine; `gone` is called once it ends without `close`."""

    def __init__(
        self, face: Face | None, hear: Callable[[Json], None], carried: CarriedHere, gone: Callable[[], None]
    ) -> None:
        self._face = face
        self._hear_event = hear
        self._carried = carried
        self._gone = gone
        self._channel: Channel | None = None
        self._reading: asyncio.Task[None] | None = None

    async def attach(self, state: Path, after: int | None) -> int | None:
        """Attach to who holds the workspace; gives the last event's number, or None where nobody answers.

        Raises:
            Refused: the holder is another version, or it does not answer.
        """
        streams = await _connect(address(state))
        if streams is None:
            return None
        self._channel = Channel(*streams, self._answer, self._hear)
        self._reading = asyncio.create_task(self._channel.run(), name="nexus link")
        who = {"protocol": PROTOCOL, "after": after, "kinds": self._kinds()}
        try:
            answer = await asyncio.wait_for(self._channel.call("attach", who), ATTACH_SECONDS)
        except Gone:
            return None
        except TimeoutError as error:
            self._channel.close()
            raise Refused("Another NEXUS holds this workspace and does not answer: close it.") from error
        except BaseException:
            self._channel.close()
            raise
        self._reading.add_done_callback(lambda _: self._gone())
        return int(answer["seq"])

    @property
    def is_open(self) -> bool:
        """Whether the holder is there, as far as is known."""
        return self._reading is not None and not self._reading.done()

    async def execute(self, name: str, argument: Mapping[str, Any]) -> Json:
        """See `ports.EngineApi`; Gone where the holder went before it answered."""
        if self._channel is None:
            raise Gone
        asked = {"name": name, "argument": dict(argument)}
        return await self._channel.call("execute", asked, stoppable=name in STOPPABLE)

    async def close(self) -> None:
        """Leave; the holder goes on."""
        self._gone = lambda: None
        if self._channel and self._reading:
            self._channel.close()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _kinds(self) -> list[str] | None:
        if self._face is None:
            return None
        kinds: tuple[ChangeKind, ...] = get_args(ChangeKind)
        return [kind for kind in kinds if self._face.can_carry(kind)]

    def _hear(self, name: str, argument: Json) -> None:
        if name == "event":
            self._hear_event(argument)

    async def _answer(self, name: str, argument: Json) -> Json:
        if self._face is None:
            raise InvalidArgument("This face shows no text.")
        if name == "open_texts":
            return {"texts": dict(await self._face.open_texts())}
        if name == "carry_out":
            changes = from_json(argument["changes"], tuple[Change, ...])
            undo = bool(argument["undo"])
            out = await self._face.carry_out(changes, undo)
            self._carried(changes, out, undo)
            return to_json(out)
        raise InvalidArgument(f"{name!r} is nothing to ask of a face.")


async def _connect(path: Path | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    if path is None:
        return None
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=MAX_MESSAGE)
    except OSError:
        return None
    if is_mine(writer.get_extra_info("socket")):
        return reader, writer
    writer.close()
    return None
