"""A long document with many waiting changes, and an engine that knows of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
PATH = "long.py"
TASKS = 4


def text_of(lines: int) -> str:
    """No two lines alike, but for a blank one every tenth."""
    return "".join("\n" if at % 10 == 9 else f"value_{at} = compute({at}, {at % 7})\n" for at in range(lines))


def changes_in(text: str, count: int) -> list[Json]:
    """So many replacements of one line, evenly spread, as `review.list` tells them."""
    lines = text.splitlines(keepends=True)
    step = len(lines) // count
    return [_change(at, at * step + 1, lines[at * step + 1]) for at in range(count)]


def _change(number: int, line: int, before: str) -> Json:
    task = f"task_{number % TASKS}"
    return {
        "id": f"change_{number}",
        "run_id": "run_1",
        "task_id": task,
        "agent_id": "code_developer",
        "task_ids": [task],
        "agent_ids": ["code_developer"],
        "path": PATH,
        "old_path": None,
        "kind": "edit",
        "status": "pending",
        "note": "",
        "superseded_by": None,
        "line": line,
        "before": before,
        "after": before.replace("compute", "computed"),
        "before_mode": "100644",
        "after_mode": "100644",
        "why": "Use the computed value",
        "depends_on": [],
    }


class PendingEngine:
    """`ports.EngineApi` with these changes waiting, and no run at work."""

    def __init__(self, lines: int, count: int) -> None:
        self.text = text_of(lines)
        self.changes = changes_in(self.text, count)

    async def execute(self, name: str, argument: Mapping[str, Any]) -> Json:
        """What the review desk asks for."""
        match name:
            case "review.list":
                return {"changes": [dict(change) for change in self.changes]}
            case "review.base":
                return {"base": "blob", "text": self.text}
            case "agents":
                return {"agents": [{"agent_id": "code_developer", "name": "Code Developer"}]}
            case "runs":
                return {"runs": []}
            case _:
                return {}

    def listen(self, hear: Callable[[Json], None]) -> Callable[[], None]:
        """Nothing ever happens."""
        return lambda: None

    async def close(self) -> None:
        """Nothing is held."""
