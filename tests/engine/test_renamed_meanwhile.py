"""Files that the user gave other names while no editor looked on: only what is sure is followed."""

from __future__ import annotations

from typing import Any

import pytest
from engine_house import House, git, house, workspace
from fakes import puts, task

from nexus_lsp.core.run import Run

__all__ = ["house", "workspace"]


def text(name: str, *, changed: int = 0) -> str:
    """Twenty lines of this name, so many of them the user's."""
    return "".join(f"{'mine' if n < changed else name} line {n}\n" for n in range(20))


def shouted(name: str, **given: int) -> str:
    return text(name, **given).replace(" 15\n", " FIFTEEN\n")


FILES = ("src/one.py", "src/two.py", "pack/a.py", "pack/deep/b.py")


async def proposed(house: House) -> Run:
    """A run that changes a line in each file, renames one, and makes one in a folder."""
    for path in (*FILES, "theirs.py"):
        house.types(path, text(path))
    git(house.workspace, "add", "-A")
    git(house.workspace, "commit", "-qm", "files")
    wanted = {path: shouted(path) for path in FILES} | {"pack/new.py": "new\n"}
    return await house.run(task("t"), t=puts(wanted | {"theirs.py": None, "ours.py": text("theirs.py")}))


async def check(house: House, moved: dict[str, str], unsure: dict[str, list[str]] | None = None) -> None:
    """What is told, once: a second look finds everything where it is."""
    answer = await house.operations.execute("review.follow", {})
    assert {m["old_path"]: m["path"] for m in answer["moved"]} == moved
    assert {m["path"]: m["candidates"] for m in answer["unsure"]} == (unsure or {})
    again = await house.operations.execute("review.follow", {})
    assert (again["moved"], again["unsure"]) == ([], answer["unsure"])


def waiting(house: House, run: Run) -> set[str]:
    return {change.path for change in house.now(run).pending_changes}


async def accepted(house: House, run: Run, path: str) -> Any:
    ids = [c.id for c in house.now(run).pending_changes if c.path == path]
    decided = await house.accept(run, *ids)
    assert ids and (decided.done, decided.refused) == (ids, [])
    return house.user_texts()[path]


async def test_nothing_is_followed_where_every_file_is_where_it_was(house: House) -> None:
    run = await proposed(house)
    house.types("copy.py", text("src/one.py"))
    await check(house, {})
    assert "src/one.py" in waiting(house, run)


@pytest.mark.parametrize("changed", [0, 1])
async def test_a_renamed_file_takes_its_changes_along(house: House, changed: int) -> None:
    run = await proposed(house)
    house.types("src/one.py", None)
    house.types("other.py", text("src/one.py", changed=changed))
    await check(house, {"src/one.py": "other.py"})
    assert await accepted(house, run, "other.py") == shouted("src/one.py", changed=changed)


async def test_a_file_is_renamed_again_and_back(house: House) -> None:
    run = await proposed(house)
    for old, new in (("src/one.py", "x.py"), ("x.py", "y.py"), ("y.py", "src/one.py")):
        house.types(old, None)
        house.types(new, text("src/one.py"))
        await check(house, {old: new})
        await house.reopen()
    assert await accepted(house, run, "src/one.py") == shouted("src/one.py")


async def test_two_renamed_files_are_two(house: House) -> None:
    run = await proposed(house)
    for old, new in (("src/one.py", "x.py"), ("src/two.py", "y.py")):
        house.types(old, None)
        house.types(new, text(old))
    await check(house, {"src/one.py": "x.py", "src/two.py": "y.py"})
    assert {"x.py", "y.py"} <= waiting(house, run)


async def test_a_folder_takes_what_is_to_come_in_it_along(house: House) -> None:
    run = await proposed(house)
    (house.workspace / "pack").rename(house.workspace / "package")
    await check(house, {"pack": "package"})
    assert {"package/a.py", "package/deep/b.py", "package/new.py"} <= waiting(house, run)


async def test_a_file_that_waits_to_be_renamed_is_renamed_from_its_new_name(house: House) -> None:
    run = await proposed(house)
    house.types("theirs.py", None)
    house.types("mine.py", text("theirs.py"))
    await check(house, {"theirs.py": "mine.py"})
    assert await accepted(house, run, "ours.py") == text("theirs.py")
    assert "mine.py" not in house.user_texts()


async def test_the_user_did_the_renaming_that_was_proposed(house: House) -> None:
    run = await proposed(house)
    house.types("theirs.py", None)
    house.types("ours.py", text("theirs.py"))
    await check(house, {})
    assert await accepted(house, run, "ours.py") == text("theirs.py")


# --- not sure ----------------------------------------------------------------------------------------


async def test_two_files_with_its_text(house: House) -> None:
    run = await proposed(house)
    house.types("src/one.py", None)
    house.types("x.py", text("src/one.py"))
    house.types("y.py", text("src/one.py", changed=1))
    await check(house, {}, {"src/one.py": ["x.py", "y.py"]})
    assert "src/one.py" in waiting(house, run)


async def test_one_file_that_may_be_either_of_two(house: House) -> None:
    house.types("twin.py", text("src/one.py"))
    await proposed(house)
    house.types("src/one.py", None)
    house.types("twin.py", None)
    house.types("x.py", text("src/one.py"))
    await check(house, {}, {"src/one.py": ["x.py"]})


async def test_a_file_that_is_much_another(house: House) -> None:
    run = await proposed(house)
    house.types("src/one.py", None)
    house.types("x.py", text("src/one.py", changed=6))
    await check(house, {})
    assert "src/one.py" in waiting(house, run)


async def test_a_deleted_file(house: House) -> None:
    await proposed(house)
    house.types("src/one.py", None)
    await check(house, {})


async def test_what_git_ignores_is_not_followed(house: House) -> None:
    await proposed(house)
    house.types(".gitignore", "*.bak\n")
    house.types("src/one.py", None)
    house.types("one.bak", text("src/one.py"))
    await check(house, {})


async def test_another_branch_says_nothing_of_the_files(house: House) -> None:
    run = await proposed(house)
    git(house.workspace, "switch", "-qc", "other")
    git(house.workspace, "mv", "src/one.py", "x.py")
    git(house.workspace, "commit", "-qm", "moved")
    await check(house, {})
    git(house.workspace, "switch", "-q", "main")
    await check(house, {})
    assert "src/one.py" in waiting(house, run)


async def test_what_was_accepted_goes_with_what_waits(house: House) -> None:
    house.types("long.py", long := text("long"))
    run = await house.run(
        task("t"), t=puts({"long.py": long.replace(" 3\n", " THREE\n").replace(" 15\n", " FIFTEEN\n")})
    )
    first, _ = run.changes
    await house.accept(run, first)
    house.types("long.py", None)
    house.types("longer.py", long.replace(" 3\n", " THREE\n"))
    await check(house, {"long.py": "longer.py"})
    await house.review.undo([first], None)
    assert house.user_texts()["longer.py"] == long
