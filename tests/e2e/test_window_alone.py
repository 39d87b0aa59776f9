"""What the window does where nobody has set a key, or not even a server is there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .conftest import LOGS, Scenario

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


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


def test_a_german_editor_is_spoken_to_in_german(run_scenario: Scenario) -> None:
    run_scenario("german", {"request": "Fix the lint problems", "file": "receipt.py", "locale": "de"})


def test_a_missing_server_is_said_and_mended(run_scenario: Scenario) -> None:
    run_scenario(
        "missing", {"settings": {"nexus.server.command": ["/nowhere/nexus-lsp", "serve", "--stdio"]}}
    )


def test_a_new_user_is_led_to_an_accepted_change_in_two_minutes(run_scenario: Scenario) -> None:
    run_scenario("walkthrough", {"patience": 90_000}, timeout=400)


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
