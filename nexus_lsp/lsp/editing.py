"""The workspace edit of a decision: which edits and file operations, and why not the others."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.changes import Applied, Change
from nexus_lsp.core.hunks import Hunk, TextEdit, apply, edit_text
from nexus_lsp.core.review import CHANGED_LINES, TextDecision, decide_text
from nexus_lsp.core.text import split_lines
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.moments import Undoable, sign
from nexus_lsp.lsp.sheet import BOM
from nexus_lsp.lsp.texts import Texts
from nexus_lsp.lsp.whole_files import WholeFile, whole_file

EMPTY_BLOBS = tuple(kind(b"blob 0\0").hexdigest() for kind in (hashlib.sha1, hashlib.sha256))

Json = dict[str, Any]
DocumentChange = lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile


class EditBuilder:
    """Collects one workspace edit."""

    def __init__(self, texts: Texts, desk: Desk | None, undo: bool) -> None:
        self._texts = texts
        self._desk = desk
        self._undo = undo
        self.changes: list[DocumentChange] = []
        self.carried: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.touched: list[str] = []
        self.undoables: list[Undoable] = []
        self.files: list[WholeFile] = []
        self.settled: Json = {}
        """Change id → what is put in, of those that were in conflict."""

    async def edits(self, path: str, changes: list[Change]) -> None:
        """The text edits of one file."""
        desk = self._desk
        assert desk is not None, "the engine asks for edits only after the face is set up"
        bases = {c.base or "": await desk.bases.text(c.id, c.base or "") for c in changes}
        if not self._undo and self._settles(changes):
            self.settled |= {c.id: asdict(Applied.by(c)) for c in changes}
        # the text comes last: an open one is what it is at this moment, and nothing waits from here on
        live = await self._texts.text(path)
        if live is None:
            self.refused += [(c.id, f"{path} is gone or is no longer text") for c in changes]
            return
        decision = self._decided(changes, live, bases)
        self.refused += decision.refused
        if decision.carried:
            self._text(path, live, decision)

    def _settles(self, changes: Sequence[Change]) -> bool:
        """Whether these settle conflicts: they are not what is tracked, but edits of the text just read."""
        known = [(c, self._desk.changes.get(c.id, {}) if self._desk else {}) for c in changes]
        return any(k.get("conflict") or c.before != k.get("before", c.before) for c, k in known)

    def _decided(self, changes: Sequence[Change], live: str, bases: Mapping[str, str]) -> TextDecision:
        """The edits of one text; open documents by their tracked places, others by the text itself."""
        desk = self._desk
        if desk is None or self._texts.document(changes[0].path) is None or self._settles(changes):
            return decide_text(*_as_shown(changes, bases, live), live, self._undo)
        lines = split_lines(live)
        found = [(change.id, desk.placed(change.id, change.path)) for change in changes]
        placed = [(p.line, p.hunk, i) for i, p in found if p and p.line is not None]
        if self._undo and len(placed) < len(found):
            return decide_text(*_as_shown(changes, bases, live), live, self._undo)
        try:
            edits = edit_text(lines, [(line, hunk) for line, hunk, _ in placed])
            hunks = [Hunk(line, hunk.before, hunk.after) for line, hunk, _ in placed]
            text = "".join(apply(lines, hunks))
        except ValueError:
            return decide_text(*_as_shown(changes, bases, live), live, self._undo)
        carried = tuple(i for _, _, i in placed)
        done = set(carried)
        refused = tuple((i, CHANGED_LINES) for i, _ in found if i not in done)
        return TextDecision(edits, text, carried, refused)

    def _text(self, path: str, live: str, decision: TextDecision) -> None:
        document = self._texts.document(path)
        version = document[1] if document else None
        target = lsp.OptionalVersionedTextDocumentIdentifier(self._texts.uri(path), version)
        edits = self._texts.wire_edits(split_lines(live), decision.edits)
        self.changes.append(lsp.TextDocumentEdit(target, list(edits)))
        self.carried += decision.carried
        self.touched.append(path)
        self.undoables.append(Undoable(path, sign(live), sign(decision.text), decision.carried))

    async def whole(self, change: Change) -> None:
        """A new, deleted or renamed file."""
        source, target = change.old_path or change.path, change.path
        before, after = change.before, change.after
        exists_before, exists_after = change.before_blob is not None, change.after_blob is not None
        if self._undo:
            source, target, before, after = target, source, after, before
            exists_before, exists_after = exists_after, exists_before
        comes = exists_after and (not exists_before or source != target)
        goes = exists_before and (not exists_after or source != target)
        why = (
            await self._why_not(change, source, before if exists_before else None)
            or (comes and self._shown_there(target, before if exists_before else None))
            or (
                comes
                and await asyncio.to_thread(
                    _no_room, self._texts.file(target), self._texts.file(source), target
                )
            )
            or (goes and await self._unseen(source, {before, after}))
        )
        if why:
            self.refused.append((change.id, why))
            return
        self._operations(source if exists_before else None, target if exists_after else None, before, after)
        self.carried.append(change.id)
        self.files.append(whole_file(change))

    async def _why_not(self, change: Change, source: str, before: str | None) -> str:
        """Why the user's file is not what the operation starts from; "" where it is."""
        as_bytes = change.kind == "delete" and not change.before and change.before_blob
        if as_bytes and as_bytes not in EMPTY_BLOBS:
            if self._undo:
                return f"{source} is not text, no edit can bring it back: undo the deletion in the editor"
            same = await self._texts.is_blob(source, as_bytes)
        else:
            live = await self._texts.text(source)
            if before is None and live is not None:
                return f"{source} exists already"
            same = (live and live.removeprefix(BOM)) == (before and before.removeprefix(BOM))
        return "" if same else f"{source} is not what it was when this was proposed"

    def _shown_there(self, target: str, moved: str | None) -> str:
        """Why nothing can be put where the editor shows other text, saved or not; "" where it shows none."""
        found = self._texts.document(target)
        return f"{target} exists already" if found and found[2] != moved else ""

    async def _unseen(self, source: str, known: set[str]) -> str:
        """Why a file cannot go that holds on disk what the editor does not show; "" where it can.

        An edit deletes or moves what is on disk. The change's own texts, and the empty file that an accepted
        new one is until it is saved, are no loss.
        """
        shown = self._texts.document(source)
        if shown is None or not await asyncio.to_thread(os.path.lexists, self._texts.file(source)):
            return ""
        held = await self._texts.on_disk(source)
        if held is not None and held in {"", *(text.removeprefix(BOM) for text in (shown[2], *known))}:
            return ""
        return f"{source} on disk is not what your editor shows: save or reload it first"

    def _operations(self, source: str | None, target: str | None, before: str, after: str) -> None:
        uri = self._texts.uri
        if source is not None and target is None:
            self.changes.append(lsp.DeleteFile(uri(source)))
            return
        assert target is not None
        if source is None:
            self.changes.append(lsp.CreateFile(uri(target)))
        elif source != target:
            self.changes.append(lsp.RenameFile(uri(source), uri(target)))
        lines = split_lines(before.removeprefix(BOM)) if source is not None else []
        if (source is None and after) or (source is not None and before != after):
            new = lsp.OptionalVersionedTextDocumentIdentifier(uri(target), None)
            edit = self._texts.wire_edits(
                lines, [TextEdit(0, len(lines), after.removeprefix(BOM) if source else after)]
            )
            self.changes.append(lsp.TextDocumentEdit(new, list(edit)))
        self.touched.append(target)


