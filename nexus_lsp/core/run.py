"""The run: its state, and the one way it changes.

`evolve(run, entry)` is a table from facts to states; replay uses nothing else. What may happen is decided
in `core.decide`, what has to be done next is read off the state by `core.schedule`.

**Invariant:** `evolve` accepts every fact that `decide` ever produced, in the order it was journalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Change, ChangeStatus
from nexus_lsp.core.plan import Plan, Task

RunStatus = Literal[
    "pending", "awaiting_approval", "in_progress", "paused", "ready", "completed", "failed", "cancelled"
]
TaskStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
GateFact = f.BaselineMeasured | f.GatePassed | f.GateFailed | f.GateNotMeasured

SETTLED: frozenset[TaskStatus] = frozenset({"completed", "failed", "cancelled"})
OVER: frozenset[RunStatus] = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task and how far it is.

    Attributes:
        attempt: the attempt at work or last at work; 0 before the first.
        repairs: attempts that were repairs of a conflict or a red gate.
        retries: attempts that followed a broken backend.
        working: whether an agent is at it (its facts say started, and not yet submitted or broken).
        submitted: the harvested commit that waits to land.
        repair_start: what the next attempt checks out instead of the integration head.
        unable: failed because its backend cannot do such work.
    """

    task: Task
    status: TaskStatus = "pending"
    attempt: int = 0
    repairs: int = 0
    retries: int = 0
    working: bool = False
    instance_id: str = ""
    base: str | None = None
    start: str | None = None
    submitted: str | None = None
    repair_start: str | None = None
    evidence: str = ""
    session_id: str | None = None
    message: str = ""
    percent: int | None = None
    summary: str = ""
    paths: tuple[str, ...] = ()
    seconds: float = 0.0
    usd: float = 0.0
    unable: bool = False
    reasons: tuple[f.LineReason, ...] = ()
    started_at: float | None = None


