"""Decisions: what follows from what just happened to a run.

`decide(run, happening, limits)` gives facts, or raises `Refused` with a sentence for the user. A report that
comes too late (its task was cancelled, its attempt is over) gives no facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.plan import Plan, plan_problems
from nexus_lsp.core.problems import Refused, Unknown
from nexus_lsp.core.run import OVER, SETTLED, Run, TaskState, evolve

CUT_OFF = "NEXUS was stopped while this task was at work; go on from what stands in the checkout."
"""Evidence of an attempt that follows one which a stop broke off."""

Facts = list[f.Fact]


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a task is tried again, and who may be named in a plan."""

    repairs: int = 2
    retries: int = 2
    agents: frozenset[str] = frozenset()


def decide(run: Run, happening: h.Happening, limits: Limits) -> Facts:
    """The facts that follow, the run's own end among them."""
    facts = _first(run, happening, limits)
    after = apply(run, facts)
    while more := _what_follows(after):
        facts = facts + more
        after = apply(after, more)
    return facts


def apply(run: Run, facts: Iterable[f.Fact]) -> Run:
    """The run after facts that have no journal entry yet (their sequence number is not needed)."""
    for fact in facts:
        run = evolve(run, f.Entry(0, run.started_at, run.id, fact))
    return run


def _first(run: Run, what: h.Happening, limits: Limits) -> Facts:  # noqa: PLR0912 - one table, one place
    match what:
        case h.ApprovePlan():
            return _approve(run, what.plan, limits)
        case h.RejectPlan():
            return _reject_plan(run, what.reason)
        case h.Cancel():
            return _cancel(run)
        case h.Pause():
            return _pause(run, what.reason)
        case h.Resume():
            return _resume(run)
        case h.Retry():
            return _retry(run)
        case h.Accepted():
            # what a face says the text holds is so, even where the change was given up meanwhile
            ids = _with_status(run, what.change_ids, "pending", "outdated")
            return [f.ChangeAccepted(i, what.by) for i in ids]
        case h.Reject():
            ids = _with_status(run, what.change_ids, "pending", "outdated")
            return [f.ChangeRejected(i, what.reason) for i in ids]
        case h.Reopen():
            ids = _with_status(run, what.change_ids, "accepted", "rejected", "outdated")
            return [f.ChangeReopened(i) for i in ids if run.changes[i].superseded_by is None]
        case h.Outdate():
            return [f.ChangeOutdated(i, what.why) for i in _with_status(run, what.change_ids, "pending")]
        case h.OpenAsk():
            pause: Facts = [f.RunPaused(what.ask.question)] if what.pause and run.status != "paused" else []
            return [*pause, what.ask]
        case h.Answer():
            return _answer(run, what, limits)
        case h.SnapshotDone():
            return [] if _over(run) else [f.SnapshotTaken(what.commit, what.head, what.notes)]
        case h.HeadSeen():
            return _head_seen(run, what)
        case h.PlanReady():
            return [] if _over(run) else _planned(run, what, limits)
        case h.StepFailed():
            return [] if _over(run) else [*_cancel_tasks(run, what.reason), f.RunFailed(what.reason)]
        case h.BaselineDone():
            return list(what.results)
        case h.Start():
            return _start(run, what)
        case h.Progressed():
            return _progress(run, what)
        case h.SessionKnown():
            state = _at_work(run, what.task_id, what.attempt)
            return [f.AgentSession(what.task_id, state.task.agent, what.session_id)] if state else []
        case h.Submitted():
            return [what.fact, *_budget(run, what.fact.usd)] if _live(run, what.fact) else []
        case h.Ended():
            return _ended(run, what, limits)
        case h.Conflicted():
            return _conflicted(run, what, limits)
        case h.Gated():
            return _gated(run, what, limits)
        case h.TreeGated():
            return list(what.facts)
        case h.Landed():
            return _landed(run, what)
        case h.BaseTaken():
            return _base_taken(run, what)
        case h.Recovered():
            return _recovered(run, what)
    assert_never(what)


def _over(run: Run) -> bool:
    return run.status in OVER


# --- plan --------------------------------------------------------------------------------------------


def _planned(run: Run, what: h.PlanReady, limits: Limits) -> Facts:
    problems = plan_problems(what.plan, limits.agents)
    if problems:
        return [f.RunFailed("The plan cannot be carried out: " + "; ".join(map(str, problems)))]
    proposed = f.PlanProposed(what.plan, what.source, what.why)
    if run.started.approval == "auto":
        return [proposed, f.PlanApproved(what.plan, "auto")]
    titles = ", ".join(task.title for task in what.plan.tasks)
    question = f"Carry out this plan? {what.plan.summary} ({titles})"
    ask = f.AskOpened(what.ask_id, "plan", question, ("Approve", "Reject"), "Reject")
    return [proposed, ask]


