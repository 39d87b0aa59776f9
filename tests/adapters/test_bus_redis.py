"""The bus over Redis: a server killed at its work, entries of other programs, several processes."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bus_house import dead, publish, read, refused_within, said

from nexus_lsp.adapters.bus.redis_bus import RedisBus
from nexus_lsp.adapters.bus.redis_scripts import DECIDE
from nexus_lsp.ports import BusFailed, BusFigures
from tests.scripted.redis_program import PATIENCE, REDIS, RedisProgram, redis_program

pytestmark = pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")

ROOT = Path(__file__).parents[2]

READS = """
import asyncio, sys, time
sys.path[:0] = ["tests", "tests/adapters"]
from bus_house import read
from nexus_lsp.adapters.bus.redis_bus import RedisBus

async def main():
    bus = RedisBus(sys.argv[1], sys.argv[2], lease=1.0)
    await bus.open()
    print(await read(bus, limit=2, wait=20), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProgram]:
    with redis_program(tmp_path) as program:
        yield program


@asynccontextmanager
async def opened(server: RedisProgram, namespace: str = "", **more: Any) -> AsyncIterator[RedisBus]:
    bus = RedisBus(server.url, namespace or uuid.uuid4().hex, **{"timeout": PATIENCE} | more)
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


async def raw(server: RedisProgram, *command: str | bytes) -> Any:
    """What another program asks of the server."""
    from redis.asyncio import Redis

    async with Redis.from_url(server.url) as client:
        return await client.execute_command(*command)


def stream(bus: RedisBus, mailbox: str = "ada") -> str:
    return bus._keys(mailbox)[0]


# --- gone, and back ----------------------------------------------------------------------------------


async def test_killed_and_back_nothing_published_is_lost_and_nothing_done_with_comes_again(
    server: RedisProgram,
) -> None:
    async with opened(server, timeout=1.0, lease=0.5) as bus:
        await publish(bus, "a1 a2 b1 c1", at=time.time())
        assert await read(bus, limit=3) == "a1 a2 b1"
        await bus.acknowledge("ada", ["a1"])
        server.kill()
        unreachable = f"Redis at 127.0.0.1:{server.port} cannot be reached"
        for call in (
            bus.publish("ada", said("d1", "d")),
            bus.receive("ada"),
            bus.receive("ada", wait=PATIENCE),
            bus.acknowledge("ada", ["a2"]),
            bus.refuse("ada", "a2", "no"),
            bus.bury("ada", "over"),
            bus.dead_letters(),
            bus.figures(),
            bus.broadcast({"status": "idle"}),
        ):
            await refused_within(3, call, unreachable)
        server.start()
        assert await bus.publish("ada", said("d1", "d", at=time.time())) is True
        seen: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while len(seen) < 4:
                found = [d.message_id for d in await bus.receive("ada", wait=0.2)]
                await bus.acknowledge("ada", found)
                seen += found
        assert sorted(seen) == ["a2", "b1", "c1", "d1"]
        figures = await bus.figures()
        assert (figures.published, figures.acknowledged, figures.waiting) == (5, 5, 0)


