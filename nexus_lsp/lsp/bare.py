"""Commands called without an argument: from a picker of an editor that shows neither answers nor errors.

What is meant is found out or asked (`window/showMessageRequest`), and what came of it is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.marks import shortened
from nexus_lsp.lsp.progress import AT_WORK

Json = dict[str, Any]
Execute = Callable[[str, Json], Awaitable[Json]]

OF_RUN: dict[str, tuple[str, ...]] = {
    "plan.approve": ("awaiting_approval",),
    "plan.reject": ("awaiting_approval",),
    "run.cancel": AT_WORK,
    "run.pause": ("pending", "in_progress"),
    "run.resume": ("paused",),
    "run.retry": ("ready", "failed", "cancelled"),
}
"""Commands on one run → the runs that they can be meant for."""

HOW = {
    "delegate": (
        "Say what the team is to do: write it in a comment, `nexus: add tests for this`, and run the code "
        'action on that line; or in a terminal, nexus-lsp delegate "…".'
    ),
    "review.accept": "Run the code action “Accept” on a change; in a terminal, nexus-lsp review accept.",
    "review.reject": "Run the code action “Reject” on a change; in a terminal, nexus-lsp review reject.",
    "review.undo": "Run the code action “Take back” on the change; in a terminal, nexus-lsp review undo.",
    "review.why": "Hover over the line; in a terminal, nexus-lsp review why FILE:LINE.",
    "run": "In a terminal, nexus-lsp runs --transcript RUN shows all that happened in a run.",
    "run.messages": "In a terminal, nexus-lsp runs --transcript RUN shows what was said in a run.",
    "message.send": 'In a terminal: nexus-lsp say RUN TO "TEXT".',
    "memory.search": "In a terminal: nexus-lsp memory search WORD.",
    "memory.forget": "In a terminal: nexus-lsp memory forget.",
}
"""What to do instead, where only the user can know what is meant."""


class Bare:
    """See the module. `execute` carries a command out."""

    def __init__(self, server: NexusLanguageServer, execute: Execute) -> None:
        self._server = server
        self._execute = execute

    async def run(self, name: str) -> Json:
        """Raises as the command does, after the user was told."""
        try:
            if name in HOW:
                raise InvalidArgument(HOW[name])
            answer = await self._meant(name)
        except (InvalidArgument, Refused, Unknown) as error:
            self._tell(str(error), lsp.MessageType.Warning)
            raise
        self._tell(said(name, answer), lsp.MessageType.Info)
        return answer

    async def _meant(self, name: str) -> Json:
        if name == "answer":
            return await self._answer()
        if name in OF_RUN:
            run = await self._one_of(await self._runs(OF_RUN[name]), name)
            return await self._execute(name, {"runId": run["runId"]})
        return await self._execute(name, {})

    async def _runs(self, statuses: Sequence[str]) -> list[Json]:
        return [r for r in (await self._execute("runs", {}))["runs"] if r["status"] in statuses]

    async def _one_of(self, runs: Sequence[Json], name: str) -> Json:
        if not runs:
            raise Refused(f"There is no run that nexus.{name} could be meant for.")
        if len(runs) == 1:
            return runs[0]
        titles = {f"{shortened(r['request'])} ({r['runId']})": r for r in runs}
        chosen = await self._choose(f"nexus.{name}: which run?", list(titles))
        if chosen is None:
            raise Refused("No run was chosen; nothing was done. In a terminal, nexus-lsp runs names them.")
        return titles[chosen]

    async def _answer(self) -> Json:
        for run in (await self._execute("runs", {}))["runs"]:
            if not run["asksOpen"]:
                continue
            ask = (await self._execute("run", {"runId": run["runId"]}))["asks"][0]
            chosen = await self._choose(ask["question"], ask["options"])
            if chosen is None:
                raise Refused("No answer was chosen; the code action “NEXUS: …” on any line gives one, too.")
            return await self._execute("answer", {"askId": ask["askId"], "answer": chosen})
        raise Refused("Nobody waits for an answer.")

    async def _choose(self, question: str, options: Sequence[str]) -> str | None:
        items = [lsp.MessageActionItem(option) for option in options]
        params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, f"NEXUS: {question}", items)
        try:
            chosen = await self._server.request(lsp.WINDOW_SHOW_MESSAGE_REQUEST, params)
        except Exception:  # an editor may not know such questions
            return None
        return chosen.title if chosen and chosen.title in options else None

    def _tell(self, text: str, kind: lsp.MessageType) -> None:
        self._server.window_show_message(lsp.ShowMessageParams(kind, f"NEXUS: {text}"))


def said(name: str, answer: Json) -> str:
    """What came of a command, in a sentence."""
    if name == "runs":
        told = [
            f"{r['status']} “{shortened(r['request'])}” ({r['changesPending']} to review)"
            for r in answer["runs"]
        ]
        return "; ".join(told[:5]) or "there is no run yet"
    if name == "review.list":
        waiting = [c["uri"].rpartition("/")[2] for c in answer["changes"] if c["status"] == "pending"]
        files = ", ".join(f"{file} ({waiting.count(file)})" for file in dict.fromkeys(waiting))
        return f"changes to review: {files}" if files else "no change waits for review"
    if name == "agents":
        return ", ".join(f"{a['name']} is {a['status']}" for a in answer["agents"])
    return f"{name}: {answer.get('status', 'done')}"
