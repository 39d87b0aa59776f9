"""What the user has: texts that the editor shows, open or not, and files on disk behind them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types as lsp

from nexus_lsp.core.hunks import TextEdit
from nexus_lsp.core.proposals import text_of
from nexus_lsp.lsp.convert import range_of, uri_of
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.sheet import BOM


class Texts:
    """Of one editor's workspace; paths are relative to it."""

    def __init__(self, server: NexusLanguageServer, root: Path) -> None:
        self._server = server
        self._root = root

    def document(self, path: str) -> tuple[str, int | None, str] | None:
        """(uri, version, text) of an open document."""
        found = self._server.workspace.at_path(path, self._root)
        return (found.uri, found.version, found.source) if found else None

    async def text(self, path: str) -> str | None:
        """A file's text as the user has it; None where it is not text or not there."""
        found = self.document(path)
        return found[2] if found else await self.on_disk(path)

    async def on_disk(self, path: str) -> str | None:
        """A file's text as it is saved; None where it is not text or not there."""
        try:
            content = await asyncio.to_thread((self._root / path).read_bytes)
        except OSError:
            return None
        text = text_of(content)
        return text.removeprefix(BOM) if text else text

    async def is_blob(self, path: str, blob: str) -> bool:
        """Whether a file on disk has just these bytes (a git object id); for what is not text."""
        try:
            content = await asyncio.to_thread((self._root / path).read_bytes)
        except OSError:
            return False
        name = hashlib.sha1 if len(blob) == 40 else hashlib.sha256
        return name(b"blob %d\0%s" % (len(content), content)).hexdigest() == blob

    def file(self, path: str) -> Path:
        """Where a path is on disk."""
        return self._root / path

    def uri(self, path: str) -> str:
        """The URI this editor knows a path under."""
        found = self.document(path)
        return found[0] if found else uri_of(path, self._root)

    def wire_edits(self, lines: list[str], edits: Sequence[TextEdit]) -> list[lsp.TextEdit]:
        """Line edits as the editor counts them."""
        return [
            lsp.TextEdit(
                range_of(lines, (e.start_line, 0), _end(lines, e.end_line), self._server.units), e.new_text
            )
            for e in edits
        ]


def _end(lines: list[str], line: int) -> tuple[int, int]:
    """The start of a line; behind the last one, the end of the text."""
    if line < len(lines) or not lines:
        return line, 0
    last = lines[-1]
    ended = last.endswith(("\n", "\r"))
    return (len(lines), 0) if ended else (len(lines) - 1, len(last))
