"""Which functions of a Python test file pytest collects, and which it passes over.

By pytest's own defaults: `test*` functions, those of `Test*` classes without a constructor, and those of
classes that derive from a `TestCase` (any base whose name says so). Other names that a workspace may have
configured are not known here.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|tests)\.py$")


@dataclass(frozen=True)
class Case:
    """A function of a test file.

    Attributes:
        name: `test_a`, or `TestB.test_a`, as in pytest's ids but for the dot.
        owners: the classes it stands in, outermost first.
        collected: whether pytest runs it as a test.
    """

    name: str
    node: FunctionNode
    owners: tuple[ast.ClassDef, ...]
    collected: bool

    @cached_property
    def body(self) -> str:
        """The same for functions that do the same, whatever their name, decorators and layout."""
        return _body(self.node)

    @property
    def line(self) -> int:
        """0-based line of its `def`."""
        return self.node.lineno - 1


def is_test_module(path: str) -> bool:
    """Whether pytest looks for tests in a file of this name."""
    return bool(_FILE.search(path))


def parse(source: str) -> ast.Module | None:
    """The syntax tree, or None where it is not Python that this interpreter knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def cases(tree: ast.Module) -> dict[str, Case]:
    """Every function of the module and of its classes by name; of two with one name the later counts."""
    return {case.name: case for case in _cases(tree.body, (), collects=True)}


def _cases(body: Sequence[ast.stmt], owners: tuple[ast.ClassDef, ...], collects: bool) -> Iterator[Case]:
    for node in flat(body):
        if isinstance(node, FunctionNode):
            name = ".".join([*(owner.name for owner in owners), node.name])
            collected = collects and node.name.startswith("test") and not _is_fixture(node)
            yield Case(name, node, owners, collected)
        elif isinstance(node, ast.ClassDef):
            yield from _cases(node.body, (*owners, node), collects and _collects(node))


def flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module or class, those under `if`, `try` and `with` among them."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from flat(node.body)
        if isinstance(node, ast.If | ast.Try):
            yield from flat(node.orelse)
        if isinstance(node, ast.Try):
            yield from flat([statement for handler in node.handlers for statement in handler.body])


def dotted(node: ast.AST) -> str:
    """`pytest.mark.skip` for such a chain of names, called or not; "" for anything else."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def text_of(node: ast.AST) -> str:
    """The code without its layout; a dump of the tree where it cannot be written back (some f-strings)."""
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):
        return ast.dump(node)


def _collects(node: ast.ClassDef) -> bool:
    bases = [dotted(base).rpartition(".")[2] for base in node.bases]
    if any("Test" in base or base.endswith("Case") for base in bases):
        return True
    built = any(isinstance(each, FunctionNode) and each.name in ("__init__", "__new__") for each in node.body)
    return node.name.startswith("Test") and not built


def _is_fixture(node: FunctionNode) -> bool:
    return any(dotted(decorator).rpartition(".")[2] == "fixture" for decorator in node.decorator_list)


def _body(node: FunctionNode) -> str:
    """Its statements without the docstring, and its parameters; `self` is none that a function lacks."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    statements = node.body[1:] if documented else node.body
    parameters = re.sub(r"^(self|cls)(, |$)", "", text_of(node.args))
    return "\n".join([parameters, *(text_of(statement) for statement in statements)])
