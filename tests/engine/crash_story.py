"""The story that test_crash breaks off at every point and goes on with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine_house import House
from fakes import Step, put, replaces, task

from nexus_lsp.core.run import Run
from nexus_lsp.ports import Assignment, Outcome

END = {
    "a.txt": "one\nTWO\nthree\nfour\nFIVE\n",
    "b.txt": "b\n",
    "src/c.py": "def c():\n    return 1\n",
    "made.txt": "made\n",
}
"""The user's files at the end: what `b` did was turned down."""


async def play(house: House, log: Path) -> Run:
    """Three tasks, two of them side by side; then `b`'s change is rejected and all others accepted.

    Begins the run, or goes on with the one in the journal; every call of an agent is written to the log.
    """
    script = {
        "a": lambda assignment: _once(assignment, "two", "TWO"),
        "b": lambda assignment: put(assignment.checkout, "b.txt", "B\n"),
        "c": _after_a,
    }
    house.plays(
        task("a", writes=["a.txt"]), task("b", writes=["b.txt"]), task("c", "a"), **_logged(script, log)
    )
    await house.open()
    run_id = next(iter(house.engine.runs), None) or await house.delegate()
    run = await house.rests(run_id)
    unwanted = [c.id for c in run.pending_changes if c.path == "b.txt"]
    if unwanted:
        await house.reject(run, *unwanted, reason="no")
    for change in house.now(run).pending_changes:
        decided = await house.accept(run, change.id)
        assert decided.refused == [], decided.refused
    return house.now(run)


def _after_a(assignment: Assignment) -> None:
    assert "TWO" in (assignment.checkout / "a.txt").read_text()
    _once(assignment, "five", "FIVE")
    put(assignment.checkout, "made.txt", "made\n")


def _once(assignment: Assignment, old: str, new: str) -> None:
    """An attempt may begin with what a cut-off one left."""
    if new not in (assignment.checkout / "a.txt").read_text():
        replaces("a.txt", old, new)(assignment)


def _logged(script: Mapping[str, object], log: Path) -> dict[str, Step]:
    def logged(task_id: str, step: object) -> Step:
        def call(assignment: Assignment) -> Outcome | None:
            with log.open("a") as out:
                out.write(f"{task_id}\n")
            assert callable(step)
            answer = step(assignment)
            return answer if isinstance(answer, Outcome) else None

        return call

    return {task_id: logged(task_id, step) for task_id, step in script.items()}
