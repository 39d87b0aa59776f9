"""The door: URIs and positions as an editor sends them, paths and places as the engine knows them.

A path is workspace-relative, POSIX, and carries bytes that are not UTF-8 as surrogate escapes. A place is
(line, character), 0-based, the character in code points.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from lsprotocol.types import Position, Range

from nexus_lsp.core.text import Units, body, index_in, width

Place = tuple[int, int]

_FILE = "file://"


def file_of(uri: str) -> str | None:
    """The absolute file name a `file:` URI spells; None for any other URI and for names no file can have.

    `?` and `#` are taken as part of the name: editors send no queries or fragments with documents, but
    some leave these characters unescaped.
    """
    if uri[: len(_FILE)].lower() != _FILE:
        return None
    host, slash, rest = uri[len(_FILE) :].partition("/")
    if host.lower() not in ("", "localhost") or not slash:
        return None
    try:
        name = os.fsdecode(unquote_to_bytes("/" + rest))
    except UnicodeError:
        return None
    if os.name == "nt" and name[2:3] == ":":
        name = name[1:]
    return None if "\0" in name else name


def path_of(uri: str, root: Path) -> str | None:
    """The workspace-relative path of a document; None where it lies outside or is the root itself.

    Symlinks are resolved in the root and in the folders on the way, not in the file's own name: git knows
    a symlink as a file of its own, and nothing behind a symlink that leaves the workspace is in it.
    """
    name = file_of(uri)
    if name is None:
        return None
    folder, base = os.path.split(name.rstrip("/"))
    if base in ("", ".", ".."):
        return None
    try:
        path = Path(os.path.realpath(folder), base).relative_to(os.path.realpath(root))
    except (OSError, ValueError):
        return None
    return path.as_posix() if path.name else None


def uri_of(path: str, root: Path) -> str:
    """The URI of a workspace-relative path, in the root's own spelling.

    Where a document is open, prefer the URI its editor gave it: through a symlink or another escaping the
    same file has several, and an editor takes them for different documents.
    """
    name = (root.absolute() / path).as_posix()
    return _FILE + ("" if name.startswith("/") else "/") + quote(os.fsencode(name), safe="/")


def place_of(lines: Sequence[str], position: Position, units: Units) -> Place:
    """Where an editor's position lies; what is outside the text moves to the nearest place inside."""
    if position.line < 0 or not lines:
        return 0, 0
    if position.line >= len(lines):
        return _end(lines)
    return position.line, index_in(lines[position.line], position.character, units)


def position_of(lines: Sequence[str], place: Place, units: Units) -> Position:
    """A place as the editor counts it. A place behind the last line keeps its line, at character 0."""
    line, character = place
    if line >= len(lines):
        return Position(line, 0)
    return Position(line, width(body(lines[line])[:character], units))


def range_of(lines: Sequence[str], start: Place, end: Place, units: Units) -> Range:
    """A span as the editor counts it."""
    return Range(position_of(lines, start, units), position_of(lines, end, units))


def _end(lines: Sequence[str]) -> Place:
    last = lines[-1]
    text = body(last)
    return (len(lines), 0) if text != last else (len(lines) - 1, len(text))
