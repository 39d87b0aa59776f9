"""JSON and TOML as trees: keys of objects and tables, entries of arrays."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from nexus_lsp.core.merging.brackets import PYTHON, split
from nexus_lsp.core.merging.coexisting import entries
from nexus_lsp.core.merging.tree import Group, Node, Order, Part, Rule
from nexus_lsp.core.text import split_lines


def _as_written(item: Node) -> str:
    return item.text


def _folded(item: Node) -> str:
    return item.text.casefold()


def _by_key(item: Node) -> str:
    return item.key


ORDERS: tuple[Order, ...] = (_as_written, _folded, _by_key)


# --- JSON --------------------------------------------------------------------------------------------


def json_document(text: str) -> Group:
    """The tree of a JSON text; ValueError where it is none."""
    json.loads(text)
    parts = split(text, PYTHON, entries, ORDERS)
    return Group("json", (Node("json", "", text, named=True, open=lambda: parts),))


def json_sound(base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether the merge is JSON, and no object in it has a key twice that has it once on both sides."""
    try:
        repeated = [_repeated(text) for text in (ours, theirs, merged)]
    except (ValueError, RecursionError):
        return False
    return repeated[2] <= max(repeated[:2]) and bool(merged) >= bool(base)


def _repeated(text: str) -> int:
    found = 0

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal found
        found += len(members) - len(dict(members))
        return dict(members)

    json.loads(text, object_pairs_hook=pairs)
    return found


# --- TOML --------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\[\[?([^\]\r\n]+)\]?\]\s*(?:#.*)?$")
_KEY = re.compile(r"""((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


_PACKAGE = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[\w,. -]*\]\s*)?(?:[<>=!~]=?=?\s*[\w.*]|$)")
"""A package as a list of dependencies names it (PEP 508), without its marker."""


def toml_document(text: str) -> Group:
    """The tree of a TOML text: tables, their keys, what their values hold. ValueError where it is none."""
    tomllib.loads(text)
    statements = _statements(text)
    tables: list[Node] = []
    run: list[tuple[str, str]] = []
    for lead, line in [*statements, ("", "[end]")]:
        if _HEADER.match(line):
            if run:
                tables.append(_table(run))
            run = []
        run.append((lead, line))
    tail = text[sum(len(lead) + len(line) for lead, line in statements) :]
    return Group("toml", tuple(tables), tail, rule=_all_named)


def _statements(text: str) -> list[tuple[str, str]]:
    """(blank lines and comments, a header or a key with all its lines)."""
    lines = split_lines(text)
    found: list[tuple[str, str]] = []
    lead, at = "", 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            lead += lines[at]
            at += 1
            continue
        end = at + 1
        while end < len(lines) and not _whole("".join(lines[at:end])):
            end += 1
        found.append((lead, "".join(lines[at:end])))
        lead, at = "", end
    return found


def _whole(text: str) -> bool:
    if _HEADER.match(text.strip()):
        return True
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _table(run: Sequence[tuple[str, str]]) -> Node:
    lead, head = run[0]
    text = head + "".join(a + b for a, b in run[1:])
    if not (header := _HEADER.match(head.strip())):
        whole = [(lead, head), *run[1:]]
        text = "".join(a + b for a, b in whole)
        return Node("[]", "", text, named=True, open=lambda: (_keys(whole), ""))
    if head.lstrip().startswith("[["):
        return Node("~" + text, lead, text)
    return Node(f"[{header[1]}]", lead, text, named=True, open=lambda: (head, _keys(run[1:]), ""))


def _keys(run: Sequence[tuple[str, str]]) -> Group:
    items: list[Node] = []
    for lead, text in run:
        key = found[1] if (found := _KEY.match(text.strip())) else "~" + text
        items.append(Node(key, lead, text, named=found is not None, open=_opened(text)))
    return Group("keys", tuple(items), rule=_all_named, orders=(_by_key,))


def _opened(text: str) -> Callable[[], tuple[Part, ...]]:
    rule: Callable[[str, Sequence[Node]], Rule] = entries
    return lambda: split(text, PYTHON, rule, ORDERS)


def _all_named(_ours: Sequence[Node], _theirs: Sequence[Node]) -> bool:
    """Tables and keys have no order; of two new entries of an array of tables either may be the first."""
    return True


def toml_sound(_base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether the merge is TOML, with no key twice, and no package twice in a list that had it once."""
    try:
        o, t, m = (_packages(tomllib.loads(text), "") for text in (ours, theirs, merged))
    except (ValueError, RecursionError):
        return False
    return all(count < 2 or count <= max(o[name], t[name]) for name, count in m.items())


def _packages(value: object, place: str) -> Counter[str]:
    """How often each package is required in each list, whatever the version."""
    found: Counter[str] = Counter()
    if isinstance(value, dict):
        for key, member in cast("dict[str, object]", value).items():
            found += _packages(member, f"{place}.{key}")
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            if isinstance(member, str) and (name := _PACKAGE.match(member)):
                found[f"{place}.{re.sub('[-_.]+', '-', name[1]).lower()}"] += 1
            else:
                found += _packages(member, place)
    return found
