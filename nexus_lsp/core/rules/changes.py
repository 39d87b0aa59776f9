"""Rules of changes: accepted, rejected, taken back, without a place."""

from __future__ import annotations

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Applied
from nexus_lsp.core.conflicts import KEPT_MINE, LOST_GROUND
from nexus_lsp.core.evolve_changes import moved_with
from nexus_lsp.core.problems import Unknown
from nexus_lsp.core.rules.limits import Facts
from nexus_lsp.core.run import ChangeState, Run


def accepted(run: Run, what: h.Accepted) -> Facts:
    """What a face says the text holds is so, even where the change was given up meanwhile."""
    ids = with_status(run, what.change_ids, "pending", "outdated")
    return [f.ChangeAccepted(i, what.by, _put(run.changes[i], what.applied.get(i), what.by)) for i in ids]


def _put(state: ChangeState, applied: Applied | None, by: str) -> Applied | None:
    """What the text holds of a change that was in conflict; a redo puts in what was put in before."""
    if by == "typed" or (applied is not None and applied.of(state.change) == state.change):
        return None
    return applied or (state.applied if state.status == "outdated" else None)


def rejected(run: Run, what: h.Reject) -> Facts:
    """The user does not want them."""
    ids = with_status(run, what.change_ids, "pending", "outdated")
    return [f.ChangeRejected(i, what.reason) for i in ids]


def reopened(run: Run, what: h.Reopen) -> Facts:
    """They wait again; a conflict that was settled is one again.

    That a decision was taken back may be said twice (by the command, and by the text that shows it).
    """
    facts: Facts = []
    found = ("outdated",) if what.placed else ()
    for i in with_status(run, what.change_ids, "accepted", "rejected", *found):
        state = run.changes[i]
        if state.superseded_by is not None:
            continue
        facts.append(f.ChangeReopened(i))
        kept = state.status == "rejected" and state.note.startswith(KEPT_MINE)
        if kept or (state.status == "accepted" and state.proposed is not None):
            facts.append(f.ChangeOutdated(i, LOST_GROUND))
    return facts


def outdated(run: Run, what: h.Outdate) -> Facts:
    """They can no longer be applied to what the user has."""
    return [f.ChangeOutdated(i, what.why) for i in with_status(run, what.change_ids, "pending")]


def committed(run: Run, what: h.Committed) -> Facts:
    """A commit in the user's repository holds them."""
    with_status(run, what.fact.change_ids)
    return [what.fact]


def moved(run: Run, what: h.Moved) -> Facts:
    """A file has another name; it concerns a run with changes of it, or with work that has not landed."""
    old, new = what.fact.old_path, what.fact.path
    going_on = any(s.status == "in_progress" or s.repair_start for s in run.tasks.values())
    changed = any(moved_with(s, old, new) is not s for s in run.changes.values())
    return [what.fact] if going_on or changed else []


def with_status(run: Run, ids: tuple[str, ...], *statuses: str) -> list[str]:
    """Those of the changes that are in one of these states; Unknown for one that is not there."""
    for change_id in ids:
        if change_id not in run.changes:
            raise Unknown(f"There is no change {change_id!r}.")
    return [i for i in dict.fromkeys(ids) if run.changes[i].status in statuses]
