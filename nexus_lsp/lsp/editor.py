"""The editor as a face of the engine: what it has open, and how it carries decisions out.

A decision is one versioned `workspace/applyEdit`; only the editor's answer is believed. An edit that brings a
document back to exactly the text before an accept is the editor's undo, and reopens the change.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.changes import Applied, Change, ChangeKind
from nexus_lsp.core.hunks import Hunk, TextEdit, apply, edit_text
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.review import CHANGED_LINES, TextDecision, decide_text, edits_by_path
from nexus_lsp.core.text import split_lines
from nexus_lsp.lsp.convert import path_of, range_of, uri_of
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.moments import Moments, Undoable, sign
from nexus_lsp.lsp.sheet import BOM
from nexus_lsp.ports import CarriedOut

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
HAND_SECONDS = 2.0
"""For so long after an answer the lines of an accepted change may be gone before it counts as accepted."""
EMPTY_BLOBS = tuple(kind(b"blob 0\0").hexdigest() for kind in (hashlib.sha1, hashlib.sha256))

Json = dict[str, Any]
DocumentChange = lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile


class Editor:
    """`ports.Face` for one editor over LSP."""

    def __init__(self, server: NexusLanguageServer, root: Path) -> None:
        self._server = server
        self._root = root
        self.desk: Desk | None = None
        self.moments = Moments(lambda: self.desk.changes if self.desk else {})
        self.on_late: Callable[[tuple[str, ...], Json], None] = lambda _ids, _put: None
        """Called with change ids when an answer comes after its time, and says applied; of those that were in
        conflict, with what was put in (`core.changes.Applied`)."""
        self.on_late_undo: Callable[[tuple[str, ...], Json], None] = lambda _ids, _put: None
        """The same for an edit that takes changes back."""

    # --- the port ------------------------------------------------------------------------------------

    async def open_texts(self) -> Mapping[str, str]:
        """See the port."""
        texts: dict[str, str] = {}
        for document in self._server.workspace.text_documents.values():
            path = path_of(document.uri, self._root)
            if path:
                texts[path] = document.source
        return texts

    def can_carry(self, kind: ChangeKind) -> bool:
        """Whether this editor's workspace edits can do it."""
        edit = self._server.client_capabilities.workspace
        edit = edit.workspace_edit if edit else None
        wanted = {"create": "create", "delete": "delete", "rename": "rename"}.get(kind)
        offered = edit.resource_operations if edit and edit.resource_operations else ()
        return wanted is None or wanted in {str(getattr(x, "value", x)) for x in offered}

    async def carry_out(self, changes: Sequence[Change], undo: bool = False) -> CarriedOut:
        """See the port."""
        build = _Build(self, undo)
        for path, edits in edits_by_path(changes).items():
            await build.edits(path, edits)
        for change in changes:
            if change.kind != "edit":
                await build.whole(change)
        if not build.carried:
            return CarriedOut((), tuple(build.refused))
        ids, done = tuple(build.carried), set(build.carried)
        hand = self.desk.in_hand if self.desk else set[str]()
        hand.update(ids)
        asked = self._ask(build.changes, undo)
        asked.add_done_callback(lambda _: _let_go(hand, ids))
        why = await self._answer(asked, build, undo)
        if why:
            return CarriedOut((), (*build.refused, *((i, why) for i in ids)))
        self.moments.remember(build.undoables, undo)
        await asyncio.to_thread(_put_modes, self._root, [c for c in changes if c.id in done], undo)
        return CarriedOut(ids, tuple(build.refused), tuple(build.touched))

    def _ask(self, changes: list[DocumentChange], undo: bool) -> asyncio.Future[Any]:
        label = "NEXUS: take back" if undo else "NEXUS: accept"
        params = lsp.ApplyWorkspaceEditParams(lsp.WorkspaceEdit(document_changes=changes), label)
        return asyncio.ensure_future(self._server.request(lsp.WORKSPACE_APPLY_EDIT, params))

    async def _answer(self, asked: asyncio.Future[Any], build: _Build, undo: bool) -> str:
        """Why the editor did not do it; "" where it did."""
        try:
            answer = await asyncio.wait_for(asyncio.shield(asked), ANSWER_SECONDS)
        except TimeoutError:
            asked.add_done_callback(lambda done: self._late(done, build, undo))
            return "the editor did not answer in time; if it applies the edit later, that counts"
        except Exception as error:
            return f"the editor refused the edit: {error}"
        if answer.applied:
            return ""
        why = f": {answer.failure_reason}" if answer.failure_reason else ""
        return f"the editor refused the edit{why}; try again"

    def _late(self, done: asyncio.Future[Any], build: _Build, undo: bool) -> None:
        if not done.cancelled() and done.exception() is None and done.result().applied:
            self.moments.remember(build.undoables, undo)
            (self.on_late_undo if undo else self.on_late)(tuple(build.carried), build.settled)

    # --- texts ---------------------------------------------------------------------------------------

    def document(self, path: str) -> tuple[str, int | None, str] | None:
        """(uri, version, text) of an open document."""
        found = self._server.workspace.at_path(path, self._root)
        return (found.uri, found.version, found.source) if found else None

    async def text(self, path: str) -> str | None:
        """A file's text as the user has it; None where it is not text or not there."""
        found = self.document(path)
        if found:
            return found[2]
        try:
            content = await asyncio.to_thread((self._root / path).read_bytes)
        except OSError:
            return None
        text = text_of(content)
        return text.removeprefix(BOM) if text else text

    async def is_blob(self, path: str, blob: str) -> bool:
        """Whether a file on disk has just these bytes (a git object id); for what is not text."""
        try:
            content = await asyncio.to_thread((self._root / path).read_bytes)
        except OSError:
            return False
        name = hashlib.sha1 if len(blob) == 40 else hashlib.sha256
        return name(b"blob %d\0%s" % (len(content), content)).hexdigest() == blob

    def file(self, path: str) -> Path:
        """Where a path is on disk."""
        return self._root / path

    def uri(self, path: str) -> str:
        """The URI this editor knows a path under."""
        found = self.document(path)
        return found[0] if found else uri_of(path, self._root)

    def wire_edits(self, lines: list[str], edits: Sequence[TextEdit]) -> list[lsp.TextEdit]:
        """Line edits as the editor counts them."""
        return [
            lsp.TextEdit(
                range_of(lines, (e.start_line, 0), _end(lines, e.end_line), self._server.units), e.new_text
            )
            for e in edits
        ]

    def settles(self, changes: Sequence[Change]) -> bool:
        """Whether these settle conflicts: they are not what is tracked, but edits of the text just read."""
        known = [(c, self.desk.changes.get(c.id, {}) if self.desk else {}) for c in changes]
        return any(k.get("conflict") or c.before != k.get("before", c.before) for c, k in known)

    def decided(
        self, changes: Sequence[Change], live: str, bases: Mapping[str, str], undo: bool
    ) -> TextDecision:
        """The edits of one text; open documents by their tracked places, others by the text itself."""
        desk = self.desk
        if desk is None or self.document(changes[0].path) is None or self.settles(changes):
            return decide_text(*_as_shown(changes, bases, live), live, undo)
        lines = split_lines(live)
        found = [(change.id, desk.placed(change.id, change.path)) for change in changes]
        placed = [(p.line, p.hunk, i) for i, p in found if p and p.line is not None]
        if undo and len(placed) < len(found):
            return decide_text(*_as_shown(changes, bases, live), live, undo)
        try:
            edits = edit_text(lines, [(line, hunk) for line, hunk, _ in placed])
            hunks = [Hunk(line, hunk.before, hunk.after) for line, hunk, _ in placed]
            text = "".join(apply(lines, hunks))
        except ValueError:
            return decide_text(*_as_shown(changes, bases, live), live, undo)
        carried = tuple(i for _, _, i in placed)
        done = set(carried)
        refused = tuple((i, CHANGED_LINES) for i, _ in found if i not in done)
        return TextDecision(edits, text, carried, refused)


