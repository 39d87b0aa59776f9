"""Merging two trees over their base: what each side did to a unit, and where both added at one place.

Lines first: a unit that git could merge is merged as git does it. Only where both changed the same lines of
a unit is it opened and its own units looked at.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from nexus_lsp.core.merging.guard import doubled
from nexus_lsp.core.merging.three_way import chunks, either, merge_text
from nexus_lsp.core.merging.tree import Conflict, Group, Node, Order, Part, joined
from nexus_lsp.core.text import split_lines

_ENOUGH_TO_SEE_AN_ORDER = 3
"""Entries in the base that can be sorted by more than chance; imported names are sorted from the first on."""


def weave(base: Group, ours: Group, theirs: Group) -> Group:
    """The merge of three groups; `Conflict` where it is not sure."""
    if base.kind != ours.kind or base.kind != theirs.kind or ours.comma != theirs.comma:
        raise Conflict
    sides = [[item.key for item in group.items] for group in (base, ours, theirs)]
    _told_apart(*sides)
    out: list[Node] = []
    for chunk in chunks(*sides):
        b, o, t = base.items[chunk.base], ours.items[chunk.ours], theirs.items[chunk.theirs]
        out += [_merge_node(b[0], o[0], t[0])] if chunk.common else _resolve(base, b, o, t)
    items = _sorted(out, (base, ours, theirs))
    tail = merge_trivia(base.tail, ours.tail, theirs.tail)
    ends = either(base.ends_with_comma, ours.ends_with_comma, theirs.ends_with_comma)
    if not base.items:
        ends = ours.ends_with_comma or theirs.ends_with_comma
    merged = replace(base, items=tuple(items), tail=tail, ends_with_comma=bool(ends))
    return _spaced(merged, (base, ours, theirs))


def _told_apart(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> None:
    """A name that stands there twice is fine only as long as nobody adds or removes one of them."""
    b, o, t = Counter(base), Counter(ours), Counter(theirs)
    for key in {*b, *o, *t}:
        if max(b[key], o[key], t[key]) > 1 and not b[key] == o[key] == t[key] and not key.startswith("~"):
            raise Conflict


# --- one unit ----------------------------------------------------------------------------------------


def _merge_node(base: Node, ours: Node, theirs: Node) -> Node:
    lead = merge_trivia(base.lead, ours.lead, theirs.lead)
    trail = either(base.trail, ours.trail, theirs.trail)
    if trail is None:
        raise Conflict
    return replace(ours, lead=lead, text=_merge_inside(base, ours, theirs), trail=trail)


def _merge_inside(base: Node, ours: Node, theirs: Node) -> str:
    try:
        text = merge_text(base.text, ours.text, theirs.text)
        if either(base.text, ours.text, theirs.text) is None and doubled(base.text, ours.text, theirs.text):
            raise Conflict
        return text
    except Conflict:
        if base.open is None or ours.open is None or theirs.open is None:
            raise
        return joined(merge_parts(base.open(), ours.open(), theirs.open()))


def merge_parts(base: Sequence[Part], ours: Sequence[Part], theirs: Sequence[Part]) -> list[Part]:
    """Part by part; the three have to be built alike, and the same in all but their groups."""
    if not len(base) == len(ours) == len(theirs):
        raise Conflict
    return [_merge_part(b, o, t) for b, o, t in zip(base, ours, theirs, strict=True)]


def _merge_part(base: Part, ours: Part, theirs: Part) -> Part:
    if base == ours == theirs:
        return base
    if isinstance(base, Group) and isinstance(ours, Group) and isinstance(theirs, Group):
        return either(base, ours, theirs) or weave(base, ours, theirs)
    raise Conflict


def merge_trivia(base: str, ours: str, theirs: str) -> str:
    """Comments and white space: of two different amounts of blank lines the larger is taken."""
    one = either(base, ours, theirs)
    if one is not None:
        return one
    blank = [text[: len(text) - len(text.lstrip())] for text in (base, ours, theirs)]
    rest = [text.lstrip() for text in (base, ours, theirs)]
    space = either(*blank)
    if space is None:
        space = max(blank[1:], key=lambda text: (text.count("\n"), len(text)))
    return space + merge_text(*rest)


# --- where both sides changed the row ----------------------------------------------------------------


def _resolve(group: Group, base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> list[Node]:
    whole = either(list(base), list(ours), list(theirs))
    if whole is not None:
        return whole
    if (
        base
        and _all_unnamed((*base, *ours, *theirs))
        and len(base) == len(ours) == len(theirs)
        and ((group.comma and group.by_place) or len(base) == 1)
    ):
        return [_merge_node(b, o, t) for b, o, t in zip(base, ours, theirs, strict=True)]
    return _by_key(group, base, ours, theirs)


def _all_unnamed(items: Sequence[Node]) -> bool:
    return not any(item.named for item in items)


def _by_key(group: Group, base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> list[Node]:
    b, o, t = ({item.key: item for item in side} for side in (base, ours, theirs))
    if (len(b), len(o), len(t)) != (len(base), len(ours), len(theirs)):
        raise Conflict
    kept: dict[str, Node] = {}
    for key, item in b.items():
        mine, other = o.get(key), t.get(key)
        if mine and other:
            kept[key] = _merge_node(item, mine, other)
        elif (left := mine or other) and left.text != item.text:
            raise Conflict  # one side took away what the other changed
    new_ours = [item for key, item in o.items() if key not in b]
    new_theirs = [item for key, item in t.items() if key not in b]
    _changed_once(b, o, t, new_ours, new_theirs)
    twice = {item.key: _made_by_both(item, t[item.key]) for item in new_ours if item.key in t}
    only_ours = [item for item in new_ours if item.key not in twice]
    only_theirs = [item for item in new_theirs if item.key not in twice]
    if only_ours and only_theirs and not group.rule(only_ours, only_theirs):
        raise Conflict
    kept |= twice
    return _in_order(ours, theirs, kept, {i.key: i for i in only_ours}, {i.key: i for i in only_theirs})


def _changed_once(
    base: dict[str, Node],
    ours: dict[str, Node],
    theirs: dict[str, Node],
    new_ours: Sequence[Node],
    new_theirs: Sequence[Node],
) -> None:
    """What has no name and is gone, where something without a name is new, was changed: by one side only."""
    gone_ours = any(not item.named for key, item in base.items() if key not in ours)
    gone_theirs = any(not item.named for key, item in base.items() if key not in theirs)
    made_ours, made_theirs = (any(not i.named for i in new) for new in (new_ours, new_theirs))
    both_gone = any(not i.named and k not in ours and k not in theirs for k, i in base.items())
    if both_gone and made_ours != made_theirs:
        raise Conflict  # one side took away what the other changed
    if (gone_ours and made_ours and (gone_theirs or made_theirs)) or (
        gone_theirs and made_theirs and made_ours
    ):
        raise Conflict


def _made_by_both(ours: Node, theirs: Node) -> Node:
    """Both sides made this unit anew: the same, or each with entries of its own in it."""
    lead = ours.lead if len(ours.lead) >= len(theirs.lead) else theirs.lead
    if ours.lead.strip() and theirs.lead.strip() and ours.lead.strip() != theirs.lead.strip():
        raise Conflict
    if ours.text == theirs.text and ours.trail == theirs.trail:
        return replace(ours, lead=lead)
    if not (ours.joins and theirs.joins and ours.open and theirs.open):
        raise Conflict
    mine, other = ours.open(), theirs.open()
    empty = [replace(part, items=(), tail="") if isinstance(part, Group) else part for part in mine]
    if len(mine) != len(other) or [p for p in mine if isinstance(p, str)] != [
        p for p in other if isinstance(p, str)
    ]:
        raise Conflict
    return replace(ours, lead=lead, text=joined(merge_parts(empty, mine, other)))


def _in_order(
    ours: Sequence[Node],
    theirs: Sequence[Node],
    kept: dict[str, Node],
    new_ours: dict[str, Node],
    new_theirs: dict[str, Node],
) -> list[Node]:
    """Ours in its order, and each addition of theirs behind what it stands behind there."""
    if [i.key for i in ours if i.key in kept] != [i.key for i in theirs if i.key in kept]:
        raise Conflict  # one side moved something
    rows: dict[str, list[Node]] = {"": []}
    at = ""
    for item in ours:
        if item.key in kept:
            at = item.key
            rows[at] = []
        elif item.key in new_ours:
            rows[at].append(item)
    at = ""
    for item in theirs:
        if item.key in kept:
            at = item.key
        elif item.key in new_theirs:
            rows[at].append(item)
    out: list[Node] = []
    for key, added in rows.items():
        out += [kept[key]] if key else []
        out += _imports_sorted(added)
    return out


def _imports_sorted(added: list[Node]) -> list[Node]:
    """New imports in a row as isort has them: whole modules first, then by name."""
    if any(item.lead or not isinstance(item.stmt, ast.Import | ast.ImportFrom) for item in added):
        return added
    return sorted(added, key=lambda item: (isinstance(item.stmt, ast.ImportFrom), item.key.casefold()))


# --- how it looks ------------------------------------------------------------------------------------


def _sorted(items: list[Node], sides: Sequence[Group]) -> list[Node]:
    """Sorted by what all three sides are sorted by; as they come where there is no such order."""
    whole = [item.key for item in items]
    if len(sides[0].items) < (0 if sides[0].kind == "names" else _ENOUGH_TO_SEE_AN_ORDER) or any(
        whole == [item.key for item in side.items] for side in sides
    ):
        return items
    for order in sides[0].orders:
        if all(_is_sorted(side.items, order) for side in sides) and not any(i.lead.strip() for i in items):
            return sorted(items, key=order)  # type: ignore[arg-type]
    return items


def _is_sorted(items: Sequence[Node], order: Order) -> bool:
    keys = [order(item) for item in items]
    return keys == sorted(keys)  # type: ignore[type-var]


def _spaced(merged: Group, sides: Sequence[Group]) -> Group:
    """Entries on one line, or one a line, whose first is another now: white space goes by the place."""
    if not merged.comma or len(merged.items) < 2:
        items = _code_apart(_apart(merged.kind, merged.items), sides)
        return replace(merged, items=tuple(items))
    first = {side.items[0].lead for side in sides if side.items}
    later = {item.lead for side in sides for item in side.items[1:]}
    if len(first) == 1 and len(later) == 1 and not any(lead.strip() for lead in first | later):
        [head], [rest] = first, later
        items = (replace(i, lead=head if at == 0 else rest) for at, i in enumerate(merged.items))
        return replace(merged, items=tuple(items))
    if any(item.lead == "" for item in merged.items[1:]):
        items = (replace(i, lead=i.lead or (" " if at else "")) for at, i in enumerate(merged.items))
        return replace(merged, items=tuple(items))
    return merged


def _apart(kind: str, items: Sequence[Node]) -> list[Node]:
    """Functions and classes that were the first where they come from, and now are not, after blank lines."""
    blank = {"module": 2, "class": 1}.get(kind, 0)
    ends = "\r\n" if any(item.text.endswith("\r\n") for item in items) else "\n"
    is_def = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [
        replace(item, lead=ends * blank) if at and not item.lead and isinstance(item.stmt, is_def) else item
        for at, item in enumerate(items)
    ]


def _code_apart(items: Sequence[Node], sides: Sequence[Group]) -> list[Node]:
    """The same with a grammar: what was the first on its side, and now stands behind something.

    An import that now follows another needs no blank line, a function of several lines does.
    """
    before = {b.key: a for side in sides for a, b in pairwise(side.items)}
    first = {side.items[0].key for side in sides if side.items}
    out: list[Node] = []
    for at, item in enumerate(items):
        above, sort = (out[at - 1].unit if at else None), (item.unit.sort if item.unit else "")
        lead = item.lead
        if above is not None and above.sort == sort == "import" and lead and not lead.strip():
            was = before.get(item.key)
            lead = lead if was and was.unit and was.unit.sort == "import" else ""
        elif above is not None and item.key in first and not lead and sort in ("function", "type", "test"):
            lead = split_lines(item.text)[0][-1:] if len(split_lines(item.text)) > 1 else lead
            lead = "\r\n" if "\r\n" in item.text else lead
        out.append(replace(item, lead=lead))
    return out
