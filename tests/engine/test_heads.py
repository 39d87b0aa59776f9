"""The user switches branches while runs are at work or wait for review."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from engine_house import House, git, house, workspace
from fakes import Brake, replaces, task, writes

from nexus_lsp.core import facts as f
from nexus_lsp.core.rules.heads import HERE, STOP, WAIT
from nexus_lsp.core.run import Run
from nexus_lsp.engine.operations import Operations

__all__ = ["house", "workspace"]


class Two:
    """Two runs at work on `main` when the user switches to `other`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.operations = house.operations

    async def begin(self) -> Two:
        brakes = [Brake(writes(x="x\n")), Brake(writes(y="y\n"))]
        self.ids: list[str] = []
        for name, brake in zip("xy", brakes, strict=True):
            self.house.plays(task(name), **{name: brake})
            self.ids.append(await self.house.delegate(request=f"write {name}"))
            await asyncio.wait_for(brake.reached.wait(), 20)
        git(self.house.workspace, "switch", "-q", "-c", "other")
        await self.house.engine.heads.look()
        for brake in brakes:
            brake.go.set()
        return self

    @property
    def runs(self) -> list[Run]:
        return [self.house.engine.runs[i] for i in self.ids]

    async def answer(self, answer: str) -> None:
        [ask] = [ask for run in self.runs for ask in run.open_asks]
        await self.operations.execute("answer", {"ask_id": ask.ask_id, "answer": answer})

    async def back(self) -> None:
        git(self.house.workspace, "switch", "-q", "main")
        await self.house.engine.heads.look()

    def said(self) -> list[str]:
        return [f"{run.status} {run.head}".replace("refs/heads/", "") for run in self.runs]


async def test_one_question_is_asked_for_all_runs(house: House) -> None:
    two = await Two(house).begin()
    [ask] = [ask for run in two.runs for ask in run.open_asks]
    assert ask.question == (
        "HEAD was main when “write x” began and is other now (1 more run waits too). Go on with it here?"
    )
    assert two.said() == ["paused main", "paused main"]


