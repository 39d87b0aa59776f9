"""What one assertion says, in a form in which two assertions can be compared.

`assert 4 == f(2)`, `self.assertEqual(f(2), 4)` and `assert f(2) == 4` have the same form. Expressions come
here with their local variables already replaced by what they stand for (`integrity.checks`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from nexus_lsp.core.integrity.cases import dotted, text_of

Kind = Literal[
    "exact", "close", "falsity", "member", "bound", "part", "type", "truth", "different", "raises", "call"
]
"""exact: `==`, `is`; close: within a tolerance; falsity: `not x`; member: `in`, `not in`; bound: `<` and its
like; part: `startswith` and its like; type: `isinstance`; truth: `x`; different: `!=`, `is not`; raises: the
block raises (or warns); call: a helper asserts something we cannot see."""

_PARTS = frozenset({"startswith", "endswith", "match", "search", "fullmatch", "issubset", "issuperset"})
_BOUNDS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CLOSE = {"approx": (1e-6, 1e-12), "isclose": (1e-9, 0.0), "allclose": (1e-5, 1e-8)}
"""Relative and absolute tolerance where none is given."""

_RELATIVE, _ABSOLUTE = ("rel", "rel_tol", "rtol"), ("abs", "abs_tol", "atol")


@dataclass(frozen=True)
class Form:
    """One assertion.

    Attributes:
        kind: how it looks at its subject.
        subject: what is looked at, as text without layout; for `raises` the block's statements.
        sign: the comparison (`==`, `in`, `<`, …) where there is one.
        expected: what it is compared with, as text; for `raises` the exceptions.
        literal: whether `expected` is written out, so that it does not come from the code under test.
        number: the tolerance of a `close` or the limit of a `bound`, where it is a number.
        match: for `raises` the pattern its message must match, "" for none.
        about: the subject's syntax.
    """

    kind: Kind
    subject: str
    sign: str = ""
    expected: str = ""
    literal: bool = False
    number: float | None = None
    match: str = ""
    about: tuple[ast.AST, ...] = field(default=(), compare=False, repr=False)

    @cached_property
    def parts(self) -> frozenset[str]:
        """The texts of the subject's sub-expressions, itself among them."""
        return frozenset(text_of(part) for part in self._walk() if isinstance(part, ast.expr))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names and attributes in the subject, those of Python itself left out."""
        found = {part.id for part in self._walk() if isinstance(part, ast.Name)}
        found |= {part.attr for part in self._walk() if isinstance(part, ast.Attribute)}
        return frozenset(found - _OWN)

    @cached_property
    def constants(self) -> frozenset[str]:
        """The constants in the subject."""
        return frozenset(repr(part.value) for part in self._walk() if isinstance(part, ast.Constant))

    @cached_property
    def sides(self) -> frozenset[str]:
        """The subject; of an equality both sides, but for a value that is written out."""
        both = self.kind == "exact" and not self.literal
        return frozenset((self.subject, self.expected) if both else (self.subject,))

    @cached_property
    def is_fixed(self) -> bool:
        """Whether nothing that it looks at is computed."""
        return self.kind not in ("raises", "call") and all(is_literal(node) for node in self.about)

    def _walk(self) -> Iterator[ast.AST]:
        return (part for node in self.about for part in ast.walk(node))

    @cached_property
    def text(self) -> str:
        """The assertion in one line; equal texts assert the same."""
        match self.kind:
            case "falsity":
                return f"not {self.subject}"
            case "raises":
                return f"raises({', '.join(filter(None, [self.expected, self.match]))}): {self.subject}"
            case "close":
                return f"{self.subject} == {self.expected} within {self.number}"
            case "part":
                return f"{self.subject}.{self.sign}({self.expected})"
            case "type":
                return f"{self.sign}({self.subject}, {self.expected})"
            case "member" if self.sign.startswith("holds "):
                return f"{self.expected} {self.sign.removeprefix('holds ')} {self.subject}"
            case _:
                return " ".join(filter(None, [self.subject, self.sign, self.expected]))


def form_of(node: ast.expr) -> Form:
    """The form of `assert node`."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(ops=[op]) as compared) if type(op) in _OPPOSITES:
            return form_of(ast.Compare(compared.left, [_OPPOSITES[type(op)]()], compared.comparators))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _about("falsity", operand)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _comparison(left, op, right)
        case ast.Call():
            return _predicate(node)
        case _:
            return _about("truth", node)


def is_literal(node: ast.AST) -> bool:
    """Whether it is written out: no name, no call."""
    return not any(isinstance(part, ast.Name | ast.Call | ast.Await) for part in ast.walk(node))


def raised(expected: str, body: Sequence[ast.stmt | ast.expr], match: ast.expr | None) -> Form:
    """The form of `with pytest.raises(expected, match=match): body`."""
    subject = "; ".join(text_of(each) for each in body)
    pattern = text_of(match) if match is not None else ""
    if pattern in ("''", "'.*'", "'.'"):
        pattern = ""
    return Form("raises", subject, "", expected, match=pattern, about=tuple(body))


def opaque(node: ast.expr) -> Form:
    """The form of a call that asserts something inside."""
    return _about("call", node)