@dataclass(frozen=True, slots=True)
class ChangeState:
    """A change and what became of it. `change` carries its newest anchor (see `BaseMoved`)."""

    change: Change
    status: ChangeStatus = "pending"
    note: str = ""
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class AskState:
    """An ask and its answer, if it has one."""

    ask: f.AskOpened
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One delegated request, from start to end.

    Attributes:
        snapshot: the newest snapshot of the user's text that the integration tree stands on.
        integration: head of the run's integration tree: `snapshot` plus every pending change.
        head: what the user's HEAD named where the run's changes belong; `head_seen`: what it named last.
        budget: US dollars the run may spend by now: what it began with, and as much again for every
            resume after it was spent.
        resumes_to: the status a paused run goes back to.
        decisions: counts decisions on changes; a landing that saw another count looks again.
    """

    id: str
    started: f.RunStarted
    started_at: float
    status: RunStatus = "pending"
    reason: str = ""
    snapshot: str | None = None
    integration: str | None = None
    head: str | None = None
    head_seen: str | None = None
    plan: Plan | None = None
    plan_source: str = ""
    tasks: Mapping[str, TaskState] = field(default_factory=dict[str, TaskState])
    changes: Mapping[str, ChangeState] = field(default_factory=dict[str, ChangeState])
    baseline: Mapping[str, f.BaselineMeasured] = field(default_factory=dict[str, f.BaselineMeasured])
    gates: tuple[GateFact, ...] = ()
    asks: Mapping[str, AskState] = field(default_factory=dict[str, AskState])
    notes: tuple[str, ...] = ()
    usd: float = 0.0
    budget: float | None = None
    budget_warned: bool = False
    resumes_to: RunStatus | None = None
    decisions: int = 0
    ended_at: float | None = None

    @property
    def pending_changes(self) -> tuple[Change, ...]:
        """The changes that wait for the user, oldest first."""
        return tuple(s.change for s in self.changes.values() if s.status == "pending")

    @property
    def open_asks(self) -> tuple[f.AskOpened, ...]:
        """The asks that wait for the user."""
        return tuple(s.ask for s in self.asks.values() if s.answer is None)

    @property
    def away(self) -> bool:
        """Whether the user's HEAD is elsewhere than where the run's changes belong."""
        return self.head_seen != self.head


def begin(entry: f.Entry) -> Run:
    """The run that a `run_started` entry begins."""
    if not isinstance(entry.fact, f.RunStarted):
        raise ValueError(f"run {entry.run_id} begins with {entry.fact.type}")
    budget = entry.fact.max_usd
    return Run(id=entry.run_id, started=entry.fact, started_at=entry.at, budget=budget)


def evolve(run: Run, entry: f.Entry) -> Run:  # noqa: PLR0912 - one table, one place
    """The run after a fact: the only way a run changes."""
    fact = entry.fact
    match fact:
        case f.RunStarted():
            return begin(entry)
        case f.SnapshotTaken():
            return replace(
                run,
                snapshot=fact.commit,
                integration=fact.commit,
                head=fact.head,
                head_seen=fact.head,
                notes=run.notes + fact.notes,
            )
        case f.HeadMoved():
            return replace(run, head_seen=fact.head)
        case f.RunPaused():
            to = run.resumes_to if run.status == "paused" else run.status
            return replace(run, status="paused", reason=fact.reason, resumes_to=to)
        case f.RunResumed():
            return _resumed(run)
        case f.RunReady():
            return replace(run, status="ready", reason=fact.summary, resumes_to=None)
        case f.RunCompleted():
            return replace(run, status="completed", ended_at=entry.at)
        case f.RunFailed():
            return replace(run, status="failed", reason=fact.reason, ended_at=entry.at, resumes_to=None)
        case f.RunCancelled():
            return replace(run, status="cancelled", ended_at=entry.at, resumes_to=None)
        case f.PlanProposed():
            planned = replace(run, plan=fact.plan, plan_source=fact.source)
            return _went_on(planned, "awaiting_approval")
        case f.PlanApproved():
            tasks = {task.id: TaskState(task) for task in fact.plan.tasks}
            return _went_on(replace(run, plan=fact.plan, tasks=tasks), "in_progress")
        case f.PlanRejected():
            return replace(run, reason=fact.reason)
        case f.TaskStarted():
            return _task(
                run,
                fact.task_id,
                status="in_progress",
                working=True,
                attempt=fact.attempt,
                instance_id=fact.instance_id,
                base=fact.base,
                start=fact.start,
                evidence=fact.evidence,
                repair_start=None,
                submitted=None,
                message="",
                percent=None,
                started_at=entry.at,
            )
        case f.TaskProgress():
            return _task(run, fact.task_id, message=fact.message, percent=fact.percent)
        case f.AgentSession():
            return _task(run, fact.task_id, session_id=fact.session_id)
        case f.TaskSubmitted():
            done = _task(
                run,
                fact.task_id,
                working=False,
                submitted=fact.commit,
                summary=fact.summary,
                paths=fact.paths,
                reasons=fact.reasons,
                seconds=run.tasks[fact.task_id].seconds + fact.seconds,
            )
            return _paid(done, fact.task_id, fact.usd)
        case f.RepairRequested():
            return _repair(run, fact)
        case f.TaskCompleted():
            done = _task(
                run, fact.task_id, status="completed", working=False, submitted=None, paths=fact.paths
            )
            return replace(done, integration=fact.integration)
        case f.TaskFailed():
            failed = _task(
                run,
                fact.task_id,
                status="failed",
                working=False,
                submitted=None,
                summary=fact.reason,
                unable=fact.unable,
            )
            return _paid(failed, fact.task_id, fact.usd)
        case f.TaskCancelled():
            state = run.tasks[fact.task_id]
            return _task(
                run,
                fact.task_id,
                status="cancelled",
                working=False,
                submitted=None,
                repair_start=state.submitted or state.repair_start,
                summary=fact.reason,
            )
        case f.BaselineMeasured():
            return replace(run, baseline={**run.baseline, fact.gate: fact}, gates=(*run.gates, fact))
        case f.GatePassed() | f.GateFailed() | f.GateNotMeasured():
            return replace(run, gates=(*run.gates, fact))
        case f.ChangeProposed():
            return replace(run, changes={**run.changes, fact.change.id: ChangeState(fact.change)})
        case f.ChangeAccepted():
            return _change(run, fact.change_id, "accepted", fact.by)
        case f.ChangeRejected():
            return _change(run, fact.change_id, "rejected", fact.reason)
        case f.ChangeOutdated():
            return _change(run, fact.change_id, "outdated", fact.why, fact.superseded_by)
        case f.ChangeReopened():
            return _reopened(run, fact.change_id)
        case f.BaseMoved():
            return _moved(run, fact)
        case f.AskOpened():
            return replace(run, asks={**run.asks, fact.ask_id: AskState(fact)})
        case f.AskAnswered():
            ask = run.asks[fact.ask_id]
            return replace(run, asks={**run.asks, fact.ask_id: replace(ask, answer=fact.answer)})
        case f.BudgetWarned():
            return replace(run, budget_warned=True)
        case f.BudgetSpent():
            return run
    assert_never(fact)


def _task(run: Run, task_id: str, **values: object) -> Run:
    state = replace(run.tasks[task_id], **values)  # pyright: ignore[reportArgumentType]
    return replace(run, tasks={**run.tasks, task_id: state})


def _paid(run: Run, task_id: str, usd: float) -> Run:
    return replace(_task(run, task_id, usd=run.tasks[task_id].usd + usd), usd=run.usd + usd)


def _went_on(run: Run, status: RunStatus) -> Run:
    """A run that is paused goes there once it is resumed."""
    return replace(run, resumes_to=status) if run.status == "paused" else replace(run, status=status)


def _resumed(run: Run) -> Run:
    budget, spent = run.budget, run.budget is not None and run.usd >= run.budget
    if spent and run.started.max_usd:
        budget = run.usd + run.started.max_usd
    return replace(
        run,
        status=run.resumes_to or "in_progress",
        reason="",
        resumes_to=None,
        head=run.head_seen,
        budget=budget,
        budget_warned=run.budget_warned and not spent,
    )


def _repair(run: Run, fact: f.RepairRequested) -> Run:
    state = run.tasks[fact.task_id]
    anew = fact.cause == "user"
    over = run.status in OVER or run.status == "ready"
    again = _task(
        replace(run, status="in_progress", reason="", ended_at=None, head=run.head_seen) if over else run,
        fact.task_id,
        status="pending",
        working=False,
        submitted=None,
        unable=False,
        evidence=fact.evidence,
        repair_start=fact.start,
        repairs=0 if anew else state.repairs + (fact.cause in ("conflict", "gate")),
        retries=0 if anew else state.retries + (fact.cause == "broken"),
    )
    return _paid(again, fact.task_id, fact.usd)


def _change(
    run: Run, change_id: str, status: ChangeStatus, note: str, superseded_by: str | None = None
) -> Run:
    old = run.changes[change_id]
    new = replace(old, status=status, note=note, superseded_by=superseded_by)
    return replace(run, changes={**run.changes, change_id: new}, decisions=run.decisions + 1)


def _reopened(run: Run, change_id: str) -> Run:
    opened = _change(run, change_id, "pending", "")
    if run.status == "completed":
        return replace(opened, status="ready", ended_at=None)
    return opened


def _moved(run: Run, fact: f.BaseMoved) -> Run:
    changes = dict(run.changes)
    for move in fact.moves:
        old = changes[move.change_id]
        changes[move.change_id] = replace(old, change=replace(old.change, base=move.base, line=move.line))
    return replace(run, snapshot=fact.snapshot, integration=fact.integration, changes=changes)
