"""Texts that documents once had, and which accepted changes each of them held: LSP has no undo event.

A text that is met again, by an undo, a redo, or because unsaved text was given up, has what it had then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nexus_lsp.core.evolve_changes import moved_path

KEPT_MOMENTS = 400

Sign = tuple[int, bytes]
"""A short name for a text: its length, which is known at once, and its digest."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """One edit of one document that we sent: its text before and after."""

    path: str
    before: Sign
    after: Sign
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moment:
    path: str
    text: Sign
    held: frozenset[str]


class Moments:
    """See the module. `changes` are those that the face knows, by id."""

    def __init__(self, changes: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
        self._changes = changes
        self._moments: list[_Moment] = []
        self._unsaved: dict[str, frozenset[str]] = {}
        """Path → what we put in and nobody has saved yet."""

    def remember(self, undoables: Sequence[Undoable], undo: bool) -> None:
        """What each text held before our edit and holds after it."""
        for edit in undoables:
            ids = frozenset(edit.ids)
            self._unsaved[edit.path] = ids | self.unsaved(edit.path)
            held = self._held(edit.path)
            before, after = (held | ids, held - ids) if undo else (held - ids, held | ids)
            self._keep(_Moment(edit.path, edit.before, before), _Moment(edit.path, edit.after, after))

    def unsaved(self, path: str) -> frozenset[str]:
        """The changes that a document has had since it was last saved, in it still or not."""
        return self._unsaved.get(path, frozenset())

    def saved(self, path: str, text: str) -> None:
        """A document was saved."""
        self.settled(path)
        self.note(path, text)

    def settled(self, path: str) -> None:
        """The file on disk is what there is; nothing of it is unsaved."""
        self._unsaved.pop(path, None)

    def note(self, path: str, text: str) -> None:
        """A document was opened or saved: this is what it comes back to where unsaved text is given up."""
        moment = _Moment(path, sign(text), self._held(path))
        if moment != next((m for m in reversed(self._moments) if m.path == path), None):
            self._keep(moment)

    def left(self, path: str, text: str) -> None:
        """What was left for a text met before; what is known of it stands, as decisions may be under way."""
        known = sign(text)
        if not any(m.path == path and m.text == known for m in self._moments):
            self.note(path, text)

    def _keep(self, *moments: _Moment) -> None:
        self._moments = [*self._moments, *moments][-KEPT_MOMENTS:]

    def _held(self, path: str) -> frozenset[str]:
        changes = self._changes()
        known = {i for m in self._moments if m.path == path for i in m.held}
        return frozenset(i for i in known if changes.get(i, {}).get("status") == "accepted")

    def moved(self, old: str, new: str) -> None:
        """A file or folder has another name: the editor's undo goes on under that."""
        self._moments = [replace(m, path=moved_path(m.path, old, new)) for m in self._moments]
        self._unsaved = {moved_path(path, old, new): ids for path, ids in self._unsaved.items()}

    def turned_back(self, path: str, text: str) -> tuple[list[str], list[str]]:
        """(reopened, accepted again): ids of changes that this text no longer holds, or holds again."""
        mine = [m for m in self._moments if m.path == path]
        if all(m.text[0] != len(text) for m in mine):
            return [], []
        known = {i for m in mine for i in m.held}
        now = sign(text)
        held = next((m.held for m in reversed(mine) if m.text == now), None)
        return ([], []) if held is None else (sorted(known - held), sorted(held))


def sign(text: str) -> Sign:
    """See `Sign`."""
    return len(text), hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
