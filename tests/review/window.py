"""An editor and the language server in one process: only the pipe between them is replaced.

The editor is the one of `tests.lsp.editor_client`, the server all of the product's own objects over an engine
with real git and disk. Every message goes through the server's protocol as bytes. Time is not waited for:
`quiet` lets all that was begun come to its end, `rest` is the pause in typing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from nexus_lsp.engine.local_api import LocalApi
from nexus_lsp.lsp import desk, editor, following, publishing
from nexus_lsp.lsp.language_server import create_server
from nexus_lsp.lsp.server import LspFace
from tests.engine.engine_house import House
from tests.lsp.editor_client import Json, TestEditor, WireError

NEVER = 1e6
"""Seconds; a pause comes only when a test makes it."""


@contextmanager
def no_pauses() -> Iterator[None]:
    """Marks are shown at once; what waits for a pause waits for `Window.rest`."""
    with ExitStack() as stack:
        for module, name, value in (
            (desk, "REST", NEVER),
            (publishing, "SHOW_REST", 0.0),
            (publishing, "SHOW_EVERY", 0.0),
            (editor, "HAND_SECONDS", 0.0),
            (following, "SETTLE", 0.0),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


class Faults(logging.Handler):
    """What the server logs as its own fault."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


class Window(TestEditor):
    """See the module. `open_window` first."""

    def __init__(self, house: House, waiting: Callable[[], int] = lambda: 0) -> None:
        """`waiting`: how many agents wait for the test."""
        self._begin(house.workspace, "utf-16", None, lambda _: None)
        self.house, self._waiting = house, waiting
        self.server = create_server("nexus-lsp", "0")
        self.face = LspFace(self.server, self._connect)  # type: ignore[arg-type]
        self.face.register()
        self._waits: dict[int, asyncio.Future[Json]] = {}
        self._coming = self._hearing = 0
        self.wrong = Faults()

    async def _connect(self, _root: Path, _settings: object, face: Any) -> LocalApi:
        return LocalApi(self.house.engine, self.house.operations, face)

    async def open_window(self) -> None:
        """Shake hands, and wait until all that waits is shown."""
        logging.getLogger("nexus_lsp").addHandler(self.wrong)
        self.server.protocol.set_writer(_Writer(self))  # type: ignore[arg-type]
        able = {"applyEdit": True, "workspaceEdit": {"documentChanges": True, "resourceOperations": []}}
        capabilities = {"general": {"positionEncodings": ["utf-16"]}, "workspace": able}
        await self.ask_server(
            "initialize",
            {"processId": None, "rootUri": self.house.workspace.as_uri(), "capabilities": capabilities},
        )
        self.notify("initialized", {})
        await self.face._ready()
        heard = self.desk.hear

        async def hear(events: Any) -> None:
            self._hearing += 1
            try:
                await heard(events)
            finally:
                self._hearing -= 1

        self.desk.hear = hear  # type: ignore[method-assign]
        await self.quiet()

    async def close_window(self) -> None:
        logging.getLogger("nexus_lsp").removeHandler(self.wrong)
        await self.server.clean_up()

    @property
    def desk(self) -> desk.Desk:
        assert self.face._showing.desk is not None
        return self.face._showing.desk

    # --- the wire ------------------------------------------------------------------------------------

    def _write(self, message: Json) -> None:
        self.server.protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def came(self, data: bytes) -> None:
        """Bytes of the server: the editor takes them when it is its turn."""
        self._coming += 1
        asyncio.get_running_loop().call_soon(self._take_one, json.loads(data.split(b"\r\n\r\n", 1)[1]))

    def _take_one(self, message: Json) -> None:
        self._coming -= 1
        if "method" not in message:
            self._waits.pop(message["id"]).set_result(message)
            return
        try:
            self._take(message)
        except Exception as error:
            self.faults.append(f"{message['method']}: {error!r}")
            if "id" in message:
                self._write({"id": message["id"], "error": {"code": -32603, "message": str(error)}})

    async def ask_server(self, method: str, params: Json) -> Any:
        self._sent += 1
        wait = self._waits[self._sent] = asyncio.get_running_loop().create_future()
        self._write({"id": self._sent, "method": method, "params": params})
        answer = await asyncio.wait_for(wait, 30)
        if "error" in answer:
            raise WireError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    async def tell(self, name: str, **argument: Any) -> Any:
        """The answer to `nexus.<name>`."""
        return await self.ask_server(
            "workspace/executeCommand", {"command": f"nexus.{name}", "arguments": [argument]}
        )

    # --- pauses --------------------------------------------------------------------------------------

    @property
    def busy(self) -> list[str]:
        """What is under way; nobody is at work but those agents that wait for the test."""
        engine, publisher = self.house.engine, self.face._publisher
        at_work = [effect.kind for effect in engine._effects]
        own = [task for task in self.face._tasks if task.get_coro().__name__ != "_follow"]  # type: ignore[union-attr]
        found = {
            "engine": engine._starting or engine._errands or engine._queue.qsize(),
            "agents": len(at_work) > min(at_work.count("work"), self._waiting()),
            "wire": self._coming or own,
            "events": self._hearing or self.face._events.qsize(),
            "desk": self.desk._tasks,
            "marks": publisher._news or publisher._workers,
        }
        return [f"{name}: {what}" for name, what in found.items() if what]

    async def quiet(self) -> None:
        """Until nothing is under way."""
        end, calm = time.monotonic() + 20, 0
        while calm < 3:
            assert time.monotonic() < end, self.busy
            await asyncio.sleep(0.0005 if self.busy else 0)
            calm = 0 if self.busy else calm + 1

    async def rest(self) -> None:
        """The typing rests."""
        await self.quiet()
        while self.desk._rests:
            path, timer = next(iter(self.desk._rests.items()))
            timer.cancel()
            await self.desk._rested(path)
            await self.quiet()

    # --- what both sides have ------------------------------------------------------------------------

    def same_texts(self) -> None:
        """The server knows every open document as the editor has it."""
        known = self.server.workspace.text_documents
        assert len(known) == len(self.documents)
        for uri, document in self.documents.items():
            found = self.server.workspace.opened(uri)
            assert found is not None and (found.source, found.version) == (document.text, document.version)

    def shown_marks(self) -> Mapping[str, list[Json]]:
        """Path → the marks of waiting changes on it."""
        assert self.root
        found = {
            uri: [d for d in told["diagnostics"] if d["severity"] == 3]
            for uri, told in self.diagnostics.items()
        }
        top = self.root.as_uri() + "/"
        return {uri.removeprefix(top): marks for uri, marks in found.items() if marks}


class _Writer:
    def __init__(self, window: Window) -> None:
        self._window = window

    def write(self, data: bytes) -> None:
        self._window.came(data)

    def close(self) -> None:
        pass
