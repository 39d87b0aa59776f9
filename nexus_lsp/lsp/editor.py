"""The editor as a face of the engine: what it has open, and how it carries decisions out.

A decision is one versioned `workspace/applyEdit`; only the editor's answer is believed. An edit that brings a
document back to exactly the text before an accept is the editor's undo, and reopens the change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.review import edits_by_path
from nexus_lsp.lsp.convert import path_of
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.editing import DocumentChange, EditBuilder, Json
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.moments import Moments
from nexus_lsp.lsp.texts import Texts
from nexus_lsp.lsp.whole_files import WholeFiles
from nexus_lsp.ports import CarriedOut

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
HAND_SECONDS = 2.0
"""For so long after an answer the lines of an accepted change may be gone before it counts as accepted."""


class Editor:
    """`ports.Face` for one editor over LSP."""

    def __init__(self, server: NexusLanguageServer, root: Path) -> None:
        self._server = server
        self._root = root
        self.texts = Texts(server, root)
        self.desk: Desk | None = None
        self.moments = Moments(lambda: self.desk.changes if self.desk else {})
        self.whole_files = WholeFiles(self.texts)
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
        build = EditBuilder(self.texts, self.desk, undo)
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
        self._remember(build, undo)
        await asyncio.to_thread(_put_modes, self._root, [c for c in changes if c.id in done], undo)
        return CarriedOut(ids, tuple(build.refused), tuple(build.touched))

    def _remember(self, build: EditBuilder, undo: bool) -> None:
        self.moments.remember(build.undoables, undo)
        self.whole_files.remember(build.files)

    def _ask(self, changes: list[DocumentChange], undo: bool) -> asyncio.Future[Any]:
        label = "NEXUS: take back" if undo else "NEXUS: accept"
        params = lsp.ApplyWorkspaceEditParams(lsp.WorkspaceEdit(document_changes=changes), label)
        return asyncio.ensure_future(self._server.request(lsp.WORKSPACE_APPLY_EDIT, params))

    async def _answer(self, asked: asyncio.Future[Any], build: EditBuilder, undo: bool) -> str:
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

    def _late(self, done: asyncio.Future[Any], build: EditBuilder, undo: bool) -> None:
        if not done.cancelled() and done.exception() is None and done.result().applied:
            self._remember(build, undo)
            (self.on_late_undo if undo else self.on_late)(tuple(build.carried), build.settled)


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


def _let_go(hand: set[str], ids: Sequence[str]) -> None:
    """Once the editor answered, its didChange is here or on its way, and the engine hears of it next."""
    asyncio.get_running_loop().call_later(HAND_SECONDS, hand.difference_update, ids)
