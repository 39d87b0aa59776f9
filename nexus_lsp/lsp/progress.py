"""Progress: one cancellable work-done token a run, made by the server; it ends when the work is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.lsp.language_server import NexusLanguageServer

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

log = logging.getLogger(__name__)

Json = dict[str, Any]
ENDS = {
    "run_ready": "ready for review",
    "run_completed": "completed",
    "run_failed": "failed",
    "run_cancelled": "cancelled",
}
ENDED = ("completed", "failed", "cancelled")
AT_WORK = ("pending", "awaiting_approval", "in_progress", "paused")


class RunProgress:
    """The tokens of one editor's runs."""

    def __init__(
        self, server: NexusLanguageServer, cancel: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        self._server = server
        self._cancel = cancel
        self._tokens: dict[str, str] = {}
        self._made: dict[str, int] = {}
        """Run → how many tokens it had."""
        self._begun: set[str] = set()
        self._last: dict[str, lsp.WorkDoneProgressReport] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._titles: dict[str, dict[str, str]] = {}
        self._done: dict[str, set[str]] = {}
        self._asking: dict[str, dict[str, str]] = {}
        """By run and open question of an agent, who asks."""
        self._api: EngineApi | None = None

    async def resume(self, api: EngineApi) -> None:
        """Tokens for runs that are at work already."""
        self._api = api
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in AT_WORK:
                await self._take_up(api, run["run_id"])

    async def _take_up(self, api: EngineApi, run_id: str) -> None:
        """A token for a run that was begun before, if it is at work."""
        run = await api.execute("run", {"run_id": run_id})
        if run["status"] in AT_WORK:
            self._begin(run_id, run["request"])
            self._titles[run_id] = {t["task_id"]: t["title"] for t in run["tasks"]}
            self._done[run_id] = {t["task_id"] for t in run["tasks"] if t["status"] in ENDED}

    def hear(self, event: Json, names: Mapping[str, str]) -> None:
        """Say what an event means for its run's progress."""
        run_id, kind = event["run_id"], event["type"]
        if kind in ("run_started", *ENDS) and not self._shown:
            self._tell(event)
        if kind == "run_started":
            self._begin(run_id, event["request"])
            self._report(run_id, f"team: {event['team']} ({event['team_why']})")
        elif kind in ENDS:
            self._end(run_id, event.get("summary") or event.get("reason") or ENDS[kind])
        elif kind == "plan_approved":
            self._titles[run_id] = {t["id"]: t["title"] for t in event["plan"]["tasks"]}
            self._report(run_id, event["plan"]["summary"])
        elif kind in ("task_started", "task_progress"):
            who = names.get(event["agent_id"], event["agent_id"])
            what = event.get("message") or self._titles.get(run_id, {}).get(event["task_id"], "")
            self._report(run_id, f"{who}: {what}")
        elif kind in ("ask_opened", "ask_answered"):
            self._hear_ask(event, names)
        elif kind in ("task_completed", "task_failed", "task_cancelled"):
            self._done.setdefault(run_id, set()).add(event["task_id"])
            self._report(run_id, self._titles.get(run_id, {}).get(event["task_id"], "") + " is done")
        elif kind == "task_repair":
            self._done.get(run_id, set[str]()).discard(event["task_id"])
            if event["cause"] == "user" and run_id not in self._tokens and self._api:
                self._spawn(self._take_up(self._api, run_id))

    def _hear_ask(self, event: Json, names: Mapping[str, str]) -> None:
        """An agent that waits for the user does not do what it said last."""
        run_id, asking = event["run_id"], self._asking.setdefault(event["run_id"], {})
        if event["type"] == "ask_opened" and event["agent_id"]:
            asking[event["ask_id"]] = names.get(event["agent_id"], event["agent_id"])
            self._report(run_id, f"{asking[event['ask_id']]} asks you: {_short(event['question'])}")
        elif event["type"] == "ask_answered" and (who := asking.pop(event["ask_id"], "")):
            waiting = next(iter(asking.values()), "")
            self._report(run_id, f"{waiting} waits for your answer" if waiting else f"{who} goes on")

    @property
    def _shown(self) -> bool:
        window = self._server.client_capabilities.window
        return bool(window and window.work_done_progress)

    def _tell(self, event: Json) -> None:
        """Beginning and end as messages, for an editor that shows no progress."""
        told = event.get("summary") or event.get("reason") or ENDS.get(event["type"], "")
        text = f"the team is at work: {_short(event['request'])}" if "request" in event else told
        self._server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, f"NEXUS: {text}"))

    def _begin(self, run_id: str, request: str) -> None:
        if run_id in self._tokens or not self._shown:
            return
        # one that was ended is never used again
        again = self._made.get(run_id, 0)
        self._made[run_id] = again + 1
        self._tokens[run_id] = f"nexus/{run_id}" + (f"/{again + 1}" if again else "")
        self._spawn(self._create(run_id, f"NEXUS: {_short(request)}"))

    async def _create(self, run_id: str, title: str) -> None:
        """Ask for the token; an editor may take its time, and nothing else waits for that."""
        token = self._tokens[run_id]
        try:
            await self._server.request(
                lsp.WINDOW_WORK_DONE_PROGRESS_CREATE, lsp.WorkDoneProgressCreateParams(token)
            )
        except Exception:
            log.warning("the editor shows no progress")
            if self._tokens.get(run_id) == token:
                self._forget(run_id)
            return
        if self._tokens.get(run_id) != token:
            return
        self._begun.add(run_id)
        self._say(token, lsp.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0))
        if run_id in self._last:
            self._say(token, self._last[run_id])

    def _say(
        self,
        token: str,
        value: lsp.WorkDoneProgressBegin | lsp.WorkDoneProgressReport | lsp.WorkDoneProgressEnd,
    ) -> None:
        self._server.notify(lsp.PROGRESS, lsp.ProgressParams(token, value))

    def _forget(self, run_id: str) -> None:
        self._begun.discard(run_id)
        for kept in (self._tokens, self._last, self._titles, self._done, self._asking):
            kept.pop(run_id, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, run_id: str, message: str) -> None:
        token = self._tokens.get(run_id)
        if token is None:
            return
        done, total = len(self._done.get(run_id, ())), len(self._titles.get(run_id, ()))
        counted = f" ({done} of {total} tasks)" if total else ""
        percent = int(100 * done / total) if total else None
        report = lsp.WorkDoneProgressReport(message=message + counted, percentage=percent, cancellable=True)
        self._last[run_id] = report
        if run_id in self._begun:
            self._say(token, report)

    def _end(self, run_id: str, message: str) -> None:
        token, begun = self._tokens.get(run_id), run_id in self._begun
        self._forget(run_id)
        if token is not None and begun:
            self._say(token, lsp.WorkDoneProgressEnd(message=message))

    def cancelled(self, token: Any) -> None:
        """The user pressed cancel."""
        for run_id, mine in self._tokens.items():
            if mine == token:
                self._spawn(self._cancel(run_id))


def _short(request: str) -> str:
    title = " ".join(request.split())
    return title if len(title) <= 60 else title[:59] + "…"
