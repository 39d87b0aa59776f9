"""Records: how each persona did in this workspace, counted from the journal, never claimed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus_lsp.core.health import Record
from nexus_lsp.core.run import SETTLED, Run, TaskState


def records_of(runs: Iterable[Run], agent_id: str) -> list[Record]:
    """Its settled tasks, oldest first; what it was cancelled in or unable to do says nothing of it."""
    return [
        Record(s.status == "completed", s.repairs, s.retries, s.response_seconds)
        for run in runs
        for s in run.tasks.values()
        if s.task.agent == agent_id and _counts(s)
    ]


def _counts(state: TaskState) -> bool:
    return state.status in SETTLED and state.status != "cancelled" and not state.unable


def in_words(records: Sequence[Record]) -> str:
    """One line for a planner; "" without a record."""
    if not records:
        return ""
    landed = sum(r.landed for r in records)
    at_once = sum(r.landed and not r.repairs for r in records)
    restarts = sum(r.restarts for r in records)
    return f"{landed} of {len(records)} tasks landed, {at_once} of them at once; {restarts} restarts"
