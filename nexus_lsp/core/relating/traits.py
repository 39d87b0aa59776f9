"""What each change is about: the definitions it adds, removes and touches, its intent and its risk."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nexus_lsp.core.changes import Change, Intent, Traits
from nexus_lsp.core.relating.dependencies import Source
from nexus_lsp.core.relating.given import FileGiven, keep, python_tree
from nexus_lsp.core.relating.kinds import is_configuration, is_docs, is_tests
from nexus_lsp.core.relating.names import Definition, Names, innermost
from nexus_lsp.core.relating.risk import Seen, risk_of
from nexus_lsp.core.text import split_lines

MOST_NAMES = 20
"""Names of each sort that are kept of one change."""

MOST_PARSED = 4_000_000
"""Characters that are parsed for one run to see whether changes are layout alone; then they count as code."""

_WORD = re.compile(r"\w+|[^\w\s]")
_STRING = re.compile(r"""["'`]""")
_LAYOUT_MATTERS = (".py", ".pyi", ".yml", ".yaml", ".md", ".rst", ".mk", ".haml", ".pug", ".sass", ".coffee")


@dataclass(slots=True)
class _About:
    adds: dict[str, None] = field(default_factory=dict[str, None])
    removes: dict[str, None] = field(default_factory=dict[str, None])
    touches: dict[str, None] = field(default_factory=dict[str, None])
    api: str = ""


def traits_of(changes: Iterable[Change], sources: Mapping[str, Source]) -> dict[str, Traits]:
    """The traits of each change."""
    about = {path: _about(source) for path, source in sources.items()}
    budget = MOST_PARSED
    found: dict[str, Traits] = {}
    for change in changes:
        source = sources.get(change.path)
        mine = about.get(change.path, {}).get(change.id, _About())
        if change.kind == "rename" and change.old_path:
            mine = about.get(change.old_path, {}).get(change.id, mine)
        layout = _may_be_layout(change)
        if layout and source and change.path.endswith((".py", ".pyi")):
            budget -= len(source.given.old or "")
            layout = budget > 0 and _same_tree(source.given, change.id)
        found[change.id] = _traits(change, mine, layout)
    return found


def _traits(change: Change, about: _About, layout: bool) -> Traits:
    risk, why = risk_of(Seen(change, layout, about.api))
    renames = () if layout or change.kind != "edit" else _renamed(change.before, change.after)
    adds, removes, touches = (tuple(n)[:MOST_NAMES] for n in (about.adds, about.removes, about.touches))
    return Traits(_intent(change, layout, bool(renames)), adds, removes, touches, renames, risk, why)


def _intent(change: Change, layout: bool, renamed: bool) -> Intent:
    if layout:
        return "format"
    if is_docs(change.path):
        return "docs"
    if renamed or change.kind == "rename":
        return "rename"
    if is_tests(change.path):
        return "tests"
    return "configuration" if is_configuration(change.path) or change.kind == "mode" else "code"


# --- definitions -------------------------------------------------------------------------------------


def _about(source: Source) -> dict[str, _About]:
    """By change: what it does to the definitions of a Python file."""
    file, found = source.given, dict[str, _About]()
    old, new = source.old, source.new
    if old is not None:
        _side(file.removed, old, new, found, gone=True)
    if new is not None:
        _side(file.added, new, old, found, gone=False)
    if old is not None and not is_tests(file.path):
        _api(file, old, new, found)
    return found


