"""The user changes their mind while a hook runs: no half a commit, whenever that is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from commit_house import Desk, hook
from engine_house import FILES, House, house, workspace

__all__ = ["house", "workspace"]

FIVE = FILES["a.txt"].replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def stopped_in(desk: Desk, name: str) -> asyncio.Task[dict[str, Any]]:
    """A commit whose slow hook of this name is at work, cancelled."""
    await desk.accepts(a_DOT_txt=FIVE)
    desk.types("b.txt", "staged\n")
    desk.git("add", "b.txt")
    hook(desk.folder, name, "echo $$ > pid; sleep 60")
    commit = asyncio.create_task(desk.does("commit"))
    async with asyncio.timeout(20):
        while not (desk.folder / "pid").exists():
            await asyncio.sleep(0.02)
        commit.cancel()
        await asyncio.wait((commit,))
    (desk.folder / "pid").unlink()
    (desk.folder / ".git/hooks" / name).unlink()
    assert not (desk.folder / ".git/index.lock").exists()
    return commit


async def test_stopped_in_a_slow_hook_nothing_is_committed(desk: Desk) -> None:
    assert (await stopped_in(desk, "pre-commit")).cancelled()
    assert desk.git("log", "--format=%s").splitlines() == ["first"]
    assert desk.status() == [" M a.txt", "M  b.txt"]
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode() and desk.status() == ["M  b.txt"]


async def test_stopped_after_it_was_made_it_counts_as_made(desk: Desk) -> None:
    """Git runs `post-commit` when the branch has the commit already."""
    made = (await stopped_in(desk, "post-commit")).result()
    assert made["commit"] == desk.git("rev-parse", "HEAD")
    assert desk.committed("a.txt") == FIVE.encode() and desk.status() == ["M  b.txt"]
    assert (await desk.refused()).startswith("Nothing is accepted and not committed yet")
