"""Facts: everything that can have happened in a run, as a closed union of frozen values.

A fact is journalled before anything acts on it; replaying a run's facts with `core.run.evolve` gives the
run. On the wire a fact is `{seq, at, runId, type, ...}` (`nexus/event`), its fields in camelCase.

**Invariant:** a fact is never changed or removed once journalled; a new meaning is a new fact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from nexus_lsp.core.changes import Change
from nexus_lsp.core.plan import Plan

# --- the run -----------------------------------------------------------------------------------------

Approval = Literal["auto", "ask"]
Priority = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A request was taken on. `deadline` is in Unix seconds; `context` is JSON text or ""."""

    type: ClassVar[str] = "run_started"
    request: str
    workspace: str
    team: str = "auto"
    team_why: str = ""
    approval: Approval = "auto"
    priority: Priority = "medium"
    deadline: float | None = None
    trusted: bool = False
    focus: tuple[str, ...] = ()
    context: str = ""
    max_usd: float | None = None
    test_command: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """The workspace was taken as the editor shows it; `head` is what the user's HEAD named then."""

    type: ClassVar[str] = "snapshot_taken"
    commit: str
    head: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """The user's HEAD names something else (`head`) than the run was told last; nothing lands until the run
    is resumed there, or HEAD is back."""

    type: ClassVar[str] = "head_moved"
    head: str


@dataclass(frozen=True, slots=True)
class RunPaused:
    """Nothing new starts until the run is resumed; what is at work goes on to its end."""

    type: ClassVar[str] = "run_paused"
    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run goes on."""

    type: ClassVar[str] = "run_resumed"


@dataclass(frozen=True, slots=True)
class RunReady:
    """All work has landed or failed; what was proposed waits for the user."""

    type: ClassVar[str] = "run_ready"
    summary: str


@dataclass(frozen=True, slots=True)
class RunCompleted:
    """Every change is settled."""

    type: ClassVar[str] = "run_completed"
    accepted: int
    rejected: int
    outdated: int


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended without all of its work; what landed can still be reviewed."""

    type: ClassVar[str] = "run_failed"
    reason: str


@dataclass(frozen=True, slots=True)
class RunCancelled:
    """The user stopped the run; what landed can still be reviewed."""

    type: ClassVar[str] = "run_cancelled"


# --- the plan ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanProposed:
    """A planner answered; `source` names it, `why` says why this planner was used."""

    type: ClassVar[str] = "plan_proposed"
    plan: Plan
    source: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlanApproved:
    """The plan, as the user left it, is to be carried out."""

    type: ClassVar[str] = "plan_approved"
    plan: Plan
    by: Literal["auto", "user"]


@dataclass(frozen=True, slots=True)
class PlanRejected:
    """The user does not want this plan."""

    type: ClassVar[str] = "plan_rejected"
    reason: str = ""


# --- tasks -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """One attempt begins.

    Attributes:
        base: the integration commit it will be merged with later (its merge base).
        start: the commit whose tree is checked out: `base`, or for a repair what has to be repaired.
        evidence: why there is another attempt; "" for the first.
    """

    type: ClassVar[str] = "task_started"
    task_id: str
    agent_id: str
    instance_id: str
    attempt: int
    base: str
    start: str
    evidence: str = ""


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

    `seconds` are the agent's own, those of its checkout and its harvest stand beside them.
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


@dataclass(frozen=True, slots=True)
class RepairRequested:
    """A conflict, a red gate, a broken backend or the user's wish: another attempt with the evidence.

    Attributes:
        cause: conflicts and gates count as repairs, `broken` as a retry; with `user` both begin anew.
        start: the commit to go on from (with conflict markers, the red candidate, what a broken attempt
            left); None for the integration head.
        usd: what the attempt cost that came to nothing.
    """

    type: ClassVar[str] = "task_repair"
    task_id: str
    attempt: int
    cause: Literal["conflict", "gate", "broken", "user"]
    evidence: str
    start: str | None = None
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """A task's work became part of the integration tree (`integration` is the new head).

    Attributes:
        refresh_seconds: what bringing the tree up to the user's text took while this landed.
        merge_seconds: what merging and making proposals took; gates name their own seconds.
        waited_seconds: from the submission until it was this task's turn to land.
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


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A task will not be tried again in this run, and nothing of it landed.

    `unable`: its backend cannot do such work at all; tasks that depend on it go on without it. `usd` is what
    the last attempt cost, where that was not counted with a submission.
    """

    type: ClassVar[str] = "task_failed"
    task_id: str
    agent_id: str
    reason: str
    unable: bool = False
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    """A task was given up because one that it depends on failed."""

    type: ClassVar[str] = "task_cancelled"
    task_id: str
    agent_id: str
    reason: str


# --- gates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GatePlace:
    """A line that makes a gate fail; `line` is 0-based in the measured tree."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class BaselineMeasured:
    """The snapshot's own gates, before any agent's work: what failed before does not block."""

    type: ClassVar[str] = "gate_baseline"
    gate: str
    commit: str
    measured: bool
    why: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    coverage: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GatePassed:
    """A gate measured a tree and nothing that worked before is broken."""

    type: ClassVar[str] = "gate_passed"
    gate: str
    commit: str
    task_id: str | None
    passed: int
    failed: int
    fixed: tuple[str, ...] = ()
    coverage: float | None = None
    seconds: float = 0.0
    output: str = ""