def close(actual: ast.expr, expected: ast.expr, tolerance: float | None) -> Form:
    """The form of "`actual` equals `expected` within the tolerance"."""
    text = text_of(expected)
    return _about("close", actual, "==", text, literal=is_literal(expected), number=tolerance)


_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE},
    ast.LtE: ast.Gt,
}


def _about(
    kind: Kind,
    subject: ast.expr,
    sign: str = "",
    expected: str = "",
    *,
    literal: bool = False,
    number: float | None = None,
) -> Form:
    return Form(kind, text_of(subject), sign, expected, literal, number, about=(subject,))


_OWN = frozenset({
    "len", "str", "repr", "sorted", "list", "set", "tuple", "dict", "int", "float", "bool", "type", "sum",
    "isinstance", "hasattr", "all", "any", "self", "abs", "min", "max",
})  # fmt: skip
"""Names that many assertions have in common."""


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Form:
    match op:
        case ast.Eq() | ast.Is():
            return _equality(left, right, "==" if isinstance(op, ast.Eq) else "is")
        case ast.NotEq() | ast.IsNot():
            subject, expected = _turned(left, right)
            sign = "!=" if isinstance(op, ast.NotEq) else "is not"
            return _about("different", subject, sign, text_of(expected))
        case ast.In() | ast.NotIn():
            sign = "in" if isinstance(op, ast.In) else "not in"
            if is_literal(left) and not is_literal(right):
                return _about("member", right, f"holds {sign}", text_of(left))
            return _about("member", left, sign, text_of(right))
        case _:
            return _bound(left, _BOUNDS[type(op)], right)


def _equality(left: ast.expr, right: ast.expr, sign: str) -> Form:
    if tolerance := _tolerance(left):
        left, right = right, left
    if tolerance := tolerance or _tolerance(right):
        return close(left, tolerance[0], tolerance[1])
    subject, expected = _turned(left, right)
    return _about("exact", subject, sign, text_of(expected), literal=is_literal(expected))


def _turned(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr]:
    """(what is looked at, what is expected), whichever way round they are written."""
    weights = (_weight(left), text_of(left)), (_weight(right), text_of(right))
    return (left, right) if weights[0] >= weights[1] else (right, left)


def _weight(node: ast.expr) -> int:
    """How much it looks like what is under test: a literal, text with names in it, a name, a call."""
    if is_literal(node):
        return 0
    match node:
        case ast.JoinedStr() | ast.BinOp(left=ast.Constant()):
            return 1
        case ast.Call(func=ast.Attribute(value=ast.Constant())):  # "…".format(x)
            return 1
        case _:
            return 3 if any(isinstance(part, ast.Call) for part in ast.walk(node)) else 2


def _bound(left: ast.expr, sign: str, right: ast.expr) -> Form:
    if is_literal(left) and not is_literal(right):
        left, right, sign = right, left, _MIRRORED[sign]
    return _about("bound", left, sign, text_of(right), number=number_of(right))


def _predicate(node: ast.Call) -> Form:
    """`isinstance(x, T)`, `x.startswith("a")`, `re.match("a", x)`, `math.isclose(x, 2)`: x is looked at."""
    name = dotted(node.func).rpartition(".")[2]
    match name, node.args:
        case "isinstance" | "issubclass", [subject, wanted]:
            return _about("type", subject, name, text_of(wanted))
        case "hasattr" | "callable", [subject, *_]:
            return _about("different", subject, name)
        case (("isclose" | "allclose"), [actual, expected, *_]):
            return close(actual, expected, _effective(name, node, expected))
        case _ if name in _PARTS and isinstance(node.func, ast.Attribute) and node.args:
            pattern = dotted(node.func.value) in ("re", "regex") and len(node.args) > 1
            subject, wanted = (node.args[1], node.args[0]) if pattern else (node.func.value, node.args[0])
            return _about("part", subject, name, text_of(wanted))
        case _:
            return _about("truth", node)


def _tolerance(node: ast.expr) -> tuple[ast.expr, float | None] | None:
    """(what is expected, tolerance) of `pytest.approx(…)`."""
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "approx" and node.args:
        return node.args[0], _effective("approx", node, node.args[0])
    return None


def _effective(name: str, node: ast.Call, expected: ast.expr) -> float | None:
    """The tolerance as an absolute number (for an expected value of about 1 where that is unknown)."""
    relative, absolute = _CLOSE[name]
    given = {word.arg: number_of(word.value) for word in node.keywords}
    if any(word in given for word in _ABSOLUTE) and name == "approx":
        relative = 0.0  # as pytest does
    relative = next((given[word] for word in _RELATIVE if word in given), relative)
    absolute = next((given[word] for word in _ABSOLUTE if word in given), absolute)
    if relative is None or absolute is None:
        return None
    size = number_of(expected)
    return max(relative * (abs(size) if size is not None else 1.0), absolute)


def number_of(node: ast.expr) -> float | None:
    """The value of a number that is written out, or None."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = number_of(operand)
            return None if value is None else -value
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value) if abs(value) < 1e300 else None
        case _:
            return None


def conjuncts(node: ast.expr) -> Iterator[ast.expr]:
    """`a and b` asserts two things."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for value in node.values:
            yield from conjuncts(value)
    else:
        yield node
