"""Python as a tree: statements by `ast`, brackets within them, every line as it stands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nexus_lsp.core.merging.brackets import PYTHON, kind_of, split
from nexus_lsp.core.merging.coexisting import (
    branches,
    clauses,
    entries,
    in_class,
    in_function,
    in_module,
)
from nexus_lsp.core.merging.tree import Group, Node, Order, Part, Rule, always
from nexus_lsp.core.text import split_lines

DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_RULES: dict[str, Rule] = {"module": in_module, "class": in_class, "body": in_function, "cases": branches}


def as_written(item: Node) -> str:
    """Sorted as text."""
    return item.text


def folded(item: Node) -> str:
    """Sorted without regard to case."""
    return item.text.casefold()


def by_kind(item: Node) -> tuple[int, str]:
    """As isort does it: constants, classes, functions."""
    name = item.text.strip("\"'")
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


ORDERS: tuple[Order, ...] = (as_written, folded, by_kind)


def module(text: str) -> Group:
    """The tree of a module. SyntaxError, ValueError or RecursionError where Python cannot read it."""
    lines = split_lines(text)
    return _Module(lines).group(ast.parse(text).body, 0, len(lines), "module")


@dataclass(frozen=True, slots=True)
class _Module:
    lines: Sequence[str]

    def _text(self, start: int, end: int) -> str:
        return "".join(self.lines[start:end])

    def group(self, body: Sequence[ast.stmt], start: int, end: int, kind: str) -> Group:
        """The statements of lines `start` to `end`; those on one line count as one."""
        items: list[Node] = []
        at = start
        for run in _by_lines(body):
            first, last = _span(run)
            lead, text = self._text(at, first), self._text(first, last)
            items.append(self._node(run, lead, text, kind))
            at = last
        return Group(kind, tuple(items), self._text(at, end), rule=_RULES[kind], orders=())

    def _node(self, run: Sequence[ast.stmt], lead: str, text: str, kind: str) -> Node:
        if len(run) > 1:
            return Node("~" + text, lead, text)
        [stmt] = run
        name = _name(stmt, kind)
        return Node(
            name or "~" + text,
            lead,
            text,
            named=name is not None,
            open=self._opener(stmt, text),
            joins=isinstance(stmt, ast.ImportFrom),
            stmt=stmt,
        )

    def _opener(self, stmt: ast.stmt, text: str) -> Callable[[], tuple[Part, ...]] | None:
        if isinstance(stmt, ast.ImportFrom):
            return lambda: imported(text)
        if isinstance(stmt, ast.If):
            return lambda: (Group("clauses", tuple(self._clauses(stmt)), rule=clauses), "")
        body = getattr(stmt, "body", None)
        if isinstance(stmt, ast.Match):
            return lambda: self._cases(stmt)
        if not body:
            return lambda: _brackets(text)
        if getattr(stmt, "orelse", None) or getattr(stmt, "handlers", None):
            return None
        kind = "class" if isinstance(stmt, ast.ClassDef) else "body"
        return lambda: self._block(stmt, body, kind)

    def _block(self, stmt: ast.stmt, body: Sequence[ast.stmt], kind: str) -> tuple[Part, ...]:
        """A head, then statements; one that stands on one line has no statements of its own."""
        start, end = _span([stmt])
        first, _ = _span([body[0]])
        head = self._head_end(stmt, body, start)
        if first == (stmt.lineno - 1) or head is None:
            return _brackets(self._text(start, end))
        is_def = isinstance(stmt, DEFS[:2])
        return (*_brackets(self._text(start, head), is_def), self.group(body, head, end, kind), "")

    def _head_end(self, stmt: ast.stmt, body: Sequence[ast.stmt], start: int) -> int | None:
        """The line behind the one whose colon ends the head."""
        first, _ = _span([body[0]])
        end = first
        while end > start + 1 and (not (line := self.lines[end - 1].strip()) or line.startswith("#")):
            end -= 1
        return end if end > start else None

    def _clauses(self, stmt: ast.If) -> list[Node]:
        """`if`, `elif`, …, `else`: each a head and a body."""
        found: list[Node] = []
        at, rest = stmt.lineno - 1, stmt
        while True:
            bodies_end = rest.body[-1].end_lineno or at
            found.append(self._clause(rest.test, at, rest.body, bodies_end))
            if not rest.orelse:
                return found
            at = bodies_end
            [following, *more] = rest.orelse
            keyword = next((n for n in range(at, len(self.lines)) if _code(self.lines[n])), at)
            if not more and isinstance(following, ast.If) and self.lines[keyword].lstrip().startswith("elif"):
                rest = following
                continue
            found.append(self._clause(None, at, rest.orelse, rest.orelse[-1].end_lineno or at))
            return found

    def _clause(self, test: ast.expr | None, start: int, body: Sequence[ast.stmt], end: int) -> Node:
        head = self._head_end(body[0], body, start) or start
        told = "else" if test is None else ast.unparse(test)
        text = self._text(start, end)
        keyword = next((n for n in range(start, end) if _code(self.lines[n])), start)
        lead = self._text(start, keyword)
        if head <= keyword:
            return Node(told, lead, text[len(lead) :], named=True)

        def opened() -> tuple[Part, ...]:
            return (self._text(keyword, head), self.group(body, head, end, "body"), "")

        mark = ast.If(test=test, body=[], orelse=[]) if test else None
        return Node(told, lead, text[len(lead) :], named=True, open=opened, stmt=mark)

    def _cases(self, stmt: ast.Match) -> tuple[Part, ...]:
        start, _ = _span([stmt])
        at = head = stmt.cases[0].pattern.lineno - 1
        items: list[Node] = []
        for case in stmt.cases:
            first, last = case.pattern.lineno - 1, case.body[-1].end_lineno or 0
            guard = f" if {ast.unparse(case.guard)}" if case.guard else ""
            lead, text = self._text(at, first), self._text(first, last)
            inner = self._case_opener(case, first, last)
            items.append(Node(ast.unparse(case.pattern) + guard, lead, text, named=True, open=inner))
            at = last
        return (self._text(start, head), Group("cases", tuple(items), rule=branches), "")

    def _case_opener(
        self, case: ast.match_case, first: int, last: int
    ) -> Callable[[], tuple[Part, ...]] | None:
        head = self._head_end(case.body[0], case.body, first)
        if head is None or head <= first:
            return None
        return lambda: (self._text(first, head), self.group(case.body, head, last, "body"), "")


def _code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _by_lines(body: Sequence[ast.stmt]) -> list[list[ast.stmt]]:
    """Statements; those that share a line together."""
    runs: list[list[ast.stmt]] = []
    for stmt in body:
        if runs and _span([stmt])[0] < _span(runs[-1])[1]:
            runs[-1].append(stmt)
        else:
            runs.append([stmt])
    return runs


def _span(run: Sequence[ast.stmt]) -> tuple[int, int]:
    """(first, end) of the lines of statements, decorators included."""
    above: list[ast.expr] = getattr(run[0], "decorator_list", [])
    first = min([run[0].lineno, *(one.lineno for one in above)])
    return first - 1, run[-1].end_lineno or first


def _name(stmt: ast.stmt, kind: str) -> str | None:
    """What a statement is found by again, if not by its text."""
    match stmt:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            marks = [d.attr for d in stmt.decorator_list if isinstance(d, ast.Attribute)]
            return "".join([stmt.name, *(f"@{m}" for m in marks if m in ("setter", "deleter", "getter"))])
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name if kind in ("module", "class") else None
        case ast.ImportFrom(module=source, level=level):
            return f"from {'.' * level}{source or ''}"
        case ast.Import():
            return f"import {', '.join(a.name + ' ' + (a.asname or '') for a in stmt.names)}"
        case ast.Expr(value=ast.Constant(value=str())):
            return '"""' if kind in ("module", "class") else None
        case ast.If(test=test) if kind == "module":
            return f"if {ast.unparse(test)}"
        case _:
            return None


