"""What an agent wants to run and the user is asked about: once, for the run, never."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from engine_house import House, house, workspace
from fakes import Step, done, task

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.permissions import Permissions
from nexus_lsp.core.settings import Settings
from nexus_lsp.ports import Assignment, Line, Outcome

__all__ = ["house", "workspace"]

DENIED = "The user does not allow this command. Do without it, and say in your result what is missing."


def runs(*commands: str) -> Step:
    """An agent that wants to run these, one after the other, and says what came of each."""

    async def step(assignment: Assignment, line: Line) -> Outcome:
        return done(" / ".join([await line.permitted(one, "") or "ran" for one in commands]))

    return step


async def answered(house: House, run_id: str, answers: Sequence[str]) -> None:
    """Answer what is asked, one after the other."""
    for count, answer in enumerate(answers, 1):
        run = await house.until(run_id, lambda r, n=count: len(r.asks) == n)
        await house.engine.submit(run_id, h.Answer(run.open_asks[0].ask_id, answer))


@pytest.mark.parametrize(
    ("commands", "answers", "came"),
    [
        (["pytest -q", "git diff"], [], "ran / ran"),
        (["curl x", "curl x"], ["Allow once", "Deny"], f"ran / {DENIED}"),
        (["curl x", "curl y", "wget z"], ["Allow for this run", "Allow once"], "ran / ran / ran"),
        (["pip install x && curl y", "curl z"], ["Allow for this run"], "ran / ran"),
        (["curl x"], ["Deny"], DENIED),
    ],
)
async def test_commands(house: House, commands: list[str], answers: list[str], came: str) -> None:
    house.plays(task("a"), a=runs(*commands))
    run_id = await house.delegate()
    await answered(house, run_id, answers)
    run = await house.rests(run_id)
    assert (run.tasks["a"].summary, len(run.asks)) == (came, len(answers))


@pytest.mark.parametrize(
    ("setting", "commands", "came"),
    [
        ("allow", ["curl x"], "ran"),
        (
            "deny",
            ["curl x", "pytest"],
            "The user's settings forbid commands like `curl`. Do without, and say so. / ran",
        ),
    ],
)
async def test_the_setting_answers_instead(
    house: House, setting: Permissions, commands: list[str], came: str
) -> None:
    house.engine.settings = Settings(permissions=setting)
    house.plays(task("a"), a=runs(*commands))
    run = await house.rests(await house.delegate())
    assert (run.tasks["a"].summary, len(run.asks)) == (came, 0)


async def test_who_asks_for_what_and_only_that_agent_waits(house: House) -> None:
    house.plays(task("a"), task("b", writes=["b"]), a=runs("curl -s http://x"), b=runs("ls"))
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: bool(r.asks) and r.tasks["b"].status == "completed")
    [ask] = run.open_asks
    assert (ask.kind, ask.agent_id, ask.task_id) == ("permission", "code_developer", "a")
    assert ask.question == "May I run `curl -s http://x`?"
    assert (ask.options, ask.default) == (("Allow once", "Allow for this run", "Deny"), "Deny")
    assert (run.status, run.holding_asks, run.asking) == ("in_progress", (), {"a"})


async def test_for_this_run_answers_what_another_agent_waits_for(house: House) -> None:
    house.plays(task("a"), task("b", writes=["b"]), a=runs("curl x"), b=runs("curl y"))
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: len(r.open_asks) == 2)
    await house.engine.submit(run_id, h.Answer(run.open_asks[1].ask_id, "Allow for this run"))
    run = await house.rests(run_id)
    assert {t.summary for t in run.tasks.values()} == {"ran"}
    assert [a.by for a in house.facts(run, f.AskAnswered) if isinstance(a, f.AskAnswered)] == [
        "user",
        "engine",
    ]


async def test_a_permission_that_nobody_gives_in_time_is_denied(house: House) -> None:
    house.engine.settings = Settings(ask_timeout=60.0)
    house.plays(task("a"), a=runs("curl x"))
    run_id = await house.delegate()
    await house.until(run_id, lambda r: bool(r.asking))
    house.clock.at += 61
    house.engine.reconcile()
    assert (await house.rests(run_id)).tasks["a"].summary == DENIED


async def test_after_a_restart_the_agent_asks_again_and_the_old_question_is_gone(house: House) -> None:
    house.engine.settings = Settings(resume="auto")
    house.plays(task("a"), a=runs("curl x"))
    run_id = await house.delegate()
    await house.until(run_id, lambda r: bool(r.asking))
    await house.reopen()
    run = await house.until(run_id, lambda r: len(r.asks) == 2)
    [ask] = run.open_asks
    await house.engine.submit(run_id, h.Answer(ask.ask_id, "Allow once"))
    assert (await house.rests(run_id)).tasks["a"].summary == "ran"


async def test_an_answer_that_is_none_is_refused_with_the_answers(house: House) -> None:
    house.plays(task("a"), a=runs("curl x"))
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: bool(r.asking))
    with pytest.raises(Exception, match="is not one of the answers: Allow once, Allow for this run, Deny"):
        await house.engine.submit(run_id, h.Answer(run.open_asks[0].ask_id, "sure"))
