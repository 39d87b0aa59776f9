"""Health: pauses, rests of a backend, and scores from measured figures."""

from __future__ import annotations

import pytest
from run_house import begun, play, start, task, told

from nexus_lsp.core import happenings as h
from nexus_lsp.core.health import Breaker, Record, after_fault, after_success, backoff, score
from nexus_lsp.core.rules.limits import Limits
from nexus_lsp.core.schedule import next_starts, next_wakes


@pytest.mark.parametrize(("retries", "seconds"), [(0, 1.0), (1, 3.0), (2, 9.0), (9, 60.0)])
def test_each_pause_is_longer_up_to_a_minute(retries: int, seconds: float) -> None:
    assert backoff(retries) == seconds


def broke(at: float, attempt: int = 1) -> h.Ended:
    return h.Ended("a", attempt, "broken", "crash", True, at=at)


def test_an_agent_that_broke_is_left_in_peace_for_a_while() -> None:
    run = play(begun(), [start("a"), broke(100.0)])
    assert list(next_wakes([run])) == [101.0]
    assert next_starts([run], 4, [], 100.5) == []
    assert next_starts([run], 4, [], 101.0) == [("run_1", "a")]


def test_a_persona_says_how_often_its_agents_are_started_again() -> None:
    limits = Limits(agents=frozenset({"code_developer"}), retries=0, restarts={"code_developer": 1})
    run = play(begun(), [start("a"), broke(1.0), start("a")], limits)
    assert told(run, broke(9.0, 2), limits)[0] == "task_failed a: crash"


def test_a_hung_conversation_is_not_gone_on_with() -> None:
    known = [start("a"), h.SessionKnown("a", 1, "s1")]
    hung = h.Ended("a", 1, "broken", "silent", True, fresh=True)
    assert play(begun(), [*known, hung]).tasks["a"].session_id is None
    assert play(begun(), [*known, broke(1.0)]).tasks["a"].session_id == "s1"


# --- the breaker -------------------------------------------------------------------------------------


def test_a_backend_that_fails_again_and_again_is_given_a_rest() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker = after_fault(breaker, 10.0)
        assert breaker.places(10.0) is None
    breaker = after_fault(breaker, 10.0)
    assert [breaker.places(t) for t in (10.0, 39.9, 40.0)] == [0, 0, 1]


def test_one_agent_tries_it_out_and_the_rest_is_longer_when_that_fails() -> None:
    tripped = Breaker(faults=5, until=40.0, rests=1)
    longer = after_fault(tripped, 40.0)
    assert longer.until == 100.0
    assert after_success(longer) == Breaker()


def test_what_fails_in_the_middle_of_a_rest_makes_it_no_longer() -> None:
    resting = Breaker(faults=5, until=40.0, rests=1)
    assert after_fault(resting, 20.0) == Breaker(faults=6, until=40.0, rests=1)


def test_faults_with_success_between_them_do_not_add_up() -> None:
    breaker = Breaker()
    for _ in range(20):
        breaker = after_success(after_fault(after_fault(breaker, 1.0), 1.0))
    assert breaker == Breaker()


def test_a_resting_backend_gets_no_work_and_then_one_task() -> None:
    run = begun(task("a"), task("b"), task("c"))
    assert next_starts([run], 4, [], 0.0, lambda _: 0) == []
    assert next_starts([run], 4, [], 0.0, lambda _: 1) == [("run_1", "a")]
    assert next_starts([play(run, [start("a")])], 4, [], 0.0, lambda _: 1) == []


# --- scores ------------------------------------------------------------------------------------------

GOOD = Record(True, 0, 0, 1.0)


@pytest.mark.parametrize(
    ("name", "records", "expected"),
    [
        ("nothing is known", [], None),
        ("all well", [GOOD, GOOD], 10.0),
        ("half failed", [GOOD, Record(False, 2, 0)], 6.5 + 0.0),
        ("landed after repairs", [Record(True, 1, 0, 1.0)], 8.0),
        ("restarted", [Record(True, 0, 2, 1.0)], 8.0),
        ("slow models", [Record(True, 0, 0, 500.0)], 9.0),
        ("old failures are forgotten", [Record(False, 0, 0)] * 50 + [GOOD] * 50, 10.0),
    ],
)
def test_a_score(name: str, records: list[Record], expected: float | None) -> None:
    assert score(records, 120.0) == expected
