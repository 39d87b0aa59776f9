"""A text as a tree of parts that can be told apart: what every language's reader makes and `weaving` merges.

**Invariant:** putting a tree together again gives its text, byte for byte; nothing here formats anything.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, Union

from nexus_lsp.core.merging.syntax import Unit


class Conflict(Exception):
    """The two sides cannot both be had here, or it is not sure that they can. Stays within `merging`."""


Part: TypeAlias = Union[str, "Group"]


@dataclass(frozen=True, slots=True)
class Node:
    """A unit: a statement, an entry, a section.

    Attributes:
        key: what finds it again on the other sides; a unit without a name has its own text here.
        lead: what stands before it and goes with it: blank lines, comments, white space.
        text: the unit itself.
        trail: a comment on its last line, behind the comma.
        named: the key is a name, so it stays the same unit when its text changes.
        open: its parts, looked at only where both sides changed it; None where it is a unit to the last.
        joins: both sides may have made it anew, each with entries of its own.
        stmt: what it is in Python.
        unit: what it is in a language that a grammar reads.
    """

    key: str
    lead: str
    text: str
    trail: str = ""
    named: bool = False
    open: Callable[[], tuple[Part, ...]] | None = field(default=None, compare=False)
    joins: bool = field(default=False, compare=False)
    stmt: ast.stmt | None = field(default=None, compare=False)
    unit: Unit | None = field(default=None, compare=False)


Rule = Callable[[Sequence[Node], Sequence[Node]], bool]
"""Whether what ours and theirs added at one place may stand there together, ours first."""

Order = Callable[[Node], object]


def never(_ours: Sequence[Node], _theirs: Sequence[Node]) -> bool:
    """No two additions at one place."""
    return False


def always(_ours: Sequence[Node], _theirs: Sequence[Node]) -> bool:
    """Any additions: their order says nothing."""
    return True


@dataclass(frozen=True, slots=True)
class Group:
    """Units in a row.

    Attributes:
        kind: two groups of different kinds are not the same group.
        tail: what stands behind the last unit: comments, white space.
        comma: what stands between two units.
        ends_with_comma: also behind the last.
        orders: if all three sides are sorted by one of these, so is the merge.
        by_place: entries without a name that each side changed are told apart by their place.
    """

    kind: str
    items: tuple[Node, ...]
    tail: str = ""
    comma: str = ""
    ends_with_comma: bool = False
    rule: Rule = field(default=never, compare=False)
    orders: tuple[Order, ...] = field(default=(), compare=False)
    by_place: bool = field(default=True, compare=False)


def together(group: Group) -> str:
    """The text of a group."""
    last = len(group.items) - 1
    out: list[str] = []
    for at, item in enumerate(group.items):
        comma = group.comma if at < last or group.ends_with_comma else ""
        out.append(f"{item.lead}{item.text}{comma}{item.trail}")
    return "".join(out) + group.tail


def joined(parts: Sequence[Part]) -> str:
    """The text of parts."""
    return "".join(part if isinstance(part, str) else together(part) for part in parts)
