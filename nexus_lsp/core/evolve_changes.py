"""What facts of changes make of a run; see `evolve`."""

from __future__ import annotations

from dataclasses import replace

from nexus_lsp.core import facts as f
from nexus_lsp.core import learning
from nexus_lsp.core.changes import Change, ChangeStatus
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


def moved_file(run: Run, fact: f.FileMoved) -> Run:
    """What concerns a file goes with it to its new name."""
    changes = run.changes
    for change_id, old in run.changes.items():
        if (new := moved_with(old, fact.old_path, fact.path)) is not old:
            changes = changes.put(change_id, new)
    moves = (*run.moves, (fact.old_path, fact.path))
    return replace(run, changes=changes, decisions=run.decisions + 1, moves=moves)


def moved_with(state: ChangeState, old: str, new: str) -> ChangeState:
    """A change after a file or folder got another name; the same object where it is not concerned."""
    change = _renamed(state.change, state.status == "accepted", old, new)
    if change is state.change:
        return state
    proposed = state.proposed and _renamed(state.proposed, True, old, new)
    return replace(state, change=change, proposed=proposed)


def _renamed(change: Change, accepted: bool, old: str, new: str) -> Change:
    """`old_path` is where a file still is that waits to be renamed, `path` where it is after that.

    A file that waits to come goes with its folder only: it is not there to be renamed.
    """
    path, old_path = change.path, change.old_path
    comes = change.kind != "edit" and change.before_blob is None
    if accepted or not (old_path or comes):
        path = moved_path(path, old, new)
    else:
        old_path = old_path and moved_path(old_path, old, new)
        path = path if path == old else moved_path(path, old, new)
    itself = path == old_path  # the user did, or took back, just the renaming that was proposed
    same = (path, old_path) == (change.path, change.old_path)
    return change if itself or same else replace(change, path=path, old_path=old_path)


def moved_path(path: str, old: str, new: str) -> str:
    """Where a path is after a file or folder got another name."""
    if path == old:
        return new
    return f"{new}{path[len(old) :]}" if path.startswith(f"{old}/") else path


def moved_base(run: Run, fact: f.BaseMoved) -> Run:
    """The integration tree stands on a newer snapshot."""
    changes = run.changes
    for move in fact.moves:
        old = changes[move.change_id]
        moved = replace(old.change, base=move.base, line=move.line)
        changes = changes.put(move.change_id, replace(old, change=moved))
    return replace(run, snapshot=fact.snapshot, integration=fact.integration, changes=changes)
