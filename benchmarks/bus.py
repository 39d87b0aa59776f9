"""The bus: a message there and read, many at once, and what refusals cost; beside a queue of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.stage import Stage
from benchmarks.tables import Samples, aim, number, show
from nexus_lsp.adapters.bus.redis_bus import RedisBus
from nexus_lsp.adapters.bus.sqlite_bus import SqliteBus
from nexus_lsp.ports import Bus
from tests.scripted.redis_program import REDIS, redis_program

BOXES = 10
THREADS, TURNS = 4, 5
"""Conversations that go on in a mailbox at one time, and messages of one."""

REFUSED = 0.03
"""Share of the deliveries that their reader refuses once."""

SIZE = 2_000
"""Bytes of a message."""


def envelope(n: int) -> dict[str, Any]:
    """The n-th message, of `SIZE` bytes; the conversations of a mailbox take turns."""
    box, at = n % BOXES, n // BOXES
    message = {
        "protocol_version": "1.0",
        "message_id": f"msg_{n}",
        "timestamp": datetime.now(UTC).isoformat(),
        "from": {"agent_id": "code_developer", "agent_type": "claude_code_agent"},
        "to": {"agent_id": "aria_coordinator", "agent_type": "claude_code_agent"},
        "message_type": "question",
        "priority": "medium",
        "payload": {"text": ""},
        "conversation_thread": f"thread_{box}.{at // (THREADS * TURNS)}.{at % THREADS}",
    }
    message["payload"] = {"text": "x" * (SIZE - len(json.dumps(message)))}
    return message


@dataclass(frozen=True, slots=True)
class Measured:
    """One bus: ms of a hop, messages a second, what refusals cost (None where nothing can be refused).

    `again`: deliveries besides the first of each message, as a share of all messages.
    """

    hop: Samples
    rate: float
    again: float | None


async def measure_bus(stage: Stage) -> None:
    """Table 7."""
    hops, many = (50, 100) if stage.quick else (1_000, 1_000)
    found = {"asyncio.Queue, kept nowhere": await _queue(hops, many)}
    async with _opened(SqliteBus(stage.place("bus") / "bus.db")) as bus:
        found["SQLite file"] = await _bus(bus, hops, many)
    if REDIS is not None:
        with redis_program(stage.place("redis")) as server:
            async with _opened(RedisBus(server.url, "bench", timeout=20.0)) as bus:
                found["Redis, every write on disk"] = await _bus(bus, hops, many)
    rows = [
        [
            name,
            *(number(one.hop.at(share) * 1e3) for share in (0.5, 0.99)),
            number(one.rate),
            "–" if one.again is None else f"{one.again:.1%}",
        ]
        for name, one in found.items()
    ]
    shares = {name: one.again for name, one in found.items() if one.again is not None}
    show(
        f"7. Messages of {SIZE / 1e3:.0f} kB: published, read, done with",
        ("by way of", "p50 µs", "p99 µs", "messages/s", "again"),
        rows,
        aim("a hop through the file p50 < 1 ms", found["SQLite file"].hop.median < 1),
        *(aim(f"again < 5 %, {name}", share < 0.05) for name, share in shares.items()),
        f"messages/s: {many:,} at once to {BOXES} mailboxes, {THREADS} conversations in each",
        f"again: deliveries after the first of a message, {REFUSED:.0%} of the messages being refused once",
        *([] if REDIS else ["redis-server is not installed"]),
    )


@asynccontextmanager
async def _opened(bus: SqliteBus | RedisBus) -> AsyncGenerator[Bus]:
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


# --- a bus ---------------------------------------------------------------------------------------------


async def _bus(bus: Bus, hops: int, many: int) -> Measured:
    took: list[float] = []
    for n in range(hops):
        message = envelope(n)
        began = time.perf_counter()
        await bus.publish("hops", message)
        [delivery] = await bus.receive("hops", wait=10.0)
        await bus.acknowledge("hops", [delivery.message_id])
        took.append((time.perf_counter() - began) * 1e3)
    rate = await _all_at_once(bus, "fast", many, frozenset())
    before = (await bus.figures()).retried
    refused = random.Random(7).sample(range(many), int(many * REFUSED))
    await _all_at_once(bus, "moody", many, frozenset(f"msg_{n}" for n in refused))
    again = ((await bus.figures()).retried - before) / many
    return Measured(Samples(tuple(took)), rate, again)


async def _all_at_once(bus: Bus, name: str, many: int, refused: frozenset[str]) -> float:
    """Messages a second; those of `refused` are refused when they come first."""
    messages = [envelope(n) for n in range(many)]
    began = time.perf_counter()
    senders = [_send(bus, f"{name}{box}", messages[box::BOXES]) for box in range(BOXES)]
    readers = [_read(bus, f"{name}{box}", len(messages[box::BOXES]), refused) for box in range(BOXES)]
    await asyncio.gather(*senders, *readers)
    return many / (time.perf_counter() - began)


async def _send(bus: Bus, mailbox: str, messages: Sequence[dict[str, Any]]) -> None:
    for message in messages:
        await bus.publish(mailbox, message)


async def _read(bus: Bus, mailbox: str, count: int, refused: frozenset[str]) -> None:
    seen: Counter[str] = Counter()
    left = count
    while left:
        done: list[str] = []
        held_up: set[str] = set()
        for delivery in await bus.receive(mailbox, limit=5, wait=10.0):
            thread = str(delivery.message["conversation_thread"])
            seen[delivery.message_id] += 1
            if thread in held_up:
                continue  # it comes again behind the one that was refused
            if delivery.message_id in refused and seen[delivery.message_id] == 1:
                held_up.add(thread)
                await bus.refuse(mailbox, delivery.message_id, "busy")
            else:
                done.append(delivery.message_id)
        await bus.acknowledge(mailbox, done)
        left -= len(done)


# --- the peer ------------------------------------------------------------------------------------------


async def _queue(hops: int, many: int) -> Measured:
    took: list[float] = []
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for n in range(hops):
        message = envelope(n)
        began = time.perf_counter()
        await queue.put(message)
        await queue.get()
        queue.task_done()
        took.append((time.perf_counter() - began) * 1e3)
    queues: list[asyncio.Queue[dict[str, Any]]] = [asyncio.Queue() for _ in range(BOXES)]
    messages = [envelope(n) for n in range(many)]

    async def read(queue: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            await queue.get()
            queue.task_done()

    readers = [asyncio.create_task(read(queue)) for queue in queues]
    began = time.perf_counter()
    for n, message in enumerate(messages):
        await queues[n % BOXES].put(message)
    await asyncio.gather(*(queue.join() for queue in queues))
    rate = many / (time.perf_counter() - began)
    for reader in readers:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
    return Measured(Samples(tuple(took)), rate, None)
