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
from benchmarks.tables import Samples, aim, number, show
from nexus_lsp.adapters.memory.embeddings import Embedder, find_embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MEMORY_KINDS, MEMORY_SOURCES, MemoryItem, MemoryQuery
from tests.memory.labelled import recall

AGENTS = ("", "aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator")
NOW = 1_750_000_000.0
LIMIT_MS = 20.0

Queries = Mapping[str, Sequence[MemoryQuery]]
"""By kind."""

Times = Mapping[str, Samples]
"""ms of a search, by kind of query."""

Search = Callable[[MemoryQuery], Awaitable[object]]


class Language:
    """Words of syllables, as common as those of a language (Zipf, Mandelbrot); the same each time."""

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

    def queries(self, count: int) -> Queries:
        """One rare word, three of the twenty most common, a dozen as a task has them, narrower ones."""
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


@dataclass(frozen=True, slots=True)
class Built:
    """What building cost: items a second, megabytes of the file and of the codes in memory, ms to open."""

    stored: float
    file_mb: float
    embedded: float = 0.0
    codes_mb: float = 0.0
    opened_ms: float = 0.0


async def measure_recall(stage: Stage) -> None:
    """Table 8."""
    count, rounds, plain_rounds = (4_000, 10, 2) if stage.quick else (100_000, 50, 6)
    language = Language()
    items, queries = language.items(count), language.queries(rounds)
    path = stage.place("memory") / "memory.db"
    built = await _build(path, items)
    found = {"words": await _searched(SqliteMemory(path), queries)}
    if built.embedded:
        found["words + meaning"] = await _searched(SqliteMemory(path, find_embedder()), queries)
    found["FTS5, bm25"] = await _plain(path.with_name("plain.db"), items, queries, plain_rounds)
    show(
        f"8. Memory: a search among {count:,} items (ms)",
        ("a search for", *(f"{way} {p}" for way in found for p in ("p50", "p95"))),
        _rows(found),
        *(
            aim(f"p95 < {LIMIT_MS:.0f} ms, {way}, all kinds", _together(found[way]).at(0.95) < LIMIT_MS)
            for way in found
            if way != "FTS5, bm25"
        ),
        *_told(built),
        *await _recall(stage),
        "FTS5, bm25: SQLite's full text search as its manual shows it, all that match ranked",
    )


async def _build(path: Path, items: Sequence[MemoryItem]) -> Built:
    memory = SqliteMemory(path)
    await memory.open()
    began = time.perf_counter()
    await memory.store(items)
    stored = len(items) / (time.perf_counter() - began)
    await memory.close()
    if (embedder := find_embedder()) is None:
        return Built(stored, path.stat().st_size / 1e6)
    await asyncio.to_thread(embedder.embed, ["loaded"])
    took = await _opened_and_embedded(path, embedder)
    before = psutil.Process().memory_info().rss
    again = await _opened_and_embedded(path, embedder)
    codes_mb = (psutil.Process().memory_info().rss - before) / 1e6
    return Built(stored, path.stat().st_size / 1e6, len(items) / took, codes_mb, again * 1e3)


async def _opened_and_embedded(path: Path, embedder: Embedder) -> float:
    """Seconds until every item can be found by its meaning."""
    memory = SqliteMemory(path, embedder)
    began = time.perf_counter()
    await memory.open()
    await memory.settled()
    took = time.perf_counter() - began
    await memory.close()
    return took


async def _searched(memory: SqliteMemory, queries: Queries) -> Times:
    await memory.open()
    await memory.settled()
    await memory.search(MemoryQuery("the first looks at every item", NOW))
    took = {name: await _timed(memory.search, asked) for name, asked in queries.items()}
    await memory.close()
    return took


async def _plain(path: Path, items: Sequence[MemoryItem], queries: Queries, rounds: int) -> Times:
    plain = Plain()
    await plain.open(path, items)
    took = {name: await _timed(plain.search, asked[:rounds]) for name, asked in queries.items()}
    await plain.close()
    return took


async def _timed(search: Search, queries: Sequence[MemoryQuery]) -> Samples:
    took: list[float] = []
    for query in queries:
        began = time.perf_counter()
        await search(query)
        took.append((time.perf_counter() - began) * 1e3)
    return Samples(tuple(took))


def _together(times: Times) -> Samples:
    return Samples(tuple(value for samples in times.values() for value in samples.values))


def _rows(found: Mapping[str, Times]) -> list[list[str]]:
    kinds = list(found["words"])
    samples = {name: [times[name] for times in found.values()] for name in kinds}
    samples["all kinds together"] = [_together(times) for times in found.values()]
    return [[name, *(number(x.at(p)) for x in row for p in (0.5, 0.95))] for name, row in samples.items()]


def _told(built: Built) -> list[str]:
    told = [f"stored: {number(built.stored)} items/s, a file of {number(built.file_mb)} MB"]
    if built.embedded:
        told.append(
            f"embedded: {number(built.embedded)} items/s; open again in {number(built.opened_ms)} ms,"
            f" {number(built.codes_mb)} MB for the vectors' codes"
        )
    return told


async def _recall(stage: Stage) -> list[str]:
    """Of what should come to mind for the tasks of the labelled set, how much is among the first ten."""
    shares = {"words": (await recall(stage.place("recall") / "words.db", None, 10))[0]}
    if (embedder := find_embedder()) is not None:
        shares["words + meaning"] = (await recall(stage.place("recall") / "both.db", embedder, 10))[0]
    told = ", ".join(f"{way} {share:.0%}" for way, share in shares.items())
    return [f"recall@10 of the labelled set, tasks in other words than what they should recall: {told}"]
