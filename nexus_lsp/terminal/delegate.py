"""`nexus-lsp delegate`: a whole run without an editor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from nexus_lsp.core.problems import Refused
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal.following import follow
from nexus_lsp.terminal.prompt import Prompt
from nexus_lsp.terminal.review import decide, meant, names_of
from nexus_lsp.terminal.show import Narrator

Json = dict[str, Any]

EVIDENCE_SECONDS = 660.0
EXIT = {"completed": 0, "ready": 0, "failed": 1, "cancelled": 3, "paused": 4}


class Watch:
    """Follows one run's events: prints each, and knows when the work is over."""

    def __init__(self, console: Console, names: Mapping[str, str], as_json: bool) -> None:
        self._console = console
        self._narrator = Narrator(names)
        self._as_json = as_json
        self.run_id = ""
        self.workspace = ""
        self.over = asyncio.Event()
        self.tests_measured = False
        self.own_tree = asyncio.Event()
        """Set once the user's own tree was gated, after decisions settled."""
        self._task = asyncio.current_task()
        self.ask: asyncio.Queue[Json] = asyncio.Queue()
        self._early: list[Json] = []

    def hear(self, event: Json) -> None:
        """One event, of any run."""
        if not self.run_id:
            self._early.append(event)
        elif event.get("run_id") == self.run_id and "seq" in event:
            self._show(event)

    async def recall(self, api: EngineApi, run_id: str) -> None:
        """Learn the names and titles of a run that began before."""
        for event in (await api.execute("events", {"run_id": run_id}))["events"]:
            self._narrator.line(event)

    def follow(self, run_id: str) -> None:
        """From now on this run's events are shown; those that came before its id was known, too."""
        self.run_id = run_id
        for event in self._early:
            self.hear(event)
        self._early.clear()

    def _show(self, event: Json) -> None:
        self.workspace = event.get("workspace", self.workspace)
        self._print(event)
        if event["type"] in ("run_ready", "run_failed", "run_cancelled"):
            self.over.set()
        if event["type"] == "ask_opened":
            self.ask.put_nowait(event)
        self._note_gate(event)

    def _note_gate(self, event: Json) -> None:
        if event["type"] == "gate_baseline" and event["gate"] == "tests":
            self.tests_measured = event["measured"]
        is_gate = event["type"] in ("gate_passed", "gate_failed", "gate_not_measured")
        if is_gate and event["task_id"] is None and event["gate"] == "lint":  # the last of them
            self.own_tree.set()

    def _print(self, event: Json) -> None:
        """For a program a line, for a person one to be read; where they have gone (`| head`), so has the wish
        for the run."""
        try:
            if self._as_json:
                print(json.dumps(event), flush=True)
            elif (line := self._narrator.line(event)) is not None:
                self._console.print(line, soft_wrap=False)
        except (BrokenPipeError, SystemExit):  # the latter is what rich makes of the former
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if self._task:
                self._task.cancel()


async def delegate(api: EngineApi, console: Console, argument: Json, accept: str, as_json: bool) -> int:
    """Delegate a request, follow the run, review what it proposes. Gives the exit code."""
    names = await names_of(api)
    watch = Watch(console, names, as_json)
    there = accept == "ask" or sys.stdin.isatty()
    prompt = Prompt(console) if there and not as_json else None
    stop = api.listen(watch.hear)
    try:
        watch.follow((await api.execute("delegate", argument))["run_id"])
        await _until_over(api, watch, prompt)
        if await _is_left(api, console, watch.run_id, as_json):
            return EXIT["paused"]
        answer = await decide(api, console, watch.run_id, accept, names, prompt, quiet=as_json)
        if answer.get("accepted") and watch.tests_measured:
            await _evidence(console, watch)
        run = await api.execute("run", {"run_id": watch.run_id})
        return 1 if answer["refused"] else EXIT.get(run["status"], 1)
    except asyncio.CancelledError:
        if watch.run_id and not watch.over.is_set():
            await api.execute("run.cancel", {"run_id": watch.run_id})
        raise
    finally:
        stop()


async def resume(api: EngineApi, console: Console, run_id: str) -> int:
    """Go on with a run that was cut off or paused, and follow it; its changes are left for `review`.

    A run that is done and was left on another branch is taken along to this one, and reviewed here.
    """
    names = await names_of(api)
    watch = Watch(console, names, as_json=False)
    await watch.recall(api, run_id)
    stop = api.listen(watch.hear)
    try:
        watch.follow(run_id)
        run = await api.execute("run", {"run_id": run_id})
        if run["status"] not in ("pending", "in_progress", "awaiting_approval"):
            run = await api.execute("run.resume", {"run_id": run_id})
        if run["status"] in EXIT and run["status"] != "paused":
            there = sys.stdin.isatty()
            how, prompt = ("ask", Prompt(console)) if there else ("none", None)
            answer = await decide(api, console, run_id, how, names, prompt)
            return 1 if answer["refused"] else 0
        await _until_over(api, watch, Prompt(console) if sys.stdin.isatty() else None)
        if await _is_left(api, console, run_id):
            return EXIT["paused"]
        await decide(api, console, run_id, "none", names)
        return EXIT.get((await api.execute("run", {"run_id": run_id}))["status"], 1)
    finally:
        stop()


