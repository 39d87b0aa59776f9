"""Edits of one Python file that only parse together: a `try:` and its `except`, two brackets."""

from __future__ import annotations

from nexus_lsp.core.relating.given import FileGiven, Given, keep, python_tree

MOST_PARSED = 1_000_000
"""Characters that are parsed for one file; where that is not enough, nothing is said."""


def together(given: Given) -> dict[str, set[str]]:
    """`{id: neighbours that it needs}` for edits that leave a file that does not parse on their own."""
    edits = {c.id for c in given.changes if c.kind == "edit"}
    found: dict[str, set[str]] = {}
    for file in given.files:
        if file.path.endswith((".py", ".pyi")) and file.old is not None and file.new is not None:
            order = [i for i in dict.fromkeys((*_by_line(file),)) if i in edits]
            found |= _in_file(file, order)
    return found


def _by_line(file: FileGiven) -> list[str]:
    """The changes of a file from top to bottom, roughly: by the share of the text above them."""
    places = [(at / len(file.removed), owner) for at, owner in enumerate(file.removed) if owner]
    places += [(at / len(file.added), owner) for at, owner in enumerate(file.added) if owner]
    return [owner for _, owner in sorted(places)]


def _in_file(file: FileGiven, order: list[str]) -> dict[str, set[str]]:
    size = len(file.new or "") + len(file.old or "")
    if (
        size * len(order) > MOST_PARSED
        or not _parses(file, frozenset())
        or not _parses(file, frozenset(order))
    ):
        return {}
    alone = [i for i in order if not _parses(file, frozenset({i}))]
    if size * (len(order) + len(alone) * len(alone)) > MOST_PARSED:
        return {}
    found: dict[str, set[str]] = {}
    for one in alone:
        nearest = sorted(alone, key=lambda other: abs(order.index(other) - order.index(one)))
        chosen: list[str] = []
        for other in nearest:
            chosen.append(other)
            if len(chosen) > 1 and _parses(file, frozenset(chosen)):
                found[one] = _least(file, one, chosen)
                break
    return found


def _least(file: FileGiven, one: str, chosen: list[str]) -> set[str]:
    """Without those that it can do without."""
    kept = list(chosen)
    for other in chosen:
        rest = [i for i in kept if i != other]
        if other != one and len(rest) > 1 and _parses(file, frozenset(rest)):
            kept = rest
    return set(kept) - {one}


def _parses(file: FileGiven, ids: frozenset[str]) -> bool:
    return python_tree(keep(file, ids)) is not None
