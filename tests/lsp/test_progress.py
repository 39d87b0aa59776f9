"""What a run's progress says, event by event."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.progress import RunProgress

NAMES = {"code_developer": "Code", "alpha_test_creator": "Alpha"}


class Editor:
    """What progress needs of one; keeps each message."""

    def __init__(self) -> None:
        self.client_capabilities = SimpleNamespace(window=SimpleNamespace(work_done_progress=True))
        self.told: list[str] = []

    async def request(self, _method: str, _params: Any) -> None: ...

    def notify(self, _method: str, params: Any) -> None:
        self.told += [params.value.message] if params.value.kind == "report" else []


async def told(*events: dict[str, Any]) -> list[str]:
    editor = Editor()
    progress = RunProgress(cast(NexusLanguageServer, editor), lambda _run: asyncio.sleep(0))
    started = {"type": "run_started", "request": "Add", "team": "claude", "team_why": "set"}
    progress.hear(started | {"run_id": "r"}, NAMES)
    await asyncio.sleep(0.01)
    for event in events:
        progress.hear(event | {"run_id": "r"}, NAMES)
    return editor.told[1:]


def does(agent: str, message: str) -> dict[str, Any]:
    return {"type": "task_progress", "agent_id": agent, "task_id": "t", "message": message}


def asks(ask: str, agent: str, question: str) -> dict[str, Any]:
    return {"type": "ask_opened", "ask_id": ask, "agent_id": agent, "question": question}


def answered(ask: str) -> dict[str, Any]:
    return {"type": "ask_answered", "ask_id": ask, "answer": "Deny", "by": "user"}


async def test_an_agent_that_waits_for_the_user_is_not_said_to_run_its_command() -> None:
    assert await told(
        does("code_developer", "runs curl x"),
        asks("a1", "code_developer", "May I run `curl x`?"),
        asks("a2", "alpha_test_creator", "May I run `wget y`?"),
        answered("a1"),
        answered("a2"),
        does("alpha_test_creator", "reads a.py"),
    ) == [
        "Code: runs curl x",
        "Code asks you: May I run `curl x`?",
        "Alpha asks you: May I run `wget y`?",
        "Alpha waits for your answer",
        "Alpha goes on",
        "Alpha: reads a.py",
    ]


async def test_a_question_of_the_run_itself_is_no_agents() -> None:
    assert await told(asks("a1", "", "Spent. Go on?"), answered("a1")) == []
