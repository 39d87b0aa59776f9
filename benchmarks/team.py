"""A run of six tasks beside the same six Claude Code calls made bare.

Where the time of a run goes is read from its facts along the critical path, each moment counted once:

    before     run_started → the first task_started: snapshot, baseline gates, plan
    agents     `seconds` of task_submitted: the launcher and Claude Code itself
    set-up     the rest of task_started → task_submitted: checkout and harvest
    gates      `seconds` of gate facts between task_submitted and task_completed
    the rest   what the engine itself takes, of which the facts name: `refresh_seconds` (the user's text
               taken anew), `merge_seconds` (merging, proposing), `waited_seconds` (for the turn to land)
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, fields
from typing import Any

from benchmarks.client import Client
from benchmarks.scripts import LAYERS
from benchmarks.stage import NEXUS, ROOT, Stage, services
from benchmarks.tables import Samples, aim, number, ratio, show

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spans:
    """Seconds of one run along its critical path."""

    wall: float
    before: float
    agents: float
    setup: float
    gates: float
    checkout: float = 0.0
    harvest: float = 0.0
    refresh: float = 0.0
    merge: float = 0.0
    waited: float = 0.0

    @property
    def rest(self) -> float:
        return self.wall - self.before - self.agents - self.setup - self.gates


async def measure_team(stage: Stage) -> None:
    """Table 4."""
    rounds = 1 if stage.quick else 7
    root = stage.workspace("team")
    bare: list[float] = []
    spans: list[Spans] = []
    async with services("six") as urls:
        env = stage.env("team", **urls)
        peer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.bare_agents", str(stage.place("bare"))),
            cwd=ROOT,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        client = await Client.start(NEXUS, env, root)
        try:
            await client.initialize(root, {"trusted": False})
            client.tell("initialized", {})
            await client.command("nexus.runs")
            for _ in range(rounds + 1):
                bare.append(await _bare(peer))
                spans.append(await _run(client))
        finally:
            await client.end()
            assert peer.stdin is not None
            peer.stdin.close()
            await peer.wait()
    _show(bare, spans)


async def _bare(peer: asyncio.subprocess.Process) -> float:
    assert peer.stdin is not None and peer.stdout is not None
    peer.stdin.write(b"go\n")
    line = await asyncio.wait_for(peer.stdout.readline(), 120)
    return float(json.loads(line)["seconds"])


async def _run(client: Client) -> Spans:
    start = len(client.heard)
    argument = {"request": "Write six files.", "team": "claude"}
    run_id = (await client.command("nexus.delegate", argument))[1]["runId"]
    ends = ("run_ready", "run_failed", "run_cancelled")
    _, end = await client.until(
        lambda method, event: method == "nexus/event" and event["runId"] == run_id and event["type"] in ends,
        start,
    )
    assert end["type"] == "run_ready", end
    events = (await client.ask("nexus/events", {"runId": run_id, "afterSeq": 0}))["events"]
    await client.command("nexus.review.reject", {"runId": run_id})
    return spans_of(events)


def spans_of(events: list[Event]) -> Spans:
    """See the module."""
    first = next(e["at"] for e in events if e["type"] == "run_started")
    ready = next(e["at"] for e in events if e["type"] == "run_ready")
    by = {
        (e["type"], e["taskId"]): e
        for e in events
        if e["type"] in ("task_started", "task_submitted", "task_completed")
    }
    began = min(e["at"] for (kind, _), e in by.items() if kind == "task_started")
    agents = setup = gates = checkout = harvest = refresh = merge = waited = 0.0
    for layer in LAYERS:
        # the layer's last to land is what the next one waits for
        last = max(layer, key=lambda task: by["task_completed", task]["at"])
        started, submitted, completed = (
            by[f"task_{kind}", last] for kind in ("started", "submitted", "completed")
        )
        agents += submitted["seconds"]
        setup += submitted["at"] - started["at"] - submitted["seconds"]
        checkout += submitted.get("checkoutSeconds", 0.0)
        harvest += submitted.get("harvestSeconds", 0.0)
        refresh += completed.get("refreshSeconds", 0.0)
        merge += completed.get("mergeSeconds", 0.0)
        waited += completed.get("waitedSeconds", 0.0)
        gates += sum(
            min(e["seconds"], e["at"] - submitted["at"])
            for e in events
            if e["type"] in ("gate_passed", "gate_failed") and submitted["at"] < e["at"] <= completed["at"]
        )
    before = began - first
    return Spans(ready - first, before, agents, setup, gates, checkout, harvest, refresh, merge, waited)


def _show(bare_seconds: list[float], spans: list[Spans]) -> None:
    cold, warm = spans[0], spans[1:]
    bare = Samples(tuple(s * 1e3 for s in bare_seconds[1:]))
    names = {
        "wall": "the whole run, run_started → run_ready",
        "before": "– before the first task (snapshot, gates, plan)",
        "agents": "– agents: launcher and Claude Code",
        "setup": "– set-up: checkout and harvest",
        "gates": "– gates",
        "checkout": "  of set-up: checkout",
        "harvest": "  of set-up: harvest",
        "refresh": "  of the rest: the user's text taken anew while landing",
        "merge": "  of the rest: merging and proposing",
        "waited": "  of the rest: waiting for the turn to land",
    }
    rows = [["six bare calls, same dependencies", *bare.spread(), "1.00 ×", number(bare_seconds[0] * 1e3)]]
    for field in fields(Spans):
        values = Samples(tuple(getattr(s, field.name) * 1e3 for s in warm))
        first = number(getattr(cold, field.name) * 1e3)
        rows.append([names[field.name], *values.spread(), ratio(values, bare), first])
    rest = Samples(tuple(s.rest * 1e3 for s in warm))
    rows.append(["– the rest: the engine's own", *rest.spread(), ratio(rest, bare), number(cold.rest * 1e3)])
    share = Samples(tuple(100 * s.rest / s.wall for s in warm))
    show(
        "4. Six tasks in four steps, instantaneous model, workspace not trusted (ms)",
        ("what", "median", "min", "max", "to six bare calls", "first run"),
        rows,
        aim(f"the rest < 15 % of the run ({share.median:.1f} %)", share.median < 15),
        "the first run of a server also imports what `initialize` did not wait for",
    )
