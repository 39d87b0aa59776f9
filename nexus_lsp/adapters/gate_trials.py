"""Trials of new tests: do they fail without the change, and do they notice a fault in it?

**Invariant:** only a test that executes changed lines is asked about, and never because of one fault alone,
which may change nothing that anybody could see.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_lsp.adapters import gate_reading
from nexus_lsp.adapters.gate_change import Change, SourceChange, without_change
from nexus_lsp.adapters.gate_place import Place
from nexus_lsp.adapters.gate_reading import ReaderDied, answers
from nexus_lsp.adapters.pytest_run import PytestRun
from nexus_lsp.core.integrity import Question, QuestionKind, TestChange
from nexus_lsp.ports import Repository

SECONDS = 60.0
"""For all faults together."""

FAULTS = 30
"""How many are tried at most; more are made, so that each test can meet some."""

LEAST = 3
"""Faults that a test must have met before it is asked about."""

_MADE = 150

_Lines = Mapping[str, frozenset[int]]
"""By path the changed statements that a test executes."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What trials work with: `at` moves the gate checkout to a commit."""

    repository: Repository
    at: Callable[[str], Awaitable[Place]]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trials:
    """What came of them."""

    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fault:
    """A mutant of a file, and the tests (node ids) that execute the line it is on."""

    id: int
    path: str
    line: int
    what: str
    source: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.what}"


async def try_tests(
    bench: Bench,
    change: Change,
    sources: Sequence[SourceChange],
    passed: Collection[str],
    tests: Sequence[TestChange],
) -> Trials:
    """Try those of the new tests that are among `passed`, all on the head's own tree, on these sources."""
    sources = [source for source in sources if source.lines]
    names = {function(test) for test in passed}
    tests = [test for test in tests if test.node_id in names]
    if not tests or not sources:
        return Trials()
    place = await bench.at(change.head)
    found = await _run(place, tests, contexts=[source.path for source in sources])
    executed = _executed(found, sources)
    reaching = {function(row) for row in executed}
    aside = _aside([test for test in tests if test.node_id not in reaching])
    tests = [test for test in tests if test.node_id in reaching]
    if not tests:
        return Trials((), aside)
    bench.say(f"Running {_count(len(tests), 'new test')} without the change")
    passing = await _passing_without(bench, change, tests, max(10.0, 5 * found.seconds))
    idle = _idle_tests(tests, passing, executed)
    tests = [test for test in tests if test not in idle]
    blind, notes = await _blind(bench, change.head, sources, tests, executed)
    return Trials((*(_idle(test) for test in idle), *blind), (*aside, *notes))


def _aside(tests: Sequence[TestChange]) -> tuple[str, ...]:
    """A test may reach the change in a process of its own, so it is named and not questioned."""
    if not tests:
        return ()
    shown = ", ".join(f"`{test.name}`" for test in tests[:5])
    more = f" and {len(tests) - 5} more" if len(tests) > 5 else ""
    return (f"Not judged, since no changed line is executed by it: {shown}{more}.",)


def function(test: str) -> str:
    """A node id without the row of `parametrize`."""
    return test.partition("[")[0]


async def _run(place: Place, tests: Sequence[TestChange], **options: Any) -> PytestRun:
    """Whole files are named and the tests picked from them: one that cannot be collected stops no other."""
    files = sorted({test.path for test in tests})
    only = [test.node_id for test in tests]
    return await place.pytest(files, only=only, coverage="contexts" in options, **options)


def _executed(found: PytestRun, sources: Sequence[SourceChange]) -> dict[str, _Lines]:
    """By passing test the changed statements that it executes, where there are any."""
    changed = {source.path: source.statements for source in sources}
    executed: dict[str, _Lines] = {}
    for test in found.passed:
        lines = {
            path: touched & changed[path]
            for path, touched in found.test_lines.get(test, {}).items()
            if touched & changed.get(path, frozenset())
        }
        if lines:
            executed[test] = lines
    return executed


# --- without the change ------------------------------------------------------------------------------


async def _passing_without(
    bench: Bench, change: Change, tests: Sequence[TestChange], limit: float
) -> set[str]:
    """The test functions of which every row that ran passed."""
    place = await bench.at(await without_change(bench.repository, change))
    found = await _run(place, tests, limit=limit)
    wrong = {function(test) for test in (*found.failed, *found.errors)}
    return {function(test) for test in found.passed} - wrong


def _idle_tests(
    tests: Sequence[TestChange], passing: Collection[str], executed: Mapping[str, _Lines]
) -> list[TestChange]:
    """Of the passing ones those that execute a changed statement whose change no other test shows.

    The others go with a test that does show it: they say what is to stay as it is.
    """
    shown: set[tuple[str, int]] = set()
    reached: dict[str, set[tuple[str, int]]] = {}
    for row, lines in executed.items():
        statements = {(path, line) for path, found in lines.items() for line in found}
        reached.setdefault(function(row), set()).update(statements)
    for test in tests:
        shown |= reached[test.node_id] if test.node_id not in passing else set()
    return [test for test in tests if test.node_id in passing and not reached[test.node_id] <= shown]


