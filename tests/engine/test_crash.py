"""Nothing is lost: an engine that dies after any fact goes on at the next start."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from crash_story import END, play
from engine_house import House, new_workspace, texts, workspace
from fakes import Brake, Ids, MemoryJournal, ScriptedBackend, done, ends, put, replaces, task, writes

from nexus_lsp.adapters.sqlite_journal import SqliteJournal
from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.settings import Settings
from nexus_lsp.ports import Assignment, Outcome

__all__ = ["workspace"]


def landed(entries: Sequence[Entry]) -> set[str]:
    return {e.fact.task_id for e in entries if isinstance(e.fact, f.TaskCompleted)}


def decisions(entries: Sequence[Entry]) -> dict[str, str]:
    kinds = f.ChangeAccepted | f.ChangeRejected
    return {e.fact.change_id: e.fact.type for e in entries if isinstance(e.fact, kinds)}


def calls(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def check(log: Path, called_before: list[str], before: Sequence[Entry], after: Sequence[Entry]) -> None:
    """Completed; no landed task was repeated; no decision is another now."""
    assert after[-1].fact.type == "run_completed"
    again = calls(log)[len(called_before) :]
    assert not landed(before) & set(again)
    assert decisions(before).items() <= decisions(after).items()
    assert sorted(decisions(after).values()) == ["change_accepted"] * 3 + ["change_rejected"]


# --- in this process: every point --------------------------------------------------------------------


class StoppingJournal(MemoryJournal):
    """Is written so many times, then never answers again."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times
        self.stopped = asyncio.Event()

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        entries = await super().append(run_id, facts, at)
        self._times -= 1
        if self._times == 0:
            self.stopped.set()
            await asyncio.Event().wait()
        return entries


async def die(house: House) -> None:
    """End the engine as a kill would: nothing is tidied up."""
    await house.close()


