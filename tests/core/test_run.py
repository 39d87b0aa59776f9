"""A run, from what happens to it to what it is: decide, evolve, replay."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

import pytest
from any_fact import any_fact
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Limits, decide
from nexus_lsp.core.evolve import begin, evolve
from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.plan import Plan, Task
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.schedule import due, next_starts
from nexus_lsp.core.wire import entry_from_json, entry_to_json, fact_from_json, fact_to_json

AGENTS = ("aria_coordinator", "code_developer")
LIMITS = Limits(repairs=2, retries=2, agents=frozenset(AGENTS))


def task(task_id: str, *depends_on: str) -> Task:
    return Task(task_id, f"Do {task_id}", "code_developer", "implementation", "", depends_on)


def change(change_id: str, task_id: str = "a") -> Change:
    return Change(change_id, (task_id,), ("code_developer",), "x.py", "edit", "why", "blob", 0, "a\n", "b\n")


PLAN = Plan("the plan", (task("a"), task("b", "a")))
ONE = Plan("one task", (task("a"),))
SNAPSHOT = h.SnapshotDone("s0", "refs/heads/main")
BASELINE = h.BaselineDone((f.BaselineMeasured("tests", "s0", False, "no tests"),))
PLANNED = (SNAPSHOT, BASELINE, h.PlanReady(PLAN, "built-in", "", "ask_1"))
ONE_PLANNED = (SNAPSHOT, BASELINE, h.PlanReady(ONE, "built-in", "", "ask_1"))


def start(task_id: str, base: str = "s0") -> h.Start:
    return h.Start(task_id, f"{task_id}#1", base)


def submit(task_id: str, attempt: int = 1, usd: float = 0.0) -> h.Submitted:
    return h.Submitted(f.TaskSubmitted(task_id, attempt, f"c-{task_id}", ("x.py",), "done", usd))


def land(task_id: str, *changes: Change, onto: str = "s0", to: str = "i1", decisions: int = 0) -> h.Landed:
    return h.Landed(task_id, onto, to, ("x.py",), changes, (), decisions)


def broke(task_id: str, attempt: int, usd: float = 0.0) -> h.Ended:
    return h.Ended(task_id, attempt, "broken", "network", True, usd=usd)


def red(task_id: str) -> h.Gated:
    failed = f.GateFailed("tests", "cand", task_id, ("t::x",), "boom")
    return h.Gated(task_id, "cand", (failed,), "t::x is red")


def measured(commit: str = "i1", **figures: object) -> h.Scrutinised:
    return h.Scrutinised((f.QualityMeasured(commit, **figures),))  # type: ignore[arg-type]


A_AT_WORK = (*ONE_PLANNED, start("a"))
A_LANDED = (*A_AT_WORK, submit("a"), land("a", change("c1"), change("c2")))
A_READY = (*A_LANDED, measured())
AWAY = h.HeadSeen("refs/heads/other", "ask_h", 99.0)
HOME = h.HeadSeen("refs/heads/main", "ask_i", 99.0)


def begun(**started: object) -> Run:
    fact = f.RunStarted("do it", "/w", **started)  # type: ignore[arg-type]
    return begin(Entry(1, 10.0, "run_1", fact))


def play(run: Run, happenings: Sequence[h.Happening]) -> Run:
    for what in happenings:
        for fact in decide(run, what, LIMITS):
            run = evolve(run, Entry(0, 10.0, run.id, fact))
    return run


def told(run: Run, what: h.Happening) -> list[str]:
    try:
        return [_line(fact) for fact in decide(run, what, LIMITS)]
    except Refused as error:
        return [f"refused: {error}"]


def _line(fact: Fact) -> str:
    match fact:
        case f.TaskStarted():
            return f"task_started {fact.task_id} {fact.attempt} on {fact.start}"
        case f.RepairRequested():
            return f"task_repair {fact.task_id} {fact.cause} from {fact.start}: {fact.evidence}"
        case f.TaskFailed() | f.TaskCancelled():
            return f"{fact.type} {fact.task_id}: {fact.reason}"
        case f.RunFailed() | f.RunPaused():
            return f"{fact.type}: {fact.reason}"
        case f.RunReady():
            return f"run_ready: {fact.summary}"
        case f.AskOpened():
            return f"ask_opened {fact.kind}: {fact.question}"
        case f.AskAnswered():
            return f"ask_answered {fact.ask_id}: {fact.answer} by {fact.by}"
        case f.ChangeAccepted() | f.ChangeRejected() | f.ChangeReopened() | f.ChangeOutdated():
            return f"{fact.type} {fact.change_id}"
        case f.PlanApproved():
            return f"plan_approved by {fact.by}"
        case f.TaskSubmitted() | f.TaskCompleted() | f.AgentSession() | f.TaskProgress():
            return f"{fact.type} {fact.task_id}"
        case _:
            return fact.type


def check(
    before: Sequence[h.Happening], what: h.Happening, *expected: str, status: str = "", **started: object
) -> None:
    run = play(begun(**started), before)
    assert told(run, what) == list(expected)
    if status:
        assert play(run, [what]).status == status


# --- plan --------------------------------------------------------------------------------------------


def test_a_plan_starts_by_itself_or_waits() -> None:
    before = PLANNED[:2]
    check(before, PLANNED[2], "plan_proposed", "plan_approved by auto", status="in_progress")
    asked = "ask_opened plan: Carry out this plan? the plan (Do a, Do b)"
    check(before, PLANNED[2], "plan_proposed", asked, status="awaiting_approval", approval="ask")


def test_the_user_decides_on_a_plan() -> None:
    answered = "ask_answered ask_1: Approve by engine"
    yes, no = h.Answer("ask_1", "Approve"), h.Answer("ask_1", "Reject", "timeout")
    check(PLANNED, h.ApprovePlan(), answered, "plan_approved by user", status="in_progress", approval="ask")
    check(PLANNED, yes, "ask_answered ask_1: Approve by user", "plan_approved by user", approval="ask")
    rejected = ("ask_answered ask_1: Reject by engine", "plan_rejected", "run_cancelled")
    check(PLANNED, h.RejectPlan("no"), *rejected, status="cancelled", approval="ask")
    late = ("ask_answered ask_1: Reject by timeout", "plan_rejected", "run_cancelled")
    check(PLANNED, no, *late, status="cancelled", approval="ask")
    check(
        PLANNED,
        h.ApprovePlan(Plan("none", ())),
        "refused: This plan cannot be carried out: tasks: the plan has no task. Give at least one task.",
        approval="ask",
    )
    check(
        PLANNED,
        h.ApprovePlan(),
        "refused: This run's plan is not waiting for approval: the run is in_progress.",
    )


def test_a_pause_outlasts_the_plan() -> None:
    before = (SNAPSHOT, BASELINE, h.Pause(), PLANNED[2])
    run = play(begun(), before)
    assert (run.status, list(run.tasks)) == ("paused", ["a", "b"])
    assert play(run, [h.Resume()]).status == "in_progress"
    asked = play(begun(approval="ask"), [*before, h.Resume()])
    assert asked.status == "awaiting_approval"


# --- pause, cancel, retry ----------------------------------------------------------------------------


def test_pause_resume_cancel() -> None:
    check(A_AT_WORK, h.Pause(), "run_paused: paused by the user", status="paused")
    check(
        (*A_AT_WORK, h.Pause()),
        h.Pause(),
        "refused: This run is paused; only a run that is at work can be paused.",
    )
    check((*A_AT_WORK, h.Pause()), h.Resume(), "run_resumed", status="in_progress")
    check(A_AT_WORK, h.Resume(), "refused: This run is in_progress; only a paused run can be resumed.")
    gone = "task_cancelled a: the run was cancelled"
    check(A_AT_WORK, h.Cancel(), gone, "run_cancelled", status="cancelled")
    check(
        (*A_AT_WORK, h.Cancel()),
        h.Cancel(),
        "refused: This run is cancelled already; there is nothing to cancel.",
    )
    check((), h.Cancel(), "run_cancelled", status="cancelled")


def test_a_paused_run_starts_nothing_and_what_is_at_work_comes_to_its_end() -> None:
    check((*PLANNED, h.Pause()), start("a"), status="paused")
    ready = "run_ready: 1 of 1 tasks done, 0 changes to review"
    check((*A_AT_WORK, h.Pause(), submit("a")), land("a"), "task_completed a", ready, "run_completed")


def test_a_retry_begins_the_count_anew_and_keeps_what_was_submitted() -> None:
    check(
        PLANNED,
        h.Retry(),
        "refused: No task of this run failed or was cancelled: delegate the request anew instead.",
    )
    cancelled = (*A_AT_WORK, submit("a"), h.Cancel())
    again = "task_repair a user from c-a: The user asks to try again. the run was cancelled"
    check(cancelled, h.Retry(), again, status="in_progress")
    worn = (*A_AT_WORK, broke("a", 1), start("a"), broke("a", 2), start("a"), broke("a", 3))
    run = play(begun(), worn)
    assert run.status == "failed"
    run = play(run, [h.Retry()])
    assert (run.status, run.tasks["a"].retries) == ("in_progress", 0)


def test_what_was_unable_is_not_settled_while_it_is_tried_again() -> None:
    unable = h.Ended("a", 1, "unable", "cannot")
    run = play(
        begun(), (*PLANNED, start("a"), unable, start("b"), h.Ended("b", 1, "failed", "no"), h.Retry())
    )
    assert next_starts([run], 4, []) == [("run_1", "a")]


# --- tasks -------------------------------------------------------------------------------------------


def test_a_task_lands_and_its_dependant_starts_from_there() -> None:
    done = (*PLANNED, start("a"), submit("a"))
    check(done, land("a", change("c1")), "change_proposed", "task_completed a", status="in_progress")
    check((*done, land("a")), start("b", "i1"), "task_started b 1 on i1")


def test_a_failed_task_takes_its_dependants_with_it_and_an_unable_one_does_not() -> None:
    at_work = (*PLANNED, start("a"))
    check(
        at_work,
        h.Ended("a", 1, "failed", "too hard"),
        "task_failed a: too hard",
        "task_cancelled b: “Do a” did not succeed",
        "run_failed: Do a: too hard",
        status="failed",
    )
    check(at_work, h.Ended("a", 1, "unable", "cannot"), "task_failed a: cannot", status="in_progress")
    check(A_AT_WORK, h.Ended("a", 1, "unable", "cannot"), "task_failed a: cannot", "run_failed: Do a: cannot")


def test_repair_rounds_are_bounded() -> None:
    once = (submit("a"), red("a"), start("a"))
    repair = "task_repair a gate from cand: t::x is red"
    check((*A_AT_WORK, submit("a")), red("a"), "gate_failed", repair)
    twice = (*A_AT_WORK, *once, submit("a", 2), red("a"), start("a"), submit("a", 3))
    given_up = "a gate is still red after 2 repair rounds. t::x is red"
    check(twice, red("a"), "gate_failed", f"task_failed a: {given_up}", f"run_failed: Do a: {given_up}")
    conflict = h.Conflicted("a", "marked", ("x.py",))
    evidence = "Your work and what landed meanwhile change the same lines of: x.py."
    check((*A_AT_WORK, submit("a")), conflict, f"task_repair a conflict from marked: {evidence}")
    check((*A_AT_WORK, *once[:2]), start("a"), "task_started a 2 on cand")


def test_a_broken_attempt_is_tried_again_from_what_it_had_to_do() -> None:
    again = "task_repair a broken from None: The last attempt broke: network"
    check(A_AT_WORK, broke("a", 1), again)
    kept = h.Ended("a", 1, "broken", "network", True, "half")
    check(A_AT_WORK, kept, "task_repair a broken from half: The last attempt broke: network")
    repair = (*A_AT_WORK, submit("a"), red("a"), start("a"))
    both = "The last attempt broke: network\n\nt::x is red"
    check(repair, broke("a", 2), f"task_repair a broken from cand: {both}")
    thrice = (*A_AT_WORK, broke("a", 1), start("a"), broke("a", 2), start("a"))
    check(thrice, broke("a", 3), "task_failed a: network", "run_failed: Do a: network")


LATE: dict[str, tuple[Sequence[h.Happening], h.Happening]] = {
    "a submission after a cancel": ((*A_AT_WORK, h.Cancel()), submit("a")),
    "a submission of an earlier attempt": ((*A_AT_WORK, broke("a", 1), start("a")), submit("a", 1)),
    "an end after the end": ((*A_AT_WORK, submit("a")), broke("a", 1)),
    "progress of a task nobody knows": (A_AT_WORK, h.Progressed("zz", 1, "hm")),
    "progress that says the same": (
        (*A_AT_WORK, h.Progressed("a", 1, "hm")),
        h.Progressed("a", 1, "hm"),
    ),
    "a session of a task that ended": ((*A_AT_WORK, submit("a")), h.SessionKnown("a", 1, "s")),
    "a conflict of what does not wait": (A_AT_WORK, h.Conflicted("a", "m", ())),
    "a gate of what does not wait": (A_AT_WORK, red("a")),
    "a landing after a cancel": ((*A_AT_WORK, submit("a"), h.Cancel()), land("a")),
    "a plan after a cancel": ((SNAPSHOT, h.Cancel()), PLANNED[2]),
    "a snapshot after a cancel": ((h.Cancel(),), SNAPSHOT),
    "a step that fails after a cancel": ((h.Cancel(),), h.StepFailed("disk")),
    "a start of a task at work": (A_AT_WORK, start("a")),
    "a start before its run is": ((SNAPSHOT,), start("a")),
    "a recovery after a cancel": ((*A_AT_WORK, h.Cancel()), h.Recovered((("a", "half"),), "q")),
    "a recovery of what ended meanwhile": ((*A_AT_WORK, submit("a")), h.Recovered((("a", "half"),), None)),
    "HEAD where it was": (A_AT_WORK, HOME),
    "HEAD elsewhere after the end": ((*A_AT_WORK, h.Cancel()), AWAY),
}


@pytest.mark.parametrize("name", LATE)
def test_what_comes_too_late_changes_nothing(name: str) -> None:
    check(*LATE[name])


def test_a_landing_that_saw_other_decisions_looks_again() -> None:
    again = "refused: The user decided or typed while this landed; land it again."
    waiting = (*PLANNED, start("a"), submit("a"), land("a", change("c1")), start("b", "i1"), submit("b"))
    check((*waiting, h.Reject(("c1",))), land("b", onto="i1"), again)
    check(waiting, land("b", onto="s0"), again)


# --- budget ------------------------------------------------------------------------------------------


def test_the_budget_warns_at_80_percent_and_pauses_at_100() -> None:
    first = (*PLANNED, start("a"))
    check(first, submit("a", usd=0.79), "task_submitted a", max_usd=1.0)
    check(first, submit("a", usd=0.8), "task_submitted a", "budget_warning", max_usd=1.0)
    spent = "run_paused: spent: the run's budget of $1.00; resuming the run gives it as much again"
    asked = "ask_opened budget: Spent: the run's budget of $1.00. Go on with $1.00 more?"
    check(first, submit("a", usd=1.0), "task_submitted a", "budget_spent", spent, asked, max_usd=1.0)
    check(first, submit("a", usd=9.0), "task_submitted a")


def test_what_came_to_nothing_is_paid_as_well() -> None:
    run = play(begun(max_usd=1.0), (*A_AT_WORK, broke("a", 1, usd=0.5), start("a"), broke("a", 2, usd=0.6)))
    assert (round(run.usd, 2), round(run.tasks["a"].usd, 2), run.status) == (1.1, 1.1, "paused")
    run = play(run, [h.Resume()])
    assert (run.status, run.granted, run.warned) == ("in_progress", {"run:usd:": 2.1}, frozenset())
    failed = play(begun(), (*A_AT_WORK, h.Ended("a", 1, "failed", "no", usd=0.25)))
    assert failed.usd == 0.25


# --- asks --------------------------------------------------------------------------------------------


def ask(ask_id: str = "q") -> f.AskOpened:
    return f.AskOpened(ask_id, "budget", "More?", ("Yes", "No"), "No", 99.0)


def test_an_ask_is_answered_once() -> None:
    asked = (*A_AT_WORK, h.OpenAsk(ask(), pause=True))
    check(
        A_AT_WORK,
        h.OpenAsk(ask(), pause=True),
        "run_paused: More?",
        "ask_opened budget: More?",
        status="paused",
    )
    check(asked, h.Answer("q", "Yes"), "ask_answered q: Yes by user", "run_resumed", status="in_progress")
    no = ("ask_answered q: No by user", "task_cancelled a: the run was not resumed", "run_cancelled")
    check(asked, h.Answer("q", "No"), *no, status="cancelled")
    check(asked, h.Answer("q", "No", "timeout"), "ask_answered q: No by timeout", status="paused")
    check((*asked, h.Answer("q", "Yes")), h.Answer("q", "No"), "refused: This ask was answered already: Yes.")
    check(asked, h.Answer("q", "Maybe"), "refused: 'Maybe' is not one of the answers: Yes, No.")
    check(asked, h.Answer("z", "Yes"), "refused: There is no ask 'z' in this run.")
    check(asked, h.Resume(), "ask_answered q: Yes by engine", "run_resumed")


def test_of_two_asks_both_have_to_be_answered() -> None:
    both = (*A_AT_WORK, h.OpenAsk(ask("q"), pause=True), h.OpenAsk(ask("r"), pause=True))
    check(both, h.Answer("q", "Yes"), "ask_answered q: Yes by user", status="paused")
    check((*both, h.Answer("q", "Yes")), h.Answer("r", "Yes"), "ask_answered r: Yes by user", "run_resumed")


def test_an_end_closes_the_asks() -> None:
    asked = (*A_AT_WORK, h.OpenAsk(ask(), pause=True))
    gone = "task_cancelled a: disk"
    check(asked, h.StepFailed("disk"), gone, "run_failed: disk", "ask_answered q: No by engine")


def test_a_switch_of_head_is_asked_about_once() -> None:
    question = "HEAD was main when “do it” began and is other now. Go on with it here?"
    asked = ("head_moved", "run_paused: HEAD was switched", f"ask_opened head_moved: {question}")
    check(A_AT_WORK, AWAY, *asked, status="paused")
    away = (*A_AT_WORK, submit("a"), AWAY)
    check(away, AWAY)
    assert not any(e.kind == "land" for e in due(play(begun(), away)))
    check(away, HOME, "head_moved", "ask_answered ask_h: Go on here by engine", "run_resumed")
    third = h.HeadSeen("refs/heads/third", "ask_j")
    again = "HEAD was main when “do it” began and is third now. Go on with it here?"
    stale = "ask_answered ask_h: Wait until I am back by engine"
    check(away, third, "head_moved", stale, f"ask_opened head_moved: {again}", status="paused")
    check(
        away,
        h.Answer("ask_h", "Wait until I am back", "timeout"),
        "ask_answered ask_h: Wait until I am back by timeout",
        status="paused",
    )
    waits = (*away, h.Answer("ask_h", "Wait until I am back"))
    check(waits, HOME, "head_moved", "run_resumed")
    gone = h.Answer("ask_h", "Cancel the run")
    check(
        away,
        gone,
        "ask_answered ask_h: Cancel the run by user",
        "task_cancelled a: the run was not resumed",
        "run_cancelled",
    )
    here = play(begun(), (*away, h.Answer("ask_h", "Go on here")))
    assert (here.head, here.away) == ("refs/heads/other", False)
    assert any(e.kind == "land" for e in due(here))


# --- changes -----------------------------------------------------------------------------------------


def test_a_run_is_ready_then_completed_when_all_is_settled() -> None:
    before = (*A_AT_WORK, submit("a"))
    check(before, land("a", change("c1")), "change_proposed", "task_completed a", status="in_progress")
    ready = "run_ready: 1 of 1 tasks done, 1 change to review"
    check((*before, land("a", change("c1"))), measured(), "gate_quality", ready, status="ready")
    check(A_READY, h.Accepted(("c1",)), "change_accepted c1", status="ready")
    check(
        (*A_READY, h.Accepted(("c1",))),
        h.Reject(("c2",)),
        "change_rejected c2",
        "run_completed",
        status="completed",
    )


def test_a_decision_is_taken_back_after_the_end() -> None:
    done = (*A_READY, h.Accepted(("c1", "c2")))
    check(done, h.Reopen(("c1",)), "change_reopened c1", status="ready")
    check(
        (*done, h.Reopen(("c1",))),
        h.Reject(("c1",)),
        "change_rejected c1",
        "run_completed",
        status="completed",
    )


def test_a_decision_on_what_is_decided_changes_nothing() -> None:
    check((*A_READY, h.Accepted(("c1",))), h.Accepted(("c1",)))
    check((*A_READY, h.Reject(("c1",))), h.Outdate(("c1",), "gone"))
    check(A_READY, h.Accepted(("nope",)), "refused: There is no change 'nope'.")
    check((*A_READY, h.Outdate(("c1",), "gone")), h.Accepted(("c1",)), "change_accepted c1")


def test_after_a_crash_cut_off_tasks_go_on_and_paid_work_asks() -> None:
    cut = "NEXUS was stopped while this task was at work; go on from what stands in the checkout."
    check(
        A_AT_WORK,
        h.Recovered((("a", "half"),), None),
        f"task_repair a broken from half: {cut}",
        status="in_progress",
    )
    repair = (*A_AT_WORK, submit("a"), red("a"), start("a"))
    check(repair, h.Recovered((("a", None),), None), f"task_repair a broken from cand: {cut}\n\nt::x is red")
    asked = "ask_opened resume: NEXUS was stopped during “do it”. Go on with it?"
    paused = "run_paused: NEXUS was stopped; paid work waits for you"
    check(PLANNED, h.Recovered((), "q"), paused, asked, status="paused")
    check((), h.Recovered((), "q"), paused, asked, status="paused")
    check((*PLANNED, h.Pause()), h.Recovered((), "q"), status="paused")


# --- properties --------------------------------------------------------------------------------------

_TASKS = st.sampled_from(["a", "b", "zz"])
_ATTEMPTS = st.integers(1, 4)
_CHANGES = st.sampled_from([("c1",), ("c2",), ("c1", "c2"), ("nope",)])
_USD = st.sampled_from([0.0, 0.3, 0.9])


@st.composite
def _happenings(draw: st.DrawFn) -> h.Happening:
    """Anything at any time: in order, out of order, about what is not there."""
    name, attempt, ids = draw(_TASKS), draw(_ATTEMPTS), draw(_CHANGES)
    ended = draw(st.sampled_from(["failed", "unable", "broken"]))
    choices: list[h.Happening] = [
        *PLANNED, start("a"), start(name), submit("a"), submit(name, attempt, draw(_USD)), h.ApprovePlan(),
        h.RejectPlan(), h.Cancel(), h.Pause(), h.Resume(), h.Retry(), h.Accepted(ids), h.Reject(ids),
        h.Reopen(ids), h.Outdate(ids, "gone"), h.OpenAsk(ask(), draw(st.booleans())),
        h.Answer("q", draw(st.sampled_from(["Yes", "No"]))), h.Answer("ask_1", "Approve"), h.StepFailed("disk"),
        h.Progressed(name, attempt, "hm"), h.SessionKnown(name, attempt, "s"), h.Conflicted(name, "m", ("x",)),
        h.Ended(name, attempt, ended, "why", draw(st.booleans()), None, draw(_USD)), red(name),
        AWAY, HOME, h.HeadSeen("refs/heads/third", "ask_j"), h.Answer("ask_h", "Go on here"),
        h.BaseTaken("s1", "i9", (), (), 0), h.Moved(f.FileMoved("x.py", "y.py")),
    ]  # fmt: skip
    return draw(st.sampled_from(choices))


def _landing(run: Run) -> h.Happening | None:
    """What submitted work lands with, on whatever the run has come to."""
    for state in run.tasks.values():
        if state.submitted and run.integration:
            new = [change(c, state.task.id) for c in ("c1", "c2") if c not in run.changes][:1]
            return land(state.task.id, *new, onto=run.integration, decisions=run.decisions)
    return None


@settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(_happenings(), st.none()), max_size=40), st.sampled_from(["auto", "ask"]))
def test_any_run_replays_to_the_same_state(what: list[h.Happening | None], approval: f.Approval) -> None:
    """`None` stands for a landing of what waits to land."""
    first = Entry(1, 10.0, "run_1", f.RunStarted("do it", "/w", approval=approval, max_usd=2.0))
    entries = [first]
    live = begin(first)
    for happening in [*PLANNED[:1], *what]:
        chosen = happening or _landing(live)
        try:
            facts = decide(live, chosen, LIMITS) if chosen else []
        except Refused as error:
            assert str(error).endswith((".", "!")), error
            continue
        for fact in facts:
            _never(live, fact)
            entries.append(Entry(len(entries) + 1, 10.0 + len(entries), "run_1", fact))
            live = evolve(live, entries[-1])
        _always(live)
    replayed = begin(entry_from_json(_through_json(entry_to_json(entries[0]))))
    for entry in entries[1:]:
        replayed = evolve(replayed, entry_from_json(_through_json(entry_to_json(entry))))
    assert replayed == live


def _never(run: Run, fact: Fact) -> None:
    if isinstance(fact, f.TaskStarted):
        state = run.tasks[fact.task_id]
        assert not state.working and not state.submitted
        assert fact.attempt == state.attempt + 1
        assert run.status == "in_progress"
    if isinstance(fact, f.RunCompleted):
        assert not run.pending_changes


def _always(run: Run) -> None:
    work = due(run)
    assert len(set(work)) == len(work)
    if run.status in OVER:
        assert work == [] and run.open_asks == ()
    assert (run.status == "paused") == (run.resumes_to is not None)
    if run.status == "in_progress" and not run.away:
        assert work or next_starts([run], 4, []), "nothing would ever happen again"
    assert all(s.repairs <= LIMITS.repairs for s in run.tasks.values())


def _through_json(value: object) -> dict[str, object]:
    back = json.loads(json.dumps(value))
    assert isinstance(back, dict)
    return back


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.type)
def test_a_fact_survives_json(kind: type[Fact]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(any_fact(kind))
    def survives(fact: Fact) -> None:
        assert fact_from_json(_through_json(fact_to_json(fact))) == fact

    survives()


def test_a_path_that_is_no_utf8_survives_json() -> None:
    odd = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    fact = f.TaskSubmitted("a", 1, "c", (odd,), "did it")
    assert fact_from_json(_through_json(fact_to_json(fact))) == fact


def test_a_field_of_a_newer_nexus_is_left_out() -> None:
    assert fact_from_json({"type": "run_paused", "reason": "x", "mood": "bad"}) == f.RunPaused("x")
