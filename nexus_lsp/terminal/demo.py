"""`nexus-lsp demo`: the whole way once, on a real repository, without anyone at the keys.

What it decides on (an edit and a new file accepted, a change rejected) is chosen by rule from what the team
really proposed; a kind that was not proposed is said to be missing, never made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import diffs
from nexus_lsp.terminal.asking import told
from nexus_lsp.terminal.delegate import Watch
from nexus_lsp.terminal.review import names_of, pending

Json = dict[str, Any]

REQUEST = "Fix the lint findings, write tests for what is untested, and review complexity and security"
EVIDENCE_SECONDS = 120.0
SHOWN = 12
"""Changes that are shown with their text; a demo is to be read."""


async def demo(api: EngineApi, console: Console, argument: Json) -> int:
    """Delegate, watch, decide, and run the workspace's own tests on the result. Gives the exit code."""
    names = await names_of(api)
    watch = Watch(console, names, as_json=False)
    stop = api.listen(watch.hear)
    try:
        watch.follow((await api.execute("delegate", argument))["run_id"])
        await watch.over.wait()
        waiting = (await pending(api, watch.run_id)).changes
        console.print(Rule("[bold]What the team proposes[/]", align="left"))
        console.print(diffs.changes(waiting, names, SHOWN))
        console.print(Rule("[bold]Decisions[/]", align="left"))
        accepted, complete = await _decide(api, console, waiting)
        if accepted:
            console.print(Rule("[bold]The tests, on the files as they are now[/]", align="left"))
            await asyncio.wait_for(watch.own_tree.wait(), EVIDENCE_SECONDS)
        console.print(f"\nThe repository is yours to look at: [bold]{escape(watch.workspace)}[/]")
        return 0 if complete else 1
    except TimeoutError:
        console.print("[red]The tests did not end in time.[/]")
        return 1
    finally:
        stop()


async def _decide(api: EngineApi, console: Console, waiting: Sequence[Json]) -> tuple[bool, bool]:
    """Accept one edit and one new file, reject one other change.

    Gives whether anything was accepted, and whether there was one of each.
    """
    edit, new, other = _pick(waiting)
    accepted = False
    for word, line, name in (
        ("accept", edit, "an edit"),
        ("accept", new, "a new file"),
        ("reject", other, "a change"),
    ):
        if line is None:
            console.print(f"  [yellow]–[/] there is no {name.split(' ', 1)[1]} to {word}")
            continue
        console.print(f"  [bold]{word}[/] {name}: {escape(line['path'])} {_where(line)}")
        argument: Json = {"change_ids": [line["id"]]}
        if word == "reject":
            argument["reason"] = "shown for the demo: a rejected change never comes back by itself"
        answer = await api.execute(f"review.{word}", argument)
        accepted = accepted or bool(answer.get("accepted"))
        told(console, answer)
    left = len(waiting) - sum(1 for line in (edit, new, other) if line)
    if left:
        console.print(f"  [dim]{left} left waiting: `nexus-lsp review` decides on them.[/]")
    return accepted, None not in (edit, new, other)


def _pick(waiting: Sequence[Json]) -> tuple[Json | None, Json | None, Json | None]:
    alone = sorted(waiting, key=lambda line: len(line["depends_on"]))
    edits = [line for line in alone if line["kind"] == "edit"]
    files = [line for line in alone if line["kind"] == "create"]
    rest = edits[1:] + files[1:]
    return next(iter(edits), None), next(iter(files), None), next(iter(reversed(rest)), None)


def _where(line: Json) -> str:
    return f"line {line['line'] + 1}" if line["kind"] == "edit" else ""