def _as_shown(
    changes: Sequence[Change], bases: Mapping[str, str], live: str
) -> tuple[Sequence[Change], Mapping[str, str]]:
    """Changes and their bases as the editor shows their file: without a byte order mark, if it has none."""
    if live.startswith(BOM):
        return changes, bases
    plain = [replace(c, before=c.before.removeprefix(BOM), after=c.after.removeprefix(BOM)) for c in changes]
    return plain, {name: text.removeprefix(BOM) for name, text in bases.items()}


def _no_room(place: Path, source: Path, path: str) -> str:
    """Why no file can be put there; empty folders in its place go, as no editor puts a file over them.

    Where names differ in case alone, `source` may be what is found there.
    """
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
        same = place != source and source.exists() and place.exists() and place.samefile(source)
        same = same and place.name.casefold() == source.name.casefold()
        return "" if same else f"{path} exists already"
    if place.is_dir() and not place.is_symlink():
        if not all(each.is_dir() and not each.is_symlink() for each in place.rglob("*")):
            return f"{path} is a folder with files in it; decide on those first"
        for each in sorted(place.rglob("*"), reverse=True):
            each.rmdir()
        place.rmdir()
    above = next((each for each in place.parents if os.path.lexists(each)), place.parent)
    return (
        ""
        if above.is_dir()
        else f"{path} cannot be put below {above.name}, which is a file; decide on it first"
    )
