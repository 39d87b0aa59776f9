"""The journal: one suite over the fake and the real one, then what only a file can go through."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from fakes import MemoryJournal

from nexus_lsp.adapters.sqlite_journal import SqliteJournal
from nexus_lsp.core import facts as f
from nexus_lsp.core.facts import Fact
from nexus_lsp.ports import Journal, JournalFailed

STARTED = f.RunStarted("do it", "/w", focus=(b"caf\xe9".decode("utf-8", "surrogateescape"),))
PAUSED = f.RunPaused("lunch \U0001f35c \0")

Open = Callable[[], Awaitable[Journal]]


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def again(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Makes journals on one store; each is closed before the next is opened."""
    kept = MemoryJournal()
    made: list[Journal] = []

    async def make() -> Journal:
        for old in made:
            await old.close()
        memory = request.param == "memory"
        made.append(
            MemoryJournal(kept.entries) if memory else SqliteJournal(tmp_path / "deep" / "journal.db")
        )
        return made[-1]

    yield make
    for old in made:
        await old.close()


async def test_what_is_kept_is_there_again_in_order(again: Open) -> None:
    journal = await again()
    assert await journal.open() == []
    first = await journal.append("run_1", [STARTED, PAUSED], 1.5)
    second = await journal.append("run_2", [STARTED], 2.0)
    assert [(e.seq, e.at, e.run_id) for e in [*first, *second]] == [
        (1, 1.5, "run_1"),
        (2, 1.5, "run_1"),
        (3, 2.0, "run_2"),
    ]
    later = await again()
    assert await later.open() == [*first, *second]
    [third] = await later.append("run_1", [PAUSED], 3.0)
    assert third.seq == 4


async def test_no_facts_are_kept_as_nothing(again: Open) -> None:
    journal = await again()
    await journal.open()
    assert await journal.append("run_1", [], 1.0) == []
    assert [e.seq for e in await journal.append("run_1", [PAUSED], 1.0)] == [1]


async def test_a_closed_journal_says_so(again: Open) -> None:
    journal = await again()
    await journal.open()
    await journal.close()
    await journal.close()
    with pytest.raises(JournalFailed, match="The journal is closed"):
        await journal.append("run_1", [PAUSED], 1.0)


# --- the file ----------------------------------------------------------------------------------------


async def check_unusable(path: Path, *words: str) -> None:
    """Opening fails with a sentence that names the file, the reason and the mend."""
    journal = SqliteJournal(path)
    with pytest.raises(JournalFailed) as failed:
        await journal.open()
    for word in (str(path), "Free disk space, or move the file away", *words):
        assert word in str(failed.value)
    await journal.close()
    await asyncio.sleep(0.05)  # aiosqlite's thread has a last word for this loop


async def written(path: Path, *facts: Fact) -> None:
    journal = SqliteJournal(path)
    await journal.open()
    await journal.append("run_1", facts, 1.0)
    await journal.close()


async def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await written(path, STARTED)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    await check_unusable(path, "newer NEXUS (format 99); update this one")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
async def test_a_corrupt_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    await check_unusable(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("fact", ["{", '{"type": "from_the_future"}', '{"type": "run_paused"}', "[]"])
async def test_an_entry_that_cannot_be_read_says_so(tmp_path: Path, fact: str) -> None:
    path = tmp_path / "journal.db"
    await written(path, STARTED)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE entries SET fact = ?", (fact,))
    await check_unusable(path, "an entry cannot be read")


async def test_a_path_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    await check_unusable(tmp_path / "file" / "journal.db")
    (tmp_path / "folder.db").mkdir()
    await check_unusable(tmp_path / "folder.db", "unable to open database file")


async def test_a_full_disk_keeps_all_or_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.open()
    db = journal._db
    assert db is not None
    await journal.append("run_1", [STARTED], 1.0)
    cursor = await db.execute("PRAGMA page_count")
    row = await cursor.fetchone()
    assert row is not None
    await cursor.close()
    await db.execute(f"PRAGMA max_page_count={row[0]}")
    big = f.RunPaused("x" * 100_000)
    with pytest.raises(
        JournalFailed, match=r"could not be written: database or disk is full\. Free disk space"
    ):
        await journal.append("run_1", [PAUSED, big], 2.0)
    await db.execute("PRAGMA max_page_count=100000")
    [entry] = await journal.append("run_1", [PAUSED], 3.0)
    assert entry.seq == 2
    await journal.close()
    journal = SqliteJournal(tmp_path / "journal.db")
    assert [e.seq for e in await journal.open()] == [1, 2]
    await journal.close()


async def test_a_file_that_another_process_writes_is_refused_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    await written(path, STARTED)
    journal = SqliteJournal(path)
    await journal.open()
    assert journal._db is not None
    await journal._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalFailed, match="database is locked"):
        await journal.append("run_1", [PAUSED], 2.0)
    other.execute("ROLLBACK")
    other.close()
    assert [e.seq for e in await journal.append("run_1", [PAUSED], 3.0)] == [2]
    await journal.close()


async def test_a_cancelled_append_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    await journal.open()
    for _ in range(20):
        writing = asyncio.create_task(journal.append("run_1", [PAUSED, PAUSED], 1.0))
        await asyncio.sleep(0.0005)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await journal.close()
        journal = SqliteJournal(path)
        assert len(await journal.open()) % 2 == 0
    await journal.close()


WRITER = """
import asyncio, os, sys
from pathlib import Path
from nexus_lsp.adapters.sqlite_journal import SqliteJournal
from nexus_lsp.core.facts import RunPaused
async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.open()
    while True:
        entries = await journal.append("run_1", [RunPaused("x" * 500)] * 3, 1.0)
        print(entries[-1].seq, flush=True)
asyncio.run(main())
"""


async def test_a_killed_writer_loses_nothing_it_had_told_of(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    journal = SqliteJournal(path)
    entries = await journal.open()
    assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
    assert len(entries) >= told[-1] and len(entries) % 3 == 0
    await journal.close()
