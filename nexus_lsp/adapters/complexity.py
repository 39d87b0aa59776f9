"""Cyclomatic complexity by radon: what is counted is parsed, never imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, cast

from nexus_lsp.core.integrity.cases import parse
from nexus_lsp.core.quality import Complexity, Worst


def functions(tree: ast.Module) -> tuple[tuple[int, str, int], ...]:
    """(complexity, name, 1-based line) of every function and method."""
    from radon.visitors import ComplexityVisitor  # pyright: ignore[reportMissingTypeStubs] - slow to import, and only needed here

    try:
        visitor = cast("Any", ComplexityVisitor).from_ast(tree)
    except (RecursionError, AttributeError):  # radon does not know every new kind of statement
        return ()
    methods = [method for kind in visitor.classes for method in kind.methods]
    return tuple((f.complexity, f.fullname, f.lineno) for f in [*visitor.functions, *methods])


def complexity(texts: Mapping[str, str]) -> Complexity:
    """The sum and the worst of these files, texts by path; one that cannot be parsed has no functions."""
    found: list[Worst] = []
    for path, text in texts.items():
        tree = parse(text)
        for figure, name, line in functions(tree) if tree is not None else ():
            found.append(Worst(name, path, line - 1, figure))
    worst = max(found, key=lambda each: each.figure, default=None)
    return Complexity(sum(each.figure for each in found), len(found), worst)
