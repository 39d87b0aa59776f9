"""Markdown as a tree: sections by their headings, list items, rows of tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from nexus_lsp.core.merging.tree import Group, Node, Part, always, never
from nexus_lsp.core.text import split_lines

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"([-*+])\s+|(\d+)[.)]\s+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def document(text: str) -> Group:
    """The tree of a document."""
    return _section(split_lines(text), 1)


def _section(lines: Sequence[str], level: int) -> Group:
    """Blocks, then the sections one level down."""
    starts = _headings(lines, level)
    items = list(_blocks(lines[: starts[0] if starts else len(lines)]))
    for start, end in pairwise([*starts, len(lines)]):
        items.append(_titled(lines[start:end]))
    lead, items = _leads(items)
    return Group("section", tuple(items), lead, rule=_sections)


def _headings(lines: Sequence[str], level: int) -> list[int]:
    """Where the sections of the highest level begin; those of a deeper one where there is none."""
    found: list[tuple[int, int]] = []
    fence = ""
    for at, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and (heading := _HEADING.match(line)) and len(heading[1]) >= level:
            found.append((at, len(heading[1])))
    top = min((depth for _, depth in found), default=level)
    return [at for at, depth in found if depth == top]


def _titled(lines: Sequence[str]) -> Node:
    heading = _HEADING.match(lines[0])
    depth, title = (len(heading[1]), heading[2].strip()) if heading else (1, lines[0])

    def opened() -> tuple[Part, ...]:
        return (lines[0], _section(lines[1:], depth + 1), "")

    return Node(f"{'#' * depth} {title}", "", "".join(lines), named=True, open=opened, joins=True)


def _leads(items: Sequence[Node]) -> tuple[str, list[Node]]:
    """Blank lines go with what follows them; the last ones are the tail."""
    out: list[Node] = []
    lead = ""
    for item in items:
        if not item.text.strip():
            lead += item.text
            continue
        body = item.text.rstrip("\r\n \t")
        cut = len(body) + len(split_lines(item.text[len(body) :] or "")[:1][0] if item.text != body else "")
        own = Node(item.key, lead, item.text[:cut], "", item.named, _cut(item, cut), item.joins)
        out.append(own)
        lead = item.text[cut:]
    return lead, out


def _cut(item: Node, end: int) -> Callable[[], tuple[Part, ...]] | None:
    """The parts of an item without the blank lines at its end."""
    if item.key.startswith("#"):
        return _titled(split_lines(item.text[:end])).open
    return item.open


# --- blocks ------------------------------------------------------------------------------------------


def _blocks(lines: Sequence[str]) -> list[Node]:
    """Runs of lines: blank ones, a fence, a list, a table, a paragraph."""
    out: list[Node] = []
    at = 0
    while at < len(lines):
        end = _block_end(lines, at)
        out.append(_block("".join(lines[at:end]), lines[at:end]))
        at = end
    return out


def _block_end(lines: Sequence[str], at: int) -> int:
    line = lines[at]
    if not line.strip():
        return at + 1
    if mark := _FENCE.match(line):
        closed = (n for n in range(at + 1, len(lines)) if lines[n].strip().startswith(mark[1]))
        return next(closed, len(lines) - 1) + 1
    end = at + 1
    if _ITEM.match(line):
        while (
            end < len(lines) and lines[end].strip() and (_ITEM.match(lines[end]) or lines[end][:1] in " \t")
        ):
            end += 1
        return end
    while (
        end < len(lines)
        and lines[end].strip()
        and not _ITEM.match(lines[end])
        and not _FENCE.match(lines[end])
    ):
        end += 1
    return end


def _block(text: str, lines: Sequence[str]) -> Node:
    if _ITEM.match(lines[0]):
        return Node("list", "", text, named=True, open=lambda: (_list(lines), ""), joins=True)
    if all(line.lstrip().startswith("|") for line in lines) and len(lines) > 1:
        key = f"table {lines[0].strip()}"
        return Node(key, "", text, named=True, open=lambda: (_table(lines), ""), joins=True)
    return Node("~" + text.strip(), "", text)


def _list(lines: Sequence[str]) -> Group:
    """Items with the lines that belong to them; numbers that go up name their items."""
    starts = [at for at, line in enumerate(lines) if _ITEM.match(line)]
    runs = [lines[a:b] for a, b in pairwise([*starts, len(lines)])]
    numbers = [found[2] for run in runs if (found := _ITEM.match(run[0])) and found[2]]
    counted = len(set(numbers)) == len(numbers) > 1
    items: list[Node] = []
    for run in runs:
        text = "".join(run)
        number = found[2] if counted and (found := _ITEM.match(text)) else None
        items.append(Node(f"{number}." if number else "~" + text.strip(), "", text, named=bool(number)))
    return Group("list", tuple(items), rule=never if counted else always, orders=())


def _table(lines: Sequence[str]) -> Group:
    """Rows by their first cell."""
    items = [Node("|" + line.strip(" |").partition("|")[0].strip(), "", line, named=True) for line in lines]
    return Group("table", tuple(items), rule=always)


def _sections(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Sections stand beside each other; of text without a name nobody knows what it goes on from."""
    return all(item.named for item in (*ours, *theirs))
