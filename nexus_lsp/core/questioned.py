"""Where a line of a measured tree shows, while not all that is in that tree is in the user's text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nexus_lsp.core.text import split_lines

Json = dict[str, Any]


def shown_at(line: int, changes: Iterable[Json]) -> tuple[Json | None, int] | None:
    """A 0-based line of the tree that holds all these changes of one file, as a place that a user sees.

    Either a waiting change and the line in what it puts there, or None and the line of the user's text; None
    for a line that went with a change that was turned down.
    """
    shift = missing = 0
    for change in sorted(changes, key=lambda c: c["line"] or 0):
        added, removed = len(split_lines(change["after"])), len(split_lines(change["before"]))
        start = (change["line"] or 0) + shift
        if line < start:
            break
        waits, stands = change["status"] == "pending", change["status"] == "accepted"
        if line < start + max(added, 1):
            return (None, line - missing) if stands else (change, line - start) if waits else None
        shift += added - removed
        missing += 0 if stands else added - removed
    return None, line - missing
