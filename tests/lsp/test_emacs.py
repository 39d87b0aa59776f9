"""The same in any LSP editor: a whole review in a real Emacs, by eglot alone.

`emacs.el` is the user; this asserts on what it saw. eglot differs from Neovim's client: it asks before
an edit, its undo is Emacs', and it sends nothing that it need not.
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

EMACS = shutil.which("emacs")
HERE = Path(__file__).parent
UNUSED = "import os"
AFTER = "import sys\n\n\ndef where():\n    return sys.path  # 😀\n"
BEFORE = f"{UNUSED}\n{AFTER}"

Json = dict[str, Any]

pytestmark = pytest.mark.skipif(EMACS is None, reason="emacs is not on PATH")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emacs")


@pytest.fixture(scope="module")
def seen(place: Path) -> Json:
    """One session's report."""
    root, report = place / "my ws", place / "report.json"
    root.mkdir()
    (root / "where.py").write_text(BEFORE)
    subprocess.run(["git", "init", "-q", root], check=True)
    (place / "home").mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(HERE.parents[1]),
        "NEXUS_STATE_DIR": str(place / "state"),
        "NEXUS_PYTHON": sys.executable,
        "NEXUS_FILE": str(root / "where.py"),
        "NEXUS_UNUSED": UNUSED,
        "NEXUS_REPORT": str(report),
    }
    command = [str(EMACS), "--batch", "-q", "-l", str(HERE / "emacs.el")]
    told = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=110)
    assert report.exists(), told.stdout + told.stderr
    saw: Json = json.loads(report.read_text())
    assert saw["failure"] == "", f"{saw}\n{told.stdout}{told.stderr}"
    return saw


def step(seen: Json, name: str) -> Json:
    return next(s for s in seen["steps"] if s["step"] == name)


@pytest.mark.parametrize(
    ("name", "text", "marks", "modified"),
    [
        ("open", BEFORE, 0, False),
        ("proposed", BEFORE, 1, False),
        ("accept", AFTER, 0, True),
        ("undo", BEFORE, 1, False),
        ("accept again", AFTER, 0, True),
        ("save", AFTER, 0, False),
    ],
)
def test_every_step_shows_the_text_and_its_marks(
    seen: Json, name: str, text: str, marks: int, modified: bool
):
    now = step(seen, name)
    assert (now["text"], len(now["marks"]), now["modified"]) == (text, marks, modified)


def test_the_mark_stands_on_the_import_and_is_the_same_after_undo(seen: Json):
    (mark,) = step(seen, "proposed")["marks"]
    assert mark["line"] == 0
    assert mark["text"].endswith("Code: `os` imported but unused (F401)")
    assert step(seen, "undo")["marks"] == [mark]


@pytest.mark.parametrize("name", ["accept", "accept again"])
def test_the_menu_of_code_actions(seen: Json, name: str):
    first, *others = step(seen, name)["offered"]
    assert first.startswith("Accept “") and others[0].startswith("Reject “")
    assert "NEXUS: Accept all changes of this file" in others


def test_emacs_asks_before_each_edit_and_nothing_else(seen: Json, place: Path):
    assert [line.split()[0:5] for line in seen["asked"]] == [
        ["[eglot]", "Server", "wants", "to", "edit:"]
    ] * 2
    assert (place / "my ws/where.py").read_text() == AFTER
