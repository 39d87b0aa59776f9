"""The journal: facts in, facts back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from nexus_lsp.core.facts import Entry, Fact

if TYPE_CHECKING:
    pass


class JournalFailed(Exception):
    """Facts cannot be kept; the text is a sentence the user can act on."""


class Journal(Protocol):
    """Every fact of an engine, in order."""

    async def open(self) -> list[Entry]:
        """Every entry so far; JournalFailed where the store cannot be used."""
        ...

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        """Keep facts (all or none) and give them their sequence numbers; JournalFailed where it cannot."""
        ...

    async def close(self) -> None:
        """Give back the store."""
        ...
