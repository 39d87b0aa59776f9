"""Copies: whether a later change is a rejected one again, at another line or with other white space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nexus_lsp.core.hunks import Hunk, Lines

NEAR = 10
"""Lines between a rejected insertion and a small one of the same text that is still the same wish."""

SUBSTANTIAL = 40
"""Characters without white space from which the same insertion is the same wish anywhere in the file."""


def again(part: Hunk, old: Hunk, anywhere: bool = False) -> bool:
    """Whether `part` does what the rejected `old` would have done, but for white space.

    A replacement is the same only where it touches the old one's lines: what was turned down in one place may
    be wanted in another. An insertion is the same near by, and one of some substance wherever it is. What
    changes nothing but white space is never the same by this.

    Args:
        anywhere: the old one's place is not known any more, so every place may be it.
    """
    before, after = _plain(old.before), _plain(old.after)
    if before == after or not (before or after):
        return False
    if (_plain(part.before), _plain(part.after)) != (before, after):
        return False
    if anywhere or _meet(part, old):
        return True
    return not before and (abs(part.line - old.line) <= NEAR or _size(after) >= SUBSTANTIAL)


def without_copy(part: Hunk, old: Hunk) -> Hunk:
    """`part` without the lines of a rejected insertion of substance, where it puts them in among others."""
    wanted = _plain(old.after)
    if _plain(old.before) or _size(wanted) < SUBSTANTIAL or _run(part.before, wanted) is not None:
        return part
    found = _run(part.after, wanted)
    if found is None:
        return part
    return replace(part, after=(*part.after[: found[0]], *part.after[found[1] :]))


def _plain(lines: Lines) -> tuple[str, ...]:
    """The lines without white space, those of nothing else left out."""
    return tuple(text for line in lines if (text := "".join(line.split())))


def _size(plain: Sequence[str]) -> int:
    return sum(map(len, plain))


def _meet(part: Hunk, old: Hunk) -> bool:
    return part.line <= old.end and old.line <= part.end


def _run(lines: Lines, wanted: Sequence[str]) -> tuple[int, int] | None:
    """(first, end) of the lines that are `wanted` but for white space."""
    solid = [(at, text) for at, line in enumerate(lines) if (text := "".join(line.split()))]
    size = len(wanted)
    for first in range(len(solid) - size + 1):
        if tuple(text for _, text in solid[first : first + size]) == tuple(wanted):
            return solid[first][0], solid[first + size - 1][0] + 1
    return None
