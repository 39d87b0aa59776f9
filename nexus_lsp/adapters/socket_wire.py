"""Messages between two processes of one user: newline-delimited JSON in ASCII, questions both ways.

    {"id": 7, "call": "execute", "with": {…}}       a question
    {"id": 7, "ok": {…}}                            its answer
    {"id": 7, "error": "unknown", "why": "…"}       or why there is none (see `KINDS`)
    {"tell": "event", "with": {…}}                  said without an answer
    {"tell": "stop", "with": {"id": 7}}             who asked wants it no more; it is answered all the same

**Invariant:** what cannot be read closes its connection, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.ports import JournalFailed

log = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of one message, and of what may wait to be written to a side that does not read."""

STOP_SECONDS = 5.0
"""For how long who is cancelled waits to hear what became of it."""

KINDS: dict[str, type[Exception]] = {
    "invalid_argument": InvalidArgument,
    "unknown": Unknown,
    "refused": Refused,
    "journal_failed": JournalFailed,
    "fault": RuntimeError,
}
"""Errors that keep their kind and their sentence; all others are a fault of the side that answers."""

Json = dict[str, Any]
Answer = Callable[[str, Json], Awaitable[Json]]
Hear = Callable[[str, Json], None]


class Gone(Exception):
    """The other side is not there any more; whether it did what was asked is not known."""


class Channel:
    """One connection. `answer` takes the other side's questions, `hear` what it says."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, hear: Hear
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._hear = hear
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[Json]] = {}
        self._stopped: set[asyncio.Task[None]] = set()
        self.answering: set[asyncio.Task[None]] = set()
        """Answers being found. They go on when the other side goes: half a decision is worse than one
        nobody hears of."""

    async def run(self) -> None:
        """Read until the other side goes, `close` is called, or something comes that is no message."""
        try:
            while (line := await self._reader.readline()).endswith(b"\n"):
                self._take(_message(line))
        except (ValueError, RecursionError) as error:
            log.warning("a connection was closed: %s", error)
        except OSError as error:
            log.info("a connection broke: %s", error)
        finally:
            self.close()

    def close(self) -> None:
        """Hang up; open questions end with `Gone`."""
        self._writer.close()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(Gone())

    # --- out -----------------------------------------------------------------------------------------

    async def call(self, name: str, argument: Json, stoppable: bool = False) -> Json:
        """Ask; Gone, or one of the errors of `KINDS`.

        `stoppable`: who is cancelled asks the other side to stop, and hears whether it was done by then.
        """
        self._last_id += 1
        number = self._last_id
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"id": number, "call": name, "with": argument})
            return await (self._or_stopped(number, asked) if stoppable else asked)
        finally:
            del self._asked[number]

    async def _or_stopped(self, number: int, asked: asyncio.Future[Json]) -> Json:
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            self.tell("stop", {"id": number})
            await asyncio.wait((asked,), timeout=STOP_SECONDS)
            if not asked.done():
                raise Refused("It could not be stopped; look whether it was done.") from None
            task = asyncio.current_task()
            if asked.exception() or task is None:
                raise
            task.uncancel()
            return asked.result()

    def tell(self, name: str, argument: Json) -> None:
        """Say something; a side that is gone does not hear it."""
        try:
            self._send({"tell": name, "with": argument})
        except Gone:
            log.debug("%s was not heard", name)

    def _send(self, message: Json) -> None:
        if self._writer.is_closing():
            raise Gone
        data = json.dumps(message).encode("ascii") + b"\n"
        if len(data) > MAX_MESSAGE:
            raise Refused(f"That is too much for one message ({len(data) >> 20} MiB).")
        if self._writer.transport.get_write_buffer_size() > MAX_MESSAGE:
            log.warning("a connection was closed: the other side does not read")
            self._writer.transport.abort()
            raise Gone
        self._writer.write(data)

    # --- in ------------------------------------------------------------------------------------------

    def _take(self, message: Json) -> None:
        number, name = message.get("id"), message.get("call", message.get("tell"))
        given = message.get("with", message.get("ok"))
        inner = cast("Json", given) if isinstance(given, dict) else None
        if isinstance(name, str) and inner is not None and "tell" in message:
            if name == "stop":
                self._stop(inner.get("id"))
            else:
                self._hear(name, inner)
        elif not isinstance(number, int):
            raise ValueError("something came that is no message")
        elif isinstance(name, str) and inner is not None:
            task = asyncio.create_task(self._find_answer(number, name, inner), name=_answer_to(number))
            self.answering.add(task)
            task.add_done_callback(self.answering.discard)
        elif "ok" in message and inner is not None:
            self._settle(number, lambda asked: asked.set_result(inner))
        elif "error" in message:
            made = KINDS.get(str(message["error"]), RuntimeError)
            self._settle(number, lambda asked: asked.set_exception(made(str(message.get("why")))))
        else:
            raise ValueError("something came that is no message")

    def _settle(self, number: int, settle: Callable[[asyncio.Future[Json]], None]) -> None:
        asked = self._asked.get(number)
        if asked and not asked.done():
            settle(asked)

    def _stop(self, number: object) -> None:
        for task in [task for task in self.answering if task.get_name() == _answer_to(number)]:
            self._stopped.add(task)
            task.add_done_callback(self._stopped.discard)
            task.cancel()

    async def _find_answer(self, number: int, name: str, argument: Json) -> None:
        try:
            answer: Json = {"id": number, "ok": await self._answer(name, argument)}
        except asyncio.CancelledError:
            if asyncio.current_task() not in self._stopped:
                raise
            answer = {"id": number, **_error(name, Refused("It was stopped."))}
        except Exception as error:
            answer = {"id": number, **_error(name, error)}
        try:
            self._send(answer)
        except Gone:
            log.debug("the answer to %s was not heard", name)
        except Refused as error:
            self._send({"id": number, **_error(name, error)})


def _answer_to(number: object) -> str:
    return f"answer {number}"


def _message(line: bytes) -> Json:
    value: object = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("a message is an object")
    return cast("Json", value)


def _error(name: str, error: Exception) -> Json:
    for kind, made in KINDS.items():
        if type(error) is made and kind != "fault":
            return {"error": kind, "why": str(error)}
    if isinstance(error, Refused | JournalFailed):
        return {"error": "refused", "why": str(error)}
    log.error("%s failed", name, exc_info=error)
    why = f"NEXUS failed at {name} ({type(error).__name__}); its log has the details."
    return {"error": "fault", "why": why}
