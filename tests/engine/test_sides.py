"""Conflicts and revisions in an engine without an editor: put in, taken back, asked again, replayed."""

from __future__ import annotations

from typing import Any

import pytest
from engine_house import FILES, House, OpenBuffers, as_face, house, workspace
from fakes import done, ends, replaces, task, writes

from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.run import Run

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
MINE, THEIRS = A.replace("three", "my three"), A.replace("three", "THREE")
BOTH = A.replace("three\n", "my three\nTHREE\n")


async def proposed(house: House, **started: object) -> tuple[Run, str]:
    """A run that proposes `three` → `THREE` in a.txt, and its change's id."""
    run = await house.run(task("t"), t=replaces("a.txt", "three", "THREE"), started=started)
    (change,) = run.pending_changes
    return run, change.id


async def asked(house: House, name: str, **argument: Any) -> Any:
    return await house.operations.execute(name, argument)


def state(house: House, run: Run, change_id: str) -> str:
    return house.now(run).changes[change_id].status


# --- settled on the disk -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "text", "status"),
    [("mine", MINE, "rejected"), ("theirs", THEIRS, "accepted"), ("both", BOTH, "accepted")],
)
async def test_a_file_that_another_program_changed_is_settled_and_taken_back(
    house: House, how: str, text: str, status: str
) -> None:
    run, change = await proposed(house)
    house.types("a.txt", MINE)
    listed = (await asked(house, "review.list", sides=True))["changes"][0]
    assert listed["conflict"] == {"line": 2, "base": "three\n", "yours": "my three\n", "theirs": "THREE\n"}
    assert (await asked(house, "review.resolve", change_id=change, how=how))["resolved"] == [change]
    assert (house.user_texts()["a.txt"], state(house, run, change)) == (text, status)
    await house.reopen()
    assert state(house, run, change) == status, "replayed"
    await house.review.undo([change], None)
    assert (house.user_texts()["a.txt"], state(house, run, change)) == (MINE, "outdated")
    house.types("a.txt", A)
    await asked(house, "review.reopen", change_ids=[change], placed=True)
    await house.accept(run, change)
    assert house.user_texts()["a.txt"] == THEIRS, "what was proposed is what is put in where the base is back"


async def test_two_conflicts_of_one_file_in_one_go(house: House) -> None:
    house.types("a.txt", long := "".join(f"{n}\n" for n in range(30)))
    both = replaces("a.txt", "5\n6\n", "five\n6\n"), replaces("a.txt", "\n20\n", "\ntwenty\n")
    run = await house.run(task("t"), task("u", "t"), t=both[0], u=both[1])
    first, second = (c.id for c in run.pending_changes)
    house.types("a.txt", long.replace("\n5\n", "\nmine\n").replace("\n20\n", "\nmine too\n"))
    assert (await house.review.resolve([first, second], "both", None)).done == [first, second]
    assert house.user_texts()["a.txt"] == long.replace("\n5\n", "\nmine\nfive\n").replace(
        "\n20\n", "\nmine too\ntwenty\n"
    )
    await house.review.undo([first], None)
    assert house.user_texts()["a.txt"] == long.replace("\n5\n", "\nmine\n").replace(
        "\n20\n", "\nmine too\ntwenty\n"
    )


async def test_conflicts_that_meet_are_settled_one_after_the_other(house: House) -> None:
    step = writes(a_DOT_txt=A.replace("two", "TWO").replace("four", "FOUR"))
    run = await house.run(task("t"), t=step)
    first, second = (c.id for c in run.pending_changes)
    house.types("a.txt", "one\nmine\nfive\n")
    decided = await house.review.resolve([first, second], "both", None)
    assert decided.done == [first] and "one after the other" in decided.refused[0][1]
    assert "mine\n" in house.user_texts()["a.txt"]


