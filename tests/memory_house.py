"""What tests of memory share: items in a few words, and memories in files, under one clock."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from nexus_lsp.adapters.memory.embeddings import Embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MEMORY_KINDS, MEMORY_SOURCES, MemoryItem, MemoryKind, MemorySource

NOW = 1_800_000_000.0
DAY = 86_400.0


def item(
    name: str = "m1",
    text: str = "text",
    *,
    agent: str = "ada",
    kind: MemoryKind = "note",
    source: MemorySource = "agent",
    days: float = 0.0,
    **more: Any,
) -> MemoryItem:
    """An item that is so many days old."""
    return MemoryItem(name, agent, kind, text, source, NOW - days * DAY, **more)


KINDS, SOURCES = st.sampled_from(MEMORY_KINDS), st.sampled_from(MEMORY_SOURCES)
ITEMS = st.builds(
    MemoryItem,
    st.text(min_size=1),
    st.text(),
    KINDS,  # type: ignore[arg-type]
    st.text(),
    SOURCES,  # type: ignore[arg-type]
    st.floats(-1e14, 1e14),
    st.lists(st.text(), max_size=3).map(tuple),
    st.text(),
    st.text(),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
"""Any items, also such as nobody would write."""


@asynccontextmanager
async def opened(path: Path, embedder: Embedder | None = None) -> AsyncIterator[SqliteMemory]:
    memory = SqliteMemory(path, embedder, now=lambda: NOW)
    await memory.open()
    try:
        yield memory
    finally:
        await memory.close()


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db
