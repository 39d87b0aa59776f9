"""The functions and classes of a text: where each stands, what it takes, what is called.

Python is read by its own parser. In other languages a block is what git's hunk headers name: it begins at a
line that starts with a letter, `_` or `$`, and holds the lines below it that do not.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nexus_lsp.core.hunks import Lines

Parameters = tuple[tuple[str, str, bool], ...]
"""(name, kind, whether it has a default) of each."""

LONGEST_NAME = 60
LONGEST_TEXT = 150_000
"""Characters; the parser lets nothing else run meanwhile, so a longer text is read by its indents."""

_HEAD = re.compile(r"[A-Za-z_$]")
_PYTHON = (".py", ".pyi")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or a class; lines are 0-based.

    Attributes:
        name: qualified (`Parser.parse`); in other languages the line that it begins with.
        line: where its name stands; `start` (decorators) and `end` (first line after it) bound it.
        parameters: of a Python function; None for all else.
    """

    name: str
    line: int
    start: int
    end: int
    is_function: bool
    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """What some lines call: `names` bare, `attributes` behind a dot; `known`: what the file imports."""

    names: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


def symbols_of(path: str, lines: Lines) -> tuple[Symbol, ...]:
    """The symbols of a text, from top to bottom; a method comes after its class."""
    found = python_symbols(path, lines)
    return tuple(_blocks(lines)) if found is None else found


def python_symbols(path: str, lines: Lines) -> tuple[Symbol, ...] | None:
    """Those of a Python text; None for another language, and where it cannot be parsed."""
    tree = _parsed(lines) if path.endswith(_PYTHON) else None
    return None if tree is None else tuple(_python(tree.body, ""))


def around(symbols: Sequence[Symbol], start: int, end: int) -> tuple[Symbol, ...]:
    """The functions that lines [start, end) are of, else the innermost class; an insertion is of what is on
    both sides of it."""
    hit = [s for s in symbols if _meets(s, start, end)]
    functions = tuple(s for s in hit if s.is_function)
    return functions or tuple(hit[-1:])


def called_in(path: str, lines: Lines, ranges: Iterable[tuple[int, int]]) -> Called:
    """What these lines of a Python text call; nothing where it cannot be parsed."""
    tree = _parsed(lines) if path.endswith(_PYTHON) else None
    if tree is None:
        return Called()
    wanted = {line for start, end in ranges for line in range(start, end)}
    names, attributes, known = set[str](), set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno - 1 in wanted:
            if isinstance(node.func, ast.Name):
                names.add(node.func.id)
            elif isinstance(node.func, ast.Attribute):
                attributes.add(node.func.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known |= {part for alias in node.names for part in alias.name.split(".")}
            known |= set((node.module or "").split(".")) if isinstance(node, ast.ImportFrom) else set()
    return Called(frozenset(names), frozenset(attributes), frozenset(known))


def _parsed(lines: Lines) -> ast.Module | None:
    if sum(map(len, lines)) > LONGEST_TEXT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an agent's `"\d"` is no business of ours
            return ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _python(body: Sequence[ast.stmt], above: str) -> Iterator[Symbol]:
    """What a function holds is a part of it, and no symbol of its own."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _symbol(node, above, _parameters(node.args))
        elif isinstance(node, ast.ClassDef):
            yield _symbol(node, above, None)
            yield from _python(node.body, f"{above}{node.name}.")
        else:
            for field in ("body", "orelse", "finalbody"):
                yield from _python(getattr(node, field, ()), above)


def _symbol(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, above: str, parameters: Parameters | None
) -> Symbol:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    end = node.end_lineno or node.lineno
    return Symbol(f"{above}{node.name}", node.lineno - 1, first - 1, end, parameters is not None, parameters)


def _parameters(args: ast.arguments) -> Parameters:
    placed = [*args.posonlyargs, *args.args]
    kinds = ["positional"] * len(args.posonlyargs) + ["any"] * len(args.args)
    required = len(placed) - len(args.defaults)
    found = [(a.arg, kind, at >= required) for at, (a, kind) in enumerate(zip(placed, kinds, strict=True))]
    found += [("", "*", True)] if args.vararg else []
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    found += [(a.arg, "keyword", default is not None) for a, default in pairs]
    found += [("", "**", True)] if args.kwarg else []
    return tuple(found)


def _blocks(lines: Lines) -> Iterator[Symbol]:
    heads = [at for at, line in enumerate(lines) if _HEAD.match(line)]
    for start, after in pairwise([*heads, len(lines)]):
        end = after
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        if end == start + 1:
            continue  # a statement, a line of prose
        name = " ".join(lines[start].split()).rstrip("{:").rstrip()
        short = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        yield Symbol(short, start, start, end, "(" in name)


def _meets(symbol: Symbol, start: int, end: int) -> bool:
    if start == end:
        return symbol.start < start < symbol.end
    return symbol.start < end and start < symbol.end
