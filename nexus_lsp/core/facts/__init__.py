"""Facts: everything that can have happened in a run, as a closed union of frozen values.

A fact is journalled before anything acts on it; replaying a run's facts with `core.run.evolve` gives the
run. On the wire a fact is `{seq, at, runId, type, ...}` (`nexus/event`), its fields in camelCase.

**Invariant:** a fact is never changed or removed once journalled; a new meaning is a new fact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from nexus_lsp.core.facts.asks import OF_AGENTS, AskAnswered, AskKind, AskOpened
from nexus_lsp.core.facts.budgets import BudgetSpent, BudgetWarned
from nexus_lsp.core.facts.changes import (
    BaseMoved,
    ChangeAccepted,
    ChangeOutdated,
    ChangeProposed,
    ChangeRejected,
    ChangeReopened,
    ChangesCommitted,
    ChangesRelated,
    FileMoved,
    Move,
    RevisionAsked,
)
from nexus_lsp.core.facts.forecasts import Clash, ClashKind, ClashSide, ConflictForecast, SideState
from nexus_lsp.core.facts.gates import (
    BaselineMeasured,
    GateFailed,
    GateNotMeasured,
    GatePassed,
    GatePlace,
    GateWarned,
    QualityMeasured,
    Uncovered,
)
from nexus_lsp.core.facts.plans import (
    PlanApproved,
    PlanKept,
    PlanProposed,
    PlanRejected,
    PlanRevised,
    ReplanRequested,
    RevisionProposed,
)
from nexus_lsp.core.facts.runs import (
    Approval,
    HeadMoved,
    HeadTaken,
    Priority,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunReady,
    RunRecovered,
    RunResumed,
    RunStarted,
    SnapshotTaken,
)
from nexus_lsp.core.facts.tasks import (
    AgentSession,
    LineReason,
    RepairCause,
    RepairRequested,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskProgress,
    TaskStarted,
    TaskSubmitted,
)
from nexus_lsp.core.facts.team import (
    AgentAvailable,
    AgentSpent,
    AgentUnavailable,
    MemoryForgotten,
    MemoryLine,
    MemoryRecalled,
    MemoryStored,
    MemoryUnavailable,
    MessageDead,
    MessageDelayed,
    MessageDelivered,
    MessageSent,
    NoteWritten,
    TeamFact,
)

__all__ = [
    "FACTS",
    "OF_AGENTS",
    "AgentAvailable",
    "AgentSession",
    "AgentSpent",
    "AgentUnavailable",
    "Approval",
    "AskAnswered",
    "AskKind",
    "AskOpened",
    "BaseMoved",
    "BaselineMeasured",
    "BudgetSpent",
    "BudgetWarned",
    "ChangeAccepted",
    "ChangeOutdated",
    "ChangeProposed",
    "ChangeRejected",
    "ChangeReopened",
    "ChangesCommitted",
    "ChangesRelated",
    "Clash",
    "ClashKind",
    "ClashSide",
    "ConflictForecast",
    "Entry",
    "Fact",
    "FileMoved",
    "GateFailed",
    "GateNotMeasured",
    "GatePassed",
    "GatePlace",
    "GateWarned",
    "HeadMoved",
    "HeadTaken",
    "LineReason",
    "MemoryForgotten",
    "MemoryLine",
    "MemoryRecalled",
    "MemoryStored",
    "MemoryUnavailable",
    "MessageDead",
    "MessageDelayed",
    "MessageDelivered",
    "MessageSent",
    "Move",
    "NoteWritten",
    "PlanApproved",
    "PlanKept",
    "PlanProposed",
    "PlanRejected",
    "PlanRevised",
    "Priority",
    "QualityMeasured",
    "RepairCause",
    "RepairRequested",
    "ReplanRequested",
    "RevisionAsked",
    "RevisionProposed",
    "RunCancelled",
    "RunCompleted",
    "RunFailed",
    "RunPaused",
    "RunReady",
    "RunRecovered",
    "RunResumed",
    "RunStarted",
    "SideState",
    "SnapshotTaken",
    "TaskCancelled",
    "TaskCompleted",
    "TaskFailed",
    "TaskProgress",
    "TaskStarted",
    "TaskSubmitted",
    "TeamFact",
    "Uncovered",
]

Fact = (
    RunStarted
    | SnapshotTaken
    | HeadMoved
    | HeadTaken
    | RunPaused
    | RunResumed
    | RunReady
    | RunRecovered
    | RunCompleted
    | RunFailed
    | RunCancelled
    | PlanProposed
    | PlanApproved
    | PlanRejected
    | ReplanRequested
    | RevisionProposed
    | PlanRevised
    | PlanKept
    | TaskStarted
    | TaskProgress
    | AgentSession
    | TaskSubmitted
    | RepairRequested
    | TaskCompleted
    | TaskFailed
    | TaskCancelled
    | BaselineMeasured
    | GatePassed
    | GateFailed
    | GateNotMeasured
    | GateWarned
    | QualityMeasured
    | ChangeProposed
    | ChangeAccepted
    | ChangeRejected
    | ChangeOutdated
    | ChangeReopened
    | RevisionAsked
    | ChangesRelated
    | ChangesCommitted
    | FileMoved
    | BaseMoved
    | AskOpened
    | AskAnswered
    | BudgetWarned
    | BudgetSpent
    | ConflictForecast
    | TeamFact
)

FACTS: dict[str, type[Fact]] = {kind.type: kind for kind in get_args(Fact)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as the journal holds it: `seq` is global to an engine, `at` is in Unix seconds."""

    seq: int
    at: float
    run_id: str
    fact: Fact = field(repr=True)
