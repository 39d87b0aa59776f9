"""Validation (Beta): runs the tests with coverage and says what was measured, and what was not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from nexus_lsp.adapters.local import ruff
from nexus_lsp.adapters.local.ruff import RuffFailed
from nexus_lsp.adapters.local.summary_text import by_rule, counted, listed
from nexus_lsp.adapters.local.workspace_files import python_files
from nexus_lsp.adapters.pytest_run import PytestRun, run_pytest
from nexus_lsp.ports import Assignment, Outcome, Progress, Report

NO_TRUST = (
    "**Tests: not measured.** Running them executes this workspace's code, and the workspace is not trusted. "
    "Run `nexus-lsp trust` in it (or trust it in the editor) and delegate again."
)
TAIL = 40
"""Lines of pytest's output that are shown where something failed."""

_SLOWEST = re.compile(r"^\s*(\d+\.\d+)s (call|setup|teardown)\s+(\S.*)$", re.MULTILINE)


async def validate(assignment: Assignment, python: Path, report: Callable[[Report], None]) -> Outcome:
    """Measure what may be measured. "done" means that the report is complete, not that all is well."""
    parts = [NO_TRUST]
    if assignment.trusted:
        report(Progress("Running the tests with coverage"))
        run = await run_pytest(
            assignment.checkout,
            python,
            coverage=True,
            timeout=max(10.0, assignment.timeout - 60),
            extra_args=["--durations=5"],
        )
        parts = _tests(run)
        report(Progress(parts[0].replace("*", "")))
    report(Progress("Checking the changed files with ruff", 80))
    parts += ["", *await _lint(assignment)]
    return Outcome("done", "\n".join(parts))


def _tests(run: PytestRun) -> list[str]:
    total = len(run.passed) + len(run.failed) + len(run.errors)
    if total == 0:
        return [f"**Tests: not measured.** {_sentence(run.note or 'no test ran')}", *_tail(run)]
    lines = [
        f"**Tests**: {len(run.passed)} passed, {len(run.failed)} failed, {len(run.errors)} errors, "
        f"{len(run.skipped)} skipped in {run.seconds:.1f} s"
    ]
    if run.note:
        lines.append(_sentence(run.note))
    lines += listed([f"`{test}`" for test in (*run.failed, *run.errors)], 20)
    lines += [f"- at `{path}:{line + 1}`: {message}" for path, line, message in run.places[:10]]
    if run.failed or run.errors:
        lines += _tail(run)
    return [*lines, *_coverage(run), *_slowest(run)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _coverage(run: PytestRun) -> list[str]:
    if run.coverage is None:
        return ["**Coverage**: not measured (coverage could not run in this interpreter)"]
    if not run.covered:
        return ["**Coverage**: not measured: the tests executed no source file of this checkout"]
    return [
        f"**Coverage**: {run.coverage:.1f} % of lines; {counted(len(run.covered), 'source file')} executed"
    ]


def _slowest(run: PytestRun) -> list[str]:
    found = [(float(seconds), phase, test) for seconds, phase, test in _SLOWEST.findall(run.output)]
    slow = [f"`{test}` {seconds:.2f} s ({phase})" for seconds, phase, test in sorted(found, reverse=True)[:5]]
    return ["**Slowest**:", *listed(slow)] if slow else []


def _tail(run: PytestRun) -> list[str]:
    lines = run.output.strip().splitlines()[-TAIL:]
    return ["```", *lines, "```"] if lines else []


async def _lint(assignment: Assignment) -> list[str]:
    root = assignment.checkout
    paths = [path for path in python_files(assignment.changed_paths) if _plain_file(root / path)]
    if not paths:
        return ["**Lint**: no Python file differs from the user's text"]
    try:
        lint = await ruff.check(root, paths, ruff.rule_arguments(root))
        security = await ruff.security(root, paths)
    except RuffFailed as error:
        return [f"**Lint**: not measured: {error}"]
    return [_found("Lint", len(paths), lint), _found("Security", len(paths), security)]


def _found(name: str, files: int, findings: Sequence[ruff.Finding]) -> str:
    rules = f" ({by_rule(findings)})" if findings else ""
    return f"**{name}** of {counted(files, 'changed file')}: {counted(len(findings), 'finding')}{rules}"


def _plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
