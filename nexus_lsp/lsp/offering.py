"""Code actions and lenses of a document: of changes that show on it, and of what else is offered there."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.lsp import marks
from nexus_lsp.lsp.desk import home
from nexus_lsp.lsp.hovering import meet
from nexus_lsp.lsp.language_server import NexusLanguageServer
from nexus_lsp.lsp.needing import Needing
from nexus_lsp.lsp.offers import Offers
from nexus_lsp.lsp.showing import Showing

Json = dict[str, Any]


class Offering:
    """See the module.

    Attributes:
        revise: a command of the editor that asks the user what is to be different; empty where it has none.
    """

    def __init__(self, server: NexusLanguageServer, showing: Showing, offers: Offers) -> None:
        self._server = server
        self._showing = showing
        self._offers = offers
        self.revise = ""

    async def actions(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        """What can be done on these lines; of the kinds asked for."""
        uri, only = params.text_document.uri, params.context.only
        shown, names = self._showing.on_document(uri), self._showing.names
        # a preview shows one change only: every line of it is that change's
        at_hand = [c for c, place in shown if self._showing.has_preview(c) or meet(place, params.range)]
        of_file = at_hand
        if only is not None and not at_hand and any(marks.is_kind("source", k) for k in only):
            of_file = [c for c, _ in shown]
        target = self._showing.uri(home(of_file[0])) if of_file else uri
        fixes = marks.fixes(at_hand, params.context.diagnostics, names, self._known(), self.revise)
        found = [*fixes, *marks.sources(of_file, target), *self._others(params)]
        return [a for a in found if only is None or any(marks.is_kind(k, a.kind) for k in only)]

    def _others(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        document = self._server.workspace.opened(uri) if self._showing.path(uri) else None
        start, end = params.range.start.line, params.range.end.line
        lines = document.lines[start : end + 1] if document else ()
        names = self._showing.names
        return [*self._offers.written(uri, lines, names), *self._offers.everywhere(names)]

    async def lenses(self, params: lsp.CodeLensParams) -> list[Json]:
        """See `marks.lenses`."""
        shown = self._showing.on_document(params.text_document.uri)
        return marks.lenses(shown, self._showing.names, self._known())

    def _known(self) -> Needing:
        return Needing(self._showing.desk.changes if self._showing.desk else {})
