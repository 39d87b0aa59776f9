"""The Claude Code backend, with the real CLI against a scripted service on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fake_line import ScriptedLine

from nexus_lsp.adapters.claude_code import ClaudeCodeBackend, has_credentials
from nexus_lsp.adapters.claude_launcher import Hold, find_cli, find_hold
from nexus_lsp.adapters.persona_files import load_personas
from nexus_lsp.core.personas import Persona
from nexus_lsp.core.plan import Task
from nexus_lsp.ports import Assignment, Outcome, Progress, Report, SessionStarted, TaskResult
from tests.scripted.anthropic_server import (
    Drop,
    Request,
    ScriptedAnthropic,
    Stall,
    Status,
    Turn,
    bash,
    edit,
    read,
    say,
    write,
)

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_cli() is None, reason="Claude Code is not installed")

needs_bwrap = pytest.mark.skipif(find_hold()[0] != "bwrap", reason="bubblewrap does not work here")

HOLDS: list[Hold] = ["bwrap", "reaper"] if find_hold()[0] == "bwrap" else ["reaper"]

PERSONAS = {persona.agent_id: persona for persona in load_personas(None, None)[0]}


class Stage:
    """A checkout, a state directory and an assignment, with what the agent reported."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path
        self.checkout = tmp_path / "checkout"
        self.checkout.mkdir()
        (self.checkout / "app.py").write_text("def greet():\n    return 'hello'\n")
        self.state = tmp_path / "state"
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.reports: list[Report] = []
        self.line = ScriptedLine()

    def backend(
        self, server: ScriptedAnthropic, hold: Hold | None = None, **more: object
    ) -> ClaudeCodeBackend:
        env = {
            "PATH": os.environ["PATH"],
            "ANTHROPIC_BASE_URL": server.base_url,
            "ANTHROPIC_API_KEY": "sk-scripted",
            "OPENAI_API_KEY": "sk-planner",
        } | dict(more.pop("env", {}))  # type: ignore[call-overload]
        options = {"silence": 90.0, "retries": 1} | more
        return ClaudeCodeBackend(self.state, env, self.home, hold=hold, **options)  # type: ignore[arg-type]

    def assignment(self, persona: Persona = PERSONAS["code_developer"], **more: object) -> Assignment:
        task = Task("t1", "Greet in French", persona.agent_id, "implementation", "Say bonjour.")
        given: dict[str, object] = {
            "run_id": "r1",
            "task": task,
            "attempt": 1,
            "persona": persona,
            "checkout": self.checkout,
            "request": "Make the greeting French",
            "plan_summary": "One change in app.py.",
            "timeout": 100.0,
        }
        return Assignment(**(given | more))  # type: ignore[arg-type]

    async def work(self, backend: ClaudeCodeBackend, **more: object) -> Outcome:
        return await backend.work(self.assignment(**more), self.reports.append, self.line)  # type: ignore[arg-type]

    @property
    def lines(self) -> list[str]:
        return [report.message for report in self.reports if isinstance(report, Progress)]

    def text(self, name: str = "app.py") -> str:
        return (self.checkout / name).read_text()

    def left(self) -> list[psutil.Process]:
        """Live processes that were started from this stage's state directory."""
        return processes_of(self.state)


def processes_of(state: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + process.environ().get("CLAUDE_CONFIG_DIR", "")
            if str(state) in told and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


async def eventually(holds: Callable[[], object], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


# --- the work ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", HOLDS)
async def test_a_file_really_changes_from_what_was_really_read(stage: Stage, hold: Hold) -> None:
    def script(request: Request) -> Turn:
        assert request.agent == "code_developer" and request.task == "t1"
        assert "You are Code, a skilled and creative software developer" in request.system
        assert "Say bonjour." in request.prompt and "t0 said: mind the tests" in request.prompt
        assert "Bash" not in request.tools
        match request.turn:
            case 0:
                return read("app.py")
            case 1:
                line = request.result.splitlines()[1]
                return edit("app.py", line, line.replace("hello", "bonjour"))
            case _:
                return say("The greeting is French now.\n\nNothing is left open.")

    before = TaskResult("t0", "aria_coordinator", "Look", "t0 said: mind the tests", ("app.py",))
    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server, hold), results=(before,))
    assert server.errors == []
    assert (outcome.status, outcome.summary) == (
        "done",
        "The greeting is French now.\n\nNothing is left open.",
    )
    assert stage.text() == "def greet():\n    return 'bonjour'\n"
    assert stage.lines == ["reads app.py", "edits app.py", "The greeting is French now."]
    assert stage.reports[0] == SessionStarted(outcome.session_id or "")
    assert outcome.spent.usd > 0 and outcome.spent.seconds > 0
    assert outcome.spent.input_tokens > 1000 and outcome.spent.output_tokens > 10
    assert stage.left() == []


