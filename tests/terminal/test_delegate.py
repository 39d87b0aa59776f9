"""A whole run in a terminal: real OpenAI client, real Claude Code, real git; scripted models on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from command_line import CALC, LINTY, TEST, House

from tests.scripted.anthropic_server import (
    Request,
    ScriptedAnthropic,
    bash,
    by_task,
    edit,
    read,
    say,
    submit,
    write,
)
from tests.scripted.anthropic_server import team as team_tool
from tests.scripted.openai_server import ScriptedOpenAI


def task(id: str, agent: str, kind: str, *after: str, writes: tuple[str, ...] = ()) -> dict[str, object]:
    return {
        "id": id,
        "title": f"Do {id}",
        "agent": agent,
        "type": kind,
        "description": f"Description of {id}.",
        "depends_on": list(after),
        "writes": list(writes),
        "acceptance": [],
    }


PLAN = {
    "summary": "Make add() add, with a test.",
    "tasks": [
        task("look", "aria_coordinator", "analysis"),
        task("code", "code_developer", "implementation", "look", writes=("calc.py",)),
        task("tests", "alpha_test_creator", "test", "look", writes=("test_add.py",)),
    ],
}


def code(r: Request):
    assert "Make add() add" in r.prompt
    assert "It subtracts." in r.prompt  # what Aria found
    if r.turn == 0:
        return read("calc.py")
    if r.turn == 1:
        line = next(line for line in r.result.splitlines() if "a - b" in line)
        return edit("calc.py", line.split("\t")[-1].split("→")[-1], "    return a + b")
    return say("add() adds now.")


def team():
    return by_task(
        {
            "look": [read("calc.py"), say("It subtracts.")],
            "code": code,
            "tests": [
                write(
                    "test_add.py", "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
                ),
                say("One test."),
            ],
        }
    )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path).write(calc=CALC, test_calc=TEST).git()


@pytest.fixture
def no_orphans() -> Iterator[None]:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    yield
    deadline = time.time() + 10
    left: list[psutil.Process] = []
    while time.time() < deadline:
        left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
        if not left:
            return
        time.sleep(0.1)
    assert [command_of(p) for p in left] == []


def command_of(process: psutil.Process) -> list[str]:
    """What it was started as; it may have ended since."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


async def test_the_team_does_a_request_and_everything_is_accepted(house: House, no_orphans: None) -> None:
    async with ScriptedOpenAI(plan=PLAN) as openai, ScriptedAnthropic(team()) as claude:
        house.env = {
            "OPENAI_BASE_URL": openai.base_url,
            "OPENAI_API_KEY": "sk-test",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "ANTHROPIC_API_KEY": "dummy",
        }
        said = await house.run("delegate", "Make add() add", "--accept", "all", "--trust")
    assert claude.errors == []
    assert said.code == 0, said.text
    assert "team: claude (ANTHROPIC_API_KEY is set)" in said.text
    assert "planner: OpenAI" in said.text
    assert house.text("calc.py") == CALC.replace("a - b", "a + b")
    assert "assert add(2, 3) == 5" in house.text("test_add.py")
    assert "sk-test" not in said.text


async def test_nothing_of_the_users_changes_until_it_is_accepted(house: House) -> None:
    before = manifest(house.workspace)
    async with ScriptedOpenAI(plan=PLAN) as openai, ScriptedAnthropic(team()) as claude:
        house.env = {
            "OPENAI_BASE_URL": openai.base_url,
            "ANTHROPIC_BASE_URL": claude.base_url,
            "ANTHROPIC_API_KEY": "dummy",
        }
        said = await house.run("delegate", "Make add() add", "--accept", "none", "--json")
    assert said.code == 0
    assert manifest(house.workspace) == before
    events = [json.loads(line) for line in said.text.splitlines() if line.startswith("{")]
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] == "run_ready"
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})


async def test_changes_left_pending_are_reviewed_later_and_undone(tmp_path: Path) -> None:
    house = House(tmp_path).write(a=LINTY, b=LINTY).git()
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    listed = await house.run("review", "list")
    assert "2 waiting" in listed.text
    accepted = await house.run("review", "accept", "a.py")
    assert (accepted.code, house.text("a.py")) == (0, LINTY.replace("import sys\n", ""))
    assert house.text("b.py") == LINTY
    rejected = await house.run("review", "reject", "b.py", "--reason", "sys is needed")
    assert rejected.code == 0
    assert "completed" in (await house.run("runs")).text
    undone = await house.run("review", "undo", "a.py")
    assert (undone.code, house.text("a.py")) == (0, LINTY)
    assert "1 waiting" in (await house.run("review", "list")).text


