"""Conflicts of a merge by lines, tried again by the structure of the files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from nexus_lsp.core.merging import language_of, merge
from nexus_lsp.core.merging.syntax import Parse
from nexus_lsp.core.proposals import text_of
from nexus_lsp.ports import FileContent, FileDiff, Merge, Repository, Sides

_MARKER = re.compile(rb"^(<{7}|>{7}) [0-9a-f]{40}(:|\r?$)", re.M)
"""A marker of a merge of two commits by their ids: no text that explains markers has such. In bytes:
git merges text in whichever encoding."""
_FIRST_MARKER = re.compile(rb"^<{7} ", re.M)

_MOST_PLACES = 10
"""Places of conflicts that are named."""


async def by_structure(
    repository: Repository, found: Merge, parents: tuple[str, str], title: str, parse: Parse | None = None
) -> str | None:
    """The merge with every conflict solved, as a commit; None where one of them stays."""
    if len(found.sides) < len(found.conflicts):
        return None
    if not all(language_of(one.path, parse) for one in found.sides):
        return None
    files: dict[str, FileContent | None] = {}
    for one in found.sides:
        text = await _merged(repository, one, parse)
        if text is None:
            return None
        files[one.path] = FileContent(text.encode(), one.mode)
    return await repository.with_files(found.commit, files, parents, title)


async def _merged(repository: Repository, one: Sides, parse: Parse | None) -> str | None:
    base = text_of(await repository.read(one.base)) if one.base else ""
    ours, theirs = text_of(await repository.read(one.ours)), text_of(await repository.read(one.theirs))
    if base is None or ours is None or theirs is None:
        return None
    merged = await asyncio.to_thread(merge, one.path, base, ours, theirs, parse)
    return merged.text if merged else None


async def unsolved(
    repository: Repository, diffs: Sequence[FileDiff]
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """(paths, places in words) where markers of a merge of ours were left; None where none were."""
    found: dict[str, int] = {}
    for diff in diffs:
        content = await repository.read(diff.new_blob) if diff.new_blob else b""
        if marker := _MARKER.search(content):
            found[diff.path] = _line(content, marker)
    places = tuple(f"the markers still stand in {path}, line {n}" for path, n in found.items())
    return (tuple(found), places) if found else None


async def places_of(repository: Repository, found: Merge) -> tuple[str, ...]:
    """Where the conflict markers of a merge begin, in words: `a.py, line 12`."""
    places: list[str] = []
    for path in found.conflicts:
        file = await repository.read_file(found.commit, path)
        content = file.content if file else b""
        places += [f"{path}, line {_line(content, one)}" for one in _FIRST_MARKER.finditer(content)]
    more = len(places) - _MOST_PLACES
    return (*places[:_MOST_PLACES], *([f"and {more} more"] if more > 0 else []))


def _line(content: bytes, found: re.Match[bytes]) -> int:
    return content.count(b"\n", 0, found.start()) + 1
