"""Pairs of features put together: what git alone lands, what NEXUS lands, and whether their tests pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from nexus_lsp.adapters.quarantine import Quarantine
from nexus_lsp.engine.structural import by_structure
from nexus_lsp.ports import FileContent
from tests.merging.features.shop import BASE, FEATURES, with_feature

OWN_TESTS = 7
"""Tests of the base."""

PAIRS = list(combinations(FEATURES, 2))


@dataclass(frozen=True, slots=True)
class Landed:
    """Pairs that merge.

    Attributes:
        clean: with git alone; `clean_code`: were it not for the notes (README, changelog).
        passed: tests that passed, by pair and by feature; -1 where one failed.
        merge_seconds: what merging took, by pair.
    """

    clean: frozenset[str]
    clean_code: frozenset[str]
    passed: Mapping[str, int]
    merge_seconds: Mapping[str, float]

    @property
    def together(self) -> dict[str, int]:
        """Tests that passed of each pair that was merged."""
        return {name: count for name, count in self.passed.items() if "+" in name}

    @property
    def right(self) -> set[str]:
        """Pairs of which every test of the base and of both features passed: what a gate lets land."""
        own = {name: self.passed[name] - OWN_TESTS for name in FEATURES}
        wanted = {f"{a}+{b}": OWN_TESTS + own[a] + own[b] for a, b in PAIRS}
        return {name for name, count in self.together.items() if count == wanted[name]}


async def land_all(scratch: Path, pairs: Sequence[tuple[str, str]] = PAIRS) -> Landed:
    """Merge each pair as a landing does, and run the tests of what came out."""
    (scratch / "empty").mkdir()
    quarantine = await Quarantine.open(scratch / "empty", scratch / "state")
    try:
        base = await _commit(quarantine, (await quarantine.snapshot({})).commit, dict(BASE))
        tips = {name: await _commit(quarantine, base, with_feature(name)) for name in FEATURES}
        clean: set[str] = set()
        clean_code: set[str] = set()
        seconds: dict[str, float] = {}
        folders: list[Path] = []
        for a, b in pairs:
            merge = await quarantine.merge(tips[a], tips[b], "both")
            if not merge.conflicts:
                clean.add(f"{a}+{b}")
            if all(path.endswith(".md") for path in merge.conflicts):
                clean_code.add(f"{a}+{b}")
            began = time.perf_counter()
            solved = merge.conflicts and await by_structure(quarantine, merge, (tips[a], tips[b]), "both")
            seconds[f"{a}+{b}"] = time.perf_counter() - began
            if commit := merge.commit if not merge.conflicts else solved:
                folders.append(scratch / f"{a}+{b}")
                await _write(quarantine, commit, folders[-1])
    finally:
        await quarantine.close()
    passed = run_tests([*folders, *alone(scratch)])
    return Landed(frozenset(clean), frozenset(clean_code), passed, seconds)


def alone(scratch: Path) -> list[Path]:
    """Every feature for itself, as folders: its own tests pass."""
    for name in FEATURES:
        for path, text in with_feature(name).items():
            _put(scratch / name, path, text.encode())
    return [scratch / name for name in FEATURES]


def run_tests(folders: list[Path]) -> Mapping[str, int]:
    """Folder's name -> tests that passed, -1 where one did not."""
    command = [sys.executable, str(Path(__file__).with_name("run_each.py")), *map(str, folders)]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


async def _commit(quarantine: Quarantine, parent: str, files: dict[str, str]) -> str:
    contents = {path: FileContent(text.encode()) for path, text in files.items()}
    return await quarantine.with_files(parent, contents, (parent,), "feature")


async def _write(quarantine: Quarantine, commit: str, folder: Path) -> None:
    for path, _ in await quarantine.files(commit):
        file = await quarantine.read_file(commit, path)
        assert file is not None
        _put(folder, path, file.content)


def _put(folder: Path, path: str, content: bytes) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