async def test_a_person_decides_one_by_one(tmp_path: Path) -> None:
    house = House(tmp_path).write(a=LINTY, b=LINTY).git()
    await house.run("delegate", "Fix the lint findings", "--team", "local", "--accept", "none")
    said = await house.run("review", stdin="y\nn\nI need it\n")
    assert "accepted" in said.text and "rejected" in said.text
    assert house.text("a.py") == LINTY.replace("import sys\n", "")
    assert house.text("b.py") == LINTY


async def test_the_plan_waits_for_a_person_and_is_refused_without_one(house: House) -> None:
    said = await house.run("delegate", "Fix lint", "--team", "local", "--approval", "ask", "--accept", "none")
    assert said.code == 3
    assert "Carry out this plan?" in said.text
    assert "Cancelled" in said.text


async def test_ctrl_c_cancels_the_run_and_leaves_no_process(house: House, no_orphans: None) -> None:
    def slow(r: Request):
        return say("…") if r.turn > 50 else [read("calc.py")]

    async with ScriptedAnthropic(slow, latency=0.5) as claude:
        env = house.environment() | {
            "ANTHROPIC_BASE_URL": claude.base_url,
            "ANTHROPIC_API_KEY": "dummy",
        }
        words = [sys.executable, "-m", "nexus_lsp", "delegate", "Make add() add", "--accept", "none"]
        process = subprocess.Popen(
            words, cwd=house.workspace, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        import asyncio

        while not claude.requests:
            await asyncio.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        code = await asyncio.to_thread(process.wait, 20)
    assert process.stdout
    assert (code, "Cancelled" in process.stdout.read()) == (3, True)
    assert "cancelled" in (await house.run("runs")).text


def manifest(root: Path) -> dict[str, tuple[str, int, int]]:
    """Every file's content, mode and time below a folder, `.git` included."""
    import hashlib

    found: dict[str, tuple[str, int, int]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        key = str(path.relative_to(root))
        when = status.st_mtime_ns if path.is_file() else 0
        found[key] = (hashlib.sha256(content).hexdigest(), status.st_mode, when)
    return found


# --- asks --------------------------------------------------------------------------------------------


def spends(r: Request):
    return read("calc.py") if r.turn == 0 else submit("Looked at it.")


ASKED: Mapping[str, tuple[tuple[str, ...], str, int]] = {
    "nobody is there": (("--accept", "none"), "", 4),
    "what is typed is no answer, then the input ends": (("--accept", "ask"), "what?\n", 4),
    "nothing is typed": (("--accept", "ask"), "\n", 4),
    "the answer's beginning": (("--accept", "ask"), "cancel\n", 3),
    "it goes on, and the next question is left open": (("--accept", "ask"), "go ON\n", 4),
}


@pytest.mark.parametrize("name", ASKED)
async def test_a_spent_budget_waits_for_the_user_and_is_not_decided_for_them(house: House, name: str) -> None:
    options, typed, code = ASKED[name]
    async with ScriptedAnthropic(spends) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "dummy"}
        words = ("delegate", "Rename add() in calc.py to plus()", "--team", "claude", "--budget", "0.001")
        said = await house.run(*words, *options, stdin=typed, **env)
        status = (await house.run("runs")).text
    assert said.code == code, said.text
    assert ("paused" if code == 4 else "cancelled") in status
    assert ("runs --resume run_" in said.text) == (code == 4)
    assert ("answered by you: Go on" in said.text) == ("go ON" in typed)
    assert ("answered by you: Cancel" in said.text) == (code == 3)


async def test_tokens_can_be_limited_too(house: House) -> None:
    async with ScriptedAnthropic(spends) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "dummy"}
        words = ("delegate", "Rename add() in calc.py to plus()", "--team", "claude", "--budget-tokens", "50")
        said = await house.run(*words, "--accept", "none", **env)
    assert said.code == 4, said.text
    assert "the run's budget of 50 tokens" in said.text


async def test_a_question_that_nobody_hears_is_not_answered_in_the_users_name(house: House) -> None:
    def asks(r: Request):
        if r.turn == 0:
            return team_tool("ask_user", question="Round?", options=["Yes", "No"], why="Prices.")
        return submit("Did not round.")

    async with ScriptedAnthropic(asks) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "dummy"}
        words = ("delegate", "Rename add() in calc.py to plus()", "--team", "claude", "--accept", "none")
        said = await house.run(*words, **env)
        kept = await house.run("memory", "export")
    assert "answered by nobody in time: (no answer)" in said.text, said.text
    assert "(no answer)" not in kept.text


