"""Renamings that nobody told of: which are sure, and whether a whole folder was renamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

from nexus_lsp.core.evolve_changes import moved_path

Pair = tuple[str, str]
"""A file that is gone, and a new one that holds its text or nearly."""


def sure(pairs: Iterable[Pair]) -> list[Pair]:
    """Those where neither file has another that it may be."""
    pairs = list(pairs)
    gone, new = Counter(old for old, _ in pairs), Counter(new for _, new in pairs)
    return [(a, b) for a, b in pairs if gone[a] == new[b] == 1]


def whole_folder(pair: Pair, before: Set[str], after: Set[str]) -> Pair:
    """The topmost folder that was renamed with the file, where all its files went along; else the file."""
    (old, same), (new, name) = _split(pair[0]), _split(pair[1])
    while old and new and same == name:
        inside = {path for path in before if path.startswith(f"{old}/")}
        left = any(path.startswith(f"{old}/") for path in after)
        joined = any(path.startswith(f"{new}/") for path in before)
        if left or joined or any(moved_path(path, old, new) not in after for path in inside):
            break
        pair = old, new
        (old, same), (new, name) = _split(old), _split(new)
    return pair


def _split(path: str) -> tuple[str, str]:
    """(folder, "" at the top; name)."""
    folder, _, name = path.rpartition("/")
    return folder, name
