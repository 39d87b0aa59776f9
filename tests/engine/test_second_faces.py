"""Several faces on one workspace, each its own process: one holds the engine, the others attach to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from faces_house import CLEAN, LINT, Editor, House

Start = Callable[[House], Awaitable[Editor]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start editors; those that still run at the end are killed."""
    started: list[Editor] = []

    async def start_one(house: House) -> Editor:
        editor = Editor(house)
        started.append(editor)
        return await editor.start()

    yield start_one
    for editor in started:
        if editor.process.returncode is None:
            await editor.kill()


def seqs(events: list[dict]) -> list[int]:
    return [e["seq"] for e in events]


async def test_a_terminal_shares_the_runs_of_an_editor(tmp_path: Path, start: Start):
    house = House(tmp_path, "shown", "closed")
    editor = await start(house)
    editor.open("shown", house.text("shown"))

    terminal = await house.delegate()
    assert await terminal.end() == 0
    run_id = terminal.events[0]["run_id"]
    await editor.until("run_ready", lambda e: e["runId"] == run_id)
    assert [e["seq"] for e in editor.events if e["runId"] == run_id] == seqs(terminal.events)
    assert run_id in await house.say("runs")

    waiting = (await editor.run("review.list"))["changes"]
    assert len(waiting) == 2
    await house.say("review", "accept", "shown.py", "closed.py")
    assert editor.text("shown") == CLEAN.format(name="shown")
    assert house.text("shown") == LINT.format(name="shown"), "the buffer is the user's to save"
    assert house.text("closed") == CLEAN.format(name="closed")
    await editor.until("run_completed")

    await house.say("review", "undo", "shown.py", "closed.py")
    assert editor.text("shown") == LINT.format(name="shown")
    assert house.text("closed") == LINT.format(name="closed")


async def test_a_second_window_gives_its_unsaved_text_and_takes_the_accept(tmp_path: Path, start: Start):
    house = House(tmp_path, "shown")
    (house.root / "shown.py").write_text(CLEAN.format(name="shown"))
    holder, second = await start(house), await start(house)
    second.open("shown", "import re\n\n\n" + CLEAN.format(name="shown"))

    run_id = (await holder.run("delegate", request="fix the lint findings"))["runId"]
    await second.until("run_ready")
    [change] = (await second.run("review.list", runId=run_id))["changes"]
    assert "import re" in change["before"], "only the second window's buffer says so"

    answer = await holder.run("review.accept", runId=run_id)
    assert answer["accepted"] == [change["id"]]
    assert second.text("shown") == CLEAN.format(name="shown")


async def test_two_windows_with_different_text_are_asked_to_save_first(tmp_path: Path, start: Start):
    house = House(tmp_path, "shown")
    first, second = await start(house), await start(house)
    first.open("shown", house.text("shown"))
    run_id = (await first.run("delegate", request="fix the lint findings"))["runId"]
    await second.until("run_ready")
    second.open("shown", house.text("shown") + "# mine\n")
    [refused] = (await second.run("review.accept", runId=run_id))["refused"]
    assert "open in two editors" in refused["why"]


@pytest.mark.parametrize("goes", ["kill", "leave"])
async def test_the_editor_goes_and_the_terminal_finishes_the_run(tmp_path: Path, start: Start, goes: str):
    house = House(tmp_path, "shown")
    editor = await start(house)
    terminal = await house.delegate()
    await terminal.until("task_started")
    await getattr(editor, goes)()
    assert await terminal.end() == 0, terminal.told()
    types = [e["type"] for e in terminal.events]
    assert types.count("task_completed") == 1 and types[-1] == "run_ready"
    assert goes == "leave" or types.count("task_started") == 2, "it was at work when it was cut off"
    assert seqs(terminal.events) == list(range(1, len(types) + 1)), "each once, in order"


async def test_the_first_window_is_killed_and_the_second_finishes_the_run(tmp_path: Path, start: Start):
    house = House(tmp_path, "shown")
    first, second = await start(house), await start(house)
    await first.run("delegate", request="fix the lint findings")
    await second.until("task_started")
    await first.kill()
    await second.until("run_ready")
    heard = [e["seq"] for e in second.events]
    assert heard == list(range(1, len(heard) + 1)), "each once, in order"
    assert "1/1" in await house.say("runs")


async def test_two_start_at_the_same_moment(tmp_path: Path):
    house = House(tmp_path, "shown")
    first, second = await asyncio.gather(house.delegate(), house.delegate())
    assert await asyncio.gather(first.end(), second.end()) == [0, 0], first.errors + second.errors
    runs = await house.say("runs")
    for terminal in (first, second):
        assert terminal.events[0]["run_id"] in runs
        assert terminal.events[-1]["type"] == "run_ready"
        assert seqs(terminal.events) == sorted(set(seqs(terminal.events)))
