"""Conflicts that are foreseen, as warnings on the lines of the user's buffer that they concern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.core.text import Units
from nexus_lsp.lsp import marks

if TYPE_CHECKING:
    from nexus_lsp.ports import EngineApi

Json = dict[str, Any]

OVER = frozenset({"run_ready", "run_completed", "run_failed", "run_cancelled", "run_recovered"})


class Foreseen:
    """What is foreseen now, by run; `show` is called with each path that looks different."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._clashes: dict[str, list[Json]] = {}

    def hear(self, event: Json) -> None:
        """Take over what an event says is foreseen; nothing is, once its run is over."""
        if event["type"] == "conflict_forecast":
            self._take(event["run_id"], event["clashes"])
        elif event["type"] in OVER:
            self._take(event["run_id"], [])

    async def resume(self, api: EngineApi) -> None:
        """What was foreseen before this editor came."""
        for run in (await api.execute("runs", {}))["runs"]:
            if run["status"] in ("in_progress", "paused"):
                self._take(run["run_id"], (await api.execute("run", {"run_id": run["run_id"]}))["forecast"])

    def _take(self, run_id: str, clashes: list[Json]) -> None:
        old = self._clashes.pop(run_id, [])
        if clashes:
            self._clashes[run_id] = clashes
        for path in dict.fromkeys(clash["path"] for clash in (*old, *clashes)):
            self._show(path)

    def marks(self, path: str, lines: Sequence[str], units: Units) -> Iterator[Json]:
        """The warnings of a file, whose lines in the editor these are; two runs tell of one clash once."""
        for clash in _once(c for some in self._clashes.values() for c in some if c["path"] == path):
            yield marks.warning(_place(clash, lines, units), clash["message"])


def _once(clashes: Iterable[Json]) -> Iterator[Json]:
    seen: set[tuple[Any, ...]] = set()
    for clash in clashes:
        sides = frozenset((s["run_id"], s["task_id"]) for s in clash["sides"])
        what = (sides, clash["kind"], clash["line"], clash["count"])
        if what not in seen:
            seen.add(what)
            yield clash


def _place(clash: Json, lines: Sequence[str], units: Units) -> lsp.Range:
    """The lines as far as the buffer has them still; an insertion on the whole line before it."""
    line, count = find_again(clash["line"], clash["anchor"], lines), clash["count"]
    if lines:
        line = min(line, len(lines) - 1)
        count = min(count, len(lines) - line)
    return (
        marks.whole_lines(lines, line, count, units)
        if count
        else (marks.whole_lines(lines, max(line - 1, 0), 1, units))
    )


def find_again(line: int, anchor: Sequence[str], lines: Sequence[str]) -> int:
    """The line where the anchor stands in a text, nearest to `line`; else its first line; else `line`."""
    for wanted in (list(anchor), list(anchor[:1])):
        if not "".join(wanted).strip():
            continue
        size = len(wanted)
        starts = (at for at, text in enumerate(lines) if text == wanted[0])
        found = [at for at in starts if list(lines[at : at + size]) == wanted]
        if found:
            return min(found, key=lambda at: abs(at - line))
    return line
