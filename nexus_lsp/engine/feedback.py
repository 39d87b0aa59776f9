"""Feedback: what the user turns down reaches the agents at work, at their next step."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.ports import JournalFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

GATHERED = 0.3
"""Seconds in which rejections become one message: whole files are rejected hunk by hunk."""

_LISTED = 20


class Feedback:
    """Listens to an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rejected: dict[str, list[f.ChangeRejected]] = {}

    def hear(self, entry: f.Entry, run: Run) -> None:
        """Gather rejections with a reason; what an agent that begins later is told stands in its prompt."""
        fact = entry.fact
        if not isinstance(fact, f.ChangeRejected) or not fact.reason or not _at_work(run):
            return
        gathered = self._rejected.setdefault(run.id, [])
        gathered.append(fact)
        if len(gathered) == 1:
            asyncio.get_running_loop().call_later(GATHERED, self._tell_soon, run.id)

    def _tell_soon(self, run_id: str) -> None:
        if not self._engine.closing:
            self._engine.spawn(self._tell(run_id), "tell agents what was rejected")

    async def _tell(self, run_id: str) -> None:
        rejected = self._rejected.pop(run_id, [])
        run = self._engine.runs[run_id]
        if run.status in OVER or not _at_work(run):
            return
        by_reason: dict[str, list[str]] = {}
        for fact in rejected:
            change = run.changes[fact.change_id].change
            by_reason.setdefault(fact.reason, []).append(f"{change.path} line {change.line + 1}")
        told = [f"Rejected ({', '.join(places[:_LISTED])}): {why}" for why, places in by_reason.items()]
        try:
            await self._engine.mailroom.tell(run, _at_work(run), "\n".join(told))
        except (Refused, JournalFailed) as error:
            log.info("agents were not told of a rejection: %s", error)


def _at_work(run: Run) -> tuple[str, ...]:
    return tuple(s.instance for s in run.tasks.values() if s.working)
