"""Bad input: what a user reads, and that nothing is lost. One row a mishap."""

import os
from pathlib import Path

import pytest
from command_line import CALC, LINTY, House
from test_delegate import manifest

from tests.scripted.anthropic_server import ScriptedAnthropic, Stall, Status, bash, say, write
from tests.scripted.openai_server import ScriptedOpenAI


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path).write(calc=CALC, linty=LINTY).git()


async def check(house: House, *args: str, code: int, says: str, **env: str) -> str:
    """One command, its exit code, a piece of its text; the workspace stays as it is."""
    before = manifest(house.workspace) if house.workspace.is_dir() else {}
    said = await house.run(*args, **env)
    assert says in " ".join(said.text.split()), said.text
    assert said.code == code, said.text
    assert "Traceback" not in said.text
    assert (manifest(house.workspace) if house.workspace.is_dir() else {}) == before
    return said.text


async def test_an_empty_request(house: House) -> None:
    await check(house, "delegate", "  ", code=2, says="The request is empty")


async def test_no_request_at_all(house: House) -> None:
    await check(house, "delegate", code=2, says="the following arguments are required: request")


async def test_a_request_that_is_a_pasted_file(house: House) -> None:
    await check(house, "delegate", "x" * 110_000, code=2, says="`request` has 110,000 characters")


async def test_a_workspace_that_is_not_there(house: House) -> None:
    await check(house, "delegate", "x", "--workspace", "/no/where", code=1, says="no workspace at /no/where")


async def test_a_workspace_that_is_a_file(house: House) -> None:
    args = ("delegate", "x", "--workspace", str(house.workspace / "calc.py"))
    await check(house, *args, code=1, says="give an existing directory")


async def test_a_state_directory_inside_the_workspace(house: House) -> None:
    args = ("delegate", "Fix lint", "--team", "local")
    state = str(house.workspace / "state")
    await check(house, *args, code=1, says="lies inside the workspace", NEXUS_STATE_DIR=state)


async def test_text_that_looks_like_markup(house: House) -> None:
    await check(house, "runs", "no[/red]pe", code=1, says="no[/red]pe")


async def test_a_budget_that_is_none(house: House) -> None:
    await check(house, "delegate", "x", "--budget", "nan", code=2, says="give US dollars, more than 0")
    await check(house, "delegate", "x", "--budget-tokens", "0", code=2, says="give a number above 0")


async def test_git_is_not_installed(house: House, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    said = await check(house, "delegate", "Fix lint", "--team", "local", code=1, says="git", PATH=str(empty))
    assert "Install git" in said


async def test_the_state_directory_cannot_be_written(house: House, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a directory should be")
    args = ("delegate", "Fix lint", "--team", "local")
    await check(house, *args, code=1, says="NEXUS_STATE_DIR", NEXUS_STATE_DIR=str(blocked / "state"))


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.getuid() != 0, reason="needs a small file system")
async def test_the_disk_is_full(house: House, tmp_path: Path) -> None:
    import subprocess

    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(full)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (full / "filler").write_bytes(b"x" * 150_000)
        args = ("delegate", "Fix lint", "--team", "local")
        said = await check(house, *args, code=1, says="", NEXUS_STATE_DIR=str(full))
        assert "disk" in said.lower() or "space" in said.lower()
    finally:
        subprocess.run(["umount", "-l", str(full)], check=False)


async def test_the_planner_answers_nonsense(house: House) -> None:
    async with ScriptedOpenAI("nonsense") as openai:
        args = ("delegate", "Fix lint", "--team", "local")
        said = await check(house, *args, code=1, says="no usable plan", OPENAI_BASE_URL=openai.base_url)
    assert "NEXUS_PLANNER_MODEL" in said


async def test_the_planners_key_is_wrong(house: House) -> None:
    async with ScriptedOpenAI("401") as openai:
        args = ("delegate", "Fix lint", "--team", "local")
        env = {"OPENAI_BASE_URL": openai.base_url, "OPENAI_API_KEY": "sk-secret-1"}
        said = await check(house, *args, code=1, says="OPENAI_API_KEY", **env)
    assert "sk-secret-1" not in said


async def test_anthropics_key_is_wrong(house: House) -> None:
    async with ScriptedAnthropic([say("x")], key="right") as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "wrong"}
        await check(house, "delegate", "Add a feature", code=1, says="refused the API key (401)", **env)


async def test_the_team_has_no_credentials(house: House) -> None:
    args = ("delegate", "Add a feature", "--team", "claude")
    await check(house, *args, code=1, says="Claude Code has no credentials")


