"""Asks: questions of runs that wait for the user, put as message requests that block nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcMethodNotFound

from nexus_lsp.core.problems import Refused
from nexus_lsp.lsp.language_server import NexusLanguageServer

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

log = logging.getLogger(__name__)

Json = dict[str, Any]


class Asks:
    """The asks of one editor; each is put once.

    `editor_puts`: the editor said (`ownAsks` in its initialization options) that it shows them itself,
    from the events and the runs' snapshots, and answers with `nexus.answer`.
    """

    def __init__(self, server: NexusLanguageServer, names: Callable[[], Mapping[str, str]]) -> None:
        """`names` gives the personas' names by their ids."""
        self._server = server
        self._names = names
        self.editor_puts = False
        self._asked: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask_again(self, api: EngineApi) -> None:
        """Put the asks that were open when NEXUS stopped."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["asks_open"]:
                detail = await api.execute("run", {"run_id": run["run_id"]})
                for ask in detail["asks"]:
                    self.put(api, ask)

    def put(self, api: EngineApi, ask: Json) -> None:
        """Ask the user, and give the engine the answer when there is one."""
        if not self.editor_puts and ask["ask_id"] not in self._asked:
            self._asked.add(ask["ask_id"])
            self._spawn(self._put(api, ask))

    async def _put(self, api: EngineApi, ask: Json) -> None:
        items = [lsp.MessageActionItem(option) for option in ask["options"]]
        text = worded(ask, self._names())
        params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, text, items)
        try:
            chosen = await self._server.request(lsp.WINDOW_SHOW_MESSAGE_REQUEST, params)
        except JsonRpcMethodNotFound:  # Helix up to 25.07
            told = lsp.ShowMessageParams(
                lsp.MessageType.Info, f"{text} Answer by a code action, on any line."
            )
            self._server.window_show_message(told)
            return
        if chosen is not None:
            try:
                await api.execute("answer", {"ask_id": ask["ask_id"], "answer": chosen.title})
            except Refused as error:
                log.info("the answer came too late: %s", error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_logged)

    def close(self) -> None:
        """Nobody waits for answers any more."""
        for task in list(self._tasks):
            task.cancel()


def worded(ask: Json, names: Mapping[str, str]) -> str:
    """The question; an agent's own with who asks and what for."""
    if not ask["agent_id"]:
        return ask["question"]
    who = names.get(ask["agent_id"], ask["agent_id"])
    return f"{who} asks: {ask['question']} ({ask['why']})"


def _logged(done: asyncio.Task[None]) -> None:
    if not done.cancelled() and done.exception():
        log.error("an ask failed", exc_info=done.exception())