async def test_a_session_goes_on_after_a_restart(stage: Stage) -> None:
    async with ScriptedAnthropic([say("Half of it."), say("All of it.")]) as server:
        first = await stage.work(stage.backend(server))
        second = await stage.work(stage.backend(server), session_id=first.session_id)
    assert second.summary == "All of it."
    assert second.session_id == first.session_id
    assert len(server.requests[1].prompts) == 2
    assert "You were stopped in the middle" in server.requests[1].prompt


async def test_a_conversation_that_is_gone_on_with_is_paid_once(stage: Stage) -> None:
    """The CLI tells what the whole conversation has cost; two attempts were counted as three."""
    async with ScriptedAnthropic(lambda r: read("app.py") if r.turn == 0 else say("Done.")) as server:
        first = await stage.work(stage.backend(server))
        known = {"session_id": first.session_id, "session_usd": first.spent.usd}
        second = await stage.work(stage.backend(server), **known)
        told = await stage.work(stage.backend(server), session_id=first.session_id, session_usd=0.0)
    assert 0 < second.spent.usd < 1.9 * first.spent.usd
    assert told.spent.usd > first.spent.usd + second.spent.usd  # the total, as the CLI gives it


async def test_a_budget_is_for_the_attempt_and_not_for_all_of_the_conversation(stage: Stage) -> None:
    async with ScriptedAnthropic(lambda r: read("app.py") if r.turn == 0 else say("Done.")) as server:
        first = await stage.work(stage.backend(server))
        known = {"session_id": first.session_id, "session_usd": first.spent.usd}
        second = await stage.work(stage.backend(server), max_usd=1.5 * first.spent.usd, **known)
    assert (second.status, second.summary) == ("done", "Done.")


async def test_an_unknown_session_is_begun_anew(stage: Stage) -> None:
    gone = "11111111-2222-3333-4444-555555555555"
    async with ScriptedAnthropic([say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server), session_id=gone)
    assert outcome.status == "done" and outcome.session_id != gone
    assert "You were stopped" not in server.requests[0].prompt


async def test_a_resumed_session_gets_the_orders_of_today(stage: Stage) -> None:
    async with ScriptedAnthropic([say("One."), say("Two.")]) as server:
        first = await stage.work(stage.backend(server))
        await stage.work(
            stage.backend(server), session_id=first.session_id, persona=PERSONAS["beta_test_validator"]
        )
    assert server.requests[1].agent == "beta_test_validator"


async def test_the_budget_ends_the_attempt_and_is_named(stage: Stage) -> None:
    async with ScriptedAnthropic([read("app.py"), read("app.py"), say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server), max_usd=0.0001)
    assert (outcome.status, outcome.fault) == ("broken", "stopped")
    assert outcome.summary == "The task's budget of $0.00 is spent."
    assert outcome.spent.usd > 0.0001


async def test_one_answer_of_three_megabytes_is_taken(stage: Stage) -> None:
    async with ScriptedAnthropic([write("big.txt", "x" * 3_000_000), say("Written.")]) as server:
        outcome = await stage.work(stage.backend(server))
    assert outcome.status == "done"
    assert len(stage.text("big.txt")) == 3_000_000


# --- what goes wrong ---------------------------------------------------------------------------------


async def test_without_credentials_nothing_is_started(stage: Stage) -> None:
    async with ScriptedAnthropic([]) as server:
        outcome = await stage.work(stage.backend(server, env={"ANTHROPIC_API_KEY": ""}))
    assert outcome.status == "broken" and not outcome.retryable
    assert outcome.summary.startswith("Claude Code has no credentials. Set ANTHROPIC_API_KEY")
    assert not stage.state.exists()


async def test_a_wrong_key_is_said_plainly_and_soon(stage: Stage) -> None:
    async with ScriptedAnthropic([], key="the right one") as server:
        outcome = await stage.work(stage.backend(server, retries=4))
    assert outcome.summary == "Anthropic refused the API key (401). Set ANTHROPIC_API_KEY to a valid key."
    assert (outcome.status, outcome.retryable) == ("broken", False)
    assert time.monotonic() - server.requests[0].at < 5
    assert stage.left() == []


