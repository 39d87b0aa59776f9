"""What two sides may have added at one place, so that one can stand behind the other: independent things."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nexus_lsp.core.merging.tree import Node, Rule, always, never

_FLOW = (
    *(ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal),
    *(ast.Delete, ast.Try, ast.While),
)
"""What decides on whatever stands behind it."""

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"-?\d[\w.]*")


# --- entries between commas --------------------------------------------------------------------------


def entries(kind: str, items: Sequence[Node]) -> Rule:
    """The rule of a group of this kind with these entries."""
    if kind in ("list", "set", "dict"):
        return _entry_rule
    if kind == "tuple":
        return _entry_rule if items and all("\n" in item.lead for item in items) else never
    if kind == "call":
        return _keywords
    if kind == "params":
        return _keywords if any(item.text.startswith("*") for item in items) else never
    return always if kind == "names" else never


def _entry_rule(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """No unpacking, whose entries nobody knows, and no number that both took for the next free one."""
    texts = [item.text for item in (*ours, *theirs)]
    if any(text.startswith("*") for text in texts) or two_ways_of_one(ours, theirs):
        return False
    return not _same_number(ours, theirs)


def two_ways_of_one(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Whether an entry without a name has all the words of another's: both meant it for the same."""
    mine, other = ([Counter(_WORD.findall(i.text)) for i in side if not i.named] for side in (ours, theirs))
    return any(a != b and a and b and (a <= b or b <= a) for a in mine for b in other)


def _keywords(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    both = (*ours, *theirs)
    return all(item.named and "=" in item.text for item in both)


def _same_number(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Whether both gave one number to what they added: a code, an id, a place in a row."""
    return bool(_numbers(ours) & _numbers(theirs))


def _numbers(items: Sequence[Node]) -> set[str]:
    values = [re.split(r"[:=]\s*", item.text.strip(), maxsplit=1)[-1] for item in items if item.named]
    return {value for value in values if _NUMBER.fullmatch(value)}


# --- statements --------------------------------------------------------------------------------------


def in_module(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Functions, classes, constants and imports stand beside anything; else see `in_function`."""
    if _same_number(ours, theirs):
        return False
    return _settled(ours) or _settled(theirs) or in_function(ours, theirs)


def in_class(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """As in a module; a field without a default cannot stand behind one with a default."""
    fields = [i.stmt for i in (*ours, *theirs) if isinstance(i.stmt, ast.AnnAssign)]
    return len({one.value is None for one in fields}) < 2 and in_module(ours, theirs)


def _settled(items: Sequence[Node]) -> bool:
    return all(item.named and item.stmt and not isinstance(item.stmt, ast.If) for item in items)


def in_function(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Statements of which neither side's writes what the other's reads or writes, and none leaves."""
    mine, other = _effects(ours), _effects(theirs)
    if mine is None or other is None:
        return False
    if mine.writes & (other.reads | other.writes | other.asked) or other.writes & (mine.reads | mine.asked):
        return False
    if mine.calls == other.calls and len(mine.calls) == 1:
        return True  # the same call made by both: a registration
    asks = mine.asked & (other.reads | other.asked) or other.asked & mine.reads
    return not asks and not (mine.calls and other.calls)


@dataclass(slots=True)
class _Effects:
    """Dotted names. `asked`: objects whose methods are called; `calls`: what is called for its effect."""

    reads: set[str] = field(default_factory=set[str])
    writes: set[str] = field(default_factory=set[str])
    asked: set[str] = field(default_factory=set[str])
    calls: set[str] = field(default_factory=set[str])


def _effects(items: Sequence[Node]) -> _Effects | None:
    """None where it cannot be told, or where control may leave."""
    found = _Effects()
    for item in items:
        if item.stmt is None or any(isinstance(node, _FLOW) for node in ast.walk(item.stmt)):
            return None
        _look(item.stmt, found)
    return found


def _look(stmt: ast.stmt, found: _Effects) -> None:
    if isinstance(stmt, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found.writes.add(stmt.name)
    for node in ast.walk(stmt):
        if isinstance(node, ast.Name):
            (found.reads if isinstance(node.ctx, ast.Load) else found.writes).add(node.id)
        elif isinstance(node, ast.Attribute):
            (found.reads if isinstance(node.ctx, ast.Load) else found.writes).add(ast.unparse(node))
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.writes.add(ast.unparse(node if isinstance(node.slice, ast.Constant) else node.value))
        elif isinstance(node, ast.alias):
            found.writes.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.asked.add(ast.unparse(node.func.value))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            found.calls.add(ast.unparse(call.func) if isinstance(call, ast.Call) else ast.unparse(call))


# --- branches ----------------------------------------------------------------------------------------


def clauses(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """`elif` clauses that compare one thing with constants, which are not the same ones: the keys differ."""
    compared = {_compared(item.stmt) for item in (*ours, *theirs)}
    return len(compared) == 1 and None not in compared


def _compared(stmt: ast.stmt | None) -> str | None:
    match stmt:
        case ast.If(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant()])):
            return ast.unparse(left)
        case _:
            return None


def branches(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """`case` branches for constants."""
    return all(_is_constant(item.key) for item in (*ours, *theirs))


def _is_constant(pattern: str) -> bool:
    try:
        ast.literal_eval(pattern)
    except (ValueError, SyntaxError):
        return bool(re.fullmatch(r"\w+(\.\w+)+", pattern))
    return True
