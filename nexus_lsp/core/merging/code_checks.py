"""What is wrong with a merge although each word of it is from a side: it does not parse, or names collide."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nexus_lsp.core.merging.code_names import entry_name, unit_of, unwrapped
from nexus_lsp.core.merging.syntax import Grammar, Parse, Syntax
from nexus_lsp.core.text import split_lines

_WORD = re.compile(r"[\w$]+")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is asked of one text. `taken`: function → its parameters, where there is one of that name."""

    broken: Counter[str]
    names: Counter[str]
    taken: dict[str, str]
    lines: Counter[str]


def sound(grammar: Grammar, parse: Parse, base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether the merge parses as well as its parents and neither side's work breaks the other's."""
    trees = [parse(grammar.name, text) for text in (base, ours, theirs, merged)]
    if any(tree is None for tree in trees):
        return False
    texts = (base, ours, theirs, merged)
    b, o, t, m = (_known(tree, text, grammar) for tree, text in zip(trees, texts, strict=True) if tree)
    return not (
        m.broken - (o.broken | t.broken)
        or any(n > 1 and n > max(o.names[name], t.names[name]) for name, n in m.names.items())
        or _takes_what_is_used(b, o, t)
        or _takes_what_is_used(b, t, o)
    )


def _takes_what_is_used(base: _Known, one: _Known, other: _Known) -> bool:
    """Whether one side took away or changed how to call what the other side uses in what it added."""
    more = {word for line in other.lines - base.lines for word in _WORD.findall(line)}
    gone = {_last(name) for name in base.names if name not in one.names}
    left = {_last(name) for name in one.names}
    otherwise = {_last(name) for name, taken in base.taken.items() if one.taken.get(name, taken) != taken}
    return any(word in more for name in (gone - left) | otherwise for word in _WORD.findall(name))


def _last(name: str) -> str:
    return name.rpartition("\0")[2].rpartition(".")[2].rpartition(" ")[2]


def _known(root: Syntax, text: str, grammar: Grammar) -> _Known:
    broken: Counter[str] = Counter()
    if root.faulty:
        broken.update(text[node.start : node.end] or node.kind for node in root.all() if node.broken)
    names: Counter[str] = Counter()
    taken: dict[str, str] = {}
    for where, found, functions in _scopes(root, "", text, grammar):
        here = Counter(found)
        names.update(
            {where + name: n - names[where + name] for name, n in here.items() if n > names[where + name]}
        )
        taken.update({where + name: given for name, given in functions.items() if here[name] == 1})
    return _Known(broken, names, taken, Counter(split_lines(text)))


def _scopes(
    node: Syntax, where: str, text: str, grammar: Grammar
) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """(path, names that stand in it, parameters of functions) of each group in a text."""
    names: list[str] = []
    functions: dict[str, str] = {}
    if kind := grammar.rows.get(node.kind):
        for child in _within(node, grammar):
            unit = unit_of(child, text, grammar, kind)
            inner = unwrapped(child, grammar)
            if inner.kind in grammar.rows and unit.sort in ("constant", "type"):
                yield from _scopes(inner, where, text, grammar)
            names += unit.names
            if unit.sort == "function" and unit.names:
                functions[unit.names[0]] = "".join(
                    " ".join(text[c.start : c.end].split()) for c in inner.of_role("parameters")
                )
            below = f"{where}{', '.join(unit.names)}\0"
            for one in child.children:
                yield from _scopes(one, below, text, grammar)
        yield where, names, functions
        return
    if kind := grammar.lists.get(node.kind):
        for child in node.children:
            name = (
                entry_name([child], text) if child.kind not in (",", "{", "}") and kind != "names" else None
            )
            names += [name] if name else []
            yield from _scopes(child, f"{where}{name or ''}\0", text, grammar)
        yield where, names, functions
        return
    for child in node.children:
        yield from _scopes(child, where, text, grammar)


def _within(node: Syntax, grammar: Grammar) -> Iterator[Syntax]:
    for child in node.children:
        if child.kind in grammar.runs:
            yield from _within(child, grammar)
        else:
            yield child
