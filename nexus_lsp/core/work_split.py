"""Splitting work: a scope in parts that several instances of one persona can take on side by side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nexus_lsp.core.repo_map import File, language

MAX_PARALLEL = 4
"""Instances of one persona in one plan; as many as work at once by default (`Settings.max_agents`)."""

SPLIT_FROM = 8
"""Python files from which on the work of one persona is split by package."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of the scope for one task: its name, a key for ids, its files, and globs for just these."""

    name: str
    key: str
    files: tuple[File, ...]
    globs: tuple[str, ...]


def units_of(
    files: tuple[File, ...], repo: tuple[File, ...], named: Sequence[tuple[str, tuple[File, ...]]]
) -> list[Unit]:
    """At most MAX_PARALLEL disjoint parts, by named place or by directory, of about the same size."""
    if not files:
        return []
    wanted, seen = set(files), set[File]()
    parts: list[tuple[File, ...]] = []
    for _, found in named:
        parts.append(tuple(file for file in found if file in wanted and file not in seen))
        seen.update(found)
    parts = [part for part in parts if part]
    if len(parts) < 2:
        parts = _by_directory(files)
    return [_unit(part, repo) for part in _balanced(parts)]


def _by_directory(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """Open the largest directory until there are enough parts or no part is large."""
    parts = [files]
    while len(parts) < MAX_PARALLEL:
        largest = max(parts, key=len)
        pieces = _pieces(largest)
        if len(pieces) < 2:
            return parts
        parts = [part for part in parts if part is not largest] + pieces
    return parts


def _pieces(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """By directory; a flat directory of many files in halves; a small part stays whole (no pieces)."""
    if len(files) < SPLIT_FROM:
        return []
    opened = _opened(files)
    while len(opened) == 1 and len(common_directory(opened[0])) > len(common_directory(files)):
        files, opened = opened[0], _opened(opened[0])
    if len(opened) > 1 or len(files) < 2 * SPLIT_FROM:
        return opened
    half = len(files) // 2
    return [files[:half], files[half:]]


def _opened(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """By the next directory below their common one; files that lie directly in it stay together."""
    depth = len(common_directory(files))
    groups: dict[str, list[File]] = {}
    for file in files:
        parts = file[0].split("/")
        groups.setdefault(parts[depth] if len(parts) > depth + 1 else "", []).append(file)
    return [tuple(group) for _, group in sorted(groups.items())]


def common_directory(files: Sequence[File]) -> list[str]:
    """The directories all files share, from the top."""
    dirs = [path.split("/")[:-1] for path, _ in files]
    shared: list[str] = []
    # The common start of the first and the last in order is that of all between them.
    for a, b in zip(min(dirs), max(dirs), strict=False):
        if a != b:
            break
        shared.append(a)
    return shared


def _balanced(parts: Sequence[tuple[File, ...]]) -> list[tuple[File, ...]]:
    """The parts in at most MAX_PARALLEL piles: largest first, each onto the smallest pile."""
    piles: list[list[File]] = [[] for _ in range(min(MAX_PARALLEL, len(parts)))]
    for part in sorted(parts, key=lambda part: (-len(part), part)):
        min(piles, key=len).extend(part)
    return sorted(tuple(sorted(pile)) for pile in piles)


def _unit(files: tuple[File, ...], repo: tuple[File, ...]) -> Unit:
    """Directories of which every Python file is meant are named as such; other files one by one."""
    meant = [path for path, _ in files]
    there = Counter(above for path, _ in repo if language(path) == "Python" for above in _dirs_above(path))
    dirs: list[str] = []
    for above, count in sorted(Counter(above for path in meant for above in _dirs_above(path)).items()):
        if 1 < count == there[above] and not above.startswith(tuple(dirs)):
            dirs.append(above)
    alone = sorted(path for path in meant if not path.startswith(tuple(dirs)))
    globs = [prefix + "*.py" for prefix in dirs]
    return Unit(listed([*dirs, *alone]), key_of(files), files, (*globs, *alone))


def _dirs_above(path: str) -> list[str]:
    """Every directory the path lies in, with a slash at its end."""
    return [path[: at + 1] for at, c in enumerate(path) if c == "/"]


def key_of(files: Sequence[File]) -> str:
    """The file's stem, or the last directory all files share, as letters, digits and dashes."""
    shared = common_directory(files)
    name = (
        files[0][0].rpartition("/")[2].partition(".")[0] if len(files) == 1 else shared[-1] if shared else ""
    )
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: three at most, and how many more."""
    shown = joined(names[:3])
    return shown if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3:,} more"


def joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sentence(verbs: Sequence[str]) -> str:
    """Verbs in a row, as the beginning of a sentence."""
    text = joined(verbs)
    return text[:1].upper() + text[1:]
