"""Pulses: when each agent at work was last heard, and what it has used by now.

Known here and not in the journal, but for a note every fifteen seconds and whatever a budget makes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.run import Run
from nexus_lsp.core.spending import overdrawn

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine
    from nexus_lsp.engine.team_desk import TeamDesk

BEAT = 1.0
"""Seconds between two looks at the budgets while somebody works."""

NOTE_EVERY = 15.0
"""Seconds between two notes of what was used."""


@dataclass(slots=True)
class Pulse:
    """One attempt at work. `heard` is in Unix seconds."""

    attempt: int
    desk: TeamDesk
    heard: float
    tokens: int = 0
    noted: int = 0


class Pulses:
    """See the module; one for an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pulses: dict[tuple[str, str], Pulse] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._noted_at = 0.0

    def begin(self, run_id: str, task_id: str, attempt: int, desk: TeamDesk) -> None:
        """An agent is at work."""
        now = self._engine.adapters.now()
        self._pulses[run_id, task_id] = Pulse(attempt, desk, now)
        self._wind()

    def heard(self, run_id: str, task_id: str, tokens: int) -> None:
        """A sign of life of it."""
        pulse = self._pulses.get((run_id, task_id))
        if pulse:
            pulse.heard = self._engine.adapters.now()
            pulse.tokens = max(pulse.tokens, tokens)

    def end(self, run_id: str, task_id: str, attempt: int) -> None:
        """This attempt is no longer at work; a later one may be by now."""
        pulse = self._pulses.get((run_id, task_id))
        if pulse is not None and pulse.attempt == attempt:
            del self._pulses[run_id, task_id]

    def silence(self, run_id: str, task_id: str) -> float | None:
        """Seconds since an agent at work was last heard; None for one that is not."""
        pulse = self._pulses.get((run_id, task_id))
        return self._engine.adapters.now() - pulse.heard if pulse else None

    def look(self) -> None:
        """Stop the agents that a spent budget is about."""
        for (run_id, task_id), pulse in self._pulses.items():
            if task_id in self._engine.runs[run_id].halted:
                pulse.desk.stopped.set()

    # --- budgets -------------------------------------------------------------------------------------

    def _wind(self) -> None:
        if self._beat is None and self._pulses and not self._engine.closing:
            self._beat = asyncio.get_running_loop().call_later(BEAT, self._tick)

    def _tick(self) -> None:
        self._beat = None
        now = self._engine.adapters.now()
        keep = now - self._noted_at >= NOTE_EVERY
        for run, live in self._live(keep):
            tokens = {task_id: count for task_id, _, count in live}
            if (keep and live) or overdrawn(run, now, tokens):
                self._engine.report(run.id, h.Measured(now, live, keep))
        if keep:
            self._noted_at = now
            for pulse in self._pulses.values():
                pulse.noted = pulse.tokens
        self._wind()

    def _live(self, keep: bool) -> Iterator[tuple[Run, tuple[tuple[str, int, int], ...]]]:
        """Runs with agents at work, and what these have used; for a note only where it is news."""
        for run_id in {run_id for run_id, _ in self._pulses}:
            mine = [(task_id, p) for (r, task_id), p in self._pulses.items() if r == run_id]
            told = [(task_id, p.attempt, p.tokens) for task_id, p in mine if not keep or p.tokens > p.noted]
            yield self._engine.runs[run_id], tuple(told)

    def close(self) -> None:
        """Look no more."""
        if self._beat:
            self._beat.cancel()
