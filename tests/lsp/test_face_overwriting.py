"""Whole-file changes in an editor, where the disk holds something that the editor does not show.

Editors differ in what they do with a file in the way of a create or rename (Neovim empties or skips it), and
all delete what is on disk, not what they show: so such an edit must never be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

CREATED = ("latin", "dangling", "buffer")
RENAMED = ("onto_file", "onto_buffer", "back")
DELETED = ("newer", "same")


def _text(name: str) -> str:
    return "".join(f"{name} {n}\n" for n in range(8))


def _work(checkout: Path) -> None:
    for name in CREATED:
        (checkout / f"create_{name}.txt").write_text(f"the agent's {name}\n")
    for name in RENAMED:
        (checkout / f"old_{name}.txt").rename(checkout / f"new_{name}.txt")
    for name in DELETED:
        (checkout / f"delete_{name}.txt").unlink()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestEditor]:
    directory = tmp_path_factory.mktemp("overwriting")
    root = directory / "ws"
    root.mkdir()
    for name in RENAMED:
        (root / f"old_{name}.txt").write_text(_text(name))
    for name in DELETED:
        (root / f"delete_{name}.txt").write_text(_text(name))
    earlier = EarlierRun(root, directory / "state")
    earlier.propose(("code_developer", "Move things about", _work))
    editor = TestEditor(root, directory / "state")
    yield editor
    editor.kill()


@pytest.fixture
def editor(shared: TestEditor) -> TestEditor:
    shared.edits.clear()
    return shared


def _disk(root: Path, path: str, content: bytes) -> None:
    (root / path).write_bytes(content)


def _latin(root: Path) -> None:
    _disk(root, "create_latin.txt", "grün".encode("latin-1"))


def _dangling(root: Path) -> None:
    (root / "create_dangling.txt").symlink_to("elsewhere")


def check_kept(editor: TestEditor, path: str, why: str, *, undo: bool = False) -> None:
    """An accept (or undo) of the change on `path` is refused for this reason, before any edit is sent."""
    change = next(c["id"] for c in editor.changes() if c["uri"] == editor.uri(path))
    answer = editor.command("review.undo" if undo else "review.accept", changeIds=[change])
    assert answer["refused"] == [{"id": change, "why": why}]
    assert editor.edits == [] and editor.faults == []


@pytest.mark.parametrize(
    "name, puts",
    [
        ("latin", _latin),
        ("dangling", _dangling),
    ],
)
def test_a_new_file_does_not_take_the_place_of_one_that_is_no_text(
    editor: TestEditor, name: str, puts: Callable[[Path], None]
) -> None:
    assert editor.root
    puts(editor.root)
    check_kept(editor, f"create_{name}.txt", f"create_{name}.txt exists already")


def test_a_new_file_does_not_take_the_place_of_an_unsaved_one(editor: TestEditor) -> None:
    editor._open(editor.uri("create_buffer.txt"), "mine, not saved yet\n")  # pyright: ignore[reportPrivateUsage]
    check_kept(editor, "create_buffer.txt", "create_buffer.txt exists already")


def test_a_rename_does_not_take_the_place_of_a_file(editor: TestEditor) -> None:
    editor.write("new_onto_file.txt", "mine\n")
    check_kept(editor, "new_onto_file.txt", "new_onto_file.txt exists already")


def test_a_rename_does_not_take_the_place_of_an_unsaved_file(editor: TestEditor) -> None:
    editor._open(editor.uri("new_onto_buffer.txt"), "mine, not saved yet\n")  # pyright: ignore[reportPrivateUsage]
    check_kept(editor, "new_onto_buffer.txt", "new_onto_buffer.txt exists already")


def test_undo_of_a_rename_does_not_take_the_place_of_a_file(editor: TestEditor) -> None:
    change = next(c["id"] for c in editor.changes() if c["uri"] == editor.uri("new_back.txt"))
    assert editor.command("review.accept", changeIds=[change])["accepted"] == [change]
    editor.edits.clear()
    editor.write("old_back.txt", "mine\n")
    check_kept(editor, "new_back.txt", "old_back.txt exists already", undo=True)


def test_a_deletion_does_not_take_what_another_program_wrote_under_an_open_file(editor: TestEditor) -> None:
    editor.open("delete_newer.txt")
    assert editor.root
    _disk(editor.root, "delete_newer.txt", b"another program's\n")
    check_kept(
        editor,
        "delete_newer.txt",
        "delete_newer.txt on disk is not what your editor shows: save or reload it first",
    )


def test_an_open_file_that_is_as_it_was_is_deleted(editor: TestEditor) -> None:
    editor.open("delete_same.txt")
    change = next(c["id"] for c in editor.changes() if c["uri"] == editor.uri("delete_same.txt"))
    assert editor.command("review.accept", changeIds=[change])["accepted"] == [change]
