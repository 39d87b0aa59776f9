"""What the scripted models say, and the plans they say it for."""

from __future__ import annotations

from typing import Any

from tests.scripted.anthropic_server import Request, Slow, Turn, read, say, write

THINKING = 0.25
"""Seconds a model takes for a turn of `busy`: a fast one."""

ENDLESS = 2000
"""Turns; whoever keeps agents busy cancels the run long before."""


def six(request: Request) -> Turn:
    """One file a task, then the end."""
    if request.turn == 0:
        name = request.task or "bare"
        return write(f"made/{name}.py", f"def {name}():\n    return {name!r}\n")
    return say(f"Wrote {request.task}.")


def flat_out(request: Request) -> Turn:
    """Writes and reads without an end and without a pause."""
    if request.turn >= ENDLESS:
        return say("Enough.")
    name = f"made/{request.task}_{request.turn // 2}.py"
    text = "".join(f"value_{k} = {k}\n" for k in range(100))
    return write(name, text) if request.turn % 2 == 0 else read(name)


def busy(request: Request) -> Turn:
    """The same with a model that takes its time."""
    turn = flat_out(request)
    assert isinstance(turn, dict)
    return Slow(THINKING, turn)


def _task(name: str, *depends_on: str) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Write {name}",
        "agent": "code_developer",
        "type": "implementation",
        "description": f"Write made/{name}.py.",
        "depends_on": list(depends_on),
        "writes": [f"made/{name}.py"],
        "acceptance": ["The file is there."],
    }


LAYERS = (("one",), ("two", "three", "four"), ("five",), ("six",))
"""The six tasks; each depends on all of the layer before."""

SIX_PLAN: dict[str, Any] = {
    "summary": "Six files, in four steps.",
    "tasks": [
        _task(name, *(LAYERS[at - 1] if at else ())) for at, layer in enumerate(LAYERS) for name in layer
    ],
}
BUSY_PLAN: dict[str, Any] = {
    "summary": "Four at once.",
    "tasks": [_task(name) for name in ("north", "east", "south", "west")],
}
