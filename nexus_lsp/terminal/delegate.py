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
from nexus_lsp.terminal.prompt import Prompt
from nexus_lsp.terminal.review import decide, names_of
from nexus_lsp.terminal.show import Narrator

Json = dict[str, Any]

EVIDENCE_SECONDS = 660.0
EXIT = {"completed": 0, "ready": 0, "failed": 1, "cancelled": 3}


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
    prompt = Prompt(console) if accept == "ask" and not as_json else None
    stop = api.listen(watch.hear)
    try:
        watch.follow((await api.execute("delegate", argument))["run_id"])
        await _until_over(api, watch, prompt)
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
    """Go on with a run that was cut off or paused, and follow it; its changes are left for `review`."""
    names = await names_of(api)
    watch = Watch(console, names, as_json=False)
    stop = api.listen(watch.hear)
    try:
        watch.follow(run_id)
        run = await api.execute("run", {"run_id": run_id})
        if run["status"] == "paused":
            await api.execute("run.resume", {"run_id": run_id})
        elif run["status"] not in ("pending", "in_progress", "awaiting_approval"):
            raise Refused(f"This run is {run['status']}; there is nothing to go on with.")
        await _until_over(api, watch, Prompt(console) if sys.stdin.isatty() else None)
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
            await _answer(api, ask.result(), prompt)
    finally:
        over.cancel()


async def _answer(api: EngineApi, ask: Json, prompt: Prompt | None) -> None:
    """Ask the person at the terminal; where there is none, the ask's own default counts.

    That this run goes on when its engine moved to another process needs no word: the command is still there.
    """
    options: list[str] = ask["options"]
    answer = options[0] if ask["kind"] == "resume" else ask["default"]
    if prompt and ask["kind"] != "resume":
        listed = "  ".join(f"{n} {escape(option)}" for n, option in enumerate(options, 1))
        free = "  or in your own words" if ask["kind"] == "question" else ""
        typed = await prompt.ask(f"  {listed}{free} > ") or ""
        answer = _meant(typed, options, answer, in_words=ask["kind"] == "question")
    with contextlib.suppress(Refused):  # its time ran out, or another face was faster
        await api.execute("answer", {"ask_id": ask["ask_id"], "answer": answer})


def _meant(typed: str, options: list[str], default: str, in_words: bool) -> str:
    if typed.isdigit() and 0 < int(typed) <= len(options):
        return options[int(typed) - 1]
    named = [o for o in options if typed and o.lower().startswith(typed.lower())]
    if len(named) == 1:
        return named[0]
    return typed if in_words and typed else default
