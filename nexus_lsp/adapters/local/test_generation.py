"""Test creation (Alpha): regression and property tests that pass now and fail on mutants.

For each function that looks pure: arguments from its documentation, from calls in existing tests and from
Hypothesis; the results of the calls that reach something new become cases of a parametrised test. Where the
workspace itself depends on Hypothesis, its ghostwriter's round trips and equivalences join them. Then every
case runs against mutants of the lines it executes, and only a smallest set that notices them stays.

**Invariant:** nothing of this runs without trust, and what runs the workspace's code runs in the sandbox.
"""

from __future__ import annotations

import ast
import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.local import ruff
from nexus_lsp.adapters.local.case_selection import by_test, per_test, smallest_set, telling
from nexus_lsp.adapters.local.examples import arguments, pool
from nexus_lsp.adapters.local.functions import Function, testable
from nexus_lsp.adapters.local.mutants import Mutant, mutants
from nexus_lsp.adapters.local.sandboxed_job import Target, run_job
from nexus_lsp.adapters.local.summary_text import counted
from nexus_lsp.adapters.local.test_file_text import (
    Case,
    Draft,
    Key,
    Property,
    properties_of,
    render,
)
from nexus_lsp.adapters.local.workspace_files import (
    all_files,
    is_test,
    lists_dependency,
    module_name,
    parse,
    sources_of,
    tests_folder,
)
from nexus_lsp.adapters.local.written_tests import Written, outcome_of
from nexus_lsp.adapters.pytest_run import PytestRun, run_pytest
from nexus_lsp.ports import Assignment, Outcome, Progress, Report

SECONDS = 25.0
"""After this long no further module is begun."""

DRAWN = 80
"""Calls tried for each function."""

MUTANTS = 90
MAX_SOURCE = 200_000

NO_TRUST = (
    "Writing tests imports this workspace's code, and the workspace is not trusted: nothing was run and no "
    "test is proposed. Run `nexus-lsp trust` in it (or trust it in the editor) and delegate again."
)
NO_FUNCTION = (
    "No function in scope can be tested by the local team: it derives tests only for public top-level "
    "functions that take and give plain values and touch nothing outside. Other tests need Claude Code."
)
NO_PYTHON = (
    "Nothing in scope is Python source: the local team writes tests for Python only. It needs Claude Code."
)


async def write_tests(assignment: Assignment, python: Path, report: Callable[[Report], None]) -> Outcome:
    """Write one test file a module, for as many modules as the time allows."""
    if not assignment.trusted:
        return Outcome("unable", NO_TRUST)
    began = time.monotonic()
    root = assignment.checkout
    files = await asyncio.to_thread(all_files, root)
    scope = sources_of(assignment, files)
    if not scope.paths:
        return Outcome("unable", NO_PYTHON)
    modules = await asyncio.to_thread(_candidates, root, scope.paths, files, assignment.changed_paths)
    results: list[Written] = []
    late: list[str] = []
    for path, functions in modules:
        if time.monotonic() - began > SECONDS:
            late.append(path)
            continue
        report(Progress(f"{path}: {counted(len(functions), 'function')} to derive tests for"))
        work = _Work(Target(root, python, path, module_name(path)), tuple(functions), files, report)
        results.append(await work.write())
    if not modules:
        return Outcome("unable", NO_FUNCTION)
    return outcome_of(results, late, len(scope.paths))


def _candidates(
    root: Path, paths: Sequence[str], files: Sequence[str], changed: Sequence[str]
) -> list[tuple[str, list[Function]]]:
    """Modules with functions to test: those that this run changed first, then those with the most."""
    tests = [
        tree for path in files if path.endswith(".py") and is_test(path) and (tree := _tree(root / path))
    ]
    found: list[tuple[str, list[Function]]] = []
    for path in paths:
        importable = all(part.isidentifier() for part in module_name(path).split("."))
        tree = _tree(root / path) if importable and path.rsplit("/", 1)[-1] != "setup.py" else None
        if tree is not None and (functions := testable(tree, tests)):
            found.append((path, functions))
    return sorted(found, key=lambda entry: (entry[0] not in changed, -len(entry[1]), entry[0]))


def _tree(path: Path) -> ast.Module | None:
    return parse(path.read_bytes()) if path.stat().st_size <= MAX_SOURCE else None


