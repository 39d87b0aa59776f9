"""The labelled set: what the team of a web shop remembers, and tasks with what they should recall of it.

Both were written by hand before there was a ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nexus_lsp.adapters.memory.embeddings import Embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MEMORY_KINDS, MEMORY_SOURCES, MemoryItem, MemoryQuery

HERE = Path(__file__).parent
NOW = 1_800_000_000.0


def lines(name: str) -> list[str]:
    """The lines of a file of the set, without comments."""
    found = (HERE / name).read_text().splitlines()
    return [line for line in found if line.strip() and not line.startswith("#")]


def remembered() -> list[MemoryItem]:
    items: list[MemoryItem] = []
    for line in lines("items.txt"):
        name, days, agent, kind, source, paths, text = (part.strip() for part in line.split("|", 6))
        assert kind in MEMORY_KINDS and source in MEMORY_SOURCES, line
        at = NOW - int(days) * 86_400
        items.append(MemoryItem(name, agent, kind, text, source, at, tuple(paths.split())))  # type: ignore[arg-type]
    return items


def asked() -> list[tuple[str, list[str]]]:
    pairs = [line.rsplit("->", 1) for line in lines("queries.txt")]
    return [(text.strip(), ids.split()) for text, ids in pairs]


async def recall(path: Path, embedder: Embedder | None, at: int) -> tuple[float, Sequence[str]]:
    """The mean share of what should come that comes among the first `at`; and what was missed.

    `path`: where to make the memory.
    """
    memory = SqliteMemory(path, embedder, now=lambda: NOW)
    await memory.open()
    await memory.store(remembered())
    await memory.settled()
    shares: list[float] = []
    missed: list[str] = []
    for text, wanted in asked():
        found = {one.item.id for one in await memory.search(MemoryQuery(text, NOW, limit=at))}
        shares.append(len(found & set(wanted)) / len(wanted))
        missed += [f"{name}: {text}" for name in wanted if name not in found]
    await memory.close()
    return sum(shares) / len(shares), missed
