r"""The stream's frames, without I/O: bytes in; message bodies and complaints out.

A frame is `Content-Length: N\r\n\r\n` and N bytes (LSP 3.17, base protocol). Header names are read in
any case, with or without space after the colon, and a bare `\n` ends a header line too. Where the stream
makes no sense, one complaint comes out and reading goes on at the next thing that looks like a header.

**Invariant:** no input makes a framer hold more than one body of `max_body` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MAX_BODY = 64 * 1024 * 1024
MAX_HEADER_LINE = 4096

_HEADER = re.compile(rb"([A-Za-z][A-Za-z-]*)[ \t]*:[ \t]*(.*)")
_LENGTH = re.compile(rb"\d{1,18}")
# Raw line ends cannot stand inside a JSON string, so a body that quotes a header does not match.
_NEXT_HEADER = re.compile(rb"content-length[ \t]*:[ \t]*\d+[ \t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BadFrame:
    """The stream made no sense here; `why` is a sentence for the client's developer."""

    why: str


class _State(Enum):
    HEADERS = "headers"
    BODY = "body"
    LOST = "lost"


class Framer:
    """Cuts one stream into frames."""

    def __init__(self, max_body: int = MAX_BODY):
        self._max_body = max_body
        self._buffer = bytearray()
        self._state = _State.HEADERS
        self._length: int | None = None

    def feed(self, data: bytes) -> Iterator[bytes | BadFrame]:
        """Take bytes as they came, cut anywhere; give the bodies and complaints that they complete."""
        self._buffer += data
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> bytes | BadFrame | None:
        if self._state is _State.LOST and not self._find_header():
            return None
        if self._state is _State.HEADERS and (complaint := self._headers()):
            return complaint
        return self._body() if self._state is _State.BODY else None

    def _headers(self) -> BadFrame | None:
        """Read header lines up to the empty one that ends them; leaves the state at BODY then."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).strip()
            if line and (complaint := self._header(line)):
                return complaint
            del self._buffer[: end + 1]
            if not line and self._length is not None:
                self._state = _State.BODY
                return None
        if len(self._buffer) > MAX_HEADER_LINE:
            return self._lose(f"A header line is longer than {MAX_HEADER_LINE} bytes.")
        return None

    def _header(self, line: bytes) -> BadFrame | None:
        match = _HEADER.fullmatch(line)
        if match is None:
            return self._lose("Expected a header line such as `Content-Length: 123`.", keep_line=True)
        name, value = match[1].lower(), match[2]
        if name != b"content-length":
            return None
        if not _LENGTH.fullmatch(value):
            return self._lose("`Content-Length` must be a number of bytes, at most 18 digits.")
        self._length = int(value)
        if self._length > self._max_body:
            return self._lose(f"A message of {self._length} bytes is too long: {self._max_body} is the most.")
        return None

    def _body(self) -> bytes | None:
        length = self._length or 0
        if len(self._buffer) < length:
            return None
        found = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._length, self._state = None, _State.HEADERS
        return found

    def _lose(self, why: str, keep_line: bool = False) -> BadFrame:
        """Give up on this frame. `keep_line`: the line may hold the next header behind a body's rest."""
        if not keep_line:
            del self._buffer[: self._buffer.find(b"\n") + 1]
        self._length, self._state = None, _State.LOST
        return BadFrame(why)

    def _find_header(self) -> bool:
        """Skip to the next header. What can be the start of one is kept for the next bytes."""
        match = _NEXT_HEADER.search(self._buffer)
        if match is None:
            del self._buffer[:-64]
            return False
        del self._buffer[: match.start()]
        self._state = _State.HEADERS
        return True
