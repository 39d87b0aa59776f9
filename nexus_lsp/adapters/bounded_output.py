"""A program's output, kept within bounds: its head and its tail, and its lines as they come."""

from __future__ import annotations

import time
from collections.abc import Callable

_LINE = 4_000
"""Characters of one line that a listener is shown."""

_THINNED = 0.2
"""Seconds between two lines once a program talks too much."""


class BoundedOutput:
    """Takes chunks of bytes; memory stays within about three times `limit` bytes, whatever comes.

    The first `limit` bytes reach `on_line` line by line; after that only the latest whole line, at most
    every `_THINNED` seconds, so that a flood cannot keep its listener from its work.
    """

    def __init__(self, limit: int, on_line: Callable[[str], None] | None = None) -> None:
        self._half = max(limit // 2, 1)
        self._on_line = on_line
        self._head = bytearray()
        self._tail = bytearray()
        self._seen = 0
        self._rest = b""
        self._last_shown = 0.0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        thinned = self._seen > 2 * self._half
        self._seen += len(chunk)
        taken = self._half - len(self._head)
        self._head += chunk[:taken]
        self._tail += chunk[taken:] if taken else chunk
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]
        if self._on_line is not None:
            self._show(chunk, thinned)

    def finish(self) -> None:
        """Show what stands without a line end."""
        if self._rest and self._on_line is not None:
            self._on_line(_text(self._rest))
            self._rest = b""

    def text(self) -> str:
        """Head and tail, with a line between them that says how many bytes are missing."""
        tail = self._tail[-self._half :]
        missing = self._seen - len(self._head) - len(tail)
        gap = f"\n… {missing} bytes left out …\n" if missing else ""
        return self._head.decode(errors="replace") + gap + tail.decode(errors="replace")

    def _show(self, chunk: bytes, thinned: bool) -> None:
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-_LINE:]
        if thinned:
            now = time.monotonic()
            lines = lines[-1:] if now - self._last_shown >= _THINNED else []
            self._last_shown = now if lines else self._last_shown
        for line in lines:
            if self._on_line is not None:
                self._on_line(_text(line))


def _text(line: bytes) -> str:
    return line[:_LINE].decode(errors="replace").rstrip("\r")
