"""The same in any LSP editor: a whole review in a real Neovim, by nothing but its own LSP client.

`neovim.lua` is the user; this asserts on what it saw. Neovim checks by itself what our test editor only
imitates: its handlers apply the edits, its diagnostics go to the server and back, its undo is a didChange.
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

from nexus_lsp.lsp.server import COMMANDS

NVIM = shutil.which("nvim")
HERE = Path(__file__).parent
UNUSED = "import os"
BEFORE = [UNUSED, "import sys", "", "", "def where():", "    return sys.path  # 😀"]
AFTER = BEFORE[1:]
TYPED = [f"{UNUSED} as operating", *AFTER]

Json = dict[str, Any]

pytestmark = pytest.mark.skipif(NVIM is None, reason="nvim is not on PATH")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("neovim")


@pytest.fixture(scope="module")
def seen(place: Path) -> Json:
    """One session's report."""
    root, home, report = place / "my ws", place / "home", place / "report.json"
    root.mkdir()
    home.mkdir()
    (root / "where.py").write_text("\n".join(BEFORE) + "\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    kinds = ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR")
    for kind in kinds:
        (home / kind).mkdir(mode=0o700)
    env = {f"XDG_{kind}": str(home / kind) for kind in kinds} | {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(HERE.parents[1]),
        "NEXUS_STATE_DIR": str(place / "state"),
        "NEXUS_SCRIPT": str(HERE / "neovim.lua"),
        "NEXUS_PYTHON": sys.executable,
        "NEXUS_ROOT": str(root),
        "NEXUS_FILE": str(root / "where.py"),
        "NEXUS_UNUSED": UNUSED,
        "NEXUS_REPORT": str(report),
    }
    script = "execute 'luafile' fnameescape($NEXUS_SCRIPT)"
    command = [str(NVIM), "--headless", "-u", "NONE", "-n", "-c", script, "-c", "qall!"]
    told = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=110)
    assert report.exists(), told.stdout + told.stderr
    saw: Json = json.loads(report.read_text())
    logs = "".join(p.read_text("utf-8", "replace") for p in home.rglob("lsp.log"))
    assert saw["failure"] == "", f"{saw}\n{told.stdout}{told.stderr}\n{logs}"
    return saw | {"log": logs, "exit": told.returncode}


def step(seen: Json, name: str) -> Json:
    return next(s for s in seen["steps"] if s["step"] == name)


def test_neovim_is_told_what_the_server_can_do(seen: Json):
    assert seen["encoding"] == "utf-16"
    assert set(seen["commands"]) == {f"nexus.{name}" for name in COMMANDS}


def test_neovim_delegates_and_shows_progress(seen: Json):
    assert seen["delegated"]["status"] == "accepted"
    assert seen["progress"]["title"] == "NEXUS: Fix the lint findings"
    assert "to review" in seen["progress"]["message"]


@pytest.mark.parametrize(
    ("name", "lines", "marks", "modified"),
    [
        ("open", BEFORE, 0, False),
        ("proposed", BEFORE, 1, False),
        ("accept", AFTER, 0, True),
        ("undo", BEFORE, 1, False),
        ("conflict", TYPED, 1, True),
        ("theirs", AFTER, 0, True),
        ("conflict again", TYPED, 1, True),
        ("no conflict", BEFORE, 1, False),
        ("accept again", AFTER, 0, True),
        ("write", AFTER, 0, False),
    ],
)
def test_every_step_shows_the_text_and_its_marks(
    seen: Json, name: str, lines: list[str], marks: int, modified: bool
):
    now = step(seen, name)
    assert (now["lines"], len(now["marks"]), now["modified"]) == (lines, marks, modified)


def test_the_mark_stands_on_the_import_and_is_the_same_after_undo(seen: Json):
    (mark,) = step(seen, "proposed")["marks"]
    assert mark["line"] == BEFORE.index(UNUSED)
    assert mark["severity"] == 3, "information"
    assert mark["code"] == mark["change_id"], "Neovim keeps code and data for the code action"
    assert step(seen, "undo")["marks"] == [mark]


def test_what_the_user_typed_in_a_proposal_is_a_warning_with_three_sides(seen: Json):
    (mark,) = step(seen, "conflict")["marks"]
    assert (mark["line"], mark["severity"]) == (0, 2)
    sides = step(seen, "conflict")["data"]["conflict"]
    assert (sides["base"], sides["yours"], sides["theirs"]) == (f"{UNUSED}\n", f"{TYPED[0]}\n", "")
    ways = [title.split(" “")[0] for title in step(seen, "theirs")["offered"]]
    assert ways[:3] == ["Keep mine", "Take theirs", "Take both"]


@pytest.mark.parametrize("name", ["accept", "accept again"])
def test_the_menu_of_code_actions(seen: Json, name: str):
    first, *others = step(seen, name)["offered"]
    assert first.startswith("Accept “") and others[0].startswith("Reject “")
    assert "NEXUS: Accept all changes of this file" in others


def test_the_written_file_is_the_accepted_text(seen: Json, place: Path):
    assert (place / "my ws/where.py").read_text() == "\n".join(AFTER) + "\n"


def test_nothing_went_wrong_and_the_server_ends_with_neovim(seen: Json):
    assert seen["messages"] == [], "Neovim complained"
    assert seen["stopped"] == {"code": 0, "signal": 0}
    assert seen["exit"] == 0
    # what a server writes to stderr is an [ERROR] to Neovim, warnings too
    own = [line for line in seen["log"].splitlines() if "[ERROR]" in line and '"stderr"' not in line]
    assert own == [] and "Traceback" not in seen["log"], seen["log"]
