"""Memory: searching 100,000 items by words, by place and by meaning, beside FTS5 asked plainly."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.stage import Stage
from benchmarks.tables import Samples, number, show
from nexus_lsp.adapters.memory.embeddings import find_embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MEMORY_KINDS, MEMORY_SOURCES, MemoryItem, MemoryQuery

AGENTS = ("", "aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator")
NOW = 1_750_000_000.0
LIMIT_MS = 20.0

Search = Callable[[MemoryQuery], Awaitable[object]]


class Language:
    """Words made of syllables, as common as words of a language are (Zipf and Mandelbrot), the same each time."""

    def __init__(self, size: int = 40_000) -> None:
        self.random = random.Random(7)
        syllables = [a + b for a in "bcdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "ol")]
        found: dict[str, None] = {}
        while len(found) < size:
            found["".join(self.random.choices(syllables, k=self.random.choice((1, 2, 2, 3, 3, 4))))] = None
        self.words = sorted(found, key=len)  # the common ones are short
        self._weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(size)))

    def text(self, words: int) -> str:
        return " ".join(self.random.choices(self.words, cum_weights=self._weights, k=words))

    def path(self) -> str:
        folder, file = int(self.random.paretovariate(0.7)) % 300, self.random.randrange(12)
        return f"src/{self.words[2_000 + folder]}/{self.words[5_000 + folder * 12 + file]}.py"

    def items(self, count: int) -> list[MemoryItem]:
        pick = self.random.choice
        return [
            MemoryItem(
                f"item-{at}", pick(AGENTS), pick(MEMORY_KINDS), self.text(self.random.randint(12, 60)),
                pick(MEMORY_SOURCES), NOW - (count - at) * 60, (self.path(),),
            )
            for at in range(count)
        ]  # fmt: skip

    def queries(self, count: int) -> Mapping[str, list[MemoryQuery]]:
        """By kind: one rare word, three of the twenty most common, a task's dozen words, and narrower ones."""
        pick = self.random.choice
        dozen = [self.text(12) for _ in range(count)]
        paths = [(self.path(), self.path()) for _ in range(count)]
        return {
            "one rare word": [MemoryQuery(pick(self.words[9_000:30_000]), NOW) for _ in range(count)],
            "three common words": [
                MemoryQuery(" ".join(self.random.sample(self.words[:20], 3)), NOW) for _ in range(count)
            ],
            "a dozen words": [MemoryQuery(text, NOW) for text in dozen],
            "forty words": [MemoryQuery(self.text(60), NOW) for _ in range(count)],
            "a dozen words, an agent, a kind": [
                MemoryQuery(text, NOW, agent_id=pick(AGENTS[1:]), kinds=("lesson",)) for text in dozen
            ],
            "a dozen words, two paths": [
                MemoryQuery(text, NOW, paths=two) for text, two in zip(dozen, paths, strict=True)
            ],
            "two paths": [MemoryQuery("", NOW, paths=two) for two in paths],
        }


class Plain:
    """FTS5 as its manual shows it: porter, and all that match ranked by bm25, the best ten taken."""

    async def open(self, path: Path, items: Sequence[MemoryItem]) -> None:
        import aiosqlite

        self._db = await aiosqlite.connect(path, isolation_level=None)
        await self._db.execute("PRAGMA journal_mode=WAL")
        await self._db.execute("CREATE VIRTUAL TABLE t USING fts5 (text, paths, tokenize='porter unicode61')")
        await self._db.execute("BEGIN")
        rows = [(item.text, item.paths[0]) for item in items]
        await self._db.executemany("INSERT INTO t VALUES (?, ?)", rows)
        await self._db.execute("COMMIT")

    async def search(self, query: MemoryQuery) -> object:
        words = re.findall(r"\w+", query.text)
        match = " OR ".join([*(f'"{w}"' for w in words), *(f'paths:"{path}"' for path in query.paths)])
        return await self._db.execute_fetchall(
            "SELECT text FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT 10", (match,)
        )

    async def close(self) -> None:
        await self._db.close()


@dataclass
class Measured:
    """What building cost: items a second, bytes of the file, megabytes of this process before and after."""

    stored: float
    embedded: float
    file_mb: float
    codes_mb: float
    opened_ms: float


async def measure_memory_search(stage: Stage) -> None:
    """The table of memory."""
    count, rounds = (4_000, 10) if stage.quick else (100_000, 100)
    language = Language(8_000 if stage.quick else 40_000) if False else Language()
    items = language.items(count)
    queries = language.queries(rounds)
    path = stage.place("memory") / "memory.db"
    measured = await _build(path, items)
    plain = Plain()
    await plain.open(path.with_name("plain.db"), items)
    ours = SqliteMemory(path)
    await ours.open()
    meant = None
    took: dict[str, dict[str, Samples]] = {}
    took["words"] = {name: await _timed(ours.search, asked) for name, asked in queries.items()}
    await ours.close()
    if find_embedder() is not None:
        meant = SqliteMemory(path, find_embedder())
        await meant.open()
        await meant.settled()
        took["words + meaning"] = {name: await _timed(meant.search, asked) for name, asked in queries.items()}
        await meant.close()
    few = {name: asked[: 5 if stage.quick else 20] for name, asked in queries.items()}
    took["FTS5, bm25"] = {name: await _timed(plain.search, asked) for name, asked in few.items()}
    await plain.close()
    _show(count, took, measured)


async def _build(path: Path, items: Sequence[MemoryItem]) -> Measured:
    memory = SqliteMemory(path)
    await memory.open()
    began = time.perf_counter()
    await memory.store(items)
    stored = len(items) / (time.perf_counter() - began)
    await memory.close()
    embedded = codes = opened = 0.0
    if (embedder := find_embedder()) is not None:
        await asyncio.to_thread(embedder.embed, ["loaded"])
        memory = SqliteMemory(path, embedder)
        await memory.open()
        began = time.perf_counter()
        await memory.settled()
        embedded = len(items) / (time.perf_counter() - began)
        await memory.close()
        memory = SqliteMemory(path, embedder)
        before = psutil.Process().memory_info().rss
        began = time.perf_counter()
        await memory.open()
        await memory.settled()
        opened = (time.perf_counter() - began) * 1e3
        codes = (psutil.Process().memory_info().rss - before) / 1e6
        await memory.close()
    return Measured(stored, embedded, path.stat().st_size / 1e6, codes, opened)


async def _timed(search: Search, queries: Sequence[MemoryQuery]) -> Samples:
    took: list[float] = []
    for query in queries:
        began = time.perf_counter()
        await search(query)
        took.append((time.perf_counter() - began) * 1e3)
    return Samples(tuple(took))


def _show(count: int, took: Mapping[str, Mapping[str, Samples]], measured: Measured) -> None:
    rows = [
        [
            name,
            *(
                number(samples[name].at(share))
                for samples in took.values()
                for share in (0.5, 0.95, 0.99)
            ),
        ]
        for name in took["words"]
    ]
    head = ["a search for", *(f"{way} {p}" for way in took for p in ("p50", "p95", "p99"))]
    show(f"7. Memory: a search among {count:,} items (ms)", head, rows)
    print(measured)


if __name__ == "__main__":
    import sys
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        t = time.perf_counter()
        asyncio.run(measure_memory_search(Stage(Path(d), "quick" in sys.argv)))
        print(time.perf_counter() - t)
