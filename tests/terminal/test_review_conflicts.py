"""Conflicts and other versions at the terminal, as a user types them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import CALC, LINTY, House
from test_delegate import task

from nexus_lsp.adapters.claude_launcher import find_cli
from tests.scripted.anthropic_server import Request, ScriptedAnthropic, Turn, by_task, edit, read, say
from tests.scripted.openai_server import ScriptedOpenAI

MINE = LINTY.replace("import sys\n", "import sys as system\n")
FIXED = LINTY.replace("import sys\n", "")


async def proposed(tmp_path: Path) -> House:
    """Two files from which an unused import is to go; the user changes that line of one of them."""
    house = House(tmp_path).write(a=LINTY, b=LINTY).git()
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    house.write(a=MINE)
    return house


async def test_a_conflict_is_listed_with_three_sides_and_how_to_settle_it(tmp_path: Path) -> None:
    said = re.sub(r" +\n", "\n", (await (await proposed(tmp_path)).run("review", "list")).text)
    sides = said[said.index("conflict") :]
    places = [sides.index(part) for part in ("agent saw", "import sys\n", "yours", "import sys as system")]
    assert places == sorted(places) and "(nothing)" in sides
    assert "1 waiting" in said
    assert "1 conflict: `nexus-lsp review resolve ID mine|theirs|both|agent` settles one" in said


@pytest.mark.parametrize(("how", "text"), [("mine", MINE), ("theirs", FIXED), ("both", MINE)])
async def test_settled_by_command_and_undone(tmp_path: Path, how: str, text: str) -> None:
    house = await proposed(tmp_path)
    said = await house.run("review", "resolve", "a.py", how)
    assert (said.code, house.text("a.py")) == (0, text)
    found = re.search(r"settled (\S+)", said.text)
    assert found, said.text
    undone = await house.run("review", "undo", found[1])
    assert (undone.code, house.text("a.py")) == (0, MINE)
    assert "1 conflict" in (await house.run("review", "list")).text


async def test_the_keys_of_a_conflict_come_first(tmp_path: Path) -> None:
    house = await proposed(tmp_path)
    said = await house.run("review", stdin="x\n\n")
    assert "m keep mine" in said.text and "left as it is" in said.text
    said = await house.run("review", stdin="t\ny\n")
    assert (said.code, house.text("a.py"), house.text("b.py")) == (0, FIXED, FIXED)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("resolve", "a.py"), 2, "Say how, after the ids: mine, theirs, both, agent."),
        (("resolve", "a.py", "ours"), 2, "Say how, after the ids: mine, theirs, both, agent."),
        (("resolve", "b.py", "theirs"), 1, "'b.py' names nothing to resolve"),
        (("resolve",), 2, "Say what to resolve"),
        (("revise", "b.py", "--feedback", "shorter"), 1, "local team works by fixed rules"),
        (("revise", "b.py"), 2, "say in a sentence what is to be different"),
        (("revise",), 2, "Say what to revise"),
    ],
)
async def test_bad_input(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    house = await proposed(tmp_path)
    said = await house.run("review", *words)
    assert (said.code, told in " ".join(said.text.split())) == (code, True), said.text
    assert house.text("a.py") == MINE


async def test_a_key_for_another_version_says_who_cannot(tmp_path: Path) -> None:
    house = await proposed(tmp_path)
    said = await house.run("review", stdin="q\nr\nshorter\n")
    assert "local team works by fixed rules" in " ".join(said.text.split())
    assert house.text("b.py") == LINTY


@pytest.mark.skipif(find_cli() is None, reason="Claude Code is not installed")
async def test_another_version_by_a_real_agent(tmp_path: Path) -> None:
    """Claude Code proposes; the user has it done in another way, follows that, and accepts it."""
    house = House(tmp_path).write(calc=CALC).git()
    prompts: list[str] = []

    def again(r: Request) -> Turn:
        prompts.append(r.prompt)
        if r.turn == 0:
            return read("calc.py")
        if r.turn == 1:
            assert "return a + b" in r.result, "what waits stands in its checkout"
            return edit("calc.py", "    return a + b", "    return sum((a, b))")
        return say("It sums now.")

    first = [read("calc.py"), edit("calc.py", "    return a - b", "    return a + b"), say("It adds.")]
    plan = {
        "summary": "Add.",
        "tasks": [task("code", "code_developer", "implementation", writes=("calc.py",))],
    }
    script = by_task({"code": first, "revise-1": again})
    async with ScriptedOpenAI(plan=plan) as openai, ScriptedAnthropic(script) as claude:
        house.env = {
            "OPENAI_BASE_URL": openai.base_url,
            "OPENAI_API_KEY": "k",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "ANTHROPIC_API_KEY": "k",
        }
        said = await house.run("delegate", "Make add() add", "--accept", "none")
        assert said.code == 0, said.text
        said = await house.run("review", "revise", "calc.py", "--feedback", "Use sum().")
        assert (said.code, "return sum((a, b))" in said.text) == (0, True), said.text
        accepted = await house.run("review", "accept", "calc.py")
    assert accepted.code == 0 and claude.errors == []
    assert house.text("calc.py") == CALC.replace("a - b", "sum((a, b))")
    assert "Use sum()." in prompts[0] and "return a - b" in prompts[0]
