"""Budgets: what is said at 80 %, what stops at 100 %, and what resuming grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from run_house import ALPHA, CODE, begun, land, planned, play, start, submit, task, told

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.budget import Allowance, Budgets
from nexus_lsp.core.run import Run
from nexus_lsp.core.schedule import next_starts
from nexus_lsp.core.spending import all_given_out, left, meters, used_share

SPENT_HALF = {"input_tokens": 400, "output_tokens": 100}


def run_of(scope: str, **limits: Any) -> Run:
    budgets = Budgets(**{scope: Allowance(**limits)})
    return play(begun(task("a"), task("b", agent=ALPHA), budgets=budgets), [start("a"), start("b", ALPHA)])


ROWS: Sequence[tuple[str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("little of it", "run", {"tokens": 1000}, {"input_tokens": 700}, []),
    (
        "80 % of the tokens",
        "run",
        {"tokens": 1000},
        {"input_tokens": 800},
        ["budget_warning run tokens 800 1000"],
    ),
    (
        "all the tokens",
        "run",
        {"tokens": 1000},
        {"input_tokens": 900, "output_tokens": 100},
        ["budget_spent run tokens 1000 1000"],
    ),
    ("the task's money", "task", {"usd": 1.0}, {"usd": 1.2}, ["budget_spent task usd 1.2 1.0"]),
    (
        "the agent's tokens",
        "agent",
        {"tokens": 100},
        {"output_tokens": 90},
        ["budget_warning agent tokens 90 100"],
    ),
    (
        "the task's time",
        "task",
        {"seconds": 60.0},
        {"seconds": 50.0},
        ["budget_warning task seconds 50.0 60.0"],
    ),
]


@pytest.mark.parametrize(("name", "scope", "limits", "used", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_said(
    name: str, scope: str, limits: dict[str, Any], used: dict[str, Any], expected: list[str]
) -> None:
    said = told(run_of(scope, **limits), submit("a", **used))
    assert [line for line in said if line.startswith("budget_")] == expected


def test_a_spent_budget_pauses_the_run_stops_its_agents_and_asks() -> None:
    said = told(run_of("run", tokens=1000), submit("a", input_tokens=1000))
    assert said[1:] == [
        "budget_spent run tokens 1000 1000",
        "run_paused: spent: the run's budget of 1,000 tokens; resuming the run gives it as much again",
        "ask_opened budget: Spent: the run's budget of 1,000 tokens. Go on with 1,000 tokens more?",
    ]
    run = play(run_of("run", tokens=1000), [submit("a", input_tokens=1000)])
    assert (run.status, run.halted) == ("paused", frozenset({"b"}))


def test_a_task_that_spent_its_own_stops_alone() -> None:
    live = h.Measured(10.0, (("a", 1, 600), ("b", 1, 10)))
    run = play(run_of("task", tokens=500), [live])
    assert (run.status, run.halted) == ("paused", frozenset({"a"}))
    assert run.reason == (
        "spent: the budget of task “Do a”, 500 tokens; resuming the run gives it as much again"
    )


def test_going_on_gives_as_much_again_from_what_is_used_by_now() -> None:
    run = play(run_of("run", tokens=1000), [submit("a", input_tokens=1200)])
    on = play(run, [h.Answer("ask_run_1_1", "Go on")])
    assert (on.status, on.halted, meters(on)[0].limit) == ("in_progress", frozenset(), 2200)
    assert told(on, submit("b", input_tokens=500)) == ["task_submitted b: did it"]
    assert "budget_warning run tokens 1800 2200" in told(on, submit("b", input_tokens=600))


def test_giving_up_cancels_the_run() -> None:
    run = play(run_of("run", usd=1.0), [submit("a", usd=1.0)])
    assert told(run, h.Answer("ask_run_1_1", "Cancel the run"))[-1] == "run_cancelled"


def test_an_agent_that_was_stopped_goes_on_later_and_nothing_is_held_against_it() -> None:
    run = play(run_of("run", tokens=100), [h.Measured(1.0, (("a", 1, 100),))])
    stopped = h.Ended("a", 1, "broken", "stopped", True, "half", tokens=120, at=5.0, stopped=True)
    [said, *_] = told(run, stopped)
    assert said == "task_repair a stopped"
    after = play(run, [stopped])
    state = after.tasks["a"]
    assert (state.retries, state.repairs, state.repair_start, state.tokens) == (0, 0, "half", 120)
    assert state.evidence.startswith("The budget was spent and you were stopped")


# --- what works at this moment -----------------------------------------------------------------------


def test_what_agents_use_is_noted_from_time_to_time() -> None:
    run = run_of("run", tokens=1000)
    quiet = h.Measured(10.0, (("a", 1, 300),))
    assert told(run, quiet) == []
    assert told(run, h.Measured(10.0, (("a", 1, 300),), keep=True)) == ["agent_spent a"]
    noted = play(run, [h.Measured(10.0, (("a", 1, 300),), keep=True)])
    assert noted.tasks["a"].live_tokens == 300
    assert told(noted, h.Measured(11.0, (("a", 1, 300),), keep=True)) == []
    done = play(noted, [submit("a", input_tokens=350)])
    assert (done.tasks["a"].tokens, done.tasks["a"].live_tokens) == (350, 0)


def test_a_crash_does_not_forget_what_was_used() -> None:
    run = play(run_of("run", tokens=1000), [h.Measured(1.0, (("a", 1, 300),), keep=True)])
    back = play(run, [h.Recovered((("a", None),), None)])
    assert (back.tasks["a"].tokens, used_share(back)) == (300, 0.3)


def test_time_runs_while_agents_work_and_stands_still_in_a_pause() -> None:
    run = run_of("run", seconds=100.0)
    assert told(run, h.Measured(79.0, ())) == []
    assert told(run, h.Measured(80.0, ())) == ["budget_warning run seconds 80.0 100.0"]
    paused = play(run, [h.Pause()], at=50.0)
    resumed = play(paused, [h.Resume()], at=1000.0)
    assert told(resumed, h.Measured(1020.0, ())) == []
    assert told(resumed, h.Measured(1050.0, ()))[0] == "budget_spent run seconds 100.0 100.0"


def test_a_night_with_the_editor_closed_is_no_work() -> None:
    run = play(run_of("run", seconds=100.0), [], at=0.0)
    back = play(run, [h.Recovered((("a", None),), None, stopped_at=30.0)], at=36_000.0)
    assert (back.active_seconds, back.tasks["a"].seconds) == (30.0, 30.0)
    assert told(back, h.Measured(36_060.0, ())) == ["budget_warning run seconds 90.0 100.0"]


def test_a_plan_that_waits_for_approval_is_no_work() -> None:
    budgets = Budgets(run=Allowance(seconds=100.0))
    waits = planned(task("a"), budgets=budgets, approval="ask")
    assert waits.status == "awaiting_approval"
    run = play(waits, [h.ApprovePlan(), start("a")], at=7_200.0)
    assert told(run, h.Measured(7_250.0, ())) == []


def test_what_a_cancelled_agent_had_used_is_not_forgotten() -> None:
    run = play(run_of("run", tokens=1000), [h.Measured(1.0, (("a", 1, 900),), keep=True)])
    again = play(run, [h.Cancel(), h.Retry()])
    assert (again.tasks["a"].tokens, used_share(again)) == (900, 0.9)


def test_a_paused_run_is_watched_while_its_agents_go_on() -> None:
    paused = play(run_of("run", tokens=1000), [h.Pause()])
    spent = h.Measured(1.0, (("a", 1, 1_000),), keep=True)
    assert told(paused, spent)[:2] == ["agent_spent a", "budget_spent run tokens 1000 1000"]
    assert play(paused, [spent]).halted == {"a", "b"}


def test_going_on_at_once_after_a_stop_grants_what_the_question_said() -> None:
    run = play(run_of("task", seconds=5.0), [h.Measured(5.0, ())], at=5.0)
    assert run.status == "paused"
    [ask] = run.open_asks
    assert ask.question.endswith("Go on with 5 seconds and 5 seconds more?")
    resumed = play(run, [h.Resume()], at=6.0)  # both agents are still stopping
    assert [line for line in told(resumed, h.Measured(10.0, ())) if "spent" in line] == []
    assert "budget_spent task seconds 11.0 11.0" in told(resumed, h.Measured(11.0, ()))


def test_a_conversations_cost_is_known_as_long_as_it_goes_on() -> None:
    first = play(run_of("run", usd=9.0), [h.SessionKnown("a", 1, "s1"), submit("a", usd=0.5)])
    assert (first.tasks["a"].session_usd, first.usd) == (0.5, 0.5)
    other = play(first, [h.Conflicted("a", "marked", ("x.py",)), start("a"), h.SessionKnown("a", 2, "s2")])
    assert (other.tasks["a"].session_usd, other.tasks["a"].usd) == (0.0, 0.5)


def test_what_is_left_is_the_least_of_all_that_counts() -> None:
    budgets = Budgets(Allowance(usd=5.0), Allowance(usd=2.0, tokens=900), Allowance(usd=3.0))
    run = play(begun(task("a"), task("b"), budgets=budgets), [start("a")])
    assert left(run, "a") == Allowance(usd=1.5, tokens=900)  # half of the agent's 3: b could begin too
    spent = play(run, [submit("a", usd=1.5), land("a")])
    assert left(spent, "b").usd == 1.5  # the same agent has only that left
    assert left(spent, "a").usd == 0.5


def test_waiting_for_the_user_is_no_work() -> None:
    budgets = Budgets(task=Allowance(seconds=100.0))
    asked = f.AskOpened("q1", "question", "Which?", (), "none", task_id="a", agent_id=CODE)
    run = play(begun(task("a"), budgets=budgets), [start("a")], at=0.0)
    waits = play(run, [h.OpenAsk(asked)], at=10.0)
    assert told(waits, h.Measured(3600.0, ())) == []
    back = play(waits, [h.Answer("q1", "this one")], at=3600.0)
    assert told(back, h.Measured(3660.0, ())) == []
    assert told(back, h.Measured(3670.0, ())) == ["budget_warning task seconds 80.0 100.0"]


def test_agents_side_by_side_are_given_no_dollar_twice() -> None:
    budgets = Budgets(run=Allowance(usd=6.0), task=Allowance(usd=2.5))
    tasks = (task("a"), task("b", agent=ALPHA), task("c", "a"))
    one = play(begun(*tasks, budgets=budgets), [start("a")])
    both = play(one, [start("b", ALPHA)])
    assert [left(both, i).usd for i in "ab"] == [2.5, 2.5]  # a task's own budget is the least
    broad = replace(budgets, task=Allowance())
    both = play(begun(*tasks, budgets=broad), [start("a"), start("b", ALPHA)])
    assert [left(both, i).usd for i in "ab"] == [3.0, 3.0]
    after = play(both, [submit("a", usd=1.0), land("a")])
    assert not all_given_out(after, "c")
    assert left(play(after, [start("c")]), "c").usd == 2.0  # 6 less 1 that is used and 3 that b holds


def test_a_task_waits_where_others_hold_all_the_money() -> None:
    run = begun(task("a"), task("b", agent=ALPHA), budgets=Budgets(run=Allowance(usd=6.0)))
    stopped = h.Ended("a", 1, "broken", "its share is spent", True, usd=3.0, stopped=True)
    spent = play(run, [start("a"), start("b", ALPHA), stopped])
    assert all_given_out(spent, "a")
    assert next_starts([spent], 4, ()) == []
    freed = play(spent, [submit("b", usd=1.0), land("b")])
    assert next_starts([freed], 4, ()) == [(freed.id, "a")]
    assert left(play(freed, [start("a")]), "a").usd == 2.0


def test_without_budgets_there_is_nothing_to_say() -> None:
    run = play(begun(), [start("a")])
    assert (meters(run), used_share(run), left(run, "a")) == ([], 0.0, Allowance())


def test_journals_of_the_first_version_had_money_only() -> None:
    run = play(begun(max_usd=2.0), [start("a", CODE)])
    assert "budget_warning run usd 1.6 2.0" in told(run, submit("a", usd=1.6))
