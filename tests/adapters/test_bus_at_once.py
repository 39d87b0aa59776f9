"""The bus, over the fake, the file and Redis: who waits is woken, many send and read at once, all listen."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict

import pytest
from bus_house import House, publish, read, said

from nexus_lsp.core.mailbox import FIRST_PAUSE
from nexus_lsp.ports import Bus
from tests.scripted.redis_program import PATIENCE

# --- waiting -----------------------------------------------------------------------------------------


async def test_who_waits_is_woken_at_once(house: House) -> None:
    bus = await house.open(real_time=True)
    took: list[float] = []
    for n in range(5):
        waiting = asyncio.create_task(read(bus, wait=PATIENCE))
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await publish(bus, f"a{n}")
        assert await waiting == f"a{n}"
        took.append(time.perf_counter() - began)
        await bus.acknowledge("ada", [f"a{n}"])
    assert min(took) < 0.05, took


async def test_who_waits_is_woken_when_what_held_it_up_is_done_with(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2")
    assert await read(bus, limit=1) == "a1"
    waiting = asyncio.create_task(read(bus, wait=PATIENCE))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await bus.acknowledge("ada", ["a1"])
    assert await waiting == "a2"


async def test_who_waits_is_woken_when_a_pause_or_a_lease_ends(house: House) -> None:
    bus = await house.open(real_time=True, lease=0.2)
    await publish(bus, "a1", at=time.time())
    assert await read(bus) == "a1"
    assert await read(bus, wait=PATIENCE) == "a1:2"
    await bus.refuse("ada", "a1", "not now")
    began = time.monotonic()
    assert await read(bus, wait=PATIENCE) == "a1:3"
    assert time.monotonic() - began > FIRST_PAUSE / 2


async def test_waiting_ends(house: House) -> None:
    bus = await house.open(real_time=True)
    began = time.monotonic()
    assert await read(bus, wait=0.1) == ""
    assert 0.09 < time.monotonic() - began < PATIENCE / 2


async def test_a_reader_that_gives_up_waiting_keeps_nothing(house: House) -> None:
    bus = await house.open(real_time=True)
    for n in range(30):
        reader = asyncio.create_task(bus.receive("ada", wait=PATIENCE))
        await asyncio.sleep(0)
        publishing = asyncio.create_task(bus.publish("ada", said(f"m{n}", f"t{n}")))
        await asyncio.sleep(n * 0.0001)
        reader.cancel()
        await asyncio.wait([reader, publishing])
        got = () if reader.cancelled() else reader.result()
        got = got or await bus.receive("ada", wait=PATIENCE)
        assert [d.message_id for d in got] == [f"m{n}"]
        await bus.acknowledge("ada", [f"m{n}"])


# --- many at once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_many_senders_and_readers_some_of_whom_refuse(house: House, seed: int) -> None:
    bus = await house.open(real_time=True)
    chance = random.Random(seed)
    done: list[tuple[str, str, int]] = []
    left = 500

    async def send(sender: int) -> None:
        for n in range(50):
            await bus.publish(f"box{n % 5}", said(f"m{sender}.{n}", f"thread{sender}", at=time.time(), n=n))

    async def work(mailbox: str) -> None:
        nonlocal left
        while left:
            refused: set[str] = set()
            for delivery in await bus.receive(mailbox, limit=7, wait=0.2):
                thread = delivery.message["conversation_thread"]
                if thread in refused:
                    continue  # refusing one of a thread gives back those behind it
                if chance.random() < 0.03:
                    refused.add(thread)
                    await bus.refuse(mailbox, delivery.message_id, "out to lunch")
                else:
                    done.append((mailbox, thread, delivery.message["n"]))
                    await bus.acknowledge(mailbox, [delivery.message_id])
                    left -= 1

    readers = [work(f"box{n % 5}") for n in range(10)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(send(n) for n in range(10)), *readers)
    assert set(Counter(done).values()) == {1} and len(done) == 500
    by_thread: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for mailbox, thread, n in done:
        by_thread[mailbox, thread].append(n)
    assert [numbers for numbers in by_thread.values() if numbers != sorted(numbers)] == []
    await adds_up(bus, acknowledged=500)


async def adds_up(bus: Bus, acknowledged: int) -> None:
    figures = await bus.figures()
    assert figures.acknowledged == acknowledged
    assert figures.published == figures.acknowledged + figures.dead + figures.waiting
    assert figures.delivered - figures.retried == figures.published, "each was delivered a first time, once"
    assert figures.retried > 0


# --- broadcasts --------------------------------------------------------------------------------------


async def test_all_who_listen_hear_and_one_that_fails_makes_nobody_deaf(house: House) -> None:
    bus = await house.open()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["message"]))
    faults: list[str] = []
    heard: list[object] = []

    def fail(_status: object) -> None:
        raise RuntimeError("broken")

    ends = [bus.listen(fail), bus.listen(heard.append), bus.listen(heard.append)]
    await bus.broadcast({"agent": "ada", "status": "\u00e9 idle"})
    await until(lambda: len(heard) == 2)
    assert heard == [{"agent": "ada", "status": "\u00e9 idle"}] * 2
    assert faults == ["A listener of the bus failed"]
    ends[1]()
    ends[1]()
    await bus.broadcast({"n": 2})
    await until(lambda: len(heard) == 3)
    ends[2]()
    ends[0]()
    await bus.broadcast({"n": 3})
    await asyncio.sleep(0.05)
    assert len(heard) == 3


async def until(holds: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.005)
