"""Looking items up in the memory's index: by words and by place, at a cost that does not grow with age.

A word's items are read newest first and only up to a budget, the rarest words first: a word that a third of
all items hold tells little and would cost the most (ranking 100,000 items by `bm25` takes 20 ms and more).
"""

from __future__ import annotations

import heapq
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nexus_lsp.core.memory import MemoryItem, MemoryQuery
from nexus_lsp.core.memory.ranking import by_score, rarity, word_score
from nexus_lsp.core.memory.words import agent_mark, folder_marks, kind_mark, path_marks

if TYPE_CHECKING:
    import aiosqlite

_FIRST = 200
"""Items that are read of every word to see how rare it is."""

_BUDGET = 6_000
"""Items that are read further, over all words of a query: 2 ms. Half as many where the index filters too."""

_POOL = 200
"""Items whose words are counted one by one."""

MOST_RANKED = 60
"""Items that one way of looking may name: enough for a fusion of the first ten."""

_MOST_PATHS = 10
"""Paths of one query that are looked up; the first count."""


async def refresh(db: aiosqlite.Connection, scopes: Scopes) -> None:
    """Take in the items that were stored since."""
    newer = await db.execute_fetchall("SELECT seq, agent_id, kind FROM items WHERE seq > ?", (scopes.newest,))
    scopes.add((seq, agent_id, kind) for seq, agent_id, kind in newer)


