"""Views that show much, in every theme, and how quick they are."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from . import many
from .agents import Models, reaching
from .conftest import Scenario

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

THEMES = os.environ.get("NEXUS_E2E_THEMES", "Default High Contrast").split(",")


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


def test_the_dashboard_is_live_and_readable_in_every_theme(run_scenario: Scenario) -> None:
    request = "Fix the lint findings, write tests for what is untested, and review complexity and security"
    run_scenario("dashboard", {"request": request, "file": "receipt.py", "patience": 120_000}, timeout=400)


@pytest.mark.parametrize("theme", THEMES)
def test_every_view_in_other_themes(run_scenario: Scenario, theme: str) -> None:
    given = {"request": "Make add() add, with a test", "file": "calculator.py", "folder": theme}
    settings = {"nexus.approval": "ask", "workbench.colorTheme": theme}
    with Models(pace=0.3, all_do=reaching) as models:
        run_scenario("themes", {"env": models.env, "settings": settings, **given}, timeout=300)
    assert not models.errors


def test_the_dashboard_in_a_plain_browser_stays_quick_with_forty_tasks(run_scenario: Scenario) -> None:
    run_scenario("page", {})