def _approve(run: Run, plan: Plan | None, limits: Limits) -> Facts:
    if run.status != "awaiting_approval" or run.plan is None:
        raise Refused(f"This run's plan is not waiting for approval: the run is {run.status}.")
    chosen = plan or run.plan
    problems = plan_problems(chosen, limits.agents)
    if problems:
        raise Refused("This plan cannot be carried out: " + "; ".join(map(str, problems)))
    return [*_close_asks(run, "plan", "Approve"), f.PlanApproved(chosen, "user")]


def _reject_plan(run: Run, reason: str) -> Facts:
    if run.status != "awaiting_approval":
        raise Refused(f"This run's plan is not waiting for approval: the run is {run.status}.")
    return [*_close_asks(run, "plan", "Reject"), f.PlanRejected(reason), f.RunCancelled()]


def _close_asks(run: Run, kind: str, answer: str) -> Facts:
    return [f.AskAnswered(ask.ask_id, answer, "engine") for ask in run.open_asks if ask.kind == kind]


# --- the run's own life ------------------------------------------------------------------------------


def _cancel(run: Run) -> Facts:
    if run.status in OVER:
        raise Refused(f"This run is {run.status} already; there is nothing to cancel.")
    asks: Facts = [f.AskAnswered(ask.ask_id, ask.default, "engine") for ask in run.open_asks]
    return [*asks, *_cancel_tasks(run, "the run was cancelled"), f.RunCancelled()]


def _cancel_tasks(run: Run, reason: str) -> Facts:
    open_tasks = [s for s in run.tasks.values() if s.status not in SETTLED]
    return [f.TaskCancelled(s.task.id, s.task.agent, reason) for s in open_tasks]


def _pause(run: Run, reason: str) -> Facts:
    if run.status in OVER or run.status in ("paused", "ready"):
        raise Refused(f"This run is {run.status}; only a run that is at work can be paused.")
    return [f.RunPaused(reason)]


def _resume(run: Run) -> Facts:
    if run.status != "paused":
        raise Refused(f"This run is {run.status}; only a paused run can be resumed.")
    asks = [f.AskAnswered(a.ask_id, a.options[0], "engine") for a in run.open_asks if a.kind != "plan"]
    return [*asks, f.RunResumed()]


def _retry(run: Run) -> Facts:
    again = [s for s in run.tasks.values() if s.status in ("failed", "cancelled")]
    if not again:
        raise Refused("No task of this run failed or was cancelled: delegate the request anew instead.")
    evidence = "The user asks to try again. "
    return [
        f.RepairRequested(s.task.id, s.attempt, "user", evidence + s.summary, s.repair_start) for s in again
    ]


def _answer(run: Run, what: h.Answer, limits: Limits) -> Facts:
    state = run.asks.get(what.ask_id)
    if state is None:
        raise Unknown(f"There is no ask {what.ask_id!r} in this run.")
    if state.answer is not None:
        raise Refused(f"This ask was answered already: {state.answer}.")
    if what.answer not in state.ask.options:
        raise Refused(f"{what.answer!r} is not one of the answers: {', '.join(state.ask.options)}.")
    answered: Facts = [f.AskAnswered(what.ask_id, what.answer, what.by)]
    positive = what.answer == state.ask.options[0]
    if state.ask.kind == "plan":
        rest = _approve(run, None, limits) if positive else _reject_plan(run, "")
        return answered + [x for x in rest if not isinstance(x, f.AskAnswered)]
    if run.status != "paused":
        return answered
    if positive:
        waits = [a for a in run.open_asks if a.ask_id != what.ask_id]
        return answered if waits else [*answered, f.RunResumed()]
    if what.by == "timeout":
        return answered
    return [*answered, *_cancel_tasks(run, "the run was not resumed"), f.RunCancelled()]


def _recovered(run: Run, what: h.Recovered) -> Facts:
    facts: Facts = []
    if run.status in OVER:
        return facts
    for task_id, commit in what.cut_off:
        state = run.tasks[task_id]
        if not state.working:
            continue
        start = commit or _own_start(state)
        facts.append(
            f.RepairRequested(task_id, state.attempt, "broken", _with_earlier(CUT_OFF, state), start)
        )
    if what.ask_id and run.status in ("pending", "in_progress"):
        question = f"NEXUS was stopped during “{_short(run.started.request)}”. Go on with it?"
        ask = f.AskOpened(what.ask_id, "resume", question, ("Go on", "Cancel the run"), "Cancel the run")
        facts += [f.RunPaused("NEXUS was stopped; paid work waits for you"), ask]
    return facts


