"""What has to be done next, read off the state.

Effects are level-triggered: `due(run)` names all work that the run waits for *now*, whatever led to it. The
engine starts what is not under way yet. A restart after a crash therefore needs no code of its own: the same
state names the same work.

**Invariant:** an effect's end changes the state so that it is no longer due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from nexus_lsp.core.facts import Priority
from nexus_lsp.core.plan import writes_overlap
from nexus_lsp.core.run import OVER, SETTLED, Run, TaskState, dependencies_met
from nexus_lsp.core.spending import all_given_out

EffectKind = Literal["snapshot", "baseline", "plan", "work", "land", "replan", "scrutinise"]
Touched = Mapping[tuple[str, str], Collection[str]]
"""(run id, task id) → the paths that a task at work has written so far."""

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
    touched: Touched = MappingProxyType({}),
) -> list[tuple[str, str]]:
    """(run id, task id) of the tasks to start now, most urgent first.

    `limit` counts agents at work over all runs, those of paused runs too, but not those that wait for an
    answer of the user; `reserved` are tasks that are being started already; `at` is in Unix seconds; `places`
    says how many agents a team may have at work (None for no bound); `touched` what tasks at work have really
    written so far. Within a priority the earlier deadline
    goes first, then the run that has fewer agents at work, then the older.
    """
    taken = list(reserved)
    given = {run.id: run for run in runs}
    all_runs = [run for run in given.values() if run.status == "in_progress"]
    at_work = sum(map(agents_at_work, given.values()))
    chosen: list[tuple[str, str]] = []
    while at_work + len(taken) < limit:
        open_runs = [run for run in all_runs if _has_place(run, given, taken, places)]
        candidates = [
            (_urgency(run, taken), run, _ready(run, given, taken, at, touched)) for run in open_runs
        ]
        candidates = [c for c in candidates if c[2]]
        if not candidates:
            break
        _, run, ready = min(candidates, key=lambda c: c[0])
        chosen.append((run.id, ready[0]))
        taken.append((run.id, ready[0]))
    return chosen


def agents_at_work(run: Run) -> int:
    """The agents that take up a place: at work, and not waiting for the user."""
    return sum(1 for i, s in run.tasks.items() if s.working and i not in run.asking)


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


def _ready(
    run: Run, runs: Mapping[str, Run], taken: list[tuple[str, str]], at: float, touched: Touched
) -> list[str]:
    """Tasks of this run that may start: dependencies settled, rested, no overlap, money left."""
    if run.revision is not None:
        return []
    starting = [run.tasks[t] for r, t in taken if r == run.id]
    holders = [(s, touched.get((run.id, s.task.id), ())) for s in (*busy(run), *starting)]
    others = [held for r in runs.values() if r.id != run.id for held in _held_elsewhere(r, taken, touched)]
    return [
        task_id
        for task_id, s in run.tasks.items()
        if s.status == "pending"
        and not s.replaced
        and (s.not_before is None or s.not_before <= at)
        and (run.id, task_id) not in taken
        and dependencies_met(run, s)
        and not any(_overlap(s, other, wrote) for other, wrote in holders)
        and not any(_meets(s, globs) for globs in others)
        and not all_given_out(run, task_id)
    ]


def _held_elsewhere(run: Run, taken: list[tuple[str, str]], touched: Touched) -> Iterator[Collection[str]]:
    """What tasks of a run keep those of others from: of a run that stands still only what is being written,
    and nothing of an agent that waits for the user."""
    moves = run.status == "in_progress" and not run.away
    for task_id, s in run.tasks.items():
        works = s.working and task_id not in run.asking
        if works or (s.submitted and moves) or (run.id, task_id) in taken:
            yield _writes(s, touched.get((run.id, task_id), ()))


def _meets(state: TaskState, globs: Collection[str]) -> bool:
    """Across runs, nothing is supposed of tasks of which nothing is known."""
    own = _writes(state)
    return bool(own and globs) and writes_overlap(own, globs)


def _overlap(a: TaskState, b: TaskState, wrote: Collection[str]) -> bool:
    """Whether two tasks of a run may write the same; `wrote` is what `b` has written so far.

    An analysis writes nothing; of two of which nothing was known, the second waits until the first is done.
    """
    ours, theirs = _writes(a), _writes(b, wrote)
    if {"analysis", "validation"} & {a.task.type, b.task.type}:
        return bool(ours and theirs) and writes_overlap(ours, theirs)
    return (not ours and not _writes(b)) or writes_overlap(ours, theirs)


def _writes(state: TaskState, wrote: Collection[str] = ()) -> Collection[str]:
    """What a task really wrote replaces what it was expected to.

    While it is at work, a glob that one of these files answers to is replaced by them; a file that was named,
    and a glob that nothing answers to yet, are still to come.
    """
    if state.paths:
        return {*state.paths, *wrote}
    return {
        *wrote,
        *(glob for glob in state.task.writes if not any(fnmatchcase(path, glob) for path in wrote)),
    }
