"""Accept, one by one and together, in every position encoding, of texts that are easy to get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

ENCODINGS = ("utf-8", "utf-16", "utf-32")

TEXTS: dict[str, tuple[str, str]] = {
    "emoji": (
        "a😀b = 'ü'\nx😀\nkeep 👩‍👩‍👧\ny\nlast 😀 line\n",
        "a😀b = 'ö'\nx😀\nkeep 👩‍👩‍👧\ny\nLAST 😀😀 line\n",
    ),
    "no final newline": ("one\ntwo\nthree\nthe last 😀", "ONE\ntwo\nthree\nthe very last 😀😀"),
    "final newline put on": ("one\ntwo\nthree 😀", "ONE\ntwo\nthree 😀\n"),
    "final newline taken off": ("one\ntwo\nthree 😀\n", "ONE\ntwo\nthree 😀"),
    "lines put at the end": ("one\ntwo\n", "ONE\ntwo\nthree\nfour 😀\n"),
    "lines taken off the end": ("one\ntwo\nthree 😀\nfour", "ONE\ntwo\n"),
    "crlf": ("one 😀\r\ntwo\r\nthree\r\nfour\r\n", "one 😀😀\r\ntwo\r\nthree\r\nFOUR\r\n"),
    "old mac": ("one\rtwo\rthree\rfour\r", "ONE\rtwo\rthree\rFOUR\r"),
    "mixed ends": ("one\r\ntwo\nthree\rfour\r\n", "ONE\r\ntwo\nthree\rFOUR\r\n"),
    "form feed": ("one\f still one\n\ftwo\nthree\nfour\n", "ONE\f still one\n\ftwo\nthree\nFOUR\n"),
    "U+2028": ("one\u2028still one\ntwo\nthree\x85x\nfour\n", "ONE\u2028still one\ntwo\nthree\x85x\nFOUR\n"),
    "byte order mark": ("\ufeffone\ntwo\nthree\nfour\n", "\ufeffONE\ntwo\nthree\nFOUR\n"),
    "line above a byte order mark": ("\ufeffone\ntwo\n", "\ufeffzero\none\nTWO\n"),
    "empty": ("", "no longer\n"),
    "emptied": ("gone\n", ""),
}


CLOSED = ("byte order mark", "crlf", "no final newline", "empty")
"""Those that are accepted in files that are not open, too."""


def _name(name: str, encoding: str) -> str:
    return f"{name} {encoding}.txt"


def _closed(name: str, encoding: str) -> str:
    return f"closed {name} {encoding}.txt"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EarlierRun:
    directory = tmp_path_factory.mktemp("texts")
    root = directory / "ws"
    root.mkdir()
    files = {_name(name, e): texts for name, texts in TEXTS.items() for e in ENCODINGS}
    files |= {_closed(name, e): TEXTS[name] for name in CLOSED for e in ENCODINGS}
    for name, (before, _) in files.items():
        (root / name).write_bytes(before.encode())

    def work(checkout: Path) -> None:
        for name, (_, after) in files.items():
            (checkout / name).write_bytes(after.encode())

    earlier = EarlierRun(root, directory / "state")
    earlier.propose(("code_developer", "Change them all", work))
    return earlier


@pytest.fixture(scope="module", params=ENCODINGS)
def editor(run: EarlierRun, request: pytest.FixtureRequest) -> Iterator[TestEditor]:
    editor = TestEditor(run.root, run.state, encoding=request.param)
    yield editor
    try:
        editor.end()
    finally:
        editor.kill()


@pytest.mark.parametrize("name", TEXTS)
def test_accepted_taken_back_and_accepted_together(editor: TestEditor, name: str):
    path = _name(name, editor.encoding)
    before, after = (text.removeprefix("\ufeff") for text in TEXTS[name])
    uri = editor.open(path)
    waiting = editor.changes(path)
    assert waiting and all(c["kind"] == "edit" for c in waiting)
    editor.wait_marks(path, len(waiting))
    editor.shown_lines(path)
    for change in reversed(waiting):
        answer = editor.command("review.accept", changeIds=[change["id"]])
        assert answer["accepted"] == [change["id"]], answer
    assert editor.text(path) == after
    editor.undo(path, len(waiting))
    for change in waiting:
        editor.wait_status(change["id"], "pending")
    assert editor.text(path) == before
    answer = editor.command("review.accept", uri=uri)
    assert sorted(answer["accepted"]) == sorted(c["id"] for c in waiting), answer
    assert editor.text(path) == after
    answer = editor.command("review.undo", changeIds=answer["accepted"])
    assert len(answer["reopened"]) == len(waiting), answer
    assert editor.text(path) == before
    assert editor.faults == []


@pytest.mark.parametrize("name", CLOSED)
def test_accepted_in_a_file_that_is_not_open(editor: TestEditor, name: str):
    path = _closed(name, editor.encoding)
    editor.unopened = "disk"
    waiting = editor.changes(path)
    assert waiting and {c["status"] for c in waiting} == {"pending"}
    editor.wait(lambda: len(editor.marks(path)) == len(waiting), f"marks on {path}")
    answer = editor.command("review.accept", uri=editor.uri(path))
    assert answer["refused"] == []
    assert (editor.root / path).read_bytes().decode() == TEXTS[name][1]  # type: ignore[operator]
    assert editor.faults == []
