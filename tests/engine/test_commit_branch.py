"""Waiting changes on a branch of their own: `nexus.review.branch`."""

from __future__ import annotations

import pytest
from commit_house import Desk, hook
from engine_house import FILES, House, house, manifest, workspace

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_a_branch_holds_what_waits_and_nothing_else_moves(desk: Desk) -> None:
    desk.types("a.txt", A.replace("one", "mine"))
    desk.types("b.txt", "staged\n")
    desk.git("add", "b.txt")
    hook(desk.folder, "pre-commit", "exit 1")
    run = await desk.proposes(
        "fix five", a_DOT_txt=A.replace("one", "mine").replace("five", "FIVE"), new_DOT_txt="n\n"
    )
    before = {p: v for p, v in manifest(desk.folder).items() if "/objects/" not in p}
    answer = await desk.does("branch", run_id=run.id, name="nexus/five")
    after = {p: v for p, v in manifest(desk.folder).items() if "/objects/" not in p}
    assert sorted(after.keys() - before.keys()) == [
        ".git/logs/refs/heads/nexus/five",
        ".git/refs/heads/nexus/five",
    ]
    assert {p: after[p] for p in before} == before
    assert desk.committed("a.txt", "nexus/five") == FIVE.encode()
    assert desk.committed("new.txt", "nexus/five") == b"n\n"
    assert desk.committed("b.txt", "nexus/five") == FILES["b.txt"].encode()
    assert desk.git("log", "--format=%s", "nexus/five").splitlines() == ["Fix five", "first"]
    assert answer["branch"] == "nexus/five" and not answer["left"]
    assert [s.status for s in desk.house.now(run).changes.values()] == ["pending", "pending"]


async def test_one_change_then_accepted_and_committed_as_ever(desk: Desk) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE.replace("one", "ONE"))
    [one, five] = run.changes
    await desk.does("branch", change_ids=[five], name="five")
    assert desk.committed("a.txt", "five") == FIVE.encode()
    await desk.house.accept(run)
    answer = await desk.does("commit")
    assert sorted(answer["change_ids"]) == sorted([one, five])
    assert desk.status() == []


async def test_from_another_branch_it_stands_on_the_runs_own(desk: Desk) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE)
    desk.git("checkout", "-qb", "other")
    desk.git("commit", "-q", "--allow-empty", "-m", "other")
    await desk.does("branch", run_id=run.id, name="five")
    assert desk.git("log", "--format=%s", "five").splitlines() == ["Make it good", "first"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("main", "There is a branch main already: choose another name."),
        ("a..b", "'a..b' is no name for a branch: write one such as nexus/fix-add."),
        ("-d", "'-d' is no name for a branch: write one such as nexus/fix-add."),
        ("@{-1}", "'@{-1}' is no name for a branch: write one such as nexus/fix-add."),
    ],
)
async def test_names_that_cannot_be(desk: Desk, name: str, why: str) -> None:
    run = await desk.proposes(a_DOT_txt=FIVE)
    assert await desk.refused("branch", run_id=run.id, name=name) == why


async def test_what_cannot_be_put_on_a_branch(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE)
    assert (await desk.refused("branch", run_id=run.id, name="x")).startswith("Nothing waits there")
    [change] = run.changes
    assert "is accepted: a branch takes" in await desk.refused("branch", change_ids=[change], name="x")
    with pytest.raises(Unknown):
        await desk.does("branch", change_ids=["change_77"], name="x")
    with pytest.raises(InvalidArgument, match="exactly one"):
        await desk.does("branch", name="x")


async def test_a_picture_that_is_renamed_takes_no_other_pictures_place(desk: Desk) -> None:
    """It came to the branch after the run began."""
    desk.types("old.png", b"\0old")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "a picture")
    run = await desk.proposes(old_DOT_png=None, new_DOT_png=b"\0old")
    desk.types("new.png", b"\0mine")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "mine")
    with pytest.raises(Refused, match="another version of this file"):
        await desk.does("branch", run_id=run.id, name="pictures")
