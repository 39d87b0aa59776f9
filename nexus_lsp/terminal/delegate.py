"""`nexus-lsp delegate`: a whole run without an editor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal.review import decide, names_of
from nexus_lsp.terminal.show import Narrator

Json = dict[str, Any]

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
        if self._as_json:
            print(json.dumps(event), flush=True)
        else:
            line = self._narrator.line(event)
            if line is not None:
                self._console.print(line, soft_wrap=False)
        if event["type"] in ("run_ready", "run_failed", "run_cancelled"):
            self.over.set()
        if event["type"] == "ask_opened":
            self.ask.put_nowait(event)


async def delegate(api: EngineApi, console: Console, argument: Json, accept: str, as_json: bool) -> int:
    """Delegate a request, follow the run, review what it proposes. Gives the exit code."""
    names = await names_of(api)
    watch = Watch(console, names, as_json)
    stop = api.listen(watch.hear)
    try:
        answer = await api.execute("delegate", argument)
        watch.follow(answer["run_id"])
        await _until_over(api, console, watch, interactive=accept == "ask" and not as_json)
        await decide(api, console, watch.run_id, accept, names, quiet=as_json)
        run = await api.execute("run", {"run_id": watch.run_id})
        return EXIT.get(run["status"], 1)
    except asyncio.CancelledError:
        if watch.run_id and not watch.over.is_set():
            await api.execute("run.cancel", {"run_id": watch.run_id})
        raise
    finally:
        stop()


async def _until_over(api: EngineApi, console: Console, watch: Watch, interactive: bool) -> None:
    over = asyncio.create_task(watch.over.wait())
    try:
        while not over.done():
            ask = asyncio.create_task(watch.ask.get())
            await asyncio.wait({over, ask}, return_when=asyncio.FIRST_COMPLETED)
            if not ask.done():
                ask.cancel()
                continue
            await _answer(api, console, ask.result(), interactive)
    finally:
        over.cancel()


async def _answer(api: EngineApi, console: Console, ask: Json, interactive: bool) -> None:
    """Ask the person at the terminal; where there is none, the ask's own default counts.

    That this run goes on when its engine moved to another process needs no word: the command is still there.
    """
    options: list[str] = ask["options"]
    answer = options[0] if ask["kind"] == "resume" else ask["default"]
    if interactive and ask["kind"] != "resume":
        listed = " ".join(f"[{n}] {option}" for n, option in enumerate(options, 1))
        typed = (await asyncio.to_thread(console.input, f"  {listed} > ")).strip()
        answer = options[int(typed) - 1] if typed.isdigit() and 0 < int(typed) <= len(options) else answer
    await api.execute("answer", {"ask_id": ask["ask_id"], "answer": answer})
