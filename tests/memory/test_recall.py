"""How much of what should come to mind does."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_lsp.adapters.memory.embeddings import find_embedder
from tests.memory.labelled import asked, recall, remembered


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


@pytest.mark.parametrize(("at", "least"), [(10, 0.45), (3, 0.36)])
async def test_by_words(tmp_path: Path, at: int, least: float) -> None:
    share, missed = await recall(tmp_path / "memory.db", None, at)
    assert share >= least, missed


@pytest.mark.skipif(find_embedder() is None, reason="the extra `embeddings` is missing")
@pytest.mark.parametrize(("at", "least"), [(10, 0.69), (3, 0.45)])
async def test_by_words_and_meaning(tmp_path: Path, at: int, least: float) -> None:
    share, missed = await recall(tmp_path / "memory.db", find_embedder(), at)
    assert share >= least, missed
