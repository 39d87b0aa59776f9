"""What a person sees in VS Code, through the window. Pictures: `.artifacts/screenshots/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Scenario = Callable[..., dict[str, Any]]


def test_delegate_watch_accept_undo(
    run_scenario: Scenario, workspace: Path, server_command: list[str]
) -> None:
    run_scenario(
        "delegate",
        {
            "workspace": str(workspace),
            "settings": {"nexus.server.command": server_command},
            "request": "Make add() add, with a test",
            "file": "calculator.py",
            "line": 5,
            "before": "return a - b",
            "after": "return a + b",
            "patience": 60_000,
        },
    )


def test_a_plan_waits_and_a_run_is_accepted_at_once(
    run_scenario: Scenario, workspace: Path, server_command: list[str]
) -> None:
    run_scenario(
        "plan",
        {
            "workspace": str(workspace),
            "settings": {"nexus.server.command": server_command, "nexus.approval": "ask"},
            "request": "Make add() add, with a test",
            "files": {"calculator.py": "return a + b", "test_calculator.py": "assert add(2, 3) == 5"},
            "created": "test_calculator.py",
            "patience": 60_000,
        },
    )


def test_a_missing_server_is_said_and_mended(run_scenario: Scenario, workspace: Path) -> None:
    settings = {"nexus.server.command": ["/nowhere/nexus-lsp", "serve", "--stdio"]}
    run_scenario("missing", {"workspace": str(workspace), "settings": settings})
