"""Mutants: small changes to a module of which a good test should notice some.

An own mutator of two pages instead of mutmut or cosmic-ray: those mutate a whole project, keep caches and
configuration in it and start one test run a mutant; here only executed lines of a few functions count, and
the mutants run as forks of one sandboxed process (`in_sandbox.py`) in a tenth of the time.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module: `what` says the change, `line` is 1-based, `source` is the whole module."""

    id: int
    function: str
    line: int
    what: str
    source: str


_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE},
    **{ast.LtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult},
}

_LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Step = tuple[ast.AST, str, Callable[[], Callable[[], None]]]
"""A node, what is changed, and a function that does it and returns how to undo it."""


def mutants(source: str, functions: Collection[str], lines: Collection[int], limit: int) -> list[Mutant]:
    """Up to `limit` mutants of these top-level functions on these lines, shared out among the functions."""
    tree = ast.parse(source)
    wanted = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in functions]
    steps = [[(node.name, step) for step in _steps(node, lines)] for node in wanted]
    turns = chain.from_iterable(zip_longest(*steps))
    chosen = [turn for turn in turns if turn is not None][:limit]
    return [_mutant(number, tree, name, step) for number, (name, step) in enumerate(chosen)]


def line_mutants(source: str, lines: Collection[int], limit: int) -> list[Mutant]:
    """Up to `limit` mutants on these lines of any function or method, shared out among them.

    What a test need not notice is left as it is: annotations, what is logged, the words of an error. A
    source that cannot be parsed has none.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    steps = [[(name, step) for step in _steps(node, lines, strict=True)] for name, node in _outermost(tree)]
    turns = chain.from_iterable(zip_longest(*steps))
    found: list[Mutant] = []
    for name, step in (turn for turn in turns if turn is not None):
        if len(found) >= limit:
            break
        with contextlib.suppress(ValueError, RecursionError):  # an f-string that cannot be written back
            found.append(_mutant(len(found), tree, name, step))
    return found


def _outermost(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, _Function]]:
    """(name, function) of the module and of its classes, but for those within functions."""
    for node in tree.body:
        if isinstance(node, _Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _outermost(node, f"{prefix}{node.name}.")


def _mutant(number: int, tree: ast.Module, function: str, step: _Step) -> Mutant:
    node, what, change = step
    undo = change()
    source = ast.unparse(ast.fix_missing_locations(tree))
    undo()
    return Mutant(number, function, getattr(node, "lineno", 0), what, source)


def _steps(function: _Function, lines: Collection[int], strict: bool = False) -> Iterator[_Step]:
    left_out = _not_behaviour(function) | (_words(function) if strict else set[ast.AST]())
    for statement in function.body:
        for node in ast.walk(statement):
            if node not in left_out and getattr(node, "lineno", 0) in lines:
                yield from _changes(node)


def _not_behaviour(function: _Function) -> set[ast.AST]:
    """Docstrings, and the parts of f-strings, which `ast.unparse` cannot always write back changed."""
    found: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.update(part for part in ast.walk(node) if isinstance(part, ast.Constant))
    return found


def _words(function: _Function) -> set[ast.AST]:
    """Annotations, and constants in errors, in messages of `assert` and in calls that log or print."""
    found: set[ast.AST] = set()
    for node in ast.walk(function):
        match node:
            case ast.Raise(exc=ast.expr() as spoken) | ast.Assert(msg=ast.expr() as spoken):
                found.update(part for part in ast.walk(spoken) if isinstance(part, ast.Constant))
            case ast.AnnAssign(annotation=annotation):
                found.update(ast.walk(annotation))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.update(part for each in _annotations(node) for part in ast.walk(each))
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) as spoken):
                if name in _LOGGING:
                    found.update(ast.walk(spoken))
            case _:
                pass
    return found


def _annotations(node: _Function) -> Iterator[ast.expr]:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    yield from (each.annotation for each in arguments if each.annotation is not None)
    if node.returns is not None:
        yield node.returns


def _changes(node: ast.AST) -> Iterator[_Step]:
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _COMPARISONS:
            other = _COMPARISONS[type(op)]()
            yield node, f"{_sign(op)} becomes {_sign(other)}", _set(node, "ops", [other, *node.ops[1:]])
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            swapped = _ARITHMETIC[type(op)]()
            yield node, f"{_sign(op)} becomes {_sign(swapped)}", _set(node, "op", swapped)
        case ast.BoolOp(op=op):
            swap = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield node, f"{_sign(op)} becomes {_sign(swap)}", _set(node, "op", swap)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield node, "negation removed", _replace_fields(node, operand)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield node, "condition negated", _set(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Return(value=ast.expr()):
            yield node, "returns None", _set(node, "value", ast.Constant(None))
        case ast.Constant(value=value):
            yield from _constant(node, value)
        case _:
            return


def _constant(node: ast.Constant, value: object) -> Iterator[_Step]:
    match value:
        case bool():
            yield node, f"{value} becomes {not value}", _set(node, "value", not value)
        case int() | float():
            yield node, f"{value!r} becomes {value + 1!r}", _set(node, "value", value + 1)
        case str():
            other = "" if value else "XX"
            yield node, f"{value!r:.30} becomes {other!r}", _set(node, "value", other)
        case _:
            return


def _set(node: ast.AST, name: str, value: object) -> Callable[[], Callable[[], None]]:
    def change() -> Callable[[], None]:
        old = getattr(node, name)
        setattr(node, name, value)
        return lambda: setattr(node, name, old)

    return change


def _replace_fields(node: ast.UnaryOp, operand: ast.expr) -> Callable[[], Callable[[], None]]:
    """`+x` stands for "without the sign"; `not x` becomes `not not x`."""
    if isinstance(node.op, ast.USub):
        return _set(node, "op", ast.UAdd())
    return _set(node, "operand", ast.UnaryOp(ast.Not(), operand))


_SIGNS: dict[type[ast.AST], str] = {
    **{ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Is: "is"},
    **{ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Add: "+", ast.Sub: "-", ast.Mult: "*"},
    **{ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.And: "and", ast.Or: "or"},
}


def _sign(op: ast.AST) -> str:
    return f"`{_SIGNS[type(op)]}`"


def described(found: Sequence[Mutant], limit: int = 3) -> str:
    """`line 12 (`==` becomes `!=`), line 14 (…) and 3 more`."""
    shown = ", ".join(f"line {mutant.line} ({mutant.what})" for mutant in found[:limit])
    return shown + (f" and {len(found) - limit} more" if len(found) > limit else "")