PERMITTED: Mapping[str, tuple[tuple[str, ...], str, str, str]] = {
    # what is typed → whose answer is shown, what the agent hears
    "nobody is there": (("--accept", "none"), "", "by nobody in time: Deny", "does not allow this command"),
    "once, by its number": (("--accept", "ask"), "1\n", "by you: Allow once", "HEAD"),
    "denied, by its beginning": (("--accept", "ask"), "de\n", "by you: Deny", "does not allow this command"),
    "which of the two is open": (("--accept", "ask"), "allow\n2\n", "by you: Allow for this run", "HEAD"),
    "allowed beforehand": (("--accept", "none", "--permissions", "allow"), "", "", "HEAD"),
    "forbidden beforehand": (
        ("--accept", "none", "--permissions", "deny"),
        "",
        "",
        "The user's settings forbid",
    ),
}


@pytest.mark.parametrize("name", PERMITTED)
async def test_a_command_that_reaches_out_waits_for_the_person_at_the_terminal(
    house: House, name: str
) -> None:
    options, typed, shown, heard = PERMITTED[name]
    results: list[str] = []

    def reaches(r: Request):
        if r.agent == "code_developer" and r.turn == 0:
            return bash("git ls-remote . 2>&1 || git init -q && echo HEAD")
        if r.agent == "code_developer":
            results.append(r.result)
        return submit("Looked.")

    async with ScriptedAnthropic(reaches) as claude:
        env = {"ANTHROPIC_BASE_URL": claude.base_url, "ANTHROPIC_API_KEY": "dummy"}
        words = ("delegate", "Rename add() in calc.py to plus()", "--team", "claude", "--trust")
        said = await house.run(*words, *options, stdin=typed, **env)
    assert heard in results[0], (results, said.text)
    asked = "Code asks: May I run `git ls-remote . 2>&1 || git init -q && echo HEAD`?"
    assert (shown in said.text, asked in said.text) == (True, bool(shown)), said.text


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for a person", "for a program"])
async def test_a_reader_that_leaves_takes_the_run_with_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    """`nexus-lsp delegate "…" | head -1`"""
    house = House(tmp_path).write(calc=CALC).git()
    words = ("delegate", "Analyse calc.py", "--team", "local", "--accept", "none", *options)
    command = [sys.executable, "-m", "nexus_lsp", *words]
    process = subprocess.Popen(
        command, cwd=house.workspace, env=house.environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) != 0
    [run] = [line for line in (await house.run("runs")).text.splitlines() if "Analyse" in line]
    assert "cancelled" in run


async def test_the_end_of_input_at_a_question_leaves_the_rest_waiting(tmp_path: Path) -> None:
    house = House(tmp_path).write(a=LINTY, b=LINTY).git()
    words = ("delegate", "Fix the lint findings", "--team", "local", "--accept", "ask")
    said = await house.run(*words, stdin="y\n")
    assert "Traceback" not in said.text
    assert house.text("a.py") == LINTY.replace("import sys\n", "")
    assert "1 waiting" in (await house.run("review", "list")).text


async def test_ctrl_c_at_a_question_ends_the_command_at_once(tmp_path: Path) -> None:
    import asyncio

    house = House(tmp_path).write(a=LINTY).git()
    words = [sys.executable, "-m", "nexus_lsp", "delegate", "Fix lint", "--team", "local", "--accept", "ask"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(words, cwd=house.workspace, env=house.environment(), **pipes)
    assert process.stdout
    read = b""
    while b"f/a/d/q" not in read:
        read += await asyncio.to_thread(os.read, process.stdout.fileno(), 65536)
    read = b"" + read
    await asyncio.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    code = await asyncio.to_thread(process.wait, 15)
    process.communicate()
    assert code == 3


async def test_after_an_accept_the_tests_are_run_on_the_users_own_files(house: House) -> None:
    async with ScriptedOpenAI(plan=PLAN) as openai, ScriptedAnthropic(team()) as claude:
        house.env = {
            "OPENAI_BASE_URL": openai.base_url,
            "ANTHROPIC_BASE_URL": claude.base_url,
            "ANTHROPIC_API_KEY": "dummy",
        }
        said = await house.run("delegate", "Make add() add", "--accept", "all", "--trust")
    assert "on your files as they are now" in said.text
