"""How much of what should come to mind does: a hand-written set of memories and of tasks in other words."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pytest

from nexus_lsp.adapters.memory.embeddings import Embedder, find_embedder
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


def test_the_set_is_whole() -> None:
    names = [item.id for item in remembered()]
    assert len(names) == len(set(names)) >= 150
    assert len(asked()) >= 50
    assert {name for _, wanted in asked() for name in wanted} - set(names) == set()


def test_no_query_gives_its_item_away() -> None:
    """Half of a query's longer words at most stand in the item it is after."""
    texts = {item.id: item.text.casefold() for item in remembered()}
    copied = [
        text
        for text, (first, *_) in asked()
        if (long := {word for word in text.casefold().split() if len(word) > 5})
        and sum(word in texts[first] for word in long) > len(long) / 2 + 1
    ]
    assert copied == []


async def recall(tmp_path: Path, embedder: Embedder | None, at: int) -> tuple[float, Sequence[str]]:
    """The mean share of what should come that comes among the first `at`; and what was missed."""
    memory = SqliteMemory(tmp_path / "memory.db", embedder, now=lambda: NOW)
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


@pytest.mark.parametrize(("at", "least"), [(10, 0.45), (3, 0.36)])
async def test_by_words(tmp_path: Path, at: int, least: float) -> None:
    share, missed = await recall(tmp_path, None, at)
    assert share >= least, missed


@pytest.mark.skipif(importlib.util.find_spec("wordllama") is None, reason="the extra `embeddings` is missing")
@pytest.mark.parametrize(("at", "least"), [(10, 0.69), (3, 0.45)])
async def test_by_words_and_meaning(tmp_path: Path, at: int, least: float) -> None:
    share, missed = await recall(tmp_path, find_embedder(), at)
    assert share >= least, missed
