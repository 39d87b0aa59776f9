"""The language server that features and commands are registered on; what it can do is in `server.py`.

Three things happen at its end, whatever ends it (`exit`, end of input, a signal, the editor's death):
running requests are given up, the clean-up hooks run, and the process goes, all within `EXIT_SECONDS`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar, cast

from lsprotocol.converters import get_converter
from lsprotocol.types import EXIT, SHUTDOWN, TextDocumentSyncKind
from pygls.lsp.server import LanguageServer

from nexus_lsp.core.text import Units
from nexus_lsp.lsp.documents import Documents
from nexus_lsp.lsp.parent import watch_process
from nexus_lsp.lsp.protocol import NexusProtocol

_log = logging.getLogger(__name__)

CLEANUP_SECONDS = 1.5
"""How long the clean-up hooks may take together: clients kill a server two seconds after `shutdown`."""

Hook = Callable[[], Awaitable[None]]
_H = TypeVar("_H", bound=Hook)
_F = TypeVar("_F", bound=Callable[..., Any])


class NexusLanguageServer(LanguageServer):
    """One face of the engine, for one editor over stdio.

    Attributes:
        sync_kind: documents are synchronised by incremental changes.
    """

    # As pygls narrows it itself, further down: it is set once, in __init__.
    protocol: NexusProtocol  # pyright: ignore[reportIncompatibleVariableOverride]
    sync_kind = TextDocumentSyncKind.Incremental

    def __init__(self, name: str, version: str):
        # pygls logs `initialize` and every body it sends, and with them whatever secrets they hold.
        logging.getLogger("pygls").setLevel(logging.CRITICAL)
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            name,
            version,
            self.sync_kind,
            protocol_cls=NexusProtocol,
            converter_factory=get_converter,
        )
        self._hooks: list[Hook] = []
        self._cleaning: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[int] | None = None

    @property
    def workspace(self) -> Documents:
        """The open documents; RuntimeError before `initialize`."""
        return self.protocol.workspace

    @property
    def units(self) -> Units:
        """What this editor counts as one character, as agreed in `initialize`."""
        return self.workspace.units

    def notify(self, method: str, params: Any) -> None:
        """Send a notification; a plain dict goes out as it is."""
        self.protocol.notify(method, params)

    async def request(self, method: str, params: Any) -> Any:
        """Send a request and wait for its result; JsonRpcException where the client could not do it.

        A reply that comes after the waiting was cancelled is dropped; `asyncio.shield` keeps it.
        """
        return await self.protocol.send_request_async(method, params)

    def feature(self, feature_name: str, options: Any | None = None) -> Callable[[_F], _F]:
        """Register a handler for a method."""
        if feature_name in (SHUTDOWN, EXIT):
            raise ValueError(f"Use `on_close` in place of a handler for {feature_name}.")
        return cast(Callable[[_F], _F], super().feature(feature_name, options))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Into the log: a popup is no answer."""
        _log.error("%s", error, exc_info=error)

    # --- the end ---------------------------------------------------------------------------------------

    def on_close(self, hook: _H) -> _H:
        """Register an async function that runs once, at the end; all hooks run at the same time."""
        self._hooks.append(hook)
        return hook

    async def clean_up(self) -> None:
        """Run the hooks, once; a later call waits for the first. Returns after `CLEANUP_SECONDS` at most."""
        if self._cleaning is None:
            self._cleaning = asyncio.ensure_future(self._run_hooks())
        await asyncio.shield(self._cleaning)

    async def _run_hooks(self) -> None:
        hooks = [asyncio.ensure_future(_guarded(hook)) for hook in self._hooks]
        if not hooks:
            return
        _, late = await asyncio.wait(hooks, timeout=CLEANUP_SECONDS)
        for hook in late:
            _log.warning("Clean-up was broken off after %s s.", CLEANUP_SECONDS)
            hook.cancel()

    def begin(self) -> asyncio.Future[int]:
        """Called when serving starts; the exit code, once something ends the server."""
        self._ended = asyncio.get_running_loop().create_future()
        return self._ended

    def end(self, code: int) -> None:
        """End the server with this exit code; only the first call counts."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    def end_of_stream(self) -> None:
        """Nothing more will come from the editor: that is fine only after `shutdown`."""
        self.end(0 if self.protocol.is_shut_down else 1)

    def watch_editor(self) -> None:
        """End when the process that `initialize` named is gone."""
        if self.process_id is not None:
            watch_process(self.process_id, self.end_of_stream)

    # --- what NEXUS never does -------------------------------------------------------------------------

    def thread(self) -> NoReturn:
        """Thread handlers share the reader's pool in pygls: a few long ones freeze the server."""
        raise NotImplementedError("Write an async handler; `asyncio.to_thread` takes what blocks.")

    def start_tcp(self, host: str, port: int) -> NoReturn:
        """There is no authentication on it: any local process could run commands."""
        raise NotImplementedError("NEXUS serves stdio only.")

    def start_ws(self, host: str, port: int) -> NoReturn:
        """There is no Origin check on it: any web page could run commands."""
        raise NotImplementedError("NEXUS serves stdio only.")


def create_server(name: str, version: str) -> NexusLanguageServer:
    """A server without features; see `stdio.serve_stdio` for running it."""
    return NexusLanguageServer(name, version)


async def _guarded(hook: Hook) -> None:
    try:
        await hook()
    except Exception:
        _log.exception("A clean-up hook failed")
