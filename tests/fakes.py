"""Fakes of the ports: deterministic, in memory, scripted in a test's own words.

The repository has no fake: the real quarantine takes a snapshot in some 20 ms.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.personas import ClaudeConfiguration, Persona, PersonalityProfile
from nexus_lsp.core.plan import Plan, Task, TaskType
from nexus_lsp.core.quality import Quality, Scrutiny
from nexus_lsp.core.replanning import Revision, Trouble
from nexus_lsp.ports import (
    Assignment,
    Brief,
    GateResult,
    JournalFailed,
    Line,
    Outcome,
    PlanFailed,
    Progress,
    Readiness,
    Report,
    Repository,
    Spent,
)

AGENTS = ("aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator")


def persona(agent_id: str) -> Persona:
    profile = PersonalityProfile((), "", "", "", "")
    configuration = ClaudeConfiguration("sonnet", 1000, 0.0, "", ())
    return Persona(agent_id, agent_id, "works", profile, (), (), configuration)


def task(
    task_id: str,
    *depends_on: str,
    writes: Sequence[str] = (),
    agent: str = "code_developer",
    type: TaskType = "implementation",
) -> Task:
    return Task(task_id, f"Do {task_id}", agent, type, "", depends_on, tuple(writes))


def plan(*tasks: Task) -> Plan:
    return Plan("the plan", tasks)


# --- clock and ids -----------------------------------------------------------------------------------


@dataclass
class Clock:
    """Time stands still until a test moves it."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


