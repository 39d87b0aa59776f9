"""The one way a run changes: `evolve(run, entry)`, a table from facts to states; replay uses nothing else.

**Invariant:** `evolve` accepts every fact that `decide` ever produced, in the order it was journalled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from nexus_lsp.core import evolve_changes, learning
from nexus_lsp.core import facts as f
from nexus_lsp.core.budget import meter_key
from nexus_lsp.core.run import (
    OVER,
    AskState,
    ChangeState,
    Run,
    RunStatus,
    TaskState,
    allowances,
)
from nexus_lsp.core.spending import meters
from nexus_lsp.core.team import evolve_team, learn


def begin(entry: f.Entry) -> Run:
    """The run that a `run_started` entry begins."""
    if not isinstance(entry.fact, f.RunStarted):
        raise ValueError(f"run {entry.run_id} begins with {entry.fact.type}")
    return Run(id=entry.run_id, started=entry.fact, started_at=entry.at, active_since=entry.at)


def evolve(run: Run, entry: f.Entry) -> Run:  # noqa: PLR0912, PLR0915 - one table, one place
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
        case f.HeadTaken():
            return replace(run, head=fact.head)
        case f.RunPaused():
            to = run.resumes_to if run.status == "paused" else run.status
            return replace(_rested(run, entry.at), status="paused", reason=fact.reason, resumes_to=to)
        case f.RunResumed():
            return _resumed(run, entry.at)
        case f.RunRecovered():
            return _recovered(run, fact.stopped_at, entry.at)
        case f.RunReady():
            return replace(
                _rested(run, entry.at), status="ready", reason=fact.summary, resumes_to=None, forecast=()
            )
        case f.RunCompleted():
            return _over(run, "completed", run.reason, entry.at)
        case f.RunFailed():
            return _over(run, "failed", fact.reason, entry.at)
        case f.RunCancelled():
            return _over(run, "cancelled", run.reason, entry.at)
        case f.PlanProposed():
            planned = replace(_rested(run, entry.at), plan=fact.plan, plan_source=fact.source)
            return _went_on(planned, "awaiting_approval")
        case f.PlanApproved():
            return _approved(run, fact, entry.at)
        case f.PlanRejected():
            return replace(run, reason=fact.reason)
        case f.ReplanRequested():
            considered = run.considered | {fact.task_id or fact.message_id}
            return replace(run, replanning=fact, replans=fact.round, considered=considered)
        case f.RevisionProposed():
            return replace(run, replanning=None, revision=fact)
        case f.PlanRevised():
            return _revised(run, fact)
        case f.PlanKept():
            return replace(run, replanning=None, revision=None)
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
                moves=_moves_seen(run, fact.task_id, fact.start == fact.base),
                evidence=fact.evidence,
                max_usd=fact.max_usd,
                repair_start=None,
                submitted=None,
                message="",
                percent=None,
                started_at=entry.at,
                waited=0.0,
                not_before=None,
                live_tokens=0,
            )
        case f.TaskProgress():
            return _task(run, fact.task_id, message=fact.message, percent=fact.percent)
        case f.AgentSession():
            return _in_session(run, fact)
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
                response=fact.response,
                response_seconds=fact.response_seconds,
            )
            return _paid(done, fact.task_id, fact.usd, fact.input_tokens + fact.output_tokens)
        case f.RepairRequested():
            return _repair(run, fact, entry.at)
        case f.TaskCompleted():
            return _completed(run, fact, entry.at)
        case f.TaskFailed():
            return _failed(run, fact, entry.at)
        case f.TaskCancelled():
            return _given_up(run, fact, entry.at)
        case f.BaselineMeasured():
            return replace(run, baseline={**run.baseline, fact.gate: fact}, gates=(*run.gates, fact))
        case f.GatePassed() | f.GateFailed() | f.GateNotMeasured() | f.GateWarned():
            return replace(run, gates=(*run.gates, fact))
        case f.QualityMeasured():
            return replace(run, quality=fact)
        case f.ChangeProposed():
            return replace(run, changes=run.changes.put(fact.change.id, ChangeState(fact.change)))
        case f.ChangeAccepted():
            return evolve_changes.accepted(run, fact)
        case f.ChangeRejected():
            taught = learn(run.team, learning.rejected(run, fact.change_id, fact.reason, entry.at))
            return replace(evolve_changes.changed(run, fact.change_id, "rejected", fact.reason), team=taught)
        case f.ChangeOutdated():
            return evolve_changes.changed(run, fact.change_id, "outdated", fact.why, fact.superseded_by)
        case f.ChangeReopened():
            return evolve_changes.reopened(run, fact.change_id)
        case f.RevisionAsked():
            return _asked_again(run, fact, entry.at)
        case f.ChangesRelated():
            return evolve_changes.related(run, fact)
        case f.ChangesCommitted():
            return evolve_changes.committed(run, fact)
        case f.FileMoved():
            return evolve_changes.moved_file(run, fact)
        case f.BaseMoved():
            return evolve_changes.moved_base(run, fact)
        case f.AskOpened():
            return replace(run, asks={**run.asks, fact.ask_id: AskState(fact, entry.at)})
        case f.AskAnswered():
            return _answered(run, fact, entry.at)
        case f.BudgetWarned():
            return replace(run, warned=run.warned | {meter_key(fact.scope, fact.who, fact.measure)})
        case f.BudgetSpent():
            return _spent(run, fact)
        case f.ConflictForecast():
            return replace(run, forecast=fact.clashes)
        case f.AgentSpent():
            return _task(run, fact.task_id, live_tokens=fact.tokens)
        case (
            f.MessageSent()
            | f.MessageDelivered()
            | f.MessageDead()
            | f.MessageDelayed()
            | f.NoteWritten()
            | f.MemoryStored()
            | f.MemoryRecalled()
            | f.MemoryForgotten()
            | f.MemoryUnavailable()
            | f.AgentUnavailable()
            | f.AgentAvailable()
        ):
            return replace(run, team=evolve_team(run.team, fact, entry.at))
    assert_never(fact)


def _task(run: Run, task_id: str, **values: object) -> Run:
    state = replace(run.tasks[task_id], **values)  # pyright: ignore[reportArgumentType]
    return replace(run, tasks={**run.tasks, task_id: state})


def _paid(run: Run, task_id: str, usd: float, tokens: int) -> Run:
    state = run.tasks[task_id]
    paid = _task(
        run,
        task_id,
        usd=state.usd + usd,
        session_usd=state.session_usd + usd,
        tokens=state.tokens + tokens,
        live_tokens=0,
    )
    return replace(paid, usd=run.usd + usd)


def _worked(state: TaskState, at: float) -> float:
    """Seconds of the attempt at work."""
    return at - state.started_at if state.working and state.started_at is not None else 0.0


def _approved(run: Run, fact: f.PlanApproved, at: float) -> Run:
    tasks = {task.id: TaskState(task) for task in fact.plan.tasks}
    since = None if run.status == "paused" else at
    return _went_on(replace(run, plan=fact.plan, tasks=tasks, active_since=since), "in_progress")


def _moves_seen(run: Run, task_id: str, now: bool) -> int:
    """`TaskState.moves`, where a task's work is based on the tree of now, or on the one that it was."""
    return len(run.moves) if now else run.tasks[task_id].moves


