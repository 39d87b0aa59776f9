"""The graph for the local team: only what its tools can do, and only for Python.

**Invariant:** what the tools cannot do is in no task; it is said in the plan's summary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus_lsp.core.plan import Task
from nexus_lsp.core.plan_parts import (
    ALPHA,
    ARIA,
    BETA,
    CODE,
    NEEDS_CLAUDE,
    Job,
    id_of,
    new_task,
    numbered,
    test_glob,
)
from nexus_lsp.core.repo_map import PROSE_AND_DATA, File, is_test, languages
from nexus_lsp.core.scope import fold
from nexus_lsp.core.wishes import Wish
from nexus_lsp.core.work_split import MAX_PARALLEL, Unit, joined, listed, sentence, units_of

MODULES_A_TASK = 8
"""Modules one test-writing task takes on: each is imported, tested and mutated, which takes its time."""


def local_tasks(job: Job) -> tuple[list[Task], str]:
    """Only what ruff, a test generator, pytest, coverage and static analysis can do, and only for Python."""
    if job.scope.missing and not job.scope.named and job.wishes.any("fix", "test"):
        return [_local_analysis(job)], _nothing_there(job)
    if not job.python:
        return [_local_analysis(job)], _no_python(job)
    wishes, tasks = job.wishes, list[Task]()
    invention = wishes.any("build", "repair", "docs")
    if invention or wishes.any("review", "question"):
        tasks.append(_local_analysis(job))
    units = units_of(job.python, job.repo, job.scope.named) if wishes.any("fix") else []
    fixes = numbered([_local_fix(unit) for unit in units])
    tasks += fixes
    # Before something is built by hand or by another team, tests that pin what is there are worth having;
    # but only where the request says what is going to change.
    if wishes.any("test") or (wishes.any("build") and job.scope.named):
        tasks += numbered(_local_tests(job, dict(zip((task.id for task in fixes), units, strict=True))))
    if _validates(job, tasks):
        tasks.append(_local_validation(job, tasks))
    if not tasks:  # tests are wanted, of what has nothing that tests could be generated for
        tasks.append(_local_analysis(job))
    return tasks, _local_summary(job, tasks)


def _validates(job: Job, tasks: Sequence[Task]) -> bool:
    writes = any(task.agent in (CODE, ALPHA) for task in tasks)
    return (
        job.wishes.any("validate")
        or (bool(job.tests) and (writes or job.wishes.any("build", "repair")))
        or any(task.agent == ALPHA for task in tasks)
    )


def _local_analysis(job: Job) -> Task:
    goal = "Report structure, complexity and security findings."
    if job.wishes.any("build"):
        goal = (
            "Say which modules the request touches, how complex and how safe they are, and what is missing."
        )
    elif job.wishes.any("repair"):
        goal = "Report where complexity and security findings point at the defect's likely place."
    elif job.wishes.any("docs"):
        goal = "Report the structure, and which public modules, classes and functions have no docstring."
    kinds = languages(path for path, _ in job.scope.files)
    if not job.python:
        spoken = ", ".join(name for name, _ in kinds if name not in PROSE_AND_DATA) or "no source code"
        goal = (
            f"Report the structure: sizes and languages ({spoken}). The local tools read only Python closely."
        )
    return new_task(
        ARIA, "analysis", "analyse", f"Analyse {job.where}", goal, job.listed and (job.python or job.listed)
    )


def _local_fix(unit: Unit) -> Task:
    return new_task(
        CODE,
        "implementation",
        id_of("fix", unit),
        f"Apply safe fixes in {unit.name}",
        "Apply ruff's safe automatic fixes and import order; leave behaviour as it is.",
        (),
        writes=unit.globs,
        acceptance=(
            "Ruff reports fewer findings than before, and no new ones.",
            "No test that passed fails.",
        ),
    )


def _local_tests(job: Job, fixes: Mapping[str, Unit]) -> list[Task]:
    """Test-writing tasks, each after the fixes (by task id) of the modules it covers."""
    chosen, left = _modules_to_test(job)
    tasks: list[Task] = []
    for unit in units_of(chosen, job.repo, ()):
        after = tuple(name for name, fixed in fixes.items() if not set(fixed.files).isdisjoint(unit.files))
        more = f" {left} more modules wait for another run." if left else ""
        tasks.append(
            new_task(
                ALPHA,
                "test",
                id_of("tests", unit),
                f"Write tests for {unit.name}",
                "Generate property and regression tests; keep those that pass now and fail on a mutant."
                + more,
                unit.files,
                depends_on=after,
                writes=tuple(dict.fromkeys(test_glob(path, job.tests) for path, _ in unit.files)),
                acceptance=("Every kept test passes, and fails when the code it covers is broken.",),
            )
        )
    return tasks


def _modules_to_test(job: Job) -> tuple[tuple[File, ...], int]:
    """(modules worth generating tests for, how many wait for later): untested first, then large ones."""
    tested = {fold(path.rpartition("/")[2]) for path, _ in job.tests}
    modules = [file for file in job.python if _testable(*file)]
    modules.sort(key=lambda f: (f"test{fold(f[0].rpartition('/')[2])}" in tested, -f[1], f[0]))
    most = MAX_PARALLEL * MODULES_A_TASK
    return tuple(sorted(modules[:most])), max(0, len(modules) - most)


def _testable(path: str, size: int) -> bool:
    """An `__init__.py` that only gathers names is small; a larger one is a module like any other."""
    name = path.rpartition("/")[2]
    scripts = ("setup.py", "manage.py", "noxfile.py", "conf.py", "__main__.py", "_version.py")
    least = 2_000 if name == "__init__.py" else 1
    return path.endswith(".py") and not is_test(path) and name not in scripts and size >= least


def _local_validation(job: Job, tasks: Sequence[Task]) -> Task:
    goal = "Run the tests with coverage and report failures and what is not covered."
    if not job.tests and not any(task.agent == ALPHA for task in tasks):
        goal = "Report that there are no Python tests to run, and what static checks say."
    after = tuple(task.id for task in tasks if task.agent in (CODE, ALPHA))
    title = "Run the tests" if not after else "Validate the changes"
    return new_task(BETA, "validation", "validate", title, goal, job.listed, depends_on=after)


def _local_summary(job: Job, tasks: Sequence[Task]) -> str:
    does = {
        CODE: "apply safe automatic fixes",
        ALPHA: "write tests",
        BETA: "run the tests with coverage",
        ARIA: "analyse the code",
    }
    there = [does[agent] for agent in (ARIA, CODE, ALPHA, BETA) if any(task.agent == agent for task in tasks)]
    summary = f"{sentence(there)} in {job.where}."
    beyond = [what for wish, what in _BEYOND_LOCAL if job.wishes.any(wish)]
    if beyond:
        summary += f" The local tools cannot {joined(beyond)}: that needs Claude Code {NEEDS_CLAUDE}."
    if job.wishes.any("test") and not any(task.agent == ALPHA for task in tasks):
        summary += " There is no module here that tests could be generated for."
    if job.scope.missing:
        summary += f" Not found: {listed(job.scope.missing)}."
    return summary


_BEYOND_LOCAL: tuple[tuple[Wish, str], ...] = (
    ("build", "invent or restructure code"),
    ("repair", "find and mend a defect"),
    ("docs", "write documentation"),
    ("question", "answer a question in words"),
)


def _nothing_there(job: Job) -> str:
    names = listed([f"`{name}`" for name in job.scope.missing])
    return (
        f"The request names {names}, which is not in this repository; nothing is changed. "
        f"Analyse {job.where} instead. Name a path that exists to have it fixed or tested."
    )


def _no_python(job: Job) -> str:
    kinds = [name for name, _ in languages(path for path, _ in job.scope.files) if name not in PROSE_AND_DATA]
    what = f"only {listed(kinds)}" if kinds else "no source code"
    summary = f"Analyse {job.where}: the local tools know only Python, and there is {what} here."
    if job.wishes.any("fix", "repair", "build", "docs", "test", "validate"):
        summary += f" Changing, testing or running it needs Claude Code {NEEDS_CLAUDE}."
    return summary
