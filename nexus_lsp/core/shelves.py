"""An ordered mapping that is never changed but put anew, at the cost of a shelf instead of the whole.

A run with thousands of changes gets a new state with each decision: copying all of them each time made
“accept all” quadratic. A library's persistent map (`immutables`) keeps no order, and changes are told oldest
first.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TypeVar

V = TypeVar("V")

SHELF = 200
"""Items that are copied together; so many times that stand in 40,000 items side by side."""


class Shelves(Mapping[str, V]):
    """In order of first insertion. Equal to any mapping with the same items."""

    __slots__ = ("_shelves",)

    def __init__(self, shelves: tuple[dict[str, V], ...] = ()) -> None:
        self._shelves = shelves

    def put(self, key: str, value: V) -> Shelves[V]:
        """With one item put in, or in the place of the one with its key."""
        shelves = self._shelves
        for at, shelf in enumerate(shelves):
            if key in shelf:
                return Shelves((*shelves[:at], {**shelf, key: value}, *shelves[at + 1 :]))
        if shelves and len(shelves[-1]) < SHELF:
            return Shelves((*shelves[:-1], {**shelves[-1], key: value}))
        return Shelves((*shelves, {key: value}))

    def without(self, key: str) -> Shelves[V]:
        """Without the item of this key; itself where there is none."""
        for at, shelf in enumerate(self._shelves):
            if key in shelf:
                left = {k: v for k, v in shelf.items() if k != key}
                return Shelves((*self._shelves[:at], *([left] if left else ()), *self._shelves[at + 1 :]))
        return self

    def __getitem__(self, key: str) -> V:
        for shelf in self._shelves:
            if key in shelf:
                return shelf[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        for shelf in self._shelves:
            yield from shelf

    def __len__(self) -> int:
        return sum(map(len, self._shelves))

    def values(self) -> ValuesView[V]:
        """All values, in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, V]:
        """All items, in order."""
        return _Items(self)

    @property
    def shelves(self) -> tuple[Mapping[str, V], ...]:
        """The items in pieces, for whoever goes through them all."""
        return self._shelves

    def __repr__(self) -> str:
        return f"Shelves({dict(self.items())!r})"


class _Values(ValuesView[V]):
    def __init__(self, mapping: Shelves[V]) -> None:
        super().__init__(mapping)
        self._all = mapping.shelves

    def __iter__(self) -> Iterator[V]:
        for shelf in self._all:
            yield from shelf.values()


class _Items(ItemsView[str, V]):
    def __init__(self, mapping: Shelves[V]) -> None:
        super().__init__(mapping)
        self._all = mapping.shelves

    def __iter__(self) -> Iterator[tuple[str, V]]:
        for shelf in self._all:
            yield from shelf.items()
