"""The language server: commands, documents, review marks and progress over one engine.

Handlers of notifications are plain functions that only enqueue; everything that waits runs in tasks of its
own. The engine is opened after `initialized`, so that `initialize` answers before anything heavy is imported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types as lsp

from nexus_lsp import __version__
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.settings import Settings, settings_from
from nexus_lsp.core.text import split_lines
from nexus_lsp.lsp import marks
from nexus_lsp.lsp.convert import path_of, uri_of
from nexus_lsp.lsp.desk import Desk, home
from nexus_lsp.lsp.documents import Document
from nexus_lsp.lsp.language_server import NexusLanguageServer, create_server
from nexus_lsp.lsp.progress import RunProgress
from nexus_lsp.lsp.stdio import serve_stdio
from nexus_lsp.lsp.translate import answer_out, argument_in, event_out, in_wire_words, preview_uri, previewed

if TYPE_CHECKING:
    from nexus_lsp.lsp.editor import Editor
    from nexus_lsp.ports import EngineApi, Face

log = logging.getLogger(__name__)

Json = dict[str, Any]
Connector = Callable[[Path, Settings, "Face"], Awaitable["EngineApi"]]

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
MAX_RELATED = 20


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
        self._options: Json = {}
        self._pushed: Json = {}
        self._editor: Editor | None = None
        self._desk: Desk | None = None
        self._names: dict[str, str] = {}
        self._progress = RunProgress(server, self._cancel_run)
        self._shown: dict[str, asyncio.TimerHandle] = {}
        self._marked: dict[str, frozenset[str]] = {}
        """Path → the URIs that its marks stand on in the editor."""
        self._lensed: dict[str, list[tuple[str, str]]] = {}
        """Path → the changes, and their states, that its lenses were last made for."""
        self._preview_scheme = ""
        """Of the documents that this editor shows waiting new files on; empty where it has none."""
        self._asked: set[str] = set()
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
        self._options = dict(cast("Json", options)) if isinstance(options, dict) else {}
        self._preview_scheme = str(self._options.get("previewScheme") or "")
        folders = params.workspace_folders or ()
        uri = folders[0].uri if folders else params.root_uri
        self._root = _folder(uri) if uri else (Path(params.root_path) if params.root_path else None)

    def _on_initialized(self, _params: Any) -> None:
        self._api = asyncio.ensure_future(self._open())
        self._api.add_done_callback(_retrieved)

    async def _open(self) -> EngineApi:
        if self._root is None:
            raise Refused("NEXUS works on a folder: open one in the editor first.")
        from nexus_lsp.lsp.editor import Editor

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
        editor.on_late = lambda ids: self._spawn(self._tell("review.carried", list(ids)))
        editor.on_late_undo = lambda ids: self._spawn(self._tell("review.reopen", list(ids)))
        api.listen(self._events.put_nowait)
        self._spawn(self._follow(api))
        self._names = {a["agent_id"]: a["name"] for a in (await api.execute("agents", {}))["agents"]}
        for document in self._server.workspace.text_documents.values():
            path = path_of(document.uri, self._root)
            if path:
                desk.opened(path, document.source)
        await desk.reload()
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
                self._pushed = _settings_of(answer[0])
            except Exception:
                log.warning("the editor did not give its settings; those of `initialize` count")
        settings, problems = settings_from(self._options | self._pushed)
        for problem in problems:
            self._server.window_show_message(
                lsp.ShowMessageParams(lsp.MessageType.Warning, f"NEXUS settings: {problem}")
            )
        return settings

    def _on_configuration(self, params: lsp.DidChangeConfigurationParams) -> None:
        given: Any = params.settings
        if isinstance(given, dict):
            self._pushed |= _settings_of(cast("Json", given).get("nexus", cast("Json", given)))
        self._spawn(self._set_settings())

    async def _set_settings(self) -> None:
        api = await self._ready()
        from dataclasses import asdict

        await api.execute("settings", asdict(await self._read_settings()))

    # --- commands ------------------------------------------------------------------------------------

    async def _execute_wire(self, name: str, argument: Json) -> Json:
        answer = await self._asked_of(name, argument)
        if name == "review.list":
            self._put_ranges(answer)
        return answer if name == "agents" else answer_out(answer, self._uri)

    async def _asked_of(self, operation: str, argument: Json) -> Json:
        """The engine's answer to what came over this wire."""
        api = await self._ready()
        try:
            return await api.execute(operation, argument_in(argument, self._path))
        except InvalidArgument as error:
            raise InvalidArgument(in_wire_words(str(error))) from error

    async def _on_events(self, params: Json) -> Json:
        answer = await self._asked_of("events", params)
        return {"events": [event_out(event, self._uri) for event in answer["events"]]}

    def _put_ranges(self, answer: Json) -> None:
        for change in answer["changes"]:
            place = self._place(change) if change["status"] in ("pending", "accepted") else None
            change["range"] = None if place is None else _plain(place)

    def _place(self, change: Json) -> lsp.Range | None:
        """Where a change shows in its file."""
        desk = self._desk
        if desk is None:
            return None
        if self._has_preview(change):
            return marks.whole_lines(split_lines(change["after"]), 0, 1, self._server.units)
        path = home(change)
        placed = desk.placed(change["id"], path)
        return marks.shown_range(change, placed, desk.lines_of(path), self._server.units)

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
            self._desk.opened(path, params.text_document.text)

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
        if undone:
            self._spawn(self._tell("review.reopen", undone))
        if redone:
            self._spawn(self._tell("review.carried", redone))

    async def _tell(self, operation: str, ids: list[str]) -> None:
        await (await self._ready()).execute(operation, {"change_ids": ids})

    def _on_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        path = self._path(params.text_document.uri)
        if path and self._desk:
            self._desk.closed(path)

    def _on_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> None:
        self._progress.cancelled(params.token)

    def _on_watched(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            path = self._path(change.uri)
            if path and self._desk:
                self._desk.disk_changed(path)

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
                    self._desk.disk_changed(path)
            return
        if "seq" not in event:
            return
        self._server.notify("nexus/event", event_out(event, self._uri))
        if self._desk:
            await self._desk.hear(event)
        self._note_gate(event)
        self._progress.hear(event, self._names)
        if event["type"] == "ask_opened":
            self._spawn(self._ask(api, event))

    def _note_gate(self, event: Json) -> None:
        """Failed gates are warnings on the lines that cause them, until it passes or the run ends."""
        kind, run = event["type"], f"{event['run_id']}/"
        if kind in ("gate_failed", "gate_passed"):
            key = run + event["gate"]
            old = self._gates.pop(key, [])
            if kind == "gate_failed":
                self._gates[key] = [(p["path"], p) for p in event["places"]]
            for path, _ in [*old, *self._gates.get(key, [])]:
                self._show(path)
        elif kind in ("run_completed", "run_cancelled"):
            for key in [k for k in self._gates if k.startswith(run)]:
                for path, _ in self._gates.pop(key):
                    self._show(path)

    async def _ask_again(self, api: EngineApi) -> None:
        """Asks that were open when NEXUS stopped."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in ("awaiting_approval", "paused"):
                detail = await api.execute("run", {"run_id": run["run_id"]})
                for ask in detail["asks"]:
                    self._spawn(self._ask(api, ask))

    async def _ask(self, api: EngineApi, ask: Json) -> None:
        if ask["ask_id"] in self._asked:
            return
        self._asked.add(ask["ask_id"])
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
        pages = self._pages(path)
        gone = self._marked.pop(path, frozenset()) - pages.keys()
        for uri in sorted(gone):
            self._server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))
        if pages:
            self._marked[path] = frozenset(pages)
        for uri, diagnostics in pages.items():
            document = self._server.workspace.opened(uri)
            self._server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, diagnostics, document.version if document else None)
            )
        self._refresh_lenses(path)

    def _refresh_lenses(self, path: str) -> None:
        """Editors ask for lenses when a text changes; a decision or a proposal has to be told."""
        desk, workspace = self._desk, self._server.client_capabilities.workspace
        lenses = workspace.code_lens if workspace else None
        if desk is None or not (lenses and lenses.refresh_support):
            return
        now = [(c["id"], c["status"]) for c in (*desk.pending(path), *desk.accepted(path))]
        if now != self._lensed.get(path, []):
            self._lensed[path] = now
            self._spawn(self._server.request(lsp.WORKSPACE_CODE_LENS_REFRESH, None))

    def _pages(self, path: str) -> dict[str, list[lsp.Diagnostic]]:
        """URI → what is marked there because of a file: on the file itself, and on previews."""
        pages: dict[str, list[lsp.Diagnostic]] = {}
        desk = self._desk
        lines, units = (desk.lines_of(path) if desk else []), self._server.units
        for change, place in self._placed(desk.pending(path)) if desk else ():
            placed = desk.placed(change["id"], path) if desk else None
            exact = marks.edit_range(placed, lines, units) if placed else None
            mark = marks.diagnostic(change, place, exact, self._names, self._related(change))
            pages.setdefault(self._page(change), []).append(mark)
        if found := self._gate_marks(path):
            pages.setdefault(self._uri(path), []).extend(found)
        return pages

    def _has_preview(self, change: Json) -> bool:
        return bool(self._preview_scheme) and change["kind"] == "create" and change["status"] == "pending"

    def _page(self, change: Json) -> str:
        """The document that a change shows on: its file, or its preview where the editor has one."""
        uri = self._uri(home(change))
        return preview_uri(self._preview_scheme, uri, change["id"]) if self._has_preview(change) else uri

    def _related(self, change: Json) -> list[lsp.DiagnosticRelatedInformation]:
        """The other waiting changes of the same task."""
        others = [
            (c, place)
            for c in (self._desk.changes.values() if self._desk else ())
            if c["status"] == "pending"
            and (c["run_id"], c["task_id"]) == (change["run_id"], change["task_id"])
            and c["id"] != change["id"]
            and (place := self._place(c)) is not None
        ]
        others.sort(key=lambda item: home(item[0]) != home(change))
        return [
            lsp.DiagnosticRelatedInformation(
                lsp.Location(self._page(c), place), marks.message(c, self._names)
            )
            for c, place in others[:MAX_RELATED]
        ]

    def _placed(self, changes: Sequence[Json]) -> list[tuple[Json, lsp.Range]]:
        """Changes of one file that have a place in it, from top to bottom."""
        found = [(c, place) for c in changes if (place := self._place(c)) is not None]
        return sorted(found, key=lambda item: (item[1].start.line, item[0]["line"]))

    def _decidable(self, uri: str) -> list[tuple[Json, lsp.Range]]:
        """Waiting and accepted changes that show on a document."""
        desk, path = self._desk, self._path(uri)
        if desk is None:
            return []
        if path is not None:
            shown = [*desk.pending(path), *desk.accepted(path)]
            return self._placed([c for c in shown if not self._has_preview(c)])
        change = desk.changes.get(previewed(self._preview_scheme, uri) or "")
        return self._placed([change]) if change and self._has_preview(change) else []

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
        uri, only = params.text_document.uri, params.context.only
        shown = self._decidable(uri)
        # a preview shows one change only: every line of it is that change's
        at_hand = [c for c, place in shown if self._has_preview(c) or _meet(place, params.range)]
        if only is not None and not at_hand and any(_asks_for_source(k) for k in only):
            at_hand = [c for c, _ in shown if c["status"] == "pending"]
        target = self._uri(home(at_hand[0])) if at_hand else uri
        found = marks.actions(at_hand, params.context.diagnostics, target, self._names)
        return [a for a in found if only is None or any(_kind_of(k, str(a.kind)) for k in only)]

    async def _code_lenses(self, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return marks.lenses(self._decidable(params.text_document.uri), self._names)

    async def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        here = lsp.Range(params.position, params.position)
        hit = [(c, place) for c, place in self._decidable(params.text_document.uri) if _meet(place, here)]
        if not hit:
            return None
        api = await self._ready()
        texts: list[str] = []
        for change, _ in hit:
            detail = await api.execute("run", {"run_id": change["run_id"]})
            gates = [g for g in detail["gates"] if g["task_id"] in change["task_ids"]]
            texts.append(marks.hover(change, self._names, marks.evidence(gates)))
        value = "\n\n---\n\n".join(texts)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, value), hit[0][1])


def _folder(uri: str) -> Path | None:
    from nexus_lsp.lsp.convert import file_of

    name = file_of(uri)
    return Path(name) if name else None


def _top(folder: Path) -> Path:
    """The git top level that a folder belongs to; the folder itself without git.

    In the editor's own spelling where that leads there: the marks of closed files stand on such URIs.
    """
    start = folder.resolve()
    top = next((d for d in (start, *start.parents) if (d / ".git").exists()), start)
    above = len(start.relative_to(top).parts)
    spelled = [folder, *folder.parents][above : above + 1]
    return spelled[0] if spelled and spelled[0].resolve() == top else top


def _settings_of(given: object) -> Json:
    """What the editor says of our section; null takes a setting back to its default."""
    return dict(cast("Json", given)) if isinstance(given, dict) else {}


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


def _asks_for_source(wanted: Any) -> bool:
    return _kind_of("source", str(getattr(wanted, "value", wanted)))


def _kind_of(wanted: Any, kind: str) -> bool:
    """Whether a code action of this kind is asked for: kinds are a tree."""
    text = str(getattr(wanted, "value", wanted))
    return not text or kind == text or kind.startswith(text + ".")
