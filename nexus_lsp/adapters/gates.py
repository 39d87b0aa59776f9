"""Gates: what the server itself measures on a tree of a workspace.

**Invariant:** a gate is never green by default. Without trust, without tests, or with tests that do not
notice a source file broken on purpose, it says "not measured", and why.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from nexus_lsp.adapters import gate_probe, gate_scrutiny
from nexus_lsp.adapters.gate_checkout import GateCheckout
from nexus_lsp.adapters.gate_lint import lint
from nexus_lsp.adapters.gate_place import Place, Say
from nexus_lsp.adapters.gate_probe import Target
from nexus_lsp.adapters.gate_scrutiny import Believed
from nexus_lsp.adapters.gate_trials import Bench
from nexus_lsp.adapters.pytest_run import PytestRun, path_environment
from nexus_lsp.adapters.sandbox import Completed, Sandbox, clean_env, interpreter_paths, run
from nexus_lsp.core.gate import WHOLE_RUN
from nexus_lsp.core.quality import Scrutiny
from nexus_lsp.ports import GateResult, Repository

Fails = Callable[[Target], Awaitable[bool]]
"""Runs what should notice a broken target and says whether it failed."""

_NO_TRUST = "running this workspace's code needs your trust: run `nexus-lsp trust` or trust it in the editor"
_NO_TESTS = "no tests were found"
_NO_PYTHON = "there are no Python files; set `nexus.testCommand` to the command that runs the tests here"
_COMMAND = "`nexus.testCommand` is set, and which lines a test executes is known of pytest only"
_BLIND = (
    "the tests stayed green while {paths} was broken on purpose, so they do not test this checkout: probably "
    "they import an installed copy"
)
_STRANGER = (
    "the tests import {module} from {path}, outside the checkout: probably an editable install. Add the "
    "source folder to `pythonpath` in pytest's configuration, so that tests find it relative to themselves"
)
_RERUN = 50
"""Failing tests up to which a second run is worth it: more are not flaky but broken."""


T = TypeVar("T")


class WorkspaceGates:
    """`ports.Gates` for one workspace; one measurement at a time, whoever asks.

    `workspace` is where the user's own environment (`.venv`, `venv`) stands; it is shown to the tests
    read-only. `python` runs tests where there is none; `timeout` is in seconds, for one run of the tests.
    """

    def __init__(
        self,
        repository: Repository,
        workspace: Path,
        *,
        python: Path | None = None,
        timeout: float = 600,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._repository = repository
        self._workspace = workspace.resolve()
        self._python = python or Path(sys.executable)
        self._timeout = timeout
        self._sandbox = sandbox
        self._checkout = GateCheckout(repository)
        self._lock = asyncio.Lock()
        self._probed: dict[str, str] = {}  # fingerprint -> why it is blind, or ""
        self._works: dict[Path, bool] = {}
        self._running: asyncio.Task[Any] | None = None
        self._seen: Believed | None = None  # the last run of pytest on a whole tree

    async def measure(
        self, commit: str, trusted: bool, test_command: str | None, on_output: Say
    ) -> tuple[GateResult, ...]:
        """The gates "tests" and "lint" on the commit's tree."""
        return await self._alone(lambda: self._measure(commit, trusted, test_command, on_output))

    async def scrutinise(
        self, base: str, head: str, trusted: bool, test_command: str | None, on_output: Say
    ) -> Scrutiny:
        """What the change from `base` to `head` is worth, and whether its tests are honest."""

        async def at(commit: str) -> Place:
            return await self._place(commit, trusted, on_output)

        async def believed(place: Place) -> Believed | str:
            return await self._believed(place, trusted, test_command, on_output)

        bench = Bench(self._repository, at, on_output)
        return await self._alone(lambda: gate_scrutiny.scrutinise(bench, base, head, believed))

    async def close(self) -> None:
        """Cancel what is being measured and remove the gate checkout."""
        if self._running is not None:
            self._running.cancel()
        async with self._lock:
            await self._checkout.discard()

    async def _alone(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._lock:
            running = asyncio.create_task(work())
            self._running = running
            return await running

    async def _measure(
        self, commit: str, trusted: bool, test_command: str | None, say: Say
    ) -> tuple[GateResult, ...]:
        place = await self._place(commit, trusted, say)
        tests = GateResult("tests", "not_measured", _NO_TRUST)
        if trusted:
            tests = await self._tests(place, test_command, say)
        return tests, await lint(place.root, [path for path, _ in place.files], say)

    async def _place(self, commit: str, trusted: bool, say: Say) -> Place:
        """The gate checkout at a commit; only with trust is the workspace's own interpreter looked at."""
        root = await self._checkout.at(commit)
        files = await self._repository.files(commit)
        python = await self._interpreter(say) if trusted else self._python
        return Place(commit, root, files, python, self._workspace, self._timeout, self._sandbox)

    async def _tests(self, place: Place, command: str | None, say: Say) -> GateResult:
        if command is not None and command.strip():
            return await self._command(place, command.strip(), say)
        if not any(path.endswith(".py") for path, _ in place.files):
            return GateResult("tests", "not_measured", _NO_PYTHON)
        return await self._pytest(place, say)

    # --- pytest ---------------------------------------------------------------------------------------

    async def _pytest(self, place: Place, say: Say) -> GateResult:
        self._seen = None
        found = await place.pytest(coverage=True, say=say)
        why = found.note if found.note == _NO_TESTS else await self._blindness(place, found)
        if why:
            return GateResult("tests", "not_measured", why, output=found.output, seconds=found.seconds)
        result = await self._without_flaky(place, found)
        self._seen = Believed(place.commit, found, result.passed)
        return result

    async def _believed(self, place: Place, trusted: bool, command: str | None, say: Say) -> Believed | str:
        """A run of all tests of this tree, the last one if it was of this tree; or why there is none."""
        if not trusted or (command or "").strip():
            return _COMMAND if trusted else _NO_TRUST
        if self._seen is None or self._seen.commit != place.commit:
            result = await self._tests(place, None, say)
            if result.status != "measured" or self._seen is None:
                return result.why
        if _died(self._seen.run):
            return self._seen.run.note or "pytest did not come to its end"
        return self._seen

    async def _blindness(self, place: Place, found: PytestRun) -> str:
        """Why these tests cannot be believed, or ""."""
        foreign = gate_probe.strangers(found, self._workspace, place.python)
        if foreign:
            return _STRANGER.format(module=foreign[0][0], path=foreign[0][1])
        if not found.passed:  # nothing is claimed of tests that fail
            return "" if found.failed or found.errors or found.note else "every test was skipped"

        async def fails(target: Target) -> bool:
            files = target.tests
            expected = [test for test in found.passed if not files or test.partition("::")[0] in files]
            seen = await place.pytest(expected if len(expected) <= 200 else files)
            return not set(expected).issubset(seen.passed)

        targets = gate_probe.covered_targets(found)
        if not targets:
            likely = await asyncio.to_thread(gate_probe.likely_targets, place.root, place.files)
            passing = {test.partition("::")[0] for test in found.passed}
            targets = [target for target in likely if passing.intersection(target.tests)]
            targets = targets or [replace(target, tests=()) for target in likely[:1]]
        return await self._probe(place, None, targets, fails)

    async def _without_flaky(self, place: Place, found: PytestRun) -> GateResult:
        """Run failing tests once more; what passes then is neither passed nor failed, but named."""
        again = [test for test in (*found.failed, *found.errors) if "::" in test]
        flaky: tuple[str, ...] = ()
        whole = _died(found)
        if again and len(again) <= _RERUN and not whole:
            flaky = (await place.pytest(again)).passed
            flaky = tuple(test for test in again if test in flaky)
        failed = tuple(test for test in (*found.failed, *found.errors) if test not in flaky)
        notes = [f"Flaky, left out (failed, then passed when run again): {', '.join(flaky)}"] if flaky else []
        notes += [found.note] if found.note else []
        return GateResult(
            "tests",
            "measured",
            passed=found.passed,
            failed=(*failed, WHOLE_RUN) if whole else failed,
            output="\n".join([found.output, *notes]),
            seconds=found.seconds,
            coverage=found.coverage,
            covered=found.covered,
            places=found.places,
        )

    # --- the user's own command -----------------------------------------------------------------------

    async def _command(self, place: Place, command: str, say: Say) -> GateResult:
        """Its exit status is the one check, named by the command; nothing in its output is interpreted."""
        done = await self._run_command(place, command, say)
        result = GateResult("tests", "measured", output=_told(done, self._timeout), seconds=done.seconds)
        if done.exit_code != 0:
            return replace(result, failed=(command,))

        async def fails(target: Target) -> bool:
            return (await self._run_command(place, command)).exit_code != 0

        targets = await asyncio.to_thread(gate_probe.likely_targets, place.root, place.files)
        why = await self._probe(place, command, targets, fails)
        return replace(result, status="not_measured", why=why) if why else replace(result, passed=(command,))

    async def _run_command(self, place: Place, command: str, say: Say | None = None) -> Completed:
        env = clean_env(path_environment(place.root, {}))
        tools, path = str(place.python.parent), env.get("PATH", "/usr/bin:/bin")
        own = place.python.is_relative_to(self._workspace)
        env["PATH"] = f"{tools}:{path}" if own else f"{path}:{tools}"
        return await run(
            ["/bin/sh", "-c", command],
            cwd=place.root,
            env=env,
            timeout=self._timeout,
            on_output=say,
            readable=[self._workspace, *interpreter_paths(place.python)],
            sandbox=self._sandbox,
        )

    # --- what both need -------------------------------------------------------------------------------

    async def _probe(self, place: Place, command: str | None, targets: Sequence[Target], fails: Fails) -> str:
        """Break one file after another until the tests notice; why they are blind, or ""."""
        if not targets:
            return "there is no source file that the tests execute, so they cannot show a fault in any"
        key = await asyncio.to_thread(gate_probe.fingerprint, place.root, place.python, command)
        if key in self._probed:
            return self._probed[key]
        why = await _tried(place.root, targets[: gate_probe.ATTEMPTS], fails)
        if not why or command is not None:  # pytest's next tree may have tests that do notice
            self._probed[key] = why
        return why

    async def _interpreter(self, say: Say) -> Path:
        """The workspace's own where it runs and has, or can be lent, pytest; else ours."""
        for name in (".venv", "venv"):
            python = self._workspace / name / "bin" / "python"
            if os.access(python, os.X_OK):
                if await self._usable(python):
                    return python
                say(f"{python} has no pytest (or does not start); the tests run with {self._python}")
        return self._python

    async def _usable(self, python: Path) -> bool:
        if python not in self._works:
            ours = ".".join(map(str, sys.version_info[:2]))
            asked = (
                "import sys, importlib.util as i; "
                f"sys.exit(not (i.find_spec('pytest') or '%d.%d' % sys.version_info[:2] == {ours!r}))"
            )
            with tempfile.TemporaryDirectory(prefix="nexus-python-") as empty:
                done = await run(
                    [python, "-c", asked],
                    cwd=Path(empty),
                    timeout=20,
                    readable=interpreter_paths(python),
                    sandbox=self._sandbox,
                )
            self._works[python] = done.exit_code == 0
        return self._works[python]


async def _tried(root: Path, targets: Sequence[Target], fails: Fails) -> str:
    for target in targets:
        async with gate_probe.broken(root, target.path):
            if await fails(target):
                return ""
    return _BLIND.format(paths=", then ".join(target.path for target in targets))


def _died(found: PytestRun) -> bool:
    """Whether pytest did not come to its end: time, crash, broken configuration or conftest."""
    return bool(found.note) or found.exit_code not in (0, 1)


def _told(done: Completed, limit: float) -> str:
    return f"{done.output}\nstopped after {limit:g} s" if done.timed_out else done.output
