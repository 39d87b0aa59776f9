"""Recall: which remembered things come first for a task, and which go first when there are too many.

Several rankings (by words, by meaning, by place) are fused by rank, since their scores have no common
scale; what an item is worth in itself (its age, its source, what came of it when it was shown) then weighs
the sum a little up or down. It never lifts what nothing found.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nexus_lsp.core.memory import MemoryItem, MemoryKind, MemoryQuery, MemorySource, Recalled
from nexus_lsp.core.memory.words import folder_of

K = TypeVar("K", bound=Hashable)

HALF_LIFE = 28 * 86_400.0
"""Seconds after which what an item's age adds is worth half."""

_DAMPING = 10
"""The constant of reciprocal-rank fusion (Cormack, Clarke, Büttcher 2009 took 60, for lists of 1,000): with
it the second of a list counts 10/11 of the first, and weights move an item by some places, no more."""

_SHARES = {"words": 1.0, "meaning": 1.5, "path": 1.0}
"""How much each ranking counts. A task is mostly written in other words than what it should recall, but what
holds its very words (a name, an error's number) has to stay among the first."""

_SOURCES: Mapping[MemorySource, float] = {"user": 1.1, "gate": 1.05, "server": 1.0, "agent": 0.95}
_KINDS: Mapping[MemoryKind, float] = {"lesson": 1.05, "decision": 1.05, "note": 1.0, "interaction": 0.95}

_WORTHWHILE = 0.3
"""Share of the best item's word score below which an item merely shares a word or two with the query."""

_SATURATION, _LENGTH_SHARE, _TYPICAL_LENGTH = 1.2, 0.5, 50.0
"""BM25's k1 and b, and the words of a typical item with its paths, in place of the mean of all items."""


# --- by words ------------------------------------------------------------------------------------------


def rarity(holding: float, total: float) -> float:
    """How much a word tells that `holding` of `total` items hold (the idf of BM25); always above 0."""
    return math.log1p((total - holding + 0.5) / (min(holding, total) + 0.5)) if total else 1.0


def word_score(rarities: Mapping[str, float], words: Sequence[str]) -> float:
    """BM25 of an item's words against the words that are asked for, with how much each of these tells."""
    found = Counter(word for word in words if word in rarities)
    room = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * len(words) / _TYPICAL_LENGTH)
    return sum(rarities[word] * n * (_SATURATION + 1) / (n + room) for word, n in found.items())


def by_score(scores: Mapping[int, float]) -> list[int]:
    """Keys by word score, best first, of equal ones the newer; without what is far below the best."""
    least = _WORTHWHILE * max(scores.values(), default=0.0)
    order = sorted(scores, key=lambda key: (-scores[key], -key))
    return [key for key in order if scores[key] > 0 and scores[key] >= least]


# --- what an item is worth in itself -------------------------------------------------------------------


def weight(item: MemoryItem, now: float) -> float:
    """What an item's score is multiplied with, around 1: age, usefulness, source and kind."""
    return recency(item.at, now) * usefulness(item) * _SOURCES[item.source] * _KINDS[item.kind]


def recency(at: float, now: float) -> float:
    """From 1 for what is new down to 0.85 for what is old; half of the way after HALF_LIFE."""
    return 0.85 + 0.15 * 2 ** (-max(0.0, now - at) / HALF_LIFE)


def usefulness(item: MemoryItem) -> float:
    """From 0.8 for what never helped, by 1 for what was never shown, to 1.2 for what always did."""
    return 0.8 + 0.4 * (item.useful + 2) / (max(item.used, item.useful) + 4)


def closeness(paths: Iterable[str], asked: Iterable[str]) -> int:
    """2 where a path is the same, 1 where one lies in the same directory or is that directory, else 0."""
    here, there = set(paths), set(asked)
    if here & there:
        return 2
    return 1 if _folders(here) & _folders(there) else 0


def _folders(paths: set[str]) -> set[str]:
    return {folder for path in paths for folder in (folder_of(path), path) if folder}


# --- together ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rankings:
    """What was found, by the key of the item, best first; None where nothing was looked for that way."""

    words: Sequence[int] | None = None
    meaning: Sequence[int] | None = None
    place: Sequence[int] | None = None


def fused(rankings: Iterable[tuple[Sequence[K], float]]) -> dict[K, float]:
    """Reciprocal-rank fusion of rankings with their weights: what stands high in several comes first.

    1 is the first of every list; an empty list has no say.
    """
    lists = [(ranking, share) for ranking, share in rankings if ranking]
    whole = sum(share for _, share in lists)
    scores: dict[K, float] = {}
    for ranking, share in lists:
        for rank, key in enumerate(dict.fromkeys(ranking)):
            scores[key] = scores.get(key, 0.0) + share / whole * _DAMPING / (_DAMPING + rank)
    return scores


def recalled(items: Mapping[int, MemoryItem], rankings: Rankings, query: MemoryQuery) -> tuple[Recalled, ...]:
    """The best items for a query, best first; of equal ones the newer.

    `items` holds what the rankings name. Where nothing was looked for they are ranked by their weight.
    """
    ways = {"words": rankings.words, "meaning": rankings.meaning, "path": rankings.place}
    asked = {way: ranking for way, ranking in ways.items() if ranking is not None}
    if asked:
        scores = fused((ranking, _SHARES[way]) for way, ranking in asked.items())
    else:
        scores = dict.fromkeys(items, 1.0)
    found = [
        Recalled(
            items[key],
            score * weight(items[key], query.now),
            tuple(way for way, ranking in asked.items() if key in ranking),
        )
        for key, score in scores.items()
        if key in items
    ]
    found.sort(key=lambda one: (-one.score, -one.item.at, one.item.id))
    return tuple(found[: max(0, query.limit)])


def by_place(items: Mapping[int, MemoryItem], query: MemoryQuery) -> list[int]:
    """The keys of items that are close to the query's paths: the same path first, then what weighs more."""
    near = {key: closeness(item.paths, query.paths) for key, item in items.items()}
    keys = [key for key, close in near.items() if close]
    return sorted(keys, key=lambda key: (-near[key], -weight(items[key], query.now), -items[key].at, key))


# --- letting go ----------------------------------------------------------------------------------------


def going(items: Sequence[MemoryItem], most: int, older_than: float | None, now: float) -> list[MemoryItem]:
    """What has to go so that `most` stay and none is from before `older_than`, in the order it goes.

    First what is too old; then interactions and notes before lessons and decisions before the user's own
    words; among those of one rank what weighs least, the older of equals.
    """
    old = [item for item in items if older_than is not None and item.at < older_than]
    young = [item for item in items if older_than is None or item.at >= older_than]
    old.sort(key=lambda item: item.at)
    young.sort(key=lambda item: (_rank(item), weight(item, now), item.at, item.id))
    return old + young[: max(0, len(young) - max(0, most))]


def _rank(item: MemoryItem) -> int:
    if item.source == "user":
        return 2
    return 1 if item.kind in ("lesson", "decision") else 0
