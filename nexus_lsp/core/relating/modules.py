"""Which file an import means, as far as the paths of a tree say so surely."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Set

from nexus_lsp.core.relating.names import Imported

ROOTS = ("", "src", "lib")
"""Where packages usually begin, besides the folder of a script or test itself."""

ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".css", ".scss", ".json")


def module_path(path: str, module: str, level: int, paths: Set[str]) -> str | None:
    """The file of a module that is imported by `path`; None where there is none, or more than one."""
    parts = [part for part in module.split(".") if part]
    folder = posixpath.dirname(path)
    if level:
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        roots = {folder}
    else:
        roots = {*ROOTS, _top(folder, paths)}
    found: set[str] = set()
    for root in roots:
        stem = "/".join([*([root] if root else []), *parts])
        found |= {name for name in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")) if name in paths}
    return found.pop() if len(found) == 1 else None


def _top(folder: str, paths: Set[str]) -> str:
    """The folder that pytest and python put on the path for a file: the first that is no package."""
    while folder and f"{folder}/__init__.py" in paths:
        folder = posixpath.dirname(folder)
    return folder


def files_of(path: str, imported: Imported, paths: Set[str]) -> Iterator[str]:
    """The files that must be there for an import."""
    names = ["", imported.name] if imported.name else [""]
    for name in names:
        module = ".".join(part for part in (imported.module, name) if part)
        if found := module_path(path, module, imported.level, paths):
            yield found


def meant(path: str, imported: Imported, paths: Set[str]) -> tuple[str, str] | None:
    """(file, name in it) that an import binds, "" for the module itself; None where that is not sure."""
    if imported.name is None:
        found = None if imported.bound in imported.module.split(".")[:-1] else imported.module
        whole = module_path(path, found, 0, paths) if found else None
        return (whole, "") if whole else None
    module = ".".join(part for part in (imported.module, imported.name) if part)
    if submodule := module_path(path, module, imported.level, paths):
        return submodule, ""
    of = module_path(path, imported.module, imported.level, paths)
    return (of, imported.name) if of else None


def relative_file(path: str, written: str, there: Set[str]) -> str | None:
    """The file that a relative path written in another language's import (`./cart`) means, if it is there."""
    stem = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
    tried = [stem + ending for ending in ENDINGS] + [f"{stem}/index{ending}" for ending in ENDINGS[1:]]
    return next((name for name in tried if name in there), None)
