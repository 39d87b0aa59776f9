"""The graph for a team of Claude Code agents: analysis where it pays, tests apart from code, then checks."""

from __future__ import annotations

from collections.abc import Sequence

from nexus_lsp.core.plan import Task
from nexus_lsp.core.plan_parts import ALPHA, ARIA, BETA, CODE, Job, id_of, new_task, numbered, place_of_tests
from nexus_lsp.core.repo_map import is_test
from nexus_lsp.core.work_split import MAX_PARALLEL, Unit, key_of, listed, sentence


def claude_tasks(job: Job) -> tuple[list[Task], str]:
    """(tasks, the plan's summary)."""
    wishes = job.wishes
    tasks: list[Task] = []
    if wishes.any("question", "review") or (wishes.any("build", "repair") and not _small(job)):
        tasks.append(_claude_analysis(job))
    before = tuple(task.id for task in tasks)
    if wishes.any("build", "repair", "fix", "docs"):
        tasks += numbered([_claude_code(job, unit, before) for unit in _claude_units(job)])
    if wishes.any("build", "repair", "test"):
        tasks += numbered([_claude_tests(job, unit, before) for unit in _test_units(job)])
    if wishes.any("validate", "test", "fix", "build", "repair"):
        tasks.append(_claude_validation(job, tasks))
    return tasks, _claude_summary(job, tasks)


def _claude_summary(job: Job, tasks: Sequence[Task]) -> str:
    verb, _ = _code_words(job)
    does = {
        ARIA: "answer the question" if job.wishes.wanted == ("question",) else "analyse",
        CODE: verb.lower(),
        ALPHA: "write tests",
        BETA: "validate",
    }
    said = [does[agent] for agent in (ARIA, CODE, ALPHA, BETA) if any(task.agent == agent for task in tasks)]
    missing = f" Not there yet: {listed(job.scope.missing)}." if job.scope.missing else ""
    return f"{sentence(said)}: {job.where}.{missing}"


def _small(job: Job) -> bool:
    return len(job.request.split()) <= 12 and len(job.scope.files) == 1 and bool(job.scope.named)


_WHOLE = Unit("what the request asks for", "", (), ())


def _claude_units(job: Job) -> list[Unit]:
    """One unit for each place the request names; else one without known files."""
    if job.scope.named:
        units = [
            Unit(place, key_of(files), files, (_place_glob(place),))
            for place, files in job.scope.named
            if files
        ]
        if 0 < len(units) <= MAX_PARALLEL:
            return units
    return [_WHOLE]


def _test_units(job: Job) -> list[Unit]:
    # Where code is written at the same time, one tester sees the whole; tests alone can be split.
    return _claude_units(job) if job.wishes.wanted == ("test",) else [_WHOLE]


def _place_glob(place: str) -> str:
    return place + "*" if place.endswith("/") else place


def _claude_analysis(job: Job) -> Task:
    goal = "Read the code the request is about and report findings with file and line; change nothing."
    if job.wishes.any("build"):
        goal = "Settle the requirements, the design, the interfaces others work against, and the risks."
    elif job.wishes.any("repair"):
        goal = "Reproduce the defect by reading, name its cause with file and line, and say how to mend it."
    elif job.wishes.any("question"):
        goal = "Answer the question from the code, with file and line; change nothing."
    return new_task(ARIA, "analysis", "analyse", f"Analyse {job.where}", _quoting(goal, job), job.listed)


def _claude_code(job: Job, unit: Unit, before: tuple[str, ...]) -> Task:
    verb, goal = _code_words(job)
    tests = " Leave tests to Alpha." if job.wishes.any("build", "repair", "test") else ""
    return new_task(
        CODE,
        "implementation",
        id_of("code", unit),
        f"{verb} {unit.name}",
        _quoting(goal + tests, job),
        unit.files,
        depends_on=before,
        writes=unit.globs,
        acceptance=("The request is met for these files.", "Nothing outside them is changed without need."),
    )


def _code_words(job: Job) -> tuple[str, str]:
    """(verb, goal) of Code's task: the largest thing that is asked for."""
    if job.wishes.any("build"):
        return "Implement", "Carry out the request in production code, following the project's own style."
    if job.wishes.any("repair"):
        return "Mend", "Mend the cause, not the symptom, with the smallest change that does."
    if job.wishes.any("fix"):
        return "Clean up", "Fix what the request names; keep behaviour as it is."
    return "Document", "Write the documentation the request asks for, checked against the code."


def _claude_tests(job: Job, unit: Unit, before: tuple[str, ...]) -> Task:
    goal = "Write tests for what the request names: the usual case, the edges and the errors."
    if job.wishes.any("repair"):
        goal = "Write a regression test that fails while the defect is there."
    elif job.wishes.any("build"):
        goal = (
            "Design and write tests against the interfaces the analysis settled, while Code implements them."
        )
    files = unit.files or job.scope.files
    places = dict.fromkeys(f"{place_of_tests(path, job.repo)}/*" for path, _ in files if not is_test(path))
    return new_task(
        ALPHA,
        "test",
        id_of("tests", unit),
        f"Write tests for {unit.name}",
        _quoting(goal, job),
        unit.files,
        depends_on=before,
        writes=tuple(places)[:6],
        acceptance=("Each test fails when the behaviour it names is broken.",),
    )


def _claude_validation(job: Job, tasks: Sequence[Task]) -> Task:
    goal = "Run the project's tests and checks, and report what fails and why."
    after = tuple(task.id for task in tasks if task.agent in (CODE, ALPHA))
    if after:
        goal = "Run the project's tests and checks on the joined work; mend what this run broke, and report."
    title = "Validate the joined work" if after else f"Run the checks of {job.where}"
    return new_task(BETA, "validation", "validate", title, _quoting(goal, job), (), depends_on=after)


def _quoting(goal: str, job: Job) -> str:
    unresolved = [f"`{name}`" for name in (*job.scope.missing, *job.scope.symbols)]
    names = f" The request names {listed(unresolved)}." if unresolved else ""
    return f"{goal} Scope: {job.where}.{names}"
