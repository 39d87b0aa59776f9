"""Under which names one side's work is merged where the other side gave files other names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import reduce

from nexus_lsp.adapters.git_reading import TREE, Leaf, ObjectReader
from nexus_lsp.core.evolve_changes import moved_path

_SUBMODULE = "160000"


class Moves:
    """Three commits, and what got another name in `ours`: (old, new) of files and folders, in their order."""

    def __init__(
        self, reader: ObjectReader, base: str, ours: str, theirs: str, moves: Sequence[tuple[str, str]]
    ) -> None:
        self._reader = reader
        self._base, self._ours, self._theirs = base, ours, theirs
        self._moves = moves

    async def names(self, changed: Sequence[str]) -> Mapping[str, str]:
        """Old path → new path, for what `theirs` changed and what stood in its way.

        Left out is what is not sure: git's own merge says then what it makes of it.
        """
        names: dict[str, str] = {}
        waiting = list(changed)
        while waiting:
            path = waiting.pop()
            new = await self._followed(path)
            if new != path and path not in names:
                names[path] = new
                # what stands at the two names by now, or stood there, may have been moved as well
                waiting += [p for p in (new, self._origin(path)) if await self._find(self._base, p)]
        while unsure := [path for path in names if not await self._sure(path, names)]:
            for path in unsure:
                del names[path]
        return names

    async def _followed(self, path: str) -> str:
        at = path
        for old, new in self._moves:
            there = moved_path(at, old, new)
            if at == path != there and await self._find(self._base, old) is None:
                continue  # that was before, or it is a folder of `theirs` alone
            at = there
        return at

    def _origin(self, path: str) -> str:
        return reduce(lambda at, move: moved_path(at, move[1], move[0]), reversed(self._moves), path)

    async def _sure(self, path: str, names: Mapping[str, str]) -> bool:
        new = names[path]
        here, was, there = (
            await self._find(self._ours, path),
            await self._find(self._base, path),
            await self._find(self._base, new),
        )
        if [*names.values()].count(new) > 1 or any(map(_no_file, (was, there))):
            return False
        if here and not _no_file(here) and (path not in names.values() or here == was):
            return False  # it is there still, or again
        theirs = await self._find(self._theirs, new)
        if there is None:
            return theirs is None
        return new in names or theirs in (None, there)

    async def _find(self, commit: str, path: str) -> Leaf | None:
        return await self._reader.find(commit, os.fsencode(path))


def _no_file(found: Leaf | None) -> bool:
    return found is not None and found.mode in (TREE, _SUBMODULE)
