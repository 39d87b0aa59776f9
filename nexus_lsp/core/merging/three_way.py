"""Three texts side by side: what all have in common, and between it what each has of its own (diff3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nexus_lsp.core.diff import matching
from nexus_lsp.core.merging.tree import Conflict
from nexus_lsp.core.text import split_lines

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunk:
    """(first, end) in each of the three. `common`: one element that all three have."""

    common: bool
    base: slice
    ours: slice
    theirs: slice


def chunks(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Chunk]:
    """All of the three in order; between two changed chunks stands at least one that is common."""
    in_ours, in_theirs = _pairs(base, ours), _pairs(base, theirs)
    at = (0, 0, 0)
    for i in range(len(base)):
        if i in in_ours and i in in_theirs:
            here = (i, in_ours[i], in_theirs[i])
            if here != at:
                yield _chunk(False, at, here)
            at = (here[0] + 1, here[1] + 1, here[2] + 1)
            yield _chunk(True, here, at)
    end = (len(base), len(ours), len(theirs))
    if at != end:
        yield _chunk(False, at, end)


def merge_text(base: str, ours: str, theirs: str) -> str:
    """The merge by lines, as git does it. Raises `Conflict` where both change the same or adjacent lines."""
    if (whole := either(base, ours, theirs)) is not None:
        return whole
    b, o, t = split_lines(base), split_lines(ours), split_lines(theirs)
    out: list[str] = []
    for chunk in chunks(b, o, t):
        one = either(b[chunk.base], o[chunk.ours], t[chunk.theirs])
        if one is None:
            raise Conflict
        out += one
    return "".join(out)


def either(base: T, ours: T, theirs: T) -> T | None:
    """What holds where at most one side changed something, or both the same; None where both did."""
    if ours in (base, theirs):
        return theirs
    return ours if theirs == base else None


def _pairs(base: Sequence[str], side: Sequence[str]) -> dict[int, int]:
    return {i + n: j + n for i, j, size in matching(base, side) for n in range(size)}


def _chunk(common: bool, start: tuple[int, int, int], end: tuple[int, int, int]) -> Chunk:
    base, ours, theirs = (slice(a, z) for a, z in zip(start, end, strict=True))
    return Chunk(common, base, ours, theirs)
