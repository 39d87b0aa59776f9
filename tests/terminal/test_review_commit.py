"""`nexus-lsp review commit`, `diff`, `why` and `accept --branch`, as a user types them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command_line import LINTY, House

from tests.lsp.editor_client import TestEditor


def git(house: House, *words: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=house.workspace,
        input=stdin,
        text=True,
        capture_output=True,
        env=house.environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path).write(where=LINTY).git()
    git(made, "config", "user.name", "Ada")
    git(made, "config", "user.email", "ada@example.org")
    return made


async def test_from_the_proposal_to_the_commit(house: House) -> None:
    said = await house.run("delegate", "Fix the lint problems", "--team", "local", "--accept", "none")
    assert said.code == 0, said.text
    patch = await house.run("review", "diff")
    assert patch.text.startswith("diff --git a/where.py b/where.py\n")
    git(house, "apply", "--check", "-", stdin=patch.text)

    runs = (await house.run("review", "list")).text
    assert "where.py" in runs
    run_id = next(word for word in (await house.run("runs")).text.split() if word.startswith("run_"))
    branch = await house.run("review", "accept", run_id, "--branch", "nexus/lint")
    assert branch.code == 0 and "Your files are as they were" in branch.text
    assert house.text("where.py") == LINTY
    assert "import sys" not in git(house, "show", "nexus/lint:where.py")

    assert (await house.run("review", "accept", run_id)).code == 0
    waits = await house.run("review", "commit", "--dry-run")
    assert waits.code == 0 and "Fix the lint problems" in waits.text and f"Nexus-Run: {run_id}" in waits.text
    made = await house.run("review", "commit", run_id, "--notes", "--message", "Lint")
    assert made.code == 0, made.text
    assert made.text.startswith("Committed ")
    assert git(house, "log", "-1", "--format=%an: %s").strip() == "Ada: Lint"
    assert git(house, "status", "--porcelain") == ""
    assert run_id in git(house, "notes", "--ref=nexus", "show", "HEAD")
    again = await house.run("review", "commit")
    assert again.code == 1 and "Nothing is accepted and not committed yet" in again.text


async def test_why_of_a_line(house: House) -> None:
    house.write(where='import os\n\n\ndef f():\n    return os.name + f"x"\n')
    git(house, "commit", "-qam", "compare")
    said = await house.run("delegate", "Fix the lint problems", "--team", "local", "--accept", "all")
    assert said.code == 0, said.text
    at = house.text("where.py").splitlines().index('    return os.name + "x"') + 1
    told = await house.run("review", "why", f"where.py:{at}")
    assert told.code == 0 and "(accepted)" in told.text and "task" in told.text
    assert "gate tests" in told.text
    nobody = await house.run("review", "why", "where.py:1")
    assert nobody.code == 1 and "nothing that NEXUS knows of" in nobody.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("why",), "Say which line"),
        (("why", "where.py"), "'where.py' is no line of a file: write FILE:LINE"),
        (("why", "where.py:0"), "is no line of a file"),
        (("commit", "run_nobody"), "There is no run 'run_nobody'"),
        (("accept", "--branch", "x"), "Say what to put on the branch"),
        (("commit",), "Nothing is accepted and not committed yet"),
    ],
)
async def test_a_clear_sentence(house: House, words: tuple[str, ...], said: str) -> None:
    answer = await house.run("review", *words)
    assert answer.code in (1, 2) and said in answer.text


@pytest.mark.parametrize("holder", ["this terminal", "another process"])
async def test_ctrl_c_in_a_slow_hook(house: House, holder: str) -> None:
    said = await house.run("delegate", "Fix the lint problems", "--team", "local", "--accept", "all")
    assert said.code == 0, said.text
    hook = house.workspace / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n: > started\nsleep 60\n")
    hook.chmod(0o755)
    waits = house.root / "editor"
    async with contextlib.AsyncExitStack() as stack:
        if holder == "another process":
            await stack.enter_async_context(editor(house, waits))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nexus_lsp", "review", "commit"),
            cwd=house.workspace,
            env=house.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            while not (house.workspace / "started").exists():
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
        assert process.returncode == 3
        assert out.decode().startswith("Stopped: nothing was committed; your files and your index are as")
        assert git(house, "log", "--format=%s") == "first\n"
        assert not (house.workspace / ".git/index.lock").exists()
        assert git(house, "status", "--porcelain") == " M where.py\n?? started\n"
        hook.unlink()
        assert (await house.run("review", "commit")).code == 0


@contextlib.asynccontextmanager
async def editor(house: House, log: Path) -> AsyncIterator[None]:
    """An editor's server that holds the workspace's engine."""
    made = await asyncio.to_thread(TestEditor, house.workspace, house.root / "state", env={"HOME": str(log)})
    try:
        await asyncio.to_thread(made.command, "runs")
        yield
    finally:
        await asyncio.to_thread(made.end)
