"""What happens because time passes: asks run out, agents may begin again, messages are never read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.messages import unix
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.schedule import next_wakes

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

LONGEST_NAP = 60.0
"""Seconds; the clock is looked at again after that, for a machine may have slept."""


class Clock:
    """Wakes an engine at the next time that matters to one of its runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timer: asyncio.TimerHandle | None = None

    def wind(self, live: Iterable[Run], more: Iterable[float]) -> None:
        """Set it anew; `more` are further times (Unix seconds) at which something may start."""
        runs, now = list(live), self._engine.adapters.now()
        times = [at for run in runs for at in (*_asks(run), *_messages(run))]
        # what may start since a while ago waits for a place, not for the clock
        times += [at for at in (*next_wakes(runs), *more) if at > now]
        self.stop()
        if times:
            nap = min(max(0.0, min(times) - now), LONGEST_NAP)
            self._timer = asyncio.get_running_loop().call_later(nap, self._ring)

    def _ring(self) -> None:
        self._timer = None
        engine = self._engine
        now = engine.adapters.now()
        due = [what for run in engine.runs.values() if run.status not in OVER for what in self._due(run, now)]
        for run_id, what in due:
            engine.report(run_id, what)
        if not due:
            engine.reconcile()

    def _due(self, run: Run, now: float) -> Iterator[tuple[str, h.Happening]]:
        for ask in run.open_asks:
            if ask.expires is not None and ask.expires <= now:
                yield run.id, h.Answer(ask.ask_id, ask.default, "timeout")
        for recipient, ids in self._engine.mailroom.overdue(run, now).items():
            yield run.id, h.Died(recipient, tuple(ids), "nobody read it in time")

    def stop(self) -> None:
        """Ring no more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _asks(run: Run) -> Iterator[float]:
    yield from (ask.expires for ask in run.open_asks if ask.expires is not None)


def _messages(run: Run) -> Iterator[float]:
    """When messages that wait in the outbox run out."""
    for message_id, _ in run.team.outbox:
        message = run.team.messages[message_id].message
        limit = message.get("timeout_seconds")
        if limit is not None:
            yield unix(str(message["timestamp"])) + float(limit)