def _as_shown(
    changes: Sequence[Change], bases: Mapping[str, str], live: str
) -> tuple[Sequence[Change], Mapping[str, str]]:
    """Changes and their bases as the editor shows their file: without a byte order mark, if it has none."""
    if live.startswith(BOM):
        return changes, bases
    plain = [replace(c, before=c.before.removeprefix(BOM), after=c.after.removeprefix(BOM)) for c in changes]
    return plain, {name: text.removeprefix(BOM) for name, text in bases.items()}


def _put_modes(root: Path, changes: Sequence[Change], undo: bool) -> None:
    """The one thing about a file that its edit cannot say. A file that is not on disk is left alone."""
    for change in changes:
        path = (change.old_path or change.path) if undo else change.path
        was, wanted = change.after_mode, change.before_mode
        if not undo:
            was, wanted = wanted, was
        if change.kind == "edit" or wanted is None or (was or "100644") == wanted:
            continue
        try:
            mode = (root / path).stat().st_mode
            (root / path).chmod(mode | (mode & 0o444) >> 2 if wanted == "100755" else mode & ~0o111)
        except OSError as error:
            log.warning("%s could not be given its mode: %s", path, error)


def _no_room(place: Path, path: str) -> str:
    """Why no file can be put there; empty folders in its place go, as no editor puts a file over them."""
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


