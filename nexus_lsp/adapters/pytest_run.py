"""Runs a tree's tests with pytest and says exactly what happened to each.

What happened comes from a recorder of ours inside pytest (`pytest_recorder`), never from pytest's text, so
it is known up to the last finished test when a run times out or the interpreter dies.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_lsp.adapters import pytest_mutants, pytest_recorder
from nexus_lsp.adapters.sandbox import Completed, Sandbox, clean_env, interpreter_paths, run

_LENT = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "coverage")
"""Packages lent to an interpreter of our version that lacks them."""

USAGE_ERROR = 4
"""pytest's exit code for options it does not know."""

_CONFIGS = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)

_EXITS = {
    2: "pytest was interrupted before it had run every test",
    3: "pytest failed internally",
    4: "pytest could not start (see its output)",
    5: "no tests were found",
}


@dataclass(frozen=True, slots=True)
class PytestRun:
    """What a run of pytest showed.

    Attributes:
        passed, failed, errors, skipped: node ids; each test is in one of them. `errors` holds tests whose
            setup or teardown failed, files that could not be collected (by path), and the test in which the
            process died or the time ran out. An expected failure counts as skipped.
        output: pytest's text, bounded.
        exit_code: pytest's own (0 all passed, 1 some failed, 5 none found, …); a signal's where it died.
        coverage: percent of the lines of all source files (tests left out), where measured.
        covered: source files that were executed, relative to the root.
        line_coverage: executed lines (1-based) of those; None where not measured.
        places: (path, 0-based line, message) of failures that stand in the tree.
        note: a sentence where the run did not simply pass or fail: time, crash, no tests, no pytest.
        statements: the lines of every source file that can be executed, whether or not it was imported.
        excluded: those that a comment (`pragma: no cover`) takes out of both.
        tests_of: for a covered file the test files that executed it.
        test_lines: for a test the lines it executed, in those files that were asked about.
        outside: (module, file) of what was imported from neither the root nor the interpreter.
    """

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    errors: tuple[str, ...]
    skipped: tuple[str, ...]
    output: str
    seconds: float
    exit_code: int
    coverage: float | None = None
    covered: tuple[str, ...] = ()
    line_coverage: Mapping[str, frozenset[int]] | None = None
    places: tuple[tuple[str, int, str], ...] = ()
    note: str = ""
    statements: Mapping[str, frozenset[int]] | None = None
    excluded: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    tests_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    test_lines: Mapping[str, Mapping[str, frozenset[int]]] = field(
        default_factory=dict[str, Mapping[str, frozenset[int]]]
    )
    outside: tuple[tuple[str, str], ...] = ()

    @property
    def green(self) -> bool:
        """Some tests ran to the end and none went wrong."""
        return self.exit_code == 0 and bool(self.passed) and not self.failed and not self.errors


async def run_pytest(
    root: Path,
    python: Path,
    tests: Sequence[str] = (),
    *,
    env: Mapping[str, str] | None = None,
    coverage: bool = False,
    contexts: Sequence[str] | None = None,
    only: Sequence[str] = (),
    timeout: float = 600,  # noqa: ASYNC109
    on_output: Callable[[str], None] | None = None,
    extra_args: Sequence[str] = (),
    readable: Sequence[Path] = (),
    sandbox: Sandbox | None = None,
) -> PytestRun:
    """Run `tests` (paths or node ids; none = what the workspace's configuration says) in the tree at `root`.

    `root/src` and `root` come first on PYTHONPATH. It executes the tree's code: only with trust, and then in
    the sandbox, with `readable` shown besides the interpreter. `env` is laid over the clean environment;
    `timeout` is in seconds. With `coverage`, `contexts` names source files of which `test_lines` is to tell.
    `only` names test functions (node ids without rows): of what is collected nothing else runs.
    An interpreter of our own version without pytest or coverage is lent ours.
    """
    named = None if contexts is None else list(contexts)
    done, events = await launch(
        root,
        python,
        tests,
        {"coverage": coverage, "contexts": named, "only": list(only)},
        env=env,
        timeout=timeout,
        on_output=on_output,
        extra_args=extra_args,
        readable=readable,
        sandbox=sandbox,
    )
    return _result(done, events, timeout)


