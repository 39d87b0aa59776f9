"""Scrutiny: all that landed against the user's text. What is it worth in figures, and are its tests honest?

What can be read off the texts needs no trust. What tests show needs a run of them that can be believed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.adapters.gate_change import SourceChange, read_change
from nexus_lsp.adapters.gate_lint import NO_PYTHON, lint
from nexus_lsp.adapters.gate_place import Place
from nexus_lsp.adapters.gate_reading import read_texts
from nexus_lsp.adapters.gate_trials import Bench, try_tests
from nexus_lsp.adapters.pytest_run import PytestRun
from nexus_lsp.core.integrity import Question, TestChange
from nexus_lsp.core.quality import Quality, Scrutiny, changed_counts, changed_coverage


@dataclass(frozen=True, slots=True)
class Believed:
    """A run of all tests of a commit that shows what it says; `passed` are those that are not flaky."""

    commit: str
    run: PytestRun
    passed: tuple[str, ...]


async def scrutinise(
    bench: Bench, base: str, head: str, believed: Callable[[Place], Awaitable[Believed | str]]
) -> Scrutiny:
    """Look at the change from `base` to `head`; `believed` gives a run of a place's tests, or why none."""
    began = time.monotonic()
    change = await read_change(bench.repository, base, head)
    before, _ = await _lint_errors(await bench.at(base))
    place = await bench.at(head)
    after, note = await _lint_errors(place)
    read = await read_texts(change, place)
    quality = replace(read.quality, lint_errors_before=before, lint_errors_after=after)
    notes = [*([note] if note else ()), *read.notes]
    questions = read.questions
    found = await believed(place)
    if isinstance(found, str):
        notes.append(f"What the tests execute and notice was not measured: {found}.")
    else:
        quality, more = _coverage(quality, read.sources, found.run)
        waiting = [test for test in read.tests if not _is_asked(test, questions)]
        trials = await try_tests(bench, change, read.sources or (), found.passed, waiting)
        questions = _ordered((*questions, *trials.questions))
        notes += [*more, *trials.notes]
    return Scrutiny(quality, questions, tuple(notes), time.monotonic() - began)


async def _lint_errors(place: Place) -> tuple[int | None, str]:
    """(errors, "") or (None, why ruff could not tell); a tree without Python files needs no reason."""
    found = await lint(place.root, [path for path, _ in place.files], lambda _: None)
    if found.status == "measured":
        return len(found.failed), ""
    return None, "" if found.why == NO_PYTHON else f"Lint was not measured: {found.why}."


def _coverage(
    quality: Quality, sources: Sequence[SourceChange] | None, run: PytestRun
) -> tuple[Quality, list[str]]:
    """The figures with what a run executed, and why there are none."""
    if run.statements is None or run.line_coverage is None:
        return quality, ["Coverage was not measured: it did not run in the interpreter of the tests."]
    if sources is None:
        return replace(quality, coverage=run.coverage), []
    changed = {source.path: source.statements for source in sources}
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
