"""Accepted edits of files or lines that are in no commit: what the user hears, and can do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from commit_house import Desk, hook
from engine_house import FILES, House, git, house, workspace

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")
NO_FILE = "the file itself is not committed yet: commit it first, or commit it whole (--whole-files)"


@pytest_asyncio.fixture
async def unborn(tmp_path: Path, workspace: Path) -> AsyncIterator[Desk]:
    """A repository without any commit; its files are there."""
    git(workspace, "update-ref", "-d", "HEAD")
    git(workspace, "rm", "-rq", "--cached", ".")
    house = House(workspace, tmp_path / "state")
    await house.open()
    yield Desk(house)
    await house.close()


async def test_before_the_first_commit_an_edit_says_what_to_do(unborn: Desk) -> None:
    run = await unborn.accepts(a_DOT_txt=FIVE)
    [change] = run.changes
    assert await unborn.refused() == f"None of these changes can be committed by itself. {change}: {NO_FILE}."
    assert unborn.status() == ["?? a.txt", "?? b.txt", "?? src/c.py"]


async def test_before_the_first_commit_the_whole_file_is_committed(unborn: Desk) -> None:
    await unborn.accepts(a_DOT_txt=FIVE)
    answer = await unborn.does("commit", whole_files=True)
    assert (answer["paths"], answer["left"]) == (["a.txt"], [])
    assert unborn.committed("a.txt") == FIVE.encode()
    assert unborn.status() == ["?? b.txt", "?? src/c.py"]
    assert (await unborn.refused()).startswith("Nothing is accepted and not committed yet")


async def test_an_untracked_file_whole_beside_a_tracked_one(house: House) -> None:
    desk = Desk(house)
    desk.types("mine.txt", A)
    desk.types("b.txt", "b\nmine\n")
    await desk.accepts(mine_DOT_txt=FIVE, b_DOT_txt="B\nmine\n")
    left = (await desk.does("commit", dry_run=True))["left"]
    assert [each["why"] for each in left] == [NO_FILE]
    answer = await desk.does("commit", whole_files=True)
    assert (answer["paths"], answer["left"]) == (["b.txt", "mine.txt"], [])
    assert desk.committed("mine.txt") == FIVE.encode() and desk.committed("b.txt") == b"B\nmine\n"
    assert desk.status() == []


async def test_what_rests_on_uncommitted_edits_is_committed_with_them(house: House) -> None:
    desk = Desk(house)
    mine = A.replace("three", "3a\n3b")
    desk.types("a.txt", mine)
    await desk.accepts(a_DOT_txt=mine.replace("3b", "3B").replace("five", "FIVE"))
    answer = await desk.does("commit", whole_files=True)
    assert len(answer["change_ids"]) == 2 and not answer["left"]
    assert desk.committed("a.txt") == mine.replace("3b", "3B").replace("five", "FIVE").encode()


async def test_a_file_committed_by_hand_is_not_committed_again_whole(house: House) -> None:
    desk = Desk(house)
    await desk.accepts(a_DOT_txt=FIVE)
    desk.git("commit", "-qam", "by hand")
    assert await desk.refused(whole_files=True) == "The last commit has all of these changes already."


async def test_a_hook_that_fails_at_the_first_commit_has_committed_nothing(unborn: Desk) -> None:
    await unborn.accepts(new_DOT_txt="new\n")
    hook(unborn.folder, "pre-commit", "echo no; exit 1")
    assert await unborn.refused() == "git did not commit, and nothing was changed. It said:\nno"
