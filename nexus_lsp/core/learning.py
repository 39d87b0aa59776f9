"""Learning: what a run teaches, read off its facts as they happen.

A lesson belongs to the agent whose work it concerns and to the paths it is about, so that the next plan and
the next prompt for these paths get it. Its id follows from what it was learned from: learned twice, it is
one item.

**Invariant:** only what the user wrote has the source `user`; what a gate, a repository or an agent said is
kept as that, and is quoted wherever it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core.memory import MemoryItem

if TYPE_CHECKING:
    from nexus_lsp.core.run import Run, TaskState

_SHORT, _LONG = 600, 1_500
"""Characters of one quoted part of a lesson, and of a summary."""


def rejected(run: Run, change_id: str, reason: str, at: float) -> list[MemoryItem]:
    """What the user's reason for a rejection teaches; nothing without a reason."""
    if not reason.strip():
        return []
    change = run.changes[change_id].change
    return [
        MemoryItem(
            id=lesson_id(run.id, change_id),
            agent_id=change.agent_ids[-1],
            kind="decision",
            text=reason.strip(),
            source="user",
            at=at,
            paths=(change.path,),
            run_id=run.id,
            task_id=change.task_ids[-1],
        )
    ]


def lesson_id(run_id: str, of: str) -> str:
    """The id of what was learned from a change, a task or an ask."""
    return f"{run_id}:{of}"


def completed(run: Run, state: TaskState, fact: f.TaskCompleted, at: float) -> list[MemoryItem]:
    """A task's record, and where gates or conflicts sent it back, what was wrong and what mended it."""
    told = _cut(fact.summary, _LONG)
    items = [
        _of_task(run, state, "done", "interaction", f"{state.task.title}: {told}", "agent", at, fact.paths)
    ]
    if state.repairs and state.evidence:
        text = (
            f"“{state.task.title}” was sent back {_times(state.repairs)} before it landed.\n"
            f"What was wrong: {_cut(state.evidence, _SHORT)}\nWhat mended it: {_cut(fact.summary, _SHORT)}"
        )
        items.append(_of_task(run, state, "lesson", "lesson", text, "gate", at, fact.paths))
    return items


def failed(run: Run, state: TaskState, reason: str, at: float) -> list[MemoryItem]:
    """What did not work, for the next plan; nothing where a backend was simply unable."""
    text = f"“{state.task.title}” could not be done: {_cut(reason, _LONG)}"
    return [_of_task(run, state, "failed", "lesson", text, "gate", at, state.paths)]


def answered(run: Run, ask: f.AskOpened, answer: str, at: float) -> list[MemoryItem]:
    """What the user answered to an agent's question; nothing where nobody did."""
    if answer == ask.default:
        return []
    return [
        MemoryItem(
            id=lesson_id(run.id, ask.ask_id),
            agent_id="",
            kind="decision",
            text=f"Asked “{_cut(ask.question, _SHORT)}”, the user answered: {_cut(answer, _SHORT)}",
            source="server",
            at=at,
            run_id=run.id,
            task_id=ask.task_id,
        )
    ]


def _of_task(
    run: Run,
    state: TaskState,
    what: str,
    kind: str,
    text: str,
    source: str,
    at: float,
    paths: tuple[str, ...],
) -> MemoryItem:
    return MemoryItem(
        id=lesson_id(run.id, f"{state.task.id}:{what}"),
        agent_id=state.task.agent,
        kind="lesson" if kind == "lesson" else "interaction",
        text=text,
        source="gate" if source == "gate" else "agent",
        at=at,
        paths=paths[:20],
        run_id=run.id,
        task_id=state.task.id,
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _cut(text: str, most: int) -> str:
    text = text.strip()
    return text if len(text) <= most else text[: most - 1] + "…"
