"""Calls that assert: unittest's methods, numpy's, `pytest.raises` as a call, and helpers by their names."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nexus_lsp.core.integrity.cases import dotted, text_of
from nexus_lsp.core.integrity.forms import Form, close, form_of, number_of, opaque, raised

_EQUAL = frozenset({
    "assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertSetEqual", "assertTupleEqual",
    "assertCountEqual", "assertSequenceEqual", "assertMultiLineEqual",
    "assert_equal", "assert_array_equal", "assert_string_equal",
})  # fmt: skip
_ALMOST = {"assertAlmostEqual": 7, "assertAlmostEquals": 7, "assert_almost_equal": 7}
"""Decimal places where none are given."""

_COMPARED: dict[str, type[ast.cmpop]] = {
    **{"assertNotEqual": ast.NotEq, "assertIs": ast.Is, "assertIsNot": ast.IsNot, "assertIn": ast.In},
    **{"assertNotIn": ast.NotIn, "assertLess": ast.Lt, "assertLessEqual": ast.LtE},
    **{"assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE},
}
_RAISING = {
    **dict.fromkeys(("raises", "assertRaises", "warns", "assertWarns"), ""),
    **dict.fromkeys(("assertRaisesRegex", "assertWarnsRegex", "assertRaisesMessage"), "match"),
}
_NONE = ast.Constant(None)

_SURE = ("assert", "expect", "_assert", "approve")
_LIKELY = (
    *_SURE,
    "check",
    "verify",
    "ensure",
    "should",
    "validate",
    "compare",
    "snapshot",
    "must",
    "has_",
    "be_",
)


def call_form(call: ast.Call) -> Form | None:
    """What a call statement asserts, or None where it asserts nothing that its name tells."""
    name = dotted(call.func).rpartition(".")[2]
    return _equality(name, call) or _condition(name, call) or raising(call, None) or _named(name, call)


def raising(call: ast.expr, body: Sequence[ast.stmt] | None) -> Form | None:
    """`raises(…)` and its like around `body`; without one, as a call with a function to call."""
    if not isinstance(call, ast.Call):
        return None
    name = dotted(call.func).rpartition(".")[2]
    if name in ("deprecated_call", "assertLogs", "assertNoLogs", "RaisesGroup"):
        return raised(name, body, None) if body is not None else None
    if name not in _RAISING:
        return None
    match = next((word.value for word in call.keywords if word.arg == "match"), None)
    rest = call.args[1:]
    if _RAISING[name] and rest:
        match, rest = rest[0], rest[1:]
    if body is None and not rest:
        return None
    return raised(", ".join(_exceptions(call.args[:1])), body if body is not None else rest, match)


def likely_asserts(name: str) -> bool:
    """Whether a function of this name probably asserts something; for not accusing wrongly."""
    words = name.lower()
    return any(hint in words for hint in _LIKELY) or words in ("fail", "raises", "warns", "benchmark")


def _exceptions(nodes: Sequence[ast.expr]) -> list[str]:
    found = [
        dotted(part).rpartition(".")[2] or text_of(part)
        for node in nodes
        for part in (node.elts if isinstance(node, ast.Tuple) else [node])
    ]
    return sorted(found) or ["Exception"]


def _equality(name: str, call: ast.Call) -> Form | None:
    match call.args:
        case [actual, expected, *rest] if name in _EQUAL:
            return form_of(ast.Compare(actual, [ast.Eq()], [expected]))
        case [actual, expected, *rest] if name in _ALMOST:
            given = {word.arg: number_of(word.value) for word in call.keywords}
            places = given.get("places", given.get("decimal", number_of(rest[0]) if rest else _ALMOST[name]))
            tolerance = given.get("delta", None if places is None else 0.5 * 10.0**-places)
            return close(actual, expected, tolerance)
        case [actual, expected, *rest] if name == "assert_allclose":
            given = {word.arg: number_of(word.value) for word in call.keywords}
            relative = given.get("rtol", number_of(rest[0]) if rest else 1e-7)
            return close(actual, expected, _most(relative, given.get("atol", 0.0), number_of(expected)))
        case _:
            return None


def _most(relative: float | None, absolute: float | None, size: float | None) -> float | None:
    if relative is None or absolute is None:
        return None
    return max(relative * (abs(size) if size is not None else 1.0), absolute)


def _condition(name: str, call: ast.Call) -> Form | None:
    match name, call.args:
        case _, [left, right, *_] if name in _COMPARED:
            return form_of(ast.Compare(left, [_COMPARED[name]()], [right]))
        case "assertTrue" | "assert_", [value, *_]:
            return form_of(value)
        case "assertFalse", [value, *_]:
            return form_of(ast.UnaryOp(ast.Not(), value))
        case "assertIsNone", [value, *_]:
            return form_of(ast.Compare(value, [ast.Is()], [_NONE]))
        case "assertIsNotNone", [value, *_]:
            return form_of(ast.Compare(value, [ast.IsNot()], [_NONE]))
        case "assertIsInstance", [value, kind, *_]:
            return form_of(ast.Call(ast.Name("isinstance"), [value, kind], []))
        case "assertRegex", [text, pattern, *_]:
            search = ast.Attribute(ast.Name("re"), "search")
            return form_of(ast.Call(search, [pattern, text], []))
        case _:
            return None


def _named(name: str, call: ast.Call) -> Form | None:
    """A helper elsewhere: `assert_valid(x)`, `mock.assert_called_once()`, `expect(page)…`, `check(x)`."""
    bare = isinstance(call.func, ast.Name) and name.startswith(("check", "verify"))
    chained = any(
        isinstance(part, ast.Call) and dotted(part.func).rpartition(".")[2].startswith("expect")
        for part in ast.walk(call.func)
    )
    sure = name.lower().startswith(_SURE) or name == "fail" or bare or chained
    return opaque(call) if sure and name not in _RAISING else None