def _let_go(hand: set[str], ids: Sequence[str]) -> None:
    """Once the editor answered, its didChange is here or on its way, and the engine hears of it next."""
    asyncio.get_running_loop().call_later(HAND_SECONDS, hand.difference_update, ids)


def _end(lines: list[str], line: int) -> tuple[int, int]:
    """The start of a line; behind the last one, the end of the text."""
    if line < len(lines) or not lines:
        return line, 0
    last = lines[-1]
    ended = last.endswith(("\n", "\r"))
    return (len(lines), 0) if ended else (len(lines) - 1, len(last))


class _Build:
    """Collects one workspace edit."""

    def __init__(self, editor: Editor, undo: bool) -> None:
        self._editor = editor
        self._undo = undo
        self.changes: list[DocumentChange] = []
        self.carried: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.touched: list[str] = []
        self.undoables: list[Undoable] = []
        self.settled: Json = {}
        """Change id → what is put in, of those that were in conflict."""

    async def edits(self, path: str, changes: list[Change]) -> None:
        """The text edits of one file."""
        desk = self._editor.desk
        assert desk is not None, "the engine asks for edits only after the face is set up"
        bases = {c.base or "": await desk.bases.text(c.id, c.base or "") for c in changes}
        if not self._undo and self._editor.settles(changes):
            self.settled |= {c.id: asdict(Applied.by(c)) for c in changes}
        # the text comes last: an open one is what it is at this moment, and nothing waits from here on
        live = await self._editor.text(path)
        if live is None:
            self.refused += [(c.id, f"{path} is gone or is no longer text") for c in changes]
            return
        decision = self._editor.decided(changes, live, bases, self._undo)
        self.refused += decision.refused
        if decision.carried:
            self._text(path, live, decision)

    def _text(self, path: str, live: str, decision: TextDecision) -> None:
        document = self._editor.document(path)
        version = document[1] if document else None
        target = lsp.OptionalVersionedTextDocumentIdentifier(self._editor.uri(path), version)
        edits = self._editor.wire_edits(split_lines(live), decision.edits)
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
        why = await self._why_not(change, source, before if exists_before else None)
        if why:
            self.refused.append((change.id, why))
            return
        if exists_after and (not exists_before or source != target):
            why = await asyncio.to_thread(_no_room, self._editor.file(target), target)
            if why:
                self.refused.append((change.id, why))
                return
        self._operations(source if exists_before else None, target if exists_after else None, before, after)
        self.carried.append(change.id)

    async def _why_not(self, change: Change, source: str, before: str | None) -> str:
        """Why the user's file is not what the operation starts from; "" where it is."""
        as_bytes = change.kind == "delete" and not change.before and change.before_blob
        if as_bytes and as_bytes not in EMPTY_BLOBS:
            if self._undo:
                return f"{source} is not text, no edit can bring it back: undo the deletion in the editor"
            same = await self._editor.is_blob(source, as_bytes)
        else:
            live = await self._editor.text(source)
            same = (live and live.removeprefix(BOM)) == (before and before.removeprefix(BOM))
        return "" if same else f"{source} is not what it was when this was proposed"

    def _operations(self, source: str | None, target: str | None, before: str, after: str) -> None:
        uri = self._editor.uri
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
            edit = self._editor.wire_edits(
                lines, [TextEdit(0, len(lines), after.removeprefix(BOM) if source else after)]
            )
            self.changes.append(lsp.TextDocumentEdit(new, list(edit)))
        self.touched.append(target)
