"""What facts of changes make of a run; see `evolve`."""

from __future__ import annotations

from dataclasses import replace

from nexus_lsp.core import facts as f
from nexus_lsp.core import learning
from nexus_lsp.core.changes import ChangeStatus
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.core.team import unlearn


def changed(
    run: Run, change_id: str, status: ChangeStatus, note: str, superseded_by: str | None = None
) -> Run:
    """The run with a change in another state."""
    old = run.changes[change_id]
    new = replace(old, status=status, note=note, superseded_by=superseded_by, commit=None)
    return replace(run, changes=run.changes.put(change_id, new), decisions=run.decisions + 1)


def accepted(run: Run, fact: f.ChangeAccepted) -> Run:
    """The user's text holds it, as it was proposed or as a conflict was settled."""
    old = run.changes[fact.change_id]
    done = changed(run, fact.change_id, "accepted", fact.by)
    if fact.applied is None:
        return done
    change, proposed = fact.applied.of(old.change), old.proposed or old.change
    put = replace(done.changes[old.change.id], change=change, proposed=proposed, applied=fact.applied)
    return replace(done, changes=done.changes.put(fact.change_id, put))


def reopened(run: Run, change_id: str) -> Run:
    """It waits again, and with it a run that was over."""
    old = run.changes[change_id]
    kept = old.applied if old.status == "accepted" else None  # for the editor's redo
    anew = ChangeState(old.proposed or old.change, applied=kept, traits=old.traits)
    opened = replace(run, changes=run.changes.put(change_id, anew), decisions=run.decisions + 1)
    if old.status == "rejected":
        opened = replace(opened, team=unlearn(run.team, learning.lesson_id(run.id, change_id)))
    if run.status == "completed":
        return replace(opened, status="ready", ended_at=None)
    return opened


def related(run: Run, fact: f.ChangesRelated) -> Run:
    """What changes need, and what they are about."""
    changes = run.changes
    for relation in fact.relations:
        old = changes[relation.change_id]
        change = replace(old.change, depends_on=relation.depends_on)
        changes = changes.put(relation.change_id, replace(old, change=change, traits=relation.traits))
    return replace(run, changes=changes)


def committed(run: Run, fact: f.ChangesCommitted) -> Run:
    """A commit of the user's holds them."""
    changes = run.changes
    for change_id in fact.change_ids:
        if (old := changes[change_id]).status == "accepted":
            changes = changes.put(change_id, replace(old, commit=fact.commit))
    return replace(run, changes=changes)


def moved_base(run: Run, fact: f.BaseMoved) -> Run:
    """The integration tree stands on a newer snapshot."""
    changes = run.changes
    for move in fact.moves:
        old = changes[move.change_id]
        moved = replace(old.change, base=move.base, line=move.line)
        changes = changes.put(move.change_id, replace(old, change=moved))
    return replace(run, snapshot=fact.snapshot, integration=fact.integration, changes=changes)
