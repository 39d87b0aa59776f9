"""What a test asserts, one check a time, written so that a refactoring does not change it.

Local variables that are bound once are replaced by what they stand for, `parametrize` rows and loops over
literals are written out, and helper functions of the same file are followed one level. So a test that was
renamed, reformatted, parametrised, split or moved to helpers still has the checks that it had.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

from nexus_lsp.core.integrity.bindings import (
    Names,
    arguments,
    assigned,
    bound_once,
    imports,
    literals,
    parametrized,
    short,
    turns,
)
from nexus_lsp.core.integrity.calls import call_form, likely_asserts, raising
from nexus_lsp.core.integrity.cases import Case, FunctionNode, cases, dotted, text_of
from nexus_lsp.core.integrity.empty import ALWAYS, SWALLOWED, UNREACHED, truth_of, why_empty
from nexus_lsp.core.integrity.forms import Form, conjuncts, form_of, opaque

Node = TypeVar("Node", bound=ast.AST)

MAX_CHECKS = 4_000


@dataclass(frozen=True)
class Check:
    """One thing that is asserted.

    Attributes:
        line: 0-based.
        empty: why it cannot fail, or "".
        plain: as it is written, with nothing but a row's and a call's values put in.
    """

    form: Form
    line: int
    empty: str = ""
    plain: str = ""

    @cached_property
    def key(self) -> str:
        """Equal for checks that assert the same and can fail alike."""
        return self.form.text + (" (cannot fail)" if self.empty else "")


@dataclass(frozen=True)
class ParsedTests:
    """A parsed test file: its functions by name, and module-level names bound once to a literal."""

    cases: Mapping[str, Case]
    literals: Names
    imports: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def of(tree: ast.Module) -> ParsedTests:
        """Read a module."""
        return ParsedTests(cases(tree), literals(tree), imports(tree))

    @cached_property
    def short_literals(self) -> Names:
        """The literals that may stand in an assertion."""
        return short(self.literals)


def is_written_out(case: Case, file: ParsedTests) -> bool:
    """Whether the rows of its `parametrize`, if it has any, are known and not too many."""
    marks = any(dotted(mark).endswith("parametrize") for mark in case.node.decorator_list)
    return not marks or parametrized(case, file.literals) != [{}]


def checks(case: Case, file: ParsedTests, rows: bool = True) -> tuple[Check, ...]:
    """What the function asserts, in its order, at most `MAX_CHECKS`; once for each row with `rows`."""
    found: list[Check] = []
    for row in parametrized(case, file.literals) if rows else [{}]:
        found += _Reading(file, case, {**file.short_literals, **row}, row).function(case.node)
        if len(found) > MAX_CHECKS:
            break
    return tuple(found[:MAX_CHECKS])


def may_assert(case: Case, file: ParsedTests) -> bool:
    """Whether a function without checks might assert through what cannot be seen into from here."""
    if any(dotted(mark).rpartition(".")[2] == "given" for mark in case.node.decorator_list):
        return True
    called = {dotted(part) for part in ast.walk(case.node) if isinstance(part, ast.Call)}
    fixtures = {argument.arg for argument in arguments(case.node)}
    if any(name in called and name not in file.cases for name in fixtures):
        return True  # a function that a fixture from elsewhere made
    own = ".".join(owner.name for owner in case.owners)
    methods = {f"{own}.{name.removeprefix('self.')}" for name in called if name.startswith("self.")}
    used = [file.cases[name] for name in called | fixtures | methods if name in file.cases]
    return any(_hints(each.node, file) for each in (case, *used))


def _hints(node: FunctionNode, file: ParsedTests) -> bool:
    """An assertion, or a call of something that asserts by its name or comes from the tests' own helpers."""
    for part in ast.walk(node):
        if isinstance(part, ast.Assert) and not why_empty(part.test):
            return True
        if isinstance(part, ast.Call | ast.Attribute):
            name = dotted(part)
            source = file.imports.get(name.partition(".")[0], "")
            if likely_asserts(name.rpartition(".")[2]) or _is_helper(source):
                return True
    return False


