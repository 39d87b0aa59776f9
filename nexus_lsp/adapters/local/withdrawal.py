"""Withdrawing fixes: what each fix replaced, kept for the repair rounds, and how it is taken back.

A repair attempt starts from the red candidate, which holds other tasks' work too. So a file is restored
whole only where it still holds exactly what we wrote. In one with conflict markers our side of each conflict
goes; from any other our part is taken out by a three-way merge (`git merge-file`), and where that conflicts
the file is left alone and named.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MAX_TASKS = 64
"""Tasks whose originals are kept; the oldest go first."""

_CONFLICT = re.compile(
    rb"^<<<<<<<[^\n]*\n(.*?)(?:^\|\|\|\|\|\|\|[^\n]*\n.*?)?^=======\r?\n(.*?)^>>>>>>>[^\n]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fix:
    """One file's bytes before and after our fixes."""

    before: bytes
    after: bytes


class Originals:
    """The fixes of the latest tasks by (run id, task id), in memory: a restart forgets them."""

    def __init__(self) -> None:
        self._fixes: dict[tuple[str, str], dict[str, Fix]] = {}

    def of(self, run_id: str, task_id: str) -> Mapping[str, Fix] | None:
        """The task's fixes by path; None where nothing is known of it."""
        return self._fixes.get((run_id, task_id))

    def keep(self, run_id: str, task_id: str, fixes: Mapping[str, Fix]) -> None:
        """Remember what a task's latest attempt did."""
        self._fixes.pop((run_id, task_id), None)
        self._fixes[run_id, task_id] = dict(fixes)
        while len(self._fixes) > MAX_TASKS:
            del self._fixes[next(iter(self._fixes))]


def withdraw(root: Path, fixes: Mapping[str, Fix], paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Take our fixes out of these files: (withdrawn, could not be withdrawn)."""
    done: list[str] = []
    stuck: list[str] = []
    for path in paths:
        target = root / path
        current = target.read_bytes() if target.is_file() and not target.is_symlink() else None
        restored = None if current is None else _without(current, fixes[path])
        if restored is None:
            stuck.append(path)
            continue
        target.write_bytes(restored)
        done.append(path)
    return done, stuck


def _without(current: bytes, fix: Fix) -> bytes | None:
    if current == fix.after:
        return fix.before
    return without_conflicts(current, fix) if _CONFLICT.search(current) else _merged(current, fix)


def without_conflicts(current: bytes, fix: Fix) -> bytes | None:
    """The file with the others' side of each conflict with our fix; None where neither side is ours."""
    unclear = False

    def other_side(match: re.Match[bytes]) -> bytes:
        nonlocal unclear
        one, two = match.group(1), match.group(2)
        ours = [side in fix.after for side in (one, two)]
        unclear = unclear or ours[0] == ours[1]
        return two if ours[0] else one

    resolved = _CONFLICT.sub(other_side, current)
    return None if unclear else resolved


def _merged(current: bytes, fix: Fix) -> bytes | None:
    """`current` with the step from `after` back to `before` applied; None on a conflict."""
    if not fix.after or current == fix.before:
        return current
    with tempfile.TemporaryDirectory(prefix="nexus-merge-") as folder:
        names = [Path(folder) / name for name in ("current", "after", "before")]
        for name, content in zip(names, (current, fix.after, fix.before), strict=True):
            name.write_bytes(content)
        argv = ["git", "merge-file", "-p", *(str(name) for name in names)]
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    return done.stdout if done.returncode == 0 else None
