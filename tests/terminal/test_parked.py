"""Changes that belong to another branch than the one checked out, as a user at a terminal meets them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import LINTY, House, Said


class Parked:
    """A run on `feat` waits for review; then the user goes elsewhere."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.run_id = ""

    async def begin(self) -> Parked:
        self.git("switch", "-q", "-c", "feat")
        await self.house.run("delegate", "Fix the lint problems", "--team", "local", "--accept", "none")
        self.run_id = next(w for w in (await self.house.run("runs")).text.split() if w.startswith("run_"))
        return self

    def git(self, *words: str) -> str:
        env = self.house.environment()
        done = subprocess.run(
            ["git", *words], cwd=self.house.workspace, text=True, capture_output=True, env=env
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    async def check(self, *words: str, says: str, code: int) -> Said:
        """What a command says, in this order, and its exit code."""
        said = await self.house.run(*words)
        assert says in " ".join(said.text.split()), said.text
        assert said.code == code, said.text
        return said


@pytest.fixture
async def parked(tmp_path: Path) -> Parked:
    return await Parked(House(tmp_path).write(a=LINTY).git()).begin()


async def test_the_branch_is_gone_and_its_changes_are_taken_along(parked: Parked) -> None:
    parked.git("switch", "-q", "-")
    parked.git("branch", "-qD", "feat")
    resume = f"nexus-lsp runs --resume {parked.run_id}"
    await parked.check("review", "accept", "a.py", says=f"take the run along with `{resume}`", code=1)
    await parked.check(
        "review",
        "list",
        says=f"1 more on feat: switch there to decide, or take the run along with `{resume}`",
        code=0,
    )
    await parked.check("runs", "--resume", parked.run_id, says="1 waiting", code=0)
    await parked.check("review", "accept", "a.py", says="accepted", code=0)
    assert parked.house.text("a.py") == LINTY.replace("import sys\n", "")


async def test_a_run_that_is_ready_where_it_belongs_has_nothing_to_go_on_with(parked: Parked) -> None:
    await parked.check("runs", "--resume", parked.run_id, says="This run is ready; only a paused", code=1)


async def test_the_first_list_after_a_switch_shows_nothing_of_the_branch_left(parked: Parked) -> None:
    parked.git("switch", "-q", "-")
    said = await parked.check("review", "list", says="Nothing waits for review. 1 more on feat", code=0)
    assert "a.py" not in said.text


async def test_a_review_where_all_waits_elsewhere_says_so(parked: Parked) -> None:
    parked.git("switch", "-q", "-")
    await parked.check("review", says="Nothing waits for review. 1 more on feat", code=0)


async def test_the_first_diff_after_a_switch_shows_nothing_of_the_branch_left(parked: Parked) -> None:
    parked.git("switch", "-q", "-")
    assert (await parked.house.run("review", "diff")).text == ""
    parked.git("switch", "-q", "feat")
    assert (await parked.house.run("review", "diff")).text.startswith("diff --git a/a.py b/a.py\n")


async def test_a_detached_head_is_another_place_and_named_shortly(parked: Parked) -> None:
    parked.git("checkout", "-q", "--detach")
    here = parked.git("rev-parse", "HEAD")[:10]
    await parked.check("review", "list", says="Nothing waits for review. 1 more on feat", code=0)
    await parked.check("review", "accept", "a.py", says=f"and HEAD is {here}: switch back", code=1)


async def test_rejecting_it_from_another_branch_is_refused_as_accepting_is(parked: Parked) -> None:
    parked.git("switch", "-q", "-")
    await parked.check("review", "reject", "a.py", says="it belongs to feat", code=1)
    parked.git("switch", "-q", "feat")
    await parked.check("review", "list", says="1 waiting", code=0)
