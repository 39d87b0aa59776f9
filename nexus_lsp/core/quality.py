"""Quality in figures: which lines a change touched, how many of them tests execute, and what else changed.

Lines are 1-based here, as coverage counts them; questions and places are 0-based, as everywhere else.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from nexus_lsp.core.diff import diff
from nexus_lsp.core.integrity import Question
from nexus_lsp.core.integrity.cases import parse
from nexus_lsp.core.repo_map import is_test
from nexus_lsp.core.text import split_lines

Uncovered = tuple[tuple[str, tuple[int, ...]], ...]
"""(path, its 1-based lines that no test executes), by path."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The function with the highest cyclomatic complexity; `line` is 0-based."""

    name: str
    path: str
    line: int
    figure: int


@dataclass(frozen=True, slots=True)
class Complexity:
    """Cyclomatic complexity of the source, tests left out: the sum over its functions, and the worst."""

    total: int = 0
    functions: int = 0
    worst: Worst | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on the text before a change and after it; None where it was not.

    Attributes:
        coverage: percent of the lines of all source files that the tests execute, after the change.
        changed_percent: percent of the changed or new statements that they execute.
        changed_total, changed_covered: the statements that makes.
        uncovered: changed statements that no test executes.
        lint_errors_before, lint_errors_after: what the lint gate calls certainly wrong.
        complexity_before, complexity_after: see `Complexity`.
        tests_total, tests_added: test functions after the change, and those of them that are new; one with
            `parametrize` counts once.
    """

    coverage: float | None = None
    changed_percent: float | None = None
    changed_total: int | None = None
    changed_covered: int | None = None
    uncovered: Uncovered = ()
    lint_errors_before: int | None = None
    lint_errors_after: int | None = None
    complexity_before: Complexity | None = None
    complexity_after: Complexity | None = None
    tests_total: int | None = None
    tests_added: int | None = None


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """A finished change looked at as a whole: the user's text against the run's integration tree.

    Attributes:
        questions: about tests, see `core.integrity`.
        notes: sentences: what could not be measured, and why; what was tried.
    """

    quality: Quality = field(default_factory=Quality)
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def is_source(path: str) -> bool:
    """Whether it is Python that is no test."""
    return path.endswith(".py") and not is_test(path)


def changed_lines(old: str | None, new: str) -> frozenset[int]:
    """1-based lines of `new` that were added or changed; all of them where there was no file."""
    after = split_lines(new)
    if old is None:
        return frozenset(range(1, len(after) + 1))
    found: set[int] = set()
    shift = 0
    for hunk in diff(split_lines(old), after):
        first = hunk.line + shift + 1
        found.update(range(first, first + len(hunk.after)))
        shift += len(hunk.after) - len(hunk.before)
    return frozenset(found)


def statement_starts(source: str) -> dict[int, int]:
    """For each line of a statement the line it begins on, which is the one that coverage names.

    Of a compound statement only its head counts; comments and blank lines belong to none. Empty where the
    source cannot be parsed.
    """
    tree = parse(source)
    found: dict[int, int] = {}
    for node in ast.walk(tree) if tree is not None else ():
        for first, last in _spans(node):
            found |= dict.fromkeys(range(first, last + 1), first)
    return found


def changed_coverage(
    changed: Mapping[str, Collection[int]],
    statements: Mapping[str, Collection[int]],
    executed: Mapping[str, Collection[int]],
) -> tuple[float | None, Uncovered]:
    """(percent of the changed statements that were executed, the others); None where no statement changed.

    All lines are 1-based, `changed` as `statement_starts` maps them. Tests and what is not Python are left
    out; a file that no test imported has statements and executed none.
    """
    total, uncovered = changed_counts(changed, statements, executed)
    missing = sum(len(lines) for _, lines in uncovered)
    return (100 * (total - missing) / total if total else None), uncovered


def changed_counts(
    changed: Mapping[str, Collection[int]],
    statements: Mapping[str, Collection[int]],
    executed: Mapping[str, Collection[int]],
) -> tuple[int, Uncovered]:
    """(number of changed statements, those that were not executed); see `changed_coverage`."""
    total = 0
    uncovered: list[tuple[str, tuple[int, ...]]] = []
    for path in sorted(path for path in changed if is_source(path)):
        counted = frozenset(changed[path]) & frozenset(statements.get(path, ()))
        total += len(counted)
        if missing := counted - frozenset(executed.get(path, ())):
            uncovered.append((path, tuple(sorted(missing))))
    return total, tuple(uncovered)


def _spans(node: ast.AST) -> Iterator[tuple[int, int]]:
    """(first, last) line of what coverage counts as a statement; of a block only its head."""
    if isinstance(node, ast.stmt | ast.ExceptHandler):
        block = hasattr(node, "body") or isinstance(node, ast.Match)
        ends = [part.end_lineno or 0 for part in _head(node)] if block else [node.end_lineno or 0]
        yield node.lineno, max([node.lineno, *ends])
    elif isinstance(node, ast.match_case):
        yield node.pattern.lineno, (node.guard or node.pattern).end_lineno or node.pattern.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for mark in node.decorator_list:
            yield mark.lineno, mark.end_lineno or mark.lineno


def _head(node: ast.AST) -> Iterator[ast.expr | ast.arg]:
    """The expressions in a block's first lines; decorators stand above it."""
    above = getattr(node, "decorator_list", [])
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr) and part not in above:
            yield part
        elif isinstance(part, ast.arguments | ast.withitem | ast.keyword):
            yield from (each for each in ast.walk(part) if isinstance(each, ast.expr | ast.arg))
