"""The local team: does tasks with well-kept tools where there is no model to ask.

Ruff, radon, Hypothesis, pytest and coverage stand in for a model; the same plan, checkouts, gates, landing
and review apply. What such tools cannot do (invent a feature) is said plainly.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

from nexus_lsp.adapters import sandbox
from nexus_lsp.adapters.local.analysis import analyse
from nexus_lsp.adapters.local.fixes import implement
from nexus_lsp.adapters.local.test_generation import write_tests
from nexus_lsp.adapters.local.validation import validate
from nexus_lsp.adapters.local.withdrawal import Originals
from nexus_lsp.ports import Assignment, Line, Outcome, Readiness, Report, Spent

_TOOLS = {
    "ruff": "fixes, lint and security findings",
    "radon": "complexity",
    "hypothesis": "arguments for generated tests",
    "pytest": "tests",
    "coverage": "coverage",
}


class LocalTeam:
    """An `AgentBackend` for every persona: the task's type decides which trade works."""

    name = "local"

    def __init__(self, python: Path | None = None, workspace: Path | None = None) -> None:
        """`python` (default: ours) runs the workspace's code; a trusted `workspace`'s `.venv` goes first."""
        self._python = python or Path(sys.executable)
        self._workspace = workspace
        self._originals = Originals()
        self._at_work: set[asyncio.Task[object]] = set()

    async def work(self, assignment: Assignment, report: Callable[[Report], None], line: Line) -> Outcome:
        """Do the task in its checkout; what it spends is time only. Tools have nothing to say to a team."""
        began = time.monotonic()
        current = asyncio.current_task()
        if current is not None:
            self._at_work.add(current)
        try:
            async with asyncio.timeout(assignment.timeout):
                outcome = await self._until_stopped(self._dispatch(assignment, report), line)
        except TimeoutError:
            outcome = Outcome("broken", f"The task did not end within {assignment.timeout:g} s.")
        except OSError as error:
            outcome = Outcome("broken", f"A tool or file could not be used: {error}", retryable=True)
        finally:
            if current is not None:
                self._at_work.discard(current)
        return replace(outcome, spent=Spent(seconds=time.monotonic() - began))

    async def _until_stopped(self, work: Coroutine[Any, Any, Outcome], line: Line) -> Outcome:
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(line.stopped.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            told = "It was stopped because a budget is spent."
            return Outcome("broken", told, retryable=True, fault="stopped")
        finally:
            for task in (working, stopping):
                task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    async def _dispatch(self, assignment: Assignment, report: Callable[[Report], None]) -> Outcome:
        kind = assignment.task.type
        match kind:
            case "analysis":
                return await analyse(assignment, report)
            case "implementation":
                return await implement(assignment, self._originals, report)
            case "test":
                return await write_tests(assignment, self._interpreter(assignment), report)
            case "validation":
                return await validate(assignment, self._interpreter(assignment), report)
        assert_never(kind)

    def _interpreter(self, assignment: Assignment) -> Path:
        """The workspace's own environment where it is trusted and has pytest, else the given one."""
        if assignment.trusted and self._workspace is not None:
            own = self._workspace / ".venv" / "bin" / "python"
            if own.exists() and any(own.parent.parent.glob("lib/python*/site-packages/pytest/__init__.py")):
                return own
        return self._python

    async def check(self) -> Sequence[Readiness]:
        """One line a tool, and the sandbox."""
        lines = [_installed(name, use) for name, use in _TOOLS.items()]
        return [*lines, await asyncio.to_thread(sandbox.describe)]

    async def close(self) -> None:
        """Cancel what is at work; each trade ends its processes before it lets go."""
        tasks = [task for task in self._at_work if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _installed(name: str, use: str) -> Readiness:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        mend = "Install NEXUS again (`pipx install --force .` in its folder)."
        return Readiness(name, False, f"not installed; the local team uses it for {use}", mend)
    return Readiness(name, True, f"{version}: {use}")
