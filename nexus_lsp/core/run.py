"""The run: its state, as values.

Only `core.evolve` changes it. What may happen is decided in `core.decide`, what has to be done next is read
off the state by `core.schedule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from nexus_lsp.core import facts as f
from nexus_lsp.core.budget import Allowance, Scope, meter_key, split_key
from nexus_lsp.core.changes import Applied, Change, ChangeStatus, Traits
from nexus_lsp.core.permissions import THIS_RUN
from nexus_lsp.core.plan import Plan, Task
from nexus_lsp.core.shelves import Shelves
from nexus_lsp.core.team import TeamState, instance_of

RunStatus = Literal[
    "pending", "awaiting_approval", "in_progress", "paused", "ready", "completed", "failed", "cancelled"
]
TaskStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
GateFact = f.BaselineMeasured | f.GatePassed | f.GateFailed | f.GateNotMeasured | f.GateWarned

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
        broken: failed because its backend did, not the work.
        replaced: a revised plan has other tasks in its place.
        tokens: of attempts that are over; `live_tokens`: of the one at work, as far as is known.
        moves: how many of the run's `moves` were made before the tree that its work is based on.
        max_usd: what the attempt at work may cost (see `TaskStarted`).
        session_usd: what its conversation has cost so far: Claude Code tells the cost of all of it each time.
        waited: seconds for which the attempt at work waited for answers of the user.
        not_before: Unix seconds; the next attempt waits until then.
        response_seconds: how long the model took to begin an answer, in the last attempt.
        response: what the agent said of its work, in the seed's response schema.
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
    moves: int = 0
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
    waited: float = 0.0
    replaced: bool = False
    broken: bool = False
    tokens: int = 0
    live_tokens: int = 0
    max_usd: float | None = None
    session_usd: float = 0.0
    not_before: float | None = None
    response_seconds: float | None = None
    response: Mapping[str, Any] | None = None

    @property
    def instance(self) -> str:
        """The address of the agent that works on it, in whichever attempt."""
        return instance_of(self.task.agent, self.task.id)

    @property
    def lost(self) -> bool:
        """Whether what it was to do is not done: failed, and nothing stands in for it."""
        return self.status == "failed" and not self.unable and not self.replaced


@dataclass(frozen=True, slots=True)
class ChangeState:
    """A change and what became of it. `change` carries its newest anchor (see `BaseMoved`).

    Attributes:
        proposed: while it is accepted with something else put in: what was proposed.
        applied: what was put in last, then and after it was taken out again.
        traits: what it is about; None where no rule has looked at it.
        commit: the user's commit that holds it since it was accepted.
    """

    change: Change
    status: ChangeStatus = "pending"
    note: str = ""
    superseded_by: str | None = None
    proposed: Change | None = None
    applied: Applied | None = None
    traits: Traits | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class AskState:
    """An ask and its answer, if it has one; `at` is when it was put, in Unix seconds."""

    ask: f.AskOpened
    at: float = 0.0
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One delegated request, from start to end.

    Attributes:
        snapshot: the newest snapshot of the user's text that the integration tree stands on.
        integration: head of the run's integration tree: `snapshot` plus every pending change.
        head: what the user's HEAD named where the run's changes belong; `head_seen`: what it named last.
        granted: by meter (`core.budget.meter_key`), what may be used by now where that is more than the run
            began with: as much again for every resume after it was spent.
        warned, exhausted: meters whose budget is nearly spent, or spent, since they were last granted.
        halted: tasks whose agents have to stop because a budget is spent.
        active_seconds, active_since: the time spent at work before, and since when it is at work again.
        resumes_to: the status a paused run goes back to.
        replanning: what NEXUS Prime is asked about now; `replans` counts the rounds so far.
        considered: failed tasks that NEXUS Prime has had its say on.
        revision: another way that waits for the user's approval.
        quality: the newest figures of all that landed.
        forecast: where the work of its tasks may not come together with others', as far as is foreseen now.
        revising: by task, what the user asked to be done in another way.
        decisions: counts decisions on changes; a landing that saw another count looks again.
        moves: (old, new) names that the user gave to files and folders, in their order.
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
    changes: Shelves[ChangeState] = field(default_factory=Shelves[ChangeState])
    baseline: Mapping[str, f.BaselineMeasured] = field(default_factory=dict[str, f.BaselineMeasured])
    gates: tuple[GateFact, ...] = ()
    asks: Mapping[str, AskState] = field(default_factory=dict[str, AskState])
    notes: tuple[str, ...] = ()
    usd: float = 0.0
    granted: Mapping[str, float] = field(default_factory=dict[str, float])
    warned: frozenset[str] = frozenset()
    exhausted: frozenset[str] = frozenset()
    halted: frozenset[str] = frozenset()
    active_seconds: float = 0.0
    active_since: float | None = None
    resumes_to: RunStatus | None = None
    decisions: int = 0
    moves: tuple[tuple[str, str], ...] = ()
    ended_at: float | None = None
    replanning: f.ReplanRequested | None = None
    replans: int = 0
    considered: frozenset[str] = frozenset()
    revision: f.RevisionProposed | None = None
    quality: f.QualityMeasured | None = None
    revising: Mapping[str, f.RevisionAsked] = field(default_factory=dict[str, f.RevisionAsked])
    team: TeamState = field(default_factory=TeamState)
    forecast: tuple[f.Clash, ...] = ()

    @property
    def pending_changes(self) -> tuple[Change, ...]:
        """The changes that wait for the user, oldest first."""
        return tuple(s.change for s in self.changes.values() if s.status == "pending")

    @property
    def open_asks(self) -> tuple[f.AskOpened, ...]:
        """The asks that wait for the user."""
        return tuple(s.ask for s in self.asks.values() if s.answer is None)

    @property
    def holding_asks(self) -> tuple[f.AskOpened, ...]:
        """The asks that the whole run waits for; what an agent asks holds only that agent."""
        return tuple(ask for ask in self.open_asks if ask.kind not in f.OF_AGENTS)

    @property
    def asking(self) -> frozenset[str]:
        """The tasks whose agents wait for the user."""
        return frozenset(ask.task_id for ask in self.open_asks if ask.kind in f.OF_AGENTS)

    @property
    def allowed(self) -> frozenset[str]:
        """The programs that the user allowed to its agents until it ends."""
        allowed = [s.ask for s in self.asks.values() if s.answer == THIS_RUN and s.ask.kind == "permission"]
        return frozenset(program for ask in allowed for program in ask.grants)

    def waited_by(self, task_id: str, at: float) -> float:
        """Seconds for which a task's attempt at work has waited for answers of the user."""
        open_since = [s.at for s in self.asks.values() if s.answer is None and s.ask.task_id == task_id]
        return self.tasks[task_id].waited + sum(max(0.0, at - since) for since in open_since)

    @property
    def away(self) -> bool:
        """Whether the user's HEAD is elsewhere than where the run's changes belong."""
        return self.head_seen != self.head


