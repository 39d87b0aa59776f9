"""Another way: how a plan is changed while its run is at work.

A revision names tasks that did not lead on and others that stand in for them. What has landed or is at work
stays as it is, and what waited for a replaced task waits for those in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.core.facts import QualityMeasured
from nexus_lsp.core.plan import Plan, Task, plan_problems
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.run import Run, TaskState

MOST_NEW = 8
"""New tasks of one revision; more is a new plan, which is the user's to ask for."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Another way.

    Attributes:
        tasks: new tasks, with ids of their own.
        replaces: ids of tasks that they stand in for; empty where they come besides.
        why: one sentence for the user.
    """

    tasks: tuple[Task, ...]
    replaces: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one task of the plan is; `summary` is what its agent, or the engine, said last of it."""

    task: Task
    status: str
    summary: str
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a planner is told when the plan does not lead on.

    Attributes:
        standing: every task that was not replaced yet.
        task_id: the task that failed, or "".
        reason, evidence: what happened; the evidence is a gate's output or the conflict.
        round, rounds: which try this is, of how many.
        alerts: what agents wrote to NEXUS Prime.
    """

    standing: tuple[Standing, ...]
    task_id: str
    reason: str
    evidence: str
    round: int
    rounds: int
    alerts: tuple[str, ...] = ()


def trouble_of(run: Run, rounds: int, alerts: Sequence[str]) -> Trouble:
    """What the run that is being replanned has come to."""
    assert run.replanning is not None
    asked = run.replanning
    state = run.tasks.get(asked.task_id)
    return Trouble(
        standing=tuple(
            Standing(s.task, s.status, s.summary, s.repairs) for s in run.tasks.values() if not s.replaced
        ),
        task_id=asked.task_id,
        reason=asked.reason,
        evidence=state.evidence if state else "",
        round=asked.round,
        rounds=rounds,
        alerts=tuple(alerts),
    )


def revised(run: Run, revision: Revision, agents: Collection[str]) -> tuple[Plan | None, list[Problem]]:
    """The plan after a revision, or None and all that is wrong with it."""
    assert run.plan is not None
    problems = [*_replaced_problems(run, revision), *_new_problems(run, revision)]
    stands = [s.task for i, s in run.tasks.items() if not s.replaced and i not in revision.replaces]
    ends = _ends(revision.tasks)
    kept = [replace(task, depends_on=_redirected(task, revision.replaces, ends)) for task in stands]
    plan = Plan(run.plan.summary, (*kept, *revision.tasks))
    problems += plan_problems(plan, agents)
    return (None, problems) if problems else (plan, [])


def _replaced_problems(run: Run, revision: Revision) -> list[Problem]:
    found: list[Problem] = []
    for task_id in revision.replaces:
        state = run.tasks.get(task_id)
        if state is None or state.replaced:
            found.append(Problem("replaces", f"{task_id!r} is not a task of this run", "Name one that is."))
        elif not _may_go(state):
            found.append(
                Problem("replaces", f"{task_id!r} is {state.status}", "Name one that failed or waits.")
            )
    return found


def _may_go(state: TaskState) -> bool:
    return state.lost or state.status == "cancelled" or (state.status == "pending" and not state.submitted)


def _new_problems(run: Run, revision: Revision) -> list[Problem]:
    if not revision.tasks:
        return [Problem("tasks", "there is no new task", "Give at least one, or say that there is no way.")]
    if len(revision.tasks) > MOST_NEW:
        return [Problem("tasks", f"{len(revision.tasks)} new tasks", f"Give at most {MOST_NEW}.")]
    taken = [task.id for task in revision.tasks if task.id in run.tasks]
    return [Problem("tasks", f"the id {i!r} is taken", "Give each new task an id of its own.") for i in taken]


def _ends(tasks: Sequence[Task]) -> tuple[str, ...]:
    """The new tasks that no other new task waits for: what came after the old ones comes after these."""
    waited_for = {dep for task in tasks for dep in task.depends_on}
    return tuple(task.id for task in tasks if task.id not in waited_for)


def _redirected(task: Task, replaced: Collection[str], ends: Sequence[str]) -> tuple[str, ...]:
    if not set(task.depends_on) & set(replaced):
        return task.depends_on
    return tuple(dict.fromkeys((*(d for d in task.depends_on if d not in replaced), *ends)))


# --- a rule of the house: changed lines have tests ---------------------------------------------------


def to_cover(measured: QualityMeasured, tester: str, number: int) -> Revision:
    """A bounded task for the tester: the changed lines that no test executes."""
    listed = "\n".join(f"- {one.path}: lines {_spans(one.lines)}" for one in measured.uncovered[:40])
    percent = measured.changed_coverage or 0.0
    task = Task(
        id=f"cover-{number}",
        title="Test the changed lines that no test executes",
        agent=tester,
        type="test",
        description=(
            f"Of {measured.changed_lines} changed lines the tests execute {measured.covered_lines} "
            f"({percent:.0f} %). Write tests of the behaviour of these lines; a test that only runs them "
            f"without a check of what comes of it does not count:\n{listed}\n"
            "Change no source. Where a line cannot be reached by any test, say so and leave it."
        ),
        acceptance=("Every new test fails when the lines that it covers are broken.",),
    )
    why = f"tests execute {percent:.0f} % of the changed lines: the rest gets tests"
    return Revision((task,), (), why)


def _spans(lines: Sequence[int]) -> str:
    """`3-5, 9` for 3, 4, 5, 9."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in spans)