def _in_session(run: Run, fact: f.AgentSession) -> Run:
    state = run.tasks[fact.task_id]
    paid = state.session_usd if state.session_id == fact.session_id else 0.0
    return _task(run, fact.task_id, session_id=fact.session_id, session_usd=paid)


def _given_up(run: Run, fact: f.TaskCancelled, at: float) -> Run:
    state = run.tasks[fact.task_id]
    cancelled = _task(
        run,
        fact.task_id,
        status="cancelled",
        working=False,
        submitted=None,
        repair_start=state.submitted or state.repair_start,
        summary=fact.reason,
        seconds=state.seconds + _worked(state, at),
    )
    return _paid(cancelled, fact.task_id, 0.0, fact.tokens)


def _recovered(run: Run, stopped_at: float, at: float) -> Run:
    """Whoever was at work when NEXUS stopped was so until then, and is again from now on."""
    tasks = {
        i: replace(s, seconds=s.seconds + _worked(s, stopped_at), started_at=at) if s.working else s
        for i, s in run.tasks.items()
    }
    rested = _rested(run, stopped_at)
    return replace(rested, tasks=tasks, active_since=None if run.active_since is None else at, forecast=())


def _over(run: Run, status: RunStatus, reason: str, at: float) -> Run:
    return replace(_rested(run, at), status=status, reason=reason, ended_at=at, resumes_to=None, forecast=())


def _rested(run: Run, at: float) -> Run:
    """The clock of its work stands still."""
    worked = at - run.active_since if run.active_since is not None else 0.0
    return replace(run, active_seconds=run.active_seconds + worked, active_since=None)


