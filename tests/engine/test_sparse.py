"""A sparse checkout: agents do not see what it leaves out, and what they write there replaces nothing."""

from __future__ import annotations

import pytest
from engine_house import House, git, house, workspace
from fakes import done, put, task, writes

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
