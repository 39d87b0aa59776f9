"""The user gives files other names while changes of them wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

NUMBERS = "".join(f"line {n}\n" for n in range(1, 13))
ALIKE = "same\n" * 6
NAMES = [f"{n}.py" for n in ("open", "dirty", "closed", "untold", "untold_closed", "undo", "copy", "swap")]
FOLDER = ["pack/a.py", "pack/deep/b.py"]


def _shouted(text: str) -> str:
    return text.replace("line 4\n", "LINE 4\n").replace("line 9\n", "LINE 9\n")


def _work(checkout: Path) -> None:
    for name in [*NAMES, *FOLDER]:
        (checkout / name).write_text(_shouted(name + "\n" + NUMBERS))
    (checkout / "alike.py").write_text("same\n" * 3 + "new\n" + "same\n" * 3)
    (checkout / "pack/new.py").write_text("new\n")
    (checkout / "theirs.py").rename(checkout / "ours.py")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestEditor]:
    directory = tmp_path_factory.mktemp("renaming")
    root = directory / "ws"
    (root / "pack/deep").mkdir(parents=True)
    for name in [*NAMES, *FOLDER]:
        (root / name).write_text(name + "\n" + NUMBERS)
    (root / "alike.py").write_text(ALIKE)
    (root / "theirs.py").write_text("theirs\n" + NUMBERS)
    run = EarlierRun(root, directory / "state")
    run.propose(("code_developer", "Shout in two lines", _work))
    editor = TestEditor(root, run.state, rest=0.4)
    yield from editor.until_its_end()


@pytest.fixture
def editor(shared: TestEditor) -> Iterator[TestEditor]:
    yield shared
    assert shared.faults == []


def _accepts(editor: TestEditor, path: str, before: str) -> None:
    """Both changes wait in the file of this name, and nowhere else, and can be accepted there."""
    editor.wait_shown(path, "line 4", "line 9")
    both = [c["id"] for c in editor.changes(path)]
    answer = editor.command("review.accept", uri=editor.uri(path))
    assert (answer["accepted"], answer["refused"]) == (both, [])
    assert editor.text(path) == _shouted(before)


@pytest.mark.parametrize("name", ["open", "untold"])
def test_a_file_renamed_in_the_editor_takes_its_changes_along(editor: TestEditor, name: str) -> None:
    old, new = f"{name}.py", f"{name}_2.py"
    editor.open(old)
    editor.wait_marks(old, 2)
    editor.rename(old, new, tell=name == "open")
    _accepts(editor, new, f"{old}\n{NUMBERS}")
    editor.wait_marks(old, 0)
    assert not (editor.root / old).exists()  # type: ignore[operator]
    event = editor.wait_event("file_moved")
    assert {"oldPath", "path"} <= event.keys()


def test_a_file_with_unsaved_text_is_renamed(editor: TestEditor) -> None:
    editor.open("dirty.py")
    editor.insert("dirty.py", 0, "# mine\n")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("dirty.py")] == [5, 10])
    editor.rename("dirty.py", "dirtier.py")
    _accepts(editor, "dirtier.py", f"# mine\ndirty.py\n{NUMBERS}")
    assert (editor.root / "dirtier.py").read_text() == f"dirty.py\n{NUMBERS}"  # type: ignore[operator]


@pytest.mark.parametrize("name", ["closed", "untold_closed"])
def test_a_closed_file_is_renamed(editor: TestEditor, name: str) -> None:
    old, new = f"{name}.py", f"sub/{name}.py"
    editor.wait_marks(old, 2)
    editor.rename(old, new, tell=name == "closed")
    _accepts(editor, new, f"{old}\n{NUMBERS}")
    editor.wait_marks(old, 0)


def test_a_place_that_only_tracking_knows_is_known_after_the_rename(editor: TestEditor) -> None:
    """The lines above say nothing: they are all alike."""
    editor.open("alike.py")
    editor.wait_marks("alike.py", 1)
    editor.insert("alike.py", 0, "same\nsame\n")
    editor.rename("alike.py", "like.py")
    editor.wait_marks("like.py", 1)
    (mark,) = editor.changes("like.py")
    answer = editor.command("review.accept", changeIds=[mark["id"]])
    assert answer["accepted"] == [mark["id"]], answer
    assert editor.text("like.py") == "same\n" * 5 + "new\n" + "same\n" * 3


def test_an_accepted_change_is_undone_after_the_rename(editor: TestEditor) -> None:
    editor.open("undo.py")
    first, second = (d["code"] for d in editor.wait_marks("undo.py", 2))
    editor.command("review.accept", changeIds=[first])
    editor.rename("undo.py", "undone.py")
    editor.wait_shown("undone.py", "line 9")
    editor.undo("undone.py")
    editor.wait_status(first, "pending")
    editor.wait_shown("undone.py", "line 4", "line 9")
    editor.command("review.accept", changeIds=[first, second])
    assert editor.command("review.undo", changeIds=[second])["reopened"] == [second]
    assert editor.text("undone.py") == f"undo.py\n{NUMBERS}".replace("line 4", "LINE 4")


def test_a_folder_takes_the_changes_of_its_files_and_its_new_files_along(editor: TestEditor) -> None:
    editor.open("pack/a.py")
    editor.wait_marks("pack/a.py", 2)
    editor.rename("pack", "package")
    _accepts(editor, "package/a.py", f"pack/a.py\n{NUMBERS}")
    _accepts(editor, "package/deep/b.py", f"pack/deep/b.py\n{NUMBERS}")
    editor.command("review.accept", uri=editor.uri("package/new.py"))
    assert editor.text("package/new.py") == "new\n"


def test_two_files_that_trade_names_trade_their_changes(editor: TestEditor) -> None:
    (editor.root / "other.py").write_text("other\n")  # type: ignore[operator]
    editor.wait_marks("swap.py", 2)
    for old, new in (("other.py", "aside.py"), ("swap.py", "other.py"), ("aside.py", "swap.py")):
        editor.rename(old, new)
    _accepts(editor, "other.py", f"swap.py\n{NUMBERS}")
    assert editor.text("swap.py") == "other\n"


def test_saved_under_another_name_the_changes_stay_with_the_file(editor: TestEditor) -> None:
    editor.open("copy.py")
    editor.wait_marks("copy.py", 2)
    editor.save_as("copy.py", "copied.py")
    time.sleep(1)
    _accepts(editor, "copy.py", f"copy.py\n{NUMBERS}")
    assert editor.text("copied.py") == f"copy.py\n{NUMBERS}"


def test_an_editor_that_tells_of_the_rename_it_was_asked_for(editor: TestEditor) -> None:
    """VS Code tells of those too, before it answers."""
    (change,) = editor.changes("ours.py")
    files = [{"oldUri": editor.uri("theirs.py"), "newUri": editor.uri("ours.py")}]
    tell, editor._gone = editor._gone, lambda uri: (  # type: ignore[method-assign]
        editor.notify("workspace/didRenameFiles", {"files": files}), tell(uri))[1]  # fmt: skip
    try:
        answer = editor.command("review.accept", changeIds=[change["id"]])
    finally:
        editor._gone = tell  # type: ignore[method-assign]
    assert answer["accepted"] == [change["id"]]
    assert editor.text("ours.py") == f"theirs\n{NUMBERS}"
    (now,) = editor.changes("ours.py")
    assert (now["status"], now["oldPath"]) == ("accepted", "theirs.py")
    assert editor.command("review.undo", changeIds=[change["id"]])["reopened"] == [change["id"]]
    assert editor.text("theirs.py") == f"theirs\n{NUMBERS}"
