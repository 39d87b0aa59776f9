"""Why a line is as it is: who changed it, in which task, with what evidence; while it waits, since it was
accepted, and after it was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Change
from nexus_lsp.core.commit_note import explained
from nexus_lsp.core.explaining import made_by, waiting_at
from nexus_lsp.core.grafting import graft
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.run import Run
from nexus_lsp.core.text import split_lines
from nexus_lsp.core.wire import Json
from nexus_lsp.engine.projections import gate_line
from nexus_lsp.ports import Blamed, Commits

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

NOTES = "refs/notes/nexus"


class Explaining:
    """See the module. The journal answers first; a note beside the line's commit where it does not know."""

    def __init__(self, engine: Engine, commits: Commits) -> None:
        self._engine = engine
        self._commits = commits

    async def why(self, path: str, line: int) -> Json:
        """What is known of a line (0-based) of a file as the user has it now."""
        opened = (await self._engine.open_texts()).get(path)
        found = await self._in_text(path, line, opened)
        if found:
            return {"changes": found}
        try:
            return {"changes": await self._in_history(path, line, opened)}
        except Refused:  # no repository
            return {"changes": []}

    # --- in the user's text --------------------------------------------------------------------------

    async def _in_text(self, path: str, line: int, opened: str | None) -> list[Json]:
        states = {i: s for run in self._engine.runs.values() for i, s in run.changes.items()}
        mine = {i: s for i, s in states.items() if s.change.path == path}
        accepted = [s.change for s in mine.values() if s.status == "accepted"]
        pending = [s.change for s in mine.values() if s.status == "pending"]
        text = opened if opened is not None else await self._on_disk(path)
        if not (accepted or pending) or text is None:
            return []
        bases = {c.base: await self._text(c.base) for c in (*accepted, *pending) if c.base is not None}
        live = split_lines(text)
        ids = await asyncio.to_thread(made_by, line, live, accepted, bases)
        ids = [*ids, *(await asyncio.to_thread(waiting_at, line, live, pending, bases))]
        return [self._told(i) for i in reversed(ids)]

    async def _on_disk(self, path: str) -> str | None:
        held = (await self._commits.on_disk([path]))[path]
        return text_of(held.content) if held else None

    async def _text(self, blob: str) -> str:
        return text_of(await self._engine.adapters.repository.read(blob)) or ""

    def _told(self, change_id: str, commit: str | None = None) -> Json:
        run = next(r for r in self._engine.runs.values() if change_id in r.changes)
        state, names = run.changes[change_id], self._engine.names()
        change = state.change
        gates = [g for g in run.gates if getattr(g, "task_id", None) in change.task_ids]
        return {
            "id": change_id,
            "run_id": run.id,
            "request": run.started.request,
            "status": state.status,
            "commit": commit or state.commit,
            "why": change.why,
            "tasks": [{"id": i, "title": run.tasks[i].task.title} for i in change.task_ids if i in run.tasks],
            "agents": [{"id": a, "name": names.get(a, a)} for a in change.agent_ids],
            "gates": [gate_line(g) for g in gates],
        }

    # --- in the history ------------------------------------------------------------------------------

    async def _in_history(self, path: str, line: int, opened: str | None) -> list[Json]:
        committed = self._committed()
        if not committed and await self._commits.tip(NOTES) is None:
            return []
        blamed = await self._commits.blame(path, line + 1, opened)
        if blamed is None:
            return []
        if blamed.commit in committed:
            ids = await self._at(blamed, committed[blamed.commit])
            if ids:
                return [self._told(i, blamed.commit) for i in reversed(ids)]
        note = await self._commits.read_note(blamed.commit)
        told = explained(note, blamed.path, blamed.line) if note else []
        return [{"status": "accepted", "commit": blamed.commit, **change} for change in told]

    def _committed(self) -> dict[str, list[str]]:
        """The user's commits that this journal knows, with the changes in each."""
        found: dict[str, list[str]] = {}
        for entry in self._engine.entries:
            if isinstance(entry.fact, f.ChangesCommitted):
                found.setdefault(entry.fact.commit, []).extend(entry.fact.change_ids)
        return found

    async def _at(self, blamed: Blamed, ids: Iterable[str]) -> Sequence[str]:
        """The changes of a commit that made a line of it: they are put once more on what was before."""
        changes = list(self._changes(ids))
        paths = [p for c in changes for p in (c.old_path, c.path) if p is not None]
        base = await self._commits.files(
            await self._commits.tip(f"{blamed.commit}^"), list(dict.fromkeys(paths))
        )
        named = {b for c in changes for b in (c.base, c.before_blob, c.after_blob) if b is not None}
        blobs = {b: await self._engine.adapters.repository.read(b) for b in named}
        file = (await asyncio.to_thread(graft, base, changes, blobs)).files.get(blamed.path)
        regions = file.regions if file else ()
        return [i for r in regions if r.start < blamed.line <= r.end for i in r.ids]

    def _changes(self, ids: Iterable[str]) -> Iterable[Change]:
        runs: Iterable[Run] = self._engine.runs.values()
        known = {i: s.change for run in runs for i, s in run.changes.items()}
        return (known[i] for i in ids if i in known)
