"""Documents that show files as they would be with what waits: `nexus-proposed:/home/me/a.py?run=<id>`.

A client with `workspace/textDocumentContent` (LSP 3.18) asks for their text and is told when it is another;
for every other client they are read-only files in the state directory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.lsp.convert import uri_of
from nexus_lsp.lsp.errors import CommandError
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.messages import INVALID_PARAMS
from nexus_lsp.lsp.showing import Showing
from nexus_lsp.lsp.translate import in_wire_words, preview_uri, previewed

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

log = logging.getLogger(__name__)

Json = dict[str, Any]

SCHEME = "nexus-proposed"
OPTIONS = lsp.TextDocumentContentOptions([SCHEME])
REST = 0.2
"""Seconds without news of a file after which its shown previews are refreshed."""
MOST_SHOWN = 500
"""Documents that are kept fresh; nobody says when one is closed, so the oldest go."""


class Proposed:
    """See the module. `ready` gives the engine once it is there."""

    def __init__(
        self, server: NexusLanguageServer, showing: Showing, ready: Callable[[], Awaitable[EngineApi]]
    ) -> None:
        self._server = server
        self._showing = showing
        self._ready = ready
        self._shown: dict[str, str] = {}
        """URI → path of what the client has asked for, the newest last."""
        self._news: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def is_virtual(self) -> bool:
        """Whether the client shows documents that the server gives it."""
        workspace = self._server.client_capabilities.workspace
        return workspace is not None and workspace.text_document_content is not None

    async def preview(self, meant: Json) -> Json:
        """`nexus.review.preview`, its argument in the engine's words: the documents to open."""
        virtual, showing = self.is_virtual, self._showing
        api = await self._ready()
        try:
            answer = await api.execute("review.preview", {**meant, "as_files": not virtual})
        except InvalidArgument as error:
            raise InvalidArgument(in_wire_words(str(error))) from error
        subject = _subject(meant)
        files: list[Json] = []
        for file in answer["files"]:
            uri, shown = showing.uri(file["path"]), None
            if file["text"] is not None:
                place = preview_uri(SCHEME, uri, subject)
                shown = place if virtual else uri_of(Path(file["file"]).name, Path(file["file"]).parent)
            old = showing.uri(file["old_path"]) if file["old_path"] else None
            files.append({"uri": uri, "previewUri": shown, "oldUri": old, "kind": file["kind"]})
        return {"files": files, "left": answer["left"]}

    async def content(self, params: lsp.TextDocumentContentParams) -> lsp.TextDocumentContentResult:
        """The text of one of these documents; with nothing waiting any more, the file as it is."""
        uri = params.uri
        path, meant = self._read(uri)
        answer = await (await self._ready()).execute("review.preview", {**meant, "path": path})
        self._shown.pop(uri, None)
        self._shown[uri] = path
        while len(self._shown) > MOST_SHOWN:
            del self._shown[next(iter(self._shown))]
        text = next((f["text"] for f in answer["files"] if f["path"] == path), None)
        return lsp.TextDocumentContentResult(text or "")

    def _read(self, uri: str) -> tuple[str, Json]:
        subject = previewed(SCHEME, uri) or ""
        path = self._showing.path("file://" + uri.rpartition("?")[0].removeprefix(f"{SCHEME}:"))
        kind, _, ids = subject.partition("=")
        known: dict[str, Json] = {
            "all": {},
            "run": {"run_id": ids},
            "changes": {"change_ids": ids.split(",")},
        }
        meant = known.get(kind)
        if path is None or meant is None:
            raise CommandError(INVALID_PARAMS, f"{uri} is no preview: nexus.review.preview gives their URIs.")
        return path, meant

    # --- news ----------------------------------------------------------------------------------------

    def stir(self, path: str) -> None:
        """A file looks different: what is shown of it will be told to look again."""
        if path in self._news or path not in self._shown.values():
            return
        self._news[path] = asyncio.get_running_loop().call_later(REST, self._refresh, path)

    def _refresh(self, path: str) -> None:
        self._news.pop(path, None)
        for uri in [uri for uri, of in self._shown.items() if of == path]:
            params = lsp.TextDocumentContentRefreshParams(uri)
            task = asyncio.ensure_future(
                self._server.request(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT_REFRESH, params)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(_logged)

    def close(self) -> None:
        """No timer and no question outlives the face."""
        for timer in self._news.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()


def _subject(meant: Json) -> str:
    if meant.get("run_id"):
        return f"run={meant['run_id']}"
    if meant.get("change_ids") is not None:
        return f"changes={','.join(meant['change_ids'])}"
    return "all"


def _logged(done: asyncio.Task[Any]) -> None:
    if not done.cancelled() and done.exception():
        log.info("a preview could not be refreshed: %s", done.exception())