async def launch(
    root: Path,
    python: Path,
    tests: Sequence[str],
    wish: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,  # noqa: ASYNC109
    on_output: Callable[[str], None] | None = None,
    extra_args: Sequence[str] = (),
    readable: Sequence[Path] = (),
    sandbox: Sandbox | None = None,
) -> tuple[Completed, list[dict[str, Any]]]:
    """Start the recorder as `run_pytest` does and give its events; `wish` is laid over its specification."""
    root = await asyncio.to_thread(root.resolve)

    async def once(*more: str) -> tuple[Completed, list[dict[str, Any]]]:
        directory = await asyncio.to_thread(_directory)
        try:
            spec = {**_spec(root, directory, tests, [*more, *extra_args]), **wish}
            await asyncio.to_thread(_write, directory, spec)
            done = await run(
                [python, directory / "recorder.py", directory / "spec.json"],
                cwd=root,
                env=clean_env(_plugins(python) | path_environment(root, env or {})),
                timeout=timeout,
                on_output=on_output,
                writable=[directory],
                readable=[*interpreter_paths(python), *_lenders(), *readable],
                sandbox=sandbox,
            )
            return done, await asyncio.to_thread(lambda: list(_events(directory / "record.jsonl")))
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    done, events = await once()
    codes = {event["code"] for event in events if event["event"] == "exit"}
    if USAGE_ERROR in codes and "unrecognized arguments" in done.output:
        # the workspace's `addopts` speak of plugins that are not here (--cov, -n): the tests can do without
        return await once("-o", "addopts=")
    return done, events


def _directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="nexus-pytest-")).resolve()


def _spec(root: Path, directory: Path, tests: Sequence[str], extra_args: Sequence[str]) -> dict[str, Any]:
    """What the recorder's `main` is told."""
    args = [
        f"--rootdir={root}",
        f"--confcutdir={root}",
        "-o",
        f"cache_dir={directory / 'cache'}",
        "--color=no",
        "--continue-on-collection-errors",
    ]
    if not any((root / name).exists() for name in _CONFIGS):
        args += ["-c", str(directory / "pytest.ini")]  # else pytest looks for one in the directories above
    return {
        "root": str(root),
        "directory": str(directory),
        "record": str(directory / "record.jsonl"),
        "coverage": False,
        "contexts": None,
        "only": [],
        "mutants": [],
        "args": [*args, *extra_args],
        "tests": list(tests),
        "lent": str(_home_of("pytest")),
        "lent_names": list(_LENT),
        "lent_version": list(sys.version_info[:2]),
    }


