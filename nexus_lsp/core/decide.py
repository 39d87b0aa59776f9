"""Decisions: what follows from what just happened to a run.

`decide(run, happening, limits)` gives facts, or raises `Refused` with a sentence for the user. A report that
comes too late (its task was cancelled, its attempt is over) gives no facts. This is the table; what each row
means stands in `core.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.evolve import evolve
from nexus_lsp.core.rules import changes, heads, life, plans, revisions, tasks, team
from nexus_lsp.core.rules.ends import what_follows
from nexus_lsp.core.rules.limits import Facts, Limits
from nexus_lsp.core.run import OVER, Run

__all__ = ["Facts", "Limits", "apply", "decide"]


def decide(run: Run, happening: h.Happening, limits: Limits) -> Facts:
    """The facts that follow, the run's own end among them."""
    facts = _first(run, happening, limits)
    after = apply(run, facts)
    while more := what_follows(after, limits):
        facts = facts + more
        after = apply(after, more)
    return facts


def apply(run: Run, facts: Iterable[f.Fact]) -> Run:
    """The run after facts that have no journal entry yet (their sequence number is not needed)."""
    for fact in facts:
        run = evolve(run, f.Entry(0, run.started_at, run.id, fact))
    return run


def _first(run: Run, what: h.Happening, limits: Limits) -> Facts:  # noqa: PLR0912 - one table
    over = run.status in OVER
    match what:
        case h.ApprovePlan():
            return plans.approve(run, what.plan, limits)
        case h.RejectPlan():
            return plans.reject(run, what.reason)
        case h.Cancel():
            return life.cancel(run)
        case h.Pause():
            return life.pause(run, what.reason)
        case h.Resume():
            return life.resume(run)
        case h.Retry():
            return life.retry(run)
        case h.Accepted():
            return changes.accepted(run, what)
        case h.Reject():
            return changes.rejected(run, what)
        case h.Reopen():
            return changes.reopened(run, what)
        case h.Committed():
            return changes.committed(run, what)
        case h.Moved():
            return changes.moved(run, what)
        case h.Outdate():
            return changes.outdated(run, what)
        case h.Revise():
            return revisions.revise(run, what, limits)
        case h.OpenAsk():
            return life.open_ask(run, what)
        case h.Answer():
            return life.answer(run, what, limits)
        case h.SnapshotDone():
            return [] if over else [f.SnapshotTaken(what.commit, what.head, what.notes)]
        case h.HeadSeen():
            return heads.head_seen(run, what)
        case h.PlanReady():
            return [] if over else plans.planned(run, what, limits)
        case h.StepFailed():
            return [] if over else [*life.cancel_tasks(run, what.reason), f.RunFailed(what.reason)]
        case h.BaselineDone():
            return list(what.results)
        case h.Start():
            return tasks.start(run, what)
        case h.Progressed():
            return tasks.progressed(run, what)
        case h.SessionKnown():
            return tasks.session_known(run, what)
        case h.Submitted():
            return tasks.submitted(run, what.fact)
        case h.Ended():
            return tasks.ended(run, what, limits)
        case h.Conflicted():
            return tasks.conflicted(run, what, limits)
        case h.Gated():
            return tasks.gated(run, what, limits)
        case h.TreeGated():
            return list(what.facts)
        case h.Landed():
            return tasks.landed(run, what)
        case h.BaseTaken():
            return tasks.base_taken(run, what)
        case h.Recovered():
            return life.recovered(run, what)
        case h.Replanned():
            return plans.replanned(run, what, limits)
        case h.Scrutinised():
            return [] if over else list(what.facts)
        case h.Posted():
            return team.posted(run, what, limits)
        case h.Delivered():
            return team.delivered(run, what)
        case h.Died():
            return team.died(run, what)
        case h.BusSeen():
            return [] if over else [f.MessageDelayed(what.why)]
        case h.Noted():
            return team.noted(run, what)
        case h.Remembered():
            return team.remembered(run, what)
        case h.Forgotten():
            return team.forgotten(run, what)
        case h.Reminded():
            return [what.fact]
        case h.MemoryLost():
            return [] if over else [f.MemoryUnavailable(what.why)]
        case h.Measured():
            return team.measured(run, what)
        case h.Foreseen():
            return [] if over or what.clashes == run.forecast else [f.ConflictForecast(what.clashes)]
        case h.BackendSeen():
            return [] if over else [what.fact]
    assert_never(what)
