"""The package file of `docs/editors` in a real Emacs: a run from delegating to undo, by its commands.

`nexus_session.el` is the user; this asserts on what it saw.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .test_neovim_plugin import BEFORE, END, FIRST, KEPT, LAST, MORE, NEW

EMACS = shutil.which("emacs")
HERE = Path(__file__).parent

Json = dict[str, Any]

pytestmark = pytest.mark.skipif(EMACS is None, reason="emacs is not on PATH")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """One session's report."""
    place = tmp_path_factory.mktemp("package")
    root, report = place / "my ws", place / "report.json"
    root.mkdir()
    (place / "home").mkdir()
    (root / "where.py").write_text("\n".join(BEFORE) + "\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(HERE.parents[1]),
        "NEXUS_STATE_DIR": str(place / "state"),
        "NEXUS_RUNTIME": str(HERE.parents[1] / "docs/editors"),
        "NEXUS_PYTHON": sys.executable,
        "NEXUS_FILE": str(root / "where.py"),
        "NEXUS_REPORT": str(report),
    }
    command = [str(EMACS), "--batch", "-q", "-l", str(HERE / "nexus_session.el")]
    told = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=110)
    assert report.exists(), told.stdout + told.stderr
    saw: Json = json.loads(report.read_text())
    assert saw["failure"] == "", f"{saw}\n{told.stdout}{told.stderr}"
    return saw


@pytest.mark.parametrize(
    ("name", "lines", "marks", "line"),
    [
        ("proposed", BEFORE, 3, 1),
        ("next", BEFORE, 3, 6),
        ("accepted", [FIRST, *KEPT, *MORE, LAST, *END], 2, 6),
        ("rejected", [FIRST, *KEPT, *MORE, LAST, *END], 1, 1),
        ("undone", BEFORE, 2, None),
        ("accepted all", [FIRST, *KEPT, *MORE, NEW, *END], 0, None),
    ],
)
def test_every_step_shows_the_text_its_marks_and_the_cursor(
    seen: Json, name: str, lines: list[str], marks: int, line: int | None
):
    now = next(s for s in seen["steps"] if s["step"] == name)
    assert (now["text"].splitlines(), now["marks"], line or now["line"]) == (lines, marks, now["line"])


def test_the_user_is_asked_what_only_the_user_knows(seen: Json):
    assert [p.split("?")[0] for p in seen["prompts"]] == [
        "Delegate to the team: ",
        "Carry out this plan",
        "Why (may be empty): ",
    ]


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("plan", "- code_developer: Apply safe fixes in where.py"),
        ("runs", "3 to review  Fix the lint findings"),
        ("transcript", "Fix the lint findings"),
        ("diff", f"+{NEW}"),
    ],
)
def test_the_pages(seen: Json, page: str, part: str):
    assert part in seen["pages"][page]