@pytest.mark.parametrize(
    ("fault", "summary", "retryable"),
    [
        (Status(403, "no access"), "Anthropic refused the API key (403)", False),
        (Status(400, "Prompt of a kind"), "Prompt of a kind", False),
        (Status(500), "Anthropic failed (500)", True),
        (Status(529), "Anthropic is overloaded (529)", True),
        (Status(429, headers={"retry-after": "600"}), "Anthropic's rate limit is reached (429)", True),
        (Drop(), "Anthropic could not be reached", True),
    ],
    ids=["403", "400", "500", "529", "429", "drop"],
)
async def test_a_fault_of_the_service(stage: Stage, fault: Turn, summary: str, retryable: bool) -> None:
    async with ScriptedAnthropic([fault] * 12) as server:
        outcome = await stage.work(stage.backend(server))
    assert (outcome.status, outcome.retryable) == ("broken", retryable), outcome
    assert summary in outcome.summary
    assert stage.left() == []


async def test_a_passing_fault_is_waited_out(stage: Stage) -> None:
    async with ScriptedAnthropic([Status(500), say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server))
    assert outcome.status == "done"
    assert "waits: Anthropic answers 500, asking again" in stage.lines


@pytest.mark.parametrize(
    "fault", [Stall(), Stall(pings=True), Stall(streaming=False)], ids=["stream", "pings", "headers"]
)
async def test_silence_is_broken_off(stage: Stage, fault: Turn) -> None:
    async with ScriptedAnthropic([fault] * 5) as server:
        outcome = await stage.work(stage.backend(server, silence=1.0))
    assert outcome.status == "broken" and outcome.retryable
    assert "fell silent" in outcome.summary
    assert time.monotonic() - server.requests[0].at < 6
    assert stage.left() == []


async def test_the_time_limit_holds(stage: Stage) -> None:
    async with ScriptedAnthropic([bash("sleep 60")]) as server:
        outcome = await stage.work(stage.backend(server), timeout=1.5, trusted=True)
    assert (outcome.summary, outcome.retryable) == ("Claude Code was not done after 2 s.", True)
    assert stage.left() == []


async def test_a_killed_cli_is_said_and_can_be_resumed(stage: Stage) -> None:
    def kill_it(_: Request) -> Turn:
        for process in stage.left():
            if process.name() == "claude":
                process.kill()
        return say("Too late.")

    async with ScriptedAnthropic([read("app.py"), kill_it, say("Done after all.")]) as server:
        broken = await stage.work(stage.backend(server))
        assert broken.status == "broken" and broken.retryable
        assert broken.summary.startswith("Claude Code crashed: ")
        assert broken.spent.input_tokens > 0
        resumed = await stage.work(stage.backend(server), session_id=broken.session_id)
    assert resumed.summary == "Done after all."
    assert stage.left() == []


async def test_a_cli_that_does_not_run_is_said(stage: Stage) -> None:
    cli = stage.root / "claude"
    async with ScriptedAnthropic([]) as server:
        missing = await stage.work(stage.backend(server, cli=cli))
        cli.write_text("#!/bin/sh\necho 'no such library' >&2; exit 127\n")
        cli.chmod(0o755)
        crashing = await stage.work(stage.backend(server, cli=cli))
    assert missing.summary.startswith("Claude Code is missing.")
    assert crashing.summary == "Claude Code crashed: it ended with exit code 127. no such library"


# --- the end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", HOLDS)
async def test_cancelled_work_leaves_no_process(stage: Stage, hold: Hold) -> None:
    async with ScriptedAnthropic([bash("sleep 300 & touch started; sleep 300")]) as server:
        working = asyncio.create_task(stage.work(stage.backend(server, hold), trusted=True))
        assert await eventually((stage.checkout / "started").exists, 40)
        assert stage.left()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert await eventually(lambda: not stage.left())


@pytest.mark.parametrize("after", [0.0, 0.1, 0.4])
async def test_work_cancelled_while_it_starts_leaves_no_process(stage: Stage, after: float) -> None:
    async with ScriptedAnthropic([Stall()]) as server:
        working = asyncio.create_task(stage.work(stage.backend(server)))
        await asyncio.sleep(after)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await eventually(lambda: not stage.left())


async def test_a_retry_right_after_a_cancel_waits_until_the_first_has_left(stage: Stage) -> None:
    async with ScriptedAnthropic([Stall(), say("Done.")]) as server:
        backend = stage.backend(server)
        first = asyncio.create_task(stage.work(backend))
        assert await eventually(lambda: server.requests, 40)
        first.cancel()
        await asyncio.sleep(0)
        second = await stage.work(backend)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (second.status, second.summary) == ("done", "Done.")
        assert await eventually(lambda: not stage.left())


