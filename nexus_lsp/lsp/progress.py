"""Progress: one cancellable work-done token a run, made by the server; it ends when the work is done."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.ports import EngineApi

log = logging.getLogger(__name__)

Json = dict[str, Any]
ENDS = {
    "run_ready": "ready for review",
    "run_completed": "completed",
    "run_failed": "failed",
    "run_cancelled": "cancelled",
}
AT_WORK = ("pending", "awaiting_approval", "in_progress", "paused")


class RunProgress:
    """The tokens of one editor's runs."""

    def __init__(self, server: NexusLanguageServer, cancel: Callable[[str], Awaitable[None]]) -> None:
        self._server = server
        self._cancel = cancel
        self._tokens: dict[str, str] = {}
        self._titles: dict[str, dict[str, str]] = {}
        self._done: dict[str, set[str]] = {}

    async def resume(self, api: EngineApi) -> None:
        """Tokens for runs that are at work already."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in AT_WORK:
                await self._begin(run["run_id"], run["request"])

    async def hear(self, event: Json, names: Mapping[str, str]) -> None:
        """Say what an event means for its run's progress."""
        run_id, kind = event["run_id"], event["type"]
        if kind == "run_started":
            await self._begin(run_id, event["request"])
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
        elif kind in ("task_completed", "task_failed", "task_cancelled"):
            self._done.setdefault(run_id, set()).add(event["task_id"])
            self._report(run_id, self._titles.get(run_id, {}).get(event["task_id"], "") + " is done")

    async def _begin(self, run_id: str, request: str) -> None:
        window = self._server.client_capabilities.window
        if run_id in self._tokens or not (window and window.work_done_progress):
            return
        token = f"nexus/{run_id}"
        try:
            await self._server.request(
                lsp.WINDOW_WORK_DONE_PROGRESS_CREATE, lsp.WorkDoneProgressCreateParams(token)
            )
        except Exception:
            log.warning("the editor shows no progress")
            return
        self._tokens[run_id] = token
        title = " ".join(request.split())
        title = f"NEXUS: {title if len(title) <= 60 else title[:59] + '…'}"
        begin = lsp.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0)
        self._server.notify(lsp.PROGRESS, lsp.ProgressParams(token, begin))

    def _report(self, run_id: str, message: str) -> None:
        token = self._tokens.get(run_id)
        if token is None:
            return
        done, total = len(self._done.get(run_id, ())), len(self._titles.get(run_id, ()))
        counted = f" ({done} of {total} tasks)" if total else ""
        percent = int(100 * done / total) if total else None
        report = lsp.WorkDoneProgressReport(message=message + counted, percentage=percent, cancellable=True)
        self._server.notify(lsp.PROGRESS, lsp.ProgressParams(token, report))

    def _end(self, run_id: str, message: str) -> None:
        token = self._tokens.pop(run_id, None)
        self._titles.pop(run_id, None)
        self._done.pop(run_id, None)
        if token is not None:
            self._server.notify(
                lsp.PROGRESS, lsp.ProgressParams(token, lsp.WorkDoneProgressEnd(message=message))
            )

    def cancelled(self, token: Any) -> None:
        """The user pressed cancel."""
        import asyncio

        for run_id, mine in self._tokens.items():
            if mine == token:
                self._task = asyncio.ensure_future(self._cancel(run_id))
