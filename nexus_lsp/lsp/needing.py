"""What changes need, and what needs them, by what the desk of an editor knows at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from nexus_lsp.core.needs import Missing, Node, missing, reached, users_of

Json = dict[str, Any]


class Needing:
    """For one answer to the editor: what many changes have in common is looked up once."""

    def __init__(self, changes: Mapping[str, Json]) -> None:
        self._changes = changes

    def needed_by(self, change: Json) -> Missing:
        """What a waiting change needs and has not."""
        return missing(change["id"], self._find) if change["depends_on"] else Missing()

    def needing(self, change: Json) -> tuple[str, ...]:
        """The accepted changes that need this one."""
        return reached(change["id"], self._users)

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        accepted = (i for i, c in self._changes.items() if c["status"] == "accepted" and c["depends_on"])
        return users_of(accepted, self._find)

    def _find(self, change_id: str) -> Node | None:
        change = self._changes.get(change_id)
        if change is None:
            return None
        note, by = change.get("note", ""), change.get("superseded_by")
        return Node(change["status"], tuple(change["depends_on"]), by, note)
