"""The editor's own undo of files that an accept renamed, made or deleted: only the files tell of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

HOW = ("told", "untold", "closed")
"""An editor that tells of its renaming, one that only closes and opens, one that has the file not open."""
PLAIN = [*(f"plain_{how}" for how in HOW), "kept", "typed_in", "busy"]
EDITED = ("edited", "half")
NEW = ("new", "again", "mine", "committed", "saved", "late")
GONE = ("gone", "other", "back")


def _text(name: str) -> str:
    return "".join(f"{name} {n}\n" for n in range(1, 13))  # no two alike: git would find renames


def _shouted(name: str) -> str:
    return _text(name).replace(" 4\n", " FOUR\n")


def _work(checkout: Path) -> None:
    for name in (*PLAIN, *EDITED):
        (checkout / f"{name}.py").rename(checkout / f"{name}_2.py")
    for name in EDITED:
        (checkout / f"{name}_2.py").write_text(_shouted(name))
    for name in NEW:
        (checkout / f"{name}.py").write_text(_text(name))
    for name in GONE:
        (checkout / f"{name}.py").unlink()


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=User", "-c", "user.email=user@example.org")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestEditor]:
    directory = tmp_path_factory.mktemp("files_undone")
    root = directory / "ws"
    root.mkdir()
    for name in (*PLAIN, *EDITED, *GONE):
        (root / f"{name}.py").write_text(_text(name))
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    run = EarlierRun(root, directory / "state")
    run.propose(("code_developer", "Put things in order", _work))
    editor = TestEditor(root, run.state, rest=0.4)
    yield from editor.until_its_end()


@pytest.fixture
def editor(shared: TestEditor) -> Iterator[TestEditor]:
    yield shared
    assert shared.faults == []


def accepted(editor: TestEditor, path: str) -> str:
    """The id of the one change that ends up at this path, accepted by now."""
    (change,) = [c["id"] for c in editor.changes(path)]
    answer = editor.command("review.accept", changeIds=[change])
    assert (answer["accepted"], answer["refused"]) == ([change], [])
    return change


def file(editor: TestEditor, path: str) -> Path:
    assert editor.root
    return editor.root / path


# --- renamed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW)
def test_an_accepted_renaming_that_is_undone_waits_again(editor: TestEditor, how: str) -> None:
    old, new = f"plain_{how}.py", f"plain_{how}_2.py"
    if how != "closed":
        editor.open(old)
    change = accepted(editor, new)
    editor.rename(new, old, tell=how == "told")
    editor.wait_status(change, "pending")
    (now,) = editor.changes(new)
    assert (now["oldPath"], now["uri"]) == (old, editor.uri(new))
    assert editor.command("review.accept", changeIds=[change])["accepted"] == [change]
    assert editor.text(new) == _text(f"plain_{how}")
    assert not file(editor, old).exists()


def test_a_renaming_that_is_done_again_is_accepted_again(editor: TestEditor) -> None:
    change = accepted(editor, "edited_2.py")
    assert editor.text("edited_2.py") == _shouted("edited")
    for _ in range(2):
        editor.undo("edited_2.py")
        editor.rename("edited_2.py", "edited.py")
        editor.wait_status(change, "pending")
        editor.rename("edited.py", "edited_2.py")
        editor.redo("edited_2.py")
        editor.wait_status(change, "accepted")


def test_a_file_that_has_its_old_name_but_not_its_old_text_was_not_undone(editor: TestEditor) -> None:
    change = accepted(editor, "half_2.py")
    editor.rename("half_2.py", "half.py")
    editor.stays(change, "accepted")
    editor.undo("half.py")
    editor.wait_status(change, "pending")


def test_a_copy_under_the_old_name_is_no_undo(editor: TestEditor) -> None:
    change = accepted(editor, "kept_2.py")
    editor.write("kept.py", _text("kept"))
    editor.stays(change, "accepted")


def test_text_of_the_users_goes_with_the_file_and_is_no_undo(editor: TestEditor) -> None:
    editor.open("typed_in.py")
    change = accepted(editor, "typed_in_2.py")
    editor.insert("typed_in_2.py", 0, "# mine\n")
    editor.rename("typed_in_2.py", "typed_in.py")
    editor.stays(change, "accepted")
    assert editor.text("typed_in.py") == "# mine\n" + _text("typed_in")


def test_an_editor_that_answers_before_it_renames_has_undone_nothing(editor: TestEditor) -> None:
    editor.carry = "tell last"
    apply = editor._apply  # pyright: ignore[reportPrivateUsage]

    def slowly(edit: dict[str, object]) -> None:
        time.sleep(1)
        apply(edit)

    editor._apply = slowly  # type: ignore[method-assign]
    try:
        change = accepted(editor, "busy_2.py")
        editor.touched("busy.py")
        editor.stays(change, "accepted")
    finally:
        editor.carry, editor._apply = "apply", apply  # type: ignore[method-assign]


# --- made --------------------------------------------------------------------------------------------


def _undo_new(editor: TestEditor, path: str) -> None:
    """First the text goes, then the file."""
    editor.undo(path)
    editor.close(path)
    file(editor, path).unlink()


def test_an_accepted_new_file_that_is_undone_waits_again(editor: TestEditor) -> None:
    change = accepted(editor, "new.py")
    _undo_new(editor, "new.py")
    editor.wait_status(change, "pending")
    assert editor.command("review.accept", changeIds=[change])["accepted"] == [change]
    assert editor.text("new.py") == _text("new")


def test_a_new_file_that_was_saved_and_is_undone_waits_again(editor: TestEditor) -> None:
    change = accepted(editor, "saved.py")
    editor.save("saved.py")
    _undo_new(editor, "saved.py")
    editor.wait_status(change, "pending")


def test_a_new_file_that_is_made_again_is_accepted_again(editor: TestEditor) -> None:
    change = accepted(editor, "again.py")
    _undo_new(editor, "again.py")
    editor.wait_status(change, "pending")
    editor.write("again.py", _text("again"))
    editor.wait_status(change, "accepted")


def test_a_new_file_that_the_user_worked_on_and_deletes_was_not_undone(editor: TestEditor) -> None:
    change = accepted(editor, "mine.py")
    editor.insert("mine.py", 0, "# mine\n")
    editor.save("mine.py")
    time.sleep(0.5)
    editor.close("mine.py")
    file(editor, "mine.py").unlink()
    editor.stays(change, "accepted")


def test_a_new_file_that_the_user_committed_and_deletes_was_not_undone(editor: TestEditor) -> None:
    change = accepted(editor, "committed.py")
    editor.save("committed.py")
    git(file(editor, "."), "add", "committed.py")
    git(file(editor, "."), "commit", "-qm", "mine")
    editor.close("committed.py")
    file(editor, "committed.py").unlink()
    editor.stays(change, "accepted")


def test_an_edit_in_a_new_file_is_undone_and_then_the_file(editor: TestEditor) -> None:
    change = accepted(editor, "late.py")
    editor.insert("late.py", 0, "# mine\n")
    time.sleep(0.5)
    editor.undo("late.py")
    time.sleep(0.5)
    _undo_new(editor, "late.py")
    editor.wait_status(change, "pending")


# --- deleted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("open_it", [True, False], ids=["open", "closed"])
def test_an_accepted_deletion_that_is_undone_waits_again(editor: TestEditor, open_it: bool) -> None:
    name = "gone" if open_it else "back"
    change = accepted(editor, f"{name}.py")
    file(editor, f"{name}.py").write_text(_text(name))
    if open_it:
        editor.open(f"{name}.py")
    editor.wait_status(change, "pending")
    assert editor.command("review.accept", changeIds=[change])["accepted"] == [change]


def test_another_file_of_that_name_is_no_undo(editor: TestEditor) -> None:
    change = accepted(editor, "other.py")
    editor.write("other.py", "something else\n")
    editor.stays(change, "accepted")