def _went_on(run: Run, status: RunStatus) -> Run:
    """A run that is paused goes there once it is resumed."""
    return replace(run, resumes_to=status) if run.status == "paused" else replace(run, status=status)


def _resumed(run: Run, at: float) -> Run:
    """What was spent is granted once more, counted from what is used by now."""
    base = allowances(run)
    more = {m.key: m.used + base[m.key] for m in meters(run, at) if m.key in run.exhausted}
    return replace(
        run,
        status=run.resumes_to or "in_progress",
        reason="",
        resumes_to=None,
        head=run.head_seen,
        granted={**run.granted, **more},
        warned=run.warned - run.exhausted,
        exhausted=frozenset(),
        halted=frozenset(),
        active_since=at,
    )


def _spent(run: Run, fact: f.BudgetSpent) -> Run:
    at_work = {
        task_id
        for task_id, s in run.tasks.items()
        if s.working and (fact.scope == "run" or fact.who in (task_id, s.task.agent))
    }
    key = meter_key(fact.scope, fact.who, fact.measure)
    return replace(run, exhausted=run.exhausted | {key}, halted=run.halted | at_work)


def _repair(run: Run, fact: f.RepairRequested, at: float) -> Run:
    state = run.tasks[fact.task_id]
    anew = fact.cause == "user"
    over = run.status in OVER or run.status == "ready"
    opened = replace(run, status="in_progress", reason="", ended_at=None, head=run.head_seen, active_since=at)
    again = _task(
        opened if over else run,
        fact.task_id,
        status="pending",
        working=False,
        submitted=None,
        unable=False,
        broken=False,
        evidence=fact.evidence,
        repair_start=fact.start,
        moves=_moves_seen(run, fact.task_id, fact.cause in ("conflict", "gate")),
        repairs=0 if anew else state.repairs + (fact.cause in ("conflict", "gate")),
        retries=0 if anew else state.retries + (fact.cause == "broken"),
        not_before=fact.not_before,
        session_id=None if fact.fresh else state.session_id,
        seconds=state.seconds + _worked(state, at),
    )
    if anew:
        again = replace(again, replans=0, considered=run.considered & run.team.messages.keys())
    return _paid(again, fact.task_id, fact.usd, fact.tokens)


def _completed(run: Run, fact: f.TaskCompleted, at: float) -> Run:
    state = run.tasks[fact.task_id]
    done = _task(run, fact.task_id, status="completed", working=False, submitted=None, paths=fact.paths)
    taught = learn(run.team, learning.completed(run, state, fact, at))
    return replace(done, integration=fact.integration, team=taught)


def _failed(run: Run, fact: f.TaskFailed, at: float) -> Run:
    state = run.tasks[fact.task_id]
    taught = run.team if fact.unable else learn(run.team, learning.failed(run, state, fact.reason, at))
    failed = _task(
        run,
        fact.task_id,
        status="failed",
        working=False,
        submitted=None,
        summary=fact.reason,
        unable=fact.unable,
        broken=fact.broken,
    )
    return _paid(replace(failed, team=taught), fact.task_id, fact.usd, fact.tokens)


def _revised(run: Run, fact: f.PlanRevised) -> Run:
    """What is known of a task stays known; those replaced stay for the record."""
    kept = {i: replace(s, replaced=True) for i, s in run.tasks.items() if i in fact.replaced}
    for task in fact.plan.tasks:
        old = run.tasks.get(task.id)
        kept[task.id] = replace(old, task=task) if old else TaskState(task)
    tasks = {i: kept[i] for i in (*run.tasks, *kept) if i in kept}
    return replace(run, plan=fact.plan, tasks=tasks, replanning=None, revision=None)


def _answered(run: Run, fact: f.AskAnswered, at: float) -> Run:
    state = run.asks[fact.ask_id]
    waited = run.waited_by(state.ask.task_id, at) if state.ask.task_id in run.tasks else 0.0
    done = replace(run, asks={**run.asks, fact.ask_id: replace(state, answer=fact.answer)})
    if state.ask.task_id in run.tasks:
        done = _task(done, state.ask.task_id, waited=waited)
    if state.ask.kind != "question" or fact.by != "user":
        return done
    return replace(done, team=learn(run.team, learning.answered(run, state.ask, fact.answer, at)))


def _asked_again(run: Run, fact: f.RevisionAsked, at: float) -> Run:
    asked = replace(run, revising={**run.revising, fact.task_id: fact})
    if run.status not in ("ready", "completed"):
        return asked
    head = run.head_seen
    return replace(asked, status="in_progress", reason="", ended_at=None, head=head, active_since=at)
