"""The memory's file: opened and judged, moved aside where it is damaged; SQLite's errors as sentences.

One connection holds the file for itself (`locking_mode=EXCLUSIVE`): SQLite before 3.51.3 can corrupt a WAL
database that two connections reset at once, and a second program is told at once that the file is taken.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_lsp.ports import MemoryFailed

if TYPE_CHECKING:
    import aiosqlite

VERSION = 1

LOCK_WAIT = 2.0
"""Seconds that another program's lock is waited for."""

_OURS = 0x4E584D45
"""`PRAGMA application_id`: "NXME"."""

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    agent_id TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    run_id TEXT NOT NULL, task_id TEXT NOT NULL, used INTEGER NOT NULL, useful INTEGER NOT NULL,
    paths TEXT NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS items_by_age ON items (at, agent_id, kind);
CREATE TABLE IF NOT EXISTS vectors (
    seq INTEGER PRIMARY KEY, code BLOB NOT NULL, vector BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS item_words USING fts5 (
    words, content='items', content_rowid='seq', detail=none, columnsize=0, tokenize='ascii'
);
CREATE TRIGGER IF NOT EXISTS item_stored AFTER INSERT ON items BEGIN
    INSERT INTO item_words (rowid, words) VALUES (new.seq, new.words);
END;
CREATE TRIGGER IF NOT EXISTS item_forgotten AFTER DELETE ON items BEGIN
    INSERT INTO item_words (item_words, rowid, words) VALUES ('delete', old.seq, old.words);
    DELETE FROM vectors WHERE seq = old.seq;
END;
PRAGMA application_id = {ours};
PRAGMA user_version = {version};
COMMIT;
"""
# `words` is kept beside the text, so that the index can be taken back exactly whatever later versions of
# `core.words` make of a text; `detail=none`, since ranking counts in `words` and asks for no phrases


class _NotOurs(Exception):
    """The file must not be written; the text says why and what to do."""


class _Damaged(sqlite3.DatabaseError):
    """SQLite's own check found the file broken."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class MemoryFile:
    """One connection to the file, for readers and for one writer at a time.

    Attributes:
        notice: a sentence where a damaged file was moved aside, or "".
    """

    def __init__(self, path: Path, on_open: Callable[[], None]) -> None:
        self.notice = ""
        self.path = path
        self._on_open = on_open
        self._db: aiosqlite.Connection | None = None
        self._writer = asyncio.Lock()

    async def open(self) -> None:
        """Make or open the file; MemoryFailed. `on_open` is told, also where the file is begun anew."""
        try:
            self._db = await _open(self.path)
        except (sqlite3.Error, OSError, _NotOurs) as error:
            if not _is_damage(error):
                raise failure(self.path, error) from error
            await self._begin_anew()
        else:
            self._on_open()

    async def close(self) -> None:
        """Close the file; an unclosed connection would keep the process from ending."""
        db, self._db = self._db, None
        if db is not None:
            await db.close()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[aiosqlite.Connection]:
        """The connection; what goes wrong with it becomes MemoryFailed."""
        db = self._db
        if db is None:
            raise MemoryFailed("The memory is closed.")
        try:
            yield db
        except sqlite3.Error as error:
            if _is_damage(error) and self._db is db:
                await self._begin_anew()
                raise MemoryFailed(self.notice) from error
            raise failure(self.path, error) from error
        except ValueError as error:  # aiosqlite's own word for a connection that was closed meanwhile
            if self._db is db:
                raise
            raise MemoryFailed("The memory is closed.") from error

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[aiosqlite.Connection]:
        """The connection in a transaction, which is kept whole or not at all; MemoryFailed."""
        async with self._writer, self.reading() as db:
            try:
                await db.execute("BEGIN IMMEDIATE")
                yield db
                await db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error, ValueError):  # where nothing was begun, or the disk is gone
                    await db.execute("ROLLBACK")
                raise

    async def empty_log(self) -> None:
        """Write the log back into the file and leave nothing in it."""
        async with self._writer, self.reading() as db:
            await db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def shrink(self) -> None:
        """Give the room of what is gone back to the disk. Writes the file anew: quick if little is left."""
        async with self._writer, self.reading() as db:
            await db.execute_fetchall("VACUUM")
            await db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    def remove_broken(self) -> None:
        """Delete what was moved aside: it holds what was to be forgotten."""
        for place in self.path.parent.glob(f"{_as_pattern(self.path.name)}.broken-*"):
            place.unlink(missing_ok=True)

    async def _begin_anew(self) -> None:
        await self.close()
        self.notice = _move_aside(self.path)
        try:
            self._db = await _open(self.path)
        except (sqlite3.Error, OSError, _NotOurs) as error:
            raise failure(self.path, error) from error
        self._on_open()


