"""Files of one entry a line: requirements, ignored paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nexus_lsp.core.merging.tree import Group, Node, always
from nexus_lsp.core.text import split_lines


def requirements(text: str) -> Group:
    """Packages by name: two versions of one are a conflict."""
    return _rows(text, _package, always)


def ignored(text: str) -> Group:
    """Patterns; the order matters where one takes another back."""
    return _rows(text, lambda _: None, _no_negation)


def _rows(text: str, name: Callable[[str], str | None], rule: Callable[..., bool]) -> Group:
    items: list[Node] = []
    lead = ""
    for line in split_lines(text):
        if not line.strip() or line.lstrip().startswith("#"):
            lead += line
            continue
        key = name(line)
        items.append(Node(key or "~" + line.strip(), lead, line, named=key is not None))
        lead = ""
    return Group("rows", tuple(items), lead, rule=rule, orders=(_as_written, _folded))


def _package(line: str) -> str | None:
    """The normalised name of a package (PEP 503), with its marker; None for an option."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line)
    if found is None:
        return None
    return re.sub(r"[-_.]+", "-", found[1]).lower() + line.partition(";")[2].partition("#")[0].strip()


def _no_negation(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    return not any(item.text.lstrip().startswith("!") for item in (*ours, *theirs))


def _as_written(item: Node) -> str:
    return item.text


def _folded(item: Node) -> str:
    return item.text.casefold()
