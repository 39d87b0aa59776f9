"""Foreseen conflicts in an editor: a warning on the lines, while two agents are still at work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nexus_lsp.lsp.foreseen import find_again

from .editor_client import TestEditor

CALC = "import re\n\n\ndef parse(text):\n    found = re.match('1', text)\n    return found\n\n\nTWO = 2\n"

AGENTS = """
import asyncio, sys
from pathlib import Path
from nexus_lsp import app
from nexus_lsp.core.plan import Plan, Task
from nexus_lsp.engine import forecasting
from nexus_lsp.ports import Outcome

forecasting.SOON, forecasting.EVERY = 0.05, 0.2
GO = Path({go!r})

class Planner:
    source = "scripted"
    async def plan(self, brief):
        task = lambda i, agent: Task(i, "Do " + i, agent, "implementation", "", (), (i,))
        return Plan("both", (task("t1", "code_developer"), task("t2", "alpha_test_creator")))
    async def close(self):
        pass

class Backend:
    name = "local"
    async def work(self, assignment, report, line):
        file = assignment.checkout / "calc.py"
        file.write_text(file.read_text().replace("return found", "return found or " + assignment.task.id[1]))
        while not (GO / assignment.task.id).exists():
            await asyncio.sleep(0.02)
        if (GO / assignment.task.id).read_text():
            file.write_text((GO / assignment.task.id).read_text())
        return Outcome("done", "did it")
    async def check(self):
        return ()
    async def close(self):
        pass

app.Staff.backend = lambda self, name: Backend()
app.Staff.planner = lambda self, team: (Planner(), "scripted")
"""

MESSAGE = "Code and Alpha both change `parse` here: their work may not merge"


@pytest.fixture
def go(tmp_path: Path) -> Path:
    folder = tmp_path / "go"
    folder.mkdir()
    return folder


@pytest.fixture
def editor(tmp_path: Path, go: Path) -> Iterator[TestEditor]:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "calc.py").write_text(CALC)
    subprocess.run(["git", "init", "-q", root], check=True)
    one = TestEditor(root, tmp_path / "state", agents=AGENTS.format(go=str(go)))
    yield one
    one.kill()
    assert one.faults == []


def warnings(editor: TestEditor) -> list[dict[str, Any]]:
    return [mark for mark in editor.marks("calc.py") if mark["severity"] == 2]


def foreseen(editor: TestEditor) -> tuple[str, list[dict[str, Any]]]:
    editor.open("calc.py")
    run_id = editor.command("delegate", request="do both")["runId"]
    return run_id, editor.wait(lambda: warnings(editor), "a warning")


def lets_go(go: Path, task_id: str, text: str) -> None:
    """The agent ends, with this text where there is any."""
    (go / "part").write_text(text)
    (go / "part").rename(go / task_id)


def test_a_conflict_is_a_warning_on_its_lines_before_anything_lands(editor: TestEditor) -> None:
    run_id, (mark,) = foreseen(editor)
    assert (mark["message"], mark["source"]) == (MESSAGE, "nexus")
    assert editor.shown_lines("calc.py") == ["    return found"]
    told = editor.wait_event("conflict_forecast", run_id=run_id)
    (clash,) = told["clashes"]
    assert (clash["kind"], clash["uri"], clash["line"], clash["symbols"]) == (
        "overlap", editor.uri("calc.py"), 5, ["parse"],
    )  # fmt: skip
    assert [s["taskId"] for s in clash["sides"]] == ["t1", "t2"]
    assert editor.command("run", runId=run_id)["forecast"] == told["clashes"]

    editor.insert("calc.py", 0, "# mine\n# too\n")
    editor.wait(lambda: [m["range"]["start"]["line"] for m in warnings(editor)] == [7], "it to move")
    assert editor.shown_lines("calc.py") == ["    return found"]

    editor.command("run.cancel", runId=run_id)
    editor.wait(lambda: not warnings(editor), "it to go")


def test_it_goes_when_the_work_landed_without_a_conflict(editor: TestEditor, go: Path) -> None:
    run_id, _ = foreseen(editor)
    lets_go(go, "t2", CALC.replace("TWO = 2", "TWO = 3"))
    editor.wait(lambda: not warnings(editor), "it to go")
    lets_go(go, "t1", "")
    editor.wait_event("run_ready", run_id=run_id)
    assert warnings(editor) == []


@pytest.mark.parametrize(
    ("line", "anchor", "text", "found"),
    [
        (1, ["b\n"], "a\nb\n", 1),
        (1, ["b\n"], "new\na\nb\n", 2),
        (2, ["x\n", "c\n"], "x\nb\nx\nc\n", 2),
        (1, ["b\n", "c\n"], "new\na\nb\nC\n", 2),
        (1, ["b\n"], "a\nB\n", 1),
        (0, ["\n"], "a\n\n", 0),
        (3, [], "a\n", 3),
    ],
)
def test_a_place_is_found_again(line: int, anchor: list[str], text: str, found: int) -> None:
    assert find_again(line, anchor, text.splitlines(keepends=True)) == found