async def test_close_ends_what_runs(stage: Stage) -> None:
    async with ScriptedAnthropic([Stall()]) as server:
        backend = stage.backend(server)
        working = asyncio.create_task(stage.work(backend))
        assert await eventually(lambda: server.requests, 40)
        await backend.close()
        assert stage.left() == []
        assert (await working).status == "broken"


@pytest.mark.parametrize("hold", HOLDS)
async def test_nothing_outlives_a_killed_server(stage: Stage, hold: Hold) -> None:
    program = f"""
        import asyncio, sys
        from pathlib import Path
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
        from tests.adapters.test_claude_code import Stage
        from tests.scripted.anthropic_server import ScriptedAnthropic, bash
        async def main():
            root = Path({str(stage.root / "victim")!r}); root.mkdir()
            stage = Stage(root)
            async with ScriptedAnthropic([bash("sleep 300 & touch started; sleep 300")]) as server:
                await stage.work(stage.backend(server, {hold!r}), trusted=True)
        asyncio.run(main())
    """
    victim = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
    state = stage.root / "victim" / "state"
    try:
        assert await eventually((stage.root / "victim" / "checkout" / "started").exists, 40)
        assert processes_of(state)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    assert await eventually(lambda: not processes_of(state))


# --- what an agent may not ---------------------------------------------------------------------------


