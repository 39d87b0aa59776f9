"""What keeps a test from running, or its failure from counting: marks, calls, early returns, renamings."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.core.integrity.bindings import assigned, imports
from nexus_lsp.core.integrity.cases import Case, dotted, flat, text_of
from nexus_lsp.core.integrity.empty import truth_of

_MARKS = frozenset({"skip", "skipif", "xfail", "skipIf", "skipUnless", "expectedFailure"})
_CALLS = frozenset({"skip", "xfail", "importorskip", "skipTest", "SkipTest"})
_IGNORING = ("collect_ignore", "collect_ignore_glob")


@dataclass(frozen=True, slots=True)
class Skip:
    """One reason not to run.

    Attributes:
        scope: the test's or class's name, or "" for the whole module.
        what: how it is written, with its condition and without its reason.
        always: whether it depends on nothing.
        line: 0-based.
    """

    scope: str
    what: str
    always: bool
    line: int


def skips(tree: ast.Module, cases: Mapping[str, Case]) -> tuple[Skip, ...]:
    """Everything in a test file that leaves tests out."""
    own = {name for name, module in imports(tree).items() if module in ("pytest", "unittest")}
    values = {name: value for node in flat(tree.body) for name, value in assigned(node)}
    return tuple(_Reading(own | {"self", "cls"}, values).module(tree, cases))


def added(old: Sequence[Skip], new: Sequence[Skip], known: Collection[str]) -> Iterator[Skip]:
    """The skips of `new` that leave out more than `old` did.

    `known` holds the scopes that were there before; for a test that is new only a skip without a condition
    counts, since a condition (a platform, a package) may well be meant.
    """
    by_scope: dict[str, tuple[list[Skip], list[Skip]]] = {skip.scope: ([], []) for skip in new}
    for at, found in enumerate((old, new)):
        for skip in found:
            if skip.scope in by_scope:
                by_scope[skip.scope][at].append(skip)
    for scope, (before, now) in by_scope.items():
        if any(skip.always for skip in before):
            continue
        always = [skip for skip in now if skip.always]
        yield from always
        conditional = [skip for skip in now if not skip.always]
        if scope in known and len(conditional) > len(before):
            kept = {skip.what for skip in before}
            yield from (skip for skip in conditional if skip.what not in kept)


def lifted(found: Sequence[Skip], cases: Iterable[Case]) -> list[Skip]:
    """`found`, and for a class or module of which every test is left out alike, that it is left out."""
    scopes: dict[str, list[str]] = {}
    for case in cases:
        if case.collected:
            for scope in ("", *(owner.name for owner in case.owners)):
                scopes.setdefault(scope, []).append(case.name)
    by_test: dict[str, dict[str, Skip]] = {}
    for skip in found:
        by_test.setdefault(skip.scope, {})[skip.what] = skip
    common = [
        replace(skip, scope=scope)
        for scope, tests in scopes.items()
        for what, skip in by_test.get(tests[0], {}).items()
        if all(what in by_test.get(test, {}) for test in tests)
    ]
    return [*found, *common]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One file: what of pytest and unittest it imported under which name, and its module-level values."""

    own: Collection[str]
    values: Mapping[str, ast.expr]

    def module(self, tree: ast.Module, cases: Mapping[str, Case]) -> Iterator[Skip]:
        yield from self.names("", tree.body)
        yield from self.calls("", tree.body)
        for owner in dict.fromkeys(owner for case in cases.values() for owner in case.owners):
            yield from self.marks(owner.name, owner.decorator_list)
            yield from self.names(owner.name, owner.body)
        for case in cases.values():
            if case.collected:
                yield from self.marks(case.name, case.node.decorator_list)
                yield from self.calls(case.name, case.node.body)
                yield from _returns(case)

    def names(self, scope: str, body: Sequence[ast.stmt]) -> Iterator[Skip]:
        """`pytestmark`, `__test__` and `collect_ignore`."""
        for node in body:
            for name, value in assigned(node):
                if name == "pytestmark":
                    yield from self.marks(scope, _listed(value))
                elif (name == "__test__" and truth_of(value) is False) or name in _IGNORING:
                    yield Skip(scope, f"{name} = {text_of(value)}", True, node.lineno - 1)

    def marks(self, scope: str, nodes: Iterable[ast.expr]) -> Iterator[Skip]:
        for node in nodes:
            mark = self.values.get(node.id, node) if isinstance(node, ast.Name) else node
            name = dotted(mark).rpartition(".")[2]
            if name in _MARKS:
                conditions = _conditions(name, mark)
                always = all(truth_of(each) is (name != "skipUnless") for each in conditions)
                text = ", ".join(text_of(each) for each in conditions)
                what = f"@{dotted(mark)}" + (f"({text})" if text else "")
                yield Skip(scope, what, always, node.lineno - 1)
            elif name == "parametrize" and isinstance(mark, ast.Call):
                yield from self.rows(scope, mark)

    def rows(self, scope: str, mark: ast.Call) -> Iterator[Skip]:
        """`pytest.param(…, marks=pytest.mark.xfail)`: a row that does not count."""
        tables = [self.values.get(arg.id, arg) if isinstance(arg, ast.Name) else arg for arg in mark.args]
        for row in (part for table in tables for part in ast.walk(table)):
            if isinstance(row, ast.Call) and dotted(row).rpartition(".")[2] == "param":
                shown = ", ".join(text_of(value) for value in row.args)
                given = [word.value for word in row.keywords if word.arg == "marks"]
                for skip in self.marks(scope, [mark for value in given for mark in _listed(value)]):
                    yield Skip(f"{scope}[{shown}]", skip.what, skip.always, row.lineno - 1)

    def calls(self, scope: str, body: Sequence[ast.stmt]) -> Iterator[Skip]:
        """`pytest.skip()` and its like; one that stands straight in the body always happens."""
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            straight = isinstance(statement, ast.Expr | ast.Raise)
            for part in ast.walk(statement):
                if isinstance(part, ast.Call) and self.leaves(part):
                    name = dotted(part)
                    importing = name.endswith("importorskip")
                    what = f"{name}({text_of(part.args[0])})" if importing and part.args else f"{name}()"
                    yield Skip(scope, what, straight and not importing, part.lineno - 1)

    def leaves(self, call: ast.Call) -> bool:
        host, _, name = dotted(call).rpartition(".")
        return name in _CALLS and (host or name) in self.own


def _listed(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List | ast.Tuple) else [node]


def _conditions(name: str, mark: ast.expr) -> list[ast.expr]:
    if not isinstance(mark, ast.Call) or name in ("skip", "expectedFailure"):
        return []
    given = [word.value for word in mark.keywords if word.arg == "condition"]
    return given or mark.args[:1]


def _returns(case: Case) -> Iterator[Skip]:
    """A `return` that comes before something that may assert."""
    body = case.node.body
    for at, statement in enumerate(body):
        leaves = [statement, *(statement.body if isinstance(statement, ast.If) else ())]
        if not any(isinstance(each, ast.Return) for each in leaves):
            continue
        rest = (part for each in body[at + 1 :] for part in ast.walk(each))
        if not any(isinstance(part, ast.Assert | ast.Call) for part in rest):
            return
        if isinstance(statement, ast.Return):
            yield Skip(case.name, "an early return", True, statement.lineno - 1)
        elif isinstance(statement, ast.If):
            known = truth_of(statement.test)
            if known is not False:
                what = f"an early return if {text_of(statement.test)}"
                yield Skip(case.name, what, known is True, statement.lineno - 1)
