"""Memory's file: what is forgotten is in no byte of it, and files that cannot be used as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from memory_house import NOW, item, opened, raw

from nexus_lsp.adapters.memory.memory_file import VERSION, failure
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MemoryItem, MemoryQuery
from nexus_lsp.ports import MemoryFailed

ROOT = Path(__file__).parents[2]

CHILD = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = ["tests"]
from memory_house import item
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory

async def main():
    memory = SqliteMemory(Path(sys.argv[1]))
    await memory.open()
    for n in range(1_000_000):
        await memory.store([item(f"m{n}", f"cookie {n}")])
        print(f"m{n}", flush=True)

asyncio.run(main())
"""


@contextmanager
def child(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that stores one item after the other."""
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def filled(path: Path, *items: MemoryItem) -> None:
    async with opened(path) as memory:
        await memory.store(items or [item("m1", "cookie"), item("m2", "crumbs")])


async def ids(memory: SqliteMemory) -> str:
    return " ".join(one.id for one in await memory.export())


# --- forgotten for good ------------------------------------------------------------------------------

SECRETIVE = item(
    "idzzqx",
    "The xylophonist plays quokkaesque music. " * 40,
    agent="agentzzqy",
    paths=("src/zzqpath/file.py",),
    run_id="runzzqz",
    task_id="taskzzqw",
)
TRACES = ("idzzqx", "xylophonist", "ylophon", "quokka", "zzqy", "zzqpath", "runzzqz", "taskzzqw")
TRACES_IN_MARKS = tuple(name.encode().hex() for name in ("agentzzqy", "src/zzqpath"))


def traces(folder: Path) -> set[str]:
    """What any file there still holds of the secretive item."""
    content = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file()).lower()
    return {word for word in (*TRACES, *TRACES_IN_MARKS) if word.encode() in content}


@pytest.mark.parametrize("others", [0, 3, 2_000], ids=["alone", "few others", "many others"])
@pytest.mark.parametrize(
    "forget",
    [
        lambda memory: memory.forget(["idzzqx"]),
        lambda memory: memory.forget(agent_id="agentzzqy"),
        lambda memory: memory.forget(everything=True),
        lambda memory: memory.trim("agentzzqy", 0),
    ],
    ids=["by id", "by agent", "everything", "by retention"],
)
async def test_what_is_forgotten_is_in_no_byte_of_any_file(
    tmp_path: Path, others: int, forget: Callable[[SqliteMemory], object]
) -> None:
    path = tmp_path / "memory.db"
    around = [item(f"m{n}", f"music number {n} is played in src", paths=("src/a.py",)) for n in range(others)]
    async with opened(path) as memory:
        await memory.store(around[: others // 2])
        await memory.store([SECRETIVE])
        await memory.used(["idzzqx"], useful=True)
        await memory.store(around[others // 2 :])
    assert traces(tmp_path) >= {"idzzqx", "xylophonist", "ylophon", *TRACES_IN_MARKS}, "it was there"
    async with opened(path) as memory:
        await memory.search(MemoryQuery("xylophonist music", NOW))
        assert await forget(memory) in (1, others + 1)  # type: ignore[misc]
        assert traces(tmp_path) == set(), "while it is open"
        await memory.store([item("later", "music")])
    assert traces(tmp_path) == set(), "once it is closed"


async def test_forgetting_everything_takes_damaged_files_along_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    await filled(path)
    path.write_bytes(b"no database " * 500)
    (tmp_path / "other.db.broken-1").write_text("not ours")
    async with opened(path) as memory:
        assert (tmp_path / "memory.db.broken-1").exists()
        await memory.store([item(f"m{n}", "cookie " * 500) for n in range(300)])
        await memory.forget(everything=True)
        assert path.stat().st_size < 200_000, "its room is given back"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["memory.db", "other.db.broken-1"]


# --- damaged -----------------------------------------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def torn(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("break_it", [garbage, torn, cut])
async def test_a_damaged_file_is_moved_aside_and_memory_begins_anew(
    tmp_path: Path, break_it: Callable[[Path], None]
) -> None:
    path = tmp_path / "memory.db"
    for number in (1, 2):
        await filled(path)
        break_it(path)
        broken = path.read_bytes()
        async with opened(path) as memory:
            moved = tmp_path / f"memory.db.broken-{number}"
            assert f"{path} was damaged. It was moved to {moved.name} beside it, and" in memory.notice
            assert moved.read_bytes() == broken
            assert await ids(memory) == ""
            await memory.store([item("m3", "cookie")])
            assert [one.item.id for one in await memory.search(MemoryQuery("cookie", NOW))] == ["m3"]
        async with opened(path) as memory:
            assert (memory.notice, await ids(memory)) == ("", "m3")
        path.unlink()


async def test_damage_that_is_met_at_work_is_said_once_and_memory_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    await filled(path)
    with raw(path) as db:  # nothing that the check at opening could see
        db.execute("UPDATE item_words_data SET block = x'ffffffff' WHERE id > 10")
    async with opened(path) as memory:
        assert await ids(memory) == "m1 m2"
        with pytest.raises(MemoryFailed) as failed:
            await memory.search(MemoryQuery("cookie", NOW))
        assert str(failed.value) == memory.notice
        assert "was moved to memory.db.broken-1" in memory.notice
        await memory.store([item("new", "cookie")])
        assert [one.item.id for one in await memory.search(MemoryQuery("cookie", NOW))] == ["new"]
    async with opened(tmp_path / "memory.db.broken-1") as old:
        assert await ids(old) == "m1 m2", "and nothing of it is lost"


# --- not ours to touch -------------------------------------------------------------------------------


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    await filled(path)
    with raw(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    memory = SqliteMemory(path)
    with pytest.raises(MemoryFailed) as failed:
        await memory.open()
    assert str(failed.value) == (
        f"The memory {path} was written by a newer NEXUS (format {VERSION + 1}). Update this one."
    )
    assert (path.read_bytes(), [p.name for p in tmp_path.iterdir()]) == (before, ["memory.db"])
    with pytest.raises(MemoryFailed, match="The memory is closed"):
        await memory.export()


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with raw(path) as db:
        db.execute("CREATE TABLE items (recipe TEXT)")
    before = path.read_bytes()
    with pytest.raises(MemoryFailed, match="belongs to another program"):
        await SqliteMemory(path).open()
    assert (path.read_bytes(), [p.name for p in tmp_path.iterdir()]) == (before, ["memory.db"])


async def test_a_file_that_another_process_has_open(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    memory = SqliteMemory(path)
    with child(path) as process:
        assert process.stdout and process.stdout.readline() == "m0\n"
        began = time.monotonic()
        with pytest.raises(MemoryFailed, match="is in use by another program"):
            await memory.open()
        assert time.monotonic() - began < 10
        assert process.poll() is None
    await memory.open()
    assert "m0" in (await ids(memory)).split()
    await memory.close()


async def test_a_killed_process_loses_nothing_that_it_was_told_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with child(path) as process:
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(50)]
        process.kill()
        told += process.stdout.read().split()
    async with opened(path) as memory:
        assert memory.notice == ""
        kept = (await ids(memory)).split()
        assert set(told) <= set(kept) and len(kept) <= len(told) + 1
        found = await memory.search(MemoryQuery("cookie 7", NOW))
        assert found[0].item.id == "m7"


# --- not to be written -------------------------------------------------------------------------------


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryFailed, match="cannot be used"):
        await SqliteMemory(tmp_path / "file" / "memory.db").open()


@pytest.mark.parametrize(
    ("pragma", "back", "told"),
    [
        (
            "max_page_count = 1",
            "max_page_count = 100000",
            "could not be written: the disk is full. Free disk",
        ),
        ("query_only = ON", "query_only = OFF", "may not be written. Make it and its folder writable."),
    ],
)
async def test_what_cannot_be_written_is_kept_whole_or_not_at_all(
    tmp_path: Path, pragma: str, back: str, told: str
) -> None:
    many = [item(f"n{n}", f"cookie {n} " * 100) for n in range(200)]
    async with opened(tmp_path / "memory.db") as memory:
        await memory.store([item("m1", "cookie")])
        async with memory._file.reading() as db:
            await db.execute(f"PRAGMA {pragma}")
        with pytest.raises(MemoryFailed, match=told):
            await memory.store(many)
        assert await ids(memory) == "m1"
        assert [one.item.id for one in await memory.search(MemoryQuery("cookie", NOW))] == ["m1"]
        async with memory._file.reading() as db:
            await db.execute(f"PRAGMA {back}")
        await memory.store(many)
        assert len(await memory.export()) == 201
        assert (await memory.search(MemoryQuery("cookie 77", NOW)))[0].item.id == "n77"


def test_a_python_without_full_text_search() -> None:
    error = sqlite3.OperationalError("no such module: fts5")
    assert "has no full-text search (FTS5), which memory needs. Use a Python" in str(
        failure(Path("m"), error)
    )
