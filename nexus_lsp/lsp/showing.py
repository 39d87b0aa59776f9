"""Where changes show in one editor: on which document, on which lines, under which URI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from nexus_lsp.core.conflicts import Conflict
from nexus_lsp.core.text import split_lines
from nexus_lsp.core.tracking import Placed
from nexus_lsp.lsp import marks
from nexus_lsp.lsp.convert import file_of, path_of, uri_of
from nexus_lsp.lsp.desk import Desk, home
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.translate import preview_uri, previewed

if TYPE_CHECKING:
    from nexus_lsp.lsp.editor import Editor

Json = dict[str, Any]


class Showing:
    """See the module.

    Attributes:
        root: the folder that paths are relative to, in the editor's own spelling.
        names: agents' ids → their names.
        preview_scheme: of the documents that this editor shows waiting new files on; empty where it has none.
    """

    def __init__(self, server: NexusLanguageServer) -> None:
        self._server = server
        self.root: Path | None = None
        self.editor: Editor | None = None
        self.desk: Desk | None = None
        self.names: dict[str, str] = {}
        self.preview_scheme = ""

    def path(self, uri: str) -> str | None:
        """The path of a document; None where it is none of this workspace."""
        return path_of(uri, self.root) if self.root else None

    def uri(self, path: str) -> str:
        """The URI that the editor knows a path under."""
        return self.editor.texts.uri(path) if self.editor else uri_of(path, self.root or Path("/"))

    def has_preview(self, change: Json) -> bool:
        """Whether a change is a new file that waits, in an editor that shows such on documents of its own."""
        return bool(self.preview_scheme) and change["kind"] == "create" and change["status"] == "pending"

    def page(self, change: Json, uri: str) -> str:
        """The document that a change shows on: its file's `uri`, or its preview where the editor has one."""
        return preview_uri(self.preview_scheme, uri, change["id"]) if self.has_preview(change) else uri

    def place(self, change: Json) -> lsp.Range | None:
        """Where a change shows in its file now; None where it has no place."""
        if self.desk is None:
            return None
        path = home(change)
        sheet = self.desk.sheets.get(path)
        return self.place_in(change, sheet.placed if sheet else {}, self.desk.lines_of(path))

    def place_in(self, change: Json, placed: Mapping[str, Placed], lines: Sequence[str]) -> lsp.Range | None:
        """The same in a text with these lines, where these changes are placed."""
        if self.has_preview(change):
            return marks.whole_lines(split_lines(change["after"]), 0, 1, self._server.units)
        return marks.shown_range(change, placed.get(change["id"]), lines, self._server.units)

    def placed(self, changes: Iterable[Json]) -> list[tuple[Json, lsp.Range]]:
        """Changes of one file that have a place in it, from top to bottom."""
        found = [(c, place) for c in changes if (place := self.place(c)) is not None]
        return sorted(found, key=lambda item: (item[1].start.line, item[0]["line"]))

    def on_document(self, uri: str) -> list[tuple[Json, lsp.Range]]:
        """Waiting and accepted changes that show on a document, from top to bottom."""
        desk, path = self.desk, self.path(uri)
        if desk is None:
            return []
        if path is not None:
            shown = [*desk.pending(path), *desk.accepted(path), *desk.conflicts(path)]
            return self.placed(c for c in shown if not self.has_preview(c))
        change = desk.changes.get(previewed(self.preview_scheme, uri) or "")
        return self.placed([change]) if change and self.has_preview(change) else []

    def conflict(self, change: Json) -> Conflict | None:
        """The three sides of a change in conflict with what the user has; None where it has no place."""
        sheet = self.desk.sheets.get(home(change)) if self.desk else None
        return sheet.conflicts.get(change["id"]) if sheet else None

    def put_ranges(self, changes: Iterable[Json]) -> None:
        """Tell each listed change where it shows, and one in conflict its sides."""
        for change in changes:
            shown = change["status"] in ("pending", "accepted") or change["conflict"]
            place = self.place(change) if shown else None
            change["range"] = None if place is None else marks.plain(place)
            sides = self.conflict(change) if change["conflict"] else None
            if sides is not None:
                change["conflict"] = {"range": change["range"]} | marks.three_sides(sides)


def folder_of(uri: str) -> Path | None:
    """The folder that a URI names."""
    name = file_of(uri)
    return Path(name) if name else None


def top_of(folder: Path) -> Path:
    """The git top level that a folder belongs to; the folder itself without git.

    In the editor's own spelling where that leads there: the marks of closed files stand on such URIs.
    """
    start = folder.resolve()
    top = next((d for d in (start, *start.parents) if (d / ".git").exists()), start)
    above = len(start.relative_to(top).parts)
    spelled = [folder, *folder.parents][above : above + 1]
    return spelled[0] if spelled and spelled[0].resolve() == top else top
