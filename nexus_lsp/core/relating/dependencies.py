"""Which changes need which: `{id: ids that must be accepted with or before it}`.

A change needs another where its own lines use a name that nothing but the other's lines bind, where it takes
away what only the other stops using, or where the file it concerns comes with the other. What could be
otherwise (a star import, a base class, two that bind a name) is not said.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexus_lsp.core.relating.given import FileGiven, Given, python_tree
from nexus_lsp.core.relating.modules import files_of, meant, relative_file
from nexus_lsp.core.relating.names import (
    Call,
    Definition,
    Imported,
    Member,
    Names,
    Use,
    accepts,
    read_names,
)
from nexus_lsp.core.text import split_lines

BUILTINS = frozenset(dir(builtins))
_WRITTEN_IMPORT = re.compile(r"""["'](\.{1,2}/[^"'\s]+)["']""")

Needs = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the run, and the names in it before and after; None where there is no Python to be read."""

    given: FileGiven
    old: Names | None
    new: Names | None


def read_sources(given: Given) -> dict[str, Source]:
    """Every file with the names that its changed lines bind and use."""
    return {file.path: _source(file) for file in given.files}


def _source(file: FileGiven) -> Source:
    if not file.path.endswith((".py", ".pyi")):
        return Source(file, None, None)
    return Source(file, _names(file.old, file.removed), _names(file.new, file.added))


def _names(text: str | None, owners: Sequence[str]) -> Names | None:
    tree = python_tree(text) if text is not None else None
    if tree is None:
        return None
    try:
        return read_names(tree, {at for at, owner in enumerate(owners) if owner})
    except RecursionError:
        return None


def dependencies(given: Given, sources: Mapping[str, Source]) -> Needs:
    """See the module."""
    found = _Finder(given, sources)
    for source in sources.values():
        found.in_file(source)
        found.over_files(source)
    found.of_files()
    return {i: needed - {i} for i, needed in found.needs.items() if needed - {i}}


