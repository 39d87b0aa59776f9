"""What declarations are called, in the languages that a grammar reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nexus_lsp.core.merging.syntax import Grammar, Syntax, Unit

_TESTS = ("test", "it", "describe", "suite", "context", "bench")
_NAMES = ("identifier", "type_identifier", "property_identifier", "field_identifier", "package_identifier")
_PATTERNS = (
    "object_pattern",
    "array_pattern",
    "tuple_pattern",
    "identifier",
    "rest_pattern",
    "expression_list",
)


def unit_of(node: Syntax, text: str, grammar: Grammar, where: str) -> Unit:
    """What a node in a group of this kind is."""
    if where in ("cases", "mapping", "rules", "declarations"):
        sort = "case" if where == "cases" else "entry"
        name = _head(node, text, where)
        return Unit(sort, (name,) if name else ())
    inner = unwrapped(node, grammar)
    sort = grammar.sorts.get(inner.kind)
    if sort == "import":
        return Unit("import", tuple(imported(inner, text)))
    if sort is not None:
        return Unit(sort, tuple(name for name in declared(inner, text, grammar) if name != "_"))
    if node.kind == "export_statement":
        is_list = inner is node and any(
            c.kind in ("export_clause", "*", "namespace_export") for c in node.children
        )
        return Unit("import") if is_list else Unit("constant", ("default",))
    if found := test_title(inner, text):
        return Unit("test", (found,))
    if found := assigned(inner, text):
        return Unit("constant", (found,))
    return Unit("other")


def key_of(node: Syntax, unit: Unit, text: str, grammar: Grammar) -> str | None:
    """What a unit is found by again on the other sides; None for what has no name."""
    inner = unwrapped(node, grammar)
    if unit.sort == "import":
        return _import_key(inner, text)
    if inner.kind == "impl_item":
        return _squeezed(text[inner.start : _body_start(inner)])
    if not unit.names:
        return None
    if unit.sort == "function" and grammar.signed:
        taken = [text[c.start : c.end] for c in inner.of_role("parameters")]
        return unit.names[0] + _squeezed("".join(taken))
    if any(c.kind == "(" for c in inner.children) and inner.kind in grammar.rows:
        return f"( {unit.names[0]}"  # Go's: more may be added to it
    return ("= " if unit.sort == "constant" else "") + ", ".join(unit.names)


def unwrapped(node: Syntax, grammar: Grammar) -> Syntax:
    """The declaration in what only stands around it."""
    while node.kind in grammar.wraps:
        within = [c for c in node.children if c.kind in grammar.sorts or c.kind in grammar.wraps]
        if not within:
            return node
        node = within[-1]
    return node


# --- declarations ------------------------------------------------------------------------------------


def declared(node: Syntax, text: str, grammar: Grammar) -> Iterator[str]:
    """The names that a declaration gives to its surroundings."""
    before = [c.kind for c in node.children if c.kind in ("get", "set")]
    prefix = f"{before[0]} " if before else ""
    if receiver := node.of_role("receiver"):
        prefix = next((_of(n, text) for n in receiver[0].all() if n.kind == "type_identifier"), "") + "."
    own = [c for c in node.children if c.role in ("name", "property", "pattern")]
    for one in own:
        yield from (prefix + name for name in _bound(one, text))
    if own or grammar.sorts.get(node.kind) == "function":
        return
    for child in node.children:
        if (
            "declarator" in child.kind
            or child.kind in ("variable_declaration", "var_spec_list")
            or (child.kind.endswith(("_spec", "_alias")) and child.kind in grammar.sorts)
        ):
            yield from declared(child, text, grammar)
    if node.kind == "field_declaration" and not any("declarat" in c.kind for c in node.children):
        yield _squeezed(_of(node, text))  # an embedded type


def _bound(node: Syntax, text: str) -> Iterator[str]:
    if node.kind not in _PATTERNS[:3]:
        yield _squeezed(_of(node, text))
        return
    for child in node.all():
        if child.kind in (*_NAMES, "shorthand_property_identifier_pattern"):
            yield _of(child, text)


def test_title(node: Syntax, text: str) -> str | None:
    """`it "does so"` of a registered test."""
    call = _call(node)
    if call is None:
        return None
    called = [c for c in call.children if c.role == "function"]
    given = [c for c in call.children if c.role == "arguments"]
    if not called or not given:
        return None
    root = re.match(r"\w+", _of(called[0], text))
    first = next((c for c in given[0].children if c.kind not in ("(", "comment")), None)
    if root and root[0] in _TESTS and first and first.kind in ("string", "template_string"):
        return f"{root[0]} {_of(first, text)}"
    return None


def assigned(node: Syntax, text: str) -> str | None:
    """`exports.f =`: what is set once and for all, to something that does nothing yet."""
    inner = [c for c in node.children if c.kind == "assignment_expression"]
    if node.kind != "expression_statement" or len(inner) != 1:
        return None
    left, right = inner[0].of_role("left"), inner[0].of_role("right")
    still = ("function", "arrow", "class", "object", "identifier", "string", "number")
    if left and right and left[0].kind == "member_expression" and right[0].kind.startswith(still):
        return _squeezed(_of(left[0], text))
    return None


def _call(node: Syntax) -> Syntax | None:
    if node.kind != "expression_statement":
        return None
    calls = [c for c in node.children if c.kind == "call_expression"]
    return calls[0] if calls else None


# --- imports -----------------------------------------------------------------------------------------


def imported(node: Syntax, text: str) -> Iterator[str]:
    """The names that an import binds, as far as it says them."""
    for one in node.all():
        if one.kind in ("import_specifier", "import_spec"):
            name = one.of_role("alias") or one.of_role("name") or one.of_role("path")
            yield _of(name[0], text).strip('"`').rpartition("/")[2] if name else ""
        elif one.kind in ("namespace_import", "import_clause"):
            yield from (_of(c, text) for c in one.children if c.kind == "identifier")
    if node.kind == "import_declaration" and any(c.kind == "scoped_identifier" for c in node.children):
        yield _of(node, text).rstrip("; \t").rpartition(".")[2].strip()
    if node.kind == "use_declaration":
        yield from _used(next(iter(node.of_role("argument")), node), text)


def _used(node: Syntax, text: str) -> Iterator[str]:
    if node.kind == "use_as_clause":
        yield from (_of(c, text) for c in node.of_role("alias"))
    elif node.kind in ("scoped_use_list", "use_list"):
        for child in node.children:
            if child.role != "path" and child.kind not in ("{", "}", ",", "::"):
                yield from _used(child, text)
    elif node.kind in ("scoped_identifier", "identifier"):
        yield _of(node, text).rpartition("::")[2]


def _import_key(node: Syntax, text: str) -> str:
    """Where it is from; all of it where that says no more."""
    if source := node.of_role("source"):
        only_type = any(c.kind == "type" for c in node.children)
        every = any(c.kind in ("*", "namespace_export") for c in node.children)
        word = next((c.kind for c in node.children if c.kind in ("import", "export")), "")
        return f"{word} {'type ' if only_type else ''}{'* ' if every else ''}{_of(source[0], text)}"
    if node.kind == "use_declaration":
        argument = next(iter(node.of_role("argument")), node)
        if argument.kind == "scoped_use_list":
            return _squeezed(text[node.start : _body_start(argument, "list")])
    if node.kind == "import_declaration" and any(c.kind == "import_spec_list" for c in node.children):
        return "import ("
    return _squeezed(_of(node, text))


def _body_start(node: Syntax, role: str = "body") -> int:
    return next((c.start for c in node.of_role(role)), node.end)


# --- entries -----------------------------------------------------------------------------------------


def entry_name(nodes: Sequence[Syntax], text: str) -> str | None:
    """The name of an entry of an object, an enum, a struct; None for what has none."""
    node = nodes[-1]
    if node.kind in ("assignment_expression", "enum_assignment"):
        named = node.of_role("left") or node.of_role("name")
    elif node.kind in ("identifier", "number") or node.kind.startswith("string"):
        return None
    else:
        named = node.of_role("key") or node.of_role("name") or node.of_role("field")
    if node.kind in ("property_identifier", "shorthand_property_identifier", "shorthand_field_initializer"):
        return _of(node, text).strip("'\"")
    if node.kind in (
        "call_expression",
        "object",
        "composite_literal",
        "literal_element",
        "method_invocation",
    ):
        return None
    return _of(named[0], text).strip("'\"") if named else None


def _head(node: Syntax, text: str, where: str) -> str | None:
    """What a case, a key or a rule begins with."""
    if where == "mapping":
        return next((_of(c, text) for c in node.of_role("key")), None)
    if where in ("rules", "declarations"):
        stop = next((c.start for c in node.children if c.kind in ("block", ":")), None)
        return _squeezed(text[node.start : stop]) if stop is not None else None
    if found := node.of_role("pattern"):
        return _squeezed(_of(found[0], text))
    stop = next((c.start for c in node.children if c.kind in (":", "=>", "->")), None)
    if stop is None:
        labels = [c for c in node.children if c.kind == "switch_label"]
        if len(labels) != 1:
            return None
        stop = labels[0].end
    return _squeezed(text[node.start : stop])


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _of(node: Syntax, text: str) -> str:
    return text[node.start : node.end]
