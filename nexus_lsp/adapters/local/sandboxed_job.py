"""Starts `in_sandbox.py` for one job and reads its answers back."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_lsp.adapters import pytest_recorder, sandbox
from nexus_lsp.adapters.local import in_sandbox

_LENT = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")
"""Packages lent to an interpreter of our version that lacks them."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the job answered before it ended; `fault` is the end of its output where it ended badly."""

    answers: tuple[dict[str, Any], ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The module a job is about: its checkout, the interpreter, its path there and its import name."""

    root: Path
    python: Path
    path: str
    module: str


async def run_job(
    target: Target, job: Mapping[str, Any], seconds: float, files: Mapping[str, str] | None = None
) -> Answers:
    """Run one job; it ends by itself within `seconds` or is ended a little later.

    `files` are written beside the job; a value `@name` in the job stands for the path of one of them.
    """
    folder = Path(tempfile.mkdtemp(prefix="nexus-job-"))
    try:
        given = _given(target, folder, {**job, "seconds": seconds}, files or {})
        await asyncio.to_thread(_write, folder, given, files or {})
        done = await sandbox.run(
            [target.python, folder / "in_sandbox.py", folder / "job.json"],
            cwd=target.root,
            env=sandbox.clean_env(_ENV),
            timeout=seconds + 15,
            max_output=20_000,
            writable=[folder],
            readable=[*sandbox.interpreter_paths(target.python), Path(given["lent"])],
        )
        answers = await asyncio.to_thread(lambda: tuple(_answers(folder / "answers.jsonl")))
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    lines = done.output.strip().splitlines()
    return Answers(
        answers, "" if done.exit_code == 0 else (lines[-1] if lines else "it ended without a word")
    )


_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _given(target: Target, folder: Path, job: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    root = target.root.resolve()
    spec = importlib.util.find_spec("pytest")
    home = Path(spec.origin).parent.parent if spec and spec.origin else folder
    places = {f"@{name}": str(folder / name) for name in files}
    return {
        "root": str(root),
        "path": [str(path) for path in (root / "src", root) if path.is_dir()] + [str(folder)],
        "module": target.module,
        "file": str(root / target.path),
        "answers": str(folder / "answers.jsonl"),
        "lent": str(home),
        "lent_names": list(_LENT),
        "lent_version": list(sys.version_info[:2]),
        **{
            name: places.get(value, value) if isinstance(value, str) else value for name, value in job.items()
        },
    }


def _write(folder: Path, given: Mapping[str, Any], files: Mapping[str, str]) -> None:
    shutil.copyfile(Path(in_sandbox.__file__), folder / "in_sandbox.py")
    shutil.copyfile(Path(pytest_recorder.__file__), folder / "recorder.py")
    (folder / "job.json").write_text(json.dumps(given), encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _answers(path: Path) -> Iterator[dict[str, Any]]:
    """A last line that a dying process left half written is dropped."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
