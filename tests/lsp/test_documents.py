"""The open documents, by whatever URI an editor spells."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol.types import (
    DidChangeTextDocumentParams,
    Position,
    PositionEncodingKind,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
    TextDocumentItem,
    TextDocumentSyncKind,
    VersionedTextDocumentIdentifier,
)

from nexus_lsp.core.text import Edit, editor_lines
from nexus_lsp.lsp.documents import Documents


@pytest.fixture
def documents() -> Documents:
    return Documents(None, TextDocumentSyncKind.Incremental, [], PositionEncodingKind.Utf8)


def opened(documents: Documents, uri: str, text: str = "") -> None:
    documents.put_text_document(TextDocumentItem(uri, "plain", 1, text))


def test_another_escaping_names_the_same_document(documents: Documents):
    opened(documents, "file:///d/a%20%C3%A9.py", "text")
    found = documents.opened("file:///d/a é.py")
    assert found is not None
    assert found.source == "text"
    assert documents.get_text_document("file:///d/a%20é.py") is found


def test_names_that_are_not_utf_8_stay_apart(documents: Documents):
    opened(documents, "file:///d/%FE", "one")
    opened(documents, "file:///d/%FF", "two")
    assert [doc.source for doc in documents.text_documents.values()] == ["one", "two"]


def test_a_path_finds_the_document_its_editor_opened_through_a_symlink(documents: Documents, tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    opened(documents, f"file://{tmp_path}/link/a.py")
    found = documents.at_path("a.py", tmp_path / "real")
    assert found is not None
    assert found.uri == f"file://{tmp_path}/link/a.py"
    assert documents.at_path("b.py", tmp_path / "real") is None


def test_a_document_that_is_no_file_is_not_read_from_disk(documents: Documents, tmp_path: Path):
    (tmp_path / "a.py").write_text("on disk")
    with pytest.raises(FileNotFoundError):
        _ = documents.get_text_document(f"git:{tmp_path}/a.py").source


def test_a_whole_text_is_one_edit(documents: Documents):
    opened(documents, "file:///a", "old")
    change = TextDocumentContentChangeWholeDocument("new text")
    assert documents.change(
        DidChangeTextDocumentParams(VersionedTextDocumentIdentifier(2, "file:///a"), [change])
    )
    found = documents.opened("file:///a")
    assert found is not None
    assert (found.source, found.version, found.edits) == ("new text", 2, (Edit(0, 3, "new text"),))


TEXTS = st.lists(st.sampled_from(["a", "bc", "\n", "\r", "\r\n", "\f", ""]), max_size=8).map("".join)


@settings(deadline=None)
@given(
    TEXTS,
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 9), st.integers(0, 3), TEXTS)),
)
def test_the_lines_follow_every_edit(text: str, edits: list[tuple[int, int, int, int, str]]):
    documents = Documents(None, TextDocumentSyncKind.Incremental, [], PositionEncodingKind.Utf8)
    opened(documents, "file:///a", text)
    found = documents.opened("file:///a")
    assert found is not None
    for version, (line, column, last, end, new) in enumerate(edits, 2):
        place = Range(Position(line, column), Position(last, end))
        found.change(version, [TextDocumentContentChangePartial(place, new)])
        assert list(found.lines) == editor_lines(found.source)


def test_the_units_are_those_agreed(documents: Documents):
    assert documents.units == "utf-8"
    assert Documents(None, TextDocumentSyncKind.Incremental, []).units == "utf-16"