async def _open(path: Path) -> aiosqlite.Connection:
    import aiosqlite

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = await aiosqlite.connect(path, isolation_level=None, timeout=LOCK_WAIT)
    try:
        await _prepare(db)
    except BaseException:
        await db.close()
        raise
    return db


async def _prepare(db: aiosqlite.Connection) -> None:
    await db.execute("PRAGMA locking_mode=EXCLUSIVE")
    version = await number(db, "PRAGMA user_version")
    if version > VERSION:
        raise _NotOurs(f"was written by a newer NEXUS (format {version}). Update this one.")
    if await number(db, "PRAGMA application_id") != _OURS and await number(
        db, "SELECT count(*) FROM sqlite_schema"
    ):
        raise _NotOurs("belongs to another program. Move it away; it was left as it is.")
    # what is forgotten is overwritten, not only unlinked, and no sort spills into a file of its own
    for pragma in ("secure_delete=ON", "temp_store=MEMORY", "journal_mode=WAL", "synchronous=NORMAL"):
        await db.execute(f"PRAGMA {pragma}")
    [(verdict,)] = await db.execute_fetchall("PRAGMA quick_check(1)")  # 0.13 s for 100,000 items
    if verdict != "ok":
        raise _Damaged(verdict)
    await db.executescript(_SCHEMA.format(ours=_OURS, version=VERSION))


async def number(db: aiosqlite.Connection, sql: str, arguments: tuple[Any, ...] = ()) -> int:
    """The one number that a statement gives; 0 where it gives none."""
    for row in await db.execute_fetchall(sql, arguments):
        return int(row[0] or 0)
    return 0


# --- what went wrong -----------------------------------------------------------------------------------


def _is_damage(error: Exception) -> bool:
    """Whether the file's content is broken, so that no second try can help."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _move_aside(path: Path) -> str:
    """Rename a damaged file, and what SQLite keeps beside it, to `<name>.broken-<n>`; says so."""
    aside = next(place for n in range(1, 10_000) if not (place := _broken(path, str(n))).exists())
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return f"The memory {path} was damaged. It was moved to {aside.name} beside it, and memory begins anew."


def _as_pattern(name: str) -> str:
    """A file name as a pattern that only it matches."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _broken(path: Path, n: str) -> Path:
    return path.with_name(f"{path.name}.broken-{n}")


def failure(path: Path, error: Exception) -> MemoryFailed:
    """The error as a sentence that says what to do."""
    if isinstance(error, _NotOurs):
        return MemoryFailed(f"The memory {path} {error}")
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return MemoryFailed(
            f"The memory {path} is in use by another program. Close the other NEXUS or database browser that"
            " has it open, and try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return MemoryFailed(f"The memory {path} could not be written: the disk is full. Free disk space.")
    if code == sqlite3.SQLITE_READONLY:
        return MemoryFailed(f"The memory {path} may not be written. Make it and its folder writable.")
    if "no such module: fts5" in str(error):
        return MemoryFailed(
            f"The SQLite {sqlite3.sqlite_version} of this Python has no full-text search (FTS5), which memory"
            " needs. Use a Python that has it; those from python.org and of most systems do."
        )
    return MemoryFailed(
        f"The memory {path} cannot be used: {error}. Free disk space and look at its permissions, or move it"
        " away to begin with an empty one."
    )


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
