"""Hovers: who proposes or made a line, in which task, why, with what evidence.

A change that shows on a line is told from the desk; every other line is asked for in the journal, and in the
notes beside the commits that the user asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.core.problems import Refused
from nexus_lsp.lsp import marks
from nexus_lsp.lsp.showing import Showing

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

Json = dict[str, Any]
BETWEEN = "\n\n---\n\n"


class Hovers:
    """See the module. `ready` gives the engine once it is there."""

    def __init__(self, showing: Showing, ready: Callable[[], Awaitable[EngineApi]]) -> None:
        self._showing = showing
        self._ready = ready

    async def at(self, params: lsp.HoverParams) -> lsp.Hover | None:
        """What is known of the line; None for nothing."""
        try:
            await self._ready()
        except Refused:
            return None
        here, uri = lsp.Range(params.position, params.position), params.text_document.uri
        hit = [(c, place) for c, place in self._showing.on_document(uri) if meet(place, here)]
        texts = [await self._change(change) for change, _ in hit] or await self._line(uri, here)
        if not texts:
            return None
        value = lsp.MarkupContent(lsp.MarkupKind.Markdown, BETWEEN.join(texts))
        return lsp.Hover(value, hit[0][1] if hit else None)

    async def _change(self, change: Json) -> str:
        detail = await (await self._ready()).execute("run", {"run_id": change["run_id"]})
        names, measured = self._showing.names, marks.evidence(change, detail["gates"])
        sides = self._showing.conflict(change) if change.get("conflict") else None
        in_conflict = marks.hover_conflict(change, sides, names, measured) if sides else ""
        return in_conflict or marks.hover(change, names, measured)

    async def _line(self, uri: str, here: lsp.Range) -> list[str]:
        path = self._showing.path(uri)
        if path is None:
            return []
        try:
            answer = await (await self._ready()).execute(
                "review.why", {"path": path, "line": here.start.line}
            )
        except Refused:
            return []
        # a waiting change is told where it shows, and nowhere else
        return [_told(c) for c in answer["changes"] if c["status"] != "pending"]


def _told(change: Json) -> str:
    """Markdown about a line that stands in the file."""
    who = " and ".join(agent["name"] for agent in change["agents"])
    commit = f", commit {change['commit'][:12]}" if change["commit"] else ""
    tasks = "".join(f"- task `{t['id']}`: {t['title']}\n" for t in change["tasks"])
    about = {"task_ids": [task["id"] for task in change["tasks"]], "status": change["status"]}
    gates = marks.evidence(about, change["gates"])
    return f"**{who}** *({change['status']}{commit})*: {change['why']}\n\n{tasks}{gates}"


def meet(a: lsp.Range, b: lsp.Range) -> bool:
    """Whether two ranges share a line: changes are matched by line."""
    return a.start.line <= b.end.line and b.start.line <= a.end.line
