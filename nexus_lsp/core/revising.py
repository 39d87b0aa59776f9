"""Doing a proposal in another way: the bounded task that answers a user's feedback on waiting changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus_lsp.core.changes import Change
from nexus_lsp.core.conflicts import Conflict
from nexus_lsp.core.plan import Task
from nexus_lsp.core.quoting import one_line, quoted
from nexus_lsp.core.run import Run

MOST_REVISIONS = 3
"""How often one change, and what took its place, may be asked for in another way."""

MOST_CHANGES = 20
"""Changes of one revision; more is a new request, which is the user's to delegate."""

_SHOWN = 4_000
"""Characters of each side of a change in the task."""


def revisions_of(run: Run, change_id: str) -> int:
    """How often the user asked for this change, or for one whose place it took, in another way."""
    before = [revisions_of(run, i) for i, s in run.changes.items() if s.superseded_by == change_id]
    asked = sum(1 for asked in run.revising.values() if change_id in asked.change_ids)
    return asked + max(before, default=0)


def revision_task(run: Run, changes: Sequence[Change], feedback: str, sides: Mapping[str, Conflict]) -> Task:
    """The task for the agent that made the changes: what the user says, in their words, and what it is about.

    `sides` are those of the changes that are in conflict with what the user typed.
    """
    first = run.tasks[changes[0].task_ids[-1]].task
    shown = "\n\n".join(_shown(change, sides.get(change.id)) for change in changes)
    description = (
        f"The user looked at what was proposed and wants it done in another way:\n\n{feedback}\n\n"
        "Change what was proposed accordingly; what the feedback does not speak of stays as it is. Proposals "
        "that wait stand in your checkout. Where the user changed lines meanwhile, it has the user's text: "
        f"keep what that is for.\n\n{shown}"
    )
    return Task(
        id=f"revise-{len(run.revising) + 1}",
        title=f"Do it in another way: {one_line(feedback, 60)}",
        agent=changes[0].agent_ids[-1],
        type="test" if first.type == "test" else "implementation",
        description=description,
        writes=tuple(sorted({path for c in changes for path in (c.path, c.old_path) if path})),
        acceptance=("The user's feedback is answered by the files, or your summary says why it cannot be.",),
    )


def _shown(change: Change, conflict: Conflict | None) -> str:
    head = f"## `{one_line(change.path, 300).replace('`', chr(39))}`"
    if change.kind != "edit":
        return f"{head} ({change.kind})"
    head += f", line {change.line + 1}"
    if conflict is None:
        parts = (("before", change.before), ("proposed", change.after))
    else:
        texts = ("".join(side) for side in (conflict.base, conflict.yours, conflict.theirs))
        parts = tuple(zip(("before", "what the user has there now", "proposed"), texts, strict=True))
    return "\n".join([head, *(_side(name, text) for name, text in parts)])


def _side(name: str, text: str) -> str:
    return f"{name.capitalize()}:\n{quoted(text, name, _SHOWN)}" if text else f"{name.capitalize()}: nothing"
