"""Code actions for editors that have nothing but those: no commands with arguments, no dialogs, no views.

A request written as a comment is delegated, open questions are answered, runs at work are cancelled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.lsp.asks import worded
from nexus_lsp.lsp.marks import command, shortened
from nexus_lsp.lsp.progress import AT_WORK, ENDS

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

Json = dict[str, Any]

DELEGATE, ANSWER, CANCEL = "quickfix.nexus.delegate", "quickfix.nexus.answer", "source.nexus.cancel"
KINDS = (DELEGATE, ANSWER, CANCEL)
MOST = 5
"""Runs, and questions, that are offered: a menu is read."""

_REQUEST = re.compile(r"^\s*[^\w\s]+\s*nexus:\s*\S", re.IGNORECASE)
_COMMENT = re.compile(
    r"^\s*(?:#+|//+|--+|;+|%+|\*+(?!/)|\"+|/\*+|<!--|\(\*)?\s*(.*?)\s*(?:\*/|-->|\*\))?\s*$"
)


class Offers:
    """What is offered now, by the events.

    Attributes:
        off: the editor said that it shows questions and runs itself; requests in comments are offered still.
    """

    def __init__(self) -> None:
        self.off = False
        self._runs: dict[str, str] = {}
        """Those at work → their requests."""
        self._asks: dict[str, Json] = {}

    async def resume(self, api: EngineApi) -> None:
        """What was going on before."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in AT_WORK:
                self._runs.setdefault(run["run_id"], run["request"])
            if run["asks_open"]:
                detail = await api.execute("run", {"run_id": run["run_id"]})
                self._asks |= {a["ask_id"]: a | {"run_id": run["run_id"]} for a in detail["asks"]}

    def hear(self, event: Json) -> None:
        """An event of the engine."""
        run_id, kind = event["run_id"], event["type"]
        if kind == "run_started":
            self._runs[run_id] = event["request"]
        elif kind in ENDS:
            self._runs.pop(run_id, None)
            over = () if kind == "run_ready" else [i for i, a in self._asks.items() if a["run_id"] == run_id]
            for ask_id in over:
                del self._asks[ask_id]
        elif kind == "ask_opened":
            self._asks[event["ask_id"]] = event
        elif kind == "ask_answered":
            self._asks.pop(event["ask_id"], None)

    def everywhere(self, names: Mapping[str, str]) -> list[lsp.CodeAction]:
        """On any line: answers to what is asked, and a way to stop what is at work."""
        if self.off:
            return []
        found: list[lsp.CodeAction] = []
        for ask in list(self._asks.values())[-MOST:]:
            for option in ask["options"]:
                told = f"NEXUS: {option}: {shortened(worded(ask, names), 70)}"
                given = {"askId": ask["ask_id"], "answer": option}
                found.append(lsp.CodeAction(told, ANSWER, command=command(told, "nexus.answer", given)))
        for run_id, request in list(self._runs.items())[-MOST:]:
            told = f"NEXUS: Cancel “{shortened(request)}”"
            run = command(told, "nexus.run.cancel", {"runId": run_id})
            found.append(lsp.CodeAction(told, CANCEL, command=run))
        return found

    def written(self, uri: str, lines: Sequence[str], names: Mapping[str, str]) -> list[lsp.CodeAction]:
        """What these lines hold as a comment: a request about their file, or an answer in one's own words."""
        text = request_in(lines)
        if not text:
            return []
        found: list[lsp.CodeAction] = []
        for ask in () if self.off else list(self._asks.values())[-MOST:]:
            if ask["kind"] == "question":
                told = f"NEXUS: Answer “{shortened(text)}”: {shortened(worded(ask, names), 70)}"
                given = {"askId": ask["ask_id"], "answer": text}
                found.append(lsp.CodeAction(told, ANSWER, command=command(told, "nexus.answer", given)))
        told = f"NEXUS: Delegate “{shortened(text)}”"
        run = command(told, "nexus.delegate", {"request": text, "uris": [uri]})
        return [*found, lsp.CodeAction(told, DELEGATE, command=run)]


def request_in(lines: Sequence[str]) -> str:
    """What follows `nexus:` in a comment, with the lines selected after it; empty where there is none."""
    for at, line in enumerate(lines):
        if _REQUEST.match(line):
            told = [_bare(line), *map(_bare, lines[at + 1 :])]
            return " ".join(" ".join(told).split())[len("nexus:") :].strip()
    return ""


def _bare(line: str) -> str:
    found = _COMMENT.match(line)
    return found[1] if found else line
