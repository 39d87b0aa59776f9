"""Unsaved text that the user gives up takes the decisions back that were in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

NUMBERS = "".join(f"line {n}\n" for n in range(1, 13))
NAMES = ("reverted", "closed", "saved", "again", "written", "reloaded", "edited")


def _shout(checkout: Path) -> None:
    for name in NAMES:
        (checkout / f"{name}.py").write_text(NUMBERS.replace("line 4", "LINE 4"))


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestEditor]:
    directory = tmp_path_factory.mktemp("given_up")
    root = directory / "ws"
    root.mkdir()
    for name in NAMES:
        (root / f"{name}.py").write_text(NUMBERS)
    run = EarlierRun(root, directory / "state")
    run.propose(("code_developer", "Shout", _shout))
    editor = TestEditor(root, run.state, rest=0.4)
    yield editor
    try:
        assert editor.end() == 0 and editor.faults == []
    finally:
        editor.kill()


def _accepted_after_typing(editor: TestEditor, path: str) -> str:
    editor.open(path)
    (mark,) = editor.wait_marks(path, 1)
    editor.insert(path, 0, "# mine\n")
    assert editor.command("review.accept", changeIds=[mark["code"]])["accepted"] == [mark["code"]]
    return mark["code"]


def _revert(editor: TestEditor, path: str) -> None:
    saved = (editor.root / path).read_text()  # type: ignore[operator]
    editor.replace(editor.uri(path), [(0, len(editor.text(path)), saved)])


def test_a_file_that_is_reverted_waits_for_its_change_again(editor: TestEditor) -> None:
    change = _accepted_after_typing(editor, "reverted.py")
    _revert(editor, "reverted.py")
    editor.wait_status(change, "pending")
    editor.wait_shown("reverted.py", "line 4")


def test_a_file_that_is_closed_without_saving_waits_for_its_change_again(editor: TestEditor) -> None:
    change = _accepted_after_typing(editor, "closed.py")
    editor.close("closed.py")
    editor.wait_status(change, "pending")
    editor.wait_shown("closed.py", "line 4")


def test_what_was_saved_stays_accepted_when_later_text_is_given_up(editor: TestEditor) -> None:
    change = _accepted_after_typing(editor, "saved.py")
    editor.save("saved.py")
    assert editor.command("review.undo", changeIds=[change])["reopened"] == [change]
    _revert(editor, "saved.py")
    editor.wait_status(change, "accepted")
    editor.close("saved.py")
    assert editor.status(change) == "accepted"


def test_a_revert_that_is_undone_has_the_change_again(editor: TestEditor) -> None:
    change = _accepted_after_typing(editor, "again.py")
    editor.type("again.py", "line 1\n", "LINE ONE\n")
    _revert(editor, "again.py")
    editor.wait_status(change, "pending")
    editor.undo("again.py")
    editor.wait_status(change, "accepted")
    assert editor.text("again.py").count("LINE 4") == 1


def _another_program_writes(editor: TestEditor, path: str) -> None:
    place = editor.root / path  # type: ignore[operator]
    editor.write(path, place.read_text().replace("line 12\n", "line 12\ntheirs\n"))


@pytest.mark.parametrize(("path", "gives_up"), [("written.py", TestEditor.close), ("reloaded.py", _revert)])
def test_unsaved_text_that_is_given_up_after_another_program_wrote_the_file(
    editor: TestEditor, path: str, gives_up: Callable[[TestEditor, str], None]
) -> None:
    change = _accepted_after_typing(editor, path)
    _another_program_writes(editor, path)
    assert editor.status(change) == "accepted"
    gives_up(editor, path)
    editor.wait_status(change, "pending")
    editor.wait_shown(path, "line 4")


def test_what_was_saved_stays_accepted_though_another_program_puts_the_old_line_back(
    editor: TestEditor,
) -> None:
    change = _accepted_after_typing(editor, "edited.py")
    editor.save("edited.py")
    editor.insert("edited.py", 0, "# unsaved\n")
    editor.write("edited.py", NUMBERS + "theirs\n")
    editor.close("edited.py")
    editor.stays(change, "accepted")