def _side(
    owners: tuple[str, ...], here: Names, there: Names | None, found: dict[str, _About], gone: bool
) -> None:
    definitions = [d for same in here.definitions.values() for d in same]
    heads = {d.line: d.qual for d in definitions}
    inside = innermost(definitions, len(owners))
    for at, owner in enumerate(owners):
        if not owner:
            continue
        about = found.setdefault(owner, _About())
        qual = heads.get(at)
        if qual is not None and not (there and qual in there.definitions):
            (about.removes if gone else about.adds)[qual] = None
        elif inside[at] and not _within(inside[at], about.removes if gone else about.adds):
            about.touches[inside[at]] = None
    for name, lines in here.scopes[""].names.items():
        for line in lines:
            known = there.scopes[""].names if there else {}
            if owners[line] and name not in known and name not in here.definitions and name != "*":
                about = found.setdefault(owners[line], _About())
                if not any(i.line == line and i.bound == name for i in here.imports):
                    (about.removes if gone else about.adds)[name] = None


def _within(qual: str, names: Iterable[str]) -> bool:
    return any(qual == name or qual.startswith(f"{name}.") for name in names)


def _api(file: FileGiven, old: Names, new: Names | None, found: dict[str, _About]) -> None:
    """What happens to names that others may use: not private, and not inside of functions."""
    for qual, before in old.definitions.items():
        now = new.definitions.get(qual, []) if new else []
        if not _public(qual, old):
            continue
        for each in before:
            if file.removed[each.line] and not now:
                _say(found, file.removed[each.line], f"removes public `{qual}`")
        if len(before) == 1 == len(now) and before[0].signature != now[0].signature:
            for owner in _head_owners(file, before[0], now[0]):
                _say(found, owner, f"changes the signature of public `{qual}`")
    now_bound = new.scopes[""].names if new else {}
    imported = {i.bound for i in old.imports if not i.scope}
    for name, lines in old.scopes[""].names.items():
        if name not in now_bound and name not in imported | old.definitions.keys() and _public(name, old):
            for line in lines:
                _say(found, file.removed[line], f"removes public `{name}`")


def _say(found: dict[str, _About], owner: str, told: str) -> None:
    if owner:
        about = found.setdefault(owner, _About())
        about.api = about.api or told


def _public(qual: str, names: Names) -> bool:
    parts = qual.split(".")
    outer = ".".join(parts[:-1])
    in_function = outer in names.scopes and names.scopes[outer].kind == "function"
    dunder = parts[-1] in ("__init__", "__call__", "__enter__", "__exit__")
    private = any(p.startswith("_") for p in parts[:-1]) or (parts[-1].startswith("_") and not dunder)
    return not private and not in_function


def _head_owners(file: FileGiven, old: Definition, new: Definition) -> dict[str, None]:
    owners = (*file.removed[old.start : old.head], *file.added[new.start : new.head])
    return {owner: None for owner in owners if owner}


# --- layout and renames ------------------------------------------------------------------------------


def _may_be_layout(change: Change) -> bool:
    """Equal but for white space (and, in Python, for comments, quotes and commas, which the tree decides)."""
    if change.kind != "edit":
        return False
    if change.path.endswith((".py", ".pyi")):
        return _bones(change.before) == _bones(change.after)
    if change.path.endswith(_LAYOUT_MATTERS) or _STRING.search(change.before + change.after):
        return False
    return "".join(change.before.split()) == "".join(change.after.split())


def _bones(text: str) -> str:
    lines = (line for line in split_lines(text) if not line.lstrip().startswith("#"))
    return re.sub(r"""[\s"'(),\\]""", "", "".join(re.sub(r"\s#.*", "", line) for line in lines))


def _same_tree(file: FileGiven, change_id: str) -> bool:
    old, new = python_tree(file.old or ""), python_tree(keep(file, frozenset({change_id})))
    return old is not None and new is not None and ast.dump(old) == ast.dump(new)


def _renamed(before: str, after: str) -> tuple[str, ...]:
    """(old, new) where all that differs is one word in another's place, each time it stands there."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if not old or len(old) != len(new):
        return ()
    pairs = {(a, b) for a, b in zip(old, new, strict=True) if a != b}
    if len(pairs) != 1:
        return ()
    one, other = pairs.pop()
    return (one, other) if one.isidentifier() and other.isidentifier() else ()
