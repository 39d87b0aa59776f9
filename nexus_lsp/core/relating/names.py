"""Which names a Python file binds and uses, on which lines; only as far as some lines are of interest.

Lines are 0-based. A scope is named by the definitions it stands in: "" is the module, "Cart.total" a method.
Scopes of one name (overloads, comprehensions) count as one, which makes a use less sure and never more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Literal

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
ScopeKind = Literal["module", "class", "function"]


@dataclass(slots=True)
class Scope:
    """One scope: name → the lines that bind it.

    Attributes:
        members: of a class: what its methods put on `self`, besides what its body binds.
        plain: of a class: no base and no decorator can bring further members.
    """

    kind: ScopeKind
    names: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    members: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is read; `chain` is the scopes it is looked up in, the innermost first."""

    line: int
    name: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`; `owner` is the class that `base` is the `self` of, or None."""

    line: int
    base: Use
    name: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a name with so many positional arguments and these keywords; stars are left out."""

    line: int
    function: Use
    positional: int
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that an import binds: `module` itself, or its `name`; `level` counts leading dots."""

    line: int
    scope: str
    bound: str
    module: str
    name: str | None
    level: int


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class: `start` to `end` (excluded), decorators too; `head` is where its body begins."""

    qual: str
    start: int
    line: int
    head: int
    end: int
    signature: str
    node: FunctionNode | ast.ClassDef = field(repr=False, compare=False)


@dataclass(slots=True)
class Names:
    """What `read_names` found."""

    scopes: dict[str, Scope] = field(default_factory=lambda: {"": Scope("module")})
    uses: list[Use] = field(default_factory=list[Use])
    members: list[Member] = field(default_factory=list[Member])
    calls: list[Call] = field(default_factory=list[Call])
    imports: list[Imported] = field(default_factory=list[Imported])
    definitions: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])

    def scope_of(self, use: Use) -> str | None:
        """The scope that binds a name, as Python looks it up: not in classes further out."""
        for at, qual in enumerate(use.chain):
            scope = self.scopes.get(qual)
            if scope and use.name in scope.names and (at == 0 or scope.kind != "class"):
                return qual
        return None

    def bound(self, qual: str, name: str) -> set[int]:
        """The lines that bind a name in a scope."""
        scope = self.scopes.get(qual)
        return scope.names.get(name, set()) if scope else set()


def read_names(tree: ast.Module, interest: Set[int]) -> Names:
    """The names of a module; of definitions and statements without a line of interest only what they bind."""
    reader = _Reader(interest)
    for statement in tree.body:
        reader.visit(statement)
    return reader.found


class _Reader(ast.NodeVisitor):
    def __init__(self, interest: Set[int]) -> None:
        self.found = Names()
        self._lines = sorted(interest)
        self._interest = interest
        self._chain: tuple[str, ...] = ("",)
        self._selves: list[tuple[str, str]] = []
        """(name of the first parameter, class) of the methods around, the innermost last."""
        self._globals: dict[str, set[str]] = {}

    # --- scopes --------------------------------------------------------------------------------------

    def _bind(self, name: str, line: int) -> None:
        qual = "" if name in self._globals.get(self._chain[0], ()) else self._chain[0]
        self.found.scopes[qual].names.setdefault(name, set()).add(line)

    def _enter(self, name: str, kind: ScopeKind) -> tuple[str, ...]:
        outer, top = self._chain, self._chain[0]
        qual = f"{top}.{name}" if top else name
        self.found.scopes.setdefault(qual, Scope(kind))
        self._chain = (qual, *outer)
        return outer

    def _concerns(self, node: ast.stmt) -> bool:
        """Whether a line of interest is in it."""
        from bisect import bisect_left

        start, end = start_of(node), node.end_lineno or node.lineno
        at = bisect_left(self._lines, start)
        return at < len(self._lines) and self._lines[at] < end

    # --- definitions ---------------------------------------------------------------------------------

    def _define(self, node: FunctionNode | ast.ClassDef) -> None:
        top = self._chain[0]
        qual = f"{top}.{node.name}" if top else node.name
        line, end = node.lineno - 1, node.end_lineno or node.lineno
        head = max(node.body[0].lineno - 1, line + 1)
        signature = _signature(node)
        made = Definition(qual, start_of(node), line, head, end, signature, node)
        self.found.definitions.setdefault(qual, []).append(made)
        self._bind(node.name, line)

    def _function(self, node: FunctionNode) -> None:
        self._define(node)
        in_class = self.found.scopes[self._chain[0]].kind == "class"
        if not (self._concerns(node) or in_class):
            return
        self._outside(node)
        owner = self._chain[0]
        outer = self._enter(node.name, "function")
        arguments = _arguments(node.args)
        for argument in arguments:
            self._bind(argument.arg, argument.lineno - 1)
        is_method = in_class and bool(arguments) and not _is_static(node)
        if is_method:
            self._selves.append((arguments[0].arg, owner))
        for statement in node.body:
            self.visit(statement)
        if is_method:
            self._selves.pop()
        self._chain = outer

    def _outside(self, node: FunctionNode) -> None:
        """What of a function is evaluated around it."""
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)
        for argument in _arguments(node.args):
            if argument.annotation:
                self.visit(argument.annotation)
        if node.returns:
            self.visit(node.returns)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._define(node)
        if not self._concerns(node):
            return
        for part in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
            self.visit(part)
        outer = self._enter(node.name, "class")
        scope = self.found.scopes[self._chain[0]]
        scope.plain = scope.plain and not (node.bases or node.keywords or node.decorator_list)
        for statement in node.body:
            self.visit(statement)
        self._chain = outer

    def visit_Lambda(self, node: ast.Lambda) -> None:
        outer = self._enter("<lambda>", "function")
        for argument in _arguments(node.args):
            self._bind(argument.arg, argument.lineno - 1)
        self.generic_visit(node)
        self._chain = outer

    def _comprehension(self, node: ast.AST) -> None:
        outer = self._enter("<comprehension>", "function")
        self.generic_visit(node)
        self._chain = outer

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # --- names ---------------------------------------------------------------------------------------

    def visit_Global(self, node: ast.Global) -> None:
        self._globals.setdefault(self._chain[0], set()).update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:  # whose it is does not matter: no use of it is sure
            self._bind(name, node.lineno - 1)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.lineno - 1 in self._interest:
                self.found.uses.append(self._use(node))
        else:
            self._bind(node.id, node.lineno - 1)

    def _use(self, node: ast.Name) -> Use:
        return Use(node.lineno - 1, node.id, self._chain)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        line = (node.end_lineno or node.lineno) - 1
        if isinstance(node.value, ast.Name):
            owner = next((c for name, c in reversed(self._selves) if name == node.value.id), None)
            if owner is not None and not isinstance(node.ctx, ast.Load):
                self.found.scopes[owner].members.setdefault(node.attr, set()).add(line)
            elif line in self._interest and isinstance(node.ctx, ast.Load):
                self.found.members.append(Member(line, self._use(node.value), node.attr, owner))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        starred = any(isinstance(a, ast.Starred) for a in node.args) or any(
            k.arg is None for k in node.keywords
        )
        lines = range(node.lineno - 1, node.end_lineno or node.lineno)
        if isinstance(node.func, ast.Name) and not starred and any(n in self._interest for n in lines):
            line = next(n for n in lines if n in self._interest)
            named = tuple(k.arg for k in node.keywords if k.arg)
            self.found.calls.append(Call(line, self._use(node.func), len(node.args), named))
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            line, bound = alias.lineno - 1, alias.asname or alias.name.split(".")[0]
            self._bind(bound, line)
            self.found.imports.append(Imported(line, self._chain[0], bound, alias.name, None, 0))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            line, bound = alias.lineno - 1, alias.asname or alias.name
            self._bind(bound, line)
            made = Imported(line, self._chain[0], bound, node.module or "", alias.name, node.level)
            self.found.imports.append(made)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name, node.lineno - 1)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._matched(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._matched(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._matched(node, node.rest)

    def _matched(self, node: ast.pattern, name: str | None) -> None:
        if name:
            self._bind(name, node.lineno - 1)
        self.generic_visit(node)


def start_of(node: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    decorators: Iterable[ast.expr] = getattr(node, "decorator_list", ())
    return min((d.lineno for d in decorators), default=node.lineno) - 1


def _arguments(given: ast.arguments) -> list[ast.arg]:
    several = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [argument for argument in several if argument is not None]


def _is_static(node: FunctionNode) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)


def _signature(node: FunctionNode | ast.ClassDef) -> str:
    """What a caller has to know: equal where a call means the same."""
    if isinstance(node, ast.ClassDef):
        return "class " + ", ".join(map(ast.dump, node.bases))
    told = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return told + ast.unparse(_bare(node.args))


def _bare(given: ast.arguments) -> ast.arguments:
    """The parameters without their annotations."""

    def bare(argument: ast.arg) -> ast.arg:
        return ast.arg(argument.arg)

    return ast.arguments(
        posonlyargs=[bare(a) for a in given.posonlyargs],
        args=[bare(a) for a in given.args],
        vararg=bare(given.vararg) if given.vararg else None,
        kwonlyargs=[bare(a) for a in given.kwonlyargs],
        kw_defaults=given.kw_defaults,
        kwarg=bare(given.kwarg) if given.kwarg else None,
        defaults=given.defaults,
    )


def accepts(node: FunctionNode, positional: int, keywords: Iterable[str]) -> bool:
    """Whether a function can be called so; a decorated one can be called in any way, as far as is known."""
    given, named = node.args, set(keywords)
    if node.decorator_list:
        return True
    places = [*given.posonlyargs, *given.args]
    if positional > len(places) and not given.vararg:
        return False
    by_name = {a.arg for a in (*given.args, *given.kwonlyargs)}
    if named - by_name and not given.kwarg:
        return False
    needed = {a.arg for a in places[positional : len(places) - len(given.defaults)]}
    needed |= {a.arg for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is None}
    return needed <= named


def innermost(definitions: Iterable[Definition], lines: int) -> list[str]:
    """For each line the function or class that it stands in, two levels deep at most ("Cart.total")."""
    found = [""] * lines
    for each in sorted(definitions, key=lambda d: d.qual.count(".")):
        if each.qual.count(".") <= 1:
            found[each.start : each.end] = [each.qual] * (min(each.end, lines) - each.start)
    return found


def statements(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """(first line, line after the last) of each statement of a module."""
    for node in tree.body:
        yield start_of(node), node.end_lineno or node.lineno
