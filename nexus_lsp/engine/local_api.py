"""An engine in this process, as a face sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nexus_lsp.core.facts import Entry
from nexus_lsp.core.run import Run
from nexus_lsp.core.wire import Json, entry_to_json
from nexus_lsp.engine.engine import Engine
from nexus_lsp.engine.operations import Operations
from nexus_lsp.ports import Face

Hear = Callable[[Json], None]


class LocalApi:
    """`ports.EngineApi` for one face; `close` detaches it and then runs `after`."""

    def __init__(
        self,
        engine: Engine,
        operations: Operations,
        face: Face | None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._engine = engine
        self._operations = operations
        self._face = face
        self._after = after
        if face is not None:
            engine.faces.append(face)

    async def execute(self, name: str, argument: Mapping[str, Any]) -> Json:
        """See the port."""
        return await self._operations.execute(name, argument, self._face)

    @property
    def seq(self) -> int:
        """The last event's number; 0 before the first."""
        return self._engine.entries[-1].seq if self._engine.entries else 0

    def listen(self, hear: Hear, after: int | None = None) -> Callable[[], None]:
        """See the port. What is said and not kept comes without `seq`.

        With `after`, the events since that number are heard first, before this returns.
        """

        def on_entry(entry: Entry, _run: Run) -> None:
            hear(entry_to_json(entry))

        if after is not None:
            for entry in self._engine.entries:
                if entry.seq > after:
                    on_entry(entry, self._engine.runs[entry.run_id])
        self._engine.listeners.append(on_entry)
        self._engine.watchers.append(hear)

        def stop() -> None:
            if on_entry in self._engine.listeners:
                self._engine.listeners.remove(on_entry)
                self._engine.watchers.remove(hear)

        return stop

    async def close(self) -> None:
        """See the port."""
        if self._face in self._engine.faces:
            self._engine.faces.remove(self._face)
        if self._after:
            await self._after()
