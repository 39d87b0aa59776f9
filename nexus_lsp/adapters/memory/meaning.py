"""Finding items by meaning: their vectors are made in the background, and looked through in memory.

Items get vectors in the order they were stored, some hundreds at a time, also those that were stored while
there was no embedder. What has none yet is found by its words.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_lsp.adapters.memory.lookup import MOST_RANKED, Scope, Scopes
from nexus_lsp.ports import MemoryFailed

if TYPE_CHECKING:
    import aiosqlite

    from nexus_lsp.adapters.memory.embeddings import Codes, Embedder
    from nexus_lsp.adapters.memory.memory_file import MemoryFile

_PORTION = 500
"""Items that are embedded at once."""

_LOADED = 10_000
"""Codes that are read at once."""

_MOST_EMBEDDED = 2_000
"""Characters of a text that are embedded: what comes later blurs the mean more than it tells."""

_NO_WORD = re.compile(r"[\W_]+")

_NEAR = 300
"""Items whose codes are nearest, and whose full vectors are then compared."""


class Meaning:
    """The vectors of a memory's items.

    Attributes:
        notice: a sentence where texts could not be embedded, or "".
    """

    def __init__(self, file: MemoryFile, scopes: Scopes, embedder: Embedder) -> None:
        self.notice = ""
        self._file, self._scopes, self._embedder = file, scopes, embedder
        self._codes: Codes | None = None
        self._loaded = 0
        self._task: asyncio.Task[None] | None = None
        self._asked = False

    def begin(self) -> None:
        """A file was opened: read what vectors it has, and make those that are missing."""
        self._codes, self._loaded = None, 0
        self.embed_soon()

    def embed_soon(self) -> None:
        """See to it that items without vectors get them."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Wait until every item has its vector."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def close(self) -> None:
        """Stop making vectors."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def drop(self, keys: Sequence[int]) -> None:
        """These items are forgotten."""
        if self._codes is not None:
            self._codes.drop(keys)

    async def near(self, db: aiosqlite.Connection, text: str, scope: Scope) -> list[int] | None:
        """The keys of the items whose meaning is near, nearest first; None where that is not known yet."""
        codes = self._codes
        if codes is None:
            return None
        from nexus_lsp.adapters.memory.embeddings import nearest

        try:
            [asked] = await asyncio.to_thread(self._embedder.embed, [_embedded(text)])
        except Exception as error:
            self.notice = _words_only(error)
            return None
        numbers = sorted(scope.numbers) if scope.expression else None
        keys = codes.near(asked, _NEAR, numbers)
        rows = await db.execute_fetchall(
            "SELECT seq, vector FROM vectors WHERE seq IN (SELECT value FROM json_each(?))",
            (json.dumps(keys),),
        )
        return [key for key, _ in nearest(asked, [(seq, vector) for seq, vector in rows])[:MOST_RANKED]]

    # --- in the background -----------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._asked:
                self._asked = False
                await self._load()
                while await self._embed():
                    await self._load()
        except MemoryFailed as error:
            self.notice = str(error)
        except Exception as error:
            self.notice = _words_only(error)

    async def _load(self) -> None:
        """Take the codes of new vectors into memory; vectors of another embedder are let go first."""
        from nexus_lsp.adapters.memory.embeddings import Codes

        if self._codes is None:
            await self._keep_only_ours()
            self._codes = Codes(self._embedder.dimensions)
        codes = self._codes
        while True:
            async with self._file.writing() as db:  # so that nothing of it is forgotten meanwhile
                rows = await db.execute_fetchall(
                    "SELECT seq, agent_id, kind, code FROM vectors JOIN items USING (seq)"
                    " WHERE seq > ? ORDER BY seq LIMIT ?",
                    (self._loaded, _LOADED),
                )
                found = list(rows)
            if not found or codes is not self._codes:  # the file was begun anew meanwhile
                break
            self._scopes.add(row[:3] for row in found)
            keys = [row[0] for row in found]
            codes.add(keys, [row[3] for row in found], [self._scopes[key] for key in keys])
            self._loaded = keys[-1]

    async def _keep_only_ours(self) -> None:
        name = self._embedder.name
        async with self._file.writing() as db:
            known = await db.execute_fetchall("SELECT value FROM about WHERE name = 'embedder'")
            if [row[0] for row in known] != [name]:
                await db.execute("DELETE FROM vectors")
                await db.execute("INSERT OR REPLACE INTO about VALUES ('embedder', ?)", (name,))

    async def _embed(self) -> bool:
        """Give the next items their vectors; whether there were any."""
        from nexus_lsp.adapters.memory.embeddings import packed

        async with self._file.reading() as db:
            rows = await db.execute_fetchall(
                "SELECT seq, text, paths FROM items WHERE seq > (SELECT ifnull(max(seq), 0) FROM vectors)"
                " ORDER BY seq LIMIT ?",
                (_PORTION,),
            )
        found = list(rows)
        if not found:
            return False
        texts = [_embedded(text, json.loads(paths)) for _, text, paths in found]
        vectors = await asyncio.to_thread(self._embedder.embed, texts)
        kept = [(row[0], *both, row[0]) for row, both in zip(found, packed(vectors), strict=True)]
        async with self._file.writing() as db:
            await db.executemany(
                "INSERT INTO vectors SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM items WHERE seq = ?)", kept
            )
        return True


def _words_only(error: Exception) -> str:
    """Whatever a model's library raises, words still find everything."""
    return f"Memory looks for words only, since texts cannot be embedded ({error!r})."


def _embedded(text: str, paths: Sequence[str] = ()) -> str:
    """What stands for a text: its beginning, and the names in its paths, which often say what it is about."""
    told = text[:_MOST_EMBEDDED].encode("utf-8", "replace").decode()  # a query may hold half a character
    return f"{told} {_NO_WORD.sub(' ', ' '.join(paths))}".strip()
