"""Files with waiting changes that the user gave other names while no editor looked on: found by their text.

Only what is sure is followed: the file is gone, and one new file alone holds nine tenths of its text, and
that of no other file that is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_lsp.core.evolve_changes import moved_path, moved_with
from nexus_lsp.core.facts import BaseMoved, FileMoved, SnapshotTaken
from nexus_lsp.core.renames import Pair, sure, whole_folder
from nexus_lsp.core.run import Run
from nexus_lsp.engine.settling import conflicting
from nexus_lsp.ports import FileContent

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Found:
    """`moved`: files or folders, (old, new); `unsure`: by a file that is gone, those that it may be."""

    moved: tuple[Pair, ...]
    unsure: Mapping[str, tuple[str, ...]]


NOTHING = Found((), {})


class Renames:
    """One look at the user's files as they are now, for one run after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._repository = engine.adapters.repository
        self._now = ""

    async def of(self, run: Run) -> Found:
        """What became of the files that this run's waiting changes are of."""
        if run.snapshot is None:
            return NOTHING
        if not self._now:
            taken = await self._repository.snapshot(await self._engine.open_texts(), (run.snapshot,))
            self._now = taken.commit
        there = waiting(run)
        gone = [path for path in there if await self._repository.find(self._now, path) is None]
        if not gone:
            return NOTHING
        before = await self._before(run, {path: there[path] for path in gone})
        pairs = await self._repository.moved(before, self._now)
        known = [pair for pair in sure(pairs) if pair[0] in gone]
        unsure = {path: tuple(new for old, new in pairs if old == path) for path in gone}
        unsure = {path: there for path, there in unsure.items() if there and path not in dict(known)}
        return Found(tuple(await self._moved(run, known, before)), unsure)

    async def _moved(self, run: Run, known: Iterable[Pair], before: str) -> list[Pair]:
        """Those that something follows from, files of one renamed folder as that."""
        then, now = await self._paths(before), await self._paths(self._now)
        pairs: list[Pair] = []
        for old, new in known:
            if not any(moved_path(old, *pair) == new for pair in pairs):
                pairs.append(whole_folder((old, new), then, now))
        states = run.changes.values()
        return [pair for pair in pairs if any(moved_with(s, *pair) is not s for s in states)]

    async def _paths(self, commit: str) -> set[str]:
        return {path for path, _ in await self._repository.files(commit)}

    async def _before(self, run: Run, gone: Mapping[str, str]) -> str:
        """The run's snapshot with the files under the names that the engine knows them by."""
        assert run.snapshot is not None
        there = await self._paths(run.snapshot)
        files: dict[str, FileContent | None] = {}
        for move in self._since(run):
            files |= {path: None for path in there if moved_path(path, move.old_path, move.path) != path}
        for path, blob in gone.items():
            if path not in there:
                files[path] = FileContent(await self._repository.read(blob))
        if not files:
            return run.snapshot
        return await self._repository.with_files(run.snapshot, files, (run.snapshot,), "NEXUS: names by now")

    def _since(self, run: Run) -> list[FileMoved]:
        """What was renamed after the run's snapshot was taken."""
        moves: list[FileMoved] = []
        for fact in (e.fact for e in self._engine.entries if e.run_id == run.id):
            if isinstance(fact, SnapshotTaken | BaseMoved):
                moves.clear()
            elif isinstance(fact, FileMoved):
                moves.append(fact)
        return moves


def waiting(run: Run) -> dict[str, str]:
    """The files that have to be there for what waits, or is in conflict -> a blob with their text."""
    states = [s for s in run.changes.values() if s.status == "pending" or conflicting(s)]
    blobs = {s.change.old_path or s.change.path: s.change.base or s.change.before_blob for s in states}
    return {path: blob for path, blob in blobs.items() if blob is not None}
