"""What the plans without a model are made of: the job as it was understood, and tasks in its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from nexus_lsp.core.plan import Task, TaskType
from nexus_lsp.core.repo_map import File, is_test, language
from nexus_lsp.core.scope import Scope
from nexus_lsp.core.wishes import Wishes
from nexus_lsp.core.work_split import Unit, listed

ARIA, CODE, ALPHA, BETA = "aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator"

NEEDS_CLAUDE = "(sign in with `claude` or set ANTHROPIC_API_KEY, then choose the team `claude`)"


@dataclass(frozen=True)
class Job:
    """What the graph is made from. Without slots, so that what is asked for often is found once."""

    request: str
    wishes: Wishes
    scope: Scope
    repo: tuple[File, ...]

    @cached_property
    def python(self) -> tuple[File, ...]:
        """Python files in scope."""
        return tuple(file for file in self.scope.files if language(file[0]) == "Python")

    @cached_property
    def tests(self) -> tuple[File, ...]:
        """All test files of the repository that the local team can run."""
        return tuple(
            f for f in self.repo if language(f[0]) == "Python" and is_test(f[0]) and holds_tests(f[0])
        )

    @property
    def where(self) -> str:
        """The scope in a few words."""
        scope, all_ = self.scope, len(self.repo)
        if scope.named:
            text = listed([place for place, _ in scope.named])
        elif len(scope.files) == all_:
            text = f"the whole repository ({all_:,} files)"
        elif len(scope.files) <= 3:
            text = listed([path for path, _ in scope.files])
        else:
            text = f"{len(scope.files):,} of the repository's {all_:,} files"
        return f"{text}, leaving out {listed(scope.left_out)}" if scope.left_out else text

    @property
    def listed(self) -> tuple[File, ...]:
        """The files in scope, where it is worth listing them: all of them need no list."""
        return self.scope.files if len(self.scope.files) < len(self.repo) else ()


def holds_tests(path: str) -> bool:
    """Whether pytest collects the file by its name."""
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py")


def test_glob(module: str, tests: Sequence[File]) -> str:
    """Where the tests written for a module go."""
    stem = module.rpartition("/")[2].removesuffix(".py")
    return f"{place_of_tests(module, tests)}/test_{stem}*.py"


def place_of_tests(module: str, repo: Sequence[File]) -> str:
    """The directory of tests nearest above the module; `tests` where there is none."""
    best, depth = "tests", -1
    for path, _ in repo:
        parts = path.split("/")[:-1]
        at = next((i for i, part in enumerate(parts) if part in ("tests", "test", "__tests__")), None)
        if at is None or at <= depth:
            continue
        if module.startswith("/".join(parts[:at]) + "/" if at else ""):
            best, depth = "/".join(parts[: at + 1]), at
    return best


_FILES_LISTED = 60


def new_task(
    agent: str,
    kind: TaskType,
    name: str,
    title: str,
    goal: str,
    files: Sequence[File],
    *,
    depends_on: tuple[str, ...] = (),
    writes: tuple[str, ...] = (),
    acceptance: tuple[str, ...] = (),
) -> Task:
    """A task; its description ends in a line `Files: a.py, b.py` where the scope is small enough to list."""
    listed = f"\nFiles: {', '.join(path for path, _ in files)}" if 0 < len(files) <= _FILES_LISTED else ""
    return Task(name, title, agent, kind, goal + listed, depends_on, writes, acceptance)


def numbered(tasks: Sequence[Task]) -> list[Task]:
    """The tasks with ids of their own where two units have the same short name."""
    ids = [task.id for task in tasks]
    return [
        task if ids.index(task.id) == at else replace(task, id=f"{task.id}-{at + 1}")
        for at, task in enumerate(tasks)
    ]


def id_of(kind: str, unit: Unit) -> str:
    """A task's id: what is done, and to which part."""
    return f"{kind}-{unit.key}" if unit.key else kind