class Ids:
    """`run_1`, `change_2`, …"""

    def __init__(self, start: int = 1) -> None:
        self._numbers = itertools.count(start)

    def __call__(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"


# --- the planner -------------------------------------------------------------------------------------


class ScriptedPlanner:
    """Answers with a plan, or raises what it is given; hears the briefs."""

    source = "scripted"

    def __init__(self, answer: Plan | Exception) -> None:
        self.answer = answer
        self.briefs: list[Brief] = []
        self.ways: list[Revision] = []
        """What it answers when asked for another way, in turn; then there is none."""
        self.troubles: list[Trouble] = []

    async def replan(self, brief: Brief, trouble: Trouble) -> Revision:
        self.troubles.append(trouble)
        if not self.ways:
            raise PlanFailed("there is no other way")
        return self.ways.pop(0)

    async def plan(self, brief: Brief) -> Plan:
        self.briefs.append(brief)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        pass


# --- agents ------------------------------------------------------------------------------------------

Step = Callable[..., "Outcome | Awaitable[Outcome] | None"]
"""Takes the assignment, and the agent's line to its team where it has a second parameter."""

Status = Literal["done", "failed", "unable", "broken"]


def writes(usd: float = 0.0, **files: str | bytes | None) -> Step:
    """Writes whole files (None deletes); `__` in a name is a slash, `_DOT_` a dot."""
    named = {name.replace("__", "/").replace("_DOT_", "."): text for name, text in files.items()}
    return puts(named, usd)


def puts(files: Mapping[str, str | bytes | None], usd: float = 0.0) -> Step:
    """As `writes`, by path."""

    def step(assignment: Assignment) -> Outcome:
        for path, content in files.items():
            put(assignment.checkout, path, content)
        return done(usd=usd)

    return step


def replaces(path: str, old: str, new: str) -> Step:
    """Changes text that must be there, as an agent that read the file would."""

    def step(assignment: Assignment) -> Outcome:
        file = assignment.checkout / path
        text = file.read_bytes().decode()
        assert old in text, f"{path} has no {old!r}: {text!r}"
        file.write_bytes(text.replace(old, new, 1).encode())
        return done()

    return step


def ends(status: Status, why: str, retryable: bool = False, usd: float = 0.0) -> Step:
    """Comes to nothing."""
    return lambda _: Outcome(status, why, Spent(usd), retryable=retryable)


def done(summary: str = "did it", usd: float = 0.0) -> Outcome:
    return Outcome("done", summary, Spent(usd, 10, 5, 1.0))


def put(folder: Path, path: str, content: str | bytes | None) -> None:
    place = folder / path
    if content is None:
        place.unlink()
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


@dataclass
class Brake:
    """A step that waits, so that a test can do something meanwhile: `await reached`, then `go`."""

    then: Step
    before: Step | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False

    async def __call__(self, assignment: Assignment) -> Outcome:
        if self.before:
            self.before(assignment)
        self.reached.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        outcome = self.then(assignment)
        assert isinstance(outcome, Outcome)
        return outcome


class ScriptedBackend:
    """Does a task's steps, one for each attempt; the last step is done again and again."""

    name = "scripted"

    def __init__(self, script: Mapping[str, Step | Sequence[Step]]) -> None:
        self.script = dict(script)
        self.calls: list[Assignment] = []
        self.at_work = 0
        self.most_at_work = 0

    def attempts(self, task_id: str) -> list[Assignment]:
        return [call for call in self.calls if call.task.id == task_id]

    async def work(self, assignment: Assignment, report: Callable[[Report], None], line: Line) -> Outcome:
        self.calls.append(assignment)
        report(Progress(f"at {assignment.task.id}"))
        steps = self.script[assignment.task.id]
        chosen = steps if callable(steps) else steps[min(assignment.attempt, len(steps)) - 1]
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            outcome = chosen(assignment, line) if _takes_line(chosen) else chosen(assignment)
            return await outcome if inspect.isawaitable(outcome) else outcome or done()
        finally:
            self.at_work -= 1

    async def check(self) -> Sequence[Readiness]:
        return ()

    async def close(self) -> None:
        pass


def _takes_line(step: Step) -> bool:
    return len(inspect.signature(step).parameters) > 1


# --- gates -------------------------------------------------------------------------------------------

Verdicts = Callable[[Mapping[str, str]], Mapping[str, bool]]
"""From a tree's texts to the tests in it: whether each passes."""


class ScriptedGates:
    """One gate, `tests`, that judges a tree by its files."""

    def __init__(self, repository: Repository, verdicts: Verdicts | None = None) -> None:
        self._repository = repository
        self.verdicts = verdicts
        self.measured: list[str] = []
        self.scrutiny = Scrutiny(Quality())

    async def measure(
        self, commit: str, trusted: bool, test_command: str | None, on_output: Callable[[str], None]
    ) -> tuple[GateResult, ...]:
        self.measured.append(commit)
        if self.verdicts is None:
            return (GateResult("tests", "not_measured", "no test"),)
        texts: dict[str, str] = {}
        for path, _ in await self._repository.files(commit):
            file = await self._repository.read_file(commit, path)
            texts[path] = file.content.decode("utf-8", "replace") if file else ""
        tests = self.verdicts(texts)
        red = tuple(name for name, passes in tests.items() if not passes)
        on_output(f"{len(red)} failed")
        green = tuple(name for name, passes in tests.items() if passes)
        return (GateResult("tests", "measured", "", green, red, output=f"red: {', '.join(red)}"),)

    async def scrutinise(
        self,
        base: str,
        head: str,
        trusted: bool,
        test_command: str | None,
        on_output: Callable[[str], None],
    ) -> Scrutiny:
        return self.scrutiny

    async def close(self) -> None:
        pass


# --- the journal -------------------------------------------------------------------------------------


class MemoryJournal:
    """A journal that lives as long as its `entries`; `full` makes the next appends fail."""

    def __init__(self, entries: list[Entry] | None = None) -> None:
        self.entries = entries if entries is not None else []
        self.full = False
        self._is_open = False

    async def open(self) -> list[Entry]:
        self._is_open = True
        return list(self.entries)

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        if not self._is_open:
            raise JournalFailed("The journal is closed.")
        if self.full:
            raise JournalFailed("The journal could not be written: disk full. Free disk space.")
        seq = self.entries[-1].seq if self.entries else 0
        new = [Entry(seq + n, at, run_id, fact) for n, fact in enumerate(facts, 1)]
        self.entries += new
        return new

    async def close(self) -> None:
        self._is_open = False
