"""A run's integration tree: the user's current text plus every pending change, and how work lands on it.

`refresh` takes the user's text anew and puts the pending changes on it (where a change has no place left, the
user's text wins and the change is outdated). `land` merges a submitted commit, gates the candidate and turns
what it changes into proposals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Facts
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.proposals import (
    Author,
    FileState,
    FileWork,
    Proposal,
    Rejected,
    hunk_of,
    propose,
    text_of,
)
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.core.text import split_lines
from nexus_lsp.engine.gating import gate
from nexus_lsp.engine.relating import relations
from nexus_lsp.engine.spans import Spans
from nexus_lsp.engine.standing import Standing
from nexus_lsp.engine.structural import by_structure, places_of, unsolved
from nexus_lsp.engine.work import checkout_name
from nexus_lsp.ports import FileDiff, Merge, Repository

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

LOOKS = 20
"""How often a landing looks again because the user decided or typed meanwhile, before it gives up."""


class Away(Refused):
    """The user's HEAD is elsewhere: nothing of this run starts or lands until the user has answered."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that a refresh depends on: where it changed nothing, the same again changes nothing."""

    snapshot: str
    integration: str
    decisions: int
    pending: tuple[Change, ...]


class Integration:
    """See the module; one for each run."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._lock = asyncio.Lock()
        self._settled: _Seen | None = None
        self._queued: dict[str, float] = {}

    @property
    def _run(self) -> Run:
        return self._engine.runs[self._run_id]

    @property
    def _repository(self) -> Repository:
        return self._engine.adapters.repository

    # --- the base ------------------------------------------------------------------------------------

    async def refresh(self) -> str:
        """Bring the integration tree up to the user's current text; gives its head."""
        async with self._lock:
            return await self._refresh()

    async def _refresh(self) -> str:
        for _ in range(LOOKS):
            # no decision is carried out meanwhile: the text is read before it or after it, never within
            async with self._engine.deciding:
                head = await self._taken()
            if head is not None:
                return head
        raise Refused("The workspace changes too fast to be read; the run goes on when it is quieter.")

    async def _taken(self) -> str | None:
        """The head over the user's text as it is now; None asks for another look."""
        run = self._run
        assert run.snapshot is not None and run.integration is not None
        taken = await self._repository.snapshot(await self._engine.open_texts(), (run.snapshot,))
        await self._at_home(run)
        seen = _Seen(taken.commit, run.integration, run.decisions, run.pending_changes)
        if seen == self._settled:
            return run.integration
        moved = await self._repository.diff(run.snapshot, taken.commit)
        accepted = [s.change for s in run.changes.values() if s.status == "accepted"]
        standing = await Standing.find(self._repository, taken.commit, run.pending_changes, accepted)
        head = await standing.commit(run.integration)
        out_of_place = standing.lost or standing.typed
        if not moved and not out_of_place and not await self._repository.diff(run.integration, head):
            self._settled = seen
            return run.integration
        await self._repository.keep(f"{run.id}/integration", head)
        what = h.BaseTaken(
            taken.commit, head, standing.moves, standing.lost, run.decisions, tuple(standing.typed)
        )
        try:
            await self._engine.submit(run.id, what)
        except Refused:
            return None
        return head

    async def _at_home(self, run: Run) -> None:
        """Away where the user switched HEAD: the text is another branch's, and no base for this run."""
        await self._engine.heads.look()
        if self._engine.runs[run.id].away:
            raise Away("HEAD was switched; the run waits for an answer.")

    # --- landing -------------------------------------------------------------------------------------

    def queue(self, task_id: str) -> None:
        """A task was submitted; from now on it waits for its turn."""
        self._queued[task_id] = time.monotonic()

    async def land(self, task_id: str) -> None:
        """Land a submitted task: merged and gated, or sent back with the evidence."""
        state = self._run.tasks[task_id]
        gated = False
        spans = Spans(self._queued.pop(task_id, time.monotonic()))
        for _ in range(LOOKS):
            try:
                async with self._lock:
                    spans.begin()
                    if not await self._merge_once(state, gated, spans):
                        return
            except Away:
                return
            gated = True
        raise Refused("The workspace changes too fast to land on; retry the run when it is quieter.")

    async def _merge_once(self, state: TaskState, gated: bool, spans: Spans) -> bool:
        """One look; True asks for another."""
        assert state.submitted is not None
        with spans.refreshing():
            onto = await self._refresh()
        decisions = self._run.decisions
        title = f"{state.task.agent}: {state.task.title}"
        merge = await self._repository.merge(onto, state.submitted, title, self._run.moves[state.moves :])
        solved: tuple[str, ...] = ()
        if merge.conflicts:
            parse = self._engine.adapters.parse
            candidate = await by_structure(self._repository, merge, (onto, state.submitted), title, parse)
            if candidate is None:
                places = await places_of(self._repository, merge)
                what = h.Conflicted(state.task.id, merge.commit, merge.conflicts, places)
                await self._engine.submit(self._run_id, what)
                return False
            merge, solved = Merge(candidate), merge.conflicts
        diffs = await self._repository.diff(onto, merge.commit)
        if state.repairs and (left := await unsolved(self._repository, diffs)):
            await self._engine.submit(self._run_id, h.Conflicted(state.task.id, merge.commit, *left))
            return False
        if diffs and not gated:
            with spans.gating():
                if not await gate(self._engine, self._run, state, merge.commit, diffs):
                    return False
        async with self._engine.deciding:
            try:
                await self._land(state, onto, merge.commit, diffs, decisions, spans, solved)
            except Refused:
                return True
        return False

    async def _land(
        self,
        state: TaskState,
        onto: str,
        candidate: str,
        diffs: Sequence[FileDiff],
        decisions: int,
        spans: Spans,
        solved: tuple[str, ...],
    ) -> Facts:
        run = self._run
        if run.decisions != decisions:
            raise Refused("The user decided while this was gated; land it again.")
        assert run.snapshot is not None
        author = Author(state.task.id, state.task.agent, state.task.title, state.reasons)
        changes: list[Change] = []
        superseded: list[tuple[str, str | None]] = []
        for diff in diffs:
            proposal = await self._propose(run, onto, diff, author)
            changes += proposal.changes
            superseded += proposal.superseded
        await self._repository.keep(f"{run.id}/integration", candidate)
        paths = tuple(diff.path for diff in diffs)
        proposed, gone, took = tuple(changes), tuple(superseded), spans.so_far()
        related = await relations(self._engine, run, proposed, gone)
        what = h.Landed(
            state.task.id, onto, candidate, paths, proposed, gone, decisions, took, solved, related
        )
        return await self._engine.submit(run.id, what)

    async def _propose(self, run: Run, onto: str, diff: FileDiff, author: Author) -> Proposal:
        assert run.snapshot is not None
        waiting = [c for c in run.pending_changes if c.path in (diff.path, diff.old_path)]
        # a file that waits to be renamed is, for the user, still the one at its old place
        renamed = [c.old_path for c in waiting if c.old_path and c.path == (diff.old_path or diff.path)]
        old_path = renamed[0] if renamed else diff.old_path
        old_path = None if old_path == diff.path else old_path
        work = FileWork(
            path=diff.path,
            base=await self._state(run.snapshot, diff.path),
            ours=await self._state(onto, diff.path),
            merged=await self._blob_state(diff.new_blob, diff.new_mode),
            old_path=old_path,
            old_base=await self._state(run.snapshot, old_path) if old_path else FileState(),
        )
        rejected = await self._rejected(run, work)
        return propose(work, waiting, author, lambda: self._engine.adapters.new_id("change"), rejected)

    async def _rejected(self, run: Run, work: FileWork) -> Rejected:
        """What the user turned down of this file, its hunks in coordinates of the user's text."""
        gone = [s.change for s in run.changes.values() if s.status == "rejected"]
        mine = [c for c in gone if c.path in (work.path, work.old_path)]
        edits = [c for c in mine if c.kind == "edit" and c.base is not None]
        base = split_lines(work.base.text or "")
        found: list[tuple[Hunk, int | None]] = []
        for blob in dict.fromkeys(c.base or "" for c in edits):
            hunks = [hunk_of(c) for c in edits if c.base == blob]
            if blob == work.base.blob:
                found += [(hunk, hunk.line) for hunk in hunks]
            else:
                old = split_lines(text_of(await self._repository.read(blob)) or "")
                found += zip(hunks, place(hunks, old, base), strict=True)
        placed = tuple(replace(hunk, line=line) for hunk, line in found if line is not None)
        placeless = tuple(hunk for hunk, line in found if line is None)
        return Rejected(placed, tuple(c for c in mine if c.kind != "edit"), placeless)

    async def _state(self, commit: str, path: str) -> FileState:
        found = await self._repository.find(commit, path)
        return await self._blob_state(*found) if found else FileState()

    async def _blob_state(self, blob: str | None, mode: str | None) -> FileState:
        if blob is None or mode is None:
            return FileState()
        text = None if mode == "120000" else text_of(await self._repository.read(blob))
        return FileState(blob, mode, text)

    # --- after a crash -------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Remove the checkouts of attempts that are over: a crash came before they were discarded."""
        for state in self._run.tasks.values():
            for attempt in range(1, state.attempt + 1):
                name = checkout_name(self._run_id, replace(state, attempt=attempt))
                path = await self._repository.find_checkout(name)
                if path is not None:
                    await self._repository.discard(path)

    async def salvage(self, state: TaskState) -> str | None:
        """What a cut-off attempt left in its checkout, as a commit to go on from; None for nothing."""
        path = await self._repository.find_checkout(checkout_name(self._run_id, state))
        if path is None or state.start is None:
            return None
        harvest = await self._repository.harvest(path, state.start, f"{state.task.agent}: cut off")
        await self._repository.keep(f"tasks/{path.name}", harvest.commit)
        await self._repository.discard(path)
        return harvest.commit if harvest.paths else None
