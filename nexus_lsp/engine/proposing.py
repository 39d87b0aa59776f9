"""What the user's files would be with the waiting changes in them: as texts to look at, and as a patch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core.changes import Change
from nexus_lsp.core.grafting import Graft, Held, graft
from nexus_lsp.core.problems import Unknown
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.wire import Json
from nexus_lsp.ports import Commits, FileContent

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

BOM = "\ufeff"


class Proposing:
    """Nothing is decided here, and nothing of the user's is written: the files are read as they are now."""

    def __init__(self, engine: Engine, commits: Commits) -> None:
        self._engine = engine
        self._commits = commits

    async def texts(self, changes: Sequence[Change], more: Sequence[str] = ()) -> Json:
        """Each file that the changes concern, and `more`, as the editor would have it after them.

        `kind`: "text", "new" (there is no such file yet), "gone" (there would be none), or "other" (no text);
        `text` is None for the last two.
        """
        base = await self._base(changes, more, await self._engine.open_texts())
        made = await self._made(base, changes)
        renamed = {c.path: c.old_path for c in changes if c.old_path is not None}
        files = [
            {"path": path, "old_path": renamed.get(path), **_shown(made, path, base[path])}
            for path in base
            if path in made.files or path in more
        ]
        return {"files": files, "left": _left(made)}

    async def patch(self, changes: Sequence[Change]) -> Json:
        """What the changes would do to the files on disk, as `git apply` takes it."""
        base = await self._base(changes, (), {})
        made = await self._made(base, changes)
        snapshots = [run.snapshot for run in self._engine.runs.values() if run.snapshot]
        if not made.files or not snapshots:
            return {"patch": "", "left": _left(made)}
        repository, on = self._engine.adapters.repository, snapshots[-1]
        files = {path: _file(base[path]) for path in made.files}
        old = await repository.with_files(on, files, (on,), "as it is")
        files = {path: _file(file.held) for path, file in made.files.items()}
        new = await repository.with_files(old, files, (old,), "as proposed")
        patch = await repository.patch(old, new)
        return {"patch": patch.decode("utf-8", "surrogateescape"), "left": _left(made)}

    async def _base(
        self, changes: Sequence[Change], more: Sequence[str], opened: Mapping[str, str]
    ) -> dict[str, Held | None]:
        named = [p for c in changes for p in (c.old_path, c.path) if p is not None]
        base = dict(await self._commits.on_disk(list(dict.fromkeys([*named, *more]))))
        for path in base.keys() & opened.keys():
            held, text = base[path], opened[path]
            marked = held is not None and held.content.startswith(BOM.encode()) and not text.startswith(BOM)
            content = ((BOM if marked else "") + text).encode("utf-8", "surrogatepass")
            base[path] = Held(content, held.mode if held else "100644")
        return base

    async def _made(self, base: Mapping[str, Held | None], changes: Sequence[Change]) -> Graft:
        named = {b for c in changes for b in (c.base, c.before_blob, c.after_blob) if b is not None}
        blobs = {blob: await self._engine.adapters.repository.read(blob) for blob in named}
        return await asyncio.to_thread(graft, base, changes, blobs)


def waiting(engine: Engine, run_id: str | None, ids: Sequence[str] | None, path: str | None) -> list[Change]:
    """The waiting changes that are meant: all, or those of a run, of a file, of these ids."""
    if run_id is not None and run_id not in engine.runs:
        raise Unknown(f"There is no run {run_id!r}. `nexus-lsp runs` lists them.")
    # what belongs to another branch than HEAD's waits there
    runs = [r for r in engine.runs.values() if run_id == r.id or (run_id is None and not r.away)]
    states = [s for run in runs for s in run.changes.values()]
    unknown = set(ids or ()).difference(*(run.changes for run in engine.runs.values()))
    if unknown:
        raise Unknown(f"There is no change {min(unknown)!r}. `nexus.review.list` lists them.")
    chosen = [s.change for s in states if s.status == "pending" and (ids is None or s.change.id in ids)]
    return [c for c in chosen if path is None or path in (c.path, c.old_path)]


def _shown(made: Graft, path: str, base: Held | None) -> Json:
    held = made.files[path].held if path in made.files else base
    if held is None:
        return {"kind": "gone", "text": None}
    text = None if held.mode == "120000" else text_of(held.content)
    return {"kind": "other" if text is None else "new" if base is None else "text", "text": text}


def _left(made: Graft) -> list[Json]:
    return [{"id": i, "why": why} for i, why in made.left.items()]


def _file(held: Held | None) -> FileContent | None:
    return None if held is None else FileContent(held.content, held.mode)
