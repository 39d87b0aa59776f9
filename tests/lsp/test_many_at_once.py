"""One edit that is told as a thousand changes: what an editor says of an accepted run."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.workspace import PositionCodec

from nexus_lsp.lsp.documents import Codec, Document

from .editor_client import EarlierRun, TestEditor

BIG = [f"line {n}\n" for n in range(50_000)]


def work(checkout: Path) -> None:
    lines = list(BIG)
    lines[10::50] = [line.upper() for line in lines[10::50]]
    (checkout / "big.txt").write_text("".join(lines))


def test_all_thousand_hunks_of_a_long_file_are_accepted_before_the_editor_counts_as_silent(
    tmp_path: Path,
) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (root / "big.txt").write_text("".join(BIG))
    earlier = EarlierRun(root, tmp_path / "state")
    earlier.propose(("code_developer", "Shout", work))
    editor = TestEditor(root, tmp_path / "state")
    try:
        editor.open("big.txt")
        editor.wait_marks("big.txt", 1_000)
        answer = editor.command("review.accept", runId=earlier.run_id)
        assert (len(answer["accepted"]), answer["refused"]) == (1_000, [])
        assert editor.text("big.txt").count("LINE") == 1_000
        back = editor.command("review.undo", changeIds=answer["accepted"])
        assert (len(back["reopened"]), back["refused"]) == (1_000, [])
        assert editor.text("big.txt") == "".join(BIG) and not editor.faults
    finally:
        editor.end()


PLACES = st.tuples(st.integers(0, 5), st.integers(0, 6))
CHANGES = st.lists(st.tuples(PLACES, PLACES, st.text("x\r\n\U0001f600", max_size=3)), min_size=2, max_size=5)


@given(st.text("ab\r\n\U0001f600", max_size=30), CHANGES, st.booleans())
def test_many_changes_at_once_are_those_changes_one_by_one(
    text: str, told: list[tuple[tuple[int, int], tuple[int, int], str]], bottom_up: bool
) -> None:
    ordered = sorted(told, key=lambda each: max(each[:2]), reverse=True) if bottom_up else told
    changes = [
        types.TextDocumentContentChangePartial(
            types.Range(types.Position(*min(a, b)), types.Position(*max(a, b))), new
        )
        for a, b, new in ordered
    ]
    once, each = (document(text) for _ in range(2))
    once.change(2, changes)
    each.edits = ()
    for change in changes:
        each.apply_change(change)
    assert (once.source, once.edits, list(once.lines)) == (each.source, each.edits, list(each.lines))


def document(text: str) -> Document:
    codec: PositionCodec = Codec(types.PositionEncodingKind.Utf16)
    return Document("file:///a.txt", text, version=1, position_codec=codec)