class _Finder:
    def __init__(self, given: Given, sources: Mapping[str, Source]) -> None:
        self.needs: Needs = defaultdict(set)
        self._given = given
        self._sources = sources
        self._brought: dict[str, str] = {}
        """Path → the change that brings the file."""
        self._taken: dict[str, str] = {}
        for change in given.changes:
            if change.kind in ("create", "rename"):
                self._brought[change.path] = change.id
            if change.kind in ("delete", "rename"):
                self._taken[change.old_path or change.path] = change.id
        self._paths = given.paths
        self._old_paths = (given.paths - self._brought.keys()) | self._taken.keys()

    def _need(self, one: str, other: str | None) -> None:
        if one and other and one != other:
            self.needs[one].add(other)

    # --- within a file -------------------------------------------------------------------------------

    def in_file(self, source: Source) -> None:
        file, old, new = source.given, source.old, source.new
        for one, other in file.stacked:
            self._need(one, other)
        if new is None:
            return
        for use in new.uses:
            self._use(source, new, use)
        for member in new.members:
            self._member(source, new, member)
        if old is not None:
            self._taken_away(source, old, new)

    def _use(self, source: Source, new: Names, use: Use) -> None:
        scope = new.scope_of(use)
        if scope is None or use.name in BUILTINS or (source.old and source.old.scope_of(use) is not None):
            return
        self._need(source.given.added[use.line], sole(new.bound(scope, use.name), source.given.added))

    def _member(self, source: Source, new: Names, member: Member) -> None:
        of = new.scopes.get(member.owner or "")
        if member.owner is None or of is None or not of.plain or "__getattr__" in of.names:
            return
        before = source.old.scopes.get(member.owner) if source.old else None
        if before and (member.name in before.names or member.name in before.members):
            return
        bound = of.names.get(member.name, set()) | of.members.get(member.name, set())
        self._need(source.given.added[member.line], sole(bound, source.given.added))

    def _taken_away(self, source: Source, old: Names, new: Names) -> None:
        file = source.given
        for qual, scope in old.scopes.items():
            for name, lines in scope.names.items():
                taker = sole(lines, file.removed)
                if taker is None:
                    continue
                now = new.bound(qual, name)
                if now:  # it was moved: where the other change does not put it back, it is gone
                    self._need(taker, sole(now, file.added))
                    continue
                for use in old.uses:
                    if use.name == name and old.scope_of(use) == qual:
                        self._need(taker, file.removed[use.line])
        for member in old.members:
            self._member_gone(source, old, new, member)

    def _member_gone(self, source: Source, old: Names, new: Names, member: Member) -> None:
        before, now = old.scopes.get(member.owner or ""), new.scopes.get(member.owner or "")
        if member.owner is None or before is None or now is None or not now.plain:
            return
        if member.name in now.names or member.name in now.members:
            return
        bound = before.names.get(member.name, set()) | before.members.get(member.name, set())
        taker = sole(bound, source.given.removed)
        if taker:
            self._need(taker, source.given.removed[member.line])

    # --- from file to file ---------------------------------------------------------------------------

    def over_files(self, source: Source) -> None:
        file = source.given
        for imported in source.new.imports if source.new else ():
            self._import_added(file, imported)
        for imported in source.old.imports if source.old else ():
            self._import_removed(file, imported)
        for at, member in _of_modules(file.path, source.new, self._paths):
            self._need(file.added[member.line], self._bringer(at, member.name))
        for at, member in _of_modules(file.path, source.old, self._old_paths):
            self._needed_by(self._remover(at, member.name), file.removed[member.line])
        self._calls(source)
        if not file.path.endswith((".py", ".pyi")):
            self._written_imports(file)

    def _import_added(self, file: FileGiven, imported: Imported) -> None:
        mine = file.added[imported.line]
        if not mine:
            return
        for needed in files_of(file.path, imported, self._paths):
            self._need(mine, self._brought.get(needed))
        if (where := meant(file.path, imported, self._paths)) is not None and where[1]:
            self._need(mine, self._bringer(*where))

    def _import_removed(self, file: FileGiven, imported: Imported) -> None:
        mine = file.removed[imported.line]
        if not mine:
            return
        for needed in files_of(file.path, imported, self._old_paths):
            self._needed_by(self._taken.get(needed), mine)
        if (where := meant(file.path, imported, self._old_paths)) is not None and where[1]:
            self._needed_by(self._remover(*where), mine)

    def _needed_by(self, one: str | None, other: str) -> None:
        if one:
            self._need(one, other)

    def _bringer(self, path: str, name: str) -> str | None:
        """The one change that makes a module have a name."""
        source = self._sources.get(path)
        if source is None or source.new is None:
            return None
        before = source.old.scopes[""].names if source.old else {}
        if (source.given.old is not None and source.old is None) or before.keys() & {
            name,
            "*",
            "__getattr__",
        }:
            return None
        return sole(source.new.bound("", name), source.given.added)

    def _remover(self, path: str, name: str) -> str | None:
        """The one change that makes a module no longer have a name."""
        source = self._sources.get(path)
        if source is None or source.old is None or source.new is None:
            return None
        now = source.new.scopes[""].names
        if now.keys() & {name, "*", "__getattr__"}:
            return None
        return sole(source.old.bound("", name), source.given.removed)

    # --- calls ---------------------------------------------------------------------------------------

    def _calls(self, source: Source) -> None:
        file = source.given
        for call in source.new.calls if source.new else ():
            mine = file.added[call.line]
            if source.new and (of := self._function(file.path, source.new, call, self._paths)) and mine:
                changer, old, new = of
                if _takes(new, call) and not _takes(old, call):
                    self._need(mine, changer)
        for call in source.old.calls if source.old else ():
            mine = file.removed[call.line]
            if source.old and (of := self._function(file.path, source.old, call, self._old_paths)) and mine:
                changer, old, new = of
                if _takes(old, call) and not _takes(new, call):
                    self._need(changer, mine)

    def _function(
        self, path: str, names: Names, call: Call, paths: frozenset[str]
    ) -> tuple[str, Definition, Definition] | None:
        """(the change of its parameters, function before, function after) of what is called."""
        where: tuple[str, str] | None = None
        if names.scope_of(call.function) == "":
            imports = [i for i in names.imports if (i.scope, i.bound) == ("", call.function.name)]
            where = (path, call.function.name) if not imports else None
            if len(imports) == 1 == len(names.bound("", call.function.name)):
                where = meant(path, imports[0], paths)
        source = self._sources.get(where[0]) if where else None
        if where is None or source is None or source.old is None or source.new is None:
            return None
        before, now = source.old.definitions.get(where[1], ()), source.new.definitions.get(where[1], ())
        if len(before) != 1 or len(now) != 1 or before[0].signature == now[0].signature:
            return None
        old, new = before[0], now[0]
        owners = {*source.given.removed[old.start : old.head], *source.given.added[new.start : new.head]}
        changers = owners - {""}
        return (changers.pop(), old, new) if len(changers) == 1 else None

    # --- whole files ---------------------------------------------------------------------------------

    def of_files(self) -> None:
        for change in self._given.changes:
            self._need(change.id, self._brought.get(change.path))

    def _written_imports(self, file: FileGiven) -> None:
        for at, line in enumerate(split_lines(file.new or "")):
            if file.added[at]:
                for written in _WRITTEN_IMPORT.findall(line):
                    target = relative_file(file.path, written, self._brought.keys())
                    self._need(file.added[at], self._brought.get(target or ""))


def sole(lines: Iterable[int], owners: Sequence[str]) -> str | None:
    """The one change that all these lines are of; None where there is none, or the user's among them."""
    found = {owners[line] for line in lines}
    return (found.pop() or None) if len(found) == 1 else None


def _of_modules(path: str, names: Names | None, paths: frozenset[str]) -> Iterator[tuple[str, Member]]:
    """(file of the module, `module.name`) of what is read off modules."""
    for member in names.members if names else ():
        if names and (at := _module_of(path, names, member, paths)) is not None:
            yield at, member


def _module_of(path: str, names: Names, member: Member, paths: frozenset[str]) -> str | None:
    """The file that `module` of `module.name` is."""
    if member.owner is not None:
        return None
    scope = names.scope_of(member.base)
    imports = [i for i in names.imports if (i.scope, i.bound) == (scope, member.base.name)]
    if scope is None or len(imports) != 1 or names.bound(scope, member.base.name) != {imports[0].line}:
        return None
    where = meant(path, imports[0], paths)
    return where[0] if where and not where[1] else None


def _takes(function: Definition, call: Call) -> bool:
    node = function.node
    return isinstance(node, ast.ClassDef) or accepts(node, call.positional, call.keywords)
