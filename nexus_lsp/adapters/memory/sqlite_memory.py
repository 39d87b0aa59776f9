"""The team's memory in one SQLite file: found by words, by place and, with an embedder, by meaning."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_lsp.adapters.memory.lookup import (
    MOST_RANKED,
    Scopes,
    by_age,
    by_paths,
    by_words,
    items_of,
    items_where,
    refresh,
)
from nexus_lsp.adapters.memory.meaning import Meaning
from nexus_lsp.adapters.memory.memory_file import MemoryFile
from nexus_lsp.core.memory import MAX_TEXT, MemoryItem, MemoryQuery, Recalled, kept
from nexus_lsp.core.memory.ranking import Rankings, by_place, going, recalled
from nexus_lsp.core.memory.words import asked_words, indexed

if TYPE_CHECKING:
    from nexus_lsp.adapters.memory.embeddings import Embedder

_PORTION = 500
"""Items that one transaction writes; searches come in between."""

_STORE = """
INSERT OR IGNORE INTO items
    (id, agent_id, kind, text, source, at, paths, run_id, task_id, used, useful, words)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class SqliteMemory:
    """`ports.Memory` over aiosqlite."""

    def __init__(
        self, path: Path, embedder: Embedder | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._file = MemoryFile(path, self._begin)
        self._scopes = Scopes()
        self._meaning = Meaning(self._file, self._scopes, embedder) if embedder else None
        self._now = now

    @property
    def notice(self) -> str:
        """A sentence where memory began anew, or looks for words only against expectation; or ""."""
        return " ".join(filter(None, (self._file.notice, self._meaning.notice if self._meaning else "")))

    async def open(self) -> None:
        """Open or create the file; MemoryFailed. A damaged one is moved aside, and `notice` says so."""
        await self._file.open()

    def _begin(self) -> None:
        self._scopes.clear()
        if self._meaning:
            self._meaning.begin()

    async def settled(self) -> None:
        """Wait until every item can be found by its meaning, where there is an embedder."""
        if self._meaning:
            await self._meaning.settled()

    async def close(self) -> None:
        """Close the file; closing again does nothing."""
        if self._meaning:
            await self._meaning.close()
        await self._file.close()

    # --- writing ---------------------------------------------------------------------------------------

    async def store(self, items: Sequence[MemoryItem]) -> None:
        """Keep items without the secrets in them; one that is there already stays as it is. MemoryFailed."""
        for start in range(0, len(items), _PORTION):
            rows = await asyncio.to_thread(_rows, items[start : start + _PORTION])
            try:
                async with self._file.writing() as db:
                    await db.executemany(_STORE, rows)
            except BaseException:
                self._scopes.clear()  # a search may have seen rows whose keys are now given out again
                raise
        if self._meaning:
            self._meaning.embed_soon()

    async def used(self, ids: Sequence[str], useful: bool) -> None:
        """Count that these were shown, and whether that helped; unknown ids are passed over. MemoryFailed."""
        async with self._file.writing() as db:
            await db.execute(
                "UPDATE items SET used = used + 1, useful = useful + ?"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (int(useful), json.dumps(list(ids))),
            )

    async def forget(
        self, ids: Sequence[str] = (), *, agent_id: str | None = None, everything: bool = False
    ) -> int:
        """Remove items for good: overwritten in the file, out of its index and its log. MemoryFailed.

        `everything` also deletes damaged files that were moved aside.
        """
        gone = await self._remove(
            "SELECT seq FROM items WHERE ? OR agent_id = ? OR id IN (SELECT value FROM json_each(?))",
            (everything, agent_id, json.dumps(list(ids))),
        )
        if everything:
            self._file.remove_broken()
            await self._file.shrink()
        return gone

    async def trim(self, agent_id: str, most: int, older_than: float | None = None) -> int:
        """Keep at most `most` items of an agent, none from before `older_than`; how many went.

        The least useful and oldest go first, what the user said goes last. MemoryFailed.
        """
        async with self._file.reading() as db:
            items = await items_where(db, "agent_id = ?", (agent_id,))
        gone = set(going(list(items.values()), most, older_than, self._now()))
        keys = [key for key, item in items.items() if item in gone]
        return await self._remove("SELECT value FROM json_each(?)", (json.dumps(keys),))

    async def _remove(self, which: str, arguments: Sequence[Any]) -> int:
        async with self._file.writing() as db:
            rows = await db.execute_fetchall(which, arguments)
            keys = [row[0] for row in rows]
            if not keys:
                return 0
            await db.execute(
                "DELETE FROM items WHERE seq IN (SELECT value FROM json_each(?))", (json.dumps(keys),)
            )
            # the index only marks a deletion; merging its parts into one is what takes the words out
            await db.execute("INSERT INTO item_words (item_words) VALUES ('optimize')")
        self._scopes.drop(keys)
        if self._meaning:
            self._meaning.drop(keys)
        await self._file.empty_log()
        return len(keys)

    # --- reading ---------------------------------------------------------------------------------------

    async def export(self) -> list[MemoryItem]:
        """Every item, oldest first. MemoryFailed."""
        async with self._file.reading() as db:
            return list((await items_where(db, "true")).values())

    async def search(self, query: MemoryQuery) -> tuple[Recalled, ...]:
        """The best items for a query, best first. Any text may be asked for. MemoryFailed."""
        text = query.text[:MAX_TEXT].strip()
        async with self._file.reading() as db:
            await refresh(db, self._scopes)
            if not text and not query.paths:
                return recalled(await items_of(db, await by_age(db, query)), Rankings(), query)
            scope = self._scopes.of(query)
            near = await by_paths(db, query, scope)
            worded = await by_words(db, asked_words(text), scope) if text else None
            meant = await self._meaning.near(db, text, scope) if self._meaning and text else None
            items = await items_of(db, [*near, *(worded or ()), *(meant or ())])
        place = by_place({key: items[key] for key in near if key in items}, query)[:MOST_RANKED]
        return recalled(items, Rankings(worded, meant, place if query.paths else None), query)


def _rows(items: Sequence[MemoryItem]) -> list[tuple[Any, ...]]:
    return [_row(kept(item)) for item in items]


def _row(item: MemoryItem) -> tuple[Any, ...]:
    return (
        item.id,
        item.agent_id,
        item.kind,
        item.text,
        item.source,
        item.at,
        json.dumps(item.paths),
        item.run_id,
        item.task_id,
        item.used,
        item.useful,
        " ".join(indexed(item.agent_id, item.kind, item.text, item.paths)),
    )
