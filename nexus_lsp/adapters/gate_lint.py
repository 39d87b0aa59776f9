"""The lint gate: what is certainly wrong in a tree's Python files, as ruff sees it.

Only syntax errors and names that do not exist (E9, F821, F822, F823): taste is no reason to block anyone.
Nothing of the workspace is executed, so it needs no trust, and no sandbox, which would take ten times as
long as ruff. A workspace's configuration can make ruff read a file, but what it says of one that is no
configuration is not passed on.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.git_command import stop
from nexus_lsp.adapters.sandbox import Completed, clean_env
from nexus_lsp.ports import GateResult

_RULES = "E9,F821,F822,F823"
_TIMEOUT = 120.0
NO_PYTHON = "there are no Python files"


async def lint(root: Path, files: Collection[str], on_output: Callable[[str], None]) -> GateResult:
    """Check the tree at `root`; ids are `path:RULE:message`, those that passed are the clean files' paths."""
    python = [path for path in files if path.endswith((".py", ".pyi"))]
    if not python:
        return GateResult("lint", "not_measured", NO_PYTHON)
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-lint-"))
    try:
        report = directory / "report.json"
        done = await _ruff(root, report, [])
        if done.exit_code != 0:  # the workspace's own configuration may be the reason
            done = await _ruff(root, report, ["--isolated"])
        if done.exit_code != 0:
            return GateResult("lint", "not_measured", f"ruff did not run: {done.output.strip()[-300:]}")
        found: list[dict[str, Any]] = json.loads(await asyncio.to_thread(report.read_text, encoding="utf-8"))
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
    result = _result(root, python, found, done.seconds)
    for line in result.output.splitlines():
        on_output(line)
    return result


async def _ruff(root: Path, report: Path, extra: list[str]) -> Completed:
    options = ["--no-fix", "--no-cache", "--exit-zero", "--quiet", "--extend-exclude=*.ipynb", *extra]
    options += ["--output-format=json", f"--output-file={report}"]
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(*_command(), "check", f"--select={_RULES}", *options, "."),
        cwd=root,
        env=clean_env({"HOME": str(report.parent)}),  # where the user's own configuration is not
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        process_group=0,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            said, _ = await process.communicate()
    except TimeoutError:
        return Completed(-9, f"it was not done after {_TIMEOUT:g} s", time.monotonic() - began, True)
    finally:
        await stop(process)
    return Completed(process.returncode or 0, said.decode("utf-8", "replace"), time.monotonic() - began)


def _command() -> tuple[str, ...]:
    """Ours, never a `ruff.py` of the workspace; the program itself starts in a third of the module's time."""
    program = Path(sys.executable).with_name("ruff")
    return (str(program),) if program.exists() else (sys.executable, "-I", "-m", "ruff")


def _result(root: Path, python: list[str], found: list[dict[str, Any]], seconds: float) -> GateResult:
    failed: dict[str, None] = {}
    places: list[tuple[str, int, str]] = []
    for fault in found:
        path = Path(fault["filename"]).relative_to(root.resolve()).as_posix()
        rule, message = fault["code"] or "invalid-syntax", fault["message"]
        failed[f"{path}:{rule}:{message}"] = None
        places.append((path, fault["location"]["row"] - 1, f"{rule} {message}"))
    faulty = {path for path, _, _ in places}
    return GateResult(
        "lint",
        "measured",
        passed=tuple(path for path in python if path not in faulty),
        failed=tuple(failed),
        output="\n".join(f"{path}:{line + 1}: {message}" for path, line, message in places[:200]),
        seconds=seconds,
        places=tuple(places[:200]),
    )
