"""Arguments to try a function with: what its documentation and tests show, then what Hypothesis draws.

Drawn in this process from annotations as syntax; nothing of the workspace is imported for it. Only types
whose values can be written down as literals are drawn.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, settings
from hypothesis import strategies as st

from nexus_lsp.adapters.local.functions import Function, Parameter

Arguments = tuple[object, ...]
"""A value for each parameter, in order."""

Strategy = st.SearchStrategy[object]

_PLAIN_LETTERS = "abcdefgxyzABCXYZ0189 _-.,:!/éß"
_MAX_POOL = 60
_PHRASE = re.compile(r"[\w .,:!/'%+-]+")
"""What can be meant as text; patterns and formats make poor examples."""

_MISSING = object()


def arguments(function: Function, constants: Sequence[object], count: int) -> list[Arguments]:
    """Up to `count` argument lists, without repetition; the shown ones first. [] where types are unknown."""
    shown = list(_shown(function))
    strategies = [
        _of_parameter(parameter, [values[at] for values in shown], constants)
        for at, parameter in enumerate(function.parameters)
    ]
    known = [strategy for strategy in strategies if strategy is not None]
    drawn = _draw(st.tuples(*known), count) if len(known) == len(strategies) else []
    unique = {repr(values): values for values in [*shown, *drawn]}
    return list(unique.values())[:count]


def pool(tree: ast.Module) -> Sequence[object]:
    """Short texts and numbers that stand in a module: inputs that its branches are about."""
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    values = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings and _useful(node.value)
    ]
    return list({repr(value): value for value in values}.values())[:_MAX_POOL]


def _useful(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 12 and _PHRASE.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**6


def _shown(function: Function) -> Iterator[Arguments]:
    names = [parameter.name for parameter in function.parameters]
    for positional, named in function.calls:
        if len(positional) > len(names) or not set(named) <= set(names):
            continue
        given_values = dict(zip(names, positional, strict=False)) | named
        values = [given_values.get(p.name, _literal(p.default)) for p in function.parameters]
        if _MISSING not in values:
            yield tuple(values)


def _literal(node: ast.expr | None) -> object:
    try:
        return _MISSING if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return _MISSING


def _of_parameter(
    parameter: Parameter, shown: Sequence[object], constants: Sequence[object]
) -> Strategy | None:
    """What to draw for one parameter: its annotation, else the types of its default and its examples."""
    known = [value for value in (_literal(parameter.default), *shown) if value is not _MISSING]
    if parameter.annotation is not None:
        typed = from_annotation(parameter.annotation, constants)
    else:
        typed = _either([ast.Name(kind) for kind in _kinds(known)], constants)
    if typed is None:
        return st.sampled_from(known) if known else None
    return st.one_of(st.sampled_from(known), typed) if known else typed


def _kinds(values: Sequence[object]) -> list[str]:
    return list(dict.fromkeys(type(value).__name__ for value in values if value is not None))


def from_annotation(node: ast.expr, constants: Sequence[object] = ()) -> Strategy | None:
    """The strategy for an annotation, None for a type whose values cannot be written down."""
    match node:
        case ast.Constant(value=None):
            return st.none()
        case ast.Constant(value=str(text)):
            return _from_text(text, constants)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([left, right], constants)
        case ast.Subscript(value=base, slice=inner):
            arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _generic(_last_name(base), arguments, constants)
        case ast.Name() | ast.Attribute():
            name = _last_name(node)
            return _simple(name, constants) if name in _SIMPLE else _generic(name, [], constants)
        case _:
            return None


def _from_text(text: str, constants: Sequence[object]) -> Strategy | None:
    try:
        return from_annotation(ast.parse(text, mode="eval").body, constants)
    except SyntaxError:
        return None


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


_SIMPLE = frozenset({"str", "Text", "int", "float", "bool", "bytes", "None", "NoneType"})


def _simple(name: str, constants: Sequence[object]) -> Strategy | None:
    match name:
        case "str" | "Text":
            return _texts([value for value in constants if isinstance(value, str)])
        case "int":
            numbers = [value for value in constants if isinstance(value, int)]
            return st.one_of(st.integers(-1000, 1000), st.integers(-3, 20), *_sampled(numbers))
        case "float":
            return st.integers(-4000, 4000).map(lambda number: number / 8)
        case "bool":
            return st.booleans()
        case "bytes":
            return st.binary(max_size=6)
        case "None" | "NoneType":
            return st.none()
        case _:
            return None


def _sampled(values: Sequence[object]) -> list[Strategy]:
    return [st.sampled_from(values)] if values else []


def _texts(constants: Sequence[str]) -> Strategy:
    """Texts a person could have typed: words, joined words in several cases, a few odd letters."""
    word = st.sampled_from([*constants, "alpha", "beta", "gamma", "x", "item42"])
    shape = st.tuples(
        st.lists(word, max_size=3), st.sampled_from(" _-./"), st.sampled_from(("", "title", "upper"))
    )
    return st.one_of(shape.map(_phrase), st.text(_PLAIN_LETTERS, max_size=10))


def _phrase(shape: tuple[list[str], str, str]) -> str:
    words, by, case = shape
    text = by.join(words)
    return text.title() if case == "title" else text.upper() if case == "upper" else text


def _generic(name: str, inner: Sequence[ast.expr], constants: Sequence[object]) -> Strategy | None:
    if name in ("Optional", "Union"):
        return _either([*inner, *([ast.Constant(None)] if name == "Optional" else [])], constants)
    if name == "Literal":
        values = [value for value in map(_literal, inner) if value is not _MISSING]
        return st.sampled_from(values) if values else None
    if name in ("tuple", "Tuple") and inner and not _ellipsis(inner[-1]):
        return _joined([from_annotation(node, constants) for node in inner])
    elements = [from_annotation(node, constants) for node in inner if not _ellipsis(node)] or [
        st.integers(-9, 99)
    ]
    known = [element for element in elements if element is not None]
    return _collection(name, known) if len(known) == len(elements) else None


def _collection(name: str, elements: Sequence[Strategy]) -> Strategy | None:
    first, last = elements[0], elements[-1]
    match name:
        case "list" | "List" | "Sequence" | "Iterable" | "Collection" | "MutableSequence":
            return st.lists(first, max_size=5)
        case "tuple" | "Tuple":
            return st.lists(first, max_size=4).map(tuple)
        case "set" | "Set" | "AbstractSet":
            return st.lists(first, max_size=4).map(_hashable(set))
        case "dict" | "Dict" | "Mapping" | "MutableMapping" if len(elements) == 2:
            return st.lists(st.tuples(first, last), max_size=3).map(_hashable(dict))
        case _:
            return None


def _hashable(kind: Callable[..., object]) -> Callable[[object], object]:
    """The collection, or an empty one where elements cannot be hashed."""

    def build(values: object) -> object:
        try:
            return kind(values)
        except TypeError:
            return kind()

    return build


def _ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _joined(parts: Sequence[Strategy | None]) -> Strategy | None:
    known = [part for part in parts if part is not None]
    return st.tuples(*known) if len(known) == len(parts) else None


def _either(nodes: Sequence[ast.expr], constants: Sequence[object]) -> Strategy | None:
    """Of a union, those members that can be written down."""
    parts = [part for part in (from_annotation(node, constants) for node in nodes) if part is not None]
    return st.one_of(*parts) if parts else None


def _draw(strategy: st.SearchStrategy[Arguments], count: int) -> list[Arguments]:
    """The same values at every call: derandomised, and without Hypothesis' own database."""
    _keep_out_of_the_working_directory()
    drawn: list[Arguments] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(strategy)
    def collect(values: Arguments) -> None:
        drawn.append(values)

    collect()
    return sorted(drawn, key=lambda values: len(repr(values)))


def _keep_out_of_the_working_directory() -> None:
    """Hypothesis stores tables of letters below the working directory unless told otherwise."""
    configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "nexus-hypothesis")
