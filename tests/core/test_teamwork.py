"""Teamwork in a run: messages, notes, questions, memory; what follows from each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate
from run_house import (
    ALPHA,
    CODE,
    LIMITS,
    begun,
    failed,
    land,
    measured,
    play,
    red,
    said,
    start,
    submit,
    task,
    told,
)

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.addresses import recipients
from nexus_lsp.core.decide import Limits
from nexus_lsp.core.run import Run
from nexus_lsp.core.team import PRIME
from nexus_lsp.core.team_tools import TOOLS, SubmitResult, parse_call

NAMES = {CODE: "Code", ALPHA: "Alpha"}
TWO = (task("a"), task("b", "a", agent=ALPHA, type="test"))
A_WORKS = (start("a"),)


def check(run: Run, what: h.Happening, *expected: str, limits: Limits = LIMITS) -> None:
    assert told(run, what, limits) == list(expected)


# --- whom a message means ----------------------------------------------------------------------------

THREE = (task("a"), task("b", agent=ALPHA), task("c", agent=ALPHA))
ADDRESSES: Sequence[tuple[str, str, tuple[str, ...] | str]] = [
    ("a task", "b", ("alpha_test_creator#b",)),
    ("a name, whatever its case", "aLPHa", ("alpha_test_creator#b", "alpha_test_creator#c")),
    ("a persona's id", ALPHA, ("alpha_test_creator#b", "alpha_test_creator#c")),
    ("an instance", "alpha_test_creator#c", ("alpha_test_creator#c",)),
    ("everybody else", "team", ("alpha_test_creator#b", "alpha_test_creator#c")),
    ("Prime", "NEXUS Prime", ("nexus_prime",)),
    ("the user", "user", ("user",)),
    ("itself", "a", "That is you."),
    (
        "nobody",
        "Gamma",
        "There is nobody called 'Gamma' in this run. "
        "There are: b (Alpha), c (Alpha), team, nexus_prime, user.",
    ),
]


@pytest.mark.parametrize(("name", "to", "expected"), ADDRESSES, ids=[row[0] for row in ADDRESSES])
def test_whom_a_message_means(name: str, to: str, expected: tuple[str, ...] | str) -> None:
    run = play(begun(*THREE), [start("a")])
    assert recipients(run, to, f"{CODE}#a", NAMES) == expected


def test_who_is_done_reads_no_more() -> None:
    run = play(begun(*TWO), [start("a"), submit("a"), land("a")])
    told = "a reads no more messages (a is completed); `team_status` shows what came of it."
    assert recipients(run, "a", f"{ALPHA}#b", NAMES) == told


# --- messages ----------------------------------------------------------------------------------------


def test_a_message_is_said_once_however_often_it_is_repeated() -> None:
    run = play(begun(*TWO), A_WORKS)
    check(run, said("m1", f"{ALPHA}#b"), "message_sent")
    check(play(run, [said("m1", f"{ALPHA}#b")]), said("m1", f"{ALPHA}#b"))


def test_a_message_is_delivered_once() -> None:
    run = play(begun(*TWO), [*A_WORKS, said("m1", f"{ALPHA}#b")])
    assert run.team.outbox == (("m1", f"{ALPHA}#b"),)
    got = h.Delivered(f"{ALPHA}#b", (("m1", 1),))
    check(run, got, f"message_delivered m1 {ALPHA}#b")
    check(play(run, [got]), got)
    check(run, h.Delivered(f"{ALPHA}#b", (("m9", 1),)))
    assert play(run, [got]).team.outbox == ()


def test_what_a_finished_agent_did_not_read_is_a_dead_letter() -> None:
    run = play(begun(*THREE), [start("a"), start("b", ALPHA), said("m1", f"{ALPHA}#b"), submit("b")])
    check(
        run,
        land("b"),
        "task_completed b: did it",
        f"message_dead m1 {ALPHA}#b: its work was over before it read this",
    )


def test_a_cancelled_run_leaves_no_message_waiting() -> None:
    run = play(begun(*TWO), [*A_WORKS, said("m1", f"{ALPHA}#b")])
    assert play(run, [h.Cancel()]).team.outbox == ()
    check(
        play(run, [h.Cancel()]),
        said("m2", PRIME),
        "refused: This run is cancelled; nobody reads messages in it any more.",
    )


def test_an_agent_that_talks_without_end_is_told_to_stop() -> None:
    few = Limits(agents=LIMITS.agents, messages=2)
    run = play(begun(*TWO), [*A_WORKS, said("m1", PRIME), said("m2", PRIME)], few)
    [refused] = told(run, said("m3", PRIME), few)
    assert refused.startswith("refused: You have sent 2 messages in this run")
    check(run, said("m4", f"{CODE}#a", sender="user"), "message_sent", limits=few)


def test_the_scratchpad_takes_notes_of_agents_at_work_only() -> None:
    run = play(begun(*TWO), A_WORKS)
    check(run, h.Noted("a", 1, "port 80"), "agent_note a: port 80")
    check(run, h.Noted("a", 2, "late"))
    check(run, h.Noted("b", 1, "not begun"))
    full = play(run, [h.Noted("a", 1, str(n)) for n in range(200)])
    check(full, h.Noted("a", 1, "x"), "refused: The scratchpad is full (200 notes). Put it into your result.")


# --- questions ---------------------------------------------------------------------------------------


def question(ask_id: str = "q", task_id: str = "a") -> h.OpenAsk:
    ask = f.AskOpened(
        ask_id, "question", "JWT or session?", ("JWT", "Session"), "(no answer)", 99.0, task_id, CODE, "w"
    )
    return h.OpenAsk(ask)


def test_a_question_of_an_agent_holds_nobody_else() -> None:
    run = play(begun(*TWO), A_WORKS)
    check(run, question(), "ask_opened a question: w")
    asked = play(run, [question()])
    assert (asked.status, asked.holding_asks, list(asked.asking)) == ("in_progress", (), ["a"])


def test_a_question_is_put_once_however_often_the_agent_begins_anew() -> None:
    run = play(begun(*TWO), [*A_WORKS, question()])
    check(run, question("q2"))
    again = play(run, [h.Recovered((("a", None),), None), start("a"), h.Answer("q", "JWT")])
    check(again, question("q3"))


def test_a_question_takes_any_words_and_teaches_them() -> None:
    run = play(begun(*TWO), [*A_WORKS, question()])
    check(run, h.Answer("q", " Neither: API keys "), "ask_answered Neither: API keys")
    check(
        run,
        h.Answer("q", "  "),
        "refused: `answer` is empty: write one of the options, or an answer in your own words.",
    )
    [item] = play(run, [h.Answer("q", "JWT")]).team.to_learn.values()
    assert item.text == "Asked “JWT or session?”, the user answered: JWT"
    assert not play(run, [h.Answer("q", "(no answer)", "timeout")]).team.to_learn


def test_a_question_of_an_agent_that_is_done_is_closed() -> None:
    run = play(begun(*TWO), [*A_WORKS, question(), submit("a")])
    check(run, land("a"), "task_completed a: did it", "ask_answered (no answer)")


def test_resuming_a_paused_run_answers_no_question() -> None:
    run = play(begun(*TWO), [*A_WORKS, question(), h.Pause()])
    check(run, h.Resume(), "run_resumed")


# --- learning ----------------------------------------------------------------------------------------


def learned(run: Run) -> list[str]:
    return [
        f"{item.kind} of {item.agent_id or 'all'} by {item.source}: {item.text}"
        for item in run.team.to_learn.values()
    ]


LANDED = (start("a"), submit("a"), land("a", "c1", "c2"))


def test_a_rejection_with_a_reason_is_a_decision_to_remember() -> None:
    run = play(begun(), [*LANDED, h.Reject(("c1",), "No globals, please.")])
    assert learned(run)[1:] == ["decision of code_developer by user: No globals, please."]
    assert list(run.team.to_learn.values())[-1].paths == ("x.py",)
    assert len(play(begun(), [*LANDED, h.Reject(("c1",))]).team.to_learn) == 1


def test_a_rejection_taken_back_is_forgotten() -> None:
    rejected = play(begun(), [*LANDED, h.Reject(("c1",), "No globals.")])
    assert len(play(rejected, [h.Reopen(("c1",))]).team.to_learn) == 1
    kept = play(rejected, [h.Remembered(tuple(rejected.team.to_learn.values()))])
    assert not kept.team.to_learn
    back = play(kept, [h.Reopen(("c1",))])
    assert list(back.team.to_forget) == ["run_1:c1"]
    check(back, h.Forgotten(("run_1:c1",), "taken back"), "memory_forgotten: taken back")


def test_what_mended_a_red_gate_is_a_lesson() -> None:
    done = (start("a"), submit("a"), red("a"), start("a"), submit("a", 2), land("a", "c1"))
    assert learned(play(begun(), done)) == [
        "interaction of code_developer by agent: Do a: did it",
        "lesson of code_developer by gate: “Do a” was sent back once before it landed.\n"
        "What was wrong: t::x is red\nWhat mended it: did it",
    ]


def test_what_could_not_be_done_is_a_lesson_and_what_a_backend_cannot_do_is_none() -> None:
    given = (start("a"), failed("a", "the API is gone"))
    assert learned(play(begun(), given)) == [
        "lesson of code_developer by gate: “Do a” could not be done: the API is gone"
    ]
    assert learned(play(begun(), [start("a"), h.Ended("a", 1, "unable", "no model")])) == []


def test_the_same_lesson_is_kept_once() -> None:
    run = play(begun(), [*LANDED, h.Reject(("c1",), "No globals.")])
    items = tuple(run.team.to_learn.values())
    kept = h.Remembered(items)
    check(run, kept, *(f"memory_stored {i.task_id} {i.kind}: {i.text}" for i in items))
    check(play(run, [kept]), kept)


# --- tools -------------------------------------------------------------------------------------------

CALLS: Sequence[tuple[str, str, dict[str, object], str]] = [
    ("no such tool", "shout", {}, "There is no tool 'shout'. There are: send_message,"),
    (
        "nothing said",
        "send_message",
        {"to": "b"},
        "`text`: Field required. The arguments are: to, text, kind,",
    ),
    ("a wrong kind", "send_message", {"to": "b", "text": "x", "kind": "order"}, "`kind`: Input should be"),
    ("a novel", "write_note", {"text": "x" * 5000}, "`text`: String should have at most 4000 characters"),
    ("110 percent", "report_progress", {"percent": 110, "note": "x"}, "`percent`: Input should be less than"),
    (
        "one option",
        "ask_user",
        {"question": "?", "options": ["a"], "why": "x"},
        "`options`: List should have at",
    ),
    ("half a kind", "submit_result", {"summary": "x", "clarity_rating": "good"}, "`clarity_rating`: Input"),
    ("nothing at all", "submit_result", {"summary": None}, "`summary`: Field required. The arguments are:"),
    (
        "sure beyond all",
        "submit_result",
        {"summary": "x", "confidence_score": 2},
        "`confidence_score`: Input",
    ),
]


@pytest.mark.parametrize(("name", "tool", "arguments", "expected"), CALLS, ids=[row[0] for row in CALLS])
def test_a_wrong_call_is_answered_with_what_to_do(
    name: str, tool: str, arguments: dict[str, object], expected: str
) -> None:
    answer = parse_call(tool, arguments)
    assert isinstance(answer, str) and answer.startswith(expected), answer


LONG = "x" * 9_000

MEANT: Sequence[tuple[str, str, dict[str, object], dict[str, object]]] = [
    ("null for what is optional", "remember", {"text": "x", "paths": None}, {"paths": [], "shared": True}),
    ("null for a kind", "send_message", {"to": "b", "text": "x", "kind": None}, {"kind": "information"}),
    ("null for a wait", "read_messages", {"wait_seconds": None}, {"wait_seconds": 0}),
    ("null for what was made", "submit_result", {"summary": "x", "deliverables": None}, {"deliverables": {}}),
    ("a kind in capitals", "send_message", {"to": "b", "text": "x", "kind": "Alert"}, {"kind": "alert"}),
    ("a bare string", "submit_result", {"summary": "x", "next_steps": "rest"}, {"next_steps": ["rest"]}),
    ("an empty string", "submit_result", {"summary": "x", "next_steps": ""}, {"next_steps": []}),
    (
        "a list written as text",
        "submit_result",
        {"summary": "x", "next_steps": '["one", "two"]', "deliverables": '{"a.py": "the code"}'},
        {"next_steps": ["one", "two"], "deliverables": {"a.py": "the code"}},
    ),
    (
        "steps as objects and numbers",
        "submit_result",
        {"summary": "x", "next_steps": [{"description": "mend b.py"}, {"step": 1, "do": "c"}, 7, None]},
        {"next_steps": ["mend b.py", "step: 1, do: c", "7"]},
    ),
    (
        "options with labels",
        "ask_user",
        {"question": "?", "why": "x", "options": [{"label": "JWT", "description": "tokens"}, "Session"]},
        {"options": ["JWT: tokens", "Session"]},
    ),
    (
        "a list of files",
        "submit_result",
        {"summary": "x", "deliverables": ["a.py", "b.py"]},
        {"deliverables": {"a.py": "", "b.py": ""}},
    ),
    (
        "one file",
        "submit_result",
        {"summary": "x", "deliverables": "a.py"},
        {"deliverables": {"a.py": ""}},
    ),
    (
        "a list of files with what they are",
        "submit_result",
        {
            "summary": "x",
            "deliverables": [
                {"path": "a.py", "description": "the code"},
                {"name": "tests", "path": "t.py", "description": "all green"},
                {"b.py": "more code"},
            ],
        },
        {"deliverables": {"a.py": "the code", "tests": "t.py: all green", "b.py": "more code"}},
    ),
    (
        "values that are no strings",
        "submit_result",
        {
            "summary": "x",
            "deliverables": {"a.py": None, "b.py": {"description": "code"}, "c": ["d", "e"], "n": 3},
        },
        {"deliverables": {"a.py": "", "b.py": "code", "c": "d, e", "n": "3"}},
    ),
    ("a third", "report_progress", {"percent": 33.3, "note": "x"}, {"percent": 33}),
    ("percent with its sign", "report_progress", {"percent": "40%", "note": "x"}, {"percent": 40}),
    (
        "a long note",
        "report_progress",
        {"percent": 1, "note": LONG},
        {"note": "x" * 268 + " [… 8,732 cut off here]"},
    ),
    (
        "ratings as they come",
        "submit_result",
        {"summary": "x", "confidence_score": "0.9", "clarity_rating": 7.6, "complexity_rating": "8"},
        {"confidence_score": 0.9, "clarity_rating": 8, "complexity_rating": 8},
    ),
    (
        "sure in percent",
        "submit_result",
        {"summary": "x", "confidence_score": "90%"},
        {"confidence_score": 0.9},
    ),
    ("no rating", "submit_result", {"summary": "x", "clarity_rating": ""}, {"clarity_rating": None}),
    ("a longer wait than there is", "read_messages", {"wait_seconds": 600.0}, {"wait_seconds": 120}),
    ("more than is searched", "search_memory", {"query": "x", "limit": 100}, {"limit": 20}),
    ("more than there is", "write_note", {"text": "x", "colour": "red"}, {"text": "x"}),
    (
        "a long summary",
        "submit_result",
        {"summary": LONG},
        {"summary": "x" * 7_968 + " [… 1,032 cut off here]"},
    ),
]


@pytest.mark.parametrize(("name", "tool", "arguments", "meant"), MEANT, ids=[row[0] for row in MEANT])
def test_a_call_is_taken_as_it_is_plainly_meant(
    name: str, tool: str, arguments: dict[str, object], meant: dict[str, object]
) -> None:
    call = parse_call(tool, arguments)
    assert not isinstance(call, str), call
    assert {field: getattr(call, field) for field in meant} == meant
    # Claude Code's SDK checks a call against the form that was offered, before anything of ours is asked.
    validate(arguments, next(dict(t.parameters) for t in TOOLS if t.name == tool))


def test_a_long_summary_can_be_sent_on() -> None:
    call = parse_call("submit_result", {"summary": LONG, "deliverables": ["a.py"]})
    assert isinstance(call, SubmitResult)
    result = call.payload()["task_result"]
    assert len(result["summary"]) <= 8_000 and result["deliverables"] == {"a.py": ""}


@given(
    st.sampled_from([tool.name for tool in TOOLS]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from(["[", "1e999", "nan%"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_no_call_raises(tool: str, value: object) -> None:
    fields = next(t.parameters["properties"] for t in TOOLS if t.name == tool)
    parse_call(tool, dict.fromkeys(fields, value))


def test_every_tool_says_what_it_is_for_and_is_small() -> None:
    import json

    assert sum(len(json.dumps(dict(t.parameters))) + len(t.description) for t in TOOLS) < 8_000
    assert all(t.description and t.parameters["type"] == "object" for t in TOOLS)


def test_a_landed_run_is_measured_and_then_ready() -> None:
    run = play(begun(), LANDED)
    check(run, measured(), "gate_quality", "run_ready: 1 of 1 tasks done, 2 changes to review")
