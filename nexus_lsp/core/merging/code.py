"""A text of a language with a grammar as a tree: declarations on lines of their own, entries between commas.

Comments and blank lines go with the declaration below them; comments above a blank line stand for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from nexus_lsp.core.merging.code_names import entry_name, key_of, unit_of
from nexus_lsp.core.merging.code_rules import RULES, can_be_told_apart
from nexus_lsp.core.merging.syntax import Grammar, Parse, Syntax, Unit
from nexus_lsp.core.merging.tree import Conflict, Group, Node, Order, Part, never
from nexus_lsp.core.text import split_lines

_OPENS = {"{": "}", "[": "]", "(": ")", "[[": "]]"}
_NOTHING = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_BLANK = re.compile(r"(?:\r\n|\n|\r)[ \t]*(?:\r\n|\n|\r)")


LONGEST_LINE = 10_000
"""Characters; what has longer ones was written by a program, and is to be made by it again."""


def _as_written(item: Node) -> str:
    return item.text


def _folded(item: Node) -> str:
    return item.text.casefold()


ORDERS: tuple[Order, ...] = (_as_written, _folded)


def reader(grammar: Grammar, parse: Parse) -> Callable[[str], Group]:
    """What reads texts of this language. It raises `Conflict` where the grammar is not installed."""

    def read(text: str) -> Group:
        if max(map(len, split_lines(text)), default=0) > LONGEST_LINE:
            raise Conflict
        root = parse(grammar.name, text)
        if root is None:
            raise Conflict
        reading = Reading(grammar, text)
        parts = reading.parts([root], 0, len(text))
        return Group("text", (Node("text", "", text, named=True, open=lambda: tuple(parts)),))

    return read


@dataclass(slots=True)
class _Run:
    """Nodes that make one unit, and the lines that they stand on."""

    nodes: list[Syntax]
    start: int
    end: int
    single: bool = True
    waits: bool = False
    """What it stands above is still to come."""
    words: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Reading:
    """One text being read."""

    grammar: Grammar
    text: str

    # --- parts -----------------------------------------------------------------------------------------

    def parts(self, nodes: Sequence[Syntax], start: int, end: int) -> list[Part]:
        """The text from `start` to `end`, with the outermost groups of these nodes in it."""
        out: list[Part] = []
        at = start
        for first, last, group in self._groups(nodes):
            out += [self.text[at:first], group]
            at = last
        return [*out, self.text[at:end]]

    def _groups(self, nodes: Sequence[Syntax]) -> Iterator[tuple[int, int, Group]]:
        for node in nodes:
            found = None if node.broken else self._group(node)
            if found is None:
                yield from self._groups(node.children)
            else:
                yield found
                yield from self._groups([c for c in node.children if c.kind == "enum_body_declarations"])

    def _group(self, node: Syntax) -> tuple[int, int, Group] | None:
        """(where it begins, where it ends, the group) of a node that is one."""
        if kind := self.grammar.rows.get(node.kind):
            return self._rows(node, kind)
        if kind := self.grammar.lists.get(node.kind):
            return self._list(node, kind)
        return None

    # --- units on lines ----------------------------------------------------------------------------------

    def _rows(self, node: Syntax, kind: str) -> tuple[int, int, Group] | None:
        inner, start, end = self._inside(node)
        if start is None or end is None or any(child.broken for child in inner):
            return None
        runs, notes = self._runs(inner)
        if any(run.start < start or run.end > end for run in runs):
            return None
        items: list[Node] = []
        at = start
        for run in _closed(runs, kind, self.grammar.falls):
            items += self._notes(at, run.start, [n for n in notes if at <= n.start < run.start])
            lead_at = at if not items else items_end(items, start)
            items.append(self._unit(run, self.text[lead_at : run.start], kind))
            at = run.end
        items += self._notes(at, end, [n for n in notes if at <= n.start < end])
        done = items_end(items, start)
        rule = RULES.get(kind, never)
        return start, end, Group(kind, tuple(items), self.text[done:end], rule=rule, orders=_orders(kind))

    def _inside(self, node: Syntax) -> tuple[list[Syntax], int | None, int | None]:
        """(what is in it, where its first line starts, where its last ends): None where lines are shared."""
        children = self._flat(node.children)
        opened = next((at for at, c in enumerate(children) if c.kind in ("{", "(") and not c.children), None)
        if opened is not None and children[-1].kind == _OPENS[children[opened].kind]:
            first = _NOTHING.match(self.text, children[opened].end)
            close = children[-1].start
            last = self._line_start(close)
            inner = children[opened + 1 : -1]
            if first is None or self.text[last:close].strip() or last < first.end():
                return inner, None, None
            return inner, first.end(), last
        if node.kind in ("program", "source_file", "compilation_unit", "stylesheet"):
            return children, 0, len(self.text)
        if node.kind not in ("block_mapping", "enum_body_declarations"):
            return children, None, None
        inner = [child for child in children if child.kind != ";"]
        if not inner:
            return inner, None, None
        start = self._line_start(inner[0].start)
        if self.text[start : inner[0].start].strip():
            return inner, None, None
        return inner, start, self._line_end(self._end(inner[-1]))

    def _flat(self, nodes: Sequence[Syntax]) -> list[Syntax]:
        out: list[Syntax] = []
        for node in nodes:
            out += self._flat(node.children) if node.kind in self.grammar.runs else [node]
        return out

    def _runs(self, nodes: Sequence[Syntax]) -> tuple[list[_Run], list[Syntax]]:
        """(units, comments that stand on lines of their own)."""
        runs: list[_Run] = []
        notes: list[Syntax] = []
        for node in nodes:
            if node.start == node.end:
                continue
            start, end = self._line_start(node.start), self._line_end(self._end(node))
            shares = bool(runs) and start < runs[-1].end
            waits = bool(runs) and runs[-1].waits
            if "comment" in node.kind and not shares and not waits:
                if self.text[start : node.start].strip():
                    runs.append(_Run([node], start, end, single=False))
                else:
                    notes.append(node)
                continue
            above = node.kind in self.grammar.above
            if waits or (shares and _is_token(node)) or (shares and "comment" in node.kind):
                run = runs[-1]
                run.end = max(run.end, end)
                run.nodes.append(node)
                if waits and "comment" not in node.kind:
                    run.waits = above
            elif shares:
                runs[-1].end = max(runs[-1].end, end)
                runs[-1].nodes.append(node)
                runs[-1].single, runs[-1].waits = False, above
            else:
                runs.append(_Run([node], start, end, waits=above))
        return runs, notes

    def _unit(self, run: _Run, lead: str, kind: str) -> Node:
        text = self.text[run.start : run.end]
        main = _main(run.nodes, self.grammar)
        if not run.single or main is None or any(node.faulty for node in run.nodes):
            return Node("~" + text, lead, text, unit=Unit("other"))
        unit = unit_of(main, self.text, self.grammar, kind)
        key = key_of(main, unit, self.text, self.grammar)
        nodes = run.nodes
        return Node(
            key or "~" + text,
            lead,
            text,
            named=key is not None,
            open=lambda: tuple(self.parts(nodes, run.start, run.end)),
            joins=unit.sort == "import",
            unit=unit,
        )

    def _notes(self, start: int, end: int, notes: Sequence[Syntax]) -> list[Node]:
        """Comments with a blank line below them, or nothing."""
        out: list[Node] = []
        at = start
        for here, following in zip_longest(notes, notes[1:]):
            last = self._line_end(self._end(here))
            until = following.start if following else end
            if following is None and until == len(self.text):
                break
            if _BLANK.search("\n" + self.text[last:until]):
                first = next(n.start for n in notes if n.start >= at)
                line = self._line_start(first)
                text = self.text[line:last]
                out.append(Node("~" + text, self.text[at:line], text, unit=Unit("note")))
                at = last
        return out

    def _end(self, node: Syntax) -> int:
        """Some nodes end with the line break behind them, and YAML's with the comments of what follows."""
        if self.grammar.name == "yaml":
            leaves = [leaf for leaf in node.all() if not leaf.children and leaf.kind != "comment"]
            return max((leaf.end for leaf in leaves), default=node.end)
        return node.start + len(self.text[node.start : node.end].rstrip())

    def _line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def _line_end(self, at: int) -> int:
        found = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)").match(self.text, at)
        return found.end() if found else len(self.text)

    # --- entries between commas --------------------------------------------------------------------

    def _list(self, node: Syntax, kind: str) -> tuple[int, int, Group] | None:
        children = list(node.children)
        if len(children) < 2 or _OPENS.get(children[0].kind) != children[-1].kind:
            return None
        inner = children[1:-1]
        end = children[-1].start
        if inner and inner[-1].kind == "enum_body_declarations":
            if len(inner) < 2 or inner[-2].kind != "enum_constant":
                return None
            inner, end = inner[:-1], inner[-2].end
        if any(child.broken for child in inner):
            return None
        start = children[0].end
        rows: list[list[Syntax]] = [[]]
        commas: list[Syntax] = []
        for child in inner:
            if child.kind == ",":
                commas.append(child)
                rows.append([])
            else:
                rows[-1].append(child)
        return self._entries(node, kind, rows, commas, start, end)

    def _entries(
        self,
        node: Syntax,
        kind: str,
        rows: list[list[Syntax]],
        commas: list[Syntax],
        start: int,
        end: int,
    ) -> tuple[int, int, Group] | None:
        items: list[Node] = []
        at = start
        for row, comma in zip(rows, [*commas, None], strict=True):
            nodes = list(row)
            trail = ""
            if items and nodes and "comment" in nodes[0].kind and _same_line(self.text, at, nodes[0].start):
                last = self._end(nodes[0])
                trail, at = self.text[at:last], last
                nodes = nodes[1:]
                items[-1] = _with_trail(items[-1], trail)
            while nodes and "comment" in nodes[0].kind:
                nodes = nodes[1:]
            if not nodes:
                if comma is not None:
                    return None  # a hole
                break
            first = nodes[0].start
            behind = [n for n in nodes if "comment" in n.kind]
            body = [n for n in nodes if "comment" not in n.kind]
            last = self._end(body[-1])
            if comma is not None and self.text[last : comma.start]:
                return None  # a comment, or a line, before the comma
            if behind and comma is None and _same_line(self.text, last, behind[0].start):
                trail = self.text[last : self._end(behind[0])]
            else:
                trail = ""
            items.append(self._entry(kind, body, self.text[at:first], first, last, trail))
            at = comma.end if comma is not None else last + len(trail)
        if len(commas) not in (len(items), len(items) - 1) and items:
            return None
        ends = bool(items) and len(commas) == len(items)
        rule = RULES.get(kind, never) if can_be_told_apart(items) else never
        lines = all("\n" in item.lead for item in items)
        tail = self.text[at:end]
        group = Group(node.kind, tuple(items), tail, ",", ends, rule, _orders(kind), lines)
        return start, end, group

    def _entry(self, kind: str, nodes: list[Syntax], lead: str, start: int, end: int, trail: str) -> Node:
        text = self.text[start:end]
        name = entry_name(nodes, self.text) if kind != "names" else None
        unit = Unit("entry", (name,) if name else ())

        def opened() -> tuple[Part, ...]:
            return tuple(self.parts(nodes, start, end))

        if any(node.faulty for node in nodes):
            return Node(text, lead, text, trail, unit=unit)
        return Node(name or text, lead, text, trail, name is not None, opened, unit=unit)


