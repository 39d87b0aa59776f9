"""A fake of `ports.Line`: an agent's line to a team that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nexus_lsp.core.team_tools import TOOLS
from nexus_lsp.ports import ToolAnswer


class ScriptedLine:
    """Hears the calls, says what it is given.

    `news` is what comes at the next step, `endings` what is said, in turn, when the agent wants to end.
    """

    tools = TOOLS

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.news: list[str] = []
        self.endings: list[str] = []
        self.answers: dict[str, ToolAnswer] = {}
        self.asked: list[tuple[str, str]] = []
        self.forbidden: dict[str, str] = {}
        self.waits = False
        self.waited_seconds = 0.0

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        self.calls.append((name, dict(arguments)))
        return self.answers.get(name, ToolAnswer("Done."))

    async def incoming(self) -> str:
        return self.news.pop(0) if self.news else ""

    async def before_end(self) -> str:
        return self.endings.pop(0) if self.endings else ""

    async def permitted(self, command: str, purpose: str) -> str:
        self.asked.append((command, purpose))
        return self.forbidden.get(command, "")

    def waited(self) -> tuple[bool, float]:
        return self.waits, self.waited_seconds