def _own_start(state: TaskState) -> str | None:
    """What an attempt started from, where that was more than the integration head: a repair's commit."""
    return state.start if state.start != state.base else None


def _with_earlier(told: str, state: TaskState) -> str:
    """A repair that is cut off must still know what it has to repair."""
    return f"{told}\n\n{state.evidence}" if state.evidence and told not in state.evidence else told


def _head_seen(run: Run, what: h.HeadSeen) -> Facts:
    """A switch of the user's HEAD is asked about once; a switch back needs no answer."""
    if run.status in OVER or run.snapshot is None or what.head == run.head_seen:
        return []
    back = what.head == run.head
    stale: Facts = [
        f.AskAnswered(a.ask_id, a.options[0] if back else a.default, "engine")
        for a in run.open_asks
        if a.kind == "head_moved"
    ]
    moved: Facts = [f.HeadMoved(what.head), *stale]
    if back:
        waits = run.status != "paused" or not stale or len(stale) < len(run.open_asks)
        return moved if waits else [*moved, f.RunResumed()]
    question = (
        f"HEAD was {_branch(run.head)} when “{_short(run.started.request)}” began and is "
        f"{_branch(what.head)} now. Go on with it here?"
    )
    options = ("Go on here", "Cancel the run")
    ask = f.AskOpened(what.ask_id, "head_moved", question, options, options[1], what.expires)
    pause: Facts = [] if run.status in ("paused", "ready") else [f.RunPaused("HEAD was switched")]
    return [*moved, *pause, ask]


def _branch(head: str | None) -> str:
    return (head or "nothing").removeprefix("refs/heads/")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"


# --- tasks -------------------------------------------------------------------------------------------


def _at_work(run: Run, task_id: str, attempt: int) -> TaskState | None:
    state = run.tasks.get(task_id)
    return state if state and state.working and state.attempt == attempt else None


def _live(run: Run, fact: f.TaskSubmitted) -> bool:
    return _at_work(run, fact.task_id, fact.attempt) is not None


def _start(run: Run, what: h.Start) -> Facts:
    state = run.tasks.get(what.task_id)
    if run.status != "in_progress" or state is None or state.status != "pending":
        return []
    return [
        f.TaskStarted(
            task_id=what.task_id,
            agent_id=state.task.agent,
            instance_id=what.instance_id,
            attempt=state.attempt + 1,
            base=what.base,
            start=state.repair_start or what.base,
            evidence=state.evidence,
        )
    ]


def _progress(run: Run, what: h.Progressed) -> Facts:
    state = _at_work(run, what.task_id, what.attempt)
    if state is None or state.message == what.message:
        return []
    return [f.TaskProgress(what.task_id, state.task.agent, what.message, what.percent)]


def _ended(run: Run, what: h.Ended, limits: Limits) -> Facts:
    state = _at_work(run, what.task_id, what.attempt)
    if state is None:
        return []
    if what.status == "broken" and what.retryable and state.retries < limits.retries:
        return [
            f.RepairRequested(
                what.task_id,
                what.attempt,
                "broken",
                _with_earlier(f"The last attempt broke: {what.reason}", state),
                what.resume_from or _own_start(state),
                what.usd,
            ),
            *_budget(run, what.usd),
        ]
    unable = what.status == "unable"
    failed = f.TaskFailed(what.task_id, state.task.agent, what.reason, unable, what.usd)
    return [failed, *_budget(run, what.usd)]


def _landing(run: Run, task_id: str) -> TaskState | None:
    state = run.tasks.get(task_id)
    return state if state and state.submitted else None


def _conflicted(run: Run, what: h.Conflicted, limits: Limits) -> Facts:
    state = _landing(run, what.task_id)
    if state is None:
        return []
    paths = ", ".join(what.paths)
    evidence = f"Your work and what landed meanwhile change the same lines of: {paths}."
    return _repair(state, "conflict", evidence, what.marked, limits)


def _gated(run: Run, what: h.Gated, limits: Limits) -> Facts:
    state = _landing(run, what.task_id)
    if state is None:
        return []
    red = any(isinstance(fact, f.GateFailed) for fact in what.facts)
    repair = _repair(state, "gate", what.evidence, what.candidate, limits) if red else []
    return [*what.facts, *repair]


