"""Facts of tasks: attempts, what they left, how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

RepairCause = Literal["conflict", "gate", "broken", "user", "stopped"]


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """One attempt begins.

    Attributes:
        base: the integration commit it will be merged with later (its merge base).
        start: the commit whose tree is checked out: `base`, or for a repair what has to be repaired.
        evidence: why there is another attempt; "" for the first.
        max_usd: what it may cost, so that agents side by side do not each spend what is left; None for no
            limit.
    """

    type: ClassVar[str] = "task_started"
    task_id: str
    agent_id: str
    instance_id: str
    attempt: int
    base: str
    start: str
    evidence: str = ""
    max_usd: float | None = None


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """A line about a task at work; `percent` only where it is known."""

    type: ClassVar[str] = "task_progress"
    task_id: str
    agent_id: str
    message: str
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class AgentSession:
    """The backend's session for this attempt, to be resumed after a crash."""

    type: ClassVar[str] = "agent_session"
    task_id: str
    agent_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class LineReason:
    """Why one line was changed, by its old text."""

    path: str
    line: str
    why: str


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """An agent stopped and its work was harvested; it waits to land. Paid work is never repeated.

    `seconds` are the agent's own, those of its checkout and its harvest stand beside them. `response` is what
    the agent says of its work, in the seed's response schema: claims, no measurements. `response_seconds`:
    how long its model took to begin an answer, on average.
    """

    type: ClassVar[str] = "task_submitted"
    task_id: str
    attempt: int
    commit: str
    paths: tuple[str, ...]
    summary: str
    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    reasons: tuple[LineReason, ...] = ()
    checkout_seconds: float = 0.0
    harvest_seconds: float = 0.0
    response: Mapping[str, Any] | None = None
    response_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RepairRequested:
    """A conflict, a red gate, a broken backend or the user's wish: another attempt with the evidence.

    Attributes:
        cause: conflicts and gates count as repairs, `broken` as a retry; with `user` both begin anew;
            `stopped` (its budget is spent) counts as nothing.
        start: the commit to go on from (with conflict markers, the red candidate, what a broken attempt
            left); None for the integration head.
        usd, tokens: what the attempt cost that came to nothing.
        not_before: Unix seconds until which the agent is left in peace, where there was a fault.
        fresh: the next attempt begins a conversation of its own (the old one hung).
    """

    type: ClassVar[str] = "task_repair"
    task_id: str
    attempt: int
    cause: RepairCause
    evidence: str
    start: str | None = None
    usd: float = 0.0
    tokens: int = 0
    not_before: float | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """A task's work became part of the integration tree (`integration` is the new head).

    Attributes:
        refresh_seconds: what bringing the tree up to the user's text took while this landed.
        merge_seconds: what merging and making proposals took; gates name their own seconds.
        waited_seconds: from the submission until it was this task's turn to land.
        by_structure: paths where it and what landed before changed the same lines, and were merged by the
            structure of the file (`core.merging`).
    """

    type: ClassVar[str] = "task_completed"
    task_id: str
    agent_id: str
    summary: str
    integration: str
    paths: tuple[str, ...] = ()
    refresh_seconds: float = 0.0
    merge_seconds: float = 0.0
    waited_seconds: float = 0.0
    by_structure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A task will not be tried again in this run, and nothing of it landed.

    `unable`: its backend cannot do such work at all; tasks that depend on it go on without it. `broken`: its
    backend failed, not the work, so that another plan would not help. `usd` is what
    the last attempt cost, where that was not counted with a submission.
    """

    type: ClassVar[str] = "task_failed"
    task_id: str
    agent_id: str
    reason: str
    unable: bool = False
    usd: float = 0.0
    tokens: int = 0
    broken: bool = False


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    """A task was given up: the run was cancelled, or one that it depends on failed.

    `tokens` is what the attempt at work had used, as far as is known; what it cost is not.
    """

    type: ClassVar[str] = "task_cancelled"
    task_id: str
    agent_id: str
    reason: str
    tokens: int = 0
