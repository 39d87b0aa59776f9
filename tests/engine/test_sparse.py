"""A sparse checkout: agents do not see what it leaves out, and what they write there replaces nothing."""

from __future__ import annotations

import pytest
from engine_house import House, git, house, workspace
from fakes import done, put, puts, task, writes

from nexus_lsp.ports import Assignment, Outcome

__all__ = ["house", "workspace"]

NEW = {"src/c.py": "mine\n", "docs/new.md": "new\n"}


def write(assignment: Assignment) -> Outcome:
    assert not (assignment.checkout / "src/c.py").exists()
    for path, text in NEW.items():
        put(assignment.checkout, path, text)
    return done()


HOW = {
    "cone": ("init", "--cone", "--no-sparse-index"),
    "sparse index": ("init", "--cone", "--sparse-index"),
    "patterns": ("set", "--no-cone", "/*", "!/src"),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("beside", ["", "something of the user's in that folder"])
async def test_a_file_that_it_leaves_out_is_not_replaced_by_a_new_one(
    house: House, how: str, beside: str
) -> None:
    git(house.workspace, "sparse-checkout", *HOW[how])
    if beside:
        house.types("src/notes.txt", beside)
    run = await house.run(task("t"), t=write)
    ids = {change.path: change.id for change in run.pending_changes}
    decided = await house.accept(run)
    assert decided.done == [ids["docs/new.md"]]
    assert decided.refused == [
        (
            ids["src/c.py"],
            "src/c.py is left out of this sparse checkout, so what git has there was not seen; "
            "`git sparse-checkout add src` first",
        )
    ]
    assert "src/c.py" not in house.user_texts()
    assert " src/c.py" not in git(house.workspace, "status", "--porcelain")
    git(house.workspace, "sparse-checkout", "add", "src")
    assert (await house.accept(run)).done == []
    assert house.user_texts()["src/c.py"] == "def c():\n    return 1\n"


async def test_nothing_is_left_out_once_it_is_disabled(house: House) -> None:
    git(house.workspace, "sparse-checkout", "init", "--cone")
    git(house.workspace, "sparse-checkout", "disable")
    run = await house.run(task("t"), t=writes(src__new="new\n"))
    assert (await house.accept(run)).refused == []
    assert house.user_texts()["src/new"] == "new\n"


HIDDEN = (
    "{} is left out of this sparse checkout, so what git has there was not seen; "
    "`git sparse-checkout add src` first"
)


@pytest.mark.parametrize("how", HOW)
async def test_a_branch_keeps_what_it_leaves_out(house: House, how: str) -> None:
    """Git's own file of that name stays; a name that git does not have is free for a new file."""
    house.types("pixel", b"\0mine")
    house.types("src/pixel", b"\0git's")
    git(house.workspace, "add", "-A")
    git(house.workspace, "commit", "-qm", "pictures")
    git(house.workspace, "sparse-checkout", *HOW[how])
    files = {**NEW, "src/new.py": "new\n", "src/pixel": b"\0mine", "pixel": None}
    run = await house.run(task("t"), t=puts(files))
    ids = {change.path: change.id for change in run.pending_changes}
    answer = await house.operations.execute("review.branch", {"run_id": run.id, "name": "x"})
    assert answer["change_ids"] == [ids["docs/new.md"], ids["src/new.py"]]
    left = [{"id": ids[path], "why": HIDDEN.format(path)} for path in ("src/c.py", "src/pixel")]
    assert sorted(answer["left"], key=lambda one: one["why"]) == left
    assert git(house.workspace, "show", "x:src/c.py") == "def c():\n    return 1"
    assert git(house.workspace, "show", "x:src/pixel") == "\0git's"
    assert git(house.workspace, "show", "x:src/new.py") == "new"


async def test_a_conflict_in_a_file_that_it_leaves_out_by_now_is_not_settled(house: House) -> None:
    run = await house.run(task("t"), t=puts({"src/c.py": "def c():\n    return 2\n"}))
    (change,) = run.changes
    house.types("src/c.py", "def c():\n    return 7\n")
    git(house.workspace, "commit", "-qam", "mine")
    git(house.workspace, "sparse-checkout", "init", "--cone")
    decided = await house.review.resolve([change], "theirs", None)
    hidden = "src/c.py is left out of this sparse checkout; `git sparse-checkout add src` first"
    assert decided.refused == [(change, hidden)]
    git(house.workspace, "sparse-checkout", "add", "src")
    assert (await house.review.resolve([change], "theirs", None)).done == [change]
    assert house.user_texts()["src/c.py"] == "def c():\n    return 2\n"


async def test_a_conflict_in_a_read_only_file_is_settled_where_nothing_is_written(house: House) -> None:
    run = await house.run(task("t"), t=puts({"b.txt": "B\n"}))
    (change,) = run.changes
    house.types("b.txt", "mine\n")
    (house.workspace / "b.txt").chmod(0o444)
    refused = (await house.review.resolve([change], "theirs", None)).refused
    assert refused == [(change, "b.txt is read-only; `chmod u+w b.txt` first")]
    assert (await house.review.resolve([change], "mine", None)).done == [change]
    assert house.user_texts()["b.txt"] == "mine\n"
