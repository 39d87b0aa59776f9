"""The file of `sqlite_bus`: letters as rows, writes that come together as one transaction.

One process holds it, with one connection and SQLite's exclusive lock: SQLite before 3.51.3 can corrupt a WAL
database that two connections reset at once. `synchronous=NORMAL` survives `kill -9` of this process at any
moment; a power cut may cost the last messages, never the file.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_lsp.core.mailbox import Letter, letter_of
from nexus_lsp.ports import BusFailed

if TYPE_CHECKING:
    import aiosqlite

VERSION = 1

_LOCK_WAIT = 1.0
"""Seconds to wait for another program to let go of the file."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
    seq INTEGER PRIMARY KEY, mailbox TEXT NOT NULL, message_id TEXT NOT NULL, message TEXT NOT NULL,
    state TEXT NOT NULL, why TEXT NOT NULL DEFAULT '', at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0, leased_until REAL NOT NULL DEFAULT 0,
    UNIQUE (mailbox, message_id), CHECK (state <> 'waiting' OR json_valid(message))
) STRICT;
CREATE INDEX IF NOT EXISTS letters_dead ON letters (at, seq) WHERE state = 'dead';
CREATE TABLE IF NOT EXISTS figures (
    only INTEGER PRIMARY KEY CHECK (only = 1), published INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0, retried INTEGER NOT NULL DEFAULT 0,
    acknowledged INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT OR IGNORE INTO figures (only) VALUES (1);
CREATE TRIGGER IF NOT EXISTS count_published AFTER INSERT ON letters BEGIN
    UPDATE figures SET published = published + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_delivered AFTER UPDATE OF attempts ON letters
WHEN NEW.attempts > OLD.attempts BEGIN
    UPDATE figures SET delivered = delivered + 1, retried = retried + (OLD.attempts > 0);
END;
CREATE TRIGGER IF NOT EXISTS count_settled AFTER UPDATE OF state ON letters BEGIN
    UPDATE figures SET acknowledged = acknowledged + (NEW.state = 'acknowledged'),
        dead = dead + (NEW.state = 'dead');
END;
"""

FORGET = "DELETE FROM letters WHERE state <> 'waiting' AND at < ?"
PUBLISH = (
    "INSERT INTO letters (seq, mailbox, message_id, message, state, at) VALUES (?, ?, ?, ?, 'waiting', ?)"
)
CHANGE = """UPDATE letters SET attempts = ?, failures = ?, not_before = ?, leased_until = ?
    WHERE seq = ? AND state = 'waiting'"""
ACKNOWLEDGE = (
    "UPDATE letters SET state = 'acknowledged', at = ?, message = '' WHERE seq = ? AND state = 'waiting'"
)
DIE = "UPDATE letters SET state = 'dead', at = ?, why = ? WHERE seq = ? AND state = 'waiting'"
_ORDER = (FORGET, PUBLISH, CHANGE, ACKNOWLEDGE, DIE)
"""What one transaction may hold, in the order in which that may be done whatever came first."""

DEAD = """SELECT mailbox, message_id, message, why FROM letters WHERE state = 'dead'
    ORDER BY at DESC, seq DESC LIMIT ?"""
FIGURES = "SELECT published, delivered, retried, acknowledged, dead FROM figures"
_LOAD = """SELECT seq, mailbox, message_id, CASE state WHEN 'waiting' THEN message ELSE '' END, state, at,
    attempts, failures, not_before, leased_until FROM letters ORDER BY seq"""
_VOID = "UPDATE letters SET leased_until = 0 WHERE leased_until > 0"

Rows = Sequence[tuple[str, tuple[Any, ...]]]
"""Statements of `_ORDER`, each with its values."""


class Damaged(Exception):
    """The file is no database, or does not hold what it should."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the file has it. `letter` is None once it is done with or dead, since `at`."""

    seq: int
    mailbox: str
    message_id: str
    text: str
    at: float
    letter: Letter | None


@dataclass(frozen=True, slots=True)
class _Write:
    rows: Rows
    done: asyncio.Future[None]


class LetterFile:
    """The open file. Made by `open_file`."""

    def __init__(self, db: aiosqlite.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._queue: list[_Write] = []
        self._flushing: asyncio.Task[None] | None = None

    async def load(self, now: float, oldest: float) -> list[Kept]:
        """All that the file holds, as it was published; what is done with since before `oldest` is forgotten.

        No lease outlives the process that took it: each runs out at `now`.
        """
        await self._db.execute(FORGET, (oldest,))
        return [_kept(tuple(row), now) for row in await self._db.execute_fetchall(_LOAD)]

    async def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a query finds; BusFailed."""
        try:
            return list(await self._db.execute_fetchall(query, values))
        except (sqlite3.Error, ValueError) as error:  # ValueError: closed meanwhile
            raise BusFailed(f"The message file {self._path} could not be read: {error}.") from error

    def write(self, rows: Rows, then: Callable[[], None]) -> asyncio.Future[None]:
        """Write rows, all or none, with whatever else is waiting to be written; then call `then`.

        The future ends after that, with BusFailed where it was not written. It is not to be cancelled.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda future: None if future.exception() else then())
        self._queue.append(_Write(rows, done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return done

    async def _flush(self) -> None:
        try:
            while self._queue:
                group, self._queue = self._queue, []
                await self._write_group(group)
        finally:
            self._flushing = None

    async def _write_group(self, group: Sequence[_Write]) -> None:
        try:
            await self._commit(row for write in group for row in write.rows)
        except Exception as error:  # whatever it was: nobody may wait for ever
            if len(group) > 1:  # one that cannot be written must not keep the others back
                for write in group:
                    await self._write_group([write])
                return
            told = f"The message file {self._path} could not be written: {error}. Free disk space."
            group[0].done.set_exception(BusFailed(told))
        else:
            for write in group:
                write.done.set_result(None)

    async def _commit(self, rows: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        by_statement: dict[str, list[tuple[Any, ...]]] = {statement: [] for statement in _ORDER}
        for statement, values in rows:
            by_statement[statement].append(values)
        work = [(statement, values) for statement, values in by_statement.items() if values]
        if len(work) == 1 and len(work[0][1]) == 1:
            await self._db.execute(work[0][0], work[0][1][0])
            return
        await self._db.execute("BEGIN")
        try:
            for statement, values in work:
                await self._db.executemany(statement, values)
            await self._db.execute("COMMIT")
        except Exception:
            if self._db.in_transaction:
                await self._db.execute("ROLLBACK")
            raise

    async def close(self) -> None:
        """Write what waits, give back every lease, close the file."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        try:
            await self._db.execute(_VOID)
        except sqlite3.Error:
            pass  # a full disk: then `load` voids them
        finally:
            await self._db.close()  # an unclosed connection would keep the process from ending


async def open_file(path: Path) -> LetterFile:
    """Open or create the file. Damaged, sqlite3.Error, OSError; BusFailed for one of a newer format."""
    import aiosqlite

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = await aiosqlite.connect(path, isolation_level=None, timeout=_LOCK_WAIT)
    try:
        await _prepare(db, path)
    except sqlite3.DatabaseError as error:
        await db.close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(str(error)) from error
        raise
    except BaseException:
        await db.close()
        raise
    return LetterFile(db, path)


async def _prepare(db: aiosqlite.Connection, path: Path) -> None:
    await db.execute("PRAGMA locking_mode=EXCLUSIVE")
    [(version,)] = await db.execute_fetchall("PRAGMA user_version")
    if version > VERSION:
        raise BusFailed(
            f"The message file {path} was written by a newer NEXUS (format {version}). Update this one, or "
            "move the file away to begin with an empty one."
        )
    await db.execute("PRAGMA journal_mode=WAL")
    await db.execute("PRAGMA synchronous=NORMAL")
    [(verdict,)] = await db.execute_fetchall("PRAGMA quick_check(1)")
    if verdict != "ok":
        raise Damaged(verdict)
    if version < VERSION:  # else nothing is written: a file whose messages prove damaged stays as it was
        await db.executescript(_SCHEMA)
        await db.execute(f"PRAGMA user_version={VERSION}")


def _kept(row: tuple[Any, ...], now: float) -> Kept:
    seq, mailbox, message_id, text, state, at, attempts, failures, not_before, leased_until = row
    if state != "waiting":
        return Kept(seq, mailbox, message_id, text, at, None)
    try:
        letter = letter_of(json.loads(text), seq)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(f"message {message_id} cannot be read ({error!r})") from error
    held = {"leased_until": min(leased_until, now), "not_before": not_before}
    return Kept(
        seq, mailbox, message_id, text, at, replace(letter, attempts=attempts, failures=failures, **held)
    )


def move_aside(path: Path) -> Path:
    """Move a damaged file, and what SQLite keeps beside it, to the first free `<name>.broken-<n>`."""
    number = 1
    while (target := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.replace(target)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():  # a new file must not take up the old one's log
            beside.replace(target.with_name(target.name + suffix))
    return target
