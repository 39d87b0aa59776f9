"""The editor as a face of the engine: what it has open, and how it carries decisions out.

A decision is one versioned `workspace/applyEdit`; only the editor's answer is believed. An edit that brings a
document back to exactly the text before an accept is the editor's undo, and reopens the change.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.hunks import Hunk, TextEdit, apply, edit_text
from nexus_lsp.core.proposals import hunk_of, text_of
from nexus_lsp.core.review import CHANGED_LINES, TextDecision, decide_text
from nexus_lsp.core.text import split_lines
from nexus_lsp.lsp.convert import path_of, range_of, uri_of
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.ports import CarriedOut

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
KEPT_UNDOS = 200

Json = dict[str, Any]
DocumentChange = lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile


@dataclass(frozen=True, slots=True)
class _Undoable:
    """One accepted edit of one document: digests of its text before and after."""

    path: str
    before: str
    after: str
    ids: tuple[str, ...]


class Editor:
    """`ports.Face` for one editor over LSP."""

    def __init__(self, server: NexusLanguageServer, root: Path) -> None:
        self._server = server
        self._root = root
        self._undoables: list[_Undoable] = []
        self.desk: Desk | None = None
        self.on_late: Callable[[tuple[str, ...]], None] = lambda _ids: None
        """Called with change ids when an answer comes after its time, and says applied."""

    # --- the port ------------------------------------------------------------------------------------

    def open_texts(self) -> Mapping[str, str]:
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
        for path in dict.fromkeys(c.path for c in changes if c.kind == "edit"):
            await build.edits(path, [c for c in changes if c.kind == "edit" and c.path == path])
        for change in changes:
            if change.kind != "edit":
                await build.whole(change)
        if not build.carried:
            return CarriedOut((), tuple(build.refused))
        ids = tuple(build.carried)
        hand = self.desk.in_hand if self.desk else set[str]()
        hand.update(ids)
        try:
            why = await self._send(build.changes, ids, undo)
        finally:
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, hand.difference_update, ids)
        if why:
            return CarriedOut((), (*build.refused, *((i, why) for i in ids)))
        self._remember(build.undoables)
        return CarriedOut(ids, tuple(build.refused), tuple(build.touched))

    async def _send(self, changes: list[DocumentChange], ids: tuple[str, ...], undo: bool) -> str:
        """Ask the editor; "" where it did, else the reason why not."""
        label = "NEXUS: take back" if undo else "NEXUS: accept"
        params = lsp.ApplyWorkspaceEditParams(lsp.WorkspaceEdit(document_changes=changes), label)
        asked = asyncio.ensure_future(self._server.request(lsp.WORKSPACE_APPLY_EDIT, params))
        try:
            answer = await asyncio.wait_for(asyncio.shield(asked), ANSWER_SECONDS)
        except TimeoutError:
            if not undo:
                asked.add_done_callback(lambda done: self._late(done, ids))
            return "the editor did not answer in time; if it applies the edit later, that counts"
        except Exception as error:
            return f"the editor refused the edit: {error}"
        if answer.applied:
            return ""
        why = f": {answer.failure_reason}" if answer.failure_reason else ""
        return f"the editor refused the edit{why}; try again"

    def _late(self, done: asyncio.Future[Any], ids: tuple[str, ...]) -> None:
        if not done.cancelled() and done.exception() is None and done.result().applied:
            self.on_late(ids)

    # --- undo ----------------------------------------------------------------------------------------

    def _remember(self, undoables: Sequence[_Undoable]) -> None:
        self._undoables = [*self._undoables, *undoables][-KEPT_UNDOS:]

    def turned_back(self, path: str, text: str) -> tuple[list[str], list[str]]:
        """(reopened, accepted again): ids whose accept this text undoes, or redoes."""
        now = digest(text)
        mine = [u for u in self._undoables if u.path == path]
        undone = [i for u in mine if u.before == now for i in u.ids]
        redone = [i for u in mine if u.after == now for i in u.ids]
        return undone, [i for i in redone if i not in undone]

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
        return text.removeprefix("\ufeff") if text else text

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

    def decided(
        self, changes: Sequence[Change], live: str, bases: Mapping[str, str], undo: bool
    ) -> TextDecision:
        """The edits of one text; open documents by their tracked places, others by the text itself."""
        desk = self.desk
        if undo or desk is None or self.document(changes[0].path) is None:
            return decide_text(changes, bases, live, undo)
        lines = split_lines(live)
        placed: list[tuple[int, Hunk, str]] = []
        refused: list[tuple[str, str]] = []
        for change in changes:
            line = desk.line_of({"id": change.id, "path": change.path})
            if line is None:
                refused.append((change.id, CHANGED_LINES))
            else:
                placed.append((line, hunk_of(change), change.id))
        try:
            edits = edit_text(lines, [(line, hunk) for line, hunk, _ in placed])
            hunks = [Hunk(line, hunk.before, hunk.after) for line, hunk, _ in placed]
            text = "".join(apply(lines, hunks))
        except ValueError:
            return decide_text(changes, bases, live, undo)
        return TextDecision(edits, text, tuple(i for _, _, i in placed), tuple(refused))


def _end(lines: list[str], line: int) -> tuple[int, int]:
    """The start of a line; behind the last one, the end of the text."""
    if line < len(lines) or not lines:
        return line, 0
    last = lines[-1]
    ended = last.endswith(("\n", "\r"))
    return (len(lines), 0) if ended else (len(lines) - 1, len(last))


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class _Build:
    """Collects one workspace edit."""

    def __init__(self, editor: Editor, undo: bool) -> None:
        self._editor = editor
        self._undo = undo
        self.changes: list[DocumentChange] = []
        self.carried: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.touched: list[str] = []
        self.undoables: list[_Undoable] = []

    async def edits(self, path: str, changes: list[Change]) -> None:
        """The text edits of one file."""
        live = await self._editor.text(path)
        desk = self._editor.desk
        if live is None or desk is None:
            self.refused += [(c.id, f"{path} is gone or is no longer text") for c in changes]
            return
        bases = {c.base or "": await desk.base_of(c.id) for c in changes}
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
        if not self._undo:
            ids = tuple(decision.carried)
            self.undoables.append(_Undoable(path, digest(live), digest(decision.text), ids))

    async def whole(self, change: Change) -> None:
        """A new, deleted or renamed file."""
        source, target = change.old_path or change.path, change.path
        before, after = change.before, change.after
        exists_before, exists_after = change.before_blob is not None, change.after_blob is not None
        if self._undo:
            source, target, before, after = target, source, after, before
            exists_before, exists_after = exists_after, exists_before
        live = await self._editor.text(source)
        if (live is not None) != exists_before or (
            live is not None and live != before.removeprefix("\ufeff")
        ):
            self.refused.append((change.id, f"{source} is not what it was when this was proposed"))
            return
        self._operations(source if exists_before else None, target if exists_after else None, before, after)
        self.carried.append(change.id)

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
        lines = split_lines(before) if source is not None else []
        if (source is None and after) or (source is not None and before != after):
            new = lsp.OptionalVersionedTextDocumentIdentifier(uri(target), None)
            edit = self._editor.wire_edits(lines, [TextEdit(0, len(lines), after)])
            self.changes.append(lsp.TextDocumentEdit(new, list(edit)))
        self.touched.append(target)
