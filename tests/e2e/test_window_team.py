"""The team at work, as a person sees it through the window. Pictures: `.artifacts/screenshots/`."""

from __future__ import annotations

import pytest

from .agents import SIDE_BY_SIDE, Models, asking_on_and_on, reaching
from .conftest import Scenario

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REQUEST = "Make add() add, with a test"


def test_delegate_watch_accept_undo(run_scenario: Scenario, models: Models) -> None:
    given = {"file": "calculator.py", "line": 5, "before": "return a - b", "after": "return a + b"}
    run_scenario("delegate", {"env": models.env, "request": REQUEST, **given})


def test_a_plan_waits_and_a_run_is_accepted_at_once(run_scenario: Scenario, models: Models) -> None:
    run_scenario(
        "plan",
        {
            "env": models.env,
            "settings": {"nexus.approval": "ask"},
            "request": REQUEST,
            "files": {"calculator.py": "return a + b", "test_calculator.py": "assert add(2, 3) == 5"},
            "edited": "calculator.py",
            "created": "test_calculator.py",
        },
    )


def test_the_team_is_watched_and_talked_to(run_scenario: Scenario) -> None:
    given = {"request": REQUEST, "file": "calculator.py", "line": 5, "group": "calculator"}
    with Models(pace=0.6, asks=True) as models:
        run_scenario("team", {"env": models.env, **given})
    assert not models.errors


def test_an_agent_asks_before_it_reaches_out(run_scenario: Scenario) -> None:
    given = {"request": REQUEST, "file": "calculator.py"}
    with Models(pace=0.3, all_do=reaching) as models:
        run_scenario("permission", {"env": models.env, **given})
    assert not models.errors


def test_questions_of_two_agents_are_answered_twice_too_late_and_while_the_server_is_away(
    run_scenario: Scenario,
) -> None:
    given = {"request": REQUEST, "file": "calculator.py"}
    with Models(pace=0.3, plan=SIDE_BY_SIDE, all_do=asking_on_and_on) as models:
        run_scenario("asks", {"env": models.env, **given}, timeout=300)
    assert not models.errors


def test_a_run_is_cancelled_retried_paused_and_resumed(run_scenario: Scenario) -> None:
    with Models(pace=2.5) as slow:
        run_scenario("steer", {"env": slow.env, "request": REQUEST})


def test_a_run_goes_on_after_its_agent_and_then_the_server_were_killed(run_scenario: Scenario) -> None:
    given = {"request": REQUEST, "file": "calculator.py", "typedIn": "receipt.py"}
    with Models(pace=2.5) as slow:
        run_scenario("crash", {"env": slow.env, "patience": 120_000, **given}, timeout=400)
