"""Asking a person about what waits: group by group, the riskiest first, and change by change in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from nexus_lsp.core.problems import Refused
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import diffs, groups, show
from nexus_lsp.terminal.groups import Waiting
from nexus_lsp.terminal.prompt import Prompt

Json = dict[str, Any]

HELP = (
    "y accept · n reject · r have it done in another way · g accept the group · x reject the group · "
    "s leave the group · f accept the file · a accept all · d reject all · q leave the rest"
)


class Asking:
    """One person deciding; `whole` is all that was accepted and refused."""

    def __init__(
        self, api: EngineApi, console: Console, prompt: Prompt, waiting: Waiting, names: Mapping[str, str]
    ) -> None:
        self._api = api
        self._console = console
        self._prompt = prompt
        self._waiting = waiting
        self._names = names
        self.whole: Json = {"accepted": [], "refused": []}

    async def ask(self) -> Json:
        """Ask about each change that still waits when its turn comes."""
        self._console.print(f"[dim]{HELP}[/]")
        for group, lines in self._waiting:
            self._console.print(groups.beginning(group, lines, self._names))
            for at, line in enumerate(lines):
                said = await self._about(line, lines[at:])
                if said == "q":
                    return self.whole
                if said == "s":
                    break
        return self.whole

    async def _about(self, line: Json, rest: Sequence[Json]) -> str:
        """Ask about one change; gives the letter that was typed, "" where there was nothing to ask."""
        if line["id"] not in await self._open({"path": line["path"]}):
            return ""
        self._console.print(diffs.change(line, self._names))
        typed = await self._prompt.ask("  [bold]y/n/r/g/x/s/f/a/d/q[/] > ")
        letter = "q" if typed is None else typed.lower()[:1]
        if letter not in ("q", "s"):
            await self._decide(letter, line, rest)
        return letter

    async def _open(self, argument: Json) -> list[str]:
        listed = await self._api.execute("review.list", argument | {"grouped": False})
        return [c["id"] for c in listed["changes"] if groups.is_open(c)]

    async def _decide(self, letter: str, line: Json, rest: Sequence[Json]) -> None:
        ids = [line["id"]]
        if letter in "gx" and letter:
            there = set(await self._open({"run_id": line["run_id"]}))
            ids = [each["id"] for each in rest if each["id"] in there]
        elif letter == "f":
            ids = await self._open({"run_id": line["run_id"], "path": line["path"]})
        elif letter in ("a", "d"):
            ids = await self._open({"run_id": line["run_id"]})
        if letter in ("y", "g", "f", "a"):
            await self._accept(ids)
        elif letter in ("n", "x", "d"):
            reason = await self._prompt.ask("  why not? (may be empty) > ") if letter != "d" else ""
            answer = await self._api.execute("review.reject", {"change_ids": ids, "reason": reason or ""})
            self._tell(answer)
        elif letter == "r" and (feedback := await self._prompt.ask("  what is to be different? > ")):
            self._tell(await self._revise(line, feedback))
        else:
            self._console.print(f"  [dim]left as it is ({HELP})[/]")

    async def _accept(self, ids: list[str]) -> None:
        answer = await self._api.execute("review.accept", {"change_ids": ids})
        needed = needed_in(answer)
        if needed and await self._together(needed):
            refused = [r for r in answer["refused"] if "needs" not in r]
            self._tell(answer | {"refused": refused})
            left = [i for i in ids if i not in answer["accepted"]]
            answer = await self._api.execute(
                "review.accept", {"change_ids": list(dict.fromkeys([*needed, *left]))}
            )
        self._tell(answer)

    async def _revise(self, line: Json, feedback: str) -> Json:
        try:
            return await self._api.execute(
                "review.revise", {"change_ids": [line["id"]], "feedback": feedback}
            )
        except Refused as error:
            return {"refused": [{"id": line["id"], "why": str(error)}]}

    async def _together(self, needed: Sequence[str]) -> bool:
        told = f"  It needs {show.count(len(needed), 'other change')} ({escape(', '.join(needed[:5]))})"
        typed = await self._prompt.ask(f"{told}. Accept them together? [bold]y/n[/] > ")
        return (typed or "").lower()[:1] == "y"

    def _tell(self, answer: Json) -> None:
        told(self._console, answer)
        self.whole["accepted"] += answer.get("accepted", [])
        self.whole["refused"] += answer.get("refused", [])


def needed_in(answer: Json) -> list[str]:
    """What all the refused ones need, or are needed by, beyond what was asked for."""
    return list(dict.fromkeys(i for refused in answer["refused"] for i in refused.get("needs", ())))


def told(console: Console, answer: Json) -> None:
    """What came of a decision."""
    for word in ("accepted", "rejected", "reopened"):
        if done := answer.get(word):
            more = f" and {len(done) - 20} more" if len(done) > 20 else ""
            console.print(f"  [green]{word}[/] {', '.join(done[:20])}{more}")
    if "task_id" in answer:
        console.print(f"  [green]asked[/] {answer['task_id']} is at it; the change waits for its answer")
    not_done = answer.get("refused", [])
    for refused in not_done[:20]:
        why = escape(show.visible(refused["why"]))
        console.print(f"  [red]not done[/] {refused['id']}: {why}")
    if (more := len(not_done) - 20) > 0:
        console.print(Text(f"  not done: {more} more"))
