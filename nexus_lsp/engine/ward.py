"""The ward: backends that fail again and again are given a rest (`core.health`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.health import Breaker, after_fault, after_success
from nexus_lsp.core.run import OVER
from nexus_lsp.ports import Outcome

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine


class Ward:
    """The breakers of one engine, by backend; closed when it begins, for much may have changed since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._breakers: dict[str, Breaker] = {}

    def places(self, backend: str) -> int | None:
        """How many agents may be at work on a backend; None for no bound."""
        breaker = self._breakers.get(backend)
        return breaker.places(self._engine.adapters.now()) if breaker else None

    def wakes(self) -> list[float]:
        """When rests end, in Unix seconds."""
        return [b.until for b in self._breakers.values() if b.until is not None]

    async def note(self, backend: str, outcome: Outcome) -> None:
        """An attempt ended: learn from it how its backend does, and say so where that changes."""
        old = self._breakers.get(backend, Breaker())
        now = self._engine.adapters.now()
        if outcome.status == "broken" and outcome.fault in ("service", "program") and outcome.retryable:
            new = after_fault(old, now)
        elif outcome.status == "broken":
            return
        else:
            new = after_success(old)
        self._breakers[backend] = new
        if new.until is not None and new.until != old.until:
            why = f"{outcome.summary} It failed {new.faults} times in a row and is given a rest."
            await self._say(backend, f.AgentUnavailable(backend, new.until, why))
        elif old.tripped and not new.tripped:
            await self._say(backend, f.AgentAvailable(backend))

    async def _say(self, backend: str, fact: f.AgentUnavailable | f.AgentAvailable) -> None:
        for run in list(self._engine.runs.values()):
            if run.status not in OVER and run.started.team == backend:
                await self._engine.quietly(run.id, h.BackendSeen(fact))
