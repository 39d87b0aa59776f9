"""The open documents, as this editor shows them: pygls's own, with LSP's idea of a line.

pygls 2.1.1 splits at form feeds and U+2028, loses CRLF when it reads from disk (#224), gives the end of
the text a position outside `lines` (#550), takes older versions, and raises for documents never opened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from lsprotocol import types
from pygls.workspace import PositionCodec, TextDocument, Workspace
from pygls.workspace.position_codec import ServerTextPosition

from nexus_lsp.core.text import Edit, Units, apply_edit, editor_lines, index_in, offset_at
from nexus_lsp.lsp.convert import file_of, path_of, place_of, position_of
from nexus_lsp.lsp.sheet import line_edit

_log = logging.getLogger(__name__)


class Codec(PositionCodec):
    """Positions by the rules of `core.text`, wherever pygls translates one."""

    @property
    def units(self) -> Units:
        """What this editor counts."""
        return cast(Units, str(getattr(self.encoding, "value", self.encoding)))

    def position_from_client_units(
        self, lines: Sequence[str], position: types.Position
    ) -> ServerTextPosition:
        """In code points; moved into the text where it lies outside."""
        return ServerTextPosition(*place_of(lines, position, self.units))

    def position_to_client_units(
        self, lines: Sequence[str], position: ServerTextPosition | types.Position
    ) -> types.Position:
        """In the editor's units."""
        return position_of(lines, (position.line, position.character), self.units)


class Document(TextDocument):
    """A text document.

    Attributes:
        edits: what the latest `didChange` did, each edit in offsets of the text its predecessor left.
    """

    version: int | None
    _source: str | None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.path = file_of(self.uri) or self.path
        self.edits: tuple[Edit, ...] = ()
        self._split: tuple[str, Sequence[str]] = ("", ("",))

    @property
    def source(self) -> str:
        """The text: the editor's, or where the document is not open the file's, byte for byte.

        Raises OSError where there is no such file.
        """
        if self._source is not None:
            return self._source
        name = file_of(self.uri)
        if name is None:
            raise FileNotFoundError(self.uri)
        return Path(name).read_bytes().decode("utf-8", "surrogateescape")

    @property
    def lines(self) -> Sequence[str]:
        """The lines with their ends, one more than there are line ends."""
        source = self.source
        if self._split[0] is not source:
            self._split = (source, tuple(editor_lines(source)))
        return self._split[1]

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Take one change of a `didChange`."""
        edit, source, lines = self._edit_of(change), self.source, self._split
        self._source = apply_edit(source, edit)
        if lines[0] is source:
            self._split = (self._source, _edited_lines(source, lines[1], edit))
        self.edits = (*self.edits, edit)

    def change(self, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        """Take a whole `didChange`."""
        self.edits = self._from_the_bottom(changes)
        if self.edits:
            self._source = _put(self.source, self.edits)
        else:
            for change in changes:
                self.apply_change(change)
        self.version = version

    def _from_the_bottom(self, changes: Sequence[types.TextDocumentContentChangeEvent]) -> tuple[Edit, ...]:
        """Many changes, each above the one before it, as editors tell of a workspace edit: no place has moved
        before its turn, so one look at the text serves all. Empty where they come in another way."""
        if len(changes) < 2:
            return ()
        units, lines, edits = cast(Codec, self.position_codec).units, self.lines, list[Edit]()
        begins = list(accumulate(map(len, lines), initial=0))
        for change in changes:
            if not isinstance(change, types.TextDocumentContentChangePartial):
                return ()
            places = (change.range.start, change.range.end)
            if not all(0 <= at.line < len(lines) for at in places):
                return ()
            start, end = sorted(
                begins[at.line] + index_in(lines[at.line], at.character, units) for at in places
            )
            if edits and end >= edits[-1].start:
                return ()
            edits.append(Edit(start, end, change.text))
        return tuple(edits)

    def _edit_of(self, change: types.TextDocumentContentChangeEvent) -> Edit:
        if not isinstance(change, types.TextDocumentContentChangePartial):
            return Edit(0, len(self.source), change.text)
        units = cast(Codec, self.position_codec).units
        places = (change.range.start, change.range.end)
        start, end = sorted(offset_at(self.lines, at.line, at.character, units) for at in places)
        return Edit(start, end, change.text)


def _put(source: str, edits: Sequence[Edit]) -> str:
    """The text after edits from its bottom up."""
    parts, below = list[str](), len(source)
    for edit in edits:
        parts += (source[edit.end : below], edit.text)
        below = edit.start
    return "".join((source[:below], *reversed(parts)))


def _edited_lines(source: str, lines: Sequence[str], edit: Edit) -> list[str]:
    """The lines after an edit: only those that it touches are split anew, which a keystroke waits for."""
    change = line_edit(source, edit)
    whole = lines if lines[-1] else lines[:-1]
    found = [*whole[: change.start], *change.added, *whole[change.start + len(change.removed) :]]
    if not found or found[-1].endswith(("\n", "\r")):
        found.append("")
    return found


class Documents(Workspace):
    """The documents this editor has open."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._position_codec = Codec(self.position_encoding)
        self._open: dict[str, Document] = {}

    @property
    def units(self) -> Units:
        """What this editor counts as one character."""
        return self._position_codec.units

    @property
    def text_documents(self) -> dict[str, TextDocument]:
        """The open documents, by decoded URI."""
        return cast(dict[str, TextDocument], self._open)

    def opened(self, uri: str) -> Document | None:
        """The open document of this URI, however it is escaped; None where it is not open."""
        return self._open.get(_key(uri))

    def at_path(self, path: str, root: Path) -> Document | None:
        """The open document of a workspace-relative path, under whatever URI its editor opened it."""
        return next((doc for doc in self._open.values() if path_of(doc.uri, root) == path), None)

    def get_text_document(self, doc_uri: str) -> TextDocument:
        """The open document, or one that reads the file."""
        return self.opened(doc_uri) or self._create_text_document(doc_uri)

    def put_text_document(
        self, text_document: types.TextDocumentItem, notebook_uri: str | None = None
    ) -> None:
        """`didOpen`; opening again starts afresh with the text given."""
        self._open[_key(text_document.uri)] = self._create_text_document(
            text_document.uri, text_document.text, text_document.version, text_document.language_id
        )

    def remove_text_document(self, doc_uri: str) -> None:
        """`didClose`; nothing happens where it is not open."""
        self._open.pop(_key(doc_uri), None)

    def change(self, params: types.DidChangeTextDocumentParams) -> bool:
        """`didChange`, whole or not at all; False where it speaks of no open document or an old version."""
        uri, version = params.text_document.uri, params.text_document.version
        document = self.opened(uri)
        if document is None:
            _log.warning("A change of %s was ignored: it is not open.", uri)
            return False
        if document.version is not None and version <= document.version:
            known = document.version
            _log.warning("Version %d of %s was ignored: version %d is known.", version, uri, known)
            return False
        document.change(version, params.content_changes)
        return True

    def update_text_document(
        self,
        text_doc: types.VersionedTextDocumentIdentifier,
        change: types.TextDocumentContentChangeEvent,
    ) -> None:
        """One change on its own, as pygls calls it."""
        self.change(types.DidChangeTextDocumentParams(text_doc, [change]))

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Document:
        return Document(doc_uri, source, version, language_id, position_codec=self._position_codec)


def _key(uri: str) -> str:
    """A URI with its escapes undone; names that are not UTF-8 stay apart."""
    return unquote_to_bytes(uri.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogateescape")
