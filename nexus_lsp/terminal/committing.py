"""`nexus-lsp review commit`, `diff`, `why`, and `accept --branch`: what git is to see of a review."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import review, show
from nexus_lsp.terminal.following import follow

Json = dict[str, Any]
_STYLES = {"+": "green", "-": "red", "@": "cyan", "d": "bold"}
"""By the first character of a patch's line."""


async def commit(api: EngineApi, console: Console, runs: Sequence[str], asked: Mapping[str, Any]) -> int:
    """Commit what is accepted of these runs (of all, where none is named), and say what came of it."""
    try:
        answer = await api.execute("review.commit", {"run_ids": list(runs), **asked})
    except asyncio.CancelledError:
        console.print("Stopped: nothing was committed; your files and your index are as they were.")
        raise
    many = show.count(len(answer["change_ids"]), "change")
    where = f"in {show.count(len(answer['paths']), 'file')} on {answer['branch']}"
    if answer["commit"] is None:
        console.print(f"Would commit {many} {where}, as:")
        _message(console, answer)
    else:
        console.print(f"Committed {many} {where}: {answer['commit'][:12]}")
        _said(console, answer["output"])
    return _left(console, answer)


async def branch(api: EngineApi, console: Console, ids: Sequence[str], asked: Mapping[str, Any]) -> int:
    """Put waiting changes on a new branch; they go on waiting."""
    if not ids:
        raise InvalidArgument("Say what to put on the branch: a run, ids of changes, or paths.")
    chosen = await review.meant(api, "put on the branch", list(ids))
    answer = await api.execute("review.branch", {**chosen, **asked})
    many = show.count(len(answer["change_ids"]), "change")
    console.print(f"Branch {answer['branch']} holds {many} ({answer['commit'][:12]}):")
    _message(console, answer)
    console.print("Your files are as they were, and the changes go on waiting: accept or reject them later.")
    return _left(console, answer)


async def diff(api: EngineApi, console: Console, ids: Sequence[str]) -> int:
    """What waits as a patch of the files: coloured for a person, else as it is, for `git apply`."""
    await follow(api, Console(stderr=True))
    chosen = await review.meant(api, "show", list(ids)) if ids else {}
    answer = await api.execute("review.diff", chosen)
    if not console.is_terminal:
        sys.stdout.buffer.write(answer["patch"].encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    else:
        for row in show.visible(answer["patch"].encode("utf-8", "replace").decode()).split("\n")[:-1]:
            console.print(Text(row, _STYLES.get(row[:1], "")), soft_wrap=True)
    for left in answer["left"]:
        print(f"left out {left['id']}: {show.visible(left['why'])}", file=sys.stderr)
    return 1 if answer["left"] else 0


async def why(api: EngineApi, console: Console, places: Sequence[str]) -> int:
    """Who changed the line FILE:LINE, in which task, and what was measured."""
    if not places:
        raise InvalidArgument("Say which line: `nexus-lsp review why FILE:LINE`.")
    known = 0
    for place in places:
        path, _, number = place.rpartition(":")
        if not path or not number.isdecimal() or not int(number):
            raise InvalidArgument(f"{place!r} is no line of a file: write FILE:LINE, such as calc.py:12.")
        answer = await api.execute("review.why", {"path": path, "line": int(number) - 1})
        known += len(answer["changes"])
        for change in answer["changes"]:
            _explain(console, show.visible(change))
        if not answer["changes"]:
            console.print(Text(f"{show.visible(place)}: nothing that NEXUS knows of made this line."))
    return 0 if known else 1


def _explain(console: Console, change: Json) -> None:
    who = " and ".join(agent["name"] for agent in change["agents"])
    commit = f", commit {change['commit'][:12]}" if change["commit"] else ""
    console.print(Text.assemble((who, "bold"), f": {change['why']}  ({change['status']}{commit})"))
    for task in change["tasks"]:
        console.print(Text(f"  task {task['id']}: {task['title']}"))
    console.print(Text(f"  run {change['run_id']}  change {change['id']}", "dim"))
    for gate in change["gates"]:
        told = f": {gate['why']}" if gate["why"] else ""
        console.print(Text(f"  gate {gate['gate']}: {gate['status'].replace('_', ' ')}{told}"))


def _message(console: Console, answer: Json) -> None:
    console.print(Padding(Text(show.visible(answer["message"].rstrip())), (1, 0, 1, 4)))


def _said(console: Console, output: str) -> None:
    if output.strip():
        console.print(Padding(Text(show.visible(output), "dim"), (0, 0, 0, 2)))


def _left(console: Console, answer: Json) -> int:
    """What was left out, and why: then the exit code says that not all was done."""
    if answer.get("warning"):
        console.print(Text(answer["warning"], "yellow"))
    for left in answer["left"]:
        console.print(Text(f"  left out {left['id']}: {show.visible(left['why'])}"))
    return 1 if answer["left"] else 0