def _repair(state: TaskState, cause: str, evidence: str, start: str, limits: Limits) -> Facts:
    if state.repairs >= limits.repairs:
        rounds = f"after {state.repairs} repair rounds" if state.repairs else "and no repair round is allowed"
        what = "it still conflicts with what landed" if cause == "conflict" else "a gate is still red"
        return [f.TaskFailed(state.task.id, state.task.agent, f"{what} {rounds}. {evidence}")]
    kind = "conflict" if cause == "conflict" else "gate"
    return [f.RepairRequested(state.task.id, state.attempt, kind, evidence, start)]


def _landed(run: Run, what: h.Landed) -> Facts:
    state = _landing(run, what.task_id)
    if state is None:
        return []
    if what.decisions != run.decisions or what.onto != run.integration:
        raise Refused("The user decided or typed while this landed; land it again.")
    proposed: Facts = [f.ChangeProposed(change) for change in what.proposed]
    superseded = [
        f.ChangeOutdated(old, "a later task changed it", new)
        for old, new in what.superseded
        if run.changes[old].status == "pending"
    ]
    done = f.TaskCompleted(
        task_id=what.task_id,
        agent_id=state.task.agent,
        summary=state.summary,
        integration=what.integration,
        paths=what.paths,
        refresh_seconds=what.took.refresh,
        merge_seconds=what.took.merge,
        waited_seconds=what.took.waited,
    )
    return [*proposed, *superseded, done]


def _base_taken(run: Run, what: h.BaseTaken) -> Facts:
    if what.decisions != run.decisions:
        raise Refused("A decision was taken while the workspace was read; read it again.")
    lost = [f.ChangeOutdated(i, why) for i, why in what.lost if run.changes[i].status == "pending"]
    return [*lost, f.BaseMoved(what.snapshot, what.integration, what.moves)]


def _budget(run: Run, more: float) -> Facts:
    limit, spent = run.budget, run.usd + more
    if not limit or more <= 0:
        return []
    if spent >= limit and run.status == "in_progress":
        told = f"the budget of ${limit:.2f} is spent; resuming the run gives it as much again"
        return [f.BudgetSpent(spent, limit), f.RunPaused(told)]
    if spent >= 0.8 * limit and not run.budget_warned:
        return [f.BudgetWarned(spent, limit)]
    return []


# --- changes -----------------------------------------------------------------------------------------


def _with_status(run: Run, ids: tuple[str, ...], *statuses: str) -> list[str]:
    for change_id in ids:
        if change_id not in run.changes:
            raise Unknown(f"There is no change {change_id!r}.")
    return [i for i in dict.fromkeys(ids) if run.changes[i].status in statuses]


# --- what follows ------------------------------------------------------------------------------------


def _what_follows(run: Run) -> Facts:
    """Facts that follow from the state alone: orphans of failed tasks, the run's end.

    A paused run whose work has all ended is ready like any other, unless an ask is open."""
    if run.status == "in_progress" or (run.status == "paused" and not run.open_asks):
        return _orphans(run) or _end_of_work(run)
    if run.status in OVER:
        return [f.AskAnswered(ask.ask_id, ask.default, "engine") for ask in run.open_asks]
    if run.status == "ready" and not run.pending_changes:
        return [_completed(run)]
    return []


def _orphans(run: Run) -> Facts:
    found: Facts = []
    for s in run.tasks.values():
        dead = [d for d in s.task.depends_on if _dead(run.tasks[d])]
        if s.status == "pending" and dead:
            why = f"“{run.tasks[dead[0]].task.title}” did not succeed"
            found.append(f.TaskCancelled(s.task.id, s.task.agent, why))
    return found


def _dead(dep: TaskState) -> bool:
    return dep.status in ("failed", "cancelled") and not dep.unable


def _end_of_work(run: Run) -> Facts:
    states = run.tasks.values()
    if not run.tasks or any(s.status not in SETTLED for s in states):
        return []
    failed = [s for s in states if s.status == "failed" and not s.unable]
    done = [s for s in states if s.status == "completed"]
    if failed or not done:
        told = failed or [s for s in states if s.status == "failed"]
        reasons = "; ".join(f"{s.task.title}: {_first_line(s.summary)}" for s in told)
        return [f.RunFailed(reasons or "no task could be done")]
    waiting = len(run.pending_changes)
    noun = "change" if waiting == 1 else "changes"
    return [f.RunReady(f"{len(done)} of {len(run.tasks)} tasks done, {waiting} {noun} to review")]


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def _count(run: Run, test: Callable[[str], bool]) -> int:
    return sum(1 for s in run.changes.values() if test(s.status))


def _completed(run: Run) -> f.Fact:
    return f.RunCompleted(
        accepted=_count(run, lambda s: s == "accepted"),
        rejected=_count(run, lambda s: s == "rejected"),
        outdated=_count(run, lambda s: s == "outdated"),
    )
