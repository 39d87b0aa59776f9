"""What the models say in the scenarios: a plan, and two agents that work from what their tools really return.

The real Claude Code CLI and the real openai client talk to these on loopback; no key leaves the machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tests.scripted.anthropic_server import (
    Request,
    ScriptedAnthropic,
    Slow,
    Turn,
    bash,
    edit,
    read,
    say,
    team,
    write,
)
from tests.scripted.openai_server import ScriptedOpenAI

PLAN: dict[str, Any] = {
    "summary": "Code mends add(); Alpha proves it with a test.",
    "tasks": [
        {
            "id": "fix",
            "title": "Make add() add",
            "agent": "code_developer",
            "type": "implementation",
            "description": "add() subtracts. Make it add, and change nothing else.",
            "depends_on": [],
            "writes": ["calculator.py"],
            "acceptance": ["`add(2, 3)` is 5"],
        },
        {
            "id": "test",
            "title": "Test add()",
            "agent": "alpha_test_creator",
            "type": "test",
            "description": "A test that fails without the fix.",
            "depends_on": ["fix"],
            "writes": ["test_calculator.py"],
            "acceptance": ["The test is green"],
        },
    ],
}


def code(request: Request) -> Turn:
    """Reads calculator.py, edits the line it found there."""
    match request.turn:
        case 0:
            return read("calculator.py")
        case 1:
            line = next(line for line in request.result.splitlines() if "a - b" in line)
            return edit("calculator.py", line, line.replace("-", "+"))
        case _:
            return say("add() subtracted; now it adds.")


def asking(request: Request) -> Turn:
    """As `code`, but asks the user before the edit."""
    if request.turn == 1:
        options = ["Keep it", "Rename it"]
        return team("ask_user", question="Keep the name?", options=options, why="Others may import it.")
    if request.turn == 2:
        assert "Keep it" in request.result, "the answer has not come"
        return edit("calculator.py", "    return a - b", "    return a + b")
    return code(request)


def alpha(request: Request) -> Turn:
    """Reads calculator.py, writes a test for the function it found there."""
    match request.turn:
        case 0:
            return read("calculator.py")
        case 1:
            assert "return a + b" in request.result, "the fix has not landed"
            name = request.result.split("def ", 1)[1].split("(")[0]
            head, test = f"from calculator import {name}\n\n\n", f"def test_{name}() -> None:\n"
            return write("test_calculator.py", f"{head}{test}    assert {name}(2, 3) == 5\n")
        case _:
            return say("A test that fails without the fix.")


def reaching(request: Request) -> Turn:
    """Before their work Code looks at a repository twice, and Alpha fetches a page; both heed the answer."""
    if request.agent == "code_developer":
        if request.turn in (1, 2):
            return bash("git ls-remote . && echo reached")
        if request.turn == 3:
            assert "reached" in request.result, "it was allowed for the run"
            return edit("calculator.py", "    return a - b", "    return a + b")
        return code(request)
    if request.turn == 1:
        return bash("curl -s http://127.0.0.1:9/prices")
    if request.turn == 2:
        assert "The user does not allow this command" in request.result
        imports = "from calculator import add\n\n\n"
        return write("test_calculator.py", f"{imports}def test_add() -> None:\n    assert add(2, 3) == 5\n")
    return alpha(request)


SIDE_BY_SIDE: dict[str, Any] = PLAN | {"tasks": [task | {"depends_on": []} for task in PLAN["tasks"]]}
"""Both agents are at work at once."""


def asking_on_and_on(request: Request) -> Turn:
    """Each fetches another page at every turn, and never ends; Alpha's second is named at length."""
    if request.agent == "code_developer":
        return bash(f"curl -s http://127.0.0.1:9/rates/{request.turn}")
    names = "+".join(f"item{n}" for n in range(150)) if request.turn else ""
    return bash(f"curl -s http://127.0.0.1:9/prices/{request.turn}?of={names}")


class Models:
    """Both services, in a thread of their own; `pace`: seconds that an agent thinks before each turn.

    `asks`: Code asks the user something before it edits. `plan`: another one; `all_do`: what its agents do.
    """

    def __init__(
        self,
        pace: float,
        asks: bool = False,
        plan: dict[str, Any] = PLAN,
        all_do: Callable[[Request], Turn] | None = None,
    ) -> None:
        self._pace = pace
        self._plan = plan
        self._code = all_do or (asking if asks else code)
        self._alpha = all_do or alpha
        self.env: dict[str, str] = {}
        self.errors: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve()), daemon=True
        )
        self._up = threading.Event()

    def _answer(self, request: Request) -> Turn:
        turn = (self._code if request.agent == "code_developer" else self._alpha)(request)
        return Slow(self._pace, turn)  # type: ignore[arg-type]

    async def _serve(self) -> None:
        async with ScriptedAnthropic(self._answer) as claude, ScriptedOpenAI(plan=self._plan) as openai:
            self.errors = claude.errors
            self.env = {
                "ANTHROPIC_BASE_URL": claude.base_url,
                "ANTHROPIC_API_KEY": "sk-ant-scripted",
                "OPENAI_BASE_URL": openai.base_url,
                "OPENAI_API_KEY": "sk-scripted",
            }
            self._up.set()
            await self._ended.wait()

    def __enter__(self) -> Models:
        self._thread.start()
        assert self._up.wait(10), "the model services did not come up"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
