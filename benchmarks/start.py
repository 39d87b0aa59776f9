"""Start to `initialize` answered, and memory when idle."""

from __future__ import annotations

import asyncio
import time

from benchmarks.client import Client
from benchmarks.peers import OURS, PEER, servers
from benchmarks.stage import Stage
from benchmarks.tables import Samples, aim, ratio, show

AT_REST = 3.0
"""Seconds after `initialized` at which memory is read."""


async def measure_start(stage: Stage) -> None:
    """Table 1."""
    rounds = 1 if stage.quick else 11
    root = stage.workspace("start")
    found = servers()
    took: dict[str, list[float]] = {name: [] for name in found}
    for at in range(rounds + 1):
        for name, command in found.items():
            client = await Client.start(command, stage.env(f"start-{name}"), root)
            try:
                ms = await client.initialize(root)
            finally:
                await client.end()
            if at:  # the first round warms the page cache
                took[name].append(ms)
    _show("1. Start until `initialize` is answered (ms)", took, "≤ 1.5 × bare pygls", _times(took) <= 1.5)


async def measure_memory(stage: Stage) -> None:
    """Table 2."""
    rounds = 1 if stage.quick else 3
    root = stage.workspace("idle")
    found = servers()
    used: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, command in found.items():
            client = await Client.start(command, stage.env(f"idle-{name}"), root)
            try:
                await client.initialize(root)
                client.tell("initialized", {})
                rest = time.perf_counter() + AT_REST
                if name == OURS:
                    await client.command("nexus.runs")  # answered once the engine is open
                await asyncio.sleep(max(0.5, rest - time.perf_counter()))
                used[name].append(client.pss())
            finally:
                await client.end()
    title = f"2. Idle memory, {AT_REST:.0f} s after `initialized`, the engine open (PSS with children, MB)"
    _show(title, used, "< 70 MB", Samples(tuple(used[OURS])).median < 70)


def _times(found: dict[str, list[float]]) -> float:
    return Samples(tuple(found[OURS])).median / Samples(tuple(found[PEER])).median


def _show(title: str, found: dict[str, list[float]], told: str, holds: bool) -> None:
    samples = {name: Samples(tuple(values)) for name, values in found.items()}
    rows = [[name, *s.spread(), ratio(s, samples[PEER])] for name, s in samples.items()]
    show(title, ("server", "median", "min", "max", "to bare pygls"), rows, aim(told, holds))
