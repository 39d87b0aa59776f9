"""What names stand for in a test: variables bound once, `parametrize` rows, loops over literals."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from nexus_lsp.core.integrity.cases import Case, FunctionNode, dotted, flat, text_of
from nexus_lsp.core.integrity.forms import is_literal

MAX_ROWS = 400
"""Rows of a `parametrize`, or turns of a loop, that are written out."""

MAX_INLINED = 300
"""Characters of an expression that still takes a variable's place."""

Names = Mapping[str, ast.expr]
Row = dict[str, ast.expr]


def arguments(node: FunctionNode) -> list[ast.arg]:
    """Its parameters, in order."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of a plain assignment to one name."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case _:
            return


def bound_once(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that exactly one place of these statements binds."""
    counts = Counter(
        part.id
        for statement in body
        for part in ast.walk(statement)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    )
    return frozenset(name for name, count in counts.items() if count == 1)


def literals(tree: ast.Module) -> Row:
    """Module-level names that are bound once, to something written out."""
    once = bound_once(tree.body)
    values = {name: value for node in flat(tree.body) for name, value in assigned(node)}
    return {name: value for name, value in values.items() if name in once and is_literal(value)}


def short(names: Names) -> Row:
    """Those whose value is short enough to stand in an assertion."""
    return {name: value for name, value in names.items() if len(text_of(value)) <= MAX_INLINED}


def imports(tree: ast.Module) -> dict[str, str]:
    """The module each imported name comes from; a relative one begins with a dot."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.asname or alias.name.partition(".")[0]): alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(alias.asname or alias.name): module for alias in node.names}
    return found


# --- rows --------------------------------------------------------------------------------------------


def parametrized(case: Case, known: Names) -> list[Row]:
    """One row of values by name for every case of a `parametrize`; one empty row where that is not known."""
    tables: list[list[Row]] = []
    for mark in (*case.node.decorator_list, *(m for owner in case.owners for m in owner.decorator_list)):
        if isinstance(mark, ast.Call) and dotted(mark).endswith("parametrize"):
            tables.append(_table(mark, known))
    size = 1
    for table in tables:
        size *= max(len(table), 1)
    if size > MAX_ROWS or not all(tables):
        return [{}]
    return [{name: value for row in rows for name, value in row.items()} for rows in product(*tables)]


def turns(node: ast.For | ast.AsyncFor, known: Names) -> list[Row]:
    """One row for every turn of a loop over something written out; else one empty row."""
    rows = _elements(node.iter, known)
    names = _target(node.target)
    found = [_row(names, row) for row in rows or ()]
    return [row for row in found if row is not None] if found and None not in found else [{}]


def _table(mark: ast.Call, known: Names) -> list[Row]:
    words = {word.arg: word.value for word in mark.keywords}
    given = [*mark.args, *(words[name] for name in ("argnames", "argvalues") if name in words)]
    if len(given) < 2:
        return []
    names, rows = _argnames(given[0]), _elements(given[1], known)
    found = [_row(names, _values(row)) for row in rows or ()]
    return [] if None in found else [row for row in found if row is not None]


def _argnames(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [name.strip() for name in text.split(",") if name.strip()]
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [str(part.value) for part in elements if isinstance(part, ast.Constant)]
        case _:
            return []


def _values(node: ast.expr) -> ast.expr:
    """`pytest.param(1, 2, id="a")` stands for (1, 2)."""
    if isinstance(node, ast.Call) and dotted(node).rpartition(".")[2] == "param":
        return node.args[0] if len(node.args) == 1 else ast.Tuple(node.args, ast.Load())
    return node


def _elements(node: ast.expr, known: Names) -> Sequence[ast.expr] | None:
    if isinstance(node, ast.Name):
        node = known.get(node.id, node)
    if not isinstance(node, ast.Tuple | ast.List | ast.Set) or len(node.elts) > MAX_ROWS:
        return None
    return None if any(isinstance(part, ast.Starred) for part in node.elts) else node.elts


def _target(node: ast.expr) -> list[str]:
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [part.id for part in elements if isinstance(part, ast.Name)]
        case _:
            return []


def _row(names: Sequence[str], value: ast.expr) -> Row | None:
    if len(names) == 1:
        return short({names[0]: value})
    if not isinstance(value, ast.Tuple | ast.List) or len(value.elts) != len(names) or not names:
        return None
    return short(dict(zip(names, value.elts, strict=True)))