def _idle(test: TestChange) -> Question:
    said = f"`{test.name}` passes without the change too, so it does not show that the change works."
    return _question(test, "passes_without_change", f"{said} Assert what is new, or check that it is meant.")


# --- with faults in the change -----------------------------------------------------------------------


async def _blind(
    bench: Bench,
    head: str,
    sources: Sequence[SourceChange],
    tests: Sequence[TestChange],
    executed: Mapping[str, _Lines],
) -> tuple[list[Question], tuple[str, ...]]:
    """Questions about the tests that fail on no fault, and what was tried."""
    names = {test.node_id for test in tests}
    rows = {row: lines for row, lines in executed.items() if function(row) in names}
    faults = await _faults(sources, rows)
    if not faults:
        return [], ()
    bench.say(f"Trying faults in the changed lines on {_count(len(tests), 'new test')}")
    place = await bench.at(head)
    wish: dict[str, Any] = {"tests": sorted(rows), "seconds": SECONDS, "most": FAULTS}
    wish["mutants"] = [
        {"id": f.id, "path": f.path, "source": f.source, "tests": list(f.tests)} for f in faults
    ]
    events, output = await place.mutate(wish, SECONDS + 10)
    tried = [event for event in events if event["event"] == "tried"]
    if not tried:
        return [], (f"No fault could be put into the changed lines: {_last_line(output)}.",)
    control, tried = tried[0], tried[1:]
    met = _met(faults, tried)
    killed = {name for event in tried for name in event["failed"]}
    alive = [test for test in tests if test.node_id in control["passed"] and test.node_id not in killed]
    blind = [test for test in alive if len(met.get(test.node_id, ())) >= LEAST]
    few = [test.name for test in alive if test not in blind]
    return [_blindness(test, met[test.node_id]) for test in blind], _notes(len(tried), len(faults), few)


async def _faults(sources: Sequence[SourceChange], rows: Mapping[str, _Lines]) -> list[_Fault]:
    """Mutants on changed lines that these tests execute, as many from each file, as far as time goes."""
    found: list[_Fault] = []
    each = max(LEAST, _MADE // len(sources))
    tests: dict[tuple[str, int], tuple[str, ...]] = {}
    order: list[object] = [{"job": "faults"}]
    for source in sources[:_MADE]:
        for line, statement in source.lines.items():
            names = tuple(row for row in sorted(rows) if statement in rows[row].get(source.path, ()))
            tests[source.path, line] = names
        reached = [line for line in source.lines if tests[source.path, line]]
        order.append((source.path, source.text, reached, min(each, FAULTS)))
    with contextlib.suppress(TimeoutError, ReaderDied):
        async with asyncio.timeout(gate_reading.SECONDS), contextlib.aclosing(answers(order)) as made:
            async for _, fault in made:
                at = fault["path"], fault["line"]
                found.append(_Fault(len(found), *at, fault["what"], fault["source"], tests[at]))
    return found


def _met(faults: Sequence[_Fault], tried: Iterable[Mapping[str, Any]]) -> dict[str, list[_Fault]]:
    """By test function the faults that were there when it ran."""
    met: dict[str, list[_Fault]] = {}
    for event in tried:
        number: int = event["id"]
        for name in (*event["passed"], *event["failed"]):
            met.setdefault(name, []).append(faults[number])
    return met


def _blindness(test: TestChange, met: Sequence[_Fault]) -> Question:
    shown = ", ".join(str(fault) for fault in met[:LEAST])
    more = f" and {len(met) - LEAST} more" if len(met) > LEAST else ""
    said = f"`{test.name}` stays green with each of {len(met)} faults in the lines that it executes"
    return _question(test, "kills_no_mutant", f"{said} ({shown}{more}). Assert what comes of these lines.")


def _notes(tried: int, made: int, few: Sequence[str]) -> tuple[str, ...]:
    notes = [f"Faults tried on new tests: {tried} of {made} that were made in the changed lines."]
    if few:
        listed = ", ".join(f"`{name}`" for name in few[:LEAST]) + (", …" if len(few) > LEAST else "")
        notes.append(f"Not judged, for they met fewer than {LEAST} faults: {listed}.")
    return tuple(notes)


def _question(test: TestChange, kind: QuestionKind, message: str) -> Question:
    return Question(test.path, test.line, kind, message)


def _last_line(output: str) -> str:
    return next(reversed(output.strip().splitlines()), "pytest said nothing")[:200]


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