def dependencies_met(run: Run, state: TaskState) -> bool:
    """Whether all that a task builds on is done, or cannot be done."""
    deps = [run.tasks[dep] for dep in state.task.depends_on]
    return all(dep.status == "completed" or dep.unable for dep in deps)


def allowances(run: Run) -> dict[str, float]:
    """What each meter began with; meters without a limit are left out."""
    started = run.started
    money = started.budgets.run.usd if started.budgets.run.usd is not None else started.max_usd
    agents = dict.fromkeys(s.task.agent for s in run.tasks.values())
    scopes: list[tuple[Scope, str, Allowance]] = [("run", "", replace(started.budgets.run, usd=money))]
    scopes.extend(("task", task_id, started.budgets.task) for task_id in run.tasks)
    scopes.extend(("agent", agent_id, started.budgets.agent) for agent_id in agents)
    return {
        meter_key(scope, who, measure): limit
        for scope, who, allowance in scopes
        for measure, limit in allowance.limits()
    }


def used_of(run: Run, key: str) -> float:
    """What a meter stands at, but for what runs on at this moment (`core.spending`)."""
    scope, who, measure = split_key(key)
    if scope == "run" and measure == "seconds":
        return run.active_seconds
    mine = [s for i, s in run.tasks.items() if scope == "run" or who in (i, s.task.agent)]
    if measure == "usd":
        return sum(s.usd for s in mine)
    if measure == "seconds":
        return sum(s.seconds for s in mine)
    return sum(s.tokens + s.live_tokens for s in mine)