async def test_where_nothing_around_it_is_left_it_says_so(house: House) -> None:
    house.types("a.txt", "".join(f"{n}\n" for n in range(60)))
    run = await house.run(task("t"), t=replaces("a.txt", "\n30\n", "\nTHIRTY\n"))
    (change,) = (c.id for c in run.pending_changes)
    house.types("a.txt", other := "".join(f"other {n}\n" for n in range(60)))
    await house.engine.integration(run.id).refresh()
    decided = await house.review.resolve([change], "theirs", None)
    assert decided.refused == [
        (change, "the lines around it are gone too: change it by hand, reject it, or ask its agent")
    ]
    assert house.user_texts()["a.txt"] == other
    assert (await house.review.resolve([change], "mine", None)).done == [change]


async def test_a_file_changed_between_the_look_and_the_write_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, change = await proposed(house)
    house.types("a.txt", MINE)
    carry_out = house.review._disk.carry_out  # pyright: ignore[reportPrivateUsage]

    async def typed_first(*given: Any) -> Any:
        house.types("a.txt", A.replace("three", "typed just now"))
        return await carry_out(*given)

    monkeypatch.setattr(house.review._disk, "carry_out", typed_first)  # pyright: ignore[reportPrivateUsage]
    decided = await house.review.resolve([change], "theirs", None)
    assert decided.done == [] and len(decided.refused) == 1
    assert house.user_texts()["a.txt"] == A.replace("three", "typed just now")


async def test_two_editors_with_different_text_settle_nothing(house: House) -> None:
    run, change = await proposed(house)
    house.engine.faces += [as_face(OpenBuffers({"a.txt": MINE})), as_face(OpenBuffers({"a.txt": A + "6\n"}))]
    await asked(house, "review.outdate", change_ids=[change], why="you changed these lines")
    decided = await house.review.resolve([change], "theirs", None)
    assert decided.done == [] and len(decided.refused) == 1
    assert (house.user_texts()["a.txt"], state(house, run, change)) == (A, "outdated")


# --- the integration tree follows --------------------------------------------------------------------


async def test_a_later_task_builds_on_what_was_put_in(house: House) -> None:
    async def typed_and_settled(assignment: Any) -> Any:
        (change,) = house.engine.runs["run_1"].pending_changes
        house.types("a.txt", MINE)
        await house.review.resolve([change.id], "both", None)
        return done()

    run = await house.run(
        task("t"), task("u", "t"), task("v", "u"), t=replaces("a.txt", "three", "THREE"),
        u=typed_and_settled, v=replaces("a.txt", "my three\nTHREE\n", "my three, and theirs\n"),
    )  # fmt: skip
    assert (await house.tree(run.integration))["a.txt"] == A.replace("three", "my three, and theirs")
    await house.accept(run)
    assert house.user_texts()["a.txt"] == A.replace("three", "my three, and theirs")


async def test_what_the_user_writes_by_themselves_meanwhile_is_accepted(house: House) -> None:
    run = await house.run(
        task("t"), task("u", "t"), t=replaces("a.txt", "three", "THREE"),
        u=lambda _: house.types("a.txt", THEIRS),
    )  # fmt: skip
    await house.engine.integration(run.id).refresh()
    assert [s.note for s in house.now(run).changes.values()] == ["typed"]
    assert house.now(run).status == "completed"


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [("three", "THREE", []), ("three", "  THREE", []), ("three", "drei", ["drei\n"])],
)
async def test_what_was_rejected_stays_so_where_its_lines_stand_twice(
    house: House, old: str, new: str, left: list[str]
) -> None:
    """The user rejects, and doubles the lines: nobody can say any more which of them were meant."""

    async def rejected_and_doubled(assignment: Any) -> Any:
        (change,) = house.engine.runs["run_1"].pending_changes
        await house.review.reject([change.id], "three is better")
        house.types("a.txt", A + A)
        return done()

    run = await house.run(
        task("t"), task("u", "t"), task("v", "u"), t=replaces("a.txt", "three", "THREE"),
        u=rejected_and_doubled, v=replaces("a.txt", old, new),
    )  # fmt: skip
    assert [c.after for c in run.pending_changes] == left


# --- in another way ----------------------------------------------------------------------------------


