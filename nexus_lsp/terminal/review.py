"""`nexus-lsp review`: see what is proposed, accept, reject and undo it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import conflicts, diffs, groups, show
from nexus_lsp.terminal.asking import Asking, needed_in, told
from nexus_lsp.terminal.following import follow
from nexus_lsp.terminal.groups import Waiting, waiting_in
from nexus_lsp.terminal.prompt import Prompt

Json = dict[str, Any]


async def names_of(api: EngineApi) -> dict[str, str]:
    """Each agent's name by its id."""
    return {agent["agent_id"]: agent["name"] for agent in (await api.execute("agents", {}))["agents"]}


async def pending(api: EngineApi, run_id: str | None) -> Waiting:
    """What waits, the riskiest group first."""
    return waiting_in(show.visible(await api.execute("review.list", {"run_id": run_id} if run_id else {})))


async def _parked(api: EngineApi, console: Console) -> None:
    """Say which changes wait on other branches, and how they can be had here."""
    listed = (await api.execute("review.list", {}))["changes"]
    waiting = [line for line in listed if line["status"] == "pending" and line["parked"]]
    for (branch, run_id), count in Counter((line["parked"], line["run_id"]) for line in waiting).items():
        console.print(
            Text(
                f"{count} more on {show.visible(branch)}: switch there to decide, or take the run along with "
                f"`nexus-lsp runs --resume {run_id}`."
            )
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
    await follow(api, None if quiet else console)
    answer: Json = {"refused": []}
    if how == "ask" and prompt:
        answer = await conflicts.ask(api, console, prompt, run_id, names)
    waiting = await pending(api, run_id)
    if not quiet and how != "ask":
        console.print(groups.overview(waiting, names))
    if how == "all" and waiting.changes:
        ids = [line["id"] for line in waiting.changes]
        answer = await api.execute("review.accept", {"change_ids": ids})
        if not quiet:
            told(console, answer)
        else:
            for refused in answer["refused"]:
                console.print(Text(f"not done {refused['id']}: {refused['why']}"))
    elif how == "ask" and waiting.changes and prompt:
        decided = await Asking(api, console, prompt, waiting, names).ask()
        return decided | {"refused": [*answer["refused"], *decided["refused"]]}
    elif waiting.changes and not quiet:
        console.print(f"[dim]{len(waiting.changes)} waiting: `nexus-lsp review` decides on them.[/]")
    return answer


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed after `review`.

    Attributes:
        ids: of changes, groups or runs, or paths.
        with_needed: also what these need (accept), or what needs them (undo).
        anyway: whatever they need.
        whole: every change with its text, however many there are.
    """

    action: str
    ids: tuple[str, ...] = ()
    reason: str = ""
    with_needed: bool = False
    anyway: bool = False
    whole: bool = False


async def command(api: EngineApi, console: Console, wish: Wish) -> int:
    """`review list|accept|reject|undo|resolve …`; without an action: ask about everything that waits."""
    if wish.action != "ask":
        await follow(api, console)
    if wish.action == "list":
        return await _list(api, console, wish)
    if wish.action == "ask":
        answer = await decide(api, console, None, "ask", await names_of(api), Prompt(console))
        console.print(_how_many(await pending(api, None)))
        await _parked(api, console)
        return 1 if answer["refused"] else 0
    if wish.action == "resolve":
        argument = await meant(api, wish.action, wish.ids[:-1] or wish.ids)
        answer = await conflicts.settle(api, console, argument["change_ids"], wish.ids[-1])
        return 1 if answer["refused"] else 0
    argument = await meant(api, wish.action, wish.ids)
    if wish.action == "reject":
        argument["reason"] = wish.reason
    elif wish.anyway:
        argument["anyway"] = True
    answer = await api.execute(f"review.{wish.action}", argument)
    if wish.with_needed and (needed := needed_in(answer)):
        told(console, answer | {"refused": []})
        left = [r["id"] for r in answer["refused"] if "needs" in r]
        answer = await api.execute(f"review.{wish.action}", {"change_ids": [*needed, *left]})
    told(console, answer)
    if needed_in(answer):
        verb = "accepts" if wish.action == "accept" else "takes back"
        console.print(Text(f"  `--with-needed` {verb} all of them together, `--anyway` only what you name."))
    return 1 if answer["refused"] else 0


async def _list(api: EngineApi, console: Console, wish: Wish) -> int:
    names, meets = await names_of(api), await conflicts.conflicts(api, None)
    waiting = (await pending(api, None)).without({line["id"] for line in meets})
    if not wish.ids:
        console.print(groups.overview(waiting, names, wish.whole))
        console.print(Group(*(conflicts.conflict(line, names) for line in meets)))
        console.print(_how_many(waiting))
        if meets:
            console.print(f"{show.count(len(meets), 'conflict')}: {conflicts.SETTLE}", markup=False)
        await _parked(api, console)
        return 0
    chosen: list[Json] = []
    for word in wish.ids:
        found = [line for line in waiting.changes if word in (*_names_of(line), line["group"])]
        if not found:
            raise Refused(f"Nothing waits under {word!r}; `nexus-lsp review list` shows what waits.")
        chosen += found
    for group, lines in waiting:
        mine = [line for line in lines if line in chosen]
        if mine:
            console.print(groups.head(group, len(mine)))
            console.print(diffs.changes(mine, names))
    return 0


def _how_many(waiting: Waiting) -> str:
    if not waiting.changes:
        return "Nothing waits for review."
    return f"{len(waiting.changes)} waiting in {show.count(len(waiting.groups), 'group')}"


def _names_of(line: Json) -> tuple[str, ...]:
    return line["id"], line["run_id"], line["path"]


async def meant(api: EngineApi, action: str, ids: Sequence[str]) -> Json:
    """Ids of changes, a group's or a run's id or a path, as the operation's argument."""
    if not ids:
        raise InvalidArgument(
            f"Say what to {action}: ids of changes, groups or runs, or paths (`review list` shows them)."
        )
    listed = await api.execute("review.list", {"sides": action == "resolve"})
    changes = {c["id"]: c for c in listed["changes"]}
    groups_there = {group["id"]: group["change_ids"] for group in listed["groups"]}
    states = {"undo": ("accepted", "rejected"), "resolve": ()}.get(action, ("pending",))
    conflict = action in ("resolve", "revise")
    chosen: list[str] = []
    for word in ids:
        named = groups_there.get(word) or [i for i, c in changes.items() if word in _names_of(c)]
        hits = [i for i in named if changes[i]["status"] in states or (conflict and changes[i]["conflict"])]
        exact = [word] if word in changes else []
        if not (hits or exact):
            raise Refused(f"{word!r} names nothing to {action}; `nexus-lsp review list` shows what waits.")
        chosen += hits or exact
    return {"change_ids": list(dict.fromkeys(chosen))}
