"""A run's integration tree: the user's current text plus every pending change, and how work lands on it.

`refresh` takes the user's text anew and puts the pending changes on it (where a change has no place left, the
user's text wins and the change is outdated). `land` merges a submitted commit, gates the candidate and turns
what it changes into proposals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Facts
from nexus_lsp.core.hunks import Hunk, apply
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.proposals import Author, FileState, FileWork, Proposal, hunk_of, propose, text_of
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.core.text import split_lines
from nexus_lsp.engine.gating import gate
from nexus_lsp.engine.work import checkout_name
from nexus_lsp.ports import FileContent, FileDiff, Repository

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

LOOKS = 20
"""How often a landing looks again because the user decided or typed meanwhile, before it gives up."""


class Integration:
    """See the module; one for each run."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._lock = asyncio.Lock()

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
            run = self._run
            assert run.snapshot is not None and run.integration is not None
            taken = await self._repository.snapshot(await self._engine.open_texts(), (run.snapshot,))
            moved = await self._repository.diff(run.snapshot, taken.commit)
            standing = await _Standing.find(self._repository, taken.commit, run.pending_changes)
            head = await standing.commit(run.integration)
            if not moved and not await self._repository.diff(run.integration, head):
                return run.integration
            await self._repository.keep(f"{run.id}/integration", head)
            what = h.BaseTaken(taken.commit, head, standing.moves, standing.lost, run.decisions)
            try:
                await self._engine.submit(run.id, what)
            except Refused:
                continue
            return head
        raise Refused("The workspace changes too fast to be read; the run goes on when it is quieter.")

    # --- landing -------------------------------------------------------------------------------------

    async def land(self, task_id: str) -> None:
        """Land a submitted task: merged and gated, or sent back with the evidence."""
        state = self._run.tasks[task_id]
        gated = False
        for _ in range(LOOKS):
            async with self._lock:
                if not await self._merge_once(state, gated):
                    return
            gated = True
        raise Refused("The workspace changes too fast to land on; retry the run when it is quieter.")

    async def _merge_once(self, state: TaskState, gated: bool) -> bool:
        """One look; True asks for another."""
        assert state.submitted is not None
        onto = await self._refresh()
        decisions = self._run.decisions
        title = f"{state.task.agent}: {state.task.title}"
        merge = await self._repository.merge(onto, state.submitted, title)
        if merge.conflicts:
            what = h.Conflicted(state.task.id, merge.commit, merge.conflicts)
            await self._engine.submit(self._run_id, what)
            return False
        diffs = await self._repository.diff(onto, merge.commit)
        if diffs and not gated and not await gate(self._engine, self._run, state, merge.commit, diffs):
            return False
        try:
            await self._land(state, onto, merge.commit, diffs, decisions)
        except Refused:
            return True
        return False

    async def _land(
        self, state: TaskState, onto: str, candidate: str, diffs: Sequence[FileDiff], decisions: int
    ) -> Facts:
        run = self._run
        assert run.snapshot is not None
        author = Author(state.task.id, state.task.agent, state.task.title)
        changes: list[Change] = []
        superseded: list[tuple[str, str | None]] = []
        for diff in diffs:
            proposal = await self._propose(run, onto, diff, author)
            changes += proposal.changes
            superseded += proposal.superseded
        await self._repository.keep(f"{run.id}/integration", candidate)
        paths = tuple(diff.path for diff in diffs)
        return await self._engine.submit(
            run.id,
            h.Landed(state.task.id, onto, candidate, paths, tuple(changes), tuple(superseded), decisions),
        )

    async def _propose(self, run: Run, onto: str, diff: FileDiff, author: Author) -> Proposal:
        assert run.snapshot is not None
        work = FileWork(
            path=diff.path,
            base=await self._state(run.snapshot, diff.path),
            ours=await self._state(onto, diff.path),
            merged=await self._blob_state(diff.new_blob, diff.new_mode),
            old_path=diff.old_path,
            old_base=await self._state(run.snapshot, diff.old_path) if diff.old_path else FileState(),
        )
        waiting = [c for c in run.pending_changes if c.path in (diff.path, diff.old_path)]
        return propose(work, waiting, author, lambda: self._engine.adapters.new_id("change"))

    async def _state(self, commit: str, path: str) -> FileState:
        found = await self._repository.find(commit, path)
        return await self._blob_state(*found) if found else FileState()

    async def _blob_state(self, blob: str | None, mode: str | None) -> FileState:
        if blob is None or mode is None:
            return FileState()
        text = None if mode == "120000" else text_of(await self._repository.read(blob))
        return FileState(blob, mode, text)

    # --- after a crash -------------------------------------------------------------------------------

    async def salvage(self, state: TaskState) -> str | None:
        """What a cut-off attempt left in its checkout, as a commit to go on from; None for nothing."""
        path = await self._repository.find_checkout(checkout_name(self._run_id, state))
        if path is None or state.start is None:
            return None
        harvest = await self._repository.harvest(path, state.start, f"{state.task.agent}: cut off")
        await self._repository.keep(f"tasks/{path.name}", harvest.commit)
        await self._repository.discard(path)
        return harvest.commit if harvest.paths else state.repair_start