def items_end(items: Sequence[Node], start: int) -> int:
    """Where the last of units that stand in a row from `start` on ends."""
    return start + sum(len(item.lead) + len(item.text) for item in items)


def _main(nodes: Sequence[Syntax], grammar: Grammar) -> Syntax | None:
    """The node that a unit is named by; None where there is none, or several."""
    found = [n for n in nodes if n.kind not in grammar.above and "comment" not in n.kind and not _is_token(n)]
    return found[0] if len(found) == 1 else None


def _is_token(node: Syntax) -> bool:
    return node.kind in (";", ",") or node.kind == "empty_statement"


def _closed(runs: list[_Run], kind: str, falls: bool) -> list[_Run]:
    """Cases that go on into the next are one unit with it."""
    if kind != "cases" or not falls:
        return runs
    out: list[_Run] = []
    for run in runs:
        if out and not all(_leaves(node) for node in out[-1].nodes if not _is_token(node)):
            out[-1].nodes += run.nodes
            out[-1].end, out[-1].single = run.end, False
        else:
            out.append(run)
    return out


_LEAVING = ("break", "return", "throw", "continue", "goto", "yield")


def _leaves(case: Syntax) -> bool:
    """Whether control leaves a case at its end; an arrow's case always ends."""
    if "comment" in case.kind or any(child.kind in ("->", "=>") for child in case.children):
        return True
    inner = [c for c in case.children if c.children and "comment" not in c.kind]
    last = inner[-1] if inner else None
    while last is not None and ("block" in last.kind or last.kind in ("switch_section",)):
        below = [c for c in last.children if c.children or c.kind.startswith(_LEAVING)]
        last = below[-1] if below else None
    return last is not None and last.kind.startswith(_LEAVING)


def _orders(kind: str) -> tuple[Order, ...]:
    return ORDERS if kind in ("names", "imports") else ()


def _same_line(text: str, start: int, end: int) -> bool:
    return not text[start:end].strip(" \t")


def _with_trail(item: Node, trail: str) -> Node:
    return Node(item.key, item.lead, item.text, trail, item.named, item.open, item.joins, None, item.unit)
