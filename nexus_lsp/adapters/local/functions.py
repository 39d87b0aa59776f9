"""Which functions of a module a test can be derived for, by reading its syntax tree.

A function qualifies when it is public, at the top level, plain (not async, no generator), takes values that
can be written down, and neither it nor a function of its module that it calls touches the outside world.
That is a filter, not a proof: what it lets through still runs only with trust and in the sandbox, twice.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

_IMPURE_MODULES = frozenset(
    {
        *("os", "sys", "subprocess", "socket", "shutil", "tempfile", "time", "random", "secrets", "uuid"),
        *("threading", "multiprocessing", "asyncio", "concurrent", "logging", "pathlib", "urllib", "http"),
        *("requests", "httpx", "aiohttp", "sqlite3", "ctypes", "signal", "getpass", "webbrowser", "locale"),
        *(
            "smtplib",
            "ftplib",
            "select",
            "pickle",
            "importlib",
            "io",
            "glob",
            "platform",
            "psutil",
            "gettext",
        ),
    }
)
_IMPURE_NAMES = frozenset(
    {
        *("open", "input", "print", "exec", "eval", "compile", "__import__", "exit", "quit", "breakpoint"),
        *("globals", "locals", "vars", "setattr", "delattr", "id", "hash", "now", "today", "utcnow"),
    }
)
_MUTATORS = frozenset(
    {
        *("append", "insert", "extend", "remove", "pop", "clear", "update", "setdefault", "add", "discard"),
        *("sort", "reverse", "popitem", "appendleft", "popleft", "write"),
    }
)
_RESERVED = frozenset({"request", "expected"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its annotation and default as syntax, where it has them."""

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    keyword_only: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a test can be derived for.

    Attributes:
        calls: argument lists of doctest examples and of calls in tests that could be read as literals; by
            position, then by name.
        raises: names of the exceptions that its own body raises.
    """

    name: str
    line: int
    parameters: tuple[Parameter, ...]
    calls: tuple[tuple[tuple[object, ...], dict[str, object]], ...]
    raises: tuple[str, ...]


class Module:
    """A parsed module, and the answers about its functions."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def imports(self) -> dict[str, str]:
        """The name an import binds → the top-level module it comes from."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {(a.asname or a.name).split(".")[0]: a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                top = "" if node.level else (node.module or "").split(".")[0]
                found |= {a.asname or a.name: top for a in node.names}
        return found

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names that the module's own statements bind to values."""
        targets = (
            target
            for node in self.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        )
        return frozenset(t.id for target in targets for t in ast.walk(target) if isinstance(t, ast.Name))

    def pure(self, name: str, seen: Collection[str] = ()) -> bool:
        """Whether neither the function nor what it calls in this module looks like having effects."""
        if name in seen:
            return True
        node = self.functions[name]
        if any(self._impure(part) for part in ast.walk(node)):
            return False
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & set(self.functions)
        return all(self.pure(other, {*seen, name}) for other in used)

    def _impure(self, node: ast.AST) -> bool:
        match node:
            case ast.Global() | ast.Nonlocal() | ast.Yield() | ast.YieldFrom() | ast.Await():
                return True
            case ast.Name(id=name, ctx=ast.Load()):
                return name in _IMPURE_NAMES or self.imports.get(name) in _IMPURE_MODULES
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attr)) if attr in _MUTATORS:
                return owner in self.globals
            case ast.Attribute(attr=attr, ctx=ast.Load()):
                return attr in ("now", "today", "utcnow", "read_text", "write_text", "system")
            case (
                ast.Attribute(value=ast.Name(id=owner))
                | ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store() | ast.Del())
            ):
                return owner in self.globals
            case _:
                return False


def testable(tree: ast.Module, tests: Collection[ast.Module] = ()) -> list[Function]:
    """The functions of a module that qualify; `tests` are parsed test files to read example calls from."""
    module = Module(tree)
    found: list[Function] = []
    for name, node in module.functions.items():
        if name.startswith("_") or node.decorator_list or not _plain(node.args) or not module.pure(name):
            continue
        calls = tuple(_calls(name, node, tests))
        raised = (part.exc for part in ast.walk(node) if isinstance(part, ast.Raise) and part.exc)
        names = tuple(dict.fromkeys(_raised_name(exc) for exc in raised))
        found.append(Function(name, node.lineno, tuple(_parameters(node.args)), calls, names))
    return found


def _plain(args: ast.arguments) -> bool:
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return bool(named) and args.vararg is None and not any(arg.arg in _RESERVED for arg in named)


def _parameters(args: ast.arguments) -> Iterator[Parameter]:
    positional = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    for arg, default in zip(positional, defaults, strict=True):
        yield Parameter(arg.arg, arg.annotation, default, False)
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield Parameter(arg.arg, arg.annotation, default, True)


def _raised_name(exc: ast.expr) -> str:
    return ast.unparse(exc.func if isinstance(exc, ast.Call) else exc)


def _calls(
    name: str, node: ast.FunctionDef, tests: Collection[ast.Module]
) -> Iterator[tuple[tuple[object, ...], dict[str, object]]]:
    trees = [*_doctest_trees(ast.get_docstring(node) or ""), *tests]
    for tree in trees:
        for part in ast.walk(tree):
            if isinstance(part, ast.Call) and _called(part.func) == name:
                try:
                    positional = tuple(ast.literal_eval(arg) for arg in part.args)
                    named = {word.arg: ast.literal_eval(word.value) for word in part.keywords if word.arg}
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue
                if len(named) == len(part.keywords):
                    yield positional, named


def _called(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _doctest_trees(text: str) -> Iterator[ast.Module]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    for example in examples:
        try:
            yield ast.parse(example.source)
        except (SyntaxError, ValueError):
            continue
