"""Conflicts in a terminal: the three sides of a change that the user typed in, and the way out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nexus_lsp.core.conflicts import ASK_AGENT
from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import show
from nexus_lsp.terminal.prompt import Prompt

Json = dict[str, Any]

WAYS = {"m": "mine", "t": "theirs", "b": "both", "a": "agent"}
HELP = "m keep mine · t take theirs · b take both · a ask the agent · q leave the rest"
SETTLE = "`nexus-lsp review resolve ID mine|theirs|both|agent` settles one"
SHOWN_LINES = 40


async def conflicts(api: EngineApi, run_id: str | None) -> list[Json]:
    """The changes in conflict with what the user has now, with their sides as far as they can be found."""
    argument: Json = {"sides": True} | ({"run_id": run_id} if run_id else {})
    listed = await api.execute("review.list", argument)
    return [show.visible(line) for line in listed["changes"] if line["conflict"]]


def conflict(line: Json, names: Mapping[str, str]) -> RenderableType:
    """A conflict with who made the change and why, and its three sides one below the other."""
    sides = line["conflict"]
    at = f"line {sides['line'] + 1}  " if "line" in sides else ""
    who = ", ".join(names.get(agent, agent) for agent in line["agent_ids"])
    head = Text.from_markup(
        f"[bold]{escape(line['path'])}[/]  [yellow]conflict[/]\n"
        f"  [cyan]{at}[/]{escape(who)}: {escape(line['why'])}\n  [dim]{line['id']}[/]"
    )
    named = (("what the agent saw", "base", "dim"), ("yours", "yours", ""), ("proposed", "theirs", "green"))
    shown = [_side(name, sides[key], style) for name, key, style in named if key in sides]
    return Group(head, *shown)


def _side(name: str, text: str, style: str) -> RenderableType:
    rows = text.splitlines() or ["(nothing)"]
    rows = (
        rows if len(rows) <= SHOWN_LINES else [*rows[:SHOWN_LINES], f"… {len(rows) - SHOWN_LINES} more lines"]
    )
    return Padding(Group(Text(f"{name}:", "bold"), *(Text("  " + row, style) for row in rows)), (0, 0, 0, 4))


async def ask(
    api: EngineApi, console: Console, prompt: Prompt, run_id: str | None, names: Mapping[str, str]
) -> Json:
    """Ask about each conflict; gives all that was settled and refused."""
    whole: Json = {"resolved": [], "refused": []}
    found = await conflicts(api, run_id)
    if found:
        console.print(f"[dim]{HELP}[/]")
    for line in found:
        console.print(conflict(line, names))
        typed = await prompt.ask("  [bold]m/t/b/a/q[/] > ")
        if typed is None or typed.lower()[:1] == "q":
            break
        how = WAYS.get(typed.lower()[:1])
        if how is None:
            console.print(f"  [dim]left as it is ({HELP})[/]")
            continue
        answer = await settle(api, console, [line["id"]], how)
        whole["resolved"] += answer["resolved"]
        whole["refused"] += answer["refused"]
    return whole


async def settle(api: EngineApi, console: Console, ids: list[str], how: str) -> Json:
    """Settle these conflicts one way: `mine`, `theirs`, `both` or `agent`; says what came of it."""
    if how not in WAYS.values():
        raise InvalidArgument(f"Say how, after the ids: {', '.join(WAYS.values())}.")
    if how == "agent":
        asked = await api.execute("review.revise", {"change_ids": ids, "feedback": ASK_AGENT})
        console.print(f"  [green]asked[/] {asked['task_id']} is at it; the change waits for its answer")
        return {"resolved": [], "refused": []}
    answer = await api.execute("review.resolve", {"change_ids": ids, "how": how})
    if answer["resolved"]:
        console.print(f"  [green]settled[/] {', '.join(answer['resolved'])} ({how})")
    for refused in answer["refused"]:
        console.print(f"  [red]not done[/] {refused['id']}: {escape(show.visible(refused['why']))}")
    return answer
