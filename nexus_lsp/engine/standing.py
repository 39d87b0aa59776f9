"""A run's pending changes on the user's text of now: where each stands, and which have no place left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nexus_lsp.core import facts as f
from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change
from nexus_lsp.core.conflicts import LOST_GROUND
from nexus_lsp.core.hunks import Hunk, apply
from nexus_lsp.core.proposals import hunk_of, text_of
from nexus_lsp.core.review import edits_by_path, over_accepted
from nexus_lsp.core.text import split_lines
from nexus_lsp.engine.settling import stands_already
from nexus_lsp.ports import FileContent, Repository


class Standing:
    """Where the pending changes stand in a new snapshot, and the files that result."""

    def __init__(self, repository: Repository, snapshot: str, accepted: Sequence[Change]) -> None:
        self._repository = repository
        self._snapshot = snapshot
        self._accepted = edits_by_path(accepted)
        self._files: dict[str, FileContent | None] = {}
        self._moves: list[f.Move] = []
        self._lost: list[tuple[str, str]] = []
        self.typed: list[str] = []  # changes whose text the user wrote by themselves

    @property
    def moves(self) -> tuple[f.Move, ...]:
        """Changes whose anchor is another now."""
        return tuple(self._moves)

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """Changes that have no place any more, with the reason."""
        return tuple(self._lost)

    @classmethod
    async def find(
        cls, repository: Repository, snapshot: str, pending: Sequence[Change], accepted: Sequence[Change]
    ) -> Standing:
        """Place every pending change on the snapshot, which holds the accepted ones."""
        standing = cls(repository, snapshot, accepted)
        for path, edits in edits_by_path(pending).items():
            await standing._edits(path, edits)
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
            for change, line in zip(group, await self._places(group, found[0], live), strict=True):
                if line is None and await stands_already(self._repository, change, live):
                    self.typed.append(change.id)
                elif line is None:
                    self._lost.append((change.id, LOST_GROUND))
                else:
                    placed.append((change, line))
        self._take(path, found, live, placed)

    async def _places(self, group: Sequence[Change], blob: str, live: list[str]) -> list[int | None]:
        """Where changes of one base stand in the user's text, which is `blob`."""
        path, base = group[0].path, group[0].base
        hunks = [hunk_of(c) for c in group]
        if base == blob:
            return [hunk.line for hunk in hunks]
        taken = [hunk_of(c) for c in self._accepted.get(path, ()) if c.base == base]
        lines, moved = over_accepted(split_lines(await self._text(base)), hunks, taken)
        return place(moved, lines, live)

    def _take(
        self, path: str, found: tuple[str, str], live: list[str], placed: list[tuple[Change, int]]
    ) -> None:
        blob, mode = found
        hunks: list[Hunk] = []
        end = 0
        for change, line in sorted(placed, key=lambda item: (item[1], len(hunk_of(item[0]).before))):
            hunk = replace(hunk_of(change), line=line)
            if line < end:
                self._lost.append((change.id, "another change takes these lines"))
                continue
            hunks.append(hunk)
            end = hunk.end
            if (change.base, change.line) != (blob, line):
                self._moves.append(f.Move(change.id, blob, line))
        if hunks:
            self._files[path] = FileContent("".join(apply(live, hunks)).encode(), mode)

    async def _text(self, blob: str | None) -> str:
        return (await self._repository.read(blob)).decode("utf-8") if blob else ""

    async def _whole(self, change: Change) -> None:
        """A change of a whole file stands only where the file is what it was made from."""
        source = change.old_path or change.path
        found = await self._repository.find(self._snapshot, source)
        if change.kind == "mode" and found and found[1] == change.before_mode:
            await self._mode(change, found[0])
            return
        there = (found[0], found[1]) if found else (None, None)
        if there != (change.before_blob, change.before_mode) or await self._taken(change):
            self._lost.append((change.id, f"{source} is not what it was when this was proposed"))
            return
        if change.old_path:
            self._files[change.old_path] = None
        if change.after_blob is None:
            self._files[change.path] = None
        else:
            content_bytes = await self._repository.read(change.after_blob)
            self._files[change.path] = FileContent(content_bytes, change.after_mode or "100644")

    async def _taken(self, change: Change) -> bool:
        """Whether a rename's target exists in the user's text by now."""
        if change.old_path is None:
            return False
        return await self._repository.find(self._snapshot, change.path) is not None

    async def _mode(self, change: Change, blob: str) -> None:
        edited = self._files.get(change.path)
        content = edited.content if edited else await self._repository.read(blob)
        self._files[change.path] = FileContent(content, change.after_mode or "100644")