class _Work:
    """One module's way from its functions to a test file."""

    def __init__(
        self,
        target: Target,
        functions: tuple[Function, ...],
        files: tuple[str, ...],
        report: Callable[[Report], None],
    ) -> None:
        self._target = target
        self._functions = {function.name: function for function in functions}
        self._files = files
        self._report = report
        self._source = (target.root / target.path).read_text(encoding="utf-8")
        self._crashes: list[str] = []

    async def write(self) -> Written:
        """The test file of this module in the checkout, or why there is none."""
        cases, fault = await self._observe()
        properties = await self._ghostwrite()
        if fault and not cases:
            return self._none(f"it could not be imported or called: {fault}")
        draft = Draft(self._target.module, self._functions, by_test(cases), properties)
        if draft.size[0] == 0:
            return self._none("no function gave a result that can be written down")
        lines = {line for case in cases for arc in case.arcs for line in arc}
        tried = await asyncio.to_thread(mutants, self._source, set(self._functions), lines, MUTANTS)
        self._report(Progress(f"{self._target.path}: {len(cases)} cases against {len(tried)} mutants"))
        kills, ended = await self._kill(draft, tried)
        keys = smallest_set(kills, {mutant.id: mutant.function for mutant in tried}, draft)
        if not keys:
            return self._none("no candidate test fails on any mutant of what it covers")
        return await self._keep(draft.only(keys), draft, kills, keys, [m for m in tried if m.id in ended])

    def _none(self, why: str) -> Written:
        return Written(self._target.module, why=why, crashes=tuple(self._crashes))

    async def _observe(self) -> tuple[list[Case], str]:
        tree = ast.parse(self._source)
        constants = pool(tree)
        tried = {
            name: await asyncio.to_thread(arguments, function, constants, DRAWN)
            for name, function in self._functions.items()
        }
        written: dict[str, list[tuple[str, ...]]] = {
            name: [tuple(map(repr, values)) for values in lists] for name, lists in tried.items()
        }
        calls = {
            name: [_call(self._functions[name], values) for values in lists]
            for name, lists in written.items()
        }
        done = await run_job(self._target, {"command": "observe", "functions": calls}, 20)
        cases: dict[str, list[Case]] = {}
        for answer in done.answers:
            name = answer["function"]
            case = self._case(name, written[name][int(answer["case"])], answer)
            if case is not None:
                cases.setdefault(name, []).append(case)
        return [case for found in cases.values() for case in telling(found)], done.fault

    def _case(self, name: str, values: tuple[str, ...], answer: dict[str, Any]) -> Case | None:
        """A case to pin; None for what is unstable, cannot be written down, or looks like a crash."""
        raised = str(answer.get("raises") or "")
        if raised and raised not in self._functions[name].raises:
            if raised not in ("TypeError", "AttributeError"):  # more often our argument's fault
                self._crashes.append(f"`{name}({', '.join(values)})` raises {raised}: {answer['message']}")
            return None
        value = answer.get("value")
        if not answer["stable"] or (not raised and not isinstance(value, str)):
            return None
        reached = frozenset((before, line) for before, line in answer["arcs"])
        return Case(name, values, None if raised else str(value), raised, reached)

    async def _ghostwrite(self) -> tuple[Property, ...]:
        if not lists_dependency(self._target.root, "hypothesis"):
            return ()
        job = {"command": "ghostwrite", "functions": list(self._functions)}
        done = await run_job(self._target, job, 20)
        return properties_of(done.answers[0]["source"]) if done.answers else ()

    async def _kill(self, draft: Draft, tried: Sequence[Mutant]) -> tuple[dict[Key, set[int]], set[int]]:
        """The mutants each test case fails on, and the mutants that were run to the end.

        Cases that fail on the code as it is are left out.
        """
        text = render(draft, {}, "A draft.")
        job = {
            "command": "kill",
            "test": "@test_draft.py",
            "mutants": [{"id": mutant.id, "source": mutant.source} for mutant in tried],
        }
        done = await run_job(self._target, job, 30, {"test_draft.py": text})
        kills: dict[Key, set[int]] = {}
        wrong: set[Key] = set()
        ended: set[int] = set()
        for answer in done.answers:
            failed: set[Key] = {(name, number) for name, number in answer["failed"]}
            if answer["mutant"] is None:
                wrong = failed
                kills = {(name, number): set() for name, number in answer["collected"]}
                continue
            if answer["ended"]:
                ended.add(answer["mutant"])
            for key in failed & set(kills):
                kills[key].add(answer["mutant"])
        return {key: found for key, found in kills.items() if key not in wrong}, ended

    async def _keep(
        self, kept: Draft, draft: Draft, kills: dict[Key, set[int]], keys: set[Key], tried: Sequence[Mutant]
    ) -> Written:
        noticed = {name: _own_first(tried, found, name) for name, found in per_test(kills, keys).items()}
        killed = {mutant.id for found in noticed.values() for mutant in found}
        how = (
            "Expected values are what the code returned, not what a specification says: where one is "
            "wrong, mend the code and this file. Arguments come from the documentation, from existing tests "
            "and from Hypothesis; a case was kept because it fails when the code is changed "
            f"on purpose. Together they fail on {len(killed)} of {len(tried)} such changes (mutants)."
        )
        path = free_path(self._files, self._target.path)
        await self._put(path, render(kept, noticed, how))
        if fault := await self._unsteady(path):
            (self._target.root / path).unlink()
            return self._none(f"the tests did not pass in every run with pytest ({fault})")
        tests, cases = kept.size
        survivors = tuple(mutant for mutant in tried if mutant.id not in killed)
        return Written(
            self._target.module,
            path,
            tests=tests,
            cases=cases,
            killed=len(killed),
            tried=len(tried),
            survivors=survivors,
            crashes=tuple(self._crashes),
        )

    async def _put(self, path: str, text: str) -> None:
        """Written as the workspace lays out its files; rules of its own that data cannot meet are waived."""
        root = self._target.root
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        await ruff.fix(root, [path], ruff.rule_arguments(root))
        if not ruff.own_config(root):
            await ruff.fix(root, [path], ["--isolated", "--select", "I,F401"])
        await ruff.format_file(root, path)
        if left := sorted(
            {f.rule for f in await ruff.check(root, [path], ruff.rule_arguments(root)) if f.rule}
        ):
            target.write_text(f"# ruff: noqa: {', '.join(left)}\n" + target.read_text(encoding="utf-8"))

    async def _unsteady(self, path: str) -> str:
        """Why the file cannot be trusted, or "": it has to pass twice, with different hash seeds."""
        self._report(Progress(f"{path}: running it with pytest, twice"))
        for seed in ("1", "2"):
            done = await self._pytest(path, {"PYTHONHASHSEED": seed, **_plugins(self._target.python)})
            if done.exit_code != 0:  # the workspace's configuration may need a plugin after all
                done = await self._pytest(path, {"PYTHONHASHSEED": seed})
            if not done.green:
                return done.note or f"{len(done.failed) + len(done.errors)} failed"
        return ""

    async def _pytest(self, path: str, env: Mapping[str, str]) -> PytestRun:
        return await run_pytest(self._target.root, self._target.python, [path], env=env, timeout=60)


