"""Rules of revisions: the user wants waiting changes done in another way."""

from __future__ import annotations

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.conflicts import in_conflict
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.replanning import Revision, revised
from nexus_lsp.core.revising import MOST_CHANGES, MOST_REVISIONS, revision_task, revisions_of
from nexus_lsp.core.rules.changes import with_status
from nexus_lsp.core.rules.limits import Facts, Limits
from nexus_lsp.core.run import SETTLED, ChangeState, Run

LOCAL = (
    "The local team works by fixed rules and cannot answer feedback. Reject the change with your reason, or "
    "delegate what you want to a team with a model."
)


def revise(run: Run, what: h.Revise, limits: Limits) -> Facts:
    """One more task, for the agent that made the changes; they wait on until it has landed."""
    _check_run(run)
    with_status(run, what.change_ids)
    states = [run.changes[i] for i in dict.fromkeys(what.change_ids)]
    for state in states:
        _check_change(run, state)
    if len(states) > MOST_CHANGES:
        raise Refused(f"These are {len(states)} changes; {MOST_CHANGES} at most go into one revision.")
    if len({s.change.agent_ids[-1] for s in states}) > 1:
        raise Refused("Different agents made these changes: ask each of them for its own.")
    task = revision_task(run, [s.change for s in states], what.feedback, what.sides)
    plan, problems = revised(run, Revision((task,), (), what.feedback), limits.agents)
    if plan is None:
        raise Refused("This cannot be asked for: " + "; ".join(map(str, problems)))
    asked = f.RevisionAsked(task.id, tuple(s.change.id for s in states), what.feedback)
    return [asked, f.PlanRevised(plan, (), "the user", what.feedback)]


def _check_run(run: Run) -> None:
    if run.started.team == "local":
        raise Refused(LOCAL)
    if run.status in ("failed", "cancelled"):
        raise Refused(
            f"This run is {run.status} and nobody works in it any more: delegate what you want anew."
        )
    if run.revision is not None or run.replanning is not None:
        raise Refused("The plan of this run is being revised: decide on that first.")
    if run.exhausted:
        raise Refused(
            "The budget of this run is spent: resume the run, which grants it once more, then ask again."
        )


def _check_change(run: Run, state: ChangeState) -> None:
    change_id = state.change.id
    conflict = in_conflict(state.change, state.status, state.note, state.superseded_by)
    if state.status in ("accepted", "rejected"):
        raise Refused(f"{change_id} is {state.status} already: undo that first.")
    if state.status == "outdated" and not conflict:
        raise Refused(f"{change_id} is outdated ({state.note}): there is nothing left to revise.")
    for task_id, asked in run.revising.items():
        if change_id in asked.change_ids and run.tasks[task_id].status not in SETTLED:
            raise Refused(f"{change_id} is being done in another way already: {task_id} is at it.")
    if revisions_of(run, change_id) >= MOST_REVISIONS:
        raise Refused(
            f"{change_id} was asked for in another way {MOST_REVISIONS} times already: change it by hand, or "
            "reject it and delegate what you want anew."
        )