def _is_helper(module: str) -> bool:
    words = module.lower()
    return words.startswith(".") or any(
        hint in words for hint in ("test", "helper", "support", "util", "common")
    )


# --- reading a function ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way through a function.

    `names` are what variables stand for, `given` those of them that a row or a caller gives; `empty` as in
    `Check`.
    """

    file: ParsedTests
    case: Case
    names: Names
    given: Names
    once: frozenset[str] = frozenset()
    empty: str = ""
    followed: bool = False

    def function(self, node: FunctionNode) -> Iterator[Check]:
        once = bound_once(node.body) - {argument.arg for argument in arguments(node)}
        yield from replace(self, once=once).block(node.body)

    def block(self, body: Sequence[ast.stmt]) -> Iterator[Check]:
        reading = self
        for statement in body:
            yield from reading.statement(statement)
            for name, value in assigned(statement):
                if name in self.once and not _is_filled_later(value):
                    stands_for = short({name: reading.resolved(value)})
                    reading = replace(reading, names={**reading.names, **stands_for})

    def statement(self, node: ast.stmt) -> Iterator[Check]:
        match node:
            case ast.Assert():
                yield from self.asserted(node)
            case ast.With() | ast.AsyncWith():
                yield from self.guarded(node)
            case ast.If() | ast.While():
                known = truth_of(node.test)
                yield from self.emptied(UNREACHED if known is False else "").block(node.body)
                yield from self.emptied(UNREACHED if known is True else "").block(node.orelse)
            case ast.For() | ast.AsyncFor():
                for row in turns(node, {**self.file.literals, **self.names}):
                    turn = replace(self, names={**self.names, **row}, given={**self.given, **row})
                    yield from turn.block(node.body)
            case ast.Try():
                yield from self.emptied(SWALLOWED if _swallows(node) else "").block(node.body)
                rest = [each for handler in node.handlers for each in handler.body]
                yield from self.block([*rest, *node.orelse, *node.finalbody])
            case ast.Match():
                yield from self.block([each for branch in node.cases for each in branch.body])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self.block(node.body)
            case ast.Expr() | ast.Assign() | ast.AnnAssign() | ast.Return():
                yield from self.called(node.value) if node.value is not None else ()
            case _:
                return

    def emptied(self, why: str) -> _Reading:
        return replace(self, empty=self.empty or why) if why else self

    def asserted(self, node: ast.Assert) -> Iterator[Check]:
        if truth_of(node.test) is False:  # "should not be reached"
            yield self.check(opaque(ast.Call(ast.Name("fail"), [], [])), node, "")
            return
        for part in conjuncts(node.test):
            yield self.check(form_of(self.resolved(part)), part, why_empty(part))

    def check(self, form: Form, node: ast.expr | ast.stmt, empty: str) -> Check:
        return Check(form, node.lineno - 1, self.empty or empty, text_of(_put_in(node, self.given)))

    def guarded(self, node: ast.With | ast.AsyncWith) -> Iterator[Check]:
        inside = self
        for item in node.items:
            resolved = self.resolved(item.context_expr)
            body = [self.resolved(statement) for statement in node.body]
            if form := raising(resolved, body):
                yield self.check(form, item.context_expr, "")
            elif dotted(resolved).rpartition(".")[2] == "suppress" and _suppresses(resolved):
                inside = inside.emptied(SWALLOWED)
        yield from inside.block(node.body)

    def called(self, value: ast.expr) -> Iterator[Check]:
        """The checks in an expression's calls, those of helpers in this file among them."""
        if isinstance(value, ast.Call):
            if helper := self.helper(value):
                yield from self.inside(helper, value)
                return
            if form := call_form(self.resolved(value)):
                yield self.check(form, value, _why_empty(value))
                return
        for part in ast.iter_child_nodes(value):
            if isinstance(part, ast.expr):
                yield from self.called(part)
            elif isinstance(part, ast.keyword):
                yield from self.called(part.value)

    def helper(self, call: ast.Call) -> Case | None:
        if self.followed:
            return None
        name = dotted(call.func)
        if name.startswith(("self.", "cls.")) and self.case.owners:
            name = ".".join([*(owner.name for owner in self.case.owners), name.partition(".")[2]])
        found = self.file.cases.get(name)
        return found if found is not None and not found.collected else None

    def inside(self, helper: Case, call: ast.Call) -> Iterator[Check]:
        """Its checks with the call's arguments in the place of its parameters."""
        passed = _passed(helper, call)
        names = {name: self.resolved(value) for name, value in passed.items()}
        given = {name: _put_in(value, self.given) for name, value in passed.items()}
        known = {**self.file.short_literals, **names}
        reading = _Reading(self.file, helper, known, given, empty=self.empty, followed=True)
        yield from reading.function(helper.node)

    def resolved(self, node: Node) -> Node:
        return _put_in(node, self.names)