@dataclass(frozen=True, slots=True)
class GateFailed:
    """A gate measured a tree and found what worked before broken."""

    type: ClassVar[str] = "gate_failed"
    gate: str
    commit: str
    task_id: str | None
    broken: tuple[str, ...]
    output: str
    places: tuple[GatePlace, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GateNotMeasured:
    """A gate could not measure, and says why: never green."""

    type: ClassVar[str] = "gate_not_measured"
    gate: str
    commit: str
    task_id: str | None
    why: str


# --- changes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangeProposed:
    """A change waits for the user."""

    type: ClassVar[str] = "change_proposed"
    change: Change


@dataclass(frozen=True, slots=True)
class ChangeAccepted:
    """A change reached the user's buffer or file."""

    type: ClassVar[str] = "change_accepted"
    change_id: str
    by: str = "user"


@dataclass(frozen=True, slots=True)
class ChangeRejected:
    """The user does not want a change; it cannot come back by itself."""

    type: ClassVar[str] = "change_rejected"
    change_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeOutdated:
    """A change can no longer be applied, or a later task's change took its place."""

    type: ClassVar[str] = "change_outdated"
    change_id: str
    why: str
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeReopened:
    """A decision was taken back; the change waits again."""

    type: ClassVar[str] = "change_reopened"
    change_id: str


@dataclass(frozen=True, slots=True)
class Move:
    """Where a pending change stands in a newer base."""

    change_id: str
    base: str
    line: int


@dataclass(frozen=True, slots=True)
class BaseMoved:
    """The user's current text was taken into the integration tree: a new snapshot under the same work."""

    type: ClassVar[str] = "base_moved"
    snapshot: str
    integration: str
    moves: tuple[Move, ...] = ()


# --- asks, budget ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskOpened:
    """Something waits for the user; unanswered past `expires` (Unix seconds) it counts as `default`."""

    type: ClassVar[str] = "ask_opened"
    ask_id: str
    kind: Literal["plan", "resume", "head_moved", "budget"]
    question: str
    options: tuple[str, ...]
    default: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class AskAnswered:
    """The user (or the time limit) decided."""

    type: ClassVar[str] = "ask_answered"
    ask_id: str
    answer: str
    by: Literal["user", "timeout", "engine"] = "user"


@dataclass(frozen=True, slots=True)
class BudgetWarned:
    """80 % of the run's money is spent."""

    type: ClassVar[str] = "budget_warning"
    usd: float
    max_usd: float


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """The run's money is spent; it is paused, and resuming it gives as much again."""

    type: ClassVar[str] = "budget_spent"
    usd: float
    max_usd: float


Fact = (
    RunStarted
    | SnapshotTaken
    | HeadMoved
    | RunPaused
    | RunResumed
    | RunReady
    | RunCompleted
    | RunFailed
    | RunCancelled
    | PlanProposed
    | PlanApproved
    | PlanRejected
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
    | ChangeProposed
    | ChangeAccepted
    | ChangeRejected
    | ChangeOutdated
    | ChangeReopened
    | BaseMoved
    | AskOpened
    | AskAnswered
    | BudgetWarned
    | BudgetSpent
)

FACTS: dict[str, type[Fact]] = {kind.type: kind for kind in get_args(Fact)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as the journal holds it: `seq` is global to an engine, `at` is in Unix seconds."""

    seq: int
    at: float
    run_id: str
    fact: Fact = field(repr=True)
