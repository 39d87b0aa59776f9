"""The protocol: pygls's own, with its pitfalls answered (each has a test in `tests/lsp/test_pitfalls.py`).

Messages are read by `messages.parse` alone, requests that run are our own tasks by id, and every request
is answered exactly once.

**Invariant:** nothing a client sends raises out of `receive`, and no handler runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.uris import from_fs_path

from nexus_lsp.lsp.documents import Documents
from nexus_lsp.lsp.errors import CommandError, error_of, invalid_params
from nexus_lsp.lsp.framing import BadFrame
from nexus_lsp.lsp.messages import (
    CANCELLED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    ErrorReply,
    Malformed,
    MessageId,
    Notification,
    Reply,
    Request,
    parse,
)

if TYPE_CHECKING:
    from cattrs import Converter

    from nexus_lsp.lsp.language_server import NexusLanguageServer

_log = logging.getLogger(__name__)

Handler = Callable[..., Any]
Steps = Generator[tuple[Handler, tuple[Any, ...], dict[str, Any] | None], Any, Any]


class NexusProtocol(LanguageServerProtocol):
    """One editor's connection."""

    # As pygls narrows it itself: it is set once, in __init__.
    _server: NexusLanguageServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, server: NexusLanguageServer, converter: Converter):
        self._running: dict[MessageId, asyncio.Future[Any]] = {}
        self._told: set[asyncio.Future[Any]] = set()
        super().__init__(server, converter)
        registry: Any = self.fm
        self._builtin: dict[str, Handler] = registry.builtin_features
        self._features: dict[str, Handler] = registry.features
        self._commands: dict[str, Handler] = registry.commands
        self._options: dict[str, Any] = registry.feature_options

    @property
    def workspace(self) -> Documents:
        """The open documents; RuntimeError before `initialize`."""
        return cast(Documents, super().workspace)

    @property
    def is_shut_down(self) -> bool:
        """Whether `shutdown` was asked for."""
        return self._shutdown

    # --- incoming --------------------------------------------------------------------------------------

    def receive(self, body: bytes) -> None:
        """Take one message."""
        context = contextvars.copy_context()
        match parse(body):
            case Request() as request:
                context.run(self._on_request, request)
            case Notification() as notification:
                context.run(self._on_notification, notification)
            case Reply() | ErrorReply() as reply:
                self._on_reply(reply)
            case Malformed(msg_id, code, why):
                self._refuse(msg_id, code, why)

    def complain(self, frame: BadFrame) -> None:
        """Answer a place in the stream that made no sense."""
        self._refuse(None, INVALID_REQUEST, frame.why)

    def _on_request(self, request: Request) -> None:
        self._ctx_msg_id.set(request.id)
        try:
            self._check_time(request)
            handler = self._find(request.method)
            outcome = self._call(handler, self._params(request))
        except Exception as error:
            self._send_response(request.id, error=error_of(_name(request), error))
            return
        if not inspect.isawaitable(outcome):
            self._send_response(request.id, outcome)
            return
        task = asyncio.ensure_future(outcome)
        self._running[request.id] = task
        task.add_done_callback(partial(self._answer, request))

    def _on_notification(self, notification: Notification) -> None:
        method = notification.method
        if method == types.CANCEL_REQUEST:
            self._cancel(notification.params)
            return
        if method != types.EXIT and (self._shutdown or self._workspace is None):
            _log.debug("%s was ignored: it came before `initialize` or after `shutdown`.", method)
            return
        try:
            outcome = self._call(self._find(method), self._params(notification))
        except CommandError as error:
            level = logging.DEBUG if error.code == METHOD_NOT_FOUND else logging.WARNING
            _log.log(level, "A notification was ignored: %s", error)
        except Exception:
            _log.exception("%s failed", method)
        else:
            if inspect.isawaitable(outcome):
                self._follow(method, asyncio.ensure_future(outcome))

    def _on_reply(self, reply: Reply | ErrorReply) -> None:
        """Settle our request; its asker may have given it up meanwhile (#621)."""
        if reply.id is None:
            _log.warning("The client could not read a message: %s", getattr(reply, "message", ""))
            return
        future = self._request_futures.pop(reply.id, None)
        result_type = self._result_types.pop(reply.id, None)
        if future is None or future.done():
            _log.debug("A reply came that nobody waits for.")
        elif isinstance(reply, ErrorReply):
            error = types.ResponseError(reply.code, reply.message, reply.data)
            future.set_exception(JsonRpcException.from_error(error))
        else:
            try:
                future.set_result(self._result(reply, result_type))
            except Exception as error:
                future.set_exception(invalid_params("The client's reply", error))

    def _check_time(self, request: Request) -> None:
        """CommandError where this request cannot be answered now."""
        if self._shutdown:
            raise CommandError(INVALID_REQUEST, "The server is shutting down: only `exit` may follow.")
        if self._workspace is None and request.method != types.INITIALIZE:
            raise CommandError(NOT_INITIALIZED, "Send `initialize` first.")
        if self._workspace is not None and request.method == types.INITIALIZE:
            raise CommandError(INVALID_REQUEST, "`initialize` was already sent.")
        if request.id in self._running:
            raise CommandError(INVALID_REQUEST, f"The request with id {request.id!r} still runs.")

    def _find(self, method: str) -> Handler:
        handler = self._builtin.get(method) or self._features.get(method)
        if handler is None:
            raise CommandError(METHOD_NOT_FOUND, f"NEXUS does not know the method {method}.")
        return handler

    def _params(self, call: Request | Notification) -> Any:
        """The parameters as lsprotocol types them; plain JSON for methods that are ours."""
        params: Any = {} if call.params is None else call.params
        if not isinstance(params, dict):
            raise CommandError(INVALID_PARAMS, f"{call.method}: `params` must be an object.")
        known = types.METHOD_TO_TYPES.get(call.method)
        if known is None:
            return cast(dict[str, Any], params)
        if known[2] is None:
            return None
        try:
            return self._converter.structure(params, known[2])
        except Exception as error:
            raise invalid_params(call.method, error) from None

    def _result(self, reply: Reply, result_type: type[Any] | None) -> Any:
        if result_type is None:
            return reply.result
        whole = {"jsonrpc": self.VERSION, "id": reply.id, "result": reply.result}
        return self._converter.structure(whole, result_type).result

    # --- running ---------------------------------------------------------------------------------------

    def _call(self, handler: Handler, params: Any) -> Any:
        """The handler's result, or an awaitable of it; what is not async has run when this returns."""
        outcome = handler(params)
        return _advance(cast(Steps, outcome), None) if inspect.isgenerator(outcome) else outcome

    def _answer(self, request: Request, task: asyncio.Future[Any]) -> None:
        self._running.pop(request.id, None)
        if task.cancelled():
            self._refuse(request.id, CANCELLED, f"{_name(request)} was cancelled.")
        elif (error := task.exception()) is not None:
            self._send_response(request.id, error=error_of(_name(request), error))
        else:
            self._send_response(request.id, task.result())

    def _follow(self, method: str, task: asyncio.Future[Any]) -> None:
        """Hold an async notification handler until it is done, and log how it failed."""

        def done(task: asyncio.Future[Any]) -> None:
            self._told.discard(task)
            if not task.cancelled() and (error := task.exception()):
                _log.error("%s failed", method, exc_info=error)

        self._told.add(task)
        task.add_done_callback(done)

    def _cancel(self, params: Any) -> None:
        """`$/cancelRequest`: the handler's own coroutine is cancelled (#517)."""
        wanted = cast(dict[str, Any], params).get("id") if isinstance(params, dict) else None
        task = self._running.get(wanted) if isinstance(wanted, int | str) else None
        if task is not None:
            task.cancel()

    def _give_up(self) -> None:
        """Cancel what runs for the client, and what we wait for from it (#606)."""
        for task in list(self._running.values()):
            task.cancel()
        for future in list(self._request_futures.values()):
            future.cancel()

    async def finish(self, seconds: float) -> None:
        """Give up what runs, but let the answer to `shutdown`, and those to cancelled requests, go out."""
        if not self._shutdown:
            self._give_up()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        await asyncio.sleep(0)  # the answers are sent by the tasks' callbacks

    # --- outgoing --------------------------------------------------------------------------------------

    def _refuse(self, msg_id: MessageId | None, code: int, why: str) -> None:
        self._send_response(cast(MessageId, msg_id), error=types.ResponseError(code, why))

    def _send_response(
        self, msg_id: MessageId, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        answer: dict[str, Any] = {"jsonrpc": self.VERSION, "id": msg_id}
        try:
            self._send_data(answer | ({"result": result} if error is None else {"error": error}))
        except Exception as fault:
            _log.error("An answer cannot be sent", exc_info=fault)
            broken = {
                "code": INTERNAL_ERROR,
                "message": "NEXUS made an answer that is not JSON; see its log.",
            }
            self._send_data(answer | {"error": broken})

    def _send_data(self, data: Any) -> None:
        """Send one message. Raises TypeError or ValueError for what JSON cannot hold."""
        if self.writer is None:
            _log.debug("A message was dropped: no editor is connected.")
            return
        self.send_body(self.encoded(data))

    def encoded(self, data: Any) -> str:
        """JSON, in ASCII. Raises TypeError or ValueError for what JSON cannot hold."""
        return json.dumps(data, default=self._serialize_message, allow_nan=False, separators=(",", ":"))

    def send_body(self, body: str) -> None:
        """Send a message that is encoded already: a long one bit by bit, so that nobody waits for it."""
        if self.writer is not None:
            self.writer.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii"))

    def _serialize_message(self, data: Any) -> Any:
        plain = self._converter.unstructure(data)
        if plain is data:
            raise TypeError(f"{type(data).__name__} is not JSON")
        return plain

    # --- what pygls does differently -------------------------------------------------------------------

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """As pygls, with our documents, without logging what may be secret, and watching the editor."""
        self.client_capabilities = params.capabilities
        encoding = ServerCapabilitiesBuilder.choose_position_encoding(params.capabilities)
        root = params.root_uri or (from_fs_path(params.root_path) if params.root_path else None)
        self._workspace = Documents(root, self._server.sync_kind, params.workspace_folders or [], encoding)
        self._server.process_id = params.process_id
        self._server.watch_editor()
        if (handler := self._features.get(types.INITIALIZE)) is not None:
            yield handler, (params,), None
        self.server_capabilities = ServerCapabilitiesBuilder(
            self.client_capabilities,
            {*self._features, *self._builtin},
            self._options,
            list(self._commands),
            self._server.sync_kind,
            None,
            encoding,
        ).build()
        content = self._options.get(types.WORKSPACE_TEXT_DOCUMENT_CONTENT)
        if isinstance(content, types.TextDocumentContentOptions) and self.server_capabilities.workspace:
            self.server_capabilities.workspace.text_document_content = content  # pygls does not know it
        return types.InitializeResult(self.server_capabilities, self.server_info)

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """Cancel what runs, clean up, answer; the clean-up's time is bounded (`CLEANUP_SECONDS`)."""
        self._shutdown = True
        self._give_up()
        yield self._server.clean_up, (), None

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """0 after `shutdown`, 1 without (LSP 3.17)."""
        yield self._server.end_of_stream, (), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(
        self, params: types.DidChangeTextDocumentParams
    ) -> Generator[Any, Any, None]:
        """Changes that do not fit the open documents reach no handler."""
        if not self.workspace.change(params):
            return
        if (handler := self._features.get(types.TEXT_DOCUMENT_DID_CHANGE)) is not None:
            yield handler, (params,), None

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:
        """Call the command with its one object, `{}` where none was given."""
        handler = self._commands.get(params.command)
        if handler is None:
            known = ", ".join(sorted(self._commands))
            raise CommandError(
                INVALID_PARAMS, f"There is no command {params.command!r}; use one of: {known}."
            )
        return handler(_one_object(params))


def _name(request: Request) -> str:
    """What was asked for: the command's name, or the method's."""
    params: Any = request.params
    if request.method == types.WORKSPACE_EXECUTE_COMMAND and isinstance(params, dict):
        return str(cast(dict[str, Any], params).get("command"))
    return request.method


NO_ARGUMENT: dict[str, Any] = {}
"""What a command is given, as this very object, where it was called without an argument: from a picker."""


def _one_object(params: types.ExecuteCommandParams) -> dict[str, Any]:
    arguments: list[Any] = list(params.arguments or [])
    if len(arguments) > 1 or not all(isinstance(each, dict) for each in arguments):
        raise CommandError(
            INVALID_PARAMS, f"{params.command} takes one object as its only argument: `[{{…}}]`, or none."
        )
    return arguments[0] if arguments else NO_ARGUMENT


def _advance(steps: Steps, value: Any) -> Any:
    """Drive a built-in handler, which yields the user's; goes async only where that one is."""
    while True:
        try:
            handler, args, kwargs = steps.send(value)
        except StopIteration as end:
            return end.value
        value = handler(*args, **(kwargs or {}))
        if inspect.isawaitable(value):
            return _await_then_advance(steps, value)


async def _await_then_advance(steps: Steps, pending: Awaitable[Any]) -> Any:
    outcome = _advance(steps, await pending)
    return await outcome if inspect.isawaitable(outcome) else outcome
