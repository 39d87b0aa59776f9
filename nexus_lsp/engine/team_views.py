"""What an agent sees of its team: the shared list of tasks and the scratchpad, as text."""

from __future__ import annotations

from collections.abc import Mapping

from nexus_lsp.core.prompts import quoted
from nexus_lsp.core.run import Run, TaskState

_SHORT = 300

_NOTES = 16_000
"""Characters of notes shown, the newest whole: Claude Code puts a longer answer into a file instead."""


def status_text(run: Run, instance: str, names: Mapping[str, str]) -> str:
    """The tasks of a run, who does them and how far they are, then the notes; `instance` is the reader."""
    present = [s for s in run.tasks.values() if not s.replaced]
    lines = ["The team's tasks:"]
    for state in present:
        lines += _task_lines(state, instance, names)
    if run.team.notes:
        lines += ["", "The scratchpad:", *_notes(run, names)]
    return "\n".join(lines)


def _notes(run: Run, names: Mapping[str, str]) -> list[str]:
    shown: list[str] = []
    room = _NOTES
    for note in reversed(run.team.notes):
        who = names.get(note.agent_id, note.agent_id)
        shown.append(f"{who} ({note.task_id}):\n" + quoted(note.text, "scratchpad"))
        room -= len(shown[-1])
        if room <= 0:
            break
    left = len(run.team.notes) - len(shown)
    return [*([f"({left} older notes are left out)"] if left else []), *reversed(shown)]


def _task_lines(state: TaskState, instance: str, names: Mapping[str, str]) -> list[str]:
    who = names.get(state.task.agent, state.task.agent)
    you = " (you)" if state.instance == instance else ""
    done = f", {state.percent} %" if state.percent is not None and state.status == "in_progress" else ""
    after = f", after {', '.join(state.task.depends_on)}" if state.task.depends_on else ""
    head = f"- {state.task.id}: {state.task.title} – {who}{you}, {state.status}{done}{after}"
    said = state.summary if state.status in ("completed", "failed") else state.message
    files = [f"  files: {', '.join(state.paths[:20])}"] if state.paths else []
    words = " ".join(said.split())[:_SHORT]
    return [head, *files, *([quoted(words, f"{who}'s words")] if words else [])]
