"""What tests of the bus share: envelopes in a few words, and stores that outlive a bus."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fake_bus import Kept, MemoryBus
from fakes import Clock

from nexus_lsp.adapters.bus.redis_bus import RedisBus
from nexus_lsp.adapters.bus.sqlite_bus import SqliteBus
from nexus_lsp.core.messages import iso
from nexus_lsp.ports import Bus, BusFailed
from tests.scripted.redis_program import PATIENCE


def said(
    message_id: str, thread: str = "t", priority: str = "medium", at: float = 1_000.0, **more: Any
) -> Any:
    """An envelope, written at the time at which a test's clock stands first."""
    return {
        "protocol_version": "1.0",
        "message_id": message_id,
        "timestamp": iso(at),
        "from": {"agent_id": "code_developer", "agent_type": "claude_code_agent"},
        "to": {"agent_id": "aria_coordinator", "agent_type": "claude_code_agent"},
        "message_type": "question",
        "priority": priority,
        "payload": {"text": f"This is {message_id}."},
        "conversation_thread": thread,
        **more,
    }


async def publish(bus: Bus, words: str, mailbox: str = "ada", **more: Any) -> None:
    """`a1 a2! b1_`: three messages in two threads, the second critical, the third low (`^` is high)."""
    urgency = {"!": "critical", "^": "high", "_": "low"}
    for word in words.split():
        assert await bus.publish(mailbox, said(word[:2], word[0], urgency.get(word[2:], "medium"), **more))


async def read(bus: Bus, mailbox: str = "ada", limit: int = 20, wait: float = 0.0) -> str:
    """Receive: ids and, but for the first, the attempt (`a1 a2:2`)."""
    found = await bus.receive(mailbox, limit, wait)
    return " ".join(d.message_id + (f":{d.attempt}" if d.attempt > 1 else "") for d in found)


async def dead(bus: Bus) -> list[tuple[str, str]]:
    return [(letter.message_id, letter.why) for letter in await bus.dead_letters()]


# --- stores ------------------------------------------------------------------------------------------


class Make(Protocol):
    """Makes a bus on one store."""

    def __call__(self, *, now: Callable[[], float], lease: float) -> Bus: ...


class House:
    """Opens one bus after the other on one store, under one clock."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self.clock = Clock()
        self.buses: list[Bus] = []

    async def open(self, *, real_time: bool = False, lease: float = 60.0) -> Bus:
        """The next bus; the one before is closed first."""
        await self.close()
        self.buses.append(self._make(now=time.time if real_time else self.clock, lease=lease))
        await self.buses[-1].open()
        return self.buses[-1]

    async def close(self) -> None:
        for bus in self.buses:
            await bus.close()


def memory() -> Make:
    kept = Kept()
    return lambda **more: MemoryBus(kept, **more)


def sqlite(path: Path) -> Make:
    return lambda **more: SqliteBus(path, **more)


def redis(url: str) -> Make:
    namespace = uuid.uuid4().hex
    return lambda **more: RedisBus(url, namespace, timeout=PATIENCE, **more)


async def refused_within(seconds: float, call: Any, match: str) -> None:
    """The call raises BusFailed with such a text, in time."""
    began = time.monotonic()
    try:
        await call
    except BusFailed as failed:
        assert match in str(failed), str(failed)
    else:
        raise AssertionError("it went well")
    assert time.monotonic() - began < seconds