def _plugins(python: Path) -> dict[str, str]:
    """Plugins in our own environment are not the workspace's, and take seconds to load."""
    return {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if python == Path(sys.executable) else {}


def _call(function: Function, values: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    pairs = list(zip(function.parameters, values, strict=True))
    positional = [value for parameter, value in pairs if not parameter.keyword_only]
    return positional, {parameter.name: value for parameter, value in pairs if parameter.keyword_only}


def _own_first(tried: Sequence[Mutant], found: set[int], test: str) -> list[Mutant]:
    chosen = [mutant for mutant in tried if mutant.id in found]
    return sorted(chosen, key=lambda m: (not test.startswith(f"test_{m.function}"), m.line))


def free_path(files: Sequence[str], path: str) -> str:
    """A test file's path that nothing has yet, with a name that is unique over all folders of tests."""
    module = module_name(path)
    taken = {file.rsplit("/", 1)[-1] for file in files}
    folder = tests_folder(files)
    stems = [module.rsplit(".", 1)[-1], module.replace(".", "_")]
    names = [f"test_{stem}_properties.py" for stem in stems]
    names += [f"test_{stems[1]}_properties_{number}.py" for number in range(2, 1000)]
    name = next(name for name in names if name not in taken)
    return f"{folder}/{name}" if folder else name
