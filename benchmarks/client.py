"""A language client that says what it is told to and notes when each message came."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

Json = dict[str, Any]
PATIENCE = 120.0


class Client:
    """One server process. `heard` gets every notification with the time it came."""

    def __init__(self, process: asyncio.subprocess.Process, began: float) -> None:
        self.process = process
        self.began = began
        self.heard: list[tuple[float, str, Any]] = []
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._new = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> Client:
        """Start a server; its log goes nowhere."""
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process, began)

    async def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = (await stream.readuntil(b"\r\n\r\n")).decode("ascii").lower()
                size = int(head.partition("content-length:")[2].split()[0])
                body = await stream.readexactly(size)
                self._take(time.perf_counter(), json.loads(body))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(RuntimeError("the server ended"))
        self._new.set()

    def _take(self, at: float, message: Json) -> None:
        if "method" not in message:
            waiting = self._waiting.pop(message["id"], None)
            if waiting and not waiting.done():
                if "error" in message:
                    waiting.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    waiting.set_result((at, message.get("result")))
        elif "id" in message:
            items = message.get("params", {}).get("items", ()) if message.get("params") else ()
            answer = [None] * len(items) if message["method"] == "workspace/configuration" else None
            self._send({"id": message["id"], "result": answer})
        else:
            self.heard.append((at, message["method"], message.get("params")))
            self._new.set()

    def _send(self, message: Json) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    async def ask(self, method: str, params: Any = None) -> Any:
        """A request's result."""
        return (await self.timed(method, params))[1]

    async def timed(self, method: str, params: Any = None) -> tuple[float, Any]:
        """Milliseconds until the answer came, and the result."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._send({"id": number, "method": method, "params": params})
        at, result = await asyncio.wait_for(self._waiting[number], PATIENCE)
        return (at - began) * 1e3, result

    async def command(self, name: str, argument: Json | None = None) -> tuple[float, Any]:
        """Milliseconds and the result of `workspace/executeCommand`."""
        return await self.timed("workspace/executeCommand", {"command": name, "arguments": [argument or {}]})

    async def until(
        self, holds: Callable[[str, Any], bool], start: int = 0, seconds: float = PATIENCE
    ) -> tuple[float, Any]:
        """The first notification from `heard[start]` on that fits: when it came, and its params."""
        async with asyncio.timeout(seconds):
            while True:
                for at, method, params in self.heard[start:]:
                    if holds(method, params):
                        return at, params
                start = len(self.heard)
                if self._reader.done():
                    raise RuntimeError("the server ended")
                self._new.clear()
                await self._new.wait()

    async def initialize(self, root: Path, options: Json | None = None) -> float:
        """Milliseconds from the start of the process to the answer; `initialized` is not sent."""
        params = {
            "processId": None,
            "rootUri": root.as_uri(),
            "workspaceFolders": [{"uri": root.as_uri(), "name": "bench"}],
            "capabilities": {"workspace": {"workspaceEdit": {"documentChanges": True}}},
            "initializationOptions": options or {},
        }
        await self.ask("initialize", params)
        return (time.perf_counter() - self.began) * 1e3

    def pss(self) -> float:
        """MB of the server and its children, shared pages divided among those that share them."""
        root = psutil.Process(self.process.pid)
        return sum(_pss(p.pid) for p in (root, *root.children(recursive=True)))

    async def end(self) -> None:
        """Shut the server down; kill it and its children where it does not go."""
        below = []
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self.process.pid).children(recursive=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(10):
                await self.ask("shutdown")
                self.tell("exit", None)
                await self.process.wait()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
