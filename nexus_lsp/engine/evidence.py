"""Evidence for what the user has now: when decisions have settled, the user's own tree is gated.

The tree is the workspace as the editor shows it, with all that was accepted; the facts name its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import Run
from nexus_lsp.engine.engine import Engine
from nexus_lsp.engine.gating import user_tree_facts

log = logging.getLogger(__name__)

SETTLED = 2.0
"""Seconds without a decision after which the tree is measured."""


class Evidence:
    """Listens to an engine; `close` ends a measurement that is under way."""

    def __init__(self, engine: Engine, settled: float = SETTLED) -> None:
        self._engine = engine
        self._settled = settled
        self._tasks: dict[str, asyncio.Task[None]] = {}
        engine.listeners.append(self._hear)

    def _hear(self, entry: f.Entry, run: Run) -> None:
        if not isinstance(entry.fact, f.ChangeAccepted | f.ChangeReopened):
            return
        if not any(b.measured for b in run.baseline.values()):
            return
        old = self._tasks.pop(run.id, None)
        if old:
            old.cancel()
        self._tasks[run.id] = asyncio.create_task(self._measure(run.id), name=f"evidence {run.id}")

    async def _measure(self, run_id: str) -> None:
        await asyncio.sleep(self._settled)
        engine = self._engine
        run = engine.runs[run_id]
        try:
            taken = await engine.adapters.repository.snapshot(await engine.open_texts())
            facts = await user_tree_facts(engine, run, taken.commit)
            await engine.submit(run_id, h.TreeGated(facts))
        except Refused:
            log.info("the tree of %s could not be measured", run_id, exc_info=True)
        except Exception:
            log.exception("the tree of %s could not be measured", run_id)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks.values():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
