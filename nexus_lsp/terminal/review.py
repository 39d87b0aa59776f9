"""`nexus-lsp review`: see what is proposed, accept, reject and undo it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import diffs, show
from nexus_lsp.terminal.prompt import Prompt

Json = dict[str, Any]

HELP = "y accept · n reject · f accept the file · a accept all · d reject all · q leave the rest"


async def names_of(api: EngineApi) -> dict[str, str]:
    """Each agent's name by its id."""
    return {agent["agent_id"]: agent["name"] for agent in (await api.execute("agents", {}))["agents"]}


async def pending(api: EngineApi, run_id: str | None) -> list[Json]:
    """The changes that wait, oldest first."""
    listed = await api.execute("review.list", {"run_id": run_id} if run_id else {})
    waiting = [line for line in listed["changes"] if line["status"] == "pending" and not line["parked"]]
    return [show.visible(line) for line in waiting]


async def _parked(api: EngineApi, console: Console) -> None:
    """Say which changes wait on other branches."""
    listed = (await api.execute("review.list", {}))["changes"]
    where = Counter(line["parked"] for line in listed if line["status"] == "pending" and line["parked"])
    for branch, count in where.items():
        console.print(
            Text(f"{count} more on the branch {show.visible(branch)}: switch there to decide on them.")
        )


async def decide(
    api: EngineApi,
    console: Console,
    run_id: str | None,
    how: str,
    names: Mapping[str, str],
    prompt: Prompt | None = None,
    quiet: bool = False,
) -> Json:
    """Show what waits and decide on it: `all`, `none` or `ask` (with `prompt`). Gives the last answer."""
    answer: Json = {"refused": []}
    waiting = await pending(api, run_id)
    if not quiet and how != "ask":
        console.print(diffs.changes(waiting, names))
    if how == "all" and waiting:
        answer = await api.execute("review.accept", {"change_ids": [line["id"] for line in waiting]})
        if not quiet:
            told(console, answer)
        else:
            for refused in answer["refused"]:
                console.print(Text(f"not done {refused['id']}: {refused['why']}"))
    elif how == "ask" and waiting and prompt:
        return await _ask(api, console, prompt, waiting, names)
    elif waiting and not quiet:
        console.print(f"[dim]{len(waiting)} waiting: `nexus-lsp review` decides on them.[/]")
    return answer


async def _ask(
    api: EngineApi, console: Console, prompt: Prompt, waiting: list[Json], names: Mapping[str, str]
) -> Json:
    """Ask about each; gives all that was accepted and refused."""
    whole: Json = {"accepted": [], "refused": []}
    console.print(f"[dim]{HELP}[/]")
    for line in waiting:
        current = await pending(api, line["run_id"])
        if line["id"] not in {c["id"] for c in current}:
            continue
        console.print(diffs.change(line, names))
        typed = await prompt.ask("  [bold]y/n/f/a/d/q[/] > ")
        if typed is None or typed.lower()[:1] == "q":
            break
        answer = await _one(api, prompt, line, current, typed.lower()[:1])
        if answer is None:
            console.print(f"  [dim]left as it is ({HELP})[/]")
            continue
        told(console, answer)
        whole["accepted"] += answer.get("accepted", [])
        whole["refused"] += answer["refused"]
    return whole


async def _one(api: EngineApi, prompt: Prompt, line: Json, current: list[Json], typed: str) -> Json | None:
    """Carry out what was typed about one change; None for a word that means nothing."""
    ids = [c["id"] for c in current]
    of_file = [c["id"] for c in current if c["path"] == line["path"]]
    match typed:
        case "y":
            return await api.execute("review.accept", {"change_ids": [line["id"]]})
        case "f":
            return await api.execute("review.accept", {"change_ids": of_file})
        case "a":
            return await api.execute("review.accept", {"change_ids": ids})
        case "d":
            return await api.execute("review.reject", {"change_ids": ids})
        case "n":
            reason = await prompt.ask("  why not? (may be empty) > ")
            argument: Json = {"change_ids": [line["id"]], "reason": reason or ""}
            return await api.execute("review.reject", argument)
        case _:
            return None


def told(console: Console, answer: Json) -> None:
    """What came of a decision."""
    for word in ("accepted", "rejected", "reopened"):
        if answer.get(word):
            console.print(f"  [green]{word}[/] {', '.join(answer[word])}")
    for refused in answer["refused"]:
        why = escape(show.visible(refused["why"]))
        console.print(f"  [red]not done[/] {refused['id']}: {why}")


async def command(api: EngineApi, console: Console, action: str, ids: list[str], reason: str) -> int:
    """`review accept|reject|undo ID…`; without an action: ask about everything that waits."""
    if action == "list":
        names = await names_of(api)
        waiting = await pending(api, None)
        console.print(diffs.changes(waiting, names))
        console.print(f"{len(waiting)} waiting" if waiting else "Nothing waits for review.")
        await _parked(api, console)
        return 0
    if action == "ask":
        answer = await decide(api, console, None, "ask", await names_of(api), Prompt(console))
        return 1 if answer["refused"] else 0
    if not ids:
        raise InvalidArgument(
            f"Say what to {action}: ids of changes or runs, or paths (`review list` shows them)."
        )
    argument = await meant(api, action, ids)
    if action == "reject":
        argument["reason"] = reason
    answer = await api.execute(f"review.{action}", argument)
    told(console, answer)
    return 1 if answer["refused"] else 0


async def meant(api: EngineApi, action: str, ids: list[str]) -> Json:
    """Ids of changes, a run's id or a path, as the operation's argument."""
    changes = (await api.execute("review.list", {}))["changes"]
    states = ("accepted", "rejected") if action == "undo" else ("pending",)
    chosen: list[str] = []
    for word in ids:
        hits = [
            c["id"] for c in changes if word in (c["id"], c["run_id"], c["path"]) and c["status"] in states
        ]
        exact = [c["id"] for c in changes if c["id"] == word]
        if not (hits or exact):
            raise Refused(f"{word!r} names nothing to {action}; `nexus-lsp review list` shows what waits.")
        chosen += hits or exact
    return {"change_ids": list(dict.fromkeys(chosen))}
