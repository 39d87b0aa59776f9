"""Files that an accept made, renamed or deleted: whether they stand as before it, or as after it.

LSP tells of no undo. Files that are just what they were before the accept were taken back, most likely
by the editor's own undo; files that are again what the accept made of them were done again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

from nexus_lsp.core.changes import Change
from nexus_lsp.core.evolve_changes import moved_path
from nexus_lsp.lsp.moments import Sign, sign
from nexus_lsp.lsp.sheet import BOM
from nexus_lsp.lsp.texts import Texts

Json = dict[str, Any]
Standing: TypeAlias = Literal["before", "after", ""]


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A change of a whole file that the editor carried out: where that is or was, and what it held before and
    after; None where there was no file."""

    id: str
    paths: tuple[str, ...]
    before: Sign | None
    after: Sign | None


class WholeFiles:
    """Of one editor, while it runs; `changes` are those that the face knows, by id."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._known: dict[str, WholeFile] = {}
        self._places: set[str] = set()
        """Where they are or were, and the folders above."""
        self._strayed: set[str] = set()
        """Ids of files that held something of the user's when last looked at: such a file may be deleted
        without being taken back."""

    def remember(self, files: Iterable[WholeFile]) -> None:
        """The editor carried these out, or took them back."""
        for file in files:
            self._known[file.id] = file
            self._strayed.discard(file.id)
            self._places.update(*map(_line, file.paths))

    def moved(self, old: str, new: str) -> None:
        """A file or folder has another name."""
        self._places.update(*(_line(moved_path(path, old, new)) for path in list(self._places)))

    def may_be_at(self, path: str) -> bool:
        """Whether one of them may be there, or in that folder; at no cost."""
        return path in self._places

    def at(self, paths: Iterable[str], changes: Mapping[str, Json]) -> list[str]:
        """The ids of those that are there, or in these folders."""
        wanted = set(paths)
        known = [changes[i] for i in self._known if i in changes]
        return [c["id"] for c in known if any(wanted & _line(p) for p in (c["path"], c["old_path"]) if p)]

    def held(self, path: str, text: str, changes: Mapping[str, Json]) -> None:
        """A document has this text when it is saved or closed."""
        for change_id in self.at([path], changes):
            self._is_as_known(self._known[change_id], text)

    async def standing(self, change: Json) -> Standing:
        """How the files of one of them stand; "" where that is neither."""
        file = self._known[change["id"]]
        if change["old_path"] is not None:
            return await self._renamed(file, change["old_path"], change["path"])
        without: Standing = "before" if file.before is None else "after"
        with_it: Standing = "after" if file.before is None else "before"
        text = await self._texts.text(change["path"])
        if text is None and await self._free(change["path"]):
            if file.id not in self._strayed:
                return without
            return ""
        if self._is_as_known(file, text):
            return with_it
        return ""

    def _is_as_known(self, file: WholeFile, text: str | None) -> bool:
        if text is not None and _sign(text) in (file.before, file.after):
            self._strayed.discard(file.id)
            return True
        if text != "":  # that an editor makes first, or has left where only the text was undone
            self._strayed.add(file.id)
        return False

    async def _renamed(self, file: WholeFile, old: str, new: str) -> Standing:
        if await self._holds(old, file.before) and await self._free(new, old):
            return "before"
        if await self._holds(new, file.after) and await self._free(old, new):
            return "after"
        return ""

    async def _holds(self, path: str, wanted: Sign | None) -> bool:
        text = await self._texts.text(path)
        return text is not None and _sign(text) == wanted

    async def _free(self, path: str, other: str = "") -> bool:
        """Whether there is no such file, shown or on disk; `other` may be found in its place, where
        case makes no difference."""
        if self._texts.document(path) is not None:
            return False
        return await asyncio.to_thread(self._not_on_disk, path, other)

    def _not_on_disk(self, path: str, other: str) -> bool:
        place = self._texts.file(path)
        if not os.path.lexists(place):
            return True
        return path.casefold() == other.casefold() and place not in place.parent.iterdir()


def _sign(text: str) -> Sign:
    return sign(text.removeprefix(BOM))


def _line(path: str) -> set[str]:
    return {path, *map(str, PurePosixPath(path).parents)}


def whole_file(change: Change) -> WholeFile:
    """What is remembered of a change that an edit carries out, whichever way."""
    return WholeFile(
        change.id,
        tuple(p for p in (change.path, change.old_path) if p is not None),
        None if change.before_blob is None else _sign(change.before),
        None if change.after_blob is None else _sign(change.after),
    )
