"""The text of a generated test file. Regression tests need pytest only; property tests need Hypothesis."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus_lsp.adapters.local.functions import Function
from nexus_lsp.adapters.local.mutants import Mutant, described

WIDTH = 88


@dataclass(frozen=True, slots=True)
class Case:
    """One call and what came of it.

    Attributes:
        arguments: a literal for each parameter.
        value: the result as a literal, or None where it raised.
        raises: the exception's name, where it did.
        arcs: (line before, line) pairs that the call executed in the module.
    """

    function: str
    arguments: tuple[str, ...]
    value: str | None
    raises: str = ""
    arcs: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Property:
    """A ghostwritten test: its name, its source with decorators, the imports of the file it came from."""

    name: str
    source: str
    imports: tuple[str, ...]


Key = tuple[str, int]
"""A test function's name and the number of its parameter set (0 where it has none)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What goes into a file: cases by test function's name, and properties."""

    module: str
    functions: Mapping[str, Function]
    cases: Mapping[str, tuple[Case, ...]]
    properties: tuple[Property, ...] = ()

    def only(self, keys: set[Key]) -> Draft:
        """The draft without what is not in `keys`."""
        kept = {
            name: tuple(case for at, case in enumerate(cases) if (name, at) in keys)
            for name, cases in self.cases.items()
        }
        properties = tuple(p for p in self.properties if (p.name, 0) in keys)
        return Draft(self.module, self.functions, {n: c for n, c in kept.items() if c}, properties)

    @property
    def size(self) -> tuple[int, int]:
        """(test functions, cases)."""
        return len(self.cases) + len(self.properties), sum(map(len, self.cases.values())) + len(
            self.properties
        )


def name_of_test(function: str, raises: str) -> str:
    """`test_camelize`, and `test_ordinal_raises_valueerror` for calls that are refused."""
    return f"test_{function}_raises_{raises.lower()}" if raises else f"test_{function}"


def render(draft: Draft, kills: Mapping[str, Sequence[Mutant]], how: str) -> str:
    """The file's text; `kills` are the mutants by test function, `how` is said in the docstring."""
    blocks = [_docstring(draft, how), *_imports(draft)]
    for name, cases in draft.cases.items():
        blocks.append(_regression(name, cases, draft.functions[cases[0].function], kills.get(name, ())))
    for proposed in draft.properties:
        blocks.append(_with_docstring(proposed.source, _kills(kills.get(proposed.name, ()))))
    return "\n\n".join(blocks) + "\n"


def _docstring(draft: Draft, how: str) -> str:
    first = f"What `{draft.module}` does today, pinned by NEXUS' local team."
    return '"""' + first + "\n\n" + _filled(how) + '\n"""'


def _filled(text: str, indent: str = "") -> str:
    width = WIDTH - len(indent)
    return textwrap.indent(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False), indent)


def _imports(draft: Draft) -> list[str]:
    every = [case for cases in draft.cases.values() for case in cases]
    raised = {case.raises for case in every if case.raises and not hasattr(builtins, case.raises)}
    used = sorted({case.function for case in every} | raised)
    lines = dict.fromkeys(line for proposed in draft.properties for line in proposed.imports)
    if draft.cases:
        lines["import pytest"] = None
    if used:
        lines[f"from {draft.module} import {', '.join(used)}"] = None
    return ["\n".join(lines)]


def _kills(found: Sequence[Mutant]) -> str:
    noun = "mutant" if len(found) == 1 else "mutants"
    return f"Fails on {len(found)} {noun}: {described(found)}."


def _regression(name: str, cases: Sequence[Case], function: Function, killed: Sequence[Mutant]) -> str:
    names = [parameter.name for parameter in function.parameters]
    refused = cases[0].raises
    rows = [(*case.arguments, *(() if refused else (case.value or "None",))) for case in cases]
    header = [*names, *(() if refused else ("expected",))]
    single = len(header) == 1
    listed = "".join(f"        {row[0] if single else '(' + ', '.join(row) + ')'},\n" for row in rows)
    titles = repr(header[0]) if single else "(" + ", ".join(map(repr, header)) + ")"
    passed = ", ".join(f"{p.name}={p.name}" if p.keyword_only else p.name for p in function.parameters)
    call = f"{function.name}({passed})"
    body = f"    assert {call} == expected"
    if refused:
        body = f"    with pytest.raises({refused}):\n        {call}"
    doc = _filled(f'"""{_escaped(_kills(killed))}"""', "    ")
    return (
        f"\n@pytest.mark.parametrize(\n    {titles},\n    [\n{listed}    ],\n)\n"
        f"def {name}({', '.join(header)}):\n{doc}\n{body}"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")


def _with_docstring(source: str, text: str) -> str:
    node = ast.parse(source).body[0]
    if isinstance(node, ast.FunctionDef):
        node.body.insert(0, ast.Expr(ast.Constant(text)))
    return "\n" + ast.unparse(ast.fix_missing_locations(node))


def properties_of(source: str) -> tuple[Property, ...]:
    """The property tests in a ghostwritten file, made repeatable; unfinished ones are left out."""
    tree = ast.parse(source)
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    needed = dict.fromkeys([*imports, "from hypothesis import settings"])
    found: list[Property] = []
    for node in tree.body:
        unfinished = "nothing()" in ast.unparse(node)
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_") or unfinished:
            continue
        node.decorator_list.insert(0, _SETTINGS)
        found.append(Property(node.name, ast.unparse(node), tuple(needed)))
    return tuple(found)


_SETTINGS = ast.parse(
    "settings(derandomize=True, deadline=None, database=None, max_examples=50)", mode="eval"
).body
