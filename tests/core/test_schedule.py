"""Who starts next: limit, priority, deadline, fairness, overlapping writes."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from nexus_lsp.core import facts as f
from nexus_lsp.core.evolve import begin, evolve
from nexus_lsp.core.plan import Plan, Task, TaskType
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.core.schedule import due, next_starts


def task(
    task_id: str, *depends_on: str, writes: Sequence[str] = ("*",), type: TaskType = "implementation"
) -> Task:
    own = tuple(task_id if glob == "*" else glob for glob in writes)
    return Task(task_id, task_id, "code_developer", type, "", depends_on, own)


def run(
    run_id: str, *tasks: Task, at: float = 0.0, states: Mapping[str, str] | None = None, **started: object
) -> Run:
    """A run in progress; `states` says which tasks are at work, submitted, completed, failed or unable."""
    made = begin(f.Entry(1, at, run_id, f.RunStarted("r", "/w", **started)))  # type: ignore[arg-type]
    for fact in (f.SnapshotTaken("s"), f.PlanApproved(Plan("p", tasks), "auto")):
        made = evolve(made, f.Entry(2, at, run_id, fact))
    given = {i: _as(made.tasks[i], word) for i, word in (states or {}).items()}
    return replace(made, tasks={**made.tasks, **given})


def _as(state: TaskState, word: str) -> TaskState:
    values = {
        "at work": {"status": "in_progress", "working": True, "attempt": 1},
        "submitted": {"status": "in_progress", "submitted": "c", "attempt": 1},
        "completed": {"status": "completed"},
        "failed": {"status": "failed"},
        "unable": {"status": "failed", "unable": True},
    }[word]
    return replace(state, **values)  # type: ignore[arg-type]


def check(
    runs: Sequence[Run], *expected: str, limit: int = 4, reserved: Sequence[tuple[str, str]] = ()
) -> None:
    assert [f"{r}/{t}" for r, t in next_starts(runs, limit, reserved)] == list(expected)


def three(run_id: str, **more: object) -> Run:
    return run(run_id, task("a"), task("b"), task("c"), **more)  # type: ignore[arg-type]


def apart(run_id: str, **more: object) -> Run:
    """Three tasks that write nothing which those of other runs do."""
    own = (task(name, writes=[f"{run_id}/{name}"]) for name in "abc")
    return run(run_id, *own, **more)  # type: ignore[arg-type]


def test_every_ready_task_starts_up_to_the_limit() -> None:
    check([three("x")], "x/a", "x/b", "x/c")
    check([three("x")], "x/a", "x/b", limit=2)
    check([three("x", states={"a": "at work"})], "x/b", limit=2)
    check([three("x")], "x/b", limit=2, reserved=[("x", "a")])
    check([three("x")], limit=0)


def test_the_limit_counts_agents_of_all_runs_of_paused_ones_too() -> None:
    paused = replace(apart("p", states={"a": "at work", "b": "at work"}), status="paused")
    check([paused, three("x")], "x/a", limit=3)


def test_what_waits_to_land_takes_no_place_of_an_agent() -> None:
    check([three("x", states={"a": "submitted"})], "x/b", limit=1)


@pytest.mark.parametrize(
    "status", ["pending", "awaiting_approval", "paused", "ready", "completed", "cancelled"]
)
def test_only_a_run_in_progress_starts_tasks(status: str) -> None:
    check([replace(three("x"), status=status)])  # type: ignore[arg-type]


def test_dependencies_come_first() -> None:
    chain = (task("a"), task("b", "a"), task("c", "b"))
    check([run("x", *chain)], "x/a")
    check([run("x", *chain, states={"a": "at work"})])
    check([run("x", *chain, states={"a": "submitted"})])
    check([run("x", *chain, states={"a": "completed"})], "x/b")
    check([run("x", *chain, states={"a": "unable"})], "x/b")
    check([run("x", *chain, states={"a": "failed"})])


def test_priority_goes_before_age_and_the_deadline_within_it() -> None:
    one = task("t", writes=[])
    runs = [
        run("old", one, at=1, priority="low"),
        run("late", one, at=2, priority="high", deadline=200.0),
        run("soon", one, at=3, priority="high", deadline=100.0),
        run("none", one, at=1, priority="high"),
        run("now", one, at=9, priority="critical"),
    ]
    check(runs, "now/t", "soon/t", "late/t", "none/t", "old/t", limit=9)


def test_ten_runs_of_one_priority_take_turns() -> None:
    runs = [apart(f"r{n}", at=float(n)) for n in range(10)]
    check(runs, *(f"r{n}/a" for n in range(10)), "r0/b", "r1/b", limit=12)
    busy = [apart("r0", states={"a": "at work"}), apart("r1", at=1)]
    check(busy, "r1/a", "r0/b", limit=3)


OVERLAPS: Mapping[str, tuple[Task, Task, bool]] = {
    "different files": (task("a", writes=["a.py"]), task("b", writes=["b.py"]), True),
    "one file": (task("a", writes=["x.py"]), task("b", writes=["x.py"]), False),
    "a glob that meets": (task("a", writes=["src/*.py"]), task("b", writes=["src/x.py"]), False),
    "both unknown": (task("a", writes=[]), task("b", writes=[]), False),
    "one unknown": (task("a", writes=[]), task("b", writes=["b.py"]), True),
    "an analysis beside unknown": (task("a", writes=[], type="analysis"), task("b", writes=[]), True),
    "a validation beside unknown": (task("a", writes=[]), task("b", writes=[], type="validation"), True),
    "two analyses": (task("a", writes=[], type="analysis"), task("b", writes=[], type="analysis"), True),
    "an analysis that writes a report": (
        task("a", writes=["r.md"], type="analysis"), task("b", writes=["r.md"]), False,
    ),
    "a test beside its code": (task("a", writes=["a.py"]), task("b", writes=["test_a.py"], type="test"), True),
}  # fmt: skip


@pytest.mark.parametrize("name", OVERLAPS)
def test_tasks_that_write_the_same_run_one_after_the_other(name: str) -> None:
    a, b, together = OVERLAPS[name]
    check([run("x", a, b)], "x/a", *(["x/b"] if together else []))
    for state in ("at work", "submitted"):
        check([run("x", a, b, states={"a": state})], *(["x/b"] if together else []))
    check([run("x", a, b, states={"a": "completed"})], "x/b")


def test_what_a_task_really_wrote_counts_from_then_on() -> None:
    wrote = run("x", task("a", writes=["a.py"]), task("b", writes=["b.py"]), states={"a": "submitted"})
    real = replace(wrote.tasks["a"], paths=("b.py",))
    check([replace(wrote, tasks={**wrote.tasks, "a": real})])


WROTE: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str], bool]] = {
    "nothing yet": (["src/*.py"], [], ["src/b.py"], False),
    "another file of its glob": (["src/*.py"], ["src/a.py"], ["src/b.py"], True),
    "that very file": (["src/*.py"], ["src/b.py"], ["src/b.py"], False),
    "what nobody expected": (["a.py"], ["b.py"], ["b.py"], False),
    "one of two that were named": (["a.py", "b.py"], ["a.py"], ["b.py"], False),
    "its file, and the other wants it": (["a.py"], ["a.py"], ["a.py"], False),
    "something, and of neither was anything known": ([], ["a.py"], [], False),
    "what a known one wants": ([], ["a.py"], ["a.py"], False),
    "what a known one does not want": ([], ["a.py"], ["b.py"], True),
}
"""What a was expected to write, what it has written so far, what b is expected to, whether b starts."""


@pytest.mark.parametrize("name", WROTE)
def test_what_a_task_at_work_has_written_counts_already(name: str) -> None:
    expected, wrote, wants, starts = WROTE[name]
    a, b = task("a", writes=expected), task("b", writes=wants)
    touched = {("x", "a"): tuple(wrote)}
    one = run("x", a, b, states={"a": "at work"})
    assert next_starts([one], 4, (), touched=touched) == ([("x", "b")] if starts else [])


def test_overlap_is_judged_across_runs() -> None:
    x, y = run("x", task("a", writes=["f"])), run("y", task("a", writes=["f"]), at=1)
    check([x, y], "x/a")
    check([run("x", task("a", writes=["f"]), states={"a": "at work"}), y])
    check([run("x", task("a", writes=["f"]), states={"a": "submitted"}), y])
    check([run("x", task("a", writes=["f"]), states={"a": "completed"}), y], "y/a")
    check([run("x", task("a", writes=["g"]), states={"a": "at work"}), y], "y/a")
    working = run("x", task("a", writes=["g"]), states={"a": "at work"})
    assert next_starts([working, y], 4, (), touched={("x", "a"): ("f",)}) == []


def test_another_run_of_which_nothing_is_known_is_not_waited_for() -> None:
    check([run("x", task("a", writes=[])), run("y", task("a", writes=[]), at=1)], "x/a", "y/a")


def test_a_run_that_stands_still_holds_only_what_is_being_written() -> None:
    y = run("y", task("a", writes=["f"]), at=1)
    for state, starts in (("submitted", ["y/a"]), ("at work", [])):
        still = run("x", task("a", writes=["f"]), states={"a": state})
        check([replace(still, status="paused"), y], *starts)
        check([replace(still, head_seen="refs/heads/other"), y], *starts)


def test_an_agent_that_waits_for_the_user_keeps_no_other_run_waiting() -> None:
    x = run("x", task("a", writes=["f"]), states={"a": "at work"})
    ask = f.AskOpened("ask_1", "question", "Which?", ("this", "that"), "that", task_id="a")
    check([evolve(x, f.Entry(3, 0.0, "x", ask)), run("y", task("a", writes=["f"]), at=1)], "y/a")


# --- what is due -------------------------------------------------------------------------------------


def kinds(a_run: Run) -> list[str]:
    return [f"{e.kind} {e.task_id}".strip() for e in due(a_run)]


def test_what_is_due_is_read_off_the_state() -> None:
    new = begin(f.Entry(1, 0.0, "x", f.RunStarted("r", "/w")))
    assert kinds(new) == ["snapshot"]
    taken = evolve(new, f.Entry(2, 0.0, "x", f.SnapshotTaken("s")))
    assert kinds(taken) == ["baseline", "plan"]
    assert kinds(replace(taken, status="paused")) == ["baseline"]
    assert kinds(replace(taken, status="cancelled")) == []
    waiting = three("x", states={"a": "submitted", "b": "submitted", "c": "at work"})
    assert kinds(waiting) == ["baseline", "work c"]
    measured = replace(waiting, baseline={"tests": f.BaselineMeasured("tests", "s", False)})
    assert kinds(measured) == ["work c", "land a"], "one lands at a time"
    assert kinds(replace(measured, head_seen="elsewhere")) == ["work c"]