def _is_filled_later(value: ast.expr) -> bool:
    """An empty list or its like, which would say nothing in a variable's place."""
    made = isinstance(value, ast.Call) and not value.args and dotted(value) in ("list", "dict", "set")
    return made or text_of(value) in ("[]", "{}")


def _passed(helper: Case, call: ast.Call) -> dict[str, ast.expr]:
    """A call's arguments by the names of the helper's parameters."""
    parameters = [each.arg for each in arguments(helper.node) if each.arg not in ("self", "cls")]
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return {}
    passed = dict(zip(parameters, call.args, strict=False))
    return passed | {word.arg: word.value for word in call.keywords if word.arg is not None}


def _put_in(node: Node, names: Names) -> Node:
    """The code with names replaced by what they stand for; itself where there are none."""
    if not any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node)):
        return node
    return _replaced(node, names)


def _replaced(part: Any, names: Names) -> Any:
    """Made anew from its fields alone: others hang more on nodes, and `Load()` is one for all trees."""
    if isinstance(part, list):
        return [_replaced(each, names) for each in cast("list[Any]", part)]
    if not isinstance(part, ast.AST):
        return part
    if isinstance(part, ast.Name):
        return names.get(part.id, part) if isinstance(part.ctx, ast.Load) else part
    fields = {name: _replaced(value, names) for name, value in ast.iter_fields(part)}
    return ast.copy_location(type(part)(**fields), part)


def _why_empty(call: ast.Call) -> str:
    """`assertTrue(True)` and `assertEqual(x, x)`."""
    name = dotted(call.func).rpartition(".")[2]
    match name, call.args:
        case "assertTrue" | "assert_", [value, *_]:
            return why_empty(value)
        case "assertFalse", [value, *_]:
            return ALWAYS if truth_of(value) is False else ""
        case "assertEqual", [left, right, *_]:
            return why_empty(ast.Compare(left, [ast.Eq()], [right]))
        case _:
            return ""


def _swallows(node: ast.Try) -> bool:
    """Whether a failed assertion in the block is caught and nothing comes of it."""
    return any(_catches(handler.type) and not _speaks(handler) for handler in node.handlers)


def _suppresses(call: ast.expr) -> bool:
    return isinstance(call, ast.Call) and any(_catches(argument) for argument in call.args)


def _catches(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    names = {dotted(each).rpartition(".")[2] for each in kinds}
    return not names.isdisjoint({"Exception", "BaseException", "AssertionError"})


def _speaks(handler: ast.ExceptHandler) -> bool:
    """Whether it raises, fails, or asserts something."""
    for part in ast.walk(handler):
        if isinstance(part, ast.Raise | ast.Assert):
            return True
        if isinstance(part, ast.Call) and call_form(part) is not None:
            return True
    return False
