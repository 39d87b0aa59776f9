"""What has to be done next, read off the state.

Effects are level-triggered: `due(run)` names all work that the run waits for *now*, whatever led to it. The
engine starts what is not under way yet. A restart after a crash therefore needs no code of its own: the same
state names the same work.

**Invariant:** an effect's end changes the state so that it is no longer due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nexus_lsp.core.facts import Priority
from nexus_lsp.core.plan import writes_overlap
from nexus_lsp.core.run import OVER, SETTLED, Run, TaskState, dependencies_met
from nexus_lsp.core.spending import all_given_out

EffectKind = Literal["snapshot", "baseline", "plan", "work", "land", "replan", "scrutinise"]
PRIORITIES: Mapping[Priority, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True, slots=True)
class Effect:
    """A piece of work for the shell; equal effects are the same work."""

    run_id: str
    kind: EffectKind
    task_id: str = ""
    attempt: int = 0


def due(run: Run) -> list[Effect]:
    """All work that this run waits for, but for starting tasks (`next_starts`)."""
    if run.status in OVER:
        return []
    if run.snapshot is None:
        return [Effect(run.id, "snapshot")]
    effects: list[Effect] = []
    if not run.baseline:
        effects.append(Effect(run.id, "baseline"))
    if run.plan is None and run.status == "pending":
        effects.append(Effect(run.id, "plan"))
    effects += [Effect(run.id, "work", i, s.attempt) for i, s in run.tasks.items() if s.working]
    landing = [Effect(run.id, "land", i, s.attempt) for i, s in run.tasks.items() if s.submitted]
    if run.baseline and not run.away:
        effects += landing[:1]
    if run.replanning is not None:
        effects.append(Effect(run.id, "replan", attempt=run.replanning.round))
    if awaits_scrutiny(run):
        effects.append(Effect(run.id, "scrutinise"))
    return effects


def awaits_scrutiny(run: Run) -> bool:
    """Whether all work has landed and what came of it has yet to be measured as a whole."""
    states = [s for s in run.tasks.values() if not s.replaced]
    if run.status not in ("in_progress", "paused") or run.replanning is not None or run.revision is not None:
        return False
    if not states or any(s.status not in SETTLED for s in states) or not run.baseline:
        return False
    measured = run.quality is not None and run.quality.commit == run.integration
    return not measured and any(s.status == "completed" for s in states) and bool(run.changes)


def busy(run: Run) -> list[TaskState]:
    """The tasks that hold their expected writes: at work or waiting to land."""
    return [s for s in run.tasks.values() if s.working or s.submitted]


def next_starts(
    runs: Iterable[Run],
    limit: int,
    reserved: Iterable[tuple[str, str]],
    at: float = 0.0,
    places: Callable[[str], int | None] = lambda _team: None,
) -> list[tuple[str, str]]:
    """(run id, task id) of the tasks to start now, most urgent first.

    `limit` counts agents at work over all runs, those of paused runs too, but not those that wait for an
    answer of the user; `reserved` are tasks that are being started already; `at` is in Unix seconds; `places`
    says how many agents a team may have at work (None for no bound). Within a priority the earlier deadline
    goes first, then the run that has fewer agents at work, then the older.
    """
    taken = list(reserved)
    given = {run.id: run for run in runs}
    all_runs = [run for run in given.values() if run.status == "in_progress"]
    at_work = sum(map(agents_at_work, given.values()))
    chosen: list[tuple[str, str]] = []
    while at_work + len(taken) < limit:
        open_runs = [run for run in all_runs if _has_place(run, given, taken, places)]
        candidates = [(_urgency(run, taken), run, _ready(run, taken, at)) for run in open_runs]
        candidates = [c for c in candidates if c[2]]
        if not candidates:
            break
        _, run, ready = min(candidates, key=lambda c: c[0])
        chosen.append((run.id, ready[0]))
        taken.append((run.id, ready[0]))
    return chosen


def agents_at_work(run: Run) -> int:
    """The agents that take up a place: at work, and not waiting for the user."""
    return sum(1 for i, s in run.tasks.items() if s.working and i not in run.questions)


def _has_place(
    run: Run,
    runs: Mapping[str, Run],
    taken: list[tuple[str, str]],
    places: Callable[[str], int | None],
) -> bool:
    team = run.started.team
    most = places(team)
    if most is None:
        return True
    busy_there = sum(
        1 for r in runs.values() if r.started.team == team for s in r.tasks.values() if s.working
    )
    starting = sum(1 for r, _ in taken if r in runs and runs[r].started.team == team)
    return busy_there + starting < most


def next_wakes(runs: Iterable[Run]) -> Iterator[float]:
    """The times (Unix seconds) at which tasks that are left in peace may begin again."""
    for run in runs:
        for s in run.tasks.values():
            if run.status == "in_progress" and s.status == "pending" and s.not_before is not None:
                yield s.not_before


def _urgency(run: Run, taken: list[tuple[str, str]]) -> tuple[int, float, int, float, str]:
    working = sum(1 for s in run.tasks.values() if s.working) + sum(1 for r, _ in taken if r == run.id)
    deadline = run.started.deadline if run.started.deadline is not None else float("inf")
    return (PRIORITIES[run.started.priority], deadline, working, run.started_at, run.id)


def _ready(run: Run, taken: list[tuple[str, str]], at: float) -> list[str]:
    """Tasks of this run that may start: dependencies settled, rested, no overlap, money left."""
    if run.revision is not None:
        return []
    starting = [run.tasks[t] for r, t in taken if r == run.id]
    holders = busy(run) + starting
    return [
        task_id
        for task_id, s in run.tasks.items()
        if s.status == "pending"
        and not s.replaced
        and (s.not_before is None or s.not_before <= at)
        and (run.id, task_id) not in taken
        and dependencies_met(run, s)
        and not any(_overlap(s, other) for other in holders)
        and not all_given_out(run, task_id)
    ]


def _overlap(a: TaskState, b: TaskState) -> bool:
    """What a task really wrote replaces what it was expected to; an analysis writes nothing."""
    if "analysis" in (a.task.type, b.task.type) or "validation" in (a.task.type, b.task.type):
        return bool(set(a.task.writes) and set(b.task.writes)) and writes_overlap(
            a.task.writes, b.task.writes
        )
    return writes_overlap(a.paths or a.task.writes, b.paths or b.task.writes)