class _Standing:
    """Where the pending changes stand in a new snapshot, and the files that result."""

    def __init__(self, repository: Repository, snapshot: str) -> None:
        self._repository = repository
        self._snapshot = snapshot
        self._files: dict[str, FileContent | None] = {}
        self._moves: list[f.Move] = []
        self._lost: list[tuple[str, str]] = []

    @property
    def moves(self) -> tuple[f.Move, ...]:
        """Changes whose anchor is another now."""
        return tuple(self._moves)

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """Changes that have no place any more, with the reason."""
        return tuple(self._lost)

    @classmethod
    async def find(cls, repository: Repository, snapshot: str, pending: Sequence[Change]) -> _Standing:
        """Place every pending change on the snapshot."""
        standing = cls(repository, snapshot)
        paths = dict.fromkeys(c.path for c in pending if c.kind == "edit")
        for path in paths:
            await standing._edits(path, [c for c in pending if c.kind == "edit" and c.path == path])
        for change in pending:
            if change.kind != "edit":
                await standing._whole(change)
        return standing

    async def commit(self, onto: str) -> str:
        """The snapshot with the changes in it, as a child of both."""
        return await self._repository.with_files(
            self._snapshot, self._files, (onto, self._snapshot), "NEXUS: the user's text with pending changes"
        )

    async def _edits(self, path: str, changes: list[Change]) -> None:
        found = await self._repository.find(self._snapshot, path)
        content = await self._repository.read(found[0]) if found else None
        live_text = text_of(content) if content is not None else None
        if found is None or live_text is None:
            self._lost += [(c.id, f"{path} is gone or is no longer text") for c in changes]
            return
        live = split_lines(live_text)
        placed: list[tuple[Change, int]] = []
        for base in dict.fromkeys(c.base for c in changes):
            group = [c for c in changes if c.base == base]
            lines = live if base == found[0] else split_lines(await self._text(base))
            for change, line in zip(group, place([hunk_of(c) for c in group], lines, live), strict=True):
                if line is None:
                    self._lost.append((change.id, "you changed these lines"))
                else:
                    placed.append((change, line))
        self._take(path, found, live, placed)

    def _take(
        self, path: str, found: tuple[str, str], live: list[str], placed: list[tuple[Change, int]]
    ) -> None:
        blob, mode = found
        self._moves += [f.Move(c.id, blob, at) for c, at in placed if (c.base, c.line) != (blob, at)]
        placed.sort(key=lambda item: item[1])
        hunks = [_at(hunk_of(c), at) for c, at in placed]
        if hunks:
            self._files[path] = FileContent("".join(apply(live, hunks)).encode(), mode)

    async def _text(self, blob: str | None) -> str:
        return (await self._repository.read(blob)).decode("utf-8") if blob else ""

    async def _whole(self, change: Change) -> None:
        """A change of a whole file stands only where the file is what it was made from."""
        source = change.old_path or change.path
        found = await self._repository.find(self._snapshot, source)
        there = (found[0], found[1]) if found else (None, None)
        if there != (change.before_blob, change.before_mode) or await self._taken(change):
            self._lost.append((change.id, f"{source} is not what it was when this was proposed"))
            return
        if change.old_path:
            self._files[change.old_path] = None
        if change.kind == "mode" and change.path in self._files:
            content = self._files[change.path]
            assert content is not None
            self._files[change.path] = FileContent(content.content, change.after_mode or content.mode)
        elif change.after_blob is None:
            self._files[change.path] = None
        else:
            content_bytes = await self._repository.read(change.after_blob)
            self._files[change.path] = FileContent(content_bytes, change.after_mode or "100644")

    async def _taken(self, change: Change) -> bool:
        """Whether a rename's target exists in the user's text by now."""
        if change.kind != "rename":
            return False
        return await self._repository.find(self._snapshot, change.path) is not None


def _at(hunk: Hunk, line: int) -> Hunk:
    return Hunk(line, hunk.before, hunk.after)
