"""A long document with many waiting changes, and an engine that knows of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Change
from nexus_lsp.core.evolve import begin
from nexus_lsp.core.run import ChangeState
from nexus_lsp.engine.projections import change_line

Json = dict[str, Any]
PATH = "long.py"
TASKS = 4
RUN = begin(f.Entry(1, 0.0, "run_1", f.RunStarted("do it", "/w", "local")))


def text_of(lines: int) -> str:
    """No two lines alike, but for a blank one every tenth."""
    return "".join("\n" if at % 10 == 9 else f"value_{at} = compute({at}, {at % 7})\n" for at in range(lines))


def changes_in(text: str, count: int) -> list[Json]:
    """So many replacements of one line, evenly spread, as `review.list` tells them."""
    lines = text.splitlines(keepends=True)
    step = len(lines) // count
    return [_change(at, at * step + 1, lines[at * step + 1]) for at in range(count)]


def _change(number: int, line: int, before: str) -> Json:
    """As the engine itself tells it, so that a new field is here too."""
    after = before.replace("compute", "computed")
    why = "Use the computed value"
    change = Change(
        id=f"change_{number}",
        task_ids=(f"task_{number % TASKS}",),
        agent_ids=("code_developer",),
        path=PATH,
        kind="edit",
        why=why,
        base="blob",
        line=line,
        before=before,
        after=after,
        before_mode="100644",
        after_mode="100644",
    )
    return change_line(RUN, ChangeState(change))


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
