"""What the editor says of documents and files: opened, edited, saved, closed, renamed, changed on disk.

A text that the document had before is an undo, a redo, or unsaved text given up: then the changes that it
held are accepted, and those that it did not hold wait again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.editor import Editor
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.showing import Showing

Json = dict[str, Any]

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

    def _at(self, uri: str) -> tuple[str, Desk, Editor] | None:
        path, desk, editor = self._showing.path(uri), self._showing.desk, self._showing.editor
        return (path, desk, editor) if path and desk and editor else None

    def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        """`textDocument/didOpen`."""
        if at := self._at(params.text_document.uri):
            path, desk, editor = at
            desk.opened(path, params.text_document.text)
            editor.moments.note(path, params.text_document.text)

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

    def saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        """`textDocument/didSave`."""
        document = self._server.workspace.opened(params.text_document.uri)
        if document and (at := self._at(params.text_document.uri)):
            at[2].moments.note(at[0], document.source)

    def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        """`textDocument/didClose`."""
        if at := self._at(params.text_document.uri):
            path, desk, editor = at
            desk.closed(path)
            if desk.on_file(path):
                self._spawn(self._given_up(path, editor))

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
        undone = [i for i in undone if desk.changes.get(i, {}).get("status") == "accepted"]
        redone = [i for i in redone if desk.can_be_redone(i)]
        if undone:
            self._spawn(self._tell("review.reopen", {"change_ids": undone}))
        if redone:
            self._spawn(self._tell("review.carried", {"change_ids": redone}))
        return bool(undone or redone)

    def watched(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        """`workspace/didChangeWatchedFiles`."""
        for change in params.changes:
            if at := self._at(change.uri):
                at[1].disk_changed(at[0])

    def renamed(self, params: lsp.RenameFilesParams) -> None:
        """`workspace/didRenameFiles`."""
        found = [(self._showing.path(f.old_uri), self._showing.path(f.new_uri)) for f in params.files]
        self._spawn(self._renamed([(old, new) for old, new in found if old and new]))

    async def _renamed(self, moves: list[tuple[str, str]]) -> None:
        for old, new in moves:
            await self._tell("review.moved", {"old_path": old, "path": new})
