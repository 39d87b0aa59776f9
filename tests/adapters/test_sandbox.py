"""What a sandboxed command may do, how its output is kept, and that nothing of it survives."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from nexus_lsp.adapters.bounded_output import BoundedOutput
from nexus_lsp.adapters.sandbox import Sandbox, clean_env, describe, find_sandbox, interpreter_paths, run

KINDS = [Sandbox("group")]
if find_sandbox().kind == "bwrap":
    KINDS.append(find_sandbox())
if Path("/usr/bin/setpriv").exists():
    KINDS.append(Sandbox("setpriv", "/usr/bin/setpriv"))

PYTHON = Path(sys.executable)

every_kind = pytest.mark.parametrize("sandbox", KINDS, ids=lambda sandbox: sandbox.kind)
bwrap_only = pytest.mark.skipif(find_sandbox().kind != "bwrap", reason="bubblewrap does not work here")


def alive(word: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if word in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@every_kind
async def test_a_command_runs_to_its_end(sandbox: Sandbox, tmp_path: Path):
    lines: list[str] = []
    done = await run(
        ["sh", "-c", "echo one; echo two >&2; cat; exit 3"],
        cwd=tmp_path,
        on_output=lines.append,
        sandbox=sandbox,
    )
    assert (done.exit_code, done.output, done.timed_out) == (3, "one\ntwo\n", False)
    assert lines == ["one", "two"]


@every_kind
async def test_secrets_and_home_are_out_of_reach(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    done = await run(["sh", "-c", "env; ls -A $HOME"], cwd=tmp_path, sandbox=sandbox)
    assert "sk-secret" not in done.output
    assert "OPENAI" not in str(clean_env())


@bwrap_only
async def test_bubblewrap_shows_only_what_it_must(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    script = (
        f"touch made; touch {outside}/x || echo kept; touch /etc/x || echo kept; "
        "ls -d $HOME/.ssh $HOME/.config $HOME/.claude 2>/dev/null; grep -c : /proc/net/dev; "
        f'{PYTHON} -c \'import pytest, socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print("up")\''
    )
    done = await run(
        ["sh", "-c", f"({script}) 2>/dev/null"], cwd=inside, readable=[outside, *interpreter_paths(PYTHON)]
    )
    assert done.output.split() == ["kept", "kept", "1", "up"]
    assert os.listdir(inside) == ["made"]
    assert os.listdir(outside) == []


@every_kind
async def test_a_flood_is_bounded(sandbox: Sandbox, tmp_path: Path):
    heard = 0

    def hear(line: str) -> None:
        nonlocal heard
        heard += 1

    done = await run(
        ["sh", "-c", "echo first; yes flood | head -c 50000000; echo; echo last"],
        cwd=tmp_path,
        on_output=hear,
        max_output=10_000,
        sandbox=sandbox,
    )
    assert len(done.output) < 10_100
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert "bytes left out" in done.output
    assert 0 < heard < 20_000


def test_a_line_without_an_end_does_not_fill_memory():
    lines: list[str] = []
    output = BoundedOutput(1_000, lines.append)
    for _ in range(100):
        output.add(b"x" * 10_000)
    output.finish()
    assert len(output.text()) < 1_100
    assert [len(line) for line in lines] == [4_000]


@every_kind
async def test_nothing_survives_a_normal_end(sandbox: Sandbox, tmp_path: Path):
    word = uuid.uuid4().hex
    daemon = (
        "import os, sys, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "time.sleep(60)\n"
    )
    done = await run(
        [
            PYTHON,
            "-c",
            f"import subprocess, sys; subprocess.run([sys.executable, '-c', {daemon!r}, '{word}'])",
        ],
        cwd=tmp_path,
        readable=interpreter_paths(PYTHON),
        sandbox=sandbox,
    )
    assert done.exit_code == 0, done.output
    assert done.seconds < 20
    assert alive(word) == []


@every_kind
async def test_nothing_survives_a_timeout(sandbox: Sandbox, tmp_path: Path):
    word = f"{time.time_ns() % 10**9 + 10**9}"
    script = f"(setsid sleep {word} &); sleep {word}"
    done = await run(["sh", "-c", script], cwd=tmp_path, timeout=0.5, sandbox=sandbox)
    assert done.timed_out
    assert done.exit_code == -9
    assert done.seconds < 5
    assert alive(word) == []


@every_kind
async def test_nothing_survives_a_cancellation(sandbox: Sandbox, tmp_path: Path):
    word = f"{time.time_ns() % 10**9 + 10**9}"
    script = f"(setsid sleep {word} &); echo up; sleep {word}"
    up = asyncio.Event()
    running = asyncio.create_task(
        run(["sh", "-c", script], cwd=tmp_path, on_output=lambda line: up.set(), sandbox=sandbox)
    )
    await asyncio.wait_for(up.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive(word) == []


@pytest.mark.parametrize("sandbox", [kind for kind in KINDS if kind.kind != "group"], ids=lambda s: s.kind)
async def test_a_command_dies_with_a_killed_server(sandbox: Sandbox, tmp_path: Path):
    word = f"{time.time_ns() % 10**9 + 10**9}"
    server = (
        "import asyncio, pathlib\n"
        "from nexus_lsp.adapters.sandbox import Sandbox, run\n"
        f"asyncio.run(run(['sleep', '{word}'], cwd=pathlib.Path({str(tmp_path)!r}), sandbox={sandbox!r}))\n"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # where the killed server's temporary home stays
    process = await asyncio.create_subprocess_exec(PYTHON, "-c", server, env=env)
    # `sleep` itself: bwrap asks to die with its parent only once it has started
    while not any(Path(f"/proc/{pid}/comm").read_text().strip() == "sleep" for pid in alive(word)):
        await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
    for _ in range(100):
        if not alive(word):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still alive: {alive(word)}")


async def test_a_command_that_is_not_there_is_an_os_error(tmp_path: Path):
    with pytest.raises(OSError, match="no-such-program"):
        await run(["/no-such-program"], cwd=tmp_path, sandbox=Sandbox("group"))


def test_doctor_says_how_to_mend():
    weak = describe(Sandbox("group", "", "bubblewrap (bwrap) is not installed"))
    assert not weak.ok
    assert "apt install bubblewrap" in weak.mend
    assert "not installed" in weak.detail
