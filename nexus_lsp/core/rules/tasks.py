"""Rules of tasks: an attempt begins, ends, conflicts, is gated, lands."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.conflicts import in_conflict
from nexus_lsp.core.health import backoff
from nexus_lsp.core.needs import SUPERSEDED, changed_relations
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.rules.life import own_start, with_earlier
from nexus_lsp.core.rules.limits import Facts, Limits
from nexus_lsp.core.run import Run, TaskState, dependencies_met
from nexus_lsp.core.spending import share

_LONGEST_INTENT = 600
"""Characters of a task's description in what is said of a conflict."""

BUDGET_STOP = "The budget was spent and you were stopped; go on from what stands in the checkout."


def at_work(run: Run, task_id: str, attempt: int) -> TaskState | None:
    """The task's state, if this attempt is the one at work."""
    state = run.tasks.get(task_id)
    return state if state and state.working and state.attempt == attempt else None


def start(run: Run, what: h.Start) -> Facts:
    """The scheduler gives a task a place."""
    state = run.tasks.get(what.task_id)
    if run.status != "in_progress" or state is None or state.status != "pending" or state.replaced:
        return []
    if not dependencies_met(run, state):  # the plan was revised since it was chosen
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
            max_usd=share(run, what.task_id),
        )
    ]


def progressed(run: Run, what: h.Progressed) -> Facts:
    """An agent says what it is doing. A line without a percentage keeps the last one."""
    state = at_work(run, what.task_id, what.attempt)
    percent = what.percent if what.percent is not None or state is None else state.percent
    if state is None or (state.message, state.percent) == (what.message, percent):
        return []
    return [f.TaskProgress(what.task_id, state.task.agent, what.message, percent)]


def session_known(run: Run, what: h.SessionKnown) -> Facts:
    """The backend's conversation has an id."""
    state = at_work(run, what.task_id, what.attempt)
    return [f.AgentSession(what.task_id, state.task.agent, what.session_id)] if state else []


def submitted(run: Run, fact: f.TaskSubmitted) -> Facts:
    """An agent stopped and its work was harvested."""
    return [fact] if at_work(run, fact.task_id, fact.attempt) else []


def ended(run: Run, what: h.Ended, limits: Limits) -> Facts:
    """An attempt came to nothing."""
    state = at_work(run, what.task_id, what.attempt)
    if state is None:
        return []
    if what.stopped:
        told = with_earlier(BUDGET_STOP, state)
        return [_again(state, what, "stopped", told, None)]
    if what.status == "broken" and what.retryable and state.retries < limits.restarts_of(state.task.agent):
        told = with_earlier(f"The last attempt broke: {what.reason}", state)
        pause = backoff(state.retries) if what.at else None
        return [_again(state, what, "broken", told, what.at + pause if pause else None)]
    return [
        f.TaskFailed(
            what.task_id,
            state.task.agent,
            what.reason,
            unable=what.status == "unable",
            usd=what.usd,
            tokens=what.tokens,
            broken=what.status == "broken",
        )
    ]


def _again(
    state: TaskState, what: h.Ended, cause: f.RepairCause, told: str, not_before: float | None
) -> f.RepairRequested:
    return f.RepairRequested(
        task_id=what.task_id,
        attempt=what.attempt,
        cause=cause,
        evidence=told,
        start=what.resume_from or own_start(state),
        usd=what.usd,
        tokens=what.tokens,
        not_before=not_before,
        fresh=what.fresh,
    )


# --- landing -----------------------------------------------------------------------------------------


def _landing(run: Run, task_id: str) -> TaskState | None:
    state = run.tasks.get(task_id)
    return state if state and state.submitted else None


def conflicted(run: Run, what: h.Conflicted, limits: Limits) -> Facts:
    """A submitted commit does not merge."""
    state = _landing(run, what.task_id)
    if state is None:
        return []
    return _repair(state, "conflict", "\n".join(both_intents(run, state, what)), what.marked, limits)


