"""What a landing's proposals, and all that waits or was accepted in its run, have to do with each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core.changes import Change, Relation
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.relating import FileGiven, Given, file_given, relate
from nexus_lsp.core.run import Run

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

Relate = Callable[[Given], Awaitable[tuple[Relation, ...]]]
"""`core.relating.relate`, somewhere where it holds nothing up."""


async def in_a_thread(given: Given) -> tuple[Relation, ...]:
    """In this process: for a few small texts."""
    return await asyncio.to_thread(relate, given)


SUFFIXES = (".py", ".pyi")


async def relations(
    engine: Engine, run: Run, proposed: Sequence[Change], superseded: Sequence[tuple[str, str | None]]
) -> tuple[Relation, ...]:
    """The relations of a run's changes as they will be once these are proposed; none where that fails."""
    gone = {old for old, _ in superseded}
    known = [
        (s.change, s.status == "accepted")
        for s in run.changes.values()
        if s.status in ("pending", "accepted")
    ]
    changes = [*((c, a) for c, a in known if c.id not in gone), *((c, False) for c in proposed)]
    if not changes:
        return ()
    try:
        return await engine.adapters.relate(await _given(engine, run, changes))
    except Exception:  # a proposal without relations is a proposal still
        log.exception("the changes of %s could not be related", run.id)
        return ()


async def _given(engine: Engine, run: Run, changes: Sequence[tuple[Change, bool]]) -> Given:
    repository = engine.adapters.repository
    assert run.snapshot is not None
    files: list[FileGiven] = []
    for path in dict.fromkeys(p for c, _ in changes for p in (c.old_path, c.path) if p):
        mine = [(c, accepted) for c, accepted in changes if path in (c.path, c.old_path)]
        found = await repository.find(run.snapshot, path)
        user = text_of(await repository.read(found[0])) if found else None
        blobs = {c.base for c, accepted in mine if accepted and c.base}
        bases = {blob: text_of(await repository.read(blob)) or "" for blob in blobs}
        files.append(file_given(path, mine, bases, user))
    paths = {path for path, _ in await repository.files(run.snapshot) if path.endswith(SUFFIXES)}
    brought = {f.path for f in files if f.new is not None and f.path.endswith(SUFFIXES)}
    taken = {f.path for f in files if f.new is None and f.old is not None}
    return Given(tuple(c for c, _ in changes), tuple(files), frozenset((paths | brought) - taken))
