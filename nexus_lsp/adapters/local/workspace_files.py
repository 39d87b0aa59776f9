"""What stands in a checkout: its Python files, its tests, and which of them a task speaks of.

Nothing here imports or runs the workspace's code; `setup.py` is parsed.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from nexus_lsp.ports import Assignment

MAX_FILES = 20_000
"""More files than this are not listed: the summary says so instead of taking minutes."""

_SKIPPED = frozenset(
    {
        *("node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist", "target"),
        *("__pypackages__", "vendor", "_vendor", "third_party"),
    }
)
_NAMED = re.compile(r"[\w.\-]+(?:/[\w.\-]+)*/?")
_INVENTION = re.compile(
    r"\b(add|implement|create|build|write|introduce|support|refactor|redesign|rename|migrate|port|design)\b",
    re.IGNORECASE,
)
_MENDING = re.compile(
    r"\b(lint\w*|fix\w*|clean\w*|tid(?:y|ies)\w*|format\w*|moderni\w+|quality|style|unused|security"
    r"|simplif\w+|mend\w*|warnings?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The Python files a task speaks of, relative and POSIX; `said` is how that was found, as a phrase."""

    paths: tuple[str, ...]
    said: str


def all_files(root: Path) -> tuple[str, ...]:
    """Files of the checkout, sorted: no links (one may lead out), hidden folders, environments, builds."""
    found: list[str] = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not _skipped(Path(folder) / name))
        base = Path(folder).relative_to(root)
        kept = sorted(name for name in files if not (Path(folder) / name).is_symlink())
        found += [(base / name).as_posix() for name in kept]
        if len(found) > MAX_FILES:
            break
    return tuple(found[:MAX_FILES])


def _skipped(folder: Path) -> bool:
    if folder.name in _SKIPPED or folder.name.startswith(".") or folder.name.endswith(".egg-info"):
        return True
    return folder.is_symlink() or (folder / "pyvenv.cfg").exists()


def python_files(files: Iterable[str]) -> tuple[str, ...]:
    """Those that hold Python source."""
    return tuple(path for path in files if path.endswith((".py", ".pyi")))


def is_test(path: str) -> bool:
    """Whether a file belongs to the tests, by the names pytest and people use."""
    *folders, name = path.split("/")
    if any(folder in ("tests", "test", "testing") for folder in folders):
        return True
    return name.startswith("test_") or name.endswith("_test.py") or name in ("conftest.py", "tests.py")


def scope_of(assignment: Assignment, files: Sequence[str]) -> Scope:
    """The Python files the task may write; without a word about it, all of them."""
    candidates = python_files(files)
    task = assignment.task
    if task.writes:
        chosen = tuple(path for path in candidates if any(_matches(path, glob) for glob in task.writes))
        return Scope(chosen, "the plan's " + ", ".join(f"`{glob}`" for glob in task.writes))
    named = tuple(_named_paths(f"{task.title}\n{task.description}\n{assignment.request}", files))
    if named:
        chosen = tuple(p for p in candidates if any(p == n or p.startswith(n + "/") for n in named))
        return Scope(chosen, "named in the request: " + ", ".join(f"`{name}`" for name in named))
    return Scope(candidates, "the whole workspace")


def sources_of(assignment: Assignment, files: Sequence[str]) -> Scope:
    """The Python files a test task is about: those it names, else all that are not tests."""
    task = assignment.task
    named = tuple(_named_paths(f"{task.title}\n{task.description}\n{assignment.request}", files))
    sources = tuple(path for path in files if path.endswith(".py") and not is_test(path))
    chosen = tuple(p for p in sources if any(p == n or p.startswith(n + "/") for n in named))
    if chosen:
        return Scope(chosen, "named in the request")
    return Scope(sources, "the whole workspace")


def _matches(path: str, glob: str) -> bool:
    glob = glob.removeprefix("./")
    if path == glob or path.startswith(glob.rstrip("/") + "/"):
        return True
    return fnmatchcase(path, glob) or fnmatchcase(path, glob.replace("**/", ""))


def _named_paths(text: str, files: Sequence[str]) -> Iterator[str]:
    """Files and folders of the workspace that the words name; a lone word must look like a path."""
    folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    known = folders | set(files)
    by_name = {path.rsplit("/", 1)[-1]: path for path in files if path.endswith(".py")}
    seen: set[str] = set()
    for word in _NAMED.findall(text):
        name = word.rstrip("/.").removeprefix("./")
        path_like = "/" in word or name.endswith(".py")
        found = name if name in known and path_like else by_name.get(name)
        if found and found not in seen:
            seen.add(found)
            yield found


def asks_for_invention(assignment: Assignment) -> bool:
    """Whether the request wants something new rather than something mended, by its verbs.

    A guess from words: it only decides whether a task without any change ends as "unable" or "done".
    """
    words = assignment.request
    return bool(_INVENTION.search(words)) and not _MENDING.search(words)


def parse(source: bytes | str) -> ast.Module | None:
    """The syntax tree, or None where it is not Python that this interpreter knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def lowest_python(root: Path) -> tuple[int, int] | None:
    """The oldest Python the project says it supports, from `requires-python`; None where it says nothing."""
    stated = _stated_in_pyproject(root) or _stated_in_setup(root)
    found = re.search(r">=?\s*3\.(\d+)", stated)
    return (3, int(found.group(1))) if found else None


def _stated_in_pyproject(root: Path) -> str:
    project = pyproject(root).get("project")
    return str(project.get("requires-python", "")) if isinstance(project, dict) else ""


def _stated_in_setup(root: Path) -> str:
    for name in ("setup.cfg", "setup.py"):
        path = root / name
        text = path.read_text(errors="replace") if path.is_file() else ""
        if found := re.search(r"python_requires\s*=\s*['\"]?([^'\"\n]+)", text):
            return found.group(1)
    return ""


def pyproject(root: Path) -> dict[str, dict[str, object]]:
    """`pyproject.toml`'s tables, {} where there is none that can be read."""
    try:
        tables = tomllib.loads((root / "pyproject.toml").read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def lists_dependency(root: Path, name: str) -> bool:
    """Whether the project's own files name a distribution as a dependency of any kind."""
    word = re.compile(rf"^[\s\"'\-]*{re.escape(name)}\b(?!\.)", re.IGNORECASE | re.MULTILINE)
    quoted = re.compile(rf"[\"']{re.escape(name)}\b[^\"'/]*[\"']", re.IGNORECASE)
    for path in (*root.glob("*requirements*.txt"), *root.glob("requirements/*.txt"), root / "setup.cfg"):
        if path.is_file() and word.search(path.read_text(errors="replace")):
            return True
    texts = (root / "pyproject.toml", root / "setup.py")
    return any(path.is_file() and quoted.search(path.read_text(errors="replace")) for path in texts)


def module_name(path: str) -> str:
    """`src/pkg/mod.py` → `pkg.mod`; `pkg/__init__.py` → `pkg`."""
    parts = path.removesuffix(".py").split("/")
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def tests_folder(files: Sequence[str]) -> str:
    """Where this workspace keeps its tests ("" for the top level); `tests` where it has none yet."""
    tests = [path for path in files if path.endswith(".py") and is_test(path)]
    for name in ("tests", "test"):
        if any(path.startswith(name + "/") for path in tests):
            return name
    top = [path for path in tests if "/" not in path and path != "conftest.py"]
    return "" if top else "tests"
