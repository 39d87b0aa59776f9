"""What a person sees in VS Code, through the window. Pictures: `.artifacts/screenshots/`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from . import many
from .agents import SIDE_BY_SIDE, Models, asking_on_and_on, reaching
from .conftest import LOGS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Scenario = Callable[..., dict[str, Any]]
REQUEST = "Make add() add, with a test"
THEMES = os.environ.get("NEXUS_E2E_THEMES", "Default High Contrast").split(",")


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


def test_the_packaged_extension_without_any_key(run_scenario: Scenario, vsix: Path) -> None:
    run_scenario("local", {"vsix": str(vsix), "request": "Fix the lint problems", "file": "receipt.py"})


def test_what_was_accepted_is_committed_with_files_of_the_users_own(
    run_scenario: Scenario, workspace: Path
) -> None:
    (workspace / "mine.py").write_text('"""Not committed yet."""\n\nimport os\n\nMINE = 1\n')
    run_scenario("commit", {"request": "Fix the lint problems"})
    shown = ["git", "show", "--format=%s", "--name-only", "HEAD"]
    told = subprocess.run(shown, cwd=workspace, capture_output=True, text=True, check=True).stdout.split("\n")
    assert [line for line in told if line] == ["Tidy up for the till", "mine.py", "receipt.py"]


def test_changes_follow_what_is_typed_and_outlive_server_and_window(run_scenario: Scenario) -> None:
    run_scenario("restart", {"request": "Fix the lint problems", "file": "receipt.py"})


def test_five_hundred_changes_are_looked_at_and_accepted(
    run_scenario: Scenario, workspace: Path, tmp_path: Path
) -> None:
    many.fill(workspace)
    given = {
        "request": "Make every part add",
        "file": "parts/file_00.py",
        "big": many.BIG,
        "each": many.EACH,
        "byCode": many.CODE,
        "byAlpha": many.ALPHA,
    }
    with Models(pace=0.0, plan=many.PLAN, all_do=many.mend) as models:
        report = run_scenario("many", {"env": models.env, **given}, timeout=400)
    assert not models.errors
    figures = dict(report["figures"])
    figures["from the fact that all is ready to the tree"] = (
        f"{figures.pop('shown at') - ready_at(tmp_path):.2f} s"
    )
    print(*(f"{name}: {value}" for name, value in figures.items()), sep="\n")


def ready_at(state: Path) -> float:
    """When the first run was ready, as its journal has it."""
    [journal] = state.glob("state/workspaces/*/journal.db")
    with closing(sqlite3.connect(journal)) as reading:
        return reading.execute("select at from entries where type = 'run_ready' order by seq").fetchone()[0]


def test_a_german_editor_is_spoken_to_in_german(run_scenario: Scenario) -> None:
    run_scenario("german", {"request": "Fix the lint problems", "file": "receipt.py", "locale": "de"})


def test_a_missing_server_is_said_and_mended(run_scenario: Scenario) -> None:
    run_scenario(
        "missing", {"settings": {"nexus.server.command": ["/nowhere/nexus-lsp", "serve", "--stdio"]}}
    )


def test_the_dashboard_is_live_and_readable_in_every_theme(run_scenario: Scenario) -> None:
    request = "Fix the lint findings, write tests for what is untested, and review complexity and security"
    run_scenario("dashboard", {"request": request, "file": "receipt.py", "patience": 120_000}, timeout=400)


def test_a_new_user_is_led_to_an_accepted_change_in_two_minutes(run_scenario: Scenario) -> None:
    run_scenario("walkthrough", {"patience": 90_000}, timeout=400)


@pytest.mark.parametrize("theme", THEMES)
def test_every_view_in_other_themes(run_scenario: Scenario, theme: str) -> None:
    given = {"request": REQUEST, "file": "calculator.py", "folder": theme}
    settings = {"nexus.approval": "ask", "workbench.colorTheme": theme}
    with Models(pace=0.3, all_do=reaching) as models:
        run_scenario("themes", {"env": models.env, "settings": settings, **given}, timeout=300)
    assert not models.errors


def test_a_workspace_that_is_not_trusted_raises_no_rights(run_scenario: Scenario, workspace: Path) -> None:
    wishes = {
        "nexus.testCommand": "touch RAN",
        "nexus.approval": "ask",
        "nexus.server.command": ["touch", "RAN"],
    }
    (workspace / ".vscode").mkdir()
    (workspace / ".vscode/settings.json").write_text(json.dumps(wishes))
    run_scenario(
        "untrusted",
        {
            "request": "Fix the lint problems",
            "file": "receipt.py",
            "trusted": False,
            "logs": LOGS.exists(),
            "settings": {"nexus.trace.server": "messages", "security.workspace.trust.startupPrompt": "never"},
        },
        timeout=300,
    )


def test_the_dashboard_in_a_plain_browser_stays_quick_with_forty_tasks(run_scenario: Scenario) -> None:
    run_scenario("page", {})


@pytest.mark.skipif("NEXUS_E2E_PYPI" not in os.environ, reason="what the server depends on comes from PyPI")
def test_a_missing_server_is_installed_with_one_click(run_scenario: Scenario, vsix: Path) -> None:
    run_scenario(
        "install",
        {
            "vsix": str(vsix),
            "settings": {"nexus.server.command": None},
            "request": "Fix the lint problems",
            "file": "receipt.py",
            "patience": 400_000,
        },
        timeout=700,
    )
