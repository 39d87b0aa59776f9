"""Memory for its owner: what the user can search, take along and have forgotten."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from nexus_lsp.core.memory import MemoryItem, MemoryQuery
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.wire import Json, to_json
from nexus_lsp.ports import Face, Memory, MemoryFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine


class MemoryDesk:
    """Handlers of the operations on memory; see `engine.operations` for their arguments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def _memory(self) -> AsyncGenerator[Memory]:
        """The store, with all in it that was learned by now; what goes wrong with it is a sentence."""
        await self._engine.recall.settle()
        try:
            yield await self._engine.recall.ready()
        except MemoryFailed as error:
            raise Refused(str(error)) from error

    async def search(self, a: Any, _face: Face | None) -> Json:
        """The best items for a query, with why they were found."""
        query = MemoryQuery(a.query, self._engine.adapters.now(), agent_id=a.agent_id, limit=a.limit)
        async with self._memory() as memory:
            found = await memory.search(query)
            notice = memory.notice
        items = [_line(one.item) | {"score": one.score, "why": list(one.why)} for one in found]
        return {"items": items, "notice": notice}

    async def export(self, _a: Any, _face: Face | None) -> Json:
        """Everything, oldest first."""
        async with self._memory() as memory:
            return {"items": [_line(item) for item in await memory.export()], "notice": memory.notice}

    async def forget(self, a: Any, _face: Face | None) -> Json:
        """Remove items for good."""
        given = [bool(a.ids), a.agent_id is not None, a.everything]
        if sum(given) != 1:
            raise InvalidArgument("Give exactly one of ids, agentId and everything.")
        async with self._memory() as memory:
            gone = await memory.forget(a.ids, agent_id=a.agent_id, everything=a.everything)
            return {"forgotten": gone, "notice": memory.notice}


def _line(item: MemoryItem) -> Json:
    return dict(to_json(item))
