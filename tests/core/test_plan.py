"""Plans: what keeps one from being carried out, and which tasks may write the same files."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from nexus_lsp.core.plan import MAX_TASKS, Plan, Task, plan_problems, writes_overlap

AGENTS = ("aria_coordinator", "code_developer")


def task(task_id: str, *depends_on: str, agent: str = "code_developer", **more: object) -> Task:
    made = Task(task_id, f"Do {task_id}", agent, "implementation", "", depends_on)
    return replace(made, **more)  # type: ignore[arg-type]


def check(*tasks: Task) -> list[str]:
    return [str(problem) for problem in plan_problems(Plan("p", tasks), AGENTS)]


def test_a_sound_plan_has_no_problems() -> None:
    assert check(task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c")) == []


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ((), "tasks: the plan has no task. Give at least one task."),
        ((task("a b"),), "tasks[0].id: 'a b' is not an id. Use letters, digits, _ . and -."),
        ((task("../a"),), "tasks[0].id: '../a' is not an id. Use letters, digits, _ . and -."),
        ((task(""),), "tasks[0].id: '' is not an id. Use letters, digits, _ . and -."),
        ((task("a", agent="bob"),), "tasks[0].agent: 'bob' is not an agent. Use one of: aria_coordinator, code_developer."),
        ((task("a", title=" "),), "tasks[0].title: the title is empty. Say in a few words what is done."),
        ((task("a", "z"),), "tasks[0].depends_on: 'z' is not a task. Use one of: a."),
        ((task("a", writes=("/etc/*",)),), "tasks[0].writes: '/etc/*' leaves the workspace. Use a relative path."),
        ((task("a", writes=("x/../../y",)),), "tasks[0].writes: 'x/../../y' leaves the workspace. Use a relative path."),
        ((task("a", "a"),), "tasks: depends_on goes in a circle: a -> a. Take one link out."),
    ],
)  # fmt: skip
def test_each_problem_has_a_place_and_a_mend(tasks: tuple[Task, ...], problem: str) -> None:
    assert check(*tasks) == [problem]


def test_an_id_that_stands_twice_is_named_at_both_places() -> None:
    assert check(task("a"), task("a")) == snapshot(
        [
            "tasks[0].id: 'a' stands twice. Give each task an id of its own.",
            "tasks[1].id: 'a' stands twice. Give each task an id of its own.",
        ]
    )


def test_too_many_tasks_are_a_planner_gone_astray() -> None:
    assert check(*(task(f"t{i}") for i in range(MAX_TASKS))) == []
    assert check(*(task(f"t{i}") for i in range(MAX_TASKS + 1))) == ["tasks: 41 tasks. Give at most 40."]


@given(st.permutations([f"t{i}" for i in range(8)]), st.data())
def test_links_that_only_point_back_make_no_circle(order: list[str], data: st.DataObject) -> None:
    tasks = [
        task(name, *data.draw(st.lists(st.sampled_from(order[:at]), unique=True) if at else st.just([])))
        for at, name in enumerate(order)
    ]
    assert check(*data.draw(st.permutations(tasks))) == []


@given(st.integers(1, 10))
def test_a_ring_of_any_length_is_found(length: int) -> None:
    [problem] = check(*(task(f"t{i}", f"t{(i + 1) % length}") for i in range(length)))
    assert "circle" in problem


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [
        ((), (), True),
        ((), ("src/a.py",), False),
        (("src/a.py",), ("src/a.py",), True),
        (("src/a.py",), ("src/b.py",), False),
        (("src/*.py",), ("src/b.py",), True),
        (("src/*",), ("src/deep/er/b.py",), True),
        (("src/**/*.py",), ("src/api/*.py",), True),
        (("src/api/*.py",), ("src/web/*.py",), False),
        (("src/*.py",), ("src/*.ts",), False),
        (("tests/test_a*.py",), ("tests/test_b*.py",), False),
        (("*.py",), ("docs/*.md",), False),
        (("docs/*.md", "src/x.py"), ("src/*.py",), True),
    ],
)
def test_which_writes_overlap(a: tuple[str, ...], b: tuple[str, ...], overlap: bool) -> None:
    assert writes_overlap(a, b) is overlap
    assert writes_overlap(b, a) is overlap


_PARTS = st.lists(st.sampled_from(["a", "b", "ab", "*", "?", "a*", "*b", "[ab]"]), min_size=1, max_size=4)
_GLOBS = _PARTS.map("/".join)
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "bb"]), min_size=1, max_size=4).map("/".join)


@given(_GLOBS, _GLOBS, _PATHS)
def test_globs_that_match_one_path_overlap(a: str, b: str, path: str) -> None:
    """May err on the side of yes, never of no: two agents would write one file."""
    if fnmatchcase(path, a) and fnmatchcase(path, b):
        assert writes_overlap((a,), (b,))


@given(st.lists(_GLOBS, max_size=3), st.lists(_GLOBS, max_size=3))
def test_overlap_has_no_direction(a: list[str], b: list[str]) -> None:
    assert writes_overlap(a, b) == writes_overlap(b, a)
