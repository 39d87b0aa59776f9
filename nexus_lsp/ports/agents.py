"""Agents: what an attempt is given, what it reports, and its line to the team."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nexus_lsp.core.personas import Persona
from nexus_lsp.core.plan import Task
from nexus_lsp.core.team_tools import ToolSpec

if TYPE_CHECKING:
    from nexus_lsp.core.personality import Situation


@dataclass(frozen=True, slots=True)
class Spent:
    """What a piece of work cost, as its backend measured it."""

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished task hands to the tasks that depend on it."""

    task_id: str
    agent_id: str
    title: str
    summary: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """A memory item as an agent is shown it; `at_day` is its date (2026-05-26)."""

    text: str
    source: str
    paths: tuple[str, ...]
    at_day: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as an agent is shown it: who says what kind of thing, in which thread."""

    sender: str
    kind: str
    text: str
    thread: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Jotting:
    """A note on the run's scratchpad."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that one attempt at one task needs: a value plus a checkout.

    Attributes:
        attempt: 1 for the first; more for repairs and retries.
        checkout: where to work; nothing outside it may be written.
        request: the user's words for the whole run; `plan_summary`: the plan in a sentence.
        results: results of the tasks this one depends on.
        evidence: why the last attempt did not do (gate output, conflicting files), or "".
        notes: what the user rejected, with reasons, and other things to heed.
        project_text: the repository's own AGENTS.md / CLAUDE.md, untrusted, to be quoted as such.
        trusted: whether the workspace's code may be run.
        changed_paths: workspace paths that differ from the user's text at this point of the run.
        situation: how urgent and how strained things are, who gets the result, what this persona has learned.
        memories: what the team remembers that may matter; letters: messages that came before the start;
        scratchpad: the run's notes.
        session_id: the backend's session to resume after a crash, or None; `session_usd`: what it has cost.
        max_usd: budget for this attempt, or None.
        timeout: seconds after which the attempt is broken off.
    """

    run_id: str
    task: Task
    attempt: int
    persona: Persona
    checkout: Path
    request: str
    plan_summary: str
    results: tuple[TaskResult, ...] = ()
    evidence: str = ""
    notes: tuple[str, ...] = ()
    project_text: str = ""
    trusted: bool = False
    changed_paths: tuple[str, ...] = ()
    session_id: str | None = None
    session_usd: float = 0.0
    max_usd: float | None = None
    timeout: float = 3600.0
    situation: Situation | None = None
    memories: tuple[Reminder, ...] = ()
    letters: tuple[Letter, ...] = ()
    scratchpad: tuple[Jotting, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """A line for the user while an agent works; `percent` only where it is known."""

    message: str
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The backend's session id, as soon as there is one, for resuming after a crash."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign of life, at most one a second: the tokens this attempt has used by now."""

    tokens: int = 0


Report = Progress | SessionStarted | Heard


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answers; `is_error` where the call was wrong, and the text says what to do instead."""

    text: str
    is_error: bool = False


class Line(Protocol):
    """What binds an agent at work to its team: tools to call, messages that come, and a way to be stopped."""

    tools: tuple[ToolSpec, ...]
    stopped: asyncio.Event
    """Set once the agent has to end; the backend then ends the attempt as `broken`, with what it cost."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Carry out a tool. Never raises for what the agent did wrong."""
        ...

    async def incoming(self) -> str:
        """What has come for the agent since it was last asked, to be put before the model; "" for nothing."""
        ...

    async def before_end(self) -> str:
        """Why the agent should not end its turn yet, or ""; says so a few times at most."""
        ...

    async def permitted(self, command: str, purpose: str) -> str:
        """Why a shell command must not be run, for the model; "" where it may.

        Waits for the user where they are to be asked. `purpose`: what the agent says it is for.
        """
        ...

    def waited(self) -> tuple[bool, float]:
        """Whether a tool waits for a person now, and the seconds spent so in this attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one line was changed: `line` is its old text without the line end."""

    path: str
    line: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        status: "done"; "failed" (the work); "unable" (the backend cannot do such work, and says so);
            "broken" (the backend: key, network, crash, time).
        summary: for the user and for dependent tasks, a few sentences or Markdown.
        retryable: for "broken": whether the same again may work.
        reasons: why single lines were changed, where the backend knows.
        fault: for "broken": whose it was. `service` and `program` count against the backend; after `hung` the
            conversation is not gone on with; `stopped` is nobody's.
        response_seconds: how long the model took to begin an answer, on average; None where not measured.
    """

    status: Literal["done", "failed", "unable", "broken"]
    summary: str
    spent: Spent = field(default_factory=Spent)
    session_id: str | None = None
    retryable: bool = False
    reasons: tuple[Reason, ...] = ()
    fault: Literal["", "service", "program", "hung", "stopped"] = ""
    response_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One line of `nexus-lsp doctor`: `mend` says what to do where `ok` is False."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


class AgentBackend(Protocol):
    """Does tasks. `work` is cancelled by cancelling its asyncio task and then leaves no process behind."""

    name: str

    async def work(self, assignment: Assignment, report: Callable[[Report], None], line: Line) -> Outcome:
        """Do the task in its checkout. Never raises for what the work or the service did wrong."""
        ...

    async def check(self) -> Sequence[Readiness]:
        """What is there and what is missing."""
        ...

    async def close(self) -> None:
        """End every process this backend started."""
        ...
