"""Scrutiny: all that landed against the user's text. What is it worth in figures, and are its tests honest?

What can be read off the texts needs no trust. What tests show needs a run of them that can be believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.adapters.complexity import complexity
from nexus_lsp.adapters.gate_change import MAX_BYTES, Change, read_change
from nexus_lsp.adapters.gate_lint import NO_PYTHON, lint
from nexus_lsp.adapters.gate_place import Place
from nexus_lsp.adapters.gate_trials import Bench, try_tests
from nexus_lsp.adapters.pytest_run import PytestRun
from nexus_lsp.core.integrity import Question, TestChange, all_questions, changed_tests, count_tests
from nexus_lsp.core.integrity.cases import is_test_module
from nexus_lsp.core.quality import Quality, Scrutiny, changed_counts, changed_coverage, is_source


@dataclass(frozen=True, slots=True)
class Believed:
    """A run of all tests of a commit that shows what it says; `passed` are those that are not flaky."""

    commit: str
    run: PytestRun
    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the texts say."""

    quality: Quality
    questions: tuple[Question, ...]
    tests: tuple[TestChange, ...]


async def scrutinise(
    bench: Bench, base: str, head: str, believed: Callable[[Place], Awaitable[Believed | str]]
) -> Scrutiny:
    """Look at the change from `base` to `head`; `believed` gives a run of a place's tests, or why none."""
    began = time.monotonic()
    change = await read_change(bench.repository, base, head)
    before, _ = await _lint_errors(await bench.at(base))
    place = await bench.at(head)
    after, note = await _lint_errors(place)
    read = await asyncio.to_thread(_read, change, place)
    quality = replace(read.quality, lint_errors_before=before, lint_errors_after=after)
    notes = [note] if note else []
    questions = read.questions
    found = await believed(place)
    if isinstance(found, str):
        notes.append(f"What the tests execute and notice was not measured: {found}.")
    else:
        quality, more = _coverage(quality, change, found.run)
        waiting = [test for test in read.tests if not _is_asked(test, questions)]
        trials = await try_tests(bench, change, found.passed, waiting)
        questions = _ordered((*questions, *trials.questions))
        notes += [*more, *trials.notes]
    return Scrutiny(quality, questions, tuple(notes), time.monotonic() - began)


async def _lint_errors(place: Place) -> tuple[int | None, str]:
    """(errors, "") or (None, why ruff could not tell); a tree without Python files needs no reason."""
    found = await lint(place.root, [path for path, _ in place.files], lambda _: None)
    if found.status == "measured":
        return len(found.failed), ""
    return None, "" if found.why == NO_PYTHON else f"Lint was not measured: {found.why}."


def _read(change: Change, place: Place) -> _Read:
    tests = changed_tests(change.texts)
    sources = [text for text in change.texts if is_source(text.path)]
    old = {text.old_path or text.path: text.old for text in sources if text.old is not None}
    new = {text.path: text.new for text in sources if text.new is not None}
    quality = Quality(
        complexity_before=complexity(old) if sources else None,
        complexity_after=complexity(new) if sources else None,
    )
    if any(path.endswith(".py") for path, _ in place.files):
        total, added = _tests_in(place), sum(test.new for test in tests)
        quality = replace(quality, tests_total=total, tests_added=added)
    return _Read(quality, all_questions(change.texts), tests)


def _tests_in(place: Place) -> int:
    """Test functions of the whole tree, whose files are read where they stand."""
    total = 0
    for path, size in place.files:
        file = place.root / path
        if is_test_module(path) and size <= MAX_BYTES and file.is_file() and not file.is_symlink():
            total += count_tests(path, file.read_text(encoding="utf-8-sig", errors="replace"))
    return total


def _coverage(quality: Quality, change: Change, run: PytestRun) -> tuple[Quality, list[str]]:
    """The figures with what a run executed, and why there are none."""
    if run.statements is None or run.line_coverage is None:
        return quality, ["Coverage was not measured: it did not run in the interpreter of the tests."]
    changed = {source.path: source.statements for source in change.sources()}
    percent, uncovered = changed_coverage(changed, run.statements, run.line_coverage)
    total, _ = changed_counts(changed, run.statements, run.line_coverage)
    missing = sum(len(lines) for _, lines in uncovered)
    figures = replace(quality, coverage=run.coverage, changed_percent=percent, uncovered=uncovered)
    return replace(figures, changed_total=total, changed_covered=total - missing), []


def _is_asked(test: TestChange, questions: Sequence[Question]) -> bool:
    """Whether its text is questionable already: one question a test is enough."""
    return any(q.path == test.path and test.line <= q.line <= test.end for q in questions)


def _ordered(questions: Iterable[Question]) -> tuple[Question, ...]:
    return tuple(sorted(questions, key=lambda question: (question.path, question.line)))
