"""Two editors on one workspace, both with a file that only one of them changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from fakes import puts, task

from nexus_lsp.core import facts as f
from tests.engine.engine_house import House, house, workspace
from tests.review.window import Window, no_pauses

__all__ = ["house", "workspace"]

TEXT = "".join(f"line {n}\n" for n in range(1, 11))
PROPOSED = TEXT.replace("line 3\n", "LINE 3\n").replace("line 8\n", "LINE 8\n")


@pytest_asyncio.fixture
async def windows(house: House) -> AsyncIterator[tuple[Window, Window]]:
    house.types("n.txt", TEXT)
    await house.run(task("t"), t=puts({"n.txt": PROPOSED}))
    async with AsyncExitStack() as stack:
        stack.enter_context(no_pauses())
        both = Window(house), Window(house)
        for window in both:
            await window.open_window()
            stack.push_async_callback(window.close_window)
            window.open("n.txt")
        yield both
        assert not any(window.wrong.told or window.faults for window in both)


async def rest(*windows: Window) -> None:
    for window in windows:
        await window.rest()


async def check(house: House, windows: tuple[Window, Window], old: str, new: str, status: str) -> None:
    """The first types, the second types elsewhere: what the first one's text says stands."""
    first, second = windows
    first.type("n.txt", old, new)
    await rest(first, second)
    [run] = house.engine.runs.values()
    assert {s.status for s in run.changes.values()} == {status, "pending"}
    known = len(house.engine.entries)
    for typed in ("a", "b", "c"):
        second.type("n.txt", "line 5", f"line 5{typed}")
        await rest(second, first)
    told = [e.fact for e in house.engine.entries[known:]]
    assert [fact for fact in told if isinstance(fact, f.ChangeReopened)] == []


async def test_what_one_typed_by_themselves_is_not_taken_back_where_the_other_types(
    house: House, windows: tuple[Window, Window]
) -> None:
    await check(house, windows, "line 3\n", "LINE 3\n", "accepted")


async def test_a_conflict_in_one_stays_one_where_the_other_types(
    house: House, windows: tuple[Window, Window]
) -> None:
    await check(house, windows, "line 3\n", "mine\n", "outdated")


async def test_a_conflict_that_is_typed_back_is_none_again(
    house: House, windows: tuple[Window, Window]
) -> None:
    first, second = windows
    first.type("n.txt", "line 3\n", "mine\n")
    await rest(first, second)
    first.type("n.txt", "mine\n", "line 3\n")
    await rest(first, second)
    [run] = house.engine.runs.values()
    assert {s.status for s in run.changes.values()} == {"pending"}


async def test_what_one_accepted_and_saved_is_told_in_the_other(
    house: House, windows: tuple[Window, Window]
) -> None:
    first, second = windows
    [three, _] = (await first.tell("review.list"))["changes"]
    await first.tell("review.accept", changeIds=[three["id"]])
    await rest(first, second)
    first.save("n.txt")
    saved = (house.workspace / "n.txt").read_text()
    assert saved == TEXT.replace("line 3\n", "LINE 3\n")
    second.replace(second.uri("n.txt"), [(0, len(TEXT), saved)])
    second.touched("n.txt")
    await rest(second, first)
    for window in (first, second):
        asked = {"textDocument": {"uri": window.uri("n.txt")}, "position": {"line": 2, "character": 1}}
        told = await window.ask_server("textDocument/hover", asked)
        assert told and "accepted" in told["contents"]["value"], told
