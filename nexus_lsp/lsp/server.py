"""The language server: commands, documents, review marks and progress over one engine.

Handlers of notifications are plain functions that only enqueue; everything that waits runs in tasks of its
own. The engine is opened after `initialized`, so that `initialize` answers before anything heavy is imported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, cast

from lsprotocol import types as lsp

from nexus_lsp import __version__
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.settings import Settings, settings_from
from nexus_lsp.lsp import marks
from nexus_lsp.lsp.convert import path_of, uri_of
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.documents import Document
from nexus_lsp.lsp.editor import Editor
from nexus_lsp.lsp.language_server import NexusLanguageServer, create_server
from nexus_lsp.lsp.progress import RunProgress
from nexus_lsp.lsp.stdio import serve_stdio
from nexus_lsp.lsp.translate import answer_out, argument_in, event_out
from nexus_lsp.ports import EngineApi, Face

log = logging.getLogger(__name__)

Json = dict[str, Any]
Connector = Callable[[Path, Settings, Face], Awaitable[EngineApi]]

COMMANDS = (
    "delegate",
    "plan.approve",
    "plan.reject",
    "run.cancel",
    "run.pause",
    "run.resume",
    "run.retry",
    "runs",
    "run",
    "agents",
    "review.list",
    "review.accept",
    "review.reject",
    "review.undo",
    "answer",
)
SHOW_DELAY = 0.05
"""Seconds over which the marks of one file are gathered before they are published."""


def serve(connect: Connector) -> int:
    """Serve one editor over stdio until it goes; gives the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return serve_stdio(build(connect))


def build(connect: Connector) -> NexusLanguageServer:
    """The server with every feature on it."""
    server = create_server("nexus-lsp", __version__)
    face = LspFace(server, connect)
    face.register()
    return server


