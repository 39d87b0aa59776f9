"""Faces: what carries decisions out in the text the user sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nexus_lsp.core.changes import Change, ChangeKind

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What came of putting changes into the user's text, all of it one edit.

    Attributes:
        applied: ids of changes that the text holds now.
        refused: (id, why) of changes that were not applied; nothing of them was.
        unsaved: paths whose text is now in an editor buffer that is not saved.
    """

    applied: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    unsaved: tuple[str, ...] = ()


class Face(Protocol):
    """Where the user sees text: an editor, or the disk itself."""

    async def open_texts(self) -> Mapping[str, str]:
        """Text of every open document of the workspace, by path."""
        ...

    def can_carry(self, kind: ChangeKind) -> bool:
        """Whether this face can put such a change into the user's text."""
        ...

    async def carry_out(self, changes: Sequence[Change], undo: bool = False) -> CarriedOut:
        """Apply changes (or take accepted ones back) as one edit of the user's current text."""
        ...
