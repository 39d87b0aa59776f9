"""The lint gate: what is certainly wrong in a tree's Python files, as ruff sees it.

Only syntax errors and names that do not exist (E9, F821, F822, F823): taste is no reason to block anyone.
Nothing of the workspace is executed, so it needs no trust.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.sandbox import Completed, Sandbox, clean_env, interpreter_paths, run
from nexus_lsp.ports import GateResult

_RULES = "E9,F821,F822,F823"
_TIMEOUT = 120.0


async def lint(
    root: Path, files: Collection[str], on_output: Callable[[str], None], sandbox: Sandbox | None = None
) -> GateResult:
    """Check the tree at `root`; ids are `path:RULE:message`, those that passed are the clean files' paths."""
    python = [path for path in files if path.endswith((".py", ".pyi"))]
    if not python:
        return GateResult("lint", "not_measured", "there are no Python files")
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-lint-"))
    try:
        report = directory / "report.json"
        done = await _ruff(root, report, [], sandbox)
        if done.exit_code != 0:  # the workspace's own configuration may be the reason
            done = await _ruff(root, report, ["--isolated"], sandbox)
        if done.exit_code != 0:
            return GateResult("lint", "not_measured", f"ruff did not run: {done.output.strip()[-300:]}")
        found: list[dict[str, Any]] = json.loads(await asyncio.to_thread(report.read_text, encoding="utf-8"))
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
    result = _result(root, python, found, done.seconds)
    for line in result.output.splitlines():
        on_output(line)
    return result


async def _ruff(root: Path, report: Path, extra: list[str], sandbox: Sandbox | None) -> Completed:
    interpreter = Path(sys.executable)
    options = ["--no-fix", "--no-cache", "--exit-zero", "--quiet", "--extend-exclude=*.ipynb", *extra]
    options += ["--output-format=json", f"--output-file={report}"]
    return await run(
        # -I: a `ruff.py` in the workspace must not be what runs
        [interpreter, "-I", "-m", "ruff", "check", f"--select={_RULES}", *options, "."],
        cwd=root,
        env=clean_env(),
        timeout=_TIMEOUT,
        writable=[report.parent],
        readable=[*interpreter_paths(interpreter)],
        sandbox=sandbox,
    )


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
