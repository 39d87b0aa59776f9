"""The memory in memory: found by how many words and paths agree, and nothing that survives the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from nexus_lsp.core.memory import MemoryItem, MemoryQuery, Recalled, kept
from nexus_lsp.core.memory.ranking import closeness, going, weight
from nexus_lsp.core.memory.words import asked_words, words
from nexus_lsp.ports import MemoryFailed


class FakeMemory:
    """`items` is what outlives it: hand it to the next one, as if that opened the same file."""

    notice = ""

    def __init__(
        self, items: dict[str, MemoryItem] | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self.items = {} if items is None else items
        self._now = now
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    def _check(self) -> None:
        if not self._is_open:
            raise MemoryFailed("The memory is closed.")

    async def store(self, items: Sequence[MemoryItem]) -> None:
        self._check()
        for item in items:
            self.items.setdefault(item.id, kept(item))

    async def search(self, query: MemoryQuery) -> tuple[Recalled, ...]:
        self._check()
        seen = [item for item in self.items.values() if _may_be_found(item, query)]
        found = [one for item in seen if (one := _recalled(item, query))]
        found.sort(key=lambda one: (-one.score, -one.item.at, one.item.id))
        return tuple(found[: max(0, query.limit)])

    async def used(self, ids: Sequence[str], useful: bool) -> None:
        self._check()
        for item in [self.items[key] for key in ids if key in self.items]:
            self.items[item.id] = replace(item, used=item.used + 1, useful=item.useful + useful)

    async def forget(
        self, ids: Sequence[str] = (), *, agent_id: str | None = None, everything: bool = False
    ) -> int:
        self._check()
        return self._remove(
            [i for i in self.items.values() if everything or i.agent_id == agent_id or i.id in ids]
        )

    async def export(self) -> list[MemoryItem]:
        self._check()
        return sorted(self.items.values(), key=lambda item: item.at)

    async def trim(self, agent_id: str, most: int, older_than: float | None = None) -> int:
        self._check()
        own = [item for item in self.items.values() if item.agent_id == agent_id]
        return self._remove(going(own, most, older_than, self._now()))

    def _remove(self, items: Sequence[MemoryItem]) -> int:
        for item in items:
            del self.items[item.id]
        return len(items)


def _may_be_found(item: MemoryItem, query: MemoryQuery) -> bool:
    agents = (item.agent_id, None) if item.agent_id else (query.agent_id,)
    return query.agent_id in agents and (not query.kinds or item.kind in query.kinds)


def _recalled(item: MemoryItem, query: MemoryQuery) -> Recalled | None:
    own = {*words(item.text), *words(" ".join(item.paths))}
    shared, close = len(own & set(asked_words(query.text))), closeness(item.paths, query.paths)
    worth = weight(item, query.now)
    if not query.text.strip() and not query.paths:
        return Recalled(item, worth, ())
    why = tuple(way for way, found in (("words", shared), ("path", close)) if found)
    return Recalled(item, (shared + close) * worth, why) if why else None
