"""Whole runs: plan, work, landing and review, with scripted agents on real git."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from engine_house import FILES, House, OpenBuffers, as_face, git, house, manifest, workspace
from fakes import Brake, Step, done, ends, put, puts, replaces, task, writes

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.plan import Task
from nexus_lsp.core.run import Run
from nexus_lsp.core.settings import Settings
from nexus_lsp.engine.engine import Engine
from nexus_lsp.ports import Assignment, Outcome, PlanFailed

__all__ = ["house", "workspace"]


def shown(run: Run) -> list[str]:
    """Every change in a line: what, where, status, by which tasks."""
    return [
        f"{s.change.kind} {s.change.path} {s.status} by {'+'.join(s.change.task_ids)}"
        for s in run.changes.values()
    ]


# --- one run, from the request to the last decision --------------------------------------------------

PROPOSALS: Mapping[str, tuple[Mapping[str, str | bytes | None], list[str]]] = {
    "one line": ({"a.txt": "one\nTWO\nthree\nfour\nfive\n"}, ["edit a.txt"]),
    "two places": ({"a.txt": "ONE\ntwo\nthree\nfour\nFIVE\n"}, ["edit a.txt", "edit a.txt"]),
    "CRLF, and no end": ({"a.txt": "one\r\ntwo"}, ["edit a.txt"]),
    "a new file": ({"new/d.py": "d = 1\n"}, ["create new/d.py"]),
    "a deleted file": ({"b.txt": None}, ["delete b.txt"]),
    "a renamed file": ({"src/c.py": None, "src/e.py": FILES["src/c.py"]}, ["rename src/e.py"]),
    "a binary file": ({"pic.png": b"\x89PNG\0\xff"}, ["binary pic.png"]),
    "ten megabytes": ({"big.txt": b"0123456789\n" * 950_000}, ["binary big.txt"]),
    "a name that is hard": ({"sp ace/\u00e4\u2028'\".txt": "x\n"}, ["create sp ace/\u00e4\u2028'\".txt"]),
    "nothing": ({}, []),
}


@pytest.mark.parametrize("name", PROPOSALS)
async def test_accept_all_gives_the_proposal_and_undo_the_base(house: House, name: str) -> None:
    files, changes = PROPOSALS[name]
    before = manifest(house.workspace)
    run = await house.run(task("t"), t=puts(files))
    assert manifest(house.workspace) == before
    assert [f"{c.kind} {c.path}" for c in run.pending_changes] == changes
    proposal = await house.tree(run.integration)

    decided = await house.accept(run)
    assert decided.refused == []
    assert house.now(run).status == "completed"
    assert house.user_texts() == proposal
    undone = await house.review.undo(decided.done, None)
    assert sorted(undone.done) == sorted(decided.done)
    assert manifest(house.workspace) == before


@pytest.mark.parametrize("name", PROPOSALS)
async def test_reject_all_leaves_every_byte(house: House, name: str) -> None:
    before = manifest(house.workspace)
    run = await house.run(task("t"), t=puts(PROPOSALS[name][0]))
    await house.reject(run)
    assert house.now(run).status == "completed"
    assert manifest(house.workspace) == before


async def test_a_script_that_is_edited_and_made_executable_is_accepted_in_one_go(house: House) -> None:
    def step(assignment: Assignment) -> Outcome:
        put(assignment.checkout, "b.txt", "#!/bin/sh\n")
        (assignment.checkout / "b.txt").chmod(0o755)
        return done()

    run = await house.run(task("t"), t=step)
    assert shown(run) == ["edit b.txt pending by t", "mode b.txt pending by t"]
    assert (await house.accept(run)).refused == []
    assert house.user_texts()["b.txt"] == "#!/bin/sh\n"
    assert (house.workspace / "b.txt").stat().st_mode & 0o111


async def test_a_nested_git_and_an_escaping_link_of_an_agent_reach_nobody(house: House) -> None:
    def step(assignment: Assignment) -> Outcome:
        put(assignment.checkout, "sub/x.txt", "x\n")
        git(assignment.checkout / "sub", "init", "-q")
        git(assignment.checkout, "config", "core.hooksPath", "/tmp")
        (assignment.checkout / "out").symlink_to("/etc/passwd")
        put(assignment.checkout, "b.txt", "B\n")
        return done()

    before = manifest(house.workspace / ".git")
    run = await house.run(task("t"), t=step)
    assert "edit b.txt pending by t" in shown(run)
    assert not any(c.path.startswith(("sub/.git", "out")) for c in run.pending_changes)
    await house.accept(run)
    assert manifest(house.workspace / ".git") == before


async def test_a_checkout_that_vanishes_fails_the_task_with_a_sentence(house: House) -> None:
    def step(assignment: Assignment) -> Outcome:
        assignment.checkout.rename(assignment.checkout.with_name("gone"))
        return done()

    run = await house.run(task("t"), t=step)
    assert run.status == "failed" and run.reason


# --- several agents ----------------------------------------------------------------------------------


async def test_two_agents_work_side_by_side_on_different_files(house: House) -> None:
    a, b = Brake(replaces("a.txt", "two", "TWO")), Brake(writes(b_DOT_txt="B\n"))
    house.plays(task("a", writes=["a.txt"]), task("b", writes=["b.txt"]), a=a, b=b)
    run_id = await house.delegate()
    await asyncio.wait_for(asyncio.gather(a.reached.wait(), b.reached.wait()), 20)
    a.go.set()
    b.go.set()
    run = await house.rests(run_id)
    assert sorted(shown(run)) == ["edit a.txt pending by a", "edit b.txt pending by b"]
    await house.accept(run)
    assert house.user_texts() == {**FILES, "a.txt": "one\nTWO\nthree\nfour\nfive\n", "b.txt": "B\n"}


async def both_at_once(house: House, a_step: Step, b_steps: Sequence[Step]) -> Run:
    """Two agents on one file at the same time; `a` lands first."""
    a, b = Brake(a_step), Brake(b_steps[0])
    house.plays(task("a", writes=["x"]), task("b", writes=["y"]), a=a, b=[b, *b_steps[1:]])
    run_id = await house.delegate()
    await asyncio.wait_for(asyncio.gather(a.reached.wait(), b.reached.wait()), 20)
    a.go.set()
    await house.until(run_id, lambda run: run.tasks["a"].status == "completed")
    b.go.set()
    return await house.rests(run_id)


async def test_edits_of_one_file_that_do_not_touch_are_merged(house: House) -> None:
    run = await both_at_once(house, replaces("a.txt", "one", "ONE"), [replaces("a.txt", "five", "FIVE")])
    assert shown(run) == ["edit a.txt pending by a", "edit a.txt pending by b"]
    await house.accept(run)
    assert house.user_texts()["a.txt"] == "ONE\ntwo\nthree\nfour\nFIVE\n"


async def test_a_conflict_goes_back_to_its_agent_with_the_markers(house: House) -> None:
    def mends(assignment: Assignment) -> Outcome:
        text = (assignment.checkout / "a.txt").read_text()
        assert "<<<<<<<" in text and "A" in text and "B" in text
        put(assignment.checkout, "a.txt", "one\nA and B\nthree\nfour\nfive\n")
        return done()

    run = await both_at_once(house, replaces("a.txt", "two", "A"), [replaces("a.txt", "two", "B"), mends])
    assert [c.attempt for c in house.backend.attempts("b")] == [1, 2]
    assert "a.txt" in house.backend.attempts("b")[1].evidence
    assert shown(run) == ["edit a.txt outdated by a", "edit a.txt pending by a+b"]
    await house.accept(run)
    assert house.user_texts()["a.txt"] == "one\nA and B\nthree\nfour\nfive\n"


async def test_markers_that_an_agent_leaves_are_not_proposed(house: House) -> None:
    def looks_away(_: Assignment) -> Outcome:
        return done()

    def mends(assignment: Assignment) -> Outcome:
        put(assignment.checkout, "a.txt", "one\nA and B\nthree\nfour\nfive\n")
        return done()

    first = [replaces("a.txt", "two", "B"), looks_away, mends]
    run = await both_at_once(house, replaces("a.txt", "two", "A"), first)
    assert [c.attempt for c in house.backend.attempts("b")] == [1, 2, 3]
    assert "the markers still stand in a.txt, line 2" in house.backend.attempts("b")[2].evidence
    assert shown(run) == ["edit a.txt outdated by a", "edit a.txt pending by a+b"]


async def test_markers_in_a_file_of_another_encoding_are_not_proposed_either(house: House) -> None:
    latin = FILES["a.txt"].replace("one", "gr\xfcn").encode("latin-1")
    house.types("a.txt", latin)

    def writes(word: bytes) -> Step:
        return puts({"a.txt": latin.replace(b"two", word)})

    run = await both_at_once(house, writes(b"A"), [writes(b"B"), lambda _: done(), writes(b"A and B")])
    _first, second, third = house.backend.attempts("b")
    assert "Where: a.txt, line 2" in second.evidence
    assert "the markers still stand in a.txt, line 2" in third.evidence
    assert shown(run)[-1] == "binary a.txt pending by a+b"


MOVES: Mapping[str, tuple[Sequence[tuple[str, str]], Step, Mapping[str, str]]] = {
    # what the user renames while the agent is at work, what the agent does, what is proposed where
    "an edit": ([("a.txt", "z.txt")], replaces("a.txt", "two", "2"), {"edit z.txt": "2\n"}),
    "rewritten to the last line": ([("a.txt", "z.txt")], puts({"a.txt": "new\n"}), {"edit z.txt": "new\n"}),
    "renamed twice": (
        [("a.txt", "y.txt"), ("y.txt", "z.txt")],
        replaces("a.txt", "two", "2"),
        {"edit z.txt": "2\n"},
    ),
    "there and back": (
        [("a.txt", "y.txt"), ("y.txt", "a.txt")],
        replaces("a.txt", "two", "2"),
        {"edit a.txt": "2\n"},
    ),
    "its folder": ([("src", "lib")], puts({"src/c.py": "x = 1\n"}), {"edit lib/c.py": "x = 1\n"}),
    "deleted by the agent": ([("a.txt", "z.txt")], puts({"a.txt": None}), {"delete z.txt": ""}),
    "changed places with another file": (
        [("a.txt", "t"), ("b.txt", "a.txt"), ("t", "b.txt")],
        replaces("a.txt", "two", "2"),
        {"edit b.txt": "2\n"},
    ),
    "both of them edited": (
        [("a.txt", "t"), ("b.txt", "a.txt"), ("t", "b.txt")],
        puts({"a.txt": FILES["a.txt"].replace("two", "2"), "b.txt": "B\n"}),
        {"edit b.txt": "2\n", "edit a.txt": "B\n"},
    ),
    "another takes its name": (
        [("a.txt", "z.txt"), ("b.txt", "a.txt")],
        replaces("a.txt", "two", "2"),
        {"edit z.txt": "2\n"},
    ),
    "put over one that the agent deletes": (
        [("b.txt", "a.txt")],
        puts({"a.txt": None, "b.txt": "B\n"}),
        {"edit a.txt": "B\n"},
    ),
    "the only file of a folder in which the agent makes one": (
        [("src/c.py", "lib/c.py")],
        puts({"src/new.py": "n\n"}),
        {"create lib/new.py": "n\n"},
    ),
    "a new file in its folder": ([("src", "lib")], puts({"src/n.py": "n\n"}), {"create lib/n.py": "n\n"}),
    "into a folder of its old name": (
        [("b.txt", "x"), ("x", "b.txt/b.txt")],
        puts({"b.txt": "B\n"}),
        {"edit b.txt/b.txt": "B\n"},
    ),
}


@pytest.mark.parametrize("name", MOVES)
async def test_what_an_agent_does_to_a_file_that_is_renamed_meanwhile_is_of_the_renamed_file(
    house: House, name: str
) -> None:
    moves, step, proposed = MOVES[name]
    brake = Brake(step)
    house.plays(task("a", writes=["x"]), a=brake)
    run_id = await house.delegate()
    await brake.reached.wait()
    for old, new in moves:
        await renames(house, old, new)
    brake.go.set()
    run = await house.rests(run_id)
    changes = [s.change for s in run.changes.values()]
    assert {f"{c.kind} {c.path}": c.after for c in changes} == proposed
    assert len(house.backend.calls) == 1
    await house.accept(run)
    after = house.user_texts()
    assert not any(old in after for old, new in moves if old not in {n for _, n in moves})


async def renames(house: House, old: str, new: str) -> None:
    """The user does so in an editor."""
    (house.workspace / new).parent.mkdir(exist_ok=True)
    (house.workspace / old).rename(house.workspace / new)
    await house.operations.execute("review.moved", {"old_path": old, "path": new})


async def test_a_file_that_an_agent_made_is_not_lost_where_the_user_gives_another_its_name(
    house: House,
) -> None:
    brake = Brake(puts({"a.txt": "x\n", "z.txt": "made by the agent\n"}))
    house.plays(task("a"), a=[brake, ends("unable", "no")])
    run_id = await house.delegate()
    await brake.reached.wait()
    await renames(house, "a.txt", "z.txt")
    brake.go.set()
    run = await house.rests(run_id)
    [repair] = house.facts(run, f.RepairRequested)
    assert isinstance(repair, f.RepairRequested) and "z.txt" in repair.evidence
    assert "made by the agent\n" in (await house.tree(repair.start))["z.txt"]


async def test_a_file_made_under_a_name_that_the_user_gave_up_before_keeps_that_name(house: House) -> None:
    first, second = Brake(replaces("b.txt", "b", "B")), Brake(puts({"a.txt": "new\n", "src/n.py": "n\n"}))
    house.plays(task("a"), task("b", "a"), a=first, b=second)
    run_id = await house.delegate()
    await first.reached.wait()
    await renames(house, "a.txt", "z.txt")
    await renames(house, "src", "lib")
    (house.workspace / "z.txt").unlink()
    first.go.set()
    await second.reached.wait()
    house.types("lib/c.py", "# typed while the second is at work\n")
    second.go.set()
    run = await house.rests(run_id)
    made = {c.path: c.after for c in run.pending_changes if c.kind == "create"}
    assert made == {"a.txt": "new\n", "src/n.py": "n\n"}


async def test_work_that_was_cut_off_follows_a_file_that_is_renamed_before_it_goes_on(house: House) -> None:
    brake = Brake(nothing_more, before=puts({"a.txt": FILES["a.txt"].replace("two", "2")}))
    house.plays(task("a"), a=[brake, nothing_more])
    run_id = await house.delegate()
    await brake.reached.wait()
    await house.operations.execute("run.pause", {"run_id": run_id})
    await house.reopen()
    await renames(house, "a.txt", "z.txt")
    house.types("z.txt", FILES["a.txt"] + "much more\n" * 100)  # which git does not know again
    await house.operations.execute("run.resume", {"run_id": run_id})
    run = await house.until(run_id, lambda run: run.status in ("ready", "failed"))
    assert shown(run) == ["edit z.txt pending by a"]


def nothing_more(_: Assignment) -> Outcome:
    return done()


async def test_a_later_task_takes_over_a_pending_hunk(house: House) -> None:
    run = await house.run(
        task("a"), task("b", "a"), a=replaces("a.txt", "two", "2"), b=replaces("a.txt", "2\n", "2 and 2\n")
    )
    assert shown(run) == ["edit a.txt outdated by a", "edit a.txt pending by a+b"]
    [old, new] = run.changes.values()
    assert old.superseded_by == new.change.id


LATER: Mapping[str, tuple[Step, Step, list[str]]] = {
    "edited after a rename": (
        puts({"src/c.py": None, "src/e.py": FILES["src/c.py"]}),
        puts({"src/e.py": FILES["src/c.py"] + "x = 1\n"}),
        ["rename src/e.py outdated by a", "rename src/e.py pending by a+b"],
    ),
    "renamed twice": (
        puts({"src/c.py": None, "src/e.py": FILES["src/c.py"]}),
        puts({"src/e.py": None, "src/f.py": FILES["src/c.py"]}),
        ["rename src/e.py outdated by a", "rename src/f.py pending by a+b"],
    ),
    "deleted after a rename": (
        puts({"src/c.py": None, "src/e.py": FILES["src/c.py"]}),
        puts({"src/e.py": None}),
        ["rename src/e.py outdated by a", "delete src/c.py pending by a+b"],
    ),
    "renamed back": (
        puts({"src/c.py": None, "src/e.py": FILES["src/c.py"]}),
        puts({"src/e.py": None, "src/c.py": FILES["src/c.py"]}),
        ["rename src/e.py outdated by a"],
    ),
    "made and deleted": (
        puts({"n.txt": "n\n"}),
        puts({"n.txt": None}),
        ["create n.txt outdated by a"],
    ),
    "deleted and made anew": (
        puts({"a.txt": None}),
        puts({"a.txt": "one\ntwo\n3\nfour\nfive\n"}),
        ["delete a.txt outdated by a", "edit a.txt pending by a+b"],
    ),
    "a binary file renamed": (
        puts({"p.bin": b"\0\1" * 50}),
        puts({"p.bin": None, "q.bin": b"\0\1" * 50}),
        ["binary p.bin outdated by a", "binary q.bin pending by a+b"],
    ),
}


@pytest.mark.parametrize("name", LATER)
async def test_a_later_task_builds_on_a_whole_file_change(house: House, name: str) -> None:
    first, second, changes = LATER[name]
    run = await house.run(task("a"), task("b", "a"), a=first, b=second)
    assert shown(run) == changes
    proposal = await house.tree(run.integration)
    assert (await house.accept(run)).refused == []
    assert house.user_texts() == proposal


async def test_a_binary_file_of_the_users_is_renamed(house: House) -> None:
    house.types("p.bin", b"\0\1" * 50)
    run = await house.run(task("a"), a=puts({"p.bin": None, "sub/q.bin": b"\0\1" * 50}))
    assert shown(run) == ["binary sub/q.bin pending by a"]
    assert (await house.accept(run)).refused == []
    assert not (house.workspace / "p.bin").exists()
    assert (house.workspace / "sub/q.bin").read_bytes() == b"\0\1" * 50


# --- gates -------------------------------------------------------------------------------------------


def b_is_sound(texts: Mapping[str, str]) -> Mapping[str, bool]:
    return {"tests/test_b.py::test_b": "bad" not in texts["b.txt"]}


async def test_a_red_gate_is_mended_with_its_evidence(house: House) -> None:
    await house.reopen(b_is_sound)
    run = await house.run(task("t"), t=[writes(b_DOT_txt="bad\n"), replaces("b.txt", "bad", "good")])
    assert run.status == "ready"
    assert "tests/test_b.py::test_b" in house.backend.attempts("t")[1].evidence
    assert [type(g).__name__ for g in run.gates] == ["BaselineMeasured", "GateFailed", "GatePassed"]
    assert [c.after for c in run.pending_changes] == ["good\n"]


async def test_work_that_stays_red_is_given_up_and_not_in_the_integration(house: House) -> None:
    await house.reopen(b_is_sound)
    run = await house.run(
        task("t"), task("ok"), t=[*[writes(b_DOT_txt=f"bad {n}\n") for n in range(5)]], ok=writes(n="n\n")
    )
    assert run.status == "failed" and "a gate is still red after 2 repair rounds" in run.reason
    assert len(house.backend.attempts("t")) == 3
    assert shown(run) == ["create n pending by ok"]
    assert (await house.tree(run.integration))["b.txt"] == "b\n"


# --- the user at the same time -----------------------------------------------------------------------


async def while_working(house: House, step: Step, meanwhile: object) -> Run:
    """Does `meanwhile` while the agent is at work; the run rests at the end."""
    brake = Brake(step)
    house.plays(task("t"), t=brake)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    assert callable(meanwhile)
    meanwhile()
    brake.go.set()
    return await house.rests(run_id)


async def test_what_the_user_saves_meanwhile_stays_beside_the_work(house: House) -> None:
    run = await while_working(
        house,
        replaces("a.txt", "five", "FIVE"),
        lambda: house.types("a.txt", "zero\n" + FILES["a.txt"]),
    )
    [change] = run.pending_changes
    assert (change.line, change.before, change.after) == (5, "five\n", "FIVE\n")
    await house.accept(run)
    assert house.user_texts()["a.txt"] == "zero\none\ntwo\nthree\nfour\nFIVE\n"


async def test_what_the_user_has_not_saved_counts_as_well(house: House) -> None:
    face = OpenBuffers({})
    house.engine.faces.append(as_face(face))
    run = await while_working(
        house,
        replaces("a.txt", "five", "FIVE"),
        lambda: face.opened.update({"a.txt": "zero\n" + FILES["a.txt"]}),
    )
    assert [(c.line, c.after) for c in run.pending_changes] == [(5, "FIVE\n")]
    house.engine.faces.clear()


async def test_where_the_user_changes_the_same_lines_the_agent_has_to_yield(house: House) -> None:
    brake = Brake(replaces("a.txt", "two", "agent"))

    def mends(assignment: Assignment) -> Outcome:
        text = (assignment.checkout / "a.txt").read_text()
        assert "user" in text and "agent" in text
        put(assignment.checkout, "a.txt", "one\nuser\nthree\nfour\nfive\n")
        return done()

    house.plays(task("t"), t=[brake, mends])
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    house.types("a.txt", "one\nuser\nthree\nfour\nfive\n")
    brake.go.set()
    run = await house.rests(run_id)
    assert (run.status, shown(run)) == ("completed", [])
    assert house.user_texts()["a.txt"] == "one\nuser\nthree\nfour\nfive\n"


async def after_first(house: House, between: object, second: Step) -> Run:
    """Task `a` makes TWO and FIVE of a.txt; `between` is done; then `b` works."""
    brake = Brake(second)
    house.plays(
        task("a"),
        task("b", "a"),
        a=writes(a_DOT_txt="one\nTWO\nthree\nfour\nFIVE\n"),
        b=brake,
    )
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    assert callable(between)
    result = between(house.engine.runs[run_id])
    if asyncio.iscoroutine(result):
        await result
    brake.go.set()
    return await house.rests(run_id)


async def test_a_pending_hunk_whose_lines_the_user_changes_is_outdated(house: House) -> None:
    run = await after_first(
        house, lambda _: house.types("a.txt", "one\nuser\nthree\nfour\nfive\n"), writes(b_DOT_txt="B\n")
    )
    assert shown(run) == [
        "edit a.txt outdated by a",
        "edit a.txt pending by a",
        "edit b.txt pending by b",
    ]
    await house.accept(run)
    assert house.user_texts()["a.txt"] == "one\nuser\nthree\nfour\nFIVE\n"


async def test_an_accept_while_the_next_agent_works_is_kept(house: House) -> None:
    run = await after_first(
        house,
        lambda run: house.accept(run, run.pending_changes[0].id),
        replaces("a.txt", "TWO", "TWO!"),
    )
    assert shown(run) == [
        "edit a.txt accepted by a",
        "edit a.txt pending by a",
        "edit a.txt pending by b",
    ]
    assert house.user_texts()["a.txt"] == "one\nTWO\nthree\nfour\nfive\n"
    await house.accept(run)
    assert house.user_texts()["a.txt"] == "one\nTWO!\nthree\nfour\nFIVE\n"


async def test_what_is_rejected_does_not_come_back_and_the_agent_hears_of_it(house: House) -> None:
    house.plays(task("c", "b"), c=ends("unable", "no"))
    brake = Brake(writes(a_DOT_txt="one\nTWO\nthree\nfour\nFIVE\nsix\n"))
    house.plays(
        task("a"), task("b", "a"), task("c", "b"),
        a=writes(a_DOT_txt="one\nTWO\nthree\nfour\nfive\n"), b=brake, c=writes(b_DOT_txt="B\n"),
    )  # fmt: skip
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.reject(house.engine.runs[run_id], reason="two is better")
    brake.go.set()
    run = await house.rests(run_id)
    assert "two is better" in house.backend.attempts("c")[0].notes[0]
    # `b` wrote TWO as well: only what is new of its work is proposed
    assert [c.after for c in run.pending_changes if c.path == "a.txt"] == ["FIVE\nsix\n"]
    assert (await house.tree(run.integration))["a.txt"] == "one\ntwo\nthree\nfour\nFIVE\nsix\n"


async def test_a_whole_file_that_was_rejected_does_not_come_back(house: House) -> None:
    brake = Brake(puts({"n.txt": "n\n", "b.txt": "B\n"}))
    house.plays(task("a"), task("b", "a"), a=puts({"n.txt": "n\n"}), b=brake)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.reject(house.engine.runs[run_id])
    brake.go.set()
    run = await house.rests(run_id)
    assert shown(run) == ["create n.txt rejected by a", "edit b.txt pending by b"]


async def test_decisions_during_a_landing_are_seen_by_it(house: House) -> None:
    """The gate is slow; meanwhile one hunk is accepted, another rejected, and the user types."""
    in_gate, go = asyncio.Event(), asyncio.Event()
    measure = house.gates.measure

    async def slowly(*arguments: object) -> object:
        if len(house.backend.calls) == 2:
            in_gate.set()
            await go.wait()
        return await measure(*arguments)  # type: ignore[arg-type]

    house.gates.measure = slowly  # type: ignore[method-assign, assignment]
    house.plays(
        task("a"), task("b", "a"),
        a=writes(a_DOT_txt="ONE\ntwo\nTHREE\nfour\nFIVE\n"),
        b=writes(a_DOT_txt="ONE!\ntwo\nTHREE!\nfour\nFIVE!\n"),
    )  # fmt: skip
    run_id = await house.delegate()
    await asyncio.wait_for(in_gate.wait(), 20)
    run = house.engine.runs[run_id]
    first, second, _third = [c.id for c in run.pending_changes]
    await house.accept(run, first)
    await house.reject(run, second)
    house.types("b.txt", "typed\n")
    go.set()
    run = await house.rests(run_id)
    assert run.status == "ready"
    assert run.changes[first].status == "accepted" and run.changes[second].status == "rejected"
    await house.accept(run)
    assert house.user_texts()["b.txt"] == "typed\n"
    assert house.user_texts()["a.txt"].splitlines()[0] == "ONE!"
    assert house.user_texts()["a.txt"].splitlines()[4] == "FIVE!"


async def test_a_reopened_hunk_beside_the_one_that_took_its_lines_breaks_nothing(house: House) -> None:
    brake = Brake(replaces("a.txt", "two", "2"))
    last = Brake(writes(b_DOT_txt="B\n"))
    again = puts({"a.txt": FILES["a.txt"].replace("two", "2")})
    plan = (task("a"), task("b", "a"), task("c", "b"))
    house.plays(*plan, a=replaces("a.txt", "two", "TWO"), b=[brake, again], c=last)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    [old] = [c.id for c in house.engine.runs[run_id].pending_changes]
    put_back = house.backend.attempts("b")[0].checkout / "a.txt"
    put_back.write_text(FILES["a.txt"])
    await house.reject(house.engine.runs[run_id])
    brake.go.set()
    await asyncio.wait_for(last.reached.wait(), 20)
    await house.review.undo([old], None)
    last.go.set()
    run = await house.rests(run_id)
    assert run.status == "ready"
    statuses = [s.status for s in run.changes.values() if s.change.path == "a.txt"]
    assert sorted(statuses) == ["outdated", "pending"]


async def test_a_switch_of_head_pauses_the_run_once_until_the_user_answers(house: House) -> None:
    brake = Brake(replaces("a.txt", "two", "TWO"))
    house.plays(task("t"), task("u", "t"), t=brake, u=writes(n="n\n"))
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    git(house.workspace, "switch", "-q", "-c", "other")
    brake.go.set()
    run = await house.rests(run_id)
    [ask] = run.open_asks
    assert (run.status, ask.kind) == ("paused", "head_moved")
    assert ask.options == ("Go on here", "Wait until I am back", "Cancel the run")
    assert ask.question == "HEAD was main when “make it good” began and is other now. Go on with it here?"
    assert shown(run) == []
    await house.engine.submit(run_id, h.Answer(ask.ask_id, "Go on here"))
    run = await house.until(run_id, lambda run: run.status == "ready")
    assert shown(run) == ["edit a.txt pending by t", "create n pending by u"]
    assert len(house.facts(run, f.AskOpened)) == 1


# --- what goes wrong ---------------------------------------------------------------------------------


async def test_a_planner_that_fails_ends_the_run_with_its_sentence(house: House) -> None:
    house.planner.answer = PlanFailed("No key. Set OPENAI_API_KEY.")
    run = await house.rests(await house.delegate())
    assert (run.status, run.reason) == ("failed", "No key. Set OPENAI_API_KEY.")


NONSENSE: Mapping[str, tuple[Sequence[Task], str]] = {
    "no task": ((), "The plan cannot be carried out: tasks: the plan has no task. Give at least one task."),
    "an agent nobody knows": ((task("t", agent="bob"),), "'bob' is not an agent"),
    "a circle": ((task("a", "b"), task("b", "a")), "depends_on goes in a circle"),
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_a_nonsense_plan_is_never_begun(house: House, name: str) -> None:
    tasks, reason = NONSENSE[name]
    run = await house.run(*tasks)
    assert run.status == "failed" and reason in run.reason
    assert house.backend.calls == []


async def test_a_planner_that_raises_ends_the_run_too(house: House) -> None:
    house.planner.answer = ValueError("boom")
    run = await house.rests(await house.delegate())
    assert (run.status, run.reason) == ("failed", "boom")


BROKEN: Mapping[str, tuple[Sequence[Step], str, int]] = {
    "twice, then well": (
        [ends("broken", "no network", True), ends("broken", "no network", True), writes(n="n\n")],
        "ready",
        3,
    ),
    "for good": ([ends("broken", "no network", True)], "failed", 4),
    "not worth a retry": ([ends("broken", "no key")], "failed", 1),
    "the work failed": ([ends("failed", "too hard")], "failed", 1),
    "unable": ([ends("unable", "cannot invent")], "failed", 1),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_backend_that_breaks_is_tried_again_so_often(house: House, name: str) -> None:
    steps, status, attempts = BROKEN[name]
    run = await house.run(task("t"), t=steps)
    assert (run.status, len(house.backend.calls)) == (status, attempts)


async def test_what_a_broken_attempt_wrote_is_where_the_next_begins(house: House) -> None:
    def breaks(assignment: Assignment) -> Outcome:
        put(assignment.checkout, "n.txt", "half\n")
        return Outcome("broken", "network", retryable=True)

    run = await house.run(task("t"), t=[breaks, replaces("n.txt", "half", "whole")])
    assert [c.after for c in run.pending_changes] == ["whole\n"]


async def test_a_repair_that_breaks_still_knows_what_to_repair(house: House) -> None:
    await house.reopen(b_is_sound)
    steps = [writes(b_DOT_txt="bad\n"), ends("broken", "network", True), replaces("b.txt", "bad", "good")]
    run = await house.run(task("t"), t=steps)
    assert run.status == "ready"
    third = house.backend.attempts("t")[2].evidence
    assert "network" in third and "tests/test_b.py::test_b" in third


async def test_a_backend_that_raises_fails_its_task_only(house: House) -> None:
    def raises(_: Assignment) -> Outcome:
        raise KeyError("nobody caught this")

    run = await house.run(task("t"), task("u"), t=raises, u=writes(n="n\n"))
    assert run.status == "failed" and "nobody caught this" in run.reason
    assert shown(run) == ["create n pending by u"]


async def test_tasks_go_on_without_one_that_is_unable_but_not_without_one_that_failed(house: House) -> None:
    run = await house.run(task("no"), task("after", "no"), no=ends("unable", "cannot"), after=writes(n="n\n"))
    assert run.status == "ready"
    run = await house.run(
        task("bad"), task("after", "bad"), bad=ends("failed", "could not"), after=writes(n="n\n")
    )
    assert run.status == "failed" and run.tasks["after"].status == "cancelled"


async def test_an_effect_that_ends_without_a_result_fails_the_run_and_is_not_repeated(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def nothing(_: Engine, effect: object) -> None:
        calls.append(str(effect))

    monkeypatch.setattr("nexus_lsp.engine.effects.snapshot", nothing)
    run = await house.rests(await house.delegate())
    assert run.status == "failed" and "“snapshot” ended without a result" in run.reason
    assert len(calls) == 1


async def test_a_full_disk_holds_the_run_and_loses_no_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_lsp.engine.engine.RETRY_AFTER", 0.05)
    heard: list[str] = []
    house.engine.watchers.append(lambda event: heard.append(event.get("message", "")))
    brake = Brake(writes(n="n\n"))
    house.plays(task("t"), t=brake)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    house.journal.full = True  # type: ignore[attr-defined]
    brake.go.set()
    await asyncio.sleep(0.3)
    house.journal.full = False  # type: ignore[attr-defined]
    run = await house.rests(run_id)
    assert (run.status, len(house.backend.calls)) == ("ready", 1)
    assert any("disk full" in line for line in heard)


# --- cancel, pause, budget, asks ---------------------------------------------------------------------


async def test_cancel_stops_the_agent_and_throws_its_checkout_away(house: House) -> None:
    brake = Brake(writes(n="n\n"), before=lambda a: put(a.checkout, "half.txt", "x"))
    house.plays(task("t"), task("u", "t"), t=brake, u=writes(m="m\n"))
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.engine.submit(run_id, h.Cancel())
    run = house.engine.runs[run_id]
    assert run.status == "cancelled"
    async with asyncio.timeout(10):
        while house.checkouts() or not brake.cancelled:
            await asyncio.sleep(0.02)
    assert {s.status for s in run.tasks.values()} == {"cancelled"}


async def test_what_landed_before_a_cancel_can_still_be_accepted(house: House) -> None:
    brake = Brake(writes(n="n\n"))
    house.plays(task("a"), task("b", "a"), a=writes(b_DOT_txt="B\n"), b=brake)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.engine.submit(run_id, h.Cancel())
    run = house.engine.runs[run_id]
    await house.accept(run)
    assert (house.user_texts()["b.txt"], shown(house.now(run))) == ("B\n", ["edit b.txt accepted by a"])


async def test_a_retry_after_a_cancel_goes_on(house: House) -> None:
    brake = Brake(writes(n="n\n"))
    house.plays(task("t"), t=[brake, writes(n="n\n")])
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.engine.submit(run_id, h.Cancel())
    await house.engine.submit(run_id, h.Retry())
    run = await house.rests(run_id)
    assert (run.status, shown(run)) == ("ready", ["create n pending by t"])


async def test_a_paused_run_starts_nothing_and_what_is_at_work_lands(house: House) -> None:
    brake = Brake(writes(n="n\n"))
    house.plays(task("a"), task("b", "a"), a=brake, b=writes(m="m\n"))
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.engine.submit(run_id, h.Pause())
    brake.go.set()
    run = await house.until(run_id, lambda run: run.tasks["a"].status == "completed")
    await asyncio.sleep(0.1)
    assert (run.status, len(house.backend.calls)) == ("paused", 1)
    await house.engine.submit(run_id, h.Resume())
    assert (await house.rests(run_id)).status == "ready"


async def test_a_pause_while_the_plan_is_made_holds_until_it_is_resumed(house: House) -> None:
    go, planned = asyncio.Event(), house.planner.plan

    async def slowly(brief: object) -> object:
        await go.wait()
        return await planned(brief)  # type: ignore[arg-type]

    house.planner.plan = slowly  # type: ignore[method-assign, assignment]
    house.plays(task("t"), t=writes(n="n\n"))
    run_id = await house.delegate()
    await house.until(run_id, lambda run: run.snapshot is not None)
    await house.engine.submit(run_id, h.Pause())
    go.set()
    run = await house.until(run_id, lambda run: bool(run.tasks))
    assert run.status == "paused"
    await asyncio.sleep(0.1)
    assert house.backend.calls == []
    await house.engine.submit(run_id, h.Resume())
    assert (await house.until(run_id, lambda run: run.status == "ready")).status == "ready"


async def test_a_spent_budget_pauses_and_a_resume_gives_as_much_again(house: House) -> None:
    run = await house.run(
        task("a"), task("b", "a"), task("c", "b"),
        started={"max_usd": 1.0},
        a=writes(usd=0.85, n="n\n"), c=writes(o="o\n"),
        b=[ends("broken", "x", True, usd=0.2), writes(m="m\n")],
    )  # fmt: skip
    assert (run.status, round(run.usd, 2)) == ("paused", 1.05)
    assert [type(x).__name__ for x in house.facts(run, f.BudgetWarned, f.BudgetSpent)] == [
        "BudgetWarned",
        "BudgetSpent",
    ]
    await house.engine.submit(run.id, h.Resume())
    run = await house.until(run.id, lambda run: run.status == "ready")
    assert house.backend.attempts("c")[0].max_usd == pytest.approx(1.0)


async def test_an_ask_that_runs_out_counts_as_its_default(house: House) -> None:
    brake = Brake(writes(n="n\n"))
    house.plays(task("t"), t=brake)
    run_id = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    ask = f.AskOpened("ask_x", "budget", "More?", ("Yes", "No"), "No", house.clock.at + 0.05)
    await house.engine.submit(run_id, h.OpenAsk(ask, pause=True))
    house.clock.at += 1
    run = await house.until(run_id, lambda run: not run.open_asks)
    assert (run.asks["ask_x"].answer, run.status) == ("No", "paused")
    brake.go.set()
    assert (await house.until(run_id, lambda run: run.status == "ready")).status == "ready"


# --- many runs ---------------------------------------------------------------------------------------


async def test_ten_runs_share_four_places_by_priority(house: House) -> None:
    started: list[str] = []

    async def step(assignment: Assignment) -> Outcome:
        started.append(house.engine.runs[assignment.run_id].started.priority)
        await asyncio.sleep(0.02)
        put(assignment.checkout, f"{assignment.run_id}.txt", "x\n")
        return done()

    house.plays(task("t", writes=["t"]), task("u", writes=["u"]), t=step, u=step)
    priorities = ["low", "high", "medium", "critical", "low"] * 2
    runs = [await house.delegate(priority=p) for p in priorities]
    for run_id in runs:
        assert (await house.rests(run_id)).status == "ready"
    assert house.backend.most_at_work <= Settings().max_agents
    assert len(house.backend.calls) == 20
    assert "low" not in started[:4] or started.index("critical") < 8


async def test_agents_of_paused_runs_hold_their_places(house: House) -> None:
    house.engine.settings = Settings(max_agents=1)
    brake = Brake(writes(n="n\n"))
    house.plays(task("t"), task("u", "t"), t=brake, u=writes(m="m\n"))
    first = await house.delegate()
    await asyncio.wait_for(brake.reached.wait(), 20)
    await house.engine.submit(first, h.Pause())
    second = await house.delegate()
    await house.until(second, lambda run: bool(run.tasks))
    await asyncio.sleep(0.1)
    assert house.backend.most_at_work == 1 and len(house.backend.calls) == 1
    brake.go.set()
    assert (await house.rests(second)).status == "ready"
