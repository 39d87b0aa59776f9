"""Somebody deletes NEXUS' state folder while an editor is open."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from .editor_client import EarlierRun, TestEditor, WireError

A = "one\ntwo\nthree\n"
SAYS = "-32803: NEXUS' state folder was deleted or moved while it ran"


def refused(editor: TestEditor, name: str, **argument: Any) -> str:
    with pytest.raises(WireError) as error:
        editor.command(name, **argument)
    return str(error.value)


def test_everything_says_to_restart_and_nothing_of_the_users_is_touched(tmp_path: Path) -> None:
    root, state = tmp_path / "work", tmp_path / "state"
    root.mkdir()
    (root / "a.txt").write_text(A)
    earlier = EarlierRun(root, state)
    earlier.propose(("code_developer", "Shout", lambda c: (c / "a.txt").write_text(A.replace("two", "TWO"))))
    editor = TestEditor(root, state)
    try:
        editor.open("a.txt")
        [mark] = editor.wait_marks("a.txt", 1)
        shutil.rmtree(state)
        for name, argument in (
            ("delegate", {"request": "do it"}),
            ("review.accept", {"changeIds": [mark["code"]]}),
            ("review.undo", {"changeIds": [mark["code"]]}),
            ("review.reject", {"changeIds": [mark["code"]]}),
            ("review.commit", {}),
            ("review.preview", {}),
        ):
            assert refused(editor, name, **argument).startswith(SAYS), name
        assert [c["status"] for c in editor.changes()] == ["pending"]
        assert editor.text("a.txt") == (root / "a.txt").read_text() == A
        editor.type("a.txt", "two", "2")
        editor.undo("a.txt")
        editor.changes()
        assert "Traceback" not in editor.log.read_text(), editor.log.read_text()
    finally:
        editor.kill()