async def revise(api: EngineApi, console: Console, ids: list[str], feedback: str) -> int:
    """Have changes done in another way, and follow the work; what comes of it is left for `review`."""
    await follow(api, console)
    names = await names_of(api)
    given = await meant(api, "revise", ids) | {"feedback": feedback}
    listed = (await api.execute("review.list", {}))["changes"]
    run_id = next(c["run_id"] for c in listed if c["id"] in given["change_ids"])
    watch = Watch(console, names, as_json=False)
    await watch.recall(api, run_id)
    stop = api.listen(watch.hear)
    try:
        await api.execute("review.revise", given)
        watch.follow(run_id)
        await _until_over(api, watch, Prompt(console) if sys.stdin.isatty() else None)
        if await _is_left(api, console, run_id):
            return EXIT["paused"]
        await decide(api, console, run_id, "none", names)
        return EXIT.get((await api.execute("run", {"run_id": run_id}))["status"], 1)
    finally:
        stop()


async def transcript(api: EngineApi, console: Console, run_id: str) -> int:
    """Print all that happened in a run, as `delegate` showed it or would have."""
    narrator = Narrator(await names_of(api))
    for event in (await api.execute("events", {"run_id": run_id}))["events"]:
        line = narrator.line(event)
        if line is not None:
            console.print(line, soft_wrap=False)
    return 0


async def _evidence(console: Console, watch: Watch) -> None:
    console.print("[dim]Running the tests on your files as they are now …[/]")
    try:
        await asyncio.wait_for(watch.own_tree.wait(), EVIDENCE_SECONDS)
    except TimeoutError:
        console.print(
            "[yellow]The tests did not end in time; nothing is known of your files as they are now.[/]"
        )


async def _until_over(api: EngineApi, watch: Watch, prompt: Prompt | None) -> None:
    over = asyncio.create_task(watch.over.wait())
    try:
        while not over.done():
            ask = asyncio.create_task(watch.ask.get())
            await asyncio.wait({over, ask}, return_when=asyncio.FIRST_COMPLETED)
            if not ask.done():
                ask.cancel()
                continue
            if not await _answer(api, ask.result(), prompt):
                return
    finally:
        over.cancel()


async def _answer(api: EngineApi, ask: Json, prompt: Prompt | None) -> bool:
    """Ask the person at the terminal; where there is none, the ask's own default counts, and is not called
    anybody's word. False where the run is to be left as it is: nobody decided about more money.

    That this run goes on when its engine moved to another process needs no word: the command is still there.
    """
    kind, said = ask["kind"], None
    if kind == "resume":
        said = ask["options"][0]
    elif prompt:
        said = await _said(prompt, ask)
    if kind == "budget" and said is None:
        return False
    unattended = kind in ("question", "permission") and said is None
    given = {"ask_id": ask["ask_id"], "answer": said or ask["default"], "unattended": unattended}
    with contextlib.suppress(Refused):  # its time ran out, or another face was faster
        await api.execute("answer", given)
    return True


async def _said(prompt: Prompt, ask: Json) -> str | None:
    """What a person answers; asked again until it is an answer, None where they leave it open."""
    options: list[str] = ask["options"]
    listed = "  ".join(f"{n} {escape(option)}" for n, option in enumerate(options, 1))
    free = "  or in your own words" if ask["kind"] == "question" else ""
    while typed := await prompt.ask(f"  {listed}{free} > "):
        if meant := _meant(typed, options, in_words=ask["kind"] == "question"):
            return meant
    return None


def _meant(typed: str, options: list[str], in_words: bool) -> str | None:
    if typed.isdigit() and 0 < int(typed) <= len(options):
        return options[int(typed) - 1]
    named = [option for option in options if option.lower().startswith(typed.lower())]
    if len(named) == 1:
        return named[0]
    return typed if in_words else None


async def _is_left(api: EngineApi, console: Console, run_id: str, quiet: bool = False) -> bool:
    """Whether a run stands still until somebody says how it goes on; says how."""
    if (await api.execute("run", {"run_id": run_id}))["status"] != "paused":
        return False
    if not quiet:
        console.print(f"It is paused and keeps what is done: `nexus-lsp runs --resume {run_id}` goes on.")
    return True
