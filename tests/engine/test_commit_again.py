"""Committing once more: the user took the commit back, amended it, or moved it onto another one."""

from __future__ import annotations

import pytest
from commit_house import Desk
from engine_house import FILES, House, house, workspace

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")
NOTHING = "Nothing is accepted and not committed yet: accept changes first."
HAS_ALL = "The last commit has all of these changes already."


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


@pytest.mark.parametrize("how", ["--mixed", "--soft"])
async def test_a_commit_that_was_reset_is_made_again(desk: Desk, how: str) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE, new_DOT_txt="new\n")
    first = await desk.does("commit")
    desk.git("reset", "-q", how, "HEAD~1")
    again = await desk.does("commit")
    assert again["change_ids"] == first["change_ids"] and not again["left"]
    assert desk.git("rev-list", "--count", "HEAD") == "2"
    assert desk.committed("a.txt") == FIVE.encode() and desk.status() == []
    commits = {s.commit for s in desk.house.now(run).changes.values()}
    assert commits == {again["commit"]}
    assert await desk.refused() == NOTHING


async def test_the_only_commit_was_taken_back(desk: Desk) -> None:
    await desk.accepts(new_DOT_txt="new\n")
    await desk.does("commit")
    desk.git("update-ref", "-d", "HEAD")
    await desk.does("commit")
    assert desk.git("rev-list", "--count", "HEAD") == "1" and desk.committed("new.txt") == b"new\n"


async def test_a_commit_that_git_forgot(desk: Desk) -> None:
    """Reset, and its objects are gone."""
    await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    desk.git("reset", "-q", "HEAD~1")
    desk.git("reflog", "expire", "--expire=now", "--all")
    desk.git("gc", "-q", "--prune=now")
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()


@pytest.mark.parametrize(
    "text", [FIVE, A + "six\n", A.replace("three\n", ""), A.replace("two\n", "two\ntwo\n")]
)
async def test_an_amended_commit_is_not_made_twice(desk: Desk, text: str) -> None:
    await desk.accepts(a_DOT_txt=text, new_DOT_txt="new\n")
    await desk.does("commit")
    desk.types("b.txt", "mine\n")
    desk.git("commit", "-qa", "--amend", "-m", "amended")
    assert await desk.refused() == HAS_ALL
    assert (await desk.refused()).startswith("Nothing is accepted and not committed yet")
    assert desk.git("log", "--format=%s").splitlines() == ["amended", "first"]


@pytest.mark.parametrize(
    "text", [FIVE, A + "six\n", A.replace("three\n", ""), A.replace("two\n", "two\ntwo\n")]
)
async def test_a_rebased_commit_is_not_made_twice(desk: Desk, text: str) -> None:
    await desk.accepts(a_DOT_txt=text, new_DOT_txt="new\n")
    await desk.does("commit")
    desk.git("checkout", "-q", "-b", "other", "HEAD~1")
    desk.types("b.txt", "theirs\n")
    desk.types("a.txt", "zero\n" + A)
    desk.git("commit", "-qam", "theirs")
    desk.git("checkout", "-q", "main")
    desk.git("rebase", "-q", "other")
    assert await desk.refused() == HAS_ALL
    await desk.accepts(b_DOT_txt="theirs too\n")
    answer = await desk.does("commit")
    assert (answer["paths"], answer["left"]) == (["b.txt"], [])
    assert desk.status() == []


async def test_what_was_thrown_away_with_its_commit_is_not_spoken_of_again(desk: Desk) -> None:
    """`git reset --hard`: the next commit is of what is new, and complains of nothing."""
    await desk.accepts(a_DOT_txt=FIVE)
    made = await desk.does("commit")
    desk.git("reset", "-q", "--hard", "HEAD~1")
    assert await desk.refused() == (
        "Nothing is accepted and not committed yet. Your branch no longer has the commit "
        f"{made['commit'][:12]}, and what was in it cannot be committed again: your files or the last commit "
        "have other lines there by now."
    )
    await desk.accepts(b_DOT_txt="new b\n")
    answer = await desk.does("commit")
    assert (answer["paths"], answer["left"]) == (["b.txt"], [])


async def test_an_amended_commit_with_other_lines_is_not_spoken_of_again(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    desk.types("a.txt", A.replace("five", "5"))
    desk.git("commit", "-qa", "--amend", "-m", "amended")
    await desk.accepts(b_DOT_txt="new b\n")
    answer = await desk.does("commit")
    assert (answer["paths"], answer["left"]) == (["b.txt"], [])
