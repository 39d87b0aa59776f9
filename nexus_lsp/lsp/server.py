"""The language server: commands, documents, review marks and progress over one engine.

Handlers of notifications are plain functions that only enqueue; everything that waits runs in tasks of its
own. The engine is opened after `initialized`, so that `initialize` answers before anything heavy is imported.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types as lsp

from nexus_lsp import __version__
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.settings import Settings, settings_from
from nexus_lsp.lsp import marks, offers
from nexus_lsp.lsp.asks import Asks
from nexus_lsp.lsp.bare import Bare
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.following import RENAMINGS, Following
from nexus_lsp.lsp.hovering import Hovers
from nexus_lsp.lsp.language_server import NexusLanguageServer, create_server
from nexus_lsp.lsp.offering import Offering
from nexus_lsp.lsp.progress import RunProgress
from nexus_lsp.lsp.proposed import OPTIONS, Proposed
from nexus_lsp.lsp.protocol import NO_ARGUMENT
from nexus_lsp.lsp.publishing import Publisher
from nexus_lsp.lsp.showing import Showing, folder_of, top_of
from nexus_lsp.lsp.stdio import serve_stdio
from nexus_lsp.lsp.translate import answer_out, argument_in, event_out, in_wire_words

if TYPE_CHECKING:
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
    "run.messages",
    "agents",
    "review.list",
    "review.accept",
    "review.reject",
    "review.undo",
    "review.resolve",
    "review.revise",
    "review.commit",
    "review.branch",
    "review.why",
    "review.preview",
    "answer",
    "message.send",
    "memory.search",
    "memory.export",
    "memory.forget",
)
MOST_EVENTS = 200
"""Events told in one go; then commands have their turn."""


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
        self._options: Json = {}
        self._pushed: Json = {}
        self._showing = Showing(server)
        self._publisher = Publisher(server, self._showing)
        self._following = Following(server, self._showing, self._tell, self._spawn)
        self._hovers = Hovers(self._showing, self._ready)
        self._offers = offers.Offers()
        self._offering = Offering(server, self._showing, self._offers)
        self._bare = Bare(server, self._execute_wire)
        self._proposed = Proposed(server, self._showing, self._ready)
        self._asks = Asks(server, lambda: self._showing.names)
        self._progress = RunProgress(server, self._cancel_run)
        self._events: asyncio.Queue[Json] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- registration --------------------------------------------------------------------------------

    def register(self) -> None:
        """Put every handler on the server."""
        server = self._server
        for method, handler in (
            (lsp.INITIALIZE, self._on_initialize),
            (lsp.INITIALIZED, self._on_initialized),
            (lsp.TEXT_DOCUMENT_DID_OPEN, self._following.opened),
            (lsp.TEXT_DOCUMENT_DID_CHANGE, self._following.changed),
            (lsp.TEXT_DOCUMENT_DID_SAVE, self._following.saved),
            (lsp.TEXT_DOCUMENT_DID_CLOSE, self._following.closed),
            (lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, self._on_configuration),
            (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._following.watched),
            (lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL, self._on_progress_cancel),
            (lsp.TEXT_DOCUMENT_CODE_LENS, self._offering.lenses),
            (lsp.TEXT_DOCUMENT_HOVER, self._hovers.at),
            ("nexus/events", self._on_events),
        ):
            # pygls puts attributes on a handler, which a bound method does not take
            server.feature(method)(partial(handler))
        server.feature(lsp.WORKSPACE_DID_RENAME_FILES, RENAMINGS)(partial(self._following.renamed))
        kinds = lsp.CodeActionOptions(code_action_kinds=[*marks.KINDS, *offers.KINDS])
        server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)(partial(self._offering.actions))
        server.feature(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT, OPTIONS)(partial(self._proposed.content))
        for name in COMMANDS:
            server.command(f"nexus.{name}")(self._command(name))
        server.on_close(self._end)

    def _command(self, name: str) -> Callable[[Json], Coroutine[Any, Any, Json]]:
        async def run(argument: Json) -> Json:
            bare = argument is NO_ARGUMENT
            return await (self._bare.run(name) if bare else self._execute_wire(name, argument))

        return run

    # --- life ----------------------------------------------------------------------------------------

    def _on_initialize(self, params: lsp.InitializeParams) -> None:
        options: Any = params.initialization_options
        self._options = dict(cast("Json", options)) if isinstance(options, dict) else {}
        self._showing.preview_scheme = str(self._options.get("previewScheme") or "")
        self._offering.revise = str(self._options.get("reviseCommand") or "")
        self._asks.editor_puts = self._offers.off = self._options.get("ownAsks") is True
        folders = params.workspace_folders or ()
        uri = folders[0].uri if folders else params.root_uri
        root = folder_of(uri) if uri else (Path(params.root_path) if params.root_path else None)
        self._showing.root = root

    def _on_initialized(self, _params: Any) -> None:
        self._api = asyncio.ensure_future(self._open())
        self._api.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _open(self) -> EngineApi:
        showing = self._showing
        if showing.root is None:
            raise Refused("NEXUS works on a folder: open one in the editor first.")
        from nexus_lsp.lsp.editor import Editor

        # the editor shows the marks of files by its own spelling of the root
        root = showing.root = await asyncio.to_thread(top_of, showing.root)
        editor = Editor(self._server, root)
        try:
            api = await self._connect(root, await self._read_settings(), editor)
        except Exception as error:
            self._server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"NEXUS: {error}"))
            raise
        showing.editor = editor
        desk = editor.desk = showing.desk = Desk(root, api.execute, self._show)
        editor.on_late = lambda ids, put: self._tell_soon("review.carried", ids, applied=put)
        editor.on_late_undo = lambda ids, _: self._tell_soon("review.reopen", ids)
        api.listen(self._events.put_nowait)
        self._spawn(self._follow(api, desk))
        showing.names = {a["agent_id"]: a["name"] for a in (await api.execute("agents", {}))["agents"]}
        for document in self._server.workspace.text_documents.values():
            path = showing.path(document.uri)
            if path:
                desk.opened(path, document.source)
                editor.moments.note(path, document.source)
        await desk.reload()
        await self._progress.resume(api)
        await self._publisher.foreseen.resume(api)
        await self._asks.ask_again(api)
        await self._offers.resume(api)
        gc.freeze()  # what is loaded by now stays: to look through it again would hold up a key for long
        return api

    def _show(self, path: str) -> None:
        self._publisher.show(path)
        self._proposed.stir(path)

    async def _ready(self) -> EngineApi:
        if self._api is None:
            raise Refused("NEXUS is not ready: the editor has not said `initialized` yet.")
        return await asyncio.shield(self._api)

    async def _end(self) -> None:
        self._publisher.close()
        self._proposed.close()
        self._asks.close()
        for task in list(self._tasks):
            task.cancel()
        if self._showing.desk:
            self._showing.desk.close()
        if self._api and self._api.done() and not self._api.cancelled() and not self._api.exception():
            await self._api.result().close()
        elif self._api:
            self._api.cancel()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_logged)

    def _tell_soon(self, operation: str, ids: Iterable[str], **more: Json) -> None:
        self._spawn(self._tell(operation, {"change_ids": list(ids), **more}))

    async def _tell(self, operation: str, argument: Json) -> None:
        await (await self._ready()).execute(operation, argument)

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
        if name == "review.preview":
            return await self._proposed.preview(argument_in(argument, self._showing.path))
        answer = await self._asked_of(name, argument)
        if name == "review.list":
            self._showing.put_ranges(answer["changes"])
        return answer if name == "agents" else answer_out(answer, self._showing.uri)

    async def _asked_of(self, operation: str, argument: Json) -> Json:
        """The engine's answer to what came over this wire."""
        api = await self._ready()
        try:
            return await api.execute(operation, argument_in(argument, self._showing.path))
        except InvalidArgument as error:
            raise InvalidArgument(in_wire_words(str(error))) from error

    async def _on_events(self, params: Json) -> Json:
        answer = await self._asked_of("events", params)
        return {"events": [event_out(event, self._showing.uri) for event in answer["events"]]}

    async def _cancel_run(self, run_id: str) -> None:
        api = await self._ready()
        try:
            await api.execute("run.cancel", {"run_id": run_id})
        except Refused:
            log.info("run %s was over before it could be cancelled", run_id)

    def _on_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> None:
        self._progress.cancelled(params.token)

    # --- events --------------------------------------------------------------------------------------

    async def _follow(self, api: EngineApi, desk: Desk) -> None:
        """Events of the engine: each to the editor and its progress, then all at hand to the desk."""
        while True:
            events = [await self._events.get()]
            while len(events) < MOST_EVENTS and not self._events.empty():
                events.append(self._events.get_nowait())
            for event in events:
                try:
                    self._hear(api, desk, event)
                except Exception:
                    log.exception("event %s could not be shown", event["type"])
            try:
                await desk.hear(event for event in events if "seq" in event)
            except Refused as error:
                log.warning("what happened to the changes is not known: %s", error)
            except Exception:
                log.exception("what happened to the changes could not be shown")
            await asyncio.sleep(0)

    def _hear(self, api: EngineApi, desk: Desk, event: Json) -> None:
        if event["type"] == "disk_changed":
            self._following.disk_changed(event["paths"])
            return
        if "seq" not in event:
            return
        if event["type"] == "file_moved":
            self._following.moved(event["old_path"], event["path"])
        self._server.notify("nexus/event", event_out(event, self._showing.uri))
        self._publisher.note_gate(event)
        self._publisher.foreseen.hear(event)
        self._progress.hear(event, self._showing.names)
        self._offers.hear(event)
        if event["type"] == "ask_opened":
            self._asks.put(api, event)


def _settings_of(given: object) -> Json:
    """What the editor says of our section; null takes a setting back to its default."""
    return dict(cast("Json", given)) if isinstance(given, dict) else {}


def _logged(done: asyncio.Task[Any]) -> None:
    if not done.cancelled() and done.exception():
        log.error("a task failed", exc_info=done.exception())