# --- brackets ----------------------------------------------------------------------------------------


def _brackets(text: str, is_def: bool = False) -> tuple[Part, ...]:
    """The brackets of one statement, or of a head; the parameters of a function are a kind of their own."""
    if not is_def:
        return split(text, PYTHON, entries, ORDERS)
    at = _def_at(text)
    above, head = (
        split(text[:at], PYTHON, entries, ORDERS),
        split(text[at:], PYTHON, entries, ORDERS, _params),
    )
    return (*above, *head) if above != ("",) else head


def _params(bracket: str, called: bool, depth: int) -> str:
    return "params" if bracket == "(" and depth == 1 else kind_of(bracket, called, depth)


def _names(_bracket: str, _called: bool, _depth: int) -> str:
    return "names"


def _def_at(text: str) -> int:
    """Where `def` begins, behind the decorators."""
    at = 0
    for line in split_lines(text):
        if line.lstrip().startswith(("def ", "async def ")):
            return at
        at += len(line)
    return at


def imported(text: str) -> tuple[Part, ...]:
    """The names that a `from` import takes, in brackets or not."""
    parts = split(text, PYTHON, entries, ORDERS, _names)
    if len(parts) > 1:
        return parts
    head, word, names = text.partition(" import ")
    body = names.split("#")[0].rstrip()
    rest = names[len(body) :]
    if not word or not all(name.strip() for name in body.split(",")) or "\\" in names:
        return parts
    items = tuple(_imported_name(name) for name in body.split(","))
    return (head + word, Group("names", items, "", ",", False, always, ORDERS), rest)


def _imported_name(name: str) -> Node:
    lead = name[: len(name) - len(name.lstrip())]
    return Node(name.strip(), lead, name.strip())
