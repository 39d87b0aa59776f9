"""Assertions that cannot fail, and conditions whose value is known without running anything."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from nexus_lsp.core.integrity.cases import dotted, text_of

ALWAYS = "is always true"
ITSELF = "compares an expression with itself"
SWALLOWED = "cannot fail, since its failure is caught"
CONSTANT = "looks at nothing that is computed"
UNREACHED = "is never reached"

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le},
    **{ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.eq, ast.IsNot: operator.ne},
}


def why_empty(node: ast.expr) -> str:
    """What is wrong with `assert node`, as the end of a sentence; "" where it can fail.

    `node` is the expression as it is written: `a == b` with two variables of the same value is no
    comparison with itself.
    """
    if truth_of(node) is True or _holds_for_all(node):
        return ALWAYS
    match node:
        case ast.Compare(
            left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE() as op], comparators=[right]
        ):
            same = text_of(left) == text_of(right)
            return ITSELF if same and not _made_anew(left, op) else ""
        case _:
            return ""


def truth_of(node: ast.expr) -> bool | None:
    """The value of a condition as a bool where it depends on nothing, else None."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            starred = any(isinstance(element, ast.Starred) for element in elements)
            return None if starred else bool(elements)
        case ast.Dict(keys=keys):
            return None if None in keys else bool(keys)
        case ast.JoinedStr(values=values):
            return True if any(isinstance(part, ast.Constant) for part in values) else None
        case ast.Lambda():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            value = truth_of(operand)
            return None if value is None else not value
        case ast.BoolOp(op=op, values=values):
            return _of_many(isinstance(op, ast.Or), [truth_of(value) for value in values])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(left, op, right)
        case _:
            return None


def _of_many(any_of: bool, values: list[bool | None]) -> bool | None:
    if any_of in values:
        return any_of
    return None if None in values else not any_of


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
    if type(op) not in _COMPARE:
        return None
    try:
        return bool(_COMPARE[type(op)](ast.literal_eval(left), ast.literal_eval(right)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _holds_for_all(node: ast.expr) -> bool:
    """`len(x) >= 0` and `isinstance(x, object)`."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len")), ops=[op], comparators=[ast.Constant(value=int() as limit)]
        ):
            return (isinstance(op, ast.GtE) and limit <= 0) or (isinstance(op, ast.Gt) and limit < 0)
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[ast.UnaryOp(op=ast.USub())]):
            return isinstance(left, ast.Call) and dotted(left.func) == "len"
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id="object")]):
            return True
        case _:
            return False


def _made_anew(node: ast.expr, op: ast.cmpop) -> bool:
    """Whether writing it twice is a test: `Money(1) == Money(1)`, `settings() is settings()`."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
    built = any(dotted(call.func).rpartition(".")[2][:1].isupper() for call in calls)
    return built or (isinstance(op, ast.Is) and bool(calls))