@pytest.mark.parametrize("hold", HOLDS)
async def test_no_key_reaches_the_agents_shell(
    stage: Stage, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planner-in-our-own-environment")
    monkeypatch.setenv("SOME_TOKEN", "tok")
    async with ScriptedAnthropic([bash("env"), say("Done.")]) as server:
        await stage.work(stage.backend(server, hold), trusted=True)
    shell = server.requests[1].result
    names = {line.partition("=")[0] for line in shell.splitlines()}
    assert {"HOME", "PATH"} <= names
    assert not names & {"OPENAI_API_KEY", "SOME_TOKEN", "ANTHROPIC_API_KEY"}
    assert "sk-planner" not in shell and "sk-scripted" not in shell


@needs_bwrap
async def test_the_servers_environment_cannot_be_read_in_proc(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planner")
    look = "cat /proc/*/environ | tr '\\0' '\\n' | grep -c OPENAI_API_KEY"
    async with ScriptedAnthropic([bash(look), say("Done.")]) as server:
        await stage.work(stage.backend(server), trusted=True)
    assert server.requests[1].result.splitlines()[-1].strip() == "0"


@pytest.mark.parametrize("hold", HOLDS)
async def test_write_and_read_outside_the_checkout_are_denied(stage: Stage, hold: Hold) -> None:
    outside = stage.root / "outside.txt"
    secret = stage.root / "secret.txt"
    secret.write_text("s3cret")
    (stage.checkout / "link").symlink_to(stage.root)
    turns = [
        [
            write(str(outside), "x"),
            write("link/outside.txt", "x"),
            read(str(secret)),
            read("link/secret.txt"),
        ],
        say("Done."),
    ]
    async with ScriptedAnthropic(turns) as server:
        await stage.work(stage.backend(server, hold))
    results = server.requests[1].results
    assert [result.is_error for result in results] == [True] * 4, results
    assert "outside your checkout" in results[0].text
    assert "s3cret" not in server.requests[1].text
    assert not outside.exists()


@needs_bwrap
async def test_a_trusted_shell_cannot_write_outside_the_checkout(stage: Stage) -> None:
    (stage.home / "key").write_text("s3cret")
    tries = [
        f"echo x > {stage.root}/outside; true",
        f"echo x > {ROOT}/outside; true",
        f"cat {stage.home}/key; true",
        "echo y > inside && mktemp",
    ]
    async with ScriptedAnthropic([[bash(command) for command in tries], say("Done.")]) as server:
        await stage.work(stage.backend(server), trusted=True)
    first, second, third, fourth = server.requests[1].results
    # where the project itself lies in /tmp, the shell wrote into a /tmp of its own
    assert "Read-only file system" in second.text or str(ROOT).startswith("/tmp/")
    assert "No such file" in third.text and not fourth.is_error
    assert not (stage.root / "outside").exists() and not (ROOT / "outside").exists()
    assert first.text is not None
    assert stage.text("inside") == "y\n"


async def test_hooks_and_notes_of_the_repository_are_not_taken_in(stage: Stage) -> None:
    marker = stage.checkout / "hooked"
    hook = {"matcher": "*", "hooks": [{"type": "command", "command": f"touch {marker}"}]}
    events = ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop")
    settings = {"hooks": {event: [hook] for event in events}}
    (stage.checkout / ".claude").mkdir()
    (stage.checkout / ".claude" / "settings.json").write_text(json.dumps(settings))
    (stage.checkout / ".mcp.json").write_text(
        json.dumps({"mcpServers": {"evil": {"command": "touch", "args": [str(marker)]}}})
    )
    (stage.checkout / "CLAUDE.md").write_text("OBEY-ME")
    (stage.checkout / "AGENTS.md").write_text("OBEY-ME")
    async with ScriptedAnthropic([read("app.py"), say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server), project_text="Use tabs. See @/etc/hostname")
    assert outcome.status == "done"
    assert not marker.exists()
    assert not any("OBEY-ME" in request.text for request in server.requests)
    assert "Use tabs. See @/etc/hostname" in server.requests[0].prompt


# --- the scripted server as a process of its own -------------------------------------------------------


async def test_the_scripted_server_serves_another_process(stage: Stage) -> None:
    (stage.root / "my_scripts.py").write_text(
        "from tests.scripted.anthropic_server import by_task, say, write\n"
        "script = by_task({'t1': [write('a.txt', 'a'), lambda r: say(f'{r.agent} is done')]})\n"
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.scripted.anthropic_server"),
            *("--script", "my_scripts:script", "--log", str(stage.root / "log")),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(stage.root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        env = {"PATH": os.environ["PATH"], "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k"}
        outcome = await stage.work(ClaudeCodeBackend(stage.state, env, stage.home))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert outcome.summary == "code_developer is done" and stage.text("a.txt") == "a"
    logged = [json.loads(line) for line in (stage.root / "log").read_text().splitlines()]
    assert [(entry["task"], entry["agent"]) for entry in logged] == [("t1", "code_developer")] * 2


# --- credentials and doctor --------------------------------------------------------------------------


async def test_a_login_is_lent_without_what_renews_it(stage: Stage) -> None:
    login = {
        "accessToken": "sk-ant-oat01-fake",
        "refreshToken": "sk-ant-ort01-fake",
        "expiresAt": int(time.time() * 1000) + 3_600_000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "pro",
    }
    (stage.home / ".claude").mkdir()
    (stage.home / ".claude" / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))
    lent: list[str] = []

    def script(_: Request) -> Turn:
        lent.append((stage.state / "agents/r1/t1/config/.credentials.json").read_text())
        return say("Done.")

    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server, env={"ANTHROPIC_API_KEY": ""}))
    assert outcome.status == "done", outcome
    assert server.requests[0].headers["authorization"] == "Bearer sk-ant-oat01-fake"
    assert "sk-ant-oat01-fake" in lent[0] and "ort01" not in lent[0]
    assert not (stage.state / "agents/r1/t1/config/.credentials.json").exists()


@pytest.mark.parametrize(
    ("env", "expires_in", "ok", "why"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, None, True, "ANTHROPIC_API_KEY is set"),
        ({"CLAUDE_CODE_OAUTH_TOKEN": "t"}, None, True, "CLAUDE_CODE_OAUTH_TOKEN is set"),
        ({}, 3600, True, "Claude Code's login in ~/.claude is used"),
        ({}, -3600, False, "Claude Code's login has run out"),
        ({"ANTHROPIC_API_KEY": " "}, None, False, "Claude Code has no credentials"),
    ],
)
def test_credentials(tmp_path: Path, env: dict[str, str], expires_in: int | None, ok: bool, why: str) -> None:
    if expires_in is not None:
        (tmp_path / ".claude").mkdir()
        login = {"accessToken": "a", "expiresAt": (time.time() + expires_in) * 1000}
        (tmp_path / ".claude" / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))
    found, told = has_credentials(env, tmp_path)
    assert found is ok and told.startswith(why)


async def test_doctor_names_version_credentials_and_hold(stage: Stage) -> None:
    async with ScriptedAnthropic([]) as server:
        lines = await stage.backend(server).check()
    assert [line.name for line in lines] == ["Claude Code", "Claude credentials", "agents' hold"]
    assert lines[0].ok and "Claude Code" in lines[0].detail
    assert all(line.ok or line.mend for line in lines)
