"""What two sides may have added at one place, in the languages that a grammar reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from nexus_lsp.core.merging.coexisting import two_ways_of_one
from nexus_lsp.core.merging.tree import Node, Rule, always

_STILL = ("import", "function", "type", "test", "note")
"""What does nothing where it stands."""
_DECLARED = (*_STILL, "constant", "field")
_NUMBER = re.compile(r"-?\d[\w.]*")
_CONSTANT = re.compile(
    r"""(?:case\s+)?(?:"[^"]*"|'[^']*'|-?\d[\w.]*|(?:\w+(?:\.|::))+\w+|[A-Z]\w*)\s*(?:[({][^|]*[)}])?"""
)
"""A label that nothing else matches as well; what a variant holds may follow."""


def _sorts(items: Sequence[Node]) -> set[str]:
    return {item.unit.sort if item.unit else "other" for item in items}


def _declarations(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Declarations stand beside each other; beside a statement only what does nothing where it stands."""
    if _same_number(ours, theirs) or _only_for_effect(ours) & _only_for_effect(theirs):
        return False
    mine, other = _sorts(ours), _sorts(theirs)
    return mine | other <= set(_DECLARED) or mine <= set(_STILL) or other <= set(_STILL)


def _only_for_effect(items: Sequence[Node]) -> bool:
    """Whether a module is imported for what it does when it is."""
    return any(
        i.unit and i.unit.sort == "import" and re.match(r"import\s*['\"]", i.text.strip()) for i in items
    )


def _in_a_body(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Tests and functions; of statements nobody knows which builds on which."""
    return _sorts(ours) | _sorts(theirs) <= {"function", "type", "test", "note"}


def _cases(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Branches for constants, none of which goes on into the next."""
    mine, other = ([_label(item) for item in side] for side in (ours, theirs))
    if None in mine or None in other:
        return False
    return not {*mine} & {*other}


def _label(item: Node) -> str | None:
    if item.unit is None or item.unit.sort != "case" or not item.unit.names:
        return None
    label = item.unit.names[0]
    return re.split(r"[({]", label)[0].strip() if _CONSTANT.fullmatch(label) else None


def _named(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    return all(item.named for item in (*ours, *theirs)) and not _same_number(ours, theirs)


def _entries(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """No unpacking, whose entries nobody knows, and no number that both took for the next free one."""
    texts = [item.text for item in (*ours, *theirs)]
    if any(text.startswith(("...", "..", "*")) for text in texts) or two_ways_of_one(ours, theirs):
        return False
    return not _same_number(ours, theirs)


def can_be_told_apart(items: Sequence[Node]) -> bool:
    """Whether entries have names or lines of their own; `[x, y]` may be a pair, whose places mean much."""
    words = re.compile(r"""\w*[A-Za-z_]\w*|"[^"]*"|'[^']*'""")
    return all(item.named or "\n" in item.lead or words.fullmatch(item.text) for item in items)


def _same_number(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Whether both gave one number to what they added: a code, an id, a place in a row."""
    return bool(_numbers(ours) & _numbers(theirs))


def _numbers(items: Sequence[Node]) -> set[str]:
    values = [re.split(r"[:=]\s*", i.text.strip().rstrip(";,"))[-1] for i in items if i.named]
    return {value for value in values if _NUMBER.fullmatch(value)}


# --- CSS ---------------------------------------------------------------------------------------------------


def _rules(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Rules for classes and ids that the other side's rules do not name: their order says nothing."""
    mine, other = _marks(ours), _marks(theirs)
    return mine is not None and other is not None and not mine & other


def _marks(items: Sequence[Node]) -> set[str] | None:
    found: set[str] = set()
    for item in items:
        if item.unit and item.unit.sort == "note":
            continue
        selectors = item.key.split(",") if item.named else [""]
        for selector in selectors:
            marks = re.findall(r"[.#][\w-]+", selector)
            if not marks or selector.lstrip().startswith("@"):
                return None
            found.update(marks)
    return found


def _properties(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    """Properties of which none sets what the other's sets too, as `border` does with `border-top`."""
    both = [(a.key, b.key) for a in ours for b in theirs]
    alike = any(_family(a) == _family(b) for a, b in both)
    return all(item.named for item in (*ours, *theirs)) and not alike


def _family(name: str) -> str:
    if name.startswith("--"):
        return name
    return {"line": "font", "top": "inset", "left": "inset", "right": "inset", "bottom": "inset"}.get(
        name.partition("-")[0], name.partition("-")[0]
    )


RULES: Mapping[str, Rule] = {
    "scope": _declarations,
    "members": _declarations,
    "body": _in_a_body,
    "cases": _cases,
    "imports": _named,
    "entries": _entries,
    "array": _entries,
    "names": always,
    "mapping": _named,
    "rules": _rules,
    "declarations": _properties,
}
"""The kind of a group → what may be added there by both."""
