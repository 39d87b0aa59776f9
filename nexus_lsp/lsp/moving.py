"""Files that go and come: what a face knew of one until it was closed, and under which name it is met again.

Few editors tell of every renaming. A file that is gone, while one with just its text came, was moved.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from nexus_lsp.core.evolve_changes import moved_path
from nexus_lsp.lsp.sheet import BOM, Sheet

REMEMBERED = 10.0
"""Seconds for which a file counts as one that just came."""


class Moving:
    """See the module; paths are relative to `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left: dict[str, Sheet] = {}
        self._came: dict[str, float] = {}

    def leave(self, path: str, sheet: Sheet) -> None:
        """A file is closed, changed or gone: this is what it was."""
        if sheet.text:
            self._left[path] = sheet

    def come(self, path: str) -> None:
        """A file was opened, or changed on disk."""
        now = time.monotonic()
        self._came.pop(path, None)
        self._came[path] = now  # the oldest stand first
        while now - self._came[oldest := next(iter(self._came))] >= REMEMBERED:
            del self._came[oldest]

    def settle(self, path: str, sheet: Sheet) -> None:
        """Where the text is just what the file was left with, its changes stand as they did."""
        left = self._left.get(path)
        if left and not sheet.placed and left.text == sheet.text:
            sheet.placed = dict(left.placed)

    def rename(self, old: str, new: str, sheets: Mapping[str, Sheet]) -> list[str]:
        """A file or folder has another name: what is known goes on under that; the new paths."""
        known = {**sheets, **self._left}
        moved = {there: s for p, s in known.items() if (there := moved_path(p, old, new)) != p}
        self._left |= moved
        return list(moved)

    def forget(self, path: str) -> Sheet | None:
        """What it was left with, for the last time."""
        return self._left.pop(path, None)

    def gone_to(self, path: str, text: str, sheets: Mapping[str, Sheet]) -> str | None:
        """Where a file is now that held this text; None where it is there still, or that is not sure."""
        if os.path.lexists(self._root / path):
            return None
        found = [p for p in self._fresh() if p != path and self._holds(p, text, sheets.get(p))]
        return found[0] if len(found) == 1 else None

    def _fresh(self) -> Iterable[str]:
        now = time.monotonic()
        return [p for p, at in list(self._came.items()) if now - at < REMEMBERED]

    def _holds(self, path: str, text: str, sheet: Sheet | None) -> bool:
        if sheet and sheet.is_open:
            return sheet.text == text
        place = self._root / path
        try:
            wanted = text.removeprefix(BOM).encode()
            if place.stat().st_size - len(wanted) not in (0, len(BOM.encode())):
                return False  # a switch of branches may bring thousands of files
            return place.read_bytes().removeprefix(BOM.encode()) == wanted
        except (OSError, ValueError):
            return False
