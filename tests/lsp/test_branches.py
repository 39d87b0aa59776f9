"""The user switches branches while changes wait in the editor."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

NUMBERS = "".join(f"line {n}\n" for n in range(1, 13))


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments], cwd=root, check=True)


def work(checkout: Path) -> None:
    for name in ("open.py", "closed.py"):
        file = checkout / name
        file.write_text(file.read_text().replace("line 4\n", "LINE 4\n").replace("line 9\n", "LINE 9\n"))


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[TestEditor]:
    """On `main` two files wait for review; on `other` their lines are others."""
    root = tmp_path / "ws"
    root.mkdir()
    git(root, "init", "-qb", "main")
    for branch, text in (("other", "quite different\n"), ("main", NUMBERS)):
        git(root, "checkout", "-q", "--orphan", branch)
        for name in ("open.py", "closed.py"):
            (root / name).write_text(text)
        git(root, "add", ".")
        git(root, "commit", "-qm", branch)
    earlier = EarlierRun(root, tmp_path / "state")
    earlier.propose(("code_developer", "Shout", work))
    editor = TestEditor(root, tmp_path / "state", rest=0.3, answer=1.0)
    editor.open("open.py")
    yield editor
    assert editor.end() == 0


def switch(editor: TestEditor, branch: str) -> None:
    """As an editor that reads a file anew which another program wrote."""
    git(editor.root, "switch", "-q", branch)
    text = (editor.root / "open.py").read_text()
    document = editor.text("open.py")
    editor.replace(editor.uri("open.py"), [(0, len(document), text)])


def test_their_changes_wait_there_and_are_back_with_it(editor: TestEditor):
    first, second = (mark["code"] for mark in editor.wait_marks("open.py", 2))
    editor.wait_marks("closed.py", 2)
    switch(editor, "other")
    editor.wait_marks("open.py", 0)
    editor.wait_marks("closed.py", 0)
    assert {c["parked"] for c in editor.changes()} == {"main"}
    refused = editor.command("review.accept", changeIds=[first])["refused"]
    assert "it belongs to main, and HEAD is other" in refused[0]["why"]
    switch(editor, "main")
    assert [mark["code"] for mark in editor.wait_marks("open.py", 2)] == [first, second]
    editor.wait_marks("closed.py", 2)
    assert {c["status"] for c in editor.changes()} == {"pending"}
    assert editor.command("review.accept", changeIds=[first])["accepted"] == [first]
    assert "LINE 4" in editor.text("open.py")


def test_a_run_whose_branch_is_gone_is_taken_along(editor: TestEditor):
    first, second = (mark["code"] for mark in editor.wait_marks("open.py", 2))
    git(editor.root, "switch", "-q", "-c", "copy")
    git(editor.root, "branch", "-qD", "main")
    [change, *_] = editor.changes()
    refused = editor.command("review.reject", changeIds=[first])["refused"]
    assert "`nexus.run.resume`" in refused[0]["why"]
    assert editor.command("runs")["runs"][0]["parked"] == "main"
    assert editor.command("run.resume", runId=change["runId"]) == {"status": "ready"}
    assert [mark["code"] for mark in editor.wait_marks("open.py", 2)] == [first, second]
    assert editor.command("review.accept", changeIds=[first])["accepted"] == [first]