@pytest.mark.parametrize("after", range(1, 24))
async def test_a_run_that_is_cut_off_anywhere_goes_on(workspace: Path, tmp_path: Path, after: int) -> None:
    log, journal = tmp_path / "log", StoppingJournal(after)
    first = House(workspace, tmp_path / "state", journal=journal)
    story = asyncio.create_task(play(first, log))
    stop = asyncio.create_task(journal.stopped.wait())
    await asyncio.wait({story, stop}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    story.cancel()
    await asyncio.gather(story, return_exceptions=True)
    before, called = list(journal.entries), calls(log)
    await die(first)

    kept = MemoryJournal(list(before))
    second = House(workspace, tmp_path / "state", journal=kept, ids=Ids(1_000))
    await play(second, log)
    await second.close()
    check(log, called, before, kept.entries)
    assert texts(workspace) == END
    assert second.checkouts() == []


# --- another process, really killed ------------------------------------------------------------------


def child(workspace: Path, state: Path, log: Path, facts: int) -> int:
    script = Path(__file__).with_name("crash_child.py")
    arguments = [sys.executable, str(script), str(workspace), str(state), str(log), str(facts)]
    done = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


@pytest.mark.parametrize("kills", [(4, 9), (14, 19), (24, 28)])
async def test_a_process_that_is_killed_twice_loses_nothing(
    workspace: Path, tmp_path: Path, kills: tuple[int, int]
) -> None:
    state, log = tmp_path / "state", tmp_path / "log"
    state.mkdir()
    before: list[Entry] = []
    called: list[str] = []
    for facts in kills:
        child(workspace, state, log, facts)
        before, called = await entries_of(state), calls(log)
    assert child(workspace, state, log, 0) == 0
    check(log, called, before, await entries_of(state))
    assert texts(workspace) == END
    assert not list((state / "checkouts").iterdir())


async def entries_of(state: Path) -> list[Entry]:
    journal = SqliteJournal(state / "journal.db")
    entries = await journal.open()
    await journal.close()
    return entries


# --- what the next start does ------------------------------------------------------------------------


async def cut_off(house: House, brake: Brake, **more: object) -> str:
    """A run of one task, broken off while its agent is at work."""
    house.plays(task("t"), t=[brake, replaces("half.txt", "half", "whole")], **more)  # type: ignore[arg-type]
    await house.open()
    run_id = await house.delegate(team="claude")
    await asyncio.wait_for(brake.reached.wait(), 20)
    await die(house)
    return run_id


def half_done() -> Brake:
    return Brake(writes(), before=lambda a: put(a.checkout, "half.txt", "half\n"))


def next_start(house: House, **settings: object) -> House:
    return House(
        house.workspace,
        house.state,
        settings=Settings(**settings),  # type: ignore[arg-type]
        journal=house.journal,
        ids=Ids(1_000),
        planner=house.planner,
        backend=house.backend,
    )


async def test_what_stood_in_the_checkout_is_where_the_next_attempt_begins(
    workspace: Path, tmp_path: Path
) -> None:
    house = House(workspace, tmp_path / "state")
    run_id = await cut_off(house, half_done())
    again = next_start(house, resume="auto")
    await again.open()
    run = await again.rests(run_id)
    assert [(c.kind, c.path, c.after) for c in run.pending_changes] == [("create", "half.txt", "whole\n")]
    assert "NEXUS was stopped" in again.backend.attempts("t")[1].evidence
    await again.close()


async def test_work_on_a_file_that_was_renamed_before_the_kill_is_of_the_renamed_file(
    workspace: Path, tmp_path: Path
) -> None:
    house, brake = House(workspace, tmp_path / "state"), half_done()
    house.plays(task("t"), t=[brake, replaces("a.txt", "two", "TWO")])
    await house.open()
    run_id = await house.delegate(team="claude")
    await asyncio.wait_for(brake.reached.wait(), 20)
    text = (workspace / "a.txt").read_text()
    (workspace / "a.txt").rename(workspace / "renamed.txt")
    await house.operations.execute("review.moved", {"old_path": "a.txt", "path": "renamed.txt"})
    await die(house)
    again = next_start(house, resume="auto")
    await again.open()
    run = await again.rests(run_id)
    assert {(c.kind, c.path) for c in run.pending_changes} == {
        ("create", "half.txt"),
        ("edit", "renamed.txt"),
    }
    await again.accept(run, *(c.id for c in run.pending_changes if c.kind == "edit"))
    assert not (workspace / "a.txt").exists()
    assert (workspace / "renamed.txt").read_text() == text.replace("two", "TWO")
    await again.close()


async def test_paid_work_waits_for_the_user_once(workspace: Path, tmp_path: Path) -> None:
    house = House(workspace, tmp_path / "state")
    run_id = await cut_off(house, half_done())
    for _ in range(2):
        house = next_start(house, resume="ask")
        await house.open()
        await asyncio.sleep(0.1)
        run = house.engine.runs[run_id]
        assert run.status == "paused"
        assert [ask.question for ask in run.open_asks] == [
            "NEXUS was stopped during “make it good”. Go on with it?"
        ]
        if _ == 0:
            await die(house)
    assert len(house.backend.calls) == 1
    await house.engine.submit(run_id, h.Answer(run.open_asks[0].ask_id, "Go on"))
    assert (await house.until(run_id, lambda run: run.status == "ready")).status == "ready"
    await house.close()


async def test_a_run_that_had_no_plan_yet_waits_as_well(workspace: Path, tmp_path: Path) -> None:
    house = House(workspace, tmp_path / "state")
    journal = house.journal
    assert isinstance(journal, MemoryJournal)
    journal.entries.append(Entry(1, 0.0, "run_x", f.RunStarted("do it", str(workspace), team="claude")))
    house.settings = Settings(resume="ask")
    house.plays(task("t"), t=writes(n="n\n"))
    await house.open()
    run = await house.until("run_x", lambda run: run.snapshot is not None)
    assert (run.status, [a.kind for a in run.open_asks], house.planner.briefs) == ("paused", ["resume"], [])
    await house.engine.submit("run_x", h.Resume())
    assert (await house.until("run_x", lambda run: run.status == "ready")).status == "ready"
    await house.close()


async def test_two_runs_that_were_at_work_are_both_taken_up(workspace: Path, tmp_path: Path) -> None:
    house = House(workspace, tmp_path / "state")
    waiting: list[asyncio.Event] = []

    async def first(assignment: Assignment) -> Outcome:
        put(assignment.checkout, "half.txt", "half\n")
        waiting.append(asyncio.Event())
        await waiting[-1].wait()
        return done()

    house.plays(task("t"), t=[first, replaces("half.txt", "half", "whole")])
    await house.open()
    runs = [await house.delegate(), await house.delegate()]
    async with asyncio.timeout(20):
        while len(waiting) < 2:
            await asyncio.sleep(0.02)
    await die(house)
    again = next_start(house, resume="auto")
    await again.open()
    for run_id in runs:
        run = await again.rests(run_id)
        assert [c.after for c in run.pending_changes] == ["whole\n"]
    await again.close()


async def test_a_repair_that_is_cut_off_goes_on_from_what_it_has_to_repair(
    workspace: Path, tmp_path: Path
) -> None:
    house = House(workspace, tmp_path / "state")
    brake = Brake(writes())
    house.plays(task("t"), t=[writes(b_DOT_txt="bad\n"), brake, replaces("b.txt", "bad", "good")])

    def verdicts(texts: object) -> dict[str, bool]:
        assert isinstance(texts, dict)
        return {"tests/test_b.py::test_b": "bad" not in texts["b.txt"]}

    await house.open(verdicts)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await die(house)
    again = next_start(house, resume="auto")
    await again.open(verdicts)
    run = await again.rests(run_id)
    assert (run.status, [c.after for c in run.pending_changes]) == ("ready", ["good\n"])
    assert "tests/test_b.py::test_b" in again.backend.attempts("t")[2].evidence
    await again.close()


async def test_orphan_checkouts_are_cleared_away(workspace: Path, tmp_path: Path) -> None:
    house = House(workspace, tmp_path / "state")
    await house.open()
    run = await house.run(task("t"), t=writes(n="n\n"))
    await house.quarantine.checkout(run.snapshot or "", f"{run.id}-t-1")
    assert house.checkouts() == [f"{run.id}-t-1"]
    await die(house)
    again = next_start(house)
    await again.open()
    assert again.checkouts() == []
    await again.close()


async def test_an_accept_that_was_written_and_not_journalled_is_simply_accepted(
    workspace: Path, tmp_path: Path
) -> None:
    house = House(workspace, tmp_path / "state")
    await house.open()
    run = await house.run(task("t"), t=writes(a_DOT_txt="one\nTWO\n", b_DOT_txt=None, n="n\n"))
    assert len(run.pending_changes) == 3
    assert (await house.review._disk.carry_out(run.pending_changes)).refused == ()
    after = texts(workspace)
    decided = await house.accept(run)
    assert (decided.refused, house.now(run).status, texts(workspace)) == ([], "completed", after)
    await house.close()


async def test_an_engine_that_finds_a_broken_backend_again_counts_on(workspace: Path, tmp_path: Path) -> None:
    """Retries are bounded over restarts as well."""
    house = House(workspace, tmp_path / "state", backend=ScriptedBackend({}))
    brake = Brake(ends("broken", "x", True))
    house.plays(task("t"), t=[ends("broken", "x", True), brake, ends("broken", "x", True)])
    await house.open()
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await die(house)
    again = next_start(house, resume="auto")
    await again.open()
    assert (await again.rests(run_id)).status == "failed"
    assert len(again.backend.calls) == 4
    await again.close()


def test_the_story_ends_where_it_says(tmp_path: Path, workspace: Path) -> None:
    assert new_workspace(tmp_path / "other").is_dir()
    assert END.keys() - texts(workspace).keys() == {"made.txt"}
