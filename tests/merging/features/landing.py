"""Pairs of features put together: what git alone lands, what NEXUS lands, and whether their tests pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from nexus_lsp.adapters.quarantine import Quarantine
from nexus_lsp.engine.structural import by_structure
from nexus_lsp.ports import FileContent
from tests.merging.features.shop import BASE, FEATURES, with_feature

PAIRS = list(combinations(FEATURES, 2))


@dataclass(frozen=True, slots=True)
class Landed:
    """Pairs that land. `clean`: with git alone; `passed`: by pair, -1 where a test failed."""

    clean: frozenset[str]
    passed: Mapping[str, int]


async def land_all(scratch: Path) -> Landed:
    """Merge every pair as a landing does, and run the tests of what came out."""
    (scratch / "empty").mkdir()
    quarantine = await Quarantine.open(scratch / "empty", scratch / "state")
    try:
        base = await _commit(quarantine, (await quarantine.snapshot({})).commit, dict(BASE))
        tips = {name: await _commit(quarantine, base, with_feature(name)) for name in FEATURES}
        clean: set[str] = set()
        folders: list[Path] = []
        for a, b in PAIRS:
            merge = await quarantine.merge(tips[a], tips[b], "both")
            if not merge.conflicts:
                clean.add(f"{a}+{b}")
            solved = merge.conflicts and await by_structure(quarantine, merge, (tips[a], tips[b]), "both")
            if commit := merge.commit if not merge.conflicts else solved:
                folders.append(scratch / f"{a}+{b}")
                await _write(quarantine, commit, folders[-1])
    finally:
        await quarantine.close()
    return Landed(frozenset(clean), run_tests([*folders, *alone(scratch)]))


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
