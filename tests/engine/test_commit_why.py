"""Why a line is as it is: waiting, accepted, committed; from the journal, and from a note without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commit_house import Desk
from engine_house import FILES, House, as_face, house, workspace
from engine_house import OpenBuffers as Buffers
from fakes import MemoryJournal

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def why(desk: Desk, path: str, line: int) -> list[str]:
    """What is said of a line (1-based): state, agents, reason, whether a commit is named."""
    answer: dict[str, Any] = await desk.does("why", path=path, line=line - 1)
    return [
        f"{c['status']} {' '.join(a['name'] for a in c['agents'])}: {c['why']}{' @' if c['commit'] else ''}"
        for c in answer["changes"]
    ]


async def test_waiting_then_accepted_then_committed(desk: Desk) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE)
    assert await why(desk, "a.txt", 5) == ["pending code_developer: Do code"]
    assert await why(desk, "a.txt", 4) == []
    await desk.house.accept(run)
    assert await why(desk, "a.txt", 5) == ["accepted code_developer: Do code"]
    await desk.does("commit")
    assert await why(desk, "a.txt", 5) == ["accepted code_developer: Do code @"]


async def test_as_the_user_edits_around_it_and_after_a_restart(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE + "six\nseven\n")
    desk.types("a.txt", "top\n" + FIVE.replace("four", "4") + "six\nmine\nseven\nlow\n")
    assert [await why(desk, "a.txt", n) for n in (5, 6, 7, 8, 9, 10)] == [
        [],
        ["accepted code_developer: Do code"],
        ["accepted code_developer: Do code"],
        [],
        ["accepted code_developer: Do code"],
        [],
    ]
    await desk.house.reopen()
    assert await why(Desk(desk.house), "a.txt", 6) == ["accepted code_developer: Do code"]


async def test_in_a_buffer_that_is_not_saved(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.house.engine.faces.append(as_face(Buffers({"a.txt": "0\n0\n" + FIVE})))
    assert await why(desk, "a.txt", 7) == ["accepted code_developer: Do code"]
    assert await why(desk, "a.txt", 5) == []


async def test_a_line_that_moved_far_is_found_by_its_commit(desk: Desk) -> None:
    """Twice in the file it has no sure place; git knows where it is from, and the journal what made it."""
    await desk.accepts(a_DOT_txt=A + "six\n")
    await desk.does("commit")
    desk.types("a.txt", A + "six\n" + A + "six\n")
    desk.git("commit", "-qam", "twice")
    assert await why(desk, "a.txt", 6) == ["accepted code_developer: Do code @"]


async def test_from_the_note_where_the_journal_is_gone(desk: Desk, tmp_path: Path) -> None:
    await desk.accepts("count", a_DOT_txt=FIVE, new_DOT_py="x = 1\ny = 2\n")
    desk.types("a.txt", "mine\n" + FIVE)
    answer = await desk.does("commit", notes=True)
    told = json.loads(desk.git("notes", "--ref=nexus", "show", answer["commit"]))
    [run] = told["runs"]
    assert run["request"] == "count"
    assert [(c["path"], c["lines"]) for c in run["changes"]] == [("a.txt", [5, 5]), ("new.py", [1, 2])]
    assert told["tree"] == desk.git("rev-parse", "HEAD^{tree}")
    desk.git("mv", "a.txt", "moved.txt")
    desk.git("commit", "-qam", "moved")
    other = House(desk.folder, tmp_path / "other state", journal=MemoryJournal())
    await other.open()
    try:
        new = Desk(other)
        assert await why(new, "moved.txt", 6) == ["accepted code_developer: Do code @"]
        assert await why(new, "new.py", 2) == ["accepted code_developer: Do code @"]
        assert await why(new, "moved.txt", 5) == []
        assert await why(new, "moved.txt", 60) == []
    finally:
        await other.close()


async def test_a_note_on_a_file_whose_name_is_no_utf_8(desk: Desk, tmp_path: Path) -> None:
    run = await desk.proposes_files({"n\udcff.txt": "x\n"})
    await desk.house.accept(run)
    answer = await desk.does("commit", notes=True)
    assert answer.get("warning") is None
    assert desk.status() == []
    other = House(desk.folder, tmp_path / "other state", journal=MemoryJournal())
    await other.open()
    try:
        assert await why(Desk(other), "n\udcff.txt", 1) == ["accepted code_developer: Do code @"]
    finally:
        await other.close()


async def test_a_note_of_somebody_else_says_nothing(desk: Desk) -> None:
    desk.git("notes", "--ref=nexus", "add", "-m", "just words", "HEAD")
    assert await why(desk, "a.txt", 1) == []


async def test_without_git_nothing_is_known_of_the_past(desk: Desk, tmp_path: Path) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE)
    (desk.folder / ".git").rename(tmp_path / "gone")
    assert await why(desk, "a.txt", 5) == ["pending code_developer: Do code"]
    assert await why(desk, "a.txt", 1) == []
    assert run.id
