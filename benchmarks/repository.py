"""The quarantine on repositories of three sizes, beside the git command doing the like."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.stage import Stage, git
from benchmarks.tables import Samples, ratio, show
from nexus_lsp.adapters.quarantine import Quarantine

T = TypeVar("T")
Took = dict[str, list[float]]
PEERS = {
    "snapshot, first": "git add -A, no index",
    "snapshot, nothing changed": "git status",
    "snapshot, one file changed": "git add -A",
    "checkout": "git worktree add",
    "harvest, one file changed": "git add -A",
}


async def measure_repository(stage: Stage) -> None:
    """Table 5."""
    rows: list[list[str]] = []
    for files, rounds in ((300, 1),) if stage.quick else ((1_000, 7), (10_000, 3), (20_000, 3)):
        root = stage.workspace(f"repository-{files}", files)
        took: Took = {}
        for number in range(rounds):
            await _round(stage, root, took, f"{files}-{number}")
        for name, peer in PEERS.items():
            mine, other = Samples(tuple(took[name])), Samples(tuple(took[peer]))
            rows.append(
                [f"{files:,} files: {name}", *mine.spread(), peer, number_of(other), ratio(mine, other)]
            )
        shutil.rmtree(root)
    head = ("what", "median", "min", "max", "beside", "median", "ratio")
    show("5. Snapshots and checkouts (ms)", head, rows, "a first snapshot is taken once a workspace, ever")


def number_of(samples: Samples) -> str:
    """The median alone."""
    return samples.spread()[0]


async def _round(stage: Stage, root: Path, took: Took, name: str) -> None:
    state = stage.place(f"quarantine-{name}")
    changed = root / "pkg000" / "m00000.py"
    counter = itertools.count()

    def change(file: Path) -> None:
        file.write_text(f"changed = {name!r}, {next(counter)}\n")

    _git_round(root, took, lambda: change(changed), state)
    quarantine = await Quarantine.open(root, state)
    try:
        first = await _timed(took, "snapshot, first", lambda: quarantine.snapshot({}))
        again = await _timed(
            took, "snapshot, nothing changed", lambda: quarantine.snapshot({}, (first.commit,))
        )
        assert again.commit == first.commit
        change(changed)
        await _timed(took, "snapshot, one file changed", lambda: quarantine.snapshot({}, (first.commit,)))
        place = await _timed(took, "checkout", lambda: quarantine.checkout(first.commit, "bench"))
        change(place / "pkg000" / "m00000.py")
        harvest = await _timed(
            took, "harvest, one file changed", lambda: quarantine.harvest(place, first.commit, "bench")
        )
        assert len(harvest.paths) == 1
        await quarantine.discard(place)
    finally:
        await quarantine.close()
        shutil.rmtree(state)


def _git_round(root: Path, took: Took, change: Callable[[], None], state: Path) -> None:
    def timed(name: str, *words: str) -> None:
        began = time.perf_counter()
        git(root, *words)
        took.setdefault(name, []).append((time.perf_counter() - began) * 1e3)

    timed("git status", "status", "--porcelain")
    tree = state / "worktree"
    timed("git worktree add", "worktree", "add", "--detach", str(tree))
    git(root, "worktree", "remove", "--force", str(tree))
    change()
    timed("git add -A", "add", "-A")
    # as on the first day: into an empty repository, every blob written
    fresh = state / "fresh.git"
    git(root, "init", "-q", "--bare", str(fresh))
    timed("git add -A, no index", f"--git-dir={fresh}", "--work-tree=.", "add", "-A")


async def _timed(took: Took, name: str, work: Callable[[], Awaitable[T]]) -> T:
    began = time.perf_counter()
    answer = await work()
    took.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
    return answer
