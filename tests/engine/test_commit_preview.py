"""The files as they would be with what waits: texts to look at, and a patch that `git apply` takes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from commit_house import Desk
from engine_house import FILES, House, as_face, house, texts, workspace
from engine_house import OpenBuffers as Buffers

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def shown(desk: Desk, **argument: Any) -> dict[str, Any]:
    """Path → the text that is shown there, or what stands there instead."""
    answer = await desk.does("preview", **argument)
    return {f["path"]: f["text"] if f["text"] is not None else f["kind"] for f in answer["files"]}


async def test_every_file_that_waits(desk: Desk) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE, b_DOT_txt=None, new_DOT_py="x = 1\n", raw_DOT_bin=b"\0")
    everything = {"a.txt": FIVE, "b.txt": "gone", "new.py": "x = 1\n", "raw.bin": "other"}
    assert await shown(desk) == everything
    assert await shown(desk, run_id=run.id) == everything
    assert await shown(desk, run_id=run.id, path="a.txt") == {"a.txt": FIVE}
    assert texts(desk.folder) == dict(FILES)


async def test_over_what_the_user_types_and_after_decisions(desk: Desk) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE.replace("one", "ONE"))
    [one, five] = run.changes
    desk.house.engine.faces.append(as_face(Buffers({"a.txt": "top\n" + A})))
    assert await shown(desk, change_ids=[five]) == {"a.txt": "top\n" + FIVE}
    desk.house.engine.faces.clear()
    await desk.house.accept(run, one)
    await desk.house.reject(run, five)
    assert await shown(desk) == {}
    assert await shown(desk, path="a.txt") == {"a.txt": A.replace("one", "ONE")}


async def test_as_read_only_files(desk: Desk) -> None:
    await desk.proposes(a_DOT_txt=FIVE, src__c_DOT_py="def c():\n    return 2\n")
    answer = await desk.does("preview", as_files=True)
    files = {f["path"]: Path(f["file"]) for f in answer["files"]}
    assert files["src/c.py"].read_text() == "def c():\n    return 2\n"
    assert files["src/c.py"].name == "c.py"
    assert files["a.txt"].stat().st_mode & 0o222 == 0
    assert not files["a.txt"].is_relative_to(desk.folder)
    desk.types("a.txt", "top\n" + A)
    await desk.does("preview", as_files=True)
    assert files["a.txt"].read_text() == "top\n" + FIVE


async def test_a_patch_that_git_applies(desk: Desk) -> None:
    """Edits on a dirty file, no newline at the end, CRLF, a rename, a new, a deleted and a binary file."""
    long = "".join(f"line {n}\n" for n in range(40))
    desk.types("old.txt", long)
    desk.types("dos.txt", "1\r\n2\r\n3")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "more")
    desk.types("a.txt", "mine\n" + A)
    wanted: dict[str, str | bytes | None] = {
        "a.txt": "mine\n" + FIVE,
        "b.txt": None,
        "new dir/ü.txt": "n",
        "old.txt": None,
        "moved.txt": long.replace("line 7\n", "seven\n"),
        "dos.txt": "1\r\n2\r\nthree",
        "raw.bin": bytes(range(256)),
    }
    await desk.proposes_files(wanted)
    patch = (await desk.does("diff"))["patch"].encode("utf-8", "surrogateescape")
    assert b"rename from old.txt" in patch
    subprocess.run(["git", "apply", "-"], input=patch, cwd=desk.folder, check=True)
    for path, content in wanted.items():
        there = desk.folder / path
        wished = content.encode() if isinstance(content, str) else content
        assert (there.read_bytes() if there.exists() else None) == wished, path


async def test_nothing_waits(desk: Desk) -> None:
    assert (await desk.does("diff"))["patch"] == ""
    assert await shown(desk) == {}