def _write(directory: Path, spec: dict[str, Any]) -> None:
    (directory / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    shutil.copyfile(Path(pytest_recorder.__file__), directory / "recorder.py")
    shutil.copyfile(Path(pytest_mutants.__file__), directory / "pytest_mutants.py")


def _plugins(python: Path) -> dict[str, str]:
    """Our own environment's pytest plugins are not the workspace's: they cost seconds, and some break it."""
    ours = python.absolute() == Path(sys.executable).absolute()
    return {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if ours else {}


def path_environment(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What lets a tree's own modules come first and keeps byte code out of it, under `env`."""
    own = [str(path) for path in (root / "src", root) if path.is_dir()]
    path = os.pathsep.join([*own, *filter(None, [env.get("PYTHONPATH")])])
    return {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120", **env, "PYTHONPATH": path}


def _home_of(package: str) -> Path:
    """The site-packages directory that our own copy stands in."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"NEXUS is installed without {package}")
    return Path(spec.origin).parent.parent


def _lenders() -> Iterator[Path]:
    home = _home_of("pytest")
    named = (home / name for package in _LENT for name in (package, f"{package}.py"))
    yield from (path for path in named if path.exists())
    yield from (path for package in _LENT for path in home.glob(f"{package}-*.dist-info"))


def _events(record: Path) -> Iterator[dict[str, Any]]:
    """What was recorded; a last line that a dying process left half written is dropped."""
    if not record.exists():
        return
    for line in record.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _result(done: Completed, events: Sequence[dict[str, Any]], limit: float) -> PytestRun:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_kind.setdefault(event["event"], []).append(event)
    outcomes = _outcomes(by_kind)
    ended = by_kind.get("exit", [])
    unfinished = () if ended else _unfinished(by_kind)
    outcomes |= dict.fromkeys(unfinished, "errors")
    measured = by_kind.get("coverage", [{}])[-1]
    lines: dict[str, list[int]] | None = measured.get("lines")
    by_test: dict[str, dict[str, list[int]]] = measured.get("test_lines", {})
    return PytestRun(
        **{kind: _of(outcomes, kind) for kind in ("passed", "failed", "errors", "skipped")},
        output=done.output,
        seconds=done.seconds,
        exit_code=ended[-1]["code"] if ended and not done.timed_out else done.exit_code or 1,
        coverage=measured.get("percent"),
        covered=tuple(sorted(lines or ())),
        line_coverage=None if lines is None else _sets(lines),
        statements=None if lines is None else _sets(measured["statements"]),
        excluded=_sets(measured.get("excluded", {})),
        places=tuple(dict.fromkeys((e["path"], e["line"], e["message"]) for e in by_kind.get("place", []))),
        note=_note(done, by_kind, unfinished, limit),
        tests_of={path: tuple(found) for path, found in measured.get("tests", {}).items()},
        test_lines={test: _sets(found) for test, found in by_test.items()},
        outside=tuple((name, path) for e in by_kind.get("outside", []) for name, path in e["modules"]),
    )


def _sets(lines: Mapping[str, list[int]]) -> dict[str, frozenset[int]]:
    return {path: frozenset(found) for path, found in lines.items()}


def _outcomes(by_kind: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, str]:
    """Outcome by node id: the worst of a test's phases; a test passes by its call alone."""
    rank = {"passed": 0, "skipped": 1, "failed": 2, "errors": 3}
    outcomes: dict[str, str] = {}
    for event in by_kind.get("collect", []):
        outcomes[event["test"]] = "errors" if event["outcome"] == "failed" else "skipped"
    for event in by_kind.get("test", []):
        outcome = event["outcome"]
        if outcome == "failed" and event["when"] != "call":
            outcome = "errors"
        relevant = outcome in rank and (event["when"] == "call" or outcome != "passed")
        if relevant and rank[outcome] >= rank[outcomes.get(event["test"], "passed")]:
            outcomes[event["test"]] = outcome
    return outcomes


def _unfinished(by_kind: Mapping[str, Sequence[dict[str, Any]]]) -> tuple[str, ...]:
    ended = {event["test"] for event in by_kind.get("test", []) if event["when"] == "teardown"}
    return tuple(event["test"] for event in by_kind.get("begun", []) if event["test"] not in ended)


def _of(outcomes: Mapping[str, str], kind: str) -> tuple[str, ...]:
    return tuple(test for test, outcome in outcomes.items() if outcome == kind)


def _note(
    done: Completed,
    by_kind: Mapping[str, Sequence[dict[str, Any]]],
    unfinished: Sequence[str],
    limit: float,
) -> str:
    during = f" during {', '.join(unfinished[:3])}" if unfinished else ""
    if done.timed_out:
        return f"the tests did not end within {limit:g} s; they were stopped{during}"
    if unable := by_kind.get("unable"):
        return unable[-1]["why"]
    if ended := by_kind.get("exit"):
        return _EXITS.get(ended[-1]["code"], "")
    return f"the interpreter ended with exit status {done.exit_code} before pytest did{during}"
