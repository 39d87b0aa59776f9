"""Memory: what a team keeps across runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from nexus_lsp.core.memory import MemoryItem, MemoryQuery, Recalled

if TYPE_CHECKING:
    pass


class MemoryFailed(Exception):
    """Memory cannot be used now; the text is a sentence the user can act on. Nothing stored was deleted."""


class Memory(Protocol):
    """What agents and the project remember across runs."""

    @property
    def notice(self) -> str:
        """What the user should know of how the store was found (a broken file was moved aside), or ""."""
        ...

    async def open(self) -> None:
        """Begin; MemoryFailed where the store cannot be used."""
        ...

    async def store(self, items: Sequence[MemoryItem]) -> None:
        """Keep items; one that is there already (by id) stays as it is. MemoryFailed."""
        ...

    async def search(self, query: MemoryQuery) -> tuple[Recalled, ...]:
        """The best items for a query, best first. MemoryFailed."""
        ...

    async def used(self, ids: Sequence[str], useful: bool) -> None:
        """These were shown to an agent; `useful`: its work then landed at once."""
        ...

    async def forget(
        self, ids: Sequence[str] = (), *, agent_id: str | None = None, everything: bool = False
    ) -> int:
        """Remove items for good, also from the file: by id, all of an agent, or all; how many that were."""
        ...

    async def export(self) -> list[MemoryItem]:
        """Every item, oldest first."""
        ...

    async def trim(self, agent_id: str, most: int, older_than: float | None = None) -> int:
        """Keep at most `most` items of an agent, none from before `older_than` (Unix seconds); how many went.

        The least useful and oldest go first; lessons and decisions go last.
        """
        ...

    async def close(self) -> None:
        """Give back the store."""
        ...
