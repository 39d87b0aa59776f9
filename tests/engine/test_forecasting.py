"""Two agents at work write into real checkouts: what is foreseen, who hears it, when it is over."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from engine_house import House, house, workspace
from fakes import Brake, puts, replaces, task

from nexus_lsp.core import facts as f
from nexus_lsp.core.facts import ClashSide
from nexus_lsp.core.forecast import Ground, Work, between, read
from nexus_lsp.core.run import Run
from nexus_lsp.engine import forecasting
from nexus_lsp.ports import Assignment

__all__ = ["house", "workspace"]

A = "a.txt"
TWO = ("two\n", "2\n"), ("two\n", "II\n")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "SOON", 0.02)
    monkeypatch.setattr(forecasting, "EVERY", 0.1)


def writing(path: str, old: str, new: str) -> Brake:
    """Has changed a file and is still at work."""
    return Brake(then=puts({}), before=replaces(path, old, new))


def told(run: Run) -> list[str]:
    return [f"{c.path} {c.line}+{c.count} {c.kind}: {c.message}" for c in run.forecast]


def letters(run: Run) -> list[str]:
    """Who was told what by NEXUS Prime."""
    return [
        f"{next(iter(sent.reach))}: {sent.message['payload']['text']}"
        for sent in run.team.messages.values()
        if "forecast" in sent.message["payload"]
    ]


async def foreseen(house: House, run_id: str) -> Run:
    return await house.until(run_id, lambda run: bool(run.forecast))


async def two_at_work(house: House, path: str = A, **more: Any) -> tuple[str, Brake, Brake]:
    """Two tasks that change one line of a file, of which nothing was said."""
    one, two = (writing(path, *change) for change in TWO)
    solved = puts({path: "both\n"})
    tasks = task("t1", writes=["x.txt"]), task("t2", writes=["y.txt"])
    house.plays(*tasks, t1=[one, solved], t2=[two, solved])
    run_id = await house.delegate(**more)
    await one.reached.wait()
    await two.reached.wait()
    return run_id, one, two


async def test_two_on_one_line_are_foreseen_while_they_write(house: House) -> None:
    run_id, one, two = await two_at_work(house)
    run = await foreseen(house, run_id)
    message = "code_developer (t1) and code_developer (t2) both change these lines: their work may not merge"
    assert told(run) == [f"a.txt 1+1 overlap: {message}"]
    assert [s.state for s in run.forecast[0].sides] == ["at_work", "at_work"]
    await house.until(run_id, lambda run: len(letters(run)) == 2)
    meet = "is at work on it at the same time as you, and you meet at line 2."
    away = "Keep your change away from there, or send a message to"
    agree = "to agree on who does what."
    assert letters(house.now(run)) == [
        f"code_developer#t{mine}: a.txt: code_developer {meet} {away} code_developer#t{other} {agree}"
        for mine, other in ((1, 2), (2, 1))
    ]
    one.go.set()
    two.go.set()
    last = await house.rests(run_id)
    assert (last.status, last.forecast) == ("ready", ())


async def test_it_is_over_when_one_takes_its_change_back(house: House) -> None:
    run_id, one, two = await two_at_work(house)
    run = await foreseen(house, run_id)
    checkout = house.backend.attempts("t2")[0].checkout
    (checkout / A).write_text("one\ntwo\nthree\nfour\nFIVE\n")
    run = await house.until(run_id, lambda run: not run.forecast)
    facts = house.facts(run, f.ConflictForecast)
    assert [len(fact.clashes) for fact in facts if isinstance(fact, f.ConflictForecast)] == [1, 0]
    assert len(letters(run)) == 2
    one.go.set()
    two.go.set()
    assert (await house.rests(run_id)).status == "ready"


async def test_what_has_landed_since_is_foreseen_too(house: House) -> None:
    run_id, one, two = await two_at_work(house)
    one.go.set()
    run = await house.until(run_id, lambda run: any(c.sides[1].state == "landed" for c in run.forecast))
    assert told(run) == [
        "a.txt 1+1 overlap: code_developer (t2) and code_developer (t1) both change these lines "
        "(code_developer (t1)'s work has landed meanwhile): their work may not merge"
    ]
    two.go.set()
    assert (await house.rests(run_id)).forecast == ()


async def test_across_two_runs(house: House) -> None:
    one, two = (writing(A, *change) for change in TWO)
    house.plays(task("t1", writes=["x.txt"]), t1=one)
    first = await house.delegate()
    await one.reached.wait()
    house.plays(task("t2", writes=["y.txt"]), t2=two)
    second = await house.delegate()
    await two.reached.wait()
    here, there = await foreseen(house, first), await foreseen(house, second)
    both = "both change these lines: their work may not merge"
    assert told(here) == [f"a.txt 1+1 overlap: code_developer and code_developer (another run) {both}"]
    assert told(there) == [f"a.txt 1+1 overlap: code_developer (another run) and code_developer {both}"]
    await house.until(second, lambda run: bool(letters(run)))
    await house.until(first, lambda run: bool(letters(run)))
    assert [len(letters(house.engine.runs[i])) for i in (first, second)] == [1, 1]
    one.go.set()
    run = await house.until(
        second, lambda run: any("proposed" in {s.state for s in c.sides} for c in run.forecast)
    )
    assert told(run)[0].endswith(
        "(code_developer (another run)'s change waits for you): their work may not merge"
    )
    await house.reject(house.engine.runs[first])
    await house.until(second, lambda run: not run.forecast)
    two.go.set()
    assert (await house.rests(second)).status == "ready"


async def test_who_would_write_what_one_is_writing_waits_for_it(house: House) -> None:
    """Expected to write x.txt, the first writes b.txt; the third, which wants that, has to wait."""
    first = Brake(then=puts({}), before=puts({"b.txt": "mine\n"}))
    second, third = Brake(then=puts({"other/c.txt": "c\n"})), Brake(then=puts({}))
    house.plays(
        task("t1", writes=["x.txt"]),
        task("t2", writes=["other/*"]),
        task("t3", "t2", writes=["b.txt"]),
        t1=first,
        t2=second,
        t3=third,
    )
    run_id = await house.delegate()
    await first.reached.wait()
    key = (run_id, "t1")
    async with asyncio.timeout(10):
        while "b.txt" not in house.engine.forecasting.touched.get(key, ()):
            await asyncio.sleep(0.01)
    second.go.set()
    await house.until(run_id, lambda run: run.tasks["t2"].status == "completed")
    await asyncio.sleep(0.2)
    assert house.engine.runs[run_id].tasks["t3"].status == "pending"
    first.go.set()
    await third.reached.wait()
    third.go.set()
    assert (await house.rests(run_id)).status == "ready"


def test_lines_are_judged_as_git_merges_them(tmp_path: Path) -> None:
    """A hundred pairs of edits of one text: what is foreseen is just what `git merge-file` cannot merge."""
    base = [f"line {n}\n" for n in range(12)]
    random = Random(7)
    verdicts: list[tuple[bool, bool]] = []
    for _ in range(100):
        mine, theirs = edited(base, "mine", random), edited(base, "theirs", random)
        for name, lines in (("mine", mine), ("base", base), ("theirs", theirs)):
            (tmp_path / name).write_text("".join(lines))
        merged = subprocess.run(
            ["git", "merge-file", "-p", "mine", "base", "theirs"], cwd=tmp_path, capture_output=True
        )
        ground = Ground.of("x.txt", base)
        a, b = (
            read(Work(ClashSide("run", who, "code_developer", "at_work"), "x.txt", base, now), ground)
            for who, now in (("t1", mine), ("t2", theirs))
        )
        verdicts.append((merged.returncode != 0, bool(between(a, b, ground, {}))))
    assert {foreseen for conflict, foreseen in verdicts if conflict} == {True}
    assert {foreseen for conflict, foreseen in verdicts if not conflict} == {False}


def edited(base: Sequence[str], who: str, random: Random) -> list[str]:
    """One or two lines replaced, taken out or put in."""
    lines = list(base)
    for _ in range(random.randint(1, 2)):
        at, text = random.randrange(len(lines)), f"{who} {random.randint(0, 2)}\n"
        lines[at : at + random.randint(0, 1)] = random.choice(([text], []))
    return lines


@pytest.mark.parametrize(
    ("path", "functions", "foretold"),
    [
        ("a.ts", ("function one() {}\n", "function two() {}\n"), 0),
        ("a.ts", ("function one() {}\n", "function one(x) {}\n"), 1),
        ("a.py", ("def one():\n    pass\n", "def two():\n    pass\n"), 0),
        ("a.txt", ("one\n", "two\n"), 1),
    ],
    ids=["two functions", "one function twice", "in Python", "no code"],
)
async def test_what_a_landing_would_merge_by_structure_warns_nobody(
    house: House, path: str, functions: tuple[str, str], foretold: int
) -> None:
    house.types(path, "")
    texts = dict(zip(("t1", "t2"), functions, strict=True))
    one, two = (Brake(then=puts({}), before=puts({path: text})) for text in texts.values())
    house.plays(
        task("t1", writes=["x.txt"]), task("t2", writes=["y.txt"]), t1=[one, puts({})], t2=[two, puts({})]
    )
    run_id = await house.delegate()
    await one.reached.wait()
    await two.reached.wait()
    await house.engine.forecasting.look()
    assert set(house.engine.forecasting.touched.values()) == {frozenset({path})}
    assert len(house.engine.runs[run_id].forecast) == foretold
    one.go.set()
    two.go.set()
    await house.rests(run_id)


async def test_nothing_stale_after_a_restart(house: House) -> None:
    run_id, one, two = await two_at_work(house)
    await foreseen(house, run_id)
    house.backend.script |= {"t1": puts({}), "t2": puts({})}
    one.go.clear()
    two.go.clear()
    await house.reopen()
    assert house.engine.runs[run_id].forecast == ()
    await house.rests(run_id)


async def test_a_checkout_is_looked_at_without_running_what_its_agent_configured(house: House) -> None:
    ran = house.workspace.parent / "ran"

    def configures(assignment: Assignment) -> None:
        place = assignment.checkout
        (place / ".gitattributes").write_text("* filter=evil diff=evil\n")
        with (place / ".git/config").open("a") as config:
            config.write(f'[filter "evil"]\n\tclean = touch {ran}; cat\n[core]\n\tfsmonitor = touch {ran}\n')
        (place / A).write_text("ONE\n")
        (place / "out").symlink_to("/etc/passwd")

    slow = Brake(then=puts({}), before=configures)
    house.plays(task("t1"), t1=slow)
    run_id = await house.delegate()
    await slow.reached.wait()
    async with asyncio.timeout(10):
        while not house.engine.forecasting.touched:
            await asyncio.sleep(0.01)
    assert house.engine.forecasting.touched == {(run_id, "t1"): {A, ".gitattributes", "out"}}
    checkout = house.backend.calls[0].checkout
    assert await house.quarantine.peek(checkout, "out") is None
    assert await house.quarantine.peek(checkout, A) == b"ONE\n"
    assert not ran.exists()
    slow.go.set()
    await house.rests(run_id)
