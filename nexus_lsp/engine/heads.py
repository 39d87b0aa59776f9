"""The user's HEAD, looked at for all runs of the workspace, with one ask for all that a switch pauses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.rules.heads import HERE, STOP, SWITCHED, branch
from nexus_lsp.core.run import OVER, Run

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

DAY = 86_400.0
"""Seconds an ask about a switch of HEAD waits for its answer."""

WAKE = 10.0
"""Seconds after a switch in which editors show other text because of it, and not because of the user."""


class Heads:
    """One for an engine. `look` is called when HEAD's file changed, and before anything leans on the text."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._head: str | None = None
        self._left: tuple[str, float] | None = None
        """What HEAD named before, and when (Unix seconds) that was found to be over."""

    async def look(self) -> None:
        """Tell every run that it concerns what HEAD names now."""
        engine = self._engine
        if not engine.runs:
            return
        async with self._lock:
            head = await engine.adapters.repository.user_head()
            if head is None:
                return
            if self._head not in (None, head):
                self._left = str(self._head), engine.adapters.now()
            self._head = head
            moved = [run for run in engine.runs.values() if _concerned(run) and run.head_seen != head]
            asking = [run for run in moved if run.head != head and run.status not in (*OVER, "ready")]
            expires = engine.adapters.now() + DAY
            for run in moved:
                first = bool(asking) and run is asking[0]
                ask_id = engine.adapters.new_id("ask") if first else ""
                await engine.submit(run.id, h.HeadSeen(head, ask_id, expires, len(asking) - 1))

    async def answered(self, answer: str) -> None:
        """What the user said of one run holds for all that the same switch paused."""
        for run in list(self._engine.runs.values()):
            with contextlib.suppress(Refused):
                if answer == HERE and run.away:
                    await self._engine.submit(run.id, h.Resume())
                elif answer == STOP and run.away and run.reason == SWITCHED:
                    await self._engine.submit(run.id, h.Cancel())

    def parked(self, runs: Iterable[Run], change_ids: Iterable[str]) -> list[tuple[str, str]]:
        """(change id, why it cannot be decided here) of the changes that belong to another branch."""
        where = {i: run for run in runs if run.away or self._just_left(run) for i in run.changes}
        return [(i, _elsewhere(where[i])) for i in change_ids if i in where]

    def _just_left(self, run: Run) -> bool:
        """Whether a run that is over, and so not told of HEAD, ended on the branch that was just left."""
        if self._left is None or run.head != self._left[0] or run.head == self._head:
            return False
        return self._engine.adapters.now() - self._left[1] < WAKE


def _concerned(run: Run) -> bool:
    if run.snapshot is None or run.head is None:
        return False
    return run.status not in OVER or bool(run.pending_changes)


def _elsewhere(run: Run) -> str:
    if not run.away:
        return f"{branch(run.head)} was left just now: switch back, or try again in {WAKE:.0f} seconds"
    return (
        f"it belongs to {branch(run.head)}, and HEAD is {branch(run.head_seen)}: switch back, or take the "
        f"run along with `nexus-lsp runs --resume {run.id}` (in an editor: Resume Run, `nexus.run.resume`)"
    )