def both_intents(run: Run, state: TaskState, what: h.Conflicted) -> Iterator[str]:
    """Which tasks disagree and where, then what each was for; the first line has it all in short."""
    there = [
        (other, [path for path in what.paths if path in other.paths])
        for other in run.tasks.values()
        if other.status == "completed" and other.task.id != state.task.id
    ]
    landed = [(other, paths) for other, paths in there if paths]
    names = ", ".join(f"“{other.task.title}”" for other, _ in landed)
    against = f" It is “{state.task.title}” against {names}." if landed else ""
    where = f" Where: {'; '.join(what.places)}." if what.places else ""
    told = f"Your work and what landed meanwhile change the same lines of: {', '.join(what.paths)}."
    yield told + against + where
    if landed:
        yield f"Landing now: {_intent(state)}"
    for other, paths in landed:
        yield f"Landed before ({', '.join(paths)}): {_intent(other)}"


def _intent(state: TaskState) -> str:
    task, said = state.task, " ".join(state.task.description.split())
    more = f": {said[:_LONGEST_INTENT]}" if said and said != task.title else ""
    return f"{task.id}, “{task.title}” by {task.agent}{more}"


def gated(run: Run, what: h.Gated, limits: Limits) -> Facts:
    """A candidate was measured."""
    state = _landing(run, what.task_id)
    if state is None:
        return []
    red = any(isinstance(fact, f.GateFailed) for fact in what.facts)
    repair = _repair(state, "gate", what.evidence, what.candidate, limits) if red else []
    return [*what.facts, *repair]


def _repair(state: TaskState, cause: f.RepairCause, evidence: str, start: str, limits: Limits) -> Facts:
    if state.repairs >= limits.repairs:
        rounds = f"after {state.repairs} repair rounds" if state.repairs else "and no repair round is allowed"
        what = "it still conflicts with what landed" if cause == "conflict" else "a gate is still red"
        return [f.TaskFailed(state.task.id, state.task.agent, f"{what} {rounds}. {evidence}")]
    return [f.RepairRequested(state.task.id, state.attempt, cause, evidence, start)]


def landed(run: Run, what: h.Landed) -> Facts:
    """A candidate is the new integration head."""
    state = _landing(run, what.task_id)
    if state is None:
        return []
    if what.decisions != run.decisions or what.onto != run.integration:
        raise Refused("The user decided or typed while this landed; land it again.")
    proposed: Facts = [f.ChangeProposed(change) for change in what.proposed]
    superseded = [
        f.ChangeOutdated(old, SUPERSEDED, new)
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
        by_structure=what.by_structure,
    )
    told = changed_relations(run, what.relations)
    related: Facts = [f.ChangesRelated(told)] if told else []
    return [*proposed, *superseded, *_answered(run, what), *related, done]


def _answered(run: Run, what: h.Landed) -> Facts:
    """Conflicts that its agent was asked about: what it made of them takes their place."""
    asked = run.revising.get(what.task_id)
    over = [run.changes[i] for i in asked.change_ids] if asked else []
    facts: Facts = []
    for s in over:
        if in_conflict(s.change, s.status, s.note, s.superseded_by):
            instead = next((c.id for c in what.proposed if c.path == s.change.path), None)
            facts.append(f.ChangeOutdated(s.change.id, "its agent looked at it again", instead))
    return facts


def base_taken(run: Run, what: h.BaseTaken) -> Facts:
    """The user's current text is under the work."""
    if what.decisions != run.decisions:
        raise Refused("A decision was taken while the workspace was read; read it again.")
    lost: Facts = [f.ChangeOutdated(i, why) for i, why in what.lost if run.changes[i].status == "pending"]
    lost += [f.ChangeAccepted(i, "typed") for i in what.typed if run.changes[i].status == "pending"]
    return [*lost, f.BaseMoved(what.snapshot, what.integration, what.moves)]
