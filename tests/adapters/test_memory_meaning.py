"""Memory by meaning: other words find it, vectors come in time, and a model that fails costs little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from memory_house import NOW, item, opened, raw

from nexus_lsp.adapters.memory.embeddings import find_embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MemoryQuery

ROOT = Path(__file__).parents[2]

meaning = pytest.mark.skipif(find_embedder() is None, reason="the extra `embeddings` is missing")

TALES = [
    item("car", "The automobile refused to start in the cold."),
    item("bread", "Knead the dough and bake it in a hot oven."),
    item("login", "Signing in fails when the clock of the host is wrong."),
]
ASKED = {"vehicle engine": "car", "pastry recipes": "bread", "authentication of users": "login"}


async def first(memory: SqliteMemory) -> dict[str, str]:
    found = {text: await memory.search(MemoryQuery(text, NOW)) for text in ASKED}
    return {text: hits[0].item.id for text, hits in found.items() if hits}


@meaning
async def test_other_words_find_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "memory.db", find_embedder()) as memory:
        await memory.store(TALES)
        await memory.settled()
        assert await first(memory) == ASKED
        [hit, *_] = await memory.search(MemoryQuery("vehicle engine", NOW))
        assert hit.why == ("meaning",)
        await memory.forget(["car"])
        assert (await first(memory)).get("vehicle engine") != "car"


@meaning
async def test_what_was_stored_without_an_embedder_is_found_by_meaning_later(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    async with opened(path) as memory:
        await memory.store(TALES)
        assert await first(memory) == {}
    async with opened(path, find_embedder()) as memory:
        await memory.settled()
        assert await first(memory) == ASKED
    async with opened(path) as memory:
        assert await first(memory) == {}


class Other:
    """An embedder for which all texts are alike."""

    name, dimensions = "other", 128

    def embed(self, texts: object) -> object:
        import numpy as np

        return np.ones((len(texts), self.dimensions), np.float32)  # type: ignore[arg-type]


class Broken(Other):
    """An embedder whose library has a fault."""

    name = "broken"

    def embed(self, texts: object) -> object:
        raise RuntimeError("no such token")


@meaning
async def test_vectors_of_another_embedder_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    for embedder in (Other(), find_embedder()):
        async with opened(path, embedder) as memory:  # type: ignore[arg-type]
            await memory.store(TALES)
            await memory.settled()
            found = await first(memory)
    assert found == ASKED


@meaning
async def test_an_embedder_that_fails_leaves_the_words(tmp_path: Path) -> None:
    async with opened(tmp_path / "memory.db", Broken()) as memory:  # type: ignore[arg-type]
        await memory.store(TALES)
        await memory.settled()
        assert [one.item.id for one in await memory.search(MemoryQuery("dough", NOW))] == ["bread"]
        assert memory.notice == (
            "Memory looks for words only, since texts cannot be embedded (RuntimeError('no such token'))."
        )


@meaning
async def test_forgetting_takes_the_vector_along(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    async with opened(path, find_embedder()) as memory:
        await memory.store(TALES)
        await memory.settled()
    with raw(path) as db:
        [(code, vector)] = db.execute(
            "SELECT code, vector FROM vectors JOIN items USING (seq) WHERE id = 'car'"
        ).fetchall()
    assert vector in path.read_bytes()
    async with opened(path, find_embedder()) as memory:
        await memory.forget(["car"])
        content = b"".join(one.read_bytes() for one in tmp_path.iterdir())
        assert (code in content, vector in content) == (False, False)


@meaning
def test_embedding_asks_no_network(tmp_path: Path) -> None:
    program = """
import socket, sys
def no(*arguments, **more): raise SystemExit("network!")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = no
from nexus_lsp.adapters.memory.embeddings import find_embedder
print(find_embedder().embed(["a text", ""]).shape)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    assert done.stdout == "(2, 256)\n", done.stderr
    assert list(tmp_path.iterdir()) == [], "and leaves nothing in the user's directory"


def test_without_the_extra_there_is_no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    assert find_embedder() is None