ANSWERS: Mapping[str, tuple[str, list[str], list[str]]] = {
    "go on here": (HERE, ["ready other", "ready other"], ["ready other", "ready other"]),
    "wait": (WAIT, ["paused main", "paused main"], ["ready main", "ready main"]),
    "cancel": (STOP, ["cancelled main", "cancelled main"], ["cancelled main", "cancelled main"]),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_its_answer_holds_for_all_of_them(house: House, name: str) -> None:
    answer, then, home = ANSWERS[name]
    two = await Two(house).begin()
    await two.answer(answer)
    for run in two.runs:
        await house.rests(run.id)
    assert two.said() == then
    await two.back()
    for run in two.runs:
        await house.rests(run.id)
    assert two.said() == home


async def test_back_before_the_answer_nothing_is_asked_any_more(house: House) -> None:
    two = await Two(house).begin()
    await two.back()
    for run in two.runs:
        await house.rests(run.id)
    assert [run.open_asks for run in two.runs] == [(), ()]
    assert two.said() == ["ready main", "ready main"]


async def test_a_run_that_the_user_paused_stays_paused(house: House) -> None:
    two = Two(house)
    brake = Brake(writes(x="x\n"))
    house.plays(task("x"), x=brake)
    two.ids = [await house.delegate()]
    await asyncio.wait_for(brake.reached.wait(), 20)
    await two.operations.execute("run.pause", {"run_id": two.ids[0]})
    git(house.workspace, "switch", "-q", "-c", "other")
    await house.engine.heads.look()
    await two.back()
    brake.go.set()
    assert two.said() == ["paused main"]


async def ready(house: House) -> tuple[Operations, Run, str]:
    run = await house.run(task("t"), t=replaces("a.txt", "two", "TWO"))
    assert run.status == "ready"
    return house.operations, run, run.pending_changes[0].id


async def test_changes_stay_with_their_branch(house: House) -> None:
    operations, run, change = await ready(house)
    git(house.workspace, "switch", "-q", "-c", "other")
    house.types("a.txt", "one\n2\nthree\n")
    refused = await operations.execute("review.accept", {"change_ids": [change]})
    assert refused["accepted"] == []
    assert refused["refused"][0]["why"] == (
        "it belongs to main, and HEAD is other: switch back, or take the run along with "
        f"`nexus-lsp runs --resume {run.id}` (in an editor: Resume Run, `nexus.run.resume`)"
    )
    assert house.user_texts()["a.txt"] == "one\n2\nthree\n"
    # an editor that shows the other branch's text finds no place for it, which means nothing
    await operations.execute("review.outdate", {"change_ids": [change], "why": "you changed these lines"})
    listed = (await operations.execute("review.list", {}))["changes"]
    assert [(c["status"], c["parked"]) for c in listed] == [("pending", "main")]
    git(house.workspace, "checkout", "-q", "a.txt")
    git(house.workspace, "switch", "-q", "main")
    done = await operations.execute("review.accept", {"change_ids": [change]})
    assert done["accepted"] == [change]
    assert house.facts(run, f.AskOpened) == []


async def test_changes_can_be_taken_along(house: House) -> None:
    operations, run, change = await ready(house)
    git(house.workspace, "switch", "-q", "-c", "other")
    await house.engine.heads.look()
    await operations.execute("run.resume", {"run_id": run.id})
    done = await operations.execute("review.accept", {"change_ids": [change]})
    assert (done["accepted"], house.now(run).head) == ([change], "refs/heads/other")


async def test_what_was_accepted_is_not_open_again_because_another_branch_lacks_it(house: House) -> None:
    operations, run, change = await ready(house)
    other = await house.run(task("u"), u=writes(z="z\n"))
    await operations.execute("review.accept", {"change_ids": [change]})
    git(house.workspace, "commit", "-qam", "accepted")
    git(house.workspace, "switch", "-q", "-c", "other", "HEAD~1")
    await operations.execute("review.reopen", {"change_ids": [change]})
    assert house.now(run).changes[change].status == "accepted"
    assert house.now(other).away


async def test_a_later_run_builds_only_on_what_was_accepted(house: House) -> None:
    await ready(house)
    later = await house.run(task("u"), u=replaces("a.txt", "four", "FOUR"))
    assert (await house.tree(later.integration))["a.txt"] == "one\ntwo\nthree\nFOUR\nfive\n"


async def test_a_first_look_after_a_switch_shows_nothing_of_the_branch_left(house: House) -> None:
    operations, _, change = await ready(house)
    git(house.workspace, "switch", "-q", "-c", "other")
    listed = (await operations.execute("review.list", {}))["changes"]
    assert [(c["id"], c["parked"]) for c in listed] == [(change, "main")]
    assert (await operations.execute("review.diff", {}))["patch"] == ""
    assert (await operations.execute("review.preview", {}))["files"] == []


async def test_no_process_is_started_to_see_what_head_names(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(house)
    await house.reopen()

    async def none(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", none)
    git(house.workspace, "switch", "-q", "-c", "other")
    [change] = (await house.operations.execute("review.list", {}))["changes"]
    assert change["parked"] == "main"


async def test_a_change_of_another_branch_is_not_rejected_either(house: House) -> None:
    operations, run, change = await ready(house)
    git(house.workspace, "switch", "-q", "-c", "other")
    refused = await operations.execute("review.reject", {"change_ids": [change]})
    assert (refused["rejected"], [r["id"] for r in refused["refused"]]) == ([], [change])
    assert "it belongs to main, and HEAD is other" in refused["refused"][0]["why"]
    assert house.now(run).changes[change].status == "pending"


async def test_what_was_decided_on_the_branch_just_left_names_no_command_that_would_not_help(
    house: House,
) -> None:
    operations, _, change = await ready(house)
    await operations.execute("review.accept", {"change_ids": [change]})
    git(house.workspace, "commit", "-qam", "accepted")
    await house.run(task("u"), u=writes(z="z\n"))
    await operations.execute("review.list", {})
    git(house.workspace, "switch", "-q", "-c", "other", "HEAD~1")
    refused = await operations.execute("review.undo", {"change_ids": [change]})
    assert [r["why"] for r in refused["refused"]] == [
        "main was left just now: switch back, or try again in 10 seconds"
    ]


async def test_a_commit_that_head_names_is_said_by_its_first_digits(house: House) -> None:
    operations, _, change = await ready(house)
    commit = git(house.workspace, "rev-parse", "HEAD")
    git(house.workspace, "checkout", "-q", "--detach")
    refused = await operations.execute("review.accept", {"change_ids": [change]})
    assert f"and HEAD is {commit[:10]}: switch back" in refused["refused"][0]["why"]


@pytest.mark.parametrize("verb", ["accept", "reject"])
async def test_a_change_named_twice_is_told_once(house: House, verb: str) -> None:
    operations, _, change = await ready(house)
    answer = await operations.execute(f"review.{verb}", {"change_ids": [change, change]})
    assert (answer[f"{verb}ed"], answer["refused"]) == ([change], [])
