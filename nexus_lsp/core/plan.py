"""The plan of a run: a graph of tasks, checked before anything is started from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from nexus_lsp.core.problems import Problem

TaskType = Literal["analysis", "implementation", "test", "validation"]

MAX_TASKS = 40
"""More tasks than this is a planner gone astray, not a plan."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work for one agent.

    Attributes:
        id: unique in the plan, short, `[A-Za-z0-9_.-]+`.
        agent: a persona's `agent_id`.
        depends_on: ids of tasks that must have landed before this one starts.
        writes: globs of workspace-relative paths it is expected to write; advice only, empty = unknown.
        acceptance: sentences that say when the task is done.
    """

    id: str
    title: str
    agent: str
    type: TaskType
    description: str
    depends_on: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    acceptance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the team will do: one sentence, and tasks in any order."""

    summary: str
    tasks: tuple[Task, ...]

    def task(self, task_id: str) -> Task:
        """The task with this id; KeyError where there is none."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)


def plan_problems(plan: Plan, agents: Collection[str]) -> list[Problem]:
    """Everything that keeps the plan from being carried out, by place (`tasks[2].depends_on`)."""
    found: list[Problem] = []
    if not plan.tasks:
        found.append(Problem("tasks", "the plan has no task", "Give at least one task."))
    if len(plan.tasks) > MAX_TASKS:
        found.append(Problem("tasks", f"{len(plan.tasks)} tasks", f"Give at most {MAX_TASKS}."))
    ids = [task.id for task in plan.tasks]
    for at, task in enumerate(plan.tasks):
        found += _task_problems(f"tasks[{at}]", task, ids, agents)
    return found or _cycle(plan.tasks)


def _task_problems(where: str, task: Task, ids: list[str], agents: Collection[str]) -> list[Problem]:
    found: list[Problem] = []
    known = ", ".join(sorted(agents))
    if not task.id or not all(c.isalnum() or c in "_.-" for c in task.id) or task.id.startswith("."):
        found.append(Problem(f"{where}.id", f"{task.id!r} is not an id", "Use letters, digits, _ . and -."))
    if ids.count(task.id) > 1:
        found.append(Problem(f"{where}.id", f"{task.id!r} stands twice", "Give each task an id of its own."))
    if task.agent not in agents:
        found.append(Problem(f"{where}.agent", f"{task.agent!r} is not an agent", f"Use one of: {known}."))
    if not task.title.strip():
        found.append(Problem(f"{where}.title", "the title is empty", "Say in a few words what is done."))
    for dep in task.depends_on:
        if dep not in ids:
            mend = f"Use one of: {', '.join(ids)}."
            found.append(Problem(f"{where}.depends_on", f"{dep!r} is not a task", mend))
    for glob in task.writes:
        if glob.startswith("/") or ".." in glob.split("/"):
            found.append(Problem(f"{where}.writes", f"{glob!r} leaves the workspace", "Use a relative path."))
    return found


def _cycle(tasks: Sequence[Task]) -> list[Problem]:
    graph = {task.id: task.depends_on for task in tasks}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return [Problem("tasks", "depends_on goes in a circle: " + " -> ".join(ring), "Take one link out.")]
    return []


def writes_overlap(a: Collection[str], b: Collection[str]) -> bool:
    """Whether two tasks may write the same file. Unknown (empty) overlaps only another unknown."""
    if not a or not b:
        return not a and not b
    return any(_globs_meet(x, y) for x in a for y in b)


def _globs_meet(a: str, b: str) -> bool:
    """Whether one path can match both globs; errs on the side of yes."""
    if fnmatchcase(a, b) or fnmatchcase(b, a):
        return True
    a_fixed, b_fixed = _fixed_prefix(a), _fixed_prefix(b)
    a_wild, b_wild = a_fixed != a, b_fixed != b
    if not (a_wild and b_wild):
        return False
    if not (a_fixed.startswith(b_fixed) or b_fixed.startswith(a_fixed)):
        return False
    a_end, b_end = _fixed_suffix(a), _fixed_suffix(b)
    return a_end.endswith(b_end) or b_end.endswith(a_end)


def _fixed_prefix(glob: str) -> str:
    at = min((i for i in (glob.find(c) for c in "*?[") if i >= 0), default=len(glob))
    return glob[:at]


def _fixed_suffix(glob: str) -> str:
    return glob[max(glob.rfind(c) for c in "*?]") + 1 :]
