"""A proposal of many changes: a workspace with one fault a function, and two agents that mend them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.scripted.anthropic_server import Request, Turn, bash, say

FILES, EACH, BIG = 60, 7, 87
"""59 files with 7 changes each and one with 87: 500."""

CODE, ALPHA = 39 * EACH + BIG, 20 * EACH

PLAN: dict[str, Any] = {
    "summary": "Code mends the parts, Alpha their checks.",
    "tasks": [
        {
            "id": task,
            "title": title,
            "agent": agent,
            "type": "implementation",
            "description": "Every function subtracts one too many.",
            "depends_on": after,
            "writes": [f"{folder}/*.py"],
            "acceptance": [],
        }
        for task, title, agent, folder, after in (
            ("parts", "Mend the parts", "code_developer", "parts", []),
            ("checks", "Mend the checks", "alpha_test_creator", "checks", ["parts"]),
        )
    ],
}


def fill(root: Path) -> None:
    """40 files below `parts` (the first has 87 functions), 20 below `checks`."""
    for n in range(FILES):
        path = root / ("parts" if n < 40 else "checks") / f"file_{n:02}.py"
        path.parent.mkdir(exist_ok=True)
        functions = [_function(k) for k in range(BIG if n == 0 else EACH)]
        path.write_text(f'"""Part {n}."""\n' + "".join(functions))


def _function(k: int) -> str:
    lines = "".join(f"    step_{m} = value + {m}\n" for m in range(6))
    return f"\n\ndef part_{k:02}(value: int) -> int:\n{lines}    return step_0 - {k}\n"


def mend(request: Request) -> Turn:
    """One command that mends every function in the agent's own folder."""
    folder = "parts" if request.agent == "code_developer" else "checks"
    if request.turn == 0:
        return bash(f"sed -i 's/return step_0 - /return step_0 + /' {folder}/*.py")
    return say("Every function adds now.")