class LspFace:
    """One editor's view of an engine."""

    def __init__(self, server: NexusLanguageServer, connect: Connector) -> None:
        self._server = server
        self._connect = connect
        self._api: asyncio.Future[EngineApi] | None = None
        self._root: Path | None = None
        self._settings: Json = {}
        self._editor: Editor | None = None
        self._desk: Desk | None = None
        self._names: dict[str, str] = {}
        self._progress = RunProgress(server, self._cancel_run)
        self._shown: dict[str, asyncio.TimerHandle] = {}
        self._gates: dict[str, list[tuple[str, Json]]] = {}
        self._events: asyncio.Queue[Json] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- registration --------------------------------------------------------------------------------

    def register(self) -> None:
        """Put every handler on the server."""
        server = self._server
        for method, handler in (
            (lsp.INITIALIZE, self._on_initialize),
            (lsp.INITIALIZED, self._on_initialized),
            (lsp.TEXT_DOCUMENT_DID_OPEN, self._on_open),
            (lsp.TEXT_DOCUMENT_DID_CHANGE, self._on_change),
            (lsp.TEXT_DOCUMENT_DID_CLOSE, self._on_close),
            (lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, self._on_configuration),
            (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._on_watched),
            (lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL, self._on_progress_cancel),
            (lsp.TEXT_DOCUMENT_CODE_LENS, self._code_lenses),
            (lsp.TEXT_DOCUMENT_HOVER, self._hover),
            ("nexus/events", self._on_events),
        ):
            # pygls puts attributes on a handler, which a bound method does not take
            server.feature(method)(partial(handler))
        kinds = lsp.CodeActionOptions(code_action_kinds=list(marks.KINDS))
        server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)(partial(self._code_actions))
        for name in COMMANDS:
            server.command(f"nexus.{name}")(self._command(name))
        server.on_close(self._end)

    def _command(self, name: str) -> Callable[[Json], Coroutine[Any, Any, Json]]:
        async def run(argument: Json) -> Json:
            return await self._execute_wire(name, argument)

        return run

    # --- life ----------------------------------------------------------------------------------------

    def _on_initialize(self, params: lsp.InitializeParams) -> None:
        options: Any = params.initialization_options
        self._settings = dict(options) if isinstance(options, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
        folders = params.workspace_folders or ()
        uri = folders[0].uri if folders else params.root_uri
        self._root = _folder(uri) if uri else (Path(params.root_path) if params.root_path else None)

    def _on_initialized(self, _params: Any) -> None:
        self._api = asyncio.ensure_future(self._open())
        self._api.add_done_callback(_retrieved)

    async def _open(self) -> EngineApi:
        if self._root is None:
            raise Refused("NEXUS works on a folder: open one in the editor first.")
        # the editor shows the marks of files by its own spelling of the root
        self._root = await asyncio.to_thread(_top, self._root)
        editor = Editor(self._server, self._root)
        try:
            api = await self._connect(self._root, await self._read_settings(), editor)
        except Exception as error:
            self._server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"NEXUS: {error}"))
            raise
        self._editor = editor
        desk = editor.desk = self._desk = Desk(self._root, api.execute, self._show)
        editor.on_late = lambda ids: self._spawn(api.execute("review.carried", {"change_ids": list(ids)}))
        api.listen(self._events.put_nowait)
        self._spawn(self._follow(api))
        self._names = {a["agent_id"]: a["name"] for a in (await api.execute("agents", {}))["agents"]}
        await desk.reload()
        for document in list(self._server.workspace.text_documents.values()):
            path = path_of(document.uri, self._root)
            if path:
                await desk.opened(path, document.source)
        await self._progress.resume(api)
        await self._ask_again(api)
        return api

    async def _ready(self) -> EngineApi:
        if self._api is None:
            raise Refused("NEXUS is not ready: the editor has not said `initialized` yet.")
        return await asyncio.shield(self._api)

    async def _end(self) -> None:
        for timer in self._shown.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        if self._desk:
            self._desk.close()
        if self._api and self._api.done() and not self._api.cancelled() and not self._api.exception():
            await self._api.result().close()
        elif self._api:
            self._api.cancel()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_logged)

    # --- settings ------------------------------------------------------------------------------------

    async def _read_settings(self) -> Settings:
        workspace = self._server.client_capabilities.workspace
        if workspace and workspace.configuration:
            params = lsp.ConfigurationParams([lsp.ConfigurationItem(section="nexus")])
            try:
                answer = await asyncio.wait_for(
                    self._server.request(lsp.WORKSPACE_CONFIGURATION, params), timeout=2.0
                )
            except Exception:
                log.warning("the editor did not give its settings; those of `initialize` count")
            else:
                if answer and isinstance(answer[0], dict):
                    self._settings |= {k: v for k, v in answer[0].items() if v is not None}  # pyright: ignore[reportUnknownVariableType]
        settings, problems = settings_from(self._settings)
        for problem in problems:
            self._server.window_show_message(
                lsp.ShowMessageParams(lsp.MessageType.Warning, f"NEXUS settings: {problem}")
            )
        return settings

    def _on_configuration(self, params: lsp.DidChangeConfigurationParams) -> None:
        given: Any = params.settings
        if isinstance(given, dict):
            inner: Any = given.get("nexus", given)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if isinstance(inner, dict):
                self._settings |= inner
        self._spawn(self._set_settings())

    async def _set_settings(self) -> None:
        api = await self._ready()
        from dataclasses import asdict

        await api.execute("settings", asdict(await self._read_settings()))

    # --- commands ------------------------------------------------------------------------------------

    async def _execute_wire(self, name: str, argument: Json) -> Json:
        api = await self._ready()
        answer = await api.execute(name, argument_in(argument, self._path))
        if name == "review.list":
            self._put_ranges(answer)
        return answer_out(answer, self._uri)

    async def _on_events(self, params: object) -> Json:
        if not isinstance(params, dict):
            raise InvalidArgument("Write an object with: runId, afterSeq.")
        api = await self._ready()
        answer = await api.execute("events", argument_in(cast("Json", params), self._path))
        return {"events": [event_out(event, self._uri) for event in answer["events"]]}

    def _put_ranges(self, answer: Json) -> None:
        for change in answer["changes"]:
            line = self._desk.line_of(change) if self._desk else None
            lines = self._desk.lines_of(change["path"]) if self._desk else []
            place = marks.shown_range(change, line, lines, self._server.units)
            change["range"] = None if place is None else _plain(place)

    def _path(self, uri: str) -> str | None:
        return path_of(uri, self._root) if self._root else None

    def _uri(self, path: str) -> str:
        if self._editor:
            return self._editor.uri(path)
        return uri_of(path, self._root or Path("/"))

    async def _cancel_run(self, run_id: str) -> None:
        api = await self._ready()
        try:
            await api.execute("run.cancel", {"run_id": run_id})
        except Refused:
            log.info("run %s was over before it could be cancelled", run_id)

    # --- documents -----------------------------------------------------------------------------------

    def _on_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        path = self._path(params.text_document.uri)
        if path and self._desk:
            self._spawn(self._desk.opened(path, params.text_document.text))

    def _on_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        path = self._path(params.text_document.uri)
        document = self._server.workspace.opened(params.text_document.uri)
        if path and document and self._desk:
            self._edited(path, document, self._desk)

    def _edited(self, path: str, document: Document, desk: Desk) -> None:
        desk.edited(path, document.edits, document.source)
        if not self._editor:
            return
        undone, redone = self._editor.turned_back(path, document.source)
        undone = [i for i in undone if desk.changes.get(i, {}).get("status") == "accepted"]
        redone = [i for i in redone if desk.changes.get(i, {}).get("status") == "pending"]
        redone = [i for i in redone if i not in desk.in_hand]
        if undone:
            self._spawn(self._tell("review.reopen", undone))
        if redone:
            self._spawn(self._tell("review.carried", redone))

    async def _tell(self, operation: str, ids: list[str]) -> None:
        await (await self._ready()).execute(operation, {"change_ids": ids})

    def _on_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        path = self._path(params.text_document.uri)
        if path and self._desk:
            self._spawn(self._desk.closed(path))

    def _on_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> None:
        self._progress.cancelled(params.token)

    def _on_watched(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            path = self._path(change.uri)
            if path and self._desk:
                self._spawn(self._desk.disk_changed(path))

    # --- events --------------------------------------------------------------------------------------

    async def _follow(self, api: EngineApi) -> None:
        """Events of the engine, one after the other: to the editor, to the desk, to the progress."""
        while True:
            event = await self._events.get()
            try:
                await self._hear(api, event)
            except Refused as error:
                log.warning("event %s: %s", event["type"], error)
            except Exception:
                log.exception("event %s could not be shown", event["type"])

    async def _hear(self, api: EngineApi, event: Json) -> None:
        if event["type"] == "disk_changed":
            for path in event["paths"]:
                if self._desk:
                    await self._desk.disk_changed(path)
            return
        if "seq" not in event:
            return
        self._server.notify("nexus/event", event_out(event, self._uri))
        if self._desk:
            await self._desk.hear(event)
        self._note_gate(event)
        await self._progress.hear(event, self._names)
        if event["type"] == "ask_opened":
            self._spawn(self._ask(api, event))

    def _note_gate(self, event: Json) -> None:
        """Failed gates are warnings on the lines that cause them, until the same gate passes."""
        if event["type"] not in ("gate_failed", "gate_passed"):
            return
        key = f"{event['run_id']}/{event['gate']}"
        old = self._gates.pop(key, [])
        if event["type"] == "gate_failed":
            self._gates[key] = [(p["path"], p) for p in event["places"]]
        for path, _ in [*old, *self._gates.get(key, [])]:
            self._show(path)

    async def _ask_again(self, api: EngineApi) -> None:
        """Asks that were open when NEXUS stopped."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in ("awaiting_approval", "paused"):
                detail = await api.execute("run", {"run_id": run["run_id"]})
                for ask in detail["asks"]:
                    self._spawn(self._ask(api, ask))

    async def _ask(self, api: EngineApi, ask: Json) -> None:
        items = [lsp.MessageActionItem(option) for option in ask["options"]]
        params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, ask["question"], items)
        chosen = await self._server.request(lsp.WINDOW_SHOW_MESSAGE_REQUEST, params)
        if chosen is not None:
            try:
                await api.execute("answer", {"ask_id": ask["ask_id"], "answer": chosen.title})
            except Refused as error:
                log.info("the answer came too late: %s", error)

    # --- marks ---------------------------------------------------------------------------------------

    def _show(self, path: str) -> None:
        if path not in self._shown:
            loop = asyncio.get_running_loop()
            self._shown[path] = loop.call_later(SHOW_DELAY, lambda: self._publish(path))

    def _publish(self, path: str) -> None:
        self._shown.pop(path, None)
        document = self._editor.document(path) if self._editor else None
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(
                uri=self._uri(path),
                diagnostics=self._diagnostics(path) + self._gate_marks(path),
                version=document[1] if document else None,
            )
        )

    def _diagnostics(self, path: str) -> list[lsp.Diagnostic]:
        desk = self._desk
        if desk is None:
            return []
        lines = desk.lines_of(path)
        placed = self._placed(path)
        found: list[lsp.Diagnostic] = []
        for change, place in placed:
            line = desk.line_of(change)
            exact = marks.edit_range(change, line, lines, self._server.units) if line is not None else None
            related = [
                lsp.DiagnosticRelatedInformation(
                    lsp.Location(self._uri(path), at), marks.message(c, self._names)
                )
                for c, at in placed
                if c["task_id"] == change["task_id"] and c["id"] != change["id"]
            ]
            found.append(marks.diagnostic(change, place, exact, self._names, related[:20]))
        return found

    def _placed(self, path: str) -> list[tuple[Json, lsp.Range]]:
        desk = self._desk
        if desk is None:
            return []
        lines = desk.lines_of(path)
        found: list[tuple[Json, lsp.Range]] = []
        for change in desk.pending(path):
            place = marks.shown_range(change, desk.line_of(change), lines, self._server.units)
            if place is not None:
                found.append((change, place))
        return found

    def _gate_marks(self, path: str) -> list[lsp.Diagnostic]:
        lines = self._desk.lines_of(path) if self._desk else []
        return [
            lsp.Diagnostic(
                range=marks.whole_lines(lines, place["line"], 1, self._server.units),
                message=f"Gate: {place['message']}",
                severity=lsp.DiagnosticSeverity.Warning,
                source=marks.SOURCE,
            )
            for places in self._gates.values()
            for where, place in places
            if where == path
        ]

    async def _code_actions(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        path = self._path(params.text_document.uri)
        only = params.context.only
        if path is None:
            return []
        at_hand = [c for c, place in self._placed(path) if _meet(place, params.range)]
        wants_file = only is not None and any(_kind_of(k, "source.nexus") for k in only)
        changes = at_hand or ([c for c, _ in self._placed(path)] if wants_file else [])
        found = marks.actions(changes, params.context.diagnostics, params.text_document.uri, self._names)
        return [a for a in found if only is None or any(_kind_of(k, str(a.kind)) for k in only)]

    async def _code_lenses(self, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        path = self._path(params.text_document.uri)
        return marks.lenses(self._placed(path), self._names) if path else []

    async def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        path = self._path(params.text_document.uri)
        here = lsp.Range(params.position, params.position)
        hit = [(c, place) for c, place in self._placed(path) if _meet(place, here)] if path else []
        if not hit:
            return None
        api = await self._ready()
        texts: list[str] = []
        for change, _ in hit:
            detail = await api.execute("run", {"run_id": change["run_id"]})
            gates = [g for g in detail["gates"] if g["task_id"] == change["task_id"]]
            told = "\n".join(f"- gate `{g['gate']}`: {g['status']} {g['why']}".rstrip() for g in gates)
            texts.append(marks.hover(change, self._names, told))
        value = "\n\n---\n\n".join(texts)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, value), hit[0][1])


def _folder(uri: str) -> Path | None:
    from nexus_lsp.lsp.convert import file_of

    name = file_of(uri)
    return Path(name) if name else None


def _top(folder: Path) -> Path:
    """The git top level that a folder belongs to, links resolved; the folder itself without git."""
    start = folder.resolve()
    return next((d for d in (start, *start.parents) if (d / ".git").exists()), start)


def _retrieved(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()


def _logged(done: asyncio.Task[Any]) -> None:
    if not done.cancelled() and done.exception():
        log.error("a task failed", exc_info=done.exception())


def _plain(place: lsp.Range) -> Json:
    return {
        "start": {"line": place.start.line, "character": place.start.character},
        "end": {"line": place.end.line, "character": place.end.character},
    }


def _meet(a: lsp.Range, b: lsp.Range) -> bool:
    """Whether two ranges share a line: changes are matched by line."""
    return a.start.line <= b.end.line and b.start.line <= a.end.line


def _kind_of(wanted: Any, kind: str) -> bool:
    """Whether a code action of this kind is asked for: kinds are a tree."""
    text = str(getattr(wanted, "value", wanted))
    return not text or kind == text or kind.startswith(text + ".")
