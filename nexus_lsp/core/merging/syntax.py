"""What a parser says of a text: a plain tree of nodes, and how each language's nodes are to be taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Syntax(NamedTuple):
    """A node of a concrete syntax tree; offsets count code points.

    Attributes:
        kind: as the grammar calls it; a token without a name is its own text (`{`).
        role: the field of its parent that it is, "" for none.
        broken: not of the language, or missing in the text.
        faulty: it, or something in it, is broken.
    """

    kind: str
    start: int
    end: int
    role: str = ""
    children: tuple[Syntax, ...] = ()  # many are made of each text: a tuple is made faster than a dataclass
    broken: bool = False
    faulty: bool = False

    def all(self) -> Iterator[Syntax]:
        """This node and all below it, from the outside in."""
        yield self
        for child in self.children:
            yield from child.all()

    def of_role(self, role: str) -> list[Syntax]:
        """The children that are this field."""
        return [child for child in self.children if child.role == role]


Parse = Callable[[str, str], Syntax | None]
"""(grammar, text) -> its tree; None where that grammar is not installed."""

Sort = Literal["import", "function", "type", "constant", "field", "test", "note", "case", "entry", "other"]
"""What a unit is. `note`: comments that stand for themselves."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of a unit besides its text: the names it gives to its surroundings."""

    sort: Sort
    names: tuple[str, ...] = ()
    closed: bool = True
    """Of a case: control does not go on into the next."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the nodes of a language are taken.

    Attributes:
        name: what the parser calls it.
        rows: nodes that hold units, each on lines of its own → the kind of group.
        lists: nodes that hold entries between commas → the kind of group.
        sorts: nodes that are declarations → what they are.
        wraps: nodes that only stand around a declaration (`export`).
        above: nodes that stand before a declaration and are of it (`#[test]`).
        runs: nodes that do nothing but stand around others (a list of statements).
        signed: functions are told apart by their parameters as well.
        falls: a case goes on into the next unless something ends it.
    """

    name: str
    rows: Mapping[str, str]
    lists: Mapping[str, str]
    sorts: Mapping[str, Sort]
    wraps: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    runs: frozenset[str] = field(default_factory=frozenset[str])
    signed: bool = False
    falls: bool = False
