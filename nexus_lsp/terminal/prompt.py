"""Asking the person at the terminal, without a thread: Ctrl-C works, and the end of input is an answer."""

from __future__ import annotations

import asyncio
import os
import sys

from rich.console import Console


class Prompt:
    """Lines from standard input; one object a command, since it keeps what was read ahead."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ahead = b""

    async def ask(self, text: str) -> str | None:
        """What was typed, or None at the end of input. `text` is rich markup."""
        self._console.print(text, end="")
        while b"\n" not in self._ahead:
            chunk = await _read(sys.stdin.fileno())
            if not chunk:
                self._console.print()
                return None
            self._ahead += chunk
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line.decode("utf-8", "replace").strip()


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(descriptor, lambda: readable.done() or readable.set_result(None))
    except PermissionError:  # a plain file, which never waits
        return os.read(descriptor, 65536)
    try:
        await readable
        return os.read(descriptor, 65536)
    finally:
        loop.remove_reader(descriptor)
