"""Analysis (Aria): reads a checkout and says what is there, in figures that were measured.

Source is parsed, never imported: an analysis needs no trust.
"""

from __future__ import annotations

import ast
import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nexus_lsp.adapters.complexity import functions
from nexus_lsp.adapters.local import ruff
from nexus_lsp.adapters.local.ruff import Finding, RuffFailed
from nexus_lsp.adapters.local.summary_text import NEEDS_CLAUDE, by_rule, counted, listed
from nexus_lsp.adapters.local.workspace_files import (
    MAX_FILES,
    all_files,
    is_test,
    parse,
    pyproject,
    python_files,
    scope_of,
)
from nexus_lsp.ports import Assignment, Outcome, Progress, Report

MAX_BYTES = 500_000
"""Longer files are generated or data: they are counted, not measured."""

COMPLEX = 10
"""Cyclomatic complexity above which radon ranks a function C or worse."""

_LANGUAGES = {
    **{"py": "Python", "pyi": "Python", "js": "JavaScript", "jsx": "JavaScript", "ts": "TypeScript"},
    **{"tsx": "TypeScript", "rs": "Rust", "go": "Go", "java": "Java", "kt": "Kotlin", "c": "C", "h": "C"},
    **{"cpp": "C++", "cc": "C++", "hpp": "C++", "cs": "C#", "rb": "Ruby", "php": "PHP", "swift": "Swift"},
    **{"sh": "Shell", "sql": "SQL", "html": "HTML", "css": "CSS", "scss": "CSS", "lua": "Lua"},
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One parsed Python file: lines, functions as (complexity, name, line), test functions, parsed or not."""

    path: str
    lines: int
    functions: tuple[tuple[int, str, int], ...] = ()
    tests: int = 0
    main: bool = False
    parsed: bool = True


async def analyse(assignment: Assignment, report: Callable[[Report], None]) -> Outcome:
    """Read the files in scope; the summary is Markdown."""
    root = assignment.checkout
    files = await asyncio.to_thread(all_files, root)
    scope = scope_of(assignment, files)
    paths = scope.paths or python_files(files)
    report(Progress(f"Reading {counted(len(files), 'file')}, {len(paths)} of them Python in scope"))
    measured = await asyncio.to_thread(lambda: [measure(root, path) for path in paths])
    report(Progress("Measured complexity; looking for security and lint findings", 40))
    try:
        security = await ruff.security(root, paths)
        lint = await ruff.check(root, paths, ruff.rule_arguments(root))
    except RuffFailed as error:
        return Outcome("failed", f"Ruff could not read this workspace: {error}")
    report(Progress(f"{len(security)} security and {len(lint)} lint findings", 90))
    parts = [
        *_structure(root, files, measured, scope.said if scope.paths else "the whole workspace"),
        *_complexity(measured),
        *_findings(security, lint, ruff.own_config(root)),
        NEEDS_CLAUDE,
    ]
    return Outcome("done", "\n".join(parts))


def measure(root: Path, path: str) -> Measured:
    """Lines, complexity and tests of one file; `parsed` is False where it is not Python or too long."""
    source = _source(root / path)
    lines = source.count(b"\n") + (not source.endswith(b"\n") and bool(source))
    tree = parse(source) if len(source) <= MAX_BYTES else None
    if tree is None:
        return Measured(path, lines, parsed=False)
    names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    tests = sum(name.startswith("test") for name in names) if is_test(path) else 0
    return Measured(path, lines, functions(tree), tests, _runs_itself(tree))


def _source(path: Path) -> bytes:
    """A file's bytes; b"" for what is not a regular file (a link may lead out of the checkout)."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def _runs_itself(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body)


def _structure(root: Path, files: Sequence[str], measured: Sequence[Measured], said: str) -> list[str]:
    suffixes = Counter(path.rsplit(".", 1)[-1] for path in files if "." in path)
    languages = Counter[str]()
    for suffix, count in suffixes.items():
        if suffix in _LANGUAGES:
            languages[_LANGUAGES[suffix]] += count
    tests = sum(m.tests for m in measured)
    test_files = sum(m.tests > 0 for m in measured)
    broken = [f"`{m.path}`" for m in measured if not m.parsed]
    listing = ", ".join(f"{name} {count}" for name, count in languages.most_common(6)) or "none known"
    bound = f" (the first {MAX_FILES})" if len(files) == MAX_FILES else ""
    lines = [
        f"**Structure** (scope: {said})",
        f"- {counted(len(files), 'file')}{bound}; by language: {listing}",
        f"- Python in scope: {counted(len(measured), 'file')}, {sum(m.lines for m in measured)} lines",
        f"- Packages: {_list_or_none(_packages(files))}",
        f"- Entry points: {_list_or_none(_entries(root, measured))}",
        f"- Tests: {counted(tests, 'test function')} in {counted(test_files, 'file')}",
    ]
    if broken:
        lines.append(f"- Not parsed (syntax this Python does not know, or too long): {_list_or_none(broken)}")
    return [*lines, ""]


def _list_or_none(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(names[:limit])
    return (shown + (f" and {len(names) - limit} more" if len(names) > limit else "")) or "none found"


def _packages(files: Sequence[str]) -> list[str]:
    folders = [path.removesuffix("/__init__.py") for path in files if path.endswith("/__init__.py")]
    return [f"`{f}`" for f in folders if not any(f.startswith(other + "/") for other in folders)]


def _entries(root: Path, measured: Sequence[Measured]) -> list[str]:
    scripts = pyproject(root).get("project", {}).get("scripts")
    names = sorted(cast("dict[str, str]", scripts)) if isinstance(scripts, dict) else []
    own = [m.path for m in measured if (m.main or m.path.endswith("__main__.py")) and not is_test(m.path)]
    return [f"`{name}`" for name in [*names, *own]]


def _complexity(measured: Sequence[Measured]) -> list[str]:
    functions = [(*f, m.path) for m in measured if not is_test(m.path) for f in m.functions]
    if not functions:
        return []
    worst = sorted(functions, reverse=True)[:5]
    above = sum(f[0] > COMPLEX for f in functions)
    mean = sum(f[0] for f in functions) / len(functions)
    head = (
        f"**Complexity** (radon, cyclomatic; tests left out): {counted(len(functions), 'function')}, "
        f"mean {mean:.1f}, {above} above {COMPLEX}"
    )
    return [head, *(f"- {value}: `{name}` at `{path}:{line}`" for value, name, line, path in worst), ""]


def _findings(security: Sequence[Finding], lint: Sequence[Finding], own: bool) -> list[str]:
    rules = "the workspace's own configuration" if own else ", ".join(ruff.DEFAULT_RULES)
    fixable = sum(finding.fixable for finding in lint)
    lines = [f"**Security** (ruff S rules): {counted(len(security), 'finding')}"]
    lines += listed([str(finding) for finding in security])
    lines += ["", f"**Lint** (ruff, {rules}): {counted(len(lint), 'finding')}, {fixable} safely fixable"]
    if lint:
        lines.append(f"- {by_rule(lint)}")
    return [*lines, ""]
