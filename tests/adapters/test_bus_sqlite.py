"""The bus in a file: a process killed at its work, and files that cannot be used as they are."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from bus_house import dead, publish, read, refused_within, said

from nexus_lsp.adapters.bus.sqlite_bus import SqliteBus
from nexus_lsp.ports import BusFailed, BusFigures

ROOT = Path(__file__).parents[2]

CHILD = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = ["tests", "tests/adapters"]
from bus_house import publish, read, said
from nexus_lsp.adapters.bus.sqlite_bus import SqliteBus

async def main():
    bus = SqliteBus(Path(sys.argv[1]))
    await bus.open()
    {body}

asyncio.run(main())
"""

READS = """
    await publish(bus, "a1 a2 a3 b1")
    await read(bus, limit=3)
    await bus.acknowledge("ada", ["a1"])
    print("ready", flush=True)
    await asyncio.sleep(600)
"""

WRITES = """
    async def send(sender):
        for n in range(1_000_000):
            await bus.publish("ada", said(f"{sender}.{n}", f"thread{sender}"))
            print(f"{sender}.{n}", flush=True)
    await asyncio.gather(*(send(sender) for sender in range(5)))
"""


@contextmanager
def child(path: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CHILD.replace("{body}", body), str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.send_signal(signal.SIGKILL)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


async def filled(path: Path, words: str = "a1 a2") -> None:
    bus = SqliteBus(path)
    await bus.open()
    await publish(bus, words)
    await bus.close()


# --- kill -9 -----------------------------------------------------------------------------------------


async def test_killed_before_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    bus = SqliteBus(path)
    with child(path, READS) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        await refused_within(5, bus.open(), "is in use by another program")
    await bus.open()
    assert await read(bus) == "a2:2 a3:2 b1"
    assert await bus.publish("ada", said("a1")) is False
    assert await bus.figures() == BusFigures(published=4, delivered=6, retried=2, acknowledged=1, waiting=3)
    assert bus.notice == ""
    await bus.close()


async def test_killed_while_many_publish(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    with child(path, WRITES) as process:
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split()
    bus = SqliteBus(path)
    await bus.open()
    kept = [delivery.message_id for delivery in await bus.receive("ada", limit=1_000_000)]
    await bus.close()
    assert set(told) - set(kept) == set()
    for sender in "01234":
        numbers = [int(i.partition(".")[2]) for i in kept if i.startswith(sender)]
        assert numbers == list(range(len(numbers)))


# --- files -------------------------------------------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def torn(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def other_message(path: Path) -> None:
    with opened(path) as db:
        db.execute("UPDATE letters SET message = '[]' WHERE message_id = 'a2'")


@pytest.mark.parametrize("break_it", [garbage, torn, other_message])
async def test_a_damaged_file_is_moved_aside(tmp_path: Path, break_it: Callable[[Path], None]) -> None:
    path = tmp_path / "bus.db"
    for number in (1, 2):
        await filled(path)
        break_it(path)
        broken, moved = path.read_bytes(), tmp_path / f"bus.db.broken-{number}"
        bus = SqliteBus(path)
        await bus.open()
        assert f"is now {moved}. The bus began an empty file" in bus.notice
        assert moved.read_bytes() == broken
        assert await read(bus) == ""
        await publish(bus, "c1")
        assert await read(bus) == "c1"
        await bus.bury("ada", "over")
        await bus.close()
        path.unlink()


async def killed_with_a_log(path: Path) -> None:
    with child(path, READS) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
    assert path.with_name("bus.db-wal").stat().st_size


async def test_a_log_beside_a_damaged_file_is_not_taken_into_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    await filled(path, "z1 z2")
    await killed_with_a_log(path)
    garbage(path)
    bus = SqliteBus(path)
    await bus.open()
    assert "bus.db.broken-1. The bus began an empty file" in bus.notice
    assert await bus.figures() == BusFigures()
    await bus.close()
    moved = b"".join(part.read_bytes() for part in tmp_path.glob("bus.db.broken-1*"))
    assert (b"This is a2" in moved, b"This is a2" in path.read_bytes()) == (True, False)


async def test_a_log_that_holds_everything_mends_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    await killed_with_a_log(path)
    garbage(path)
    bus = SqliteBus(path)
    await bus.open()
    assert (bus.notice, await read(bus)) == ("", "a2:2 a3:2 b1")
    await bus.close()


async def test_a_file_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    await filled(path)
    with opened(path) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    bus = SqliteBus(path)
    with pytest.raises(BusFailed, match=r"was written by a newer NEXUS \(format 99\)\. Update this one"):
        await bus.open()
    assert (path.read_bytes(), [p.name for p in tmp_path.iterdir()]) == (before, ["bus.db"])
    await refused_within(1, bus.publish("ada", said("m1")), "The bus is closed")


async def test_a_locked_file_works_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    await filled(path)
    bus = SqliteBus(path)
    with opened(path) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        await refused_within(5, bus.open(), f"The message file {path} is in use by another program. End")
        db.execute("ROLLBACK")
    await bus.open()
    assert await read(bus) == "a1 a2"
    await bus.close()


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BusFailed, match="cannot be used"):
        await SqliteBus(tmp_path / "file" / "bus.db").open()


async def test_what_cannot_be_written_says_so_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "bus.db")
    await bus.open()
    asked = [bus.publish(box, said("m1")) for box in ("ada", "half a character \ud800", "bob")]
    taken = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(x)[:16] for x in taken] == ["True", "The message file", "True"]
    assert (await read(bus, "ada"), await read(bus, "bob")) == ("m1", "m1")
    assert (await bus.figures()).published == 2
    await bus.close()


async def test_a_full_disk_is_said_and_leaves_what_was_there_as_it_was(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "bus.db")
    await bus.open()
    await publish(bus, "a1")
    await bus._open_file()._db.execute("PRAGMA max_page_count = 1")  # as small as the file is
    long = said("m1", payload={"text": "x" * 200_000})
    await refused_within(5, bus.publish("ada", long), "could not be written: database or disk is full. Free")
    await bus._open_file()._db.execute("PRAGMA max_page_count = 100000")
    assert await bus.publish("ada", long) is True
    assert await read(bus) == "a1 m1"
    assert await dead(bus) == []
    await bus.close()


async def test_a_thousand_at_once_are_written_together(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "bus.db")
    await bus.open()
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    await bus._open_file()._db.set_trace_callback(count)
    began = time.perf_counter()
    await asyncio.gather(*(bus.publish("ada", said(f"m{n}")) for n in range(1_000)))
    assert time.perf_counter() - began < 10
    assert commits < 10
    await bus.close()
