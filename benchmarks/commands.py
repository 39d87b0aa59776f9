"""`workspace/executeCommand` there and back, with nothing to do and with four agents at work."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from benchmarks.client import Client
from benchmarks.scripts import THINKING
from benchmarks.stage import BARE, NEXUS, Stage, services
from benchmarks.tables import Samples, aim, ratio, show

Rows = dict[str, Samples]
WARM_UP = 10
PAUSE = 0.02
"""Seconds between calls while agents work, so that they last through several of their turns."""


async def measure_commands(stage: Stage) -> None:
    """Table 3."""
    idle = await _idle(stage)
    busy = await _busy(stage, "busy")
    flat = {} if stage.quick else await _busy(stage, "flat-out")
    rows: list[list[str]] = []
    told = {
        "idle": idle,
        f"4 agents, {THINKING * 1e3:.0f} ms a turn": busy,
        "4 agents, instant model": flat,
    }
    for when, found in told.items():
        for name, samples in found.items():
            rows.append([f"{name}, {when}", *samples.tail(), ratio(samples, found["bare pygls"])])
    show(
        "3. Commands there and back (ms)",
        ("command", "p50", "p99", "max", "calls", "to bare pygls"),
        rows,
        aim("nexus.runs p99 < 20 ms, idle", idle["nexus.runs"].at(0.99) < 20),
        aim("nexus.runs p99 < 20 ms, 4 agents at work", busy["nexus.runs"].at(0.99) < 20),
        aim(
            "nexus.delegate < 100 ms",
            max(*idle["nexus.delegate"].values, *busy["nexus.delegate"].values) < 100,
        ),
        "bare pygls: an echo command, called in turn with ours, on the same machine under the same load",
    )


async def _idle(stage: Stage) -> Rows:
    calls, delegations = (50, 5) if stage.quick else (1000, 100)
    async with AsyncExitStack() as stack:
        ours, bare = await _both(stage, stack, "idle", {})
        runs, echo = await _in_turn(ours, bare, calls, 0.0)
        delegate = [await _delegate_and_cancel(ours) for _ in range(delegations)]
    return {"nexus.runs": runs, "nexus.delegate": Samples(tuple(delegate)), "bare pygls": echo}


async def _busy(stage: Stage, script: str) -> Rows:
    calls, delegations = (50, 3) if stage.quick else (500, 20)
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(services(script))
        ours, bare = await _both(stage, stack, script, dict(urls))
        await _put_to_work(ours)
        runs, echo = await _in_turn(ours, bare, calls, PAUSE)
        delegate = [await _delegate_and_cancel(ours) for _ in range(delegations)]
        at_work = (await ours.command("nexus.agents"))[1]["active_agents"]
        assert at_work, "the agents were done before the measurement was"
        for run in (await ours.command("nexus.runs"))[1]["runs"]:
            if run["status"] == "in_progress":
                await ours.command("nexus.run.cancel", {"runId": run["runId"]})
    return {"nexus.runs": runs, "nexus.delegate": Samples(tuple(delegate)), "bare pygls": echo}


async def _both(
    stage: Stage, stack: AsyncExitStack, name: str, more: dict[str, str]
) -> tuple[Client, Client]:
    root = stage.workspace(f"commands-{name}")
    clients: list[Client] = []
    for command, who in ((NEXUS, "ours"), (BARE, "bare")):
        client = await Client.start(command, stage.env(f"{name}-{who}", **more), root)
        stack.push_async_callback(client.end)
        await client.initialize(root, {"trusted": False})
        client.tell("initialized", {})
        clients.append(client)
    await clients[0].command("nexus.runs")
    await clients[1].command("bench.echo")
    return clients[0], clients[1]


async def _in_turn(ours: Client, bare: Client, calls: int, pause: float) -> tuple[Samples, Samples]:
    mine: list[float] = []
    peer: list[float] = []
    for _ in range(WARM_UP + calls):
        mine.append((await ours.command("nexus.runs"))[0])
        await asyncio.sleep(pause)
        peer.append((await bare.command("bench.echo"))[0])
        await asyncio.sleep(pause)
    return Samples(tuple(mine[WARM_UP:])), Samples(tuple(peer[WARM_UP:]))


async def _put_to_work(ours: Client) -> None:
    """Four agents, each past its first turn."""
    started = (await ours.command("nexus.delegate", {"request": "Be busy.", "team": "claude"}))[1]
    seen: set[str] = set()

    def all_work(method: str, event: dict[str, object]) -> bool:
        if (
            method == "nexus/event"
            and event["runId"] == started["runId"]
            and event["type"] == "task_progress"
        ):
            seen.add(str(event["taskId"]))
        return len(seen) == 4

    await ours.until(all_work)


async def _delegate_and_cancel(ours: Client) -> float:
    """One request is taken on, and given up once it waits for its plan to be approved."""
    start = len(ours.heard)
    argument = {"request": "Fix lint and write tests.", "approval": "ask", "team": "local"}
    ms, answer = await ours.command("nexus.delegate", argument)
    run_id = answer["runId"]
    seen: set[str] = set()

    def at_rest(method: str, event: dict[str, object]) -> bool:
        if method == "nexus/event" and event["runId"] == run_id:
            seen.add(str(event["type"]))
        return "run_failed" in seen or {"ask_opened", "gate_baseline"} <= seen

    _, last = await ours.until(at_rest, start)
    assert "run_failed" not in seen, last
    await ours.command("nexus.run.cancel", {"runId": run_id})
    return ms
