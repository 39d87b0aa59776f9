"""Ruff as the local team uses it: run, and read back as values.

Ruff parses; it executes nothing of a workspace, so its own configuration there is data that is honoured.
Security rules run with `--isolated`: no workspace can switch them off.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_lsp.adapters import sandbox
from nexus_lsp.adapters.local.workspace_files import is_test, lowest_python, pyproject

DEFAULT_RULES = ("F", "E", "W", "I", "UP", "B", "SIM", "C4", "PIE", "RUF")
"""For a workspace without a ruff configuration of its own."""

IGNORED_RULES = ("E501", "RUF001", "RUF002", "RUF003")
"""Without a configuration nobody has chosen a line length or forbidden letters beyond ASCII."""

OLDEST_SAFE = (3, 9)
"""Assumed where a project does not say which Python it needs: rewrites for newer ones are left out."""

_LOOK_ONLY = ("--exit-zero", "--no-fix", "--no-fix-only", "--no-unsafe-fixes")
"""A workspace's configuration may say `fix = true`."""

_KNOWN_MINORS = range(7, 15)
_CONFIGS = ("ruff.toml", ".ruff.toml")


class RuffFailed(Exception):
    """Ruff could not do its work; the text is its own, shortened."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic: `path` is relative, `line` 1-based; `rule` is "" for a syntax error."""

    path: str
    line: int
    rule: str
    message: str
    fixable: bool

    def __str__(self) -> str:
        return f"`{self.path}:{self.line}` {self.rule or 'syntax'}: {self.message}"


def own_config(root: Path) -> bool:
    """Whether the workspace configures ruff itself, at its top or in a folder below."""
    tool = pyproject(root).get("tool", {})
    return "ruff" in tool or any(next(root.rglob(name), None) is not None for name in _CONFIGS)


def target_version(root: Path) -> str:
    """Ruff's name for the oldest Python the project supports ("py310")."""
    _, minor = lowest_python(root) or OLDEST_SAFE
    return f"py3{min(max(minor, _KNOWN_MINORS.start), _KNOWN_MINORS.stop - 1)}"


def rule_arguments(root: Path, rules: Sequence[str] | None = None) -> list[str]:
    """Which rules: `rules` where given, else the workspace's own, else the default set."""
    if rules is None and own_config(root):
        return []
    chosen = ",".join(rules or DEFAULT_RULES)
    base = ["--select", chosen, "--ignore", ",".join(IGNORED_RULES)]
    return base if own_config(root) else ["--isolated", "--target-version", target_version(root), *base]


async def check(root: Path, paths: Sequence[str], arguments: Sequence[str]) -> tuple[Finding, ...]:
    """What `ruff check` finds in the files; RuffFailed where it cannot run (a faulty configuration)."""
    if not paths:
        return ()
    with tempfile.TemporaryDirectory(prefix="nexus-ruff-") as scratch:
        output = Path(scratch) / "findings.json"
        listed = ["--output-format", "json", "--output-file", str(output)]
        await _ruff(root, ["check", *_LOOK_ONLY, *listed, *arguments], paths, Path(scratch))
        raw: list[dict[str, Any]] = json.loads(output.read_text() or "[]")
    return tuple(sorted((_finding(root, entry) for entry in raw), key=lambda f: (f.path, f.line, f.rule)))


async def fix(root: Path, paths: Sequence[str], arguments: Sequence[str]) -> None:
    """Apply ruff's safe fixes in place; unsafe ones never."""
    if paths:
        await _ruff(
            root, ["check", "--fix", "--no-unsafe-fixes", "--exit-zero", "--quiet", *arguments], paths
        )


async def format_file(root: Path, path: str) -> None:
    """Lay one file out as the workspace does, or as ruff does by itself."""
    arguments = [] if own_config(root) else ["--isolated", "--target-version", target_version(root)]
    await _ruff(root, ["format", "--quiet", *arguments], [path])


async def security(root: Path, paths: Sequence[str]) -> tuple[Finding, ...]:
    """Findings of the security rules (flake8-bandit's S), whatever the workspace's configuration says."""
    target = ["--target-version", target_version(root)]
    found = await check(root, paths, ["--isolated", "--ignore-noqa", "--select", "S", *target])
    return tuple(f for f in found if f.rule and not (is_test(f.path) and f.rule in ("S101", "S105", "S106")))


async def _ruff(
    root: Path, command: Sequence[str], paths: Sequence[str], scratch: Path | None = None
) -> None:
    # -I keeps a `ruff.py` in the workspace from being imported in ruff's place.
    argv = [sys.executable, "-I", "-m", "ruff", *command, "--no-cache", "--force-exclude", "--", *paths]
    done = await sandbox.run(
        argv,
        cwd=root,
        timeout=120,
        writable=(scratch,) if scratch else (),
        readable=sandbox.interpreter_paths(Path(sys.executable)),
    )
    if done.exit_code != 0:
        raise RuffFailed(done.output.strip()[-600:] or f"ruff ended with {done.exit_code}")


def _finding(root: Path, entry: dict[str, Any]) -> Finding:
    path = Path(entry["filename"])
    mend: dict[str, Any] = entry.get("fix") or {}
    code = entry.get("code") or ""
    return Finding(
        path=_relative(path, root),
        line=int(entry["location"]["row"]),
        rule="" if code == "invalid-syntax" else code,
        message=str(entry["message"]),
        fixable=mend.get("applicability") == "safe",
    )


def _relative(path: Path, root: Path) -> str:
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()
