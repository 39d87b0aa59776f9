"""The texts that changes speak of, each asked of the engine once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nexus_lsp.core.text import split_lines

Json = dict[str, Any]


class Bases:
    """See the module. `execute` reaches the engine, `changes` are those that the face knows."""

    def __init__(
        self, execute: Callable[[str, Json], Any], changes: Callable[[], Mapping[str, Json]]
    ) -> None:
        self._execute = execute
        self._changes = changes
        self._texts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        """Change id → its base text's name in `_texts`."""

    def __contains__(self, change_id: str) -> bool:
        return change_id in self._names

    def name(self, change_id: str) -> str:
        """What tells a change's base from others; it must be in here."""
        return self._names[change_id]

    def forget(self, change_id: str) -> None:
        """The change has another base now."""
        self._names.pop(change_id, None)

    async def learn(self, change_id: str) -> None:
        """Have the text that a change's `line` and `before` speak of at hand."""
        named = self._changes().get(change_id, {}).get("base")
        if change_id not in self._names and named in self._texts:
            self._names[change_id] = named
        if change_id not in self._names:
            answer = await self._execute("review.base", {"change_id": change_id})
            self._texts[answer["base"]] = answer["text"]
            self._names[change_id] = answer["base"]

    async def text(self, change_id: str, blob: str) -> str:
        """The text that a decision on a change speaks of: its base, or what a conflict is settled on."""
        if blob not in self._texts:
            answer = await self._execute("review.base", {"change_id": change_id, "blob": blob})
            self._texts[blob] = answer["text"]
        return self._texts[blob]

    def grouped(
        self, changes: Sequence[Json], plain: Callable[[str], str]
    ) -> list[tuple[list[str], list[Json]]]:
        """(lines of a base as `plain` gives it, the changes on it) of those whose base is at hand."""
        groups: dict[str, list[Json]] = {}
        for change in (c for c in changes if c["id"] in self._names):
            groups.setdefault(self._names[change["id"]], []).append(change)
        return [(split_lines(plain(self._texts[name])), group) for name, group in groups.items()]
