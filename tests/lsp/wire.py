"""A raw LSP client: it writes the bytes it is told to, and reads what comes with a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import Any

PATIENCE = 20
"""Seconds until silence counts as a failure: a start took 4.5 s on a machine that eight people shared."""

PROBE = Path(__file__).with_name("probe_server.py")


def frame(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Wire:
    """One server process and the pipes to it."""

    def __init__(self, directory: Path, command: list[str] | None = None, **env: str):
        self.mark = directory / "mark"
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command or [sys.executable, str(PROBE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PROBE_MARK": str(self.mark), "PYTHONPATH": str(PROBE.parents[2])} | env,
            )
        self.received: Queue[dict[str, Any] | bytes] = Queue()
        self.aside: list[dict[str, Any]] = []
        self._last_id = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while line := stream.readline():
            if not line.startswith(b"Content-Length: "):
                self.received.put(line)
                continue
            stream.readline()
            self.received.put(json.loads(stream.read(int(line[16:]))))

    def raw(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message, whatever it is."""
        try:
            message = self.received.get(timeout=seconds)
        except Empty:
            raise AssertionError("the server said nothing; its log:\n" + self.log.read_text()) from None
        assert isinstance(message, dict), f"not a message: {message!r}"
        return message

    def send(self, method: str, params: Any = None) -> int:
        """Send a request; its id."""
        self._last_id += 1
        self.raw(frame({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}))
        return self._last_id

    def answer_to(self, msg_id: int) -> dict[str, Any]:
        """The answer with this id; what comes before it is put aside."""
        while (message := self.next()).get("id") != msg_id or "method" in message:
            self.aside.append(message)
        return message

    def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        return self.answer_to(self.send(method, params))

    def tell(self, method: str, params: Any = None) -> None:
        self.raw(frame({"jsonrpc": "2.0", "method": method, "params": params}))

    def run(self, command: str, *arguments: Any) -> dict[str, Any]:
        """The answer to a command."""
        return self.ask("workspace/executeCommand", {"command": command, "arguments": list(arguments)})

    def initialize(self, **params: Any) -> dict[str, Any]:
        """Shake hands; the server's capabilities."""
        answer = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}} | params)
        self.tell("initialized", {})
        return answer["result"]["capabilities"]

    def open(self, uri: str, text: str, version: int = 1) -> None:
        document = {"uri": uri, "languageId": "plain", "version": version, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, version: Any, *changes: Any) -> None:
        """Each change is (line, character, line, character, text), or a whole text."""
        document = {"uri": uri, "version": version}
        self.tell(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [*map(_change, changes)]}
        )

    def text(self, uri: str) -> dict[str, Any]:
        return self.run("probe.text", {"uri": uri})["result"]

    def close_input(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def exit_code(self, seconds: float = 10) -> int:
        return self.process.wait(seconds)

    def marks(self) -> list[str]:
        return self.mark.read_text().splitlines() if self.mark.exists() else []


def _change(change: Any) -> dict[str, Any]:
    if isinstance(change, str):
        return {"text": change}
    line, character, end_line, end_character, text = change
    start, end = {"line": line, "character": character}, {"line": end_line, "character": end_character}
    return {"range": {"start": start, "end": end}, "text": text}
