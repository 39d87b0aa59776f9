"""What the editor says of documents and files: opened, edited, saved, closed, renamed, changed on disk.

A text that the document had before is an undo, a redo, or unsaved text given up: then the changes that it
held are accepted, and those that it did not hold wait again. So it is with whole files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.editor import Editor
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.showing import Showing

Json = dict[str, Any]

SETTLE = 0.25
"""Seconds after which an editor has done all steps of an undo of whole files, or of giving up text."""
IN_HAND = 1.0
"""Seconds after which files that are being changed on our word are looked at again."""

RENAMINGS = lsp.FileOperationRegistrationOptions(
    [lsp.FileOperationFilter(lsp.FileOperationPattern("**/*"), scheme="file")]
)
"""Those that an editor is to tell of: of files and of folders."""


class Following:
    """Handlers of notifications; `tell` reaches the engine, `spawn` sees to a task."""

    def __init__(
        self,
        server: NexusLanguageServer,
        showing: Showing,
        tell: Callable[[str, Json], Coroutine[Any, Any, Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._server = server
        self._showing = showing
        self._tell = tell
        self._spawn = spawn
        self._signs: set[str] = set()
        """Paths of whole files or unsaved text that something was heard of, not looked at yet."""
        self._fresh = False

    def _at(self, uri: str) -> tuple[str, Desk, Editor] | None:
        path, desk, editor = self._showing.path(uri), self._showing.desk, self._showing.editor
        return (path, desk, editor) if path and desk and editor else None

    def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        """`textDocument/didOpen`."""
        if at := self._at(params.text_document.uri):
            path, desk, editor = at
            desk.opened(path, params.text_document.text)
            editor.moments.note(path, params.text_document.text)
            self._sign(path)

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """`textDocument/didChange`."""
        document = self._server.workspace.opened(params.text_document.uri)
        if document and (at := self._at(params.text_document.uri)):
            path, desk, editor = at
            before = desk.sheets.get(path)
            text = before.text if before else None
            desk.edited(path, document.edits, document.source)
            if self._turned(path, document.source) and text is not None:
                editor.moments.left(path, text)  # what led back may be taken back, too
            self._sign(path)

    def saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        """`textDocument/didSave`."""
        document = self._server.workspace.opened(params.text_document.uri)
        if document and (at := self._at(params.text_document.uri)):
            at[2].moments.saved(at[0], document.source)
            at[2].whole_files.held(at[0], document.source, at[1].changes)

    def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        """`textDocument/didClose`."""
        if at := self._at(params.text_document.uri):
            path, desk, editor = at
            if sheet := desk.sheets.get(path):
                editor.whole_files.held(path, sheet.text, desk.changes)
            desk.closed(path)
            if desk.on_file(path):
                self._spawn(self._given_up(path, editor))
            self._sign(path)

    async def _given_up(self, path: str, editor: Editor) -> None:
        text = await editor.texts.text(path)
        if text is not None and editor.texts.document(path) is None:
            self._turned(path, text)

    def _turned(self, path: str, text: str) -> bool:
        desk, editor = self._showing.desk, self._showing.editor
        if desk is None or editor is None:
            return False
        undone, redone = editor.moments.turned_back(path, text)
        desk.came_back(path, redone)
        undone = [i for i in undone if desk.is_accepted(i)]
        redone = [i for i in redone if desk.can_be_redone(i)]
        if undone:
            self._spawn(self._tell("review.reopen", {"change_ids": undone}))
        if redone:
            self._spawn(self._tell("review.carried", {"change_ids": redone}))
        return bool(undone or redone)

    def watched(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        """`workspace/didChangeWatchedFiles`."""
        self.disk_changed([path for c in params.changes if (path := self._showing.path(c.uri))])

    def disk_changed(self, paths: Iterable[str]) -> None:
        """These files changed on disk, whoever saw it."""
        if desk := self._showing.desk:
            for path in paths:
                desk.disk_changed(path)
                self._sign(path)

    def renamed(self, params: lsp.RenameFilesParams) -> None:
        """`workspace/didRenameFiles`."""
        found = [(self._showing.path(f.old_uri), self._showing.path(f.new_uri)) for f in params.files]
        self._spawn(self._renamed([(old, new) for old, new in found if old and new]))

    async def _renamed(self, moves: list[tuple[str, str]]) -> None:
        for old, new in moves:
            await self._tell("review.moved", {"old_path": old, "path": new})
            self._sign(old)

    def moved(self, old: str, new: str) -> None:
        """What concerns a file is known under its new name by now."""
        if editor := self._showing.editor:
            editor.moments.moved(old, new)
            editor.whole_files.moved(old, new)

    # --- whole files ---------------------------------------------------------------------------------

    def _sign(self, path: str) -> None:
        """Something happened to a file or folder: it is looked at once that is over."""
        editor = self._showing.editor
        if editor is None or not (editor.whole_files.may_be_at(path) or editor.moments.unsaved(path)):
            return
        resting, self._fresh = bool(self._signs), True
        self._signs.add(path)
        if not resting:
            self._spawn(self._look())

    async def _look(self) -> None:
        while self._fresh:
            self._fresh = False
            await asyncio.sleep(SETTLE)
        paths, self._signs = self._signs, set()
        desk, editor = self._showing.desk, self._showing.editor
        if desk is None or editor is None:
            return
        found = {i: desk.changes[i] for i in editor.whole_files.at(paths, desk.changes)}
        stand = {i: await editor.whole_files.standing(change) for i, change in found.items()}
        if not desk.in_hand.isdisjoint(found):
            await asyncio.sleep(IN_HAND)  # an editor may answer before it has done what it was asked for
            for path in paths:
                self._sign(path)
            return
        undone = [i for i, at in stand.items() if at == "before" and desk.is_accepted(i)]
        redone = [i for i, at in stand.items() if at == "after" and desk.can_be_redone(i)]
        if undone:
            await self._tell("review.reopen", {"change_ids": undone, "undone": True})
        if redone:
            await self._tell("review.carried", {"change_ids": redone})
        for path in paths:
            await self._disk_counts(path, desk, editor)

    async def _disk_counts(self, path: str, desk: Desk, editor: Editor) -> None:
        """Unsaved text was given up for what another program wrote: a text that nobody has met yet."""
        unsaved = editor.moments.unsaved(path)
        text = await editor.texts.on_disk(path) if unsaved else None
        shown = editor.texts.document(path)
        if text is not None and (shown is None or shown[2] == text):
            editor.moments.settled(path)
            await desk.given_up(path, text, unsaved)
