"""The bus: one suite over the fake, the file and Redis: what comes, again, in which order, and what is dead.

Waiting and many at once: `test_bus_at_once`. What only one of them can go through is beside it.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from bus_house import House, dead, publish, read, said

from nexus_lsp.core.mailbox import FIRST_PAUSE, MAX_ATTEMPTS
from nexus_lsp.ports import BusFailed, BusFigures
from tests.scripted.redis_program import PATIENCE

# --- there and back ----------------------------------------------------------------------------------


async def test_published_read_done_with(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2 b1")
    assert await read(bus) == "a1 a2 b1"
    assert await read(bus) == ""
    await bus.acknowledge("ada", ["a1", "a2", "b1", "unknown"])
    house.clock.at += 1_000
    assert await read(bus) == ""
    assert await read(bus, "bob") == ""
    assert await bus.figures() == BusFigures(published=3, delivered=3, acknowledged=3)


async def test_a_message_comes_as_it_was_sent_with_all_that_is_unknown_here(house: House) -> None:
    sent = said(
        "m1", thread="th\u00e9 \U0001f35c\0", seen_by=["x", None, 1.5, {"deep": "\ud800"}], zeta=1, alpha=2
    )
    bus = await house.open()
    await bus.publish("ada#task 1:{x}", sent)
    [delivery] = await bus.receive("ada#task 1:{x}")
    assert json.dumps(delivery.message) == json.dumps(sent)
    assert (delivery.mailbox, delivery.message_id, delivery.attempt) == ("ada#task 1:{x}", "m1", 1)


async def test_mailboxes_know_nothing_of_each_other(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1", "ada")
    await publish(bus, "a1", "bob")
    assert await read(bus, "ada") == "a1"
    await bus.acknowledge("ada", ["a1"])
    assert await read(bus, "bob") == "a1"


@pytest.mark.parametrize("wrong", [{"payload": "text"}, {"message_id": "a b"}, {"payload": {"x": {1}}}])
async def test_what_is_no_message_is_not_taken(house: House, wrong: dict[str, object]) -> None:
    bus = await house.open()
    with pytest.raises(ValueError, match=r"payload|message_id|JSON"):
        await bus.publish("ada", said("m1") | wrong)
    assert (await bus.figures()).published == 0


async def test_a_closed_bus_says_so(house: House) -> None:
    bus = await house.open()
    waiting = asyncio.create_task(bus.receive("ada", wait=PATIENCE))
    await asyncio.sleep(0.05)
    await bus.close()
    with pytest.raises(BusFailed, match="The bus is closed"):
        await waiting
    with pytest.raises(BusFailed, match="The bus is closed"):
        await bus.publish("ada", said("m1"))
    await bus.close()


# --- again, but never twice --------------------------------------------------------------------------


async def test_what_is_not_acknowledged_comes_again_when_its_lease_runs_out(house: House) -> None:
    bus = await house.open(lease=60.0)
    await publish(bus, "a1 a2")
    assert await read(bus) == "a1 a2"
    house.clock.at += 59
    assert await read(bus) == ""
    house.clock.at += 1
    assert await read(bus) == "a1:2 a2:2"
    await bus.acknowledge("ada", ["a1", "a2"])
    assert await bus.figures() == BusFigures(published=2, delivered=4, retried=2, acknowledged=2)


async def test_what_is_not_acknowledged_comes_again_after_opening_anew(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2 b1")
    assert await read(bus, limit=2) == "a1 a2"
    await bus.acknowledge("ada", ["a1"])
    bus = await house.open()
    assert await read(bus) == "a2:2 b1"
    assert await bus.figures() == BusFigures(published=3, delivered=4, retried=1, acknowledged=1, waiting=2)


async def test_a_message_sent_again_comes_once(house: House) -> None:
    bus = await house.open()
    assert await bus.publish("ada", said("m1")) is True
    assert await bus.publish("ada", said("m1", thread="other")) is False
    assert await read(bus) == "m1"
    assert await bus.publish("ada", said("m1")) is False
    await bus.acknowledge("ada", ["m1"])
    assert await bus.publish("ada", said("m1")) is False
    bus = await house.open()
    assert await bus.publish("ada", said("m1")) is False
    house.clock.at += 3_600
    assert await read(bus) == ""
    assert (await bus.figures()).published == 1


async def test_a_message_sent_ten_times_at_once_comes_once(house: House) -> None:
    bus = await house.open()
    taken = await asyncio.gather(*(bus.publish("ada", said("m1")) for _ in range(10)))
    assert sorted(taken) == [False] * 9 + [True]
    assert await read(bus) == "m1"


async def test_ids_are_forgotten_a_week_after_they_are_done_with(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 b1")
    assert await read(bus, limit=1) == "a1"
    await bus.acknowledge("ada", ["a1"])
    house.clock.at += 8 * 86_400
    await publish(bus, "c1")  # time to tidy
    assert await bus.publish("ada", said("a1")) is True
    assert await bus.publish("ada", said("b1", "b")) is False, "it still waits"
    assert await read(bus) == "b1 c1 a1"


# --- order -------------------------------------------------------------------------------------------


async def test_urgent_threads_go_first_and_take_what_is_before_their_urgent_message_along(
    house: House,
) -> None:
    bus = await house.open()
    await publish(bus, "b1^ a1_ a2 a3! a4_ c1^ d1")
    assert await read(bus, limit=4) == "a1 a2 a3 b1"
    assert await read(bus) == "c1 d1", "thread a waits until it is done with"
    await bus.acknowledge("ada", ["a1", "a2", "a3"])
    assert await read(bus) == "a4"


async def test_a_refused_message_comes_again_after_a_pause_and_its_thread_waits_for_it(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2 b1 a3")
    assert await read(bus) == "a1 a2 b1 a3"
    await bus.refuse("ada", "a2", "not now")
    await bus.acknowledge("ada", ["a1", "b1"])
    await publish(bus, "a4! b2")
    assert await read(bus) == "b2"
    house.clock.at += FIRST_PAUSE
    assert await read(bus) == "a2:2 a3:2 a4"


async def test_refusing_what_one_does_not_have_changes_nothing(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1")
    await bus.refuse("ada", "a1", "not read yet")
    await bus.refuse("ada", "unknown", "?")
    assert await read(bus) == "a1"


async def test_acknowledging_late_still_counts(house: House) -> None:
    bus = await house.open(lease=60.0)
    await publish(bus, "a1 a2")
    assert await read(bus) == "a1 a2"
    house.clock.at += 61
    await bus.acknowledge("ada", ["a1"])
    assert await read(bus) == "a2:2"


# --- dead letters ------------------------------------------------------------------------------------


async def test_refused_too_often_it_is_a_dead_letter_and_out_of_the_way(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2")
    for attempt in range(MAX_ATTEMPTS):
        assert (await read(bus, limit=1)).partition(":")[0] == "a1"
        await bus.refuse("ada", "a1", f"no {attempt}")
        house.clock.at += 60
    assert await dead(bus) == [("a1", "given up after 5 attempts; the last was refused: no 4")]
    assert await read(bus) == "a2"
    assert await bus.publish("ada", said("a1")) is False


async def test_lost_with_its_reader_too_often_it_is_a_dead_letter(house: House) -> None:
    bus = await house.open(lease=1.0)
    await publish(bus, "a1")
    for _ in range(MAX_ATTEMPTS):
        assert (await read(bus)).partition(":")[0] == "a1"
        house.clock.at += 2
    assert await read(bus) == ""
    assert await dead(bus) == [("a1", "given up after 5 attempts; the last reader did not say why")]


async def test_opening_and_closing_in_good_order_kills_no_message(house: House) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 3):
        bus = await house.open()
        await bus.publish("ada", said("m1"))
        assert [d.attempt for d in await bus.receive("ada")] == [attempt]


async def test_not_read_in_time_it_is_a_dead_letter_also_where_nobody_reads(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 a2", timeout_seconds=30)
    await publish(bus, "a3")
    house.clock.at += 29
    assert await dead(bus) == []
    house.clock.at += 1
    assert sorted(await dead(bus)) == [(i, "nobody read it within 30 s") for i in ("a1", "a2")]
    assert await read(bus) == "a3"
    assert await bus.figures() == BusFigures(published=3, delivered=1, dead=2, waiting=1)


async def test_time_runs_from_when_a_message_was_written_and_not_while_it_is_read(house: House) -> None:
    bus = await house.open(lease=60.0)
    await bus.publish("ada", said("m1", "x", at=house.clock.at - 25, timeout_seconds=30))
    await bus.publish("ada", said("m2", "y", at=house.clock.at - 31, timeout_seconds=30))
    assert await read(bus) == "m1"
    assert await dead(bus) == [("m2", "nobody read it within 30 s")]
    house.clock.at += 40
    await bus.acknowledge("ada", ["m1"])
    assert (await bus.figures()).acknowledged == 1


async def test_a_buried_mailbox_gives_back_all_that_is_in_it(house: House) -> None:
    bus = await house.open()
    await publish(bus, "a1 b1 c1")
    assert await read(bus, limit=1) == "a1"
    buried = await bus.bury("ada", "the task is over")
    assert [(letter.message_id, letter.why, letter.message["payload"]["text"]) for letter in buried] == [
        (i, "the task is over", f"This is {i}.") for i in ("a1", "b1", "c1")
    ]
    house.clock.at += 1_000
    assert await read(bus) == ""
    assert await bus.bury("ada", "again") == ()
    assert await bus.publish("ada", said("a1")) is False
    await publish(bus, "d1")
    assert await read(bus) == "d1"
    assert await bus.figures() == BusFigures(published=4, delivered=2, dead=3, waiting=1)


async def test_dead_letters_newest_first(house: House) -> None:
    bus = await house.open()
    for n in range(5):
        house.clock.at += 1
        await publish(bus, f"a{n}", f"box{n}")
        await bus.bury(f"box{n}", f"over {n}")
    found = await bus.dead_letters(limit=2)
    assert [(letter.mailbox, letter.message_id, letter.why) for letter in found] == [
        ("box4", "a4", "over 4"),
        ("box3", "a3", "over 3"),
    ]
    bus = await house.open()
    assert len(await dead(bus)) == 5