class Scopes:
    """Whose and of which kind every item is, in two bytes each, so that filtering asks no table."""

    def __init__(self) -> None:
        self._numbers = array("H")
        self._known: dict[tuple[str, str], int] = {}
        self.count = 0

    def clear(self) -> None:
        """Begin anew."""
        del self._numbers[:]
        self.count = 0

    @property
    def newest(self) -> int:
        """The highest key that was taken in."""
        return max(0, len(self._numbers) - 1)

    def add(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Take in (key, agent_id, kind) of items."""
        for key, agent_id, kind in rows:
            if key >= len(self._numbers):
                self._numbers.extend([0] * (key + 1 - len(self._numbers)))
            if not self._numbers[key]:
                self._numbers[key] = self._known.setdefault((agent_id, kind), len(self._known) + 1)
                self.count += 1

    def drop(self, keys: Iterable[int]) -> None:
        """Take items out."""
        for key in keys:
            if self[key]:
                self._numbers[key] = 0
                self.count -= 1

    def __getitem__(self, key: int) -> int:
        """The number of an item's scope; 0 where it is not here."""
        return self._numbers[key] if key < len(self._numbers) else 0

    def within(self, keys: Iterable[int], numbers: frozenset[int]) -> list[int]:
        """Those of the keys whose items are of these scopes."""
        known, end = self._numbers, len(self._numbers)
        return [key for key in keys if key < end and known[key] in numbers]

    def of(self, query: MemoryQuery) -> Scope:
        """What a query may find."""
        numbers = frozenset(
            number
            for (agent_id, kind), number in self._known.items()
            if (query.agent_id is None or agent_id in ("", query.agent_id))
            and (not query.kinds or kind in query.kinds)
        )
        return Scope(self, numbers, _expression(query))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query may find: the numbers of its scopes, and the same as a term for the index ("" for all)."""

    scopes: Scopes
    numbers: frozenset[int]
    expression: str

    def within(self, keys: list[int]) -> list[int]:
        """Those of the keys that a query may find."""
        return self.scopes.within(keys, self.numbers) if self.expression else keys

    def narrowed(self, term: str) -> str:
        """An index expression for the items of a term that a query may find."""
        return f"{term} AND {self.expression}" if self.expression else term


def _expression(query: MemoryQuery) -> str:
    agents = () if query.agent_id is None else (agent_mark(""), agent_mark(query.agent_id))
    kinds = tuple(kind_mark(kind) for kind in query.kinds)
    return " AND ".join(f"({' OR '.join(map(quoted, marks))})" for marks in (agents, kinds) if marks)


def quoted(word: str) -> str:
    """A word for the index; words and marks hold no quotes."""
    return f'"{word}"'


# --- by words ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Word:
    """What is known of one word of a query: the items read so far, newest first, and how many hold it."""

    word: str
    keys: list[int]
    whole: bool
    holding: float


async def by_words(db: aiosqlite.Connection, asked: Sequence[str], scope: Scope) -> list[int]:
    """The keys of the items that fit the words best, best first."""
    found = [word for word in await _first(db, asked, scope.scopes) if word.keys]
    await _read_on(db, found, scope)
    rarities = {word.word: rarity(word.holding, scope.scopes.count) for word in found}
    scores: dict[int, float] = {}
    for word in found:
        told = rarities[word.word]
        for key in scope.within(word.keys):
            scores[key] = scores.get(key, 0.0) + told
    pool = heapq.nlargest(_POOL, scores, key=lambda key: (scores[key], key))
    return await _counted(db, pool, rarities)


async def _first(db: aiosqlite.Connection, asked: Sequence[str], scopes: Scopes) -> list[_Word]:
    lists = await postings(db, [(quoted(word), _FIRST) for word in asked])
    return [_word(word, keys, _FIRST, scopes) for word, keys in zip(asked, lists, strict=True)]


def _word(word: str, keys: list[int], most: int, scopes: Scopes) -> _Word:
    if len(keys) < most:
        return _Word(word, keys, True, len(keys))
    seen = max(1, scopes.newest + 1 - keys[-1])  # newest items, of which so many hold the word
    return _Word(word, keys, False, len(keys) / seen * scopes.count)


async def _read_on(db: aiosqlite.Connection, found: list[_Word], scope: Scope) -> None:
    """Read more of the words that are not known whole, the rarest first, while the budget lasts."""
    left = _BUDGET // 2 if scope.expression else _BUDGET
    wanted: list[tuple[_Word, int]] = []
    for word in sorted((word for word in found if not word.whole), key=lambda word: word.holding):
        share = min(left, max(_FIRST, int(2 * word.holding)))
        if share > _FIRST or scope.expression:
            wanted.append((word, share))
            left -= share
        if left <= 0:
            break
    lists = await postings(db, [(scope.narrowed(quoted(word.word)), most) for word, most in wanted])
    for (word, most), keys in zip(wanted, lists, strict=True):
        word.keys = keys
        if not scope.expression:
            word.holding = _word(word.word, keys, most, scope.scopes).holding


async def _counted(db: aiosqlite.Connection, pool: Sequence[int], rarities: Mapping[str, float]) -> list[int]:
    rows = await db.execute_fetchall(
        "SELECT seq, words FROM items WHERE seq IN (SELECT value FROM json_each(?))", (json.dumps(pool),)
    )
    scores = {key: word_score(rarities, words.split()) for key, words in rows}
    return by_score(scores)[:MOST_RANKED]


# --- by place, by age ----------------------------------------------------------------------------------


async def by_paths(db: aiosqlite.Connection, query: MemoryQuery, scope: Scope) -> list[int]:
    """The keys of the newest items that concern the query's paths or stand in the same directories."""
    paths = query.paths[:_MOST_PATHS]
    marks = [*path_marks(paths), *folder_marks(paths)]
    lists = await postings(db, [(scope.narrowed(quoted(mark)), MOST_RANKED) for mark in marks])
    return list(dict.fromkeys(key for keys in lists for key in scope.within(keys)))


async def by_age(db: aiosqlite.Connection, query: MemoryQuery) -> list[int]:
    """The keys of the newest items that a query may find, newest first."""
    rows = await db.execute_fetchall(
        "SELECT seq FROM items WHERE (?1 IS NULL OR agent_id IN ('', ?1))"
        " AND (?2 = '[]' OR kind IN (SELECT value FROM json_each(?2))) ORDER BY at DESC LIMIT ?3",
        (query.agent_id, json.dumps(query.kinds), MOST_RANKED),
    )
    return [row[0] for row in rows]


async def postings(db: aiosqlite.Connection, wanted: Sequence[tuple[str, int]]) -> list[list[int]]:
    """For each index expression the keys of at most so many of its newest items, newest first.

    One statement for all, each list as one text: a third of what rows would take.
    """
    if not wanted:
        return []
    one = "(SELECT group_concat(rowid) FROM (SELECT rowid FROM item_words(?) ORDER BY rowid DESC LIMIT ?))"
    arguments = [argument for pair in wanted for argument in pair]
    rows = list(await db.execute_fetchall(f"SELECT {', '.join([one] * len(wanted))}", arguments))
    return [list(map(int, keys.split(","))) if keys else [] for keys in rows[0]]


async def items_where(
    db: aiosqlite.Connection, where: str, arguments: Sequence[Any] = ()
) -> dict[int, MemoryItem]:
    """The items that fulfil a condition (of our own, with its arguments apart), by key, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT seq, id, agent_id, kind, text, source, at, paths, run_id, task_id, used, useful"  # noqa: S608
        f" FROM items WHERE {where} ORDER BY at, seq",
        arguments,
    )
    return {row[0]: _item(*row[1:]) for row in rows}


def _item(*row: Any) -> MemoryItem:
    item_id, agent_id, kind, text, source, at, paths, run_id, task_id, used, useful = row
    return MemoryItem(
        item_id, agent_id, kind, text, source, at, tuple(json.loads(paths)), run_id, task_id, used, useful
    )


async def items_of(db: aiosqlite.Connection, keys: Iterable[int]) -> dict[int, MemoryItem]:
    """The items of these keys that are there, by key."""
    asked = json.dumps(sorted(set(keys)))
    return await items_where(db, "seq IN (SELECT value FROM json_each(?))", (asked,))