async def test_killed_while_many_write_and_read(server: RedisProgram) -> None:
    """What went well can be relied on; what failed is sent again, with the same id."""
    chance = random.Random(5)
    done: list[str] = []
    failures: list[str] = []
    async with opened(server, timeout=1.0, lease=1.0) as bus:

        async def surely(call: Any) -> Any:
            while True:
                try:
                    return await call()
                except BusFailed as failed:
                    failures.append(str(failed))
                    await asyncio.sleep(0.05)

        async def send(sender: int) -> None:
            for n in range(60):
                message = said(f"m{sender}.{n}", f"t{sender}", at=time.time())
                await surely(lambda message=message: bus.publish("ada", message))
                await asyncio.sleep(chance.random() * 0.02)

        async def work() -> None:
            while len(done) < 240:
                for delivery in await surely(lambda: bus.receive("ada", limit=5, wait=0.2)):
                    ids = [delivery.message_id]
                    await surely(lambda ids=ids: bus.acknowledge("ada", ids))
                    done.extend(ids)

        async def trouble() -> None:
            for _ in range(2):
                await asyncio.sleep(0.3)
                server.kill()
                await asyncio.sleep(0.3)
                await asyncio.to_thread(server.start)

        async with asyncio.timeout(60):
            await asyncio.gather(*(send(n) for n in range(4)), work(), work(), trouble())
        figures = await bus.figures()
    assert set(done) == {f"m{sender}.{n}" for sender in range(4) for n in range(60)}
    assert failures and all("cannot be reached" in text for text in failures)
    again = [message for message, times in Counter(done).items() if times > 1]
    assert len(again) <= len(failures), "only what an answer was lost of may come again"
    assert (figures.published, figures.acknowledged, figures.waiting) == (240, 240, 0)


async def test_who_waits_hears_of_it_and_is_served_by_the_server_that_is_back(server: RedisProgram) -> None:
    async with opened(server, timeout=1.0) as bus:
        waiting = asyncio.create_task(bus.receive("ada", wait=PATIENCE))
        await asyncio.sleep(0.1)
        server.kill()
        await refused_within(5, waiting, "cannot be reached")
        server.start()
        heard: list[object] = []
        bus.listen(heard.append)
        waiting = asyncio.create_task(bus.receive("ada", wait=PATIENCE))
        await publish(bus, "a1", at=time.time())
        assert [d.message_id for d in await waiting] == ["a1"]
        async with asyncio.timeout(PATIENCE):  # the ear connects again by itself
            while not heard:
                await bus.broadcast({"n": 1})
                await asyncio.sleep(0.05)


async def test_a_server_that_stands_still_holds_nobody_up(server: RedisProgram) -> None:
    async with opened(server, timeout=0.5, lease=0.1) as bus:
        await publish(bus, "a1", at=time.time())
        server.signal(signal.SIGSTOP)
        try:
            await refused_within(2, bus.publish("ada", said("a2")), "cannot be reached")
            await refused_within(2, bus.receive("ada"), "cannot be reached (no answer within 0.5 s)")
        finally:
            server.signal(signal.SIGCONT)
        assert (await read(bus, wait=PATIENCE)).startswith("a1")


async def test_an_answer_that_gets_lost_leaves_nothing_leased(
    server: RedisProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server) as bus:
        await publish(bus, "a1 a2", at=time.time())
        run = bus._server.run

        async def lost(script: str, *more: Any) -> Any:
            answer = await run(script, *more)
            if script == DECIDE:
                raise ConnectionResetError("the line broke")
            return answer

        with monkeypatch.context() as broken:
            broken.setattr(bus._server, "run", lost)
            await refused_within(5, bus.receive("ada"), "cannot be reached (the line broke)")
        assert await read(bus) == "a1:2 a2:2"


async def test_no_server_at_all(server: RedisProgram) -> None:
    server.kill()
    bus = RedisBus(server.url, "ns", timeout=1.0)
    await refused_within(3, bus.open(), f"Redis at 127.0.0.1:{server.port} cannot be reached")
    await refused_within(1, bus.publish("ada", said("m1")), "The bus is closed")
    await bus.close()


# --- other programs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (("text", "hello"), "message: the field is missing. Put the JSON of the message into it."),
        (("message", "hello"), "JSON"),
        (("message", "[1, 2]"), "dictionary"),
        (("message", json.dumps(said("m1") | {"priority": "now"})), "priority"),
        (("message", b"\xff\xfe{}"), "JSON"),
    ],
)
async def test_an_entry_that_is_no_message_is_a_dead_letter(
    server: RedisProgram, fields: tuple[str | bytes, ...], why: str
) -> None:
    async with opened(server) as bus:
        await raw(server, "XADD", stream(bus), "*", *fields)
        await publish(bus, "a1", at=time.time())
        assert await read(bus, wait=PATIENCE) == "a1"
        [(_, told)] = await dead(bus)
        assert why in told
        assert await bus.figures() == BusFigures(published=2, delivered=1, dead=1, waiting=1)


