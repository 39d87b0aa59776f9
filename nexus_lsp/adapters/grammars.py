"""Parsing other languages than Python, by tree-sitter: its grammars are in their wheels, nothing is fetched.

The one file that imports tree-sitter, and not before a text is to be parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from nexus_lsp.core.merging.syntax import Syntax
from nexus_lsp.ports import Readiness

if TYPE_CHECKING:
    from tree_sitter import Language, TreeCursor

_WHERE = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c_sharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "yaml": ("tree_sitter_yaml", "language"),
    "bash": ("tree_sitter_bash", "language"),
}
"""Grammar → the module that has it, and what gives it there."""


def parse(grammar: str, text: str) -> Syntax | None:
    """The tree of a text; what is wrong in it is a broken node. None where the grammar is not installed.

    Raises RecursionError for a text that is nested too deeply.
    """
    language = _language(grammar)
    if language is None:
        return None
    from tree_sitter import Parser

    data = text.encode("utf-8", "surrogatepass")
    places = range(len(data) + 1) if len(data) == len(text) else _places(text)
    return _plain(Parser(language).parse(data).walk(), places)


def check() -> Readiness:
    """Whether every grammar is there."""
    missing = sorted({_WHERE[grammar][0] for grammar in _WHERE if _language(grammar) is None})
    if not missing:
        return Readiness("languages", True, f"{len(_WHERE)} grammars, for merging by structure")
    by_lines = ["such files are merged by lines only"] if missing != ["tree_sitter_bash"] else []
    asked = ["each command is asked about"] if "tree_sitter_bash" in missing else []
    without = ", and ".join(by_lines + asked)
    told = f"{', '.join(missing)} cannot be imported: {without}"
    packages = " ".join(name.replace("_", "-") for name in missing)
    return Readiness("languages", True, told, f"`pip install --upgrade tree-sitter {packages}`.")


@cache
def _language(grammar: str) -> Language | None:
    module, maker = _WHERE[grammar]
    try:
        from tree_sitter import Language

        given: object = getattr(import_module(module), maker)()
        return Language(given)
    except (ImportError, ValueError, AttributeError):  # not there, or of another version than the parser
        return None


def _places(text: str) -> Sequence[int]:
    """Byte of UTF-8 → code point."""
    places: list[int] = []
    for at, char in enumerate(text):
        point = ord(char)
        places += [at] * (1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4)
    return [*places, len(text)]


def _plain(cursor: TreeCursor, places: Sequence[int]) -> Syntax:
    """The node that the cursor stands on; it stands there again afterwards."""
    node = cursor.node
    assert node is not None
    role, children = cursor.field_name or "", list[Syntax]()
    if cursor.goto_first_child():
        children.append(_plain(cursor, places))
        while cursor.goto_next_sibling():
            children.append(_plain(cursor, places))
        cursor.goto_parent()
    broken = node.is_error or node.is_missing
    start, end = places[node.start_byte], places[node.end_byte]
    return Syntax(node.type, start, end, role, tuple(children), broken, node.has_error)
