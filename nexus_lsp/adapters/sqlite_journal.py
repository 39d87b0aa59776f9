"""The journal: every fact of an engine in one SQLite file, written before anything acts on it.

One process holds the file (the engine's lock) and uses one connection: SQLite before 3.51.3 can corrupt a
WAL database that two connections reset at once. `synchronous=NORMAL` survives `kill -9` of this process at
any moment; a power cut may cost the last facts, never the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.wire import fact_from_json, fact_to_json
from nexus_lsp.ports import JournalFailed

if TYPE_CHECKING:
    import aiosqlite

VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, run_id TEXT NOT NULL, type TEXT NOT NULL, fact TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_run ON entries (run_id, seq);
"""


class SqliteJournal:
    """`ports.Journal` over aiosqlite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: aiosqlite.Connection | None = None
        self._seq = 0

    async def open(self) -> list[Entry]:
        """Open or create the file and give every entry in it; JournalFailed where it cannot be used."""
        import aiosqlite

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = await aiosqlite.connect(self._path, isolation_level=None)
            return await self._load()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise JournalFailed(
                f"The journal {self._path} cannot be used: {error}. Free disk space, or move the file away "
                "to start with an empty one (its runs are then no longer listed)."
            ) from error

    async def _load(self) -> list[Entry]:
        db = self._open_db()
        version = await _one(await db.execute("PRAGMA user_version"))
        if version > VERSION:
            raise sqlite3.DatabaseError(
                f"it was written by a newer NEXUS (format {version}); update this one"
            )
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.executescript(_SCHEMA)
        await db.execute(f"PRAGMA user_version={VERSION}")
        rows = await db.execute_fetchall("SELECT seq, at, run_id, fact FROM entries ORDER BY seq")
        try:
            entries = [Entry(seq, at, run, fact_from_json(json.loads(fact))) for seq, at, run, fact in rows]
        except Exception as error:  # cattrs, json and KeyError have no common ancestor
            raise sqlite3.DatabaseError(f"an entry cannot be read ({error!r})") from error
        self._seq = entries[-1].seq if entries else 0
        return entries

    def _open_db(self) -> aiosqlite.Connection:
        if self._db is None:
            raise JournalFailed("The journal is closed.")
        return self._db

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        """Write facts in one transaction and give them their sequence numbers."""
        entries = [Entry(self._seq + n, at, run_id, fact) for n, fact in enumerate(facts, 1)]
        rows = [(e.seq, e.at, e.run_id, e.fact.type, json.dumps(fact_to_json(e.fact))) for e in entries]
        db = self._open_db()
        try:
            await db.execute("BEGIN")
            await db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
            await db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                await db.execute("ROLLBACK")
            raise JournalFailed(f"The journal could not be written: {error}. Free disk space.") from error
        self._seq += len(entries)
        return entries

    async def close(self) -> None:
        """Close the file; an unclosed connection would keep the process from ending."""
        db, self._db = self._db, None
        if db is not None:
            await db.close()


async def _one(cursor: aiosqlite.Cursor) -> int:
    row = await cursor.fetchone()
    await cursor.close()
    return int(row[0]) if row else 0