async def test_a_message_that_another_program_added_is_delivered(server: RedisProgram) -> None:
    async with opened(server) as bus:
        await raw(server, "XADD", stream(bus), "*", "message", json.dumps(said("m1", at=time.time())))
        assert await read(bus, wait=PATIENCE) == "m1"
        assert await bus.publish("ada", said("m1")) is False


# --- set up otherwise --------------------------------------------------------------------------------


async def test_a_password_is_in_no_text(tmp_path: Path) -> None:
    with redis_program(tmp_path, "--requirepass", "right-word") as server:
        place = f"127.0.0.1:{server.port}"
        right = RedisBus(f"redis://:right-word@{place}/0", "ns", timeout=PATIENCE)
        await right.open()
        await publish(right, "a1", at=time.time())
        await right.close()
        for url in (f"redis://:hunter2@{place}/0", f"redis://bob:hunter2@{place}/0", f"redis://{place}/0"):
            bus = RedisBus(url, "ns", timeout=PATIENCE)
            with pytest.raises(BusFailed, match=f"Redis at {place} ") as failed:
                await bus.open()
            assert "hunter2" not in repr(bus) + "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize(
    "url",
    ["redis://:hun/ter2@127.0.0.1:1/0", "http://:hunter2@host", "redis://:hunter2@h:1/0?colour=red", ""],
)
async def test_an_address_that_cannot_be_read(url: str) -> None:
    bus = RedisBus(url, "ns")
    with pytest.raises(BusFailed, match="address of Redis cannot be read") as failed:
        await bus.open()
    assert "ter2" not in repr(bus) + "".join(traceback.format_exception(failed.value))


async def test_a_server_that_keeps_nothing_is_noticed(tmp_path: Path) -> None:
    with redis_program(tmp_path, "--appendonly", "no") as server:
        async with opened(server) as bus:
            assert bus.notice.endswith("messages are lost when it ends. Set appendonly to yes.")


# --- several processes -------------------------------------------------------------------------------


async def test_two_share_a_mailbox_and_each_message_comes_once(server: RedisProgram) -> None:
    seen: list[str] = []
    async with opened(server, "ns") as one, opened(server, "ns") as two, opened(server, "other") as other:

        async def work(bus: RedisBus) -> None:
            while len(seen) < 100:
                for delivery in await bus.receive("ada", limit=3, wait=0.1):
                    seen.append(delivery.message_id)
                    await bus.acknowledge("ada", [delivery.message_id])

        async def send(bus: RedisBus, name: str) -> None:
            for n in range(50):
                await bus.publish("ada", said(f"{name}{n}", f"{name}{n % 5}", at=time.time()))

        async with asyncio.timeout(60):
            await asyncio.gather(work(one), work(two), send(one, "a"), send(two, "b"))
        assert (len(seen), len(set(seen))) == (100, 100)
        assert await read(other) == ""
        heard: list[object] = []
        two.listen(heard.append)
        await one.broadcast({"n": 1})
        async with asyncio.timeout(PATIENCE):
            while not heard:
                await asyncio.sleep(0.01)


async def test_what_a_killed_process_held_comes_to_another(server: RedisProgram) -> None:
    async with opened(server, "ns", lease=1.0) as bus:
        await publish(bus, "a1 a2 a3", at=time.time())
        command = [sys.executable, "-c", READS, server.url, "ns"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            held = await asyncio.to_thread(process.stdout.readline)
            assert held == "a1 a2\n"
            process.kill()
        assert await read(bus, wait=PATIENCE) == "a1:2 a2:2 a3"
