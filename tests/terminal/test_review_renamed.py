"""A user without an editor renames files while their changes wait, and then reviews."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import LINTY, House, Said

LONG = LINTY + "".join(f"\n\ndef number_{n}() -> int:\n    return {n}\n" for n in range(12))
FIXED = LONG.replace("import sys\n", "")


@pytest.fixture
async def house(tmp_path: Path) -> House:
    """An unused import is to go from a.py."""
    house = House(tmp_path).write(a=LONG, b="b = 1\n").git()
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    return house


async def check(house: House, *words: str, says: str, code: int = 0, stdin: str = "") -> Said:
    """What a command says, among other things, and its exit code."""
    said = await house.run("review", *words, stdin=stdin)
    assert says in " ".join(said.text.split()), said.text
    assert said.code == code, said.text
    return said


MOVED = "a.py is c.py by now: its changes went with it."


@pytest.mark.parametrize("words", [("list",), ("diff",), ("accept", "c.py"), ("reject", "c.py"), ()])
async def test_a_renamed_file_has_its_changes_under_its_new_name(
    house: House, words: tuple[str, ...]
) -> None:
    (house.workspace / "a.py").rename(house.workspace / "c.py")
    await check(house, *words, says=MOVED, stdin="q\n")
    assert MOVED not in (await house.run("review", "list")).text
    if words == ("list",):
        await check(house, "accept", "c.py", says="accepted")
        assert house.text("c.py") == FIXED
        assert not (house.workspace / "a.py").exists()


async def test_a_patch_stays_one(house: House) -> None:
    (house.workspace / "a.py").rename(house.workspace / "c.py")
    done = subprocess.run(
        [sys.executable, "-m", "nexus_lsp", "review", "diff"],
        cwd=house.workspace,
        env=house.environment(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("diff --git a/c.py b/c.py"), done.stdout
    assert MOVED in done.stderr


async def test_a_file_that_may_be_either_of_two_is_not_guessed(house: House) -> None:
    for name in ("c.py", "d.py"):
        (house.workspace / name).write_text(LONG)
    (house.workspace / "a.py").unlink()
    says = "a.py is gone; it may be c.py or d.py by now, but that is not sure: rename it back to decide"
    await check(house, "list", says=says)
    await check(house, "accept", "a.py", says="a.py is gone or is no longer text", code=1)
    assert (house.text("c.py"), house.text("d.py")) == (LONG, LONG)