async def test_a_workspaces_own_persona_and_a_broken_one_are_said_at_the_start(house: House) -> None:
    folder = house.workspace / ".nexus" / "personas"
    folder.mkdir(parents=True)
    own = Path(__file__).parents[2] / "personas" / "code_developer.json"
    (folder / "code_developer.json").write_text(own.read_text())
    (folder / "broken.json").write_text("{")
    said = await house.run("delegate", "Analyse calc.py", "--team", "local", "--accept", "none")
    text = " ".join(said.text.split())
    assert "As this workspace describes them: Code (code_developer)." in text
    assert ".nexus/personas/broken.json:" in text


@pytest.mark.parametrize("action", [("search", "x"), ("export",), ("forget", "--everything")])
async def test_a_memory_that_is_no_database_is_moved_aside_and_that_is_said(
    house: House, action: tuple[str, ...]
) -> None:
    await house.run("delegate", "Analyse calc.py", "--team", "local", "--accept", "none")
    [memory] = (house.root / "state").rglob("memory.db")
    memory.write_bytes(b"no database" * 1_000)
    said = await house.run("memory", *action)
    assert said.code in (0, 1) and "memory.db.broken" in said.text.replace("\n", ""), said.text


async def test_what_is_said_when_nobody_is_at_work_any_more(house: House) -> None:
    done = await house.run("delegate", "Fix the lint problems", "--team", "local", "--accept", "none")
    run_id = next(word for word in done.text.split() if word.startswith("run_"))
    said = await house.run("say", run_id, "Code", "Mind the edge.")
    assert (said.code, "nobody is at work in it" in said.text) == (1, True), said.text


@pytest.mark.long
async def test_the_model_is_overloaded_for_good(house: House) -> None:
    async with ScriptedAnthropic(lambda _r: Status(529)) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "k"}
        await check(house, "delegate", "Add a feature", code=1, says="529", **env)


async def test_an_agent_that_writes_outside_its_checkout(house: House, tmp_path: Path) -> None:
    target = house.workspace / "calc.py"

    def script(r):
        if r.turn == 0:
            return write(str(target), "stolen")
        if r.turn == 1:
            return bash(f"echo stolen > {target}; echo stolen > {tmp_path}/elsewhere")
        return say("Tried.")

    async with ScriptedAnthropic(script) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "k"}
        args = ("delegate", "Add a feature", "--accept", "none", "--trust")
        await check(house, *args, code=0, says="Ready", **env)
    assert not (tmp_path / "elsewhere").exists()


async def test_binary_and_large_files_are_reviewed_as_a_whole(house: House) -> None:
    def script(r):
        if "code" not in r.task or r.turn > 0:
            return say("Nothing.")
        return bash("head -c 10485760 /dev/zero | tr '\\0' 'a' > big.txt; printf '\\0\\1' > logo.bin")

    async with ScriptedAnthropic(script) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "k"}
        house.env = env
        said = await house.run("delegate", "Add a feature", "--accept", "all", "--trust")
    assert said.code == 0, said.text
    assert (house.workspace / "big.txt").stat().st_size == 10_485_760
    assert (house.workspace / "logo.bin").read_bytes() == b"\0\1"
    assert "binary file" in said.text


async def test_a_file_that_vanished_before_the_accept(house: House) -> None:
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    (house.workspace / "linty.py").unlink()
    await check(house, "review", "accept", "linty.py", code=1, says="linty.py is gone or is no longer text")


async def test_lines_the_user_rewrote_are_never_overwritten(house: House) -> None:
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    (house.workspace / "linty.py").write_text(LINTY.replace("import sys\n", "import sys as system\n"))
    await check(house, "review", "accept", "linty.py", code=1, says="you changed these lines")


@pytest.mark.parametrize(
    ("action", "to"),
    [("accept", "accept"), ("undo", "undo"), ("diff", "show"), ("revise", "revise")],
)
async def test_an_unknown_change(house: House, action: str, to: str) -> None:
    given = ("--feedback", "shorter") if action == "revise" else ()
    await check(
        house, "review", action, "change_nope", *given, code=1, says=f"'change_nope' names nothing to {to};"
    )


async def test_no_python_and_no_claude(tmp_path: Path) -> None:
    house = House(tmp_path)
    (house.workspace / "main.go").write_text("package main\n")
    said = await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    assert "Claude Code" in said.text
    assert "to review" not in said.text or "0 changes" in said.text


async def test_a_model_that_stops_talking_can_be_cancelled(house: House) -> None:
    import asyncio

    async with ScriptedAnthropic(lambda _r: Stall()) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "k"}
        run = asyncio.create_task(house.run("delegate", "Add a feature", "--accept", "none", **env))
        while not claude.requests:
            await asyncio.sleep(0.1)
        listed = await house.run("runs")
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert "in_progress" in listed.text or "Another NEXUS" in listed.text


async def test_a_read_only_file_is_not_replaced(house: House) -> None:
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    (house.workspace / "linty.py").chmod(0o444)
    says = "linty.py is read-only; `chmod u+w linty.py` first"
    await check(house, "review", "accept", "linty.py", code=1, says=says)
