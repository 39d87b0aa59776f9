"""An agent's line to its team, with the real CLI: tools, news between steps, an end put off, a stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_line import ScriptedLine
from test_claude_code import Stage, eventually, stage

from nexus_lsp.adapters.claude_launcher import find_cli
from nexus_lsp.core.personality import Situation, Stress
from nexus_lsp.core.team_tools import TOOLS
from nexus_lsp.ports import Heard, Jotting, Letter, Reminder, ToolAnswer
from tests.scripted.anthropic_server import (
    Request,
    ScriptedAnthropic,
    Slow,
    Turn,
    bash,
    read,
    say,
    submit,
    team,
    write,
)

__all__ = ["stage"]

pytestmark = pytest.mark.skipif(find_cli() is None, reason="Claude Code is not installed")


async def test_the_team_is_there_as_tools_and_answers(stage: Stage) -> None:
    stage.line.answers["send_message"] = ToolAnswer("There is nobody called 'Gamma'.", is_error=True)

    def script(request: Request) -> Turn:
        assert {f"mcp__team__{tool.name}" for tool in TOOLS} <= set(request.tools)
        match request.turn:
            case 0:
                return team("team_status")
            case 1:
                assert request.result == "Done."
                return team("send_message", to="Gamma", text="hello")
            case _:
                assert request.results[-1].is_error and "nobody called 'Gamma'" in request.result
                return submit("Nobody is there.", confidence_score=0.5)

    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server))
    assert server.errors == []
    assert outcome.status == "done"
    assert stage.line.calls == [
        ("team_status", {}),
        ("send_message", {"to": "Gamma", "text": "hello"}),
        ("submit_result", {"summary": "Nobody is there.", "confidence_score": 0.5}),
    ]


async def test_a_call_that_is_plainly_meant_comes_through_the_sdk(stage: Stage) -> None:
    """The SDK checks a call by the form that was offered, before the line hears of it."""
    meant = {"summary": "x" * 9_000, "deliverables": ["app.py"], "next_steps": "rest", "more": None}
    result = meant | {"clarity_rating": 8.5, "confidence_score": "0.9", "additional_questions": None}
    calls = [
        ("report_progress", {"percent": 33.3, "note": "a third"}),
        ("remember", {"text": "port 80", "paths": None, "shared": "true"}),
        ("submit_result", result),
    ]

    def script(request: Request) -> Turn:
        assert "validation error" not in request.result
        if request.turn == len(calls):
            return say("Done.")
        name, arguments = calls[request.turn]
        return team(name, **arguments)

    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server))
    assert server.errors == [] and outcome.status == "done"
    assert stage.line.calls == calls


async def test_news_stand_before_the_model_after_the_next_tool(stage: Stage) -> None:
    stage.line.news = ["", "New messages: mind the tests."]

    def script(request: Request) -> Turn:
        if request.turn < 2:
            assert "mind the tests" not in request.text
            return read("app.py") if request.turn == 0 else write("b.py", "b = 1\n")
        assert "New messages: mind the tests." in request.text
        return say("Done.")

    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server))
    assert server.errors == [] and outcome.status == "done"


async def test_an_end_that_comes_too_early_is_put_off(stage: Stage) -> None:
    stage.line.endings = ["A question of Beta waits for you."]
    said: list[str] = []

    def script(request: Request) -> Turn:
        if request.reminder:
            said.append(request.reminder)
            return say("Answered.")
        return say("Done.")

    async with ScriptedAnthropic(script, reminders=True) as server:
        outcome = await stage.work(stage.backend(server))
    assert "A question of Beta waits for you." in said[0]
    assert (outcome.status, outcome.summary, len(server.requests)) == ("done", "Answered.", 2)


async def test_an_agent_that_is_stopped_says_what_it_cost(stage: Stage) -> None:
    async with ScriptedAnthropic([read("app.py"), Slow(60, say("never"))]) as server:
        work = asyncio.create_task(stage.work(stage.backend(server)))
        assert await eventually(lambda: len(server.requests) == 2, 40)
        stage.line.stopped.set()
        outcome = await asyncio.wait_for(work, 10)
    assert (outcome.status, outcome.fault, outcome.retryable) == ("broken", "stopped", True)
    assert outcome.spent.input_tokens > 0
    assert await eventually(lambda: not stage.left())


async def test_waiting_for_a_person_is_no_silence(stage: Stage) -> None:
    class Patient(ScriptedLine):
        async def call(self, name: str, arguments: object) -> ToolAnswer:
            self.waits = name == "ask_user"
            await asyncio.sleep(4 if self.waits else 0)
            self.waits, self.waited_seconds = False, 4.0
            return ToolAnswer("The user answers: yes")

    stage.line = Patient()
    ask = team("ask_user", question="?", options=["yes", "no"], why="x")
    async with ScriptedAnthropic([ask, say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server, silence=1.0), timeout=4.0)
    assert (outcome.status, outcome.summary) == ("done", "Done.")


async def test_how_fast_the_model_answers_and_what_it_used_is_measured(stage: Stage) -> None:
    async with ScriptedAnthropic([Slow(0.5, read("app.py")), Slow(0.5, say("Done."))]) as server:
        outcome = await stage.work(stage.backend(server))
    assert outcome.response_seconds is not None and 0.2 < outcome.response_seconds < 5
    tokens = [r.tokens for r in stage.reports if isinstance(r, Heard)]
    assert tokens == sorted(tokens) and tokens[-1] > 0


async def test_all_that_the_team_knows_is_in_the_prompt(stage: Stage) -> None:
    known = {
        "memories": (
            Reminder("Never use a global.", "user", ("app.py",), "2026-05-26"),
            Reminder("The gate was red over greet().", "gate", (), "2026-05-25"),
        ),
        "letters": (Letter("aria_coordinator#look", "handoff", "Mind the accent.", "thread_1", "msg_1"),),
        "scratchpad": (Jotting("Aria", "greet() -> str"),),
        "situation": Situation(
            urgency="critical", recipients=(), stress=Stress(3, ("3 red gates",)), growth=()
        ),
    }

    def script(request: Request) -> Turn:
        for words in ("Never use a global.", "The gate was red", "Mind the accent.", "greet() -> str"):
            assert words in request.prompt, words
        assert "3 red gates" in request.system
        return say("Done.")

    async with ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server), **known)
    assert server.errors == [] and outcome.status == "done"


async def test_an_agents_shell_cannot_reach_the_teams_line(stage: Stage, tmp_path: Path) -> None:
    """The line lives in the server's process: nothing of it is in the agent's files or environment."""
    look = "env; ls -laR ~ $TMPDIR 2>/dev/null | head -200"

    def script(request: Request) -> Turn:
        if request.turn == 0:
            return bash(look)
        assert "engine.sock" not in request.result and "journal" not in request.result
        return say("Nothing there.")

    async with ScriptedAnthropic(script) as server:
        await stage.work(stage.backend(server), trusted=True)
    assert server.errors == []


@pytest.mark.parametrize(
    ("forbidden", "heard"), [("", "from the network"), ("The user does not allow this command.", "")]
)
async def test_a_command_that_reaches_out_runs_as_the_user_says(
    stage: Stage, forbidden: str, heard: str
) -> None:
    """The command is real, and so is the server that it reaches, or does not."""
    reached: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readline())
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nfrom the network")
        writer.close()

    there = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = there.sockets[0].getsockname()[1]
    get = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/x').read())"
    command = f'python3 -c "{get}"'
    stage.line.forbidden = {command: forbidden}
    results: list[str] = []

    def script(request: Request) -> Turn:
        if request.turn == 0:
            return bash(command)
        results.append(request.result)
        return say("Done.")

    async with there, ScriptedAnthropic(script) as server:
        outcome = await stage.work(stage.backend(server), trusted=True)
    assert (outcome.status, bool(reached), stage.line.asked[0][0]) == ("done", bool(heard), command)
    assert (heard or forbidden) in results[0]


async def test_a_permission_that_takes_its_time_is_no_silence(stage: Stage) -> None:
    class Patient(ScriptedLine):
        async def permitted(self, command: str, purpose: str) -> str:
            self.waits = True
            await asyncio.sleep(4)
            self.waits, self.waited_seconds = False, 4.0
            return ""

    stage.line = Patient()
    async with ScriptedAnthropic([bash("touch there && sh -c 'echo x'"), say("Done.")]) as server:
        outcome = await stage.work(stage.backend(server, silence=1.0), timeout=4.0, trusted=True)
    assert (outcome.status, outcome.summary, stage.line.waited_seconds) == ("done", "Done.", 4.0)