async def test_a_revision_takes_the_place_of_what_was_proposed(house: House) -> None:
    run, change = await proposed(house, team="claude")
    house.backend.script["revise-1"] = replaces("a.txt", "THREE", "drei")
    assert run.status == "ready"
    answer = await asked(house, "review.revise", change_ids=[change], feedback="in German, please")
    assert answer == {"task_id": "revise-1"}
    assert house.now(run).status == "in_progress" and state(house, run, change) == "pending"
    run = await house.rests(run.id)
    (new,) = run.pending_changes
    old = run.changes[change]
    assert (run.status, old.status, old.superseded_by) == ("ready", "outdated", new.id)
    assert (new.before, new.after, new.task_ids) == ("three\n", "drei\n", ("t", "revise-1"))
    given = house.backend.calls[-1].task
    assert (given.agent, given.writes) == ("code_developer", ("a.txt",))
    assert "in German, please" in given.description and "THREE" in given.description


async def test_a_conflict_is_given_to_its_agent_with_three_sides(house: House) -> None:
    run, change = await proposed(house, team="claude")
    house.types("a.txt", MINE)
    await house.engine.integration(run.id).refresh()
    assert house.now(run).status == "completed", "nothing waits any more, and it can still be asked about"
    house.backend.script["revise-1"] = replaces("a.txt", "my three", "MY THREE")
    await asked(house, "review.revise", change_ids=[change])
    run = await house.rests(run.id)
    said = house.backend.calls[-1].task.description
    places = [said.index(text) for text in ("\nthree\n", "\nmy three\n", "\nTHREE\n")]
    assert places == sorted(places) and "Put together what both sides want" in said
    (new,) = run.pending_changes
    assert (new.before, new.after) == ("my three\n", "MY THREE\n")
    assert run.changes[change].superseded_by == new.id, "the conflict is over"
    assert house.user_texts()["a.txt"] == MINE


async def test_a_revision_survives_a_crash(house: House) -> None:
    run, change = await proposed(house, team="claude")
    house.engine.at_rest = True  # the crash comes before the agent starts
    await asked(house, "review.revise", change_ids=[change], feedback="in German")
    house.backend.script["revise-1"] = replaces("a.txt", "THREE", "drei")
    await house.reopen()
    run = await house.rests(run.id)
    assert [c.after for c in run.pending_changes] == ["drei\n"]


async def test_a_revision_that_fails_leaves_the_first_version(house: House) -> None:
    run, change = await proposed(house, team="claude")
    house.backend.script["revise-1"] = ends("failed", "too hard")
    await asked(house, "review.revise", change_ids=[change], feedback="in German")
    run = await house.rests(run.id)
    assert (run.status, state(house, run, change)) == ("ready", "pending")


async def test_three_times_and_no_more(house: House) -> None:
    run, change = await proposed(house, team="claude")
    for n, (old, new) in enumerate((("THREE", "drei"), ("drei", "trois"), ("trois", "tre")), 1):
        house.backend.script[f"revise-{n}"] = replaces("a.txt", old, new)
        await asked(house, "review.revise", change_ids=[change], feedback=f"say {new}")
        run = await house.rests(run.id)
        (change,) = (c.id for c in run.pending_changes)
    with pytest.raises(Refused, match="asked for in another way 3 times already"):
        await asked(house, "review.revise", change_ids=[change], feedback="once more")


async def test_what_cannot_be_revised_says_what_to_do_instead(house: House) -> None:
    run, change = await proposed(house)
    with pytest.raises(Refused, match="local team works by fixed rules"):
        await asked(house, "review.revise", change_ids=[change], feedback="x")
    run, change = await proposed(house, team="claude")
    with pytest.raises(InvalidArgument, match="say in a sentence"):
        await asked(house, "review.revise", change_ids=[change], feedback=" ")
    with pytest.raises(InvalidArgument, match="changeIds"):
        await asked(house, "review.revise", change_ids=[], feedback="x")
    await house.accept(run, change)
    with pytest.raises(Refused, match="accepted already: undo that first"):
        await asked(house, "review.revise", change_ids=[change], feedback="x")
