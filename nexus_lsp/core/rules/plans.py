"""Rules of plans: proposed, approved, rejected, and revised while the run is at work."""

from __future__ import annotations

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.plan import Plan, plan_problems
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.replanning import Revision, revised
from nexus_lsp.core.rules.limits import Facts, Limits, answers
from nexus_lsp.core.run import OVER, Run

APPROVE, REJECT = "Approve", "Reject"


def planned(run: Run, what: h.PlanReady, limits: Limits) -> Facts:
    """A planner answered."""
    problems = plan_problems(what.plan, limits.agents)
    if problems:
        return [f.RunFailed("The plan cannot be carried out: " + "; ".join(map(str, problems)))]
    proposed = f.PlanProposed(what.plan, what.source, what.why)
    if run.started.approval == "auto":
        return [proposed, f.PlanApproved(what.plan, "auto")]
    return [proposed, _ask(what.ask_id, "Carry out this plan?", what.plan)]


def _ask(ask_id: str, question: str, plan: Plan) -> f.AskOpened:
    titles = ", ".join(task.title for task in plan.tasks)
    return f.AskOpened(ask_id, "plan", f"{question} {plan.summary} ({titles})", (APPROVE, REJECT), REJECT)


def approve(run: Run, plan: Plan | None, limits: Limits) -> Facts:
    """The user wants the plan, or the revision that waits, carried out: as it is, or as they changed it."""
    if run.revision is not None:
        revision = run.revision
        chosen = plan or revision.plan
        _without_problems(chosen, limits)
        return [*_closed(run, APPROVE), _carried(revision, chosen), *_on(run)]
    if run.status != "awaiting_approval" or run.plan is None:
        raise Refused(f"This run's plan is not waiting for approval: the run is {run.status}.")
    chosen = plan or run.plan
    _without_problems(chosen, limits)
    return [*_closed(run, APPROVE), f.PlanApproved(chosen, "user")]


def _without_problems(plan: Plan, limits: Limits) -> None:
    problems = plan_problems(plan, limits.agents)
    if problems:
        raise Refused("This plan cannot be carried out: " + "; ".join(map(str, problems)))


def _carried(revision: f.RevisionProposed, plan: Plan) -> f.PlanRevised:
    return f.PlanRevised(plan, revision.replaced, revision.source, revision.why)


def reject(run: Run, reason: str) -> Facts:
    """The user does not want the plan; of a revision: the run goes on, or ends, without it."""
    if run.revision is not None:
        return [*_closed(run, REJECT), f.PlanKept(reason or "you did not want the new plan"), *_on(run)]
    if run.status != "awaiting_approval":
        raise Refused(f"This run's plan is not waiting for approval: the run is {run.status}.")
    return [*_closed(run, REJECT), f.PlanRejected(reason), f.RunCancelled()]


def _closed(run: Run, answer: str) -> Facts:
    return answers((ask for ask in run.open_asks if ask.kind == "plan"), answer)


def _on(run: Run) -> Facts:
    """The run goes on, unless something else holds it as well."""
    others = [ask for ask in run.holding_asks if ask.kind != "plan"]
    return [] if run.status != "paused" or others else [f.RunResumed()]


# --- another way -------------------------------------------------------------------------------------


def replanned(run: Run, what: h.Replanned, limits: Limits) -> Facts:
    """NEXUS Prime had its say on what went wrong."""
    if run.status in OVER or run.replanning is None:
        return []
    if what.revision is None:
        return [f.PlanKept(what.why)]
    return revise(run, what.revision, what.source, limits)


def revise(run: Run, revision: Revision, source: str, limits: Limits) -> Facts:
    """The facts that carry a revision out, or put it to the user; a wrong one is said and not followed."""
    plan, problems = revised(run, revision, limits.agents)
    if plan is None:
        return [f.PlanKept(f"the new plan cannot be carried out: {'; '.join(map(str, problems))}")]
    if run.started.approval == "auto":
        return [f.PlanRevised(plan, revision.replaces, source, revision.why)]
    proposed = f.RevisionProposed(plan, revision.replaces, source, revision.why)
    new = Plan(revision.why, revision.tasks)
    ask = _ask(f"ask_{run.id}_{len(run.asks) + 1}", "Go on in another way?", new)
    pause: Facts = [] if run.status == "paused" else [f.RunPaused(ask.question)]
    return [proposed, *pause, ask]
