r"""Text as LSP sees it: lines, positions and edits. Pure; knows no wire types.

A line ends at `\n`, `\r\n` or `\r` and nowhere else. Inside Nexus a character is a code point and an
offset counts code points from the start of the text; an editor may count bytes (utf-8) or utf-16 units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Units = Literal["utf-8", "utf-16", "utf-32"]
"""What an editor counts as one character of a line (LSP: `positionEncoding`)."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces `[start, end)`, in code points from the start of the text, by `text`."""

    start: int
    end: int
    text: str


def split_lines(text: str) -> list[str]:
    r"""The lines of `text`, ends kept, split at `\n`, `\r\n` and `\r` only; `[]` for an empty text.

    `str.splitlines` also splits at form feeds, U+0085 and U+2028, which editors count as characters.
    """
    return _LINE.findall(text)


def editor_lines(text: str) -> list[str]:
    """The lines as an editor numbers them: one more than there are line ends, so the last may be empty.

    Every position in the text, its end included, lies on one of them.
    """
    lines = split_lines(text)
    if not lines or _ends(lines[-1]):
        lines.append("")
    return lines


def join(lines: Iterable[str]) -> str:
    """The text that `split_lines` or `editor_lines` took apart."""
    return "".join(lines)


def body(line: str) -> str:
    """A line without its line end."""
    return line.rstrip("\r\n")


def width(text: str, units: Units) -> int:
    """How many units `text` takes."""
    if units == "utf-32" or text.isascii():
        return len(text)
    return sum(_char_width(char, units) for char in text)


def index_in(line: str, count: int, units: Units) -> int:
    """The code point that starts at or before `count` units; never past the line's end mark (LSP 3.17)."""
    line = body(line)
    if count <= 0:
        return 0
    if units == "utf-32" or line.isascii():
        return min(count, len(line))
    taken = 0
    for index, char in enumerate(line):
        taken += _char_width(char, units)
        if taken > count:
            return index
    return len(line)


def offset_at(lines: Sequence[str], line: int, character: int, units: Units = "utf-32") -> int:
    """The offset of a position in the joined lines; one that lies outside moves to the nearest inside."""
    if line < 0:
        return 0
    start = sum(len(each) for each in lines[:line])
    return start + index_in(lines[line], character, units) if line < len(lines) else start


def position_at(lines: Sequence[str], offset: int, units: Units = "utf-32") -> tuple[int, int]:
    """(line, character) of an offset, which is moved into the text where it lies outside.

    Between `\\r` and `\\n` there is no position: such an offset counts as before the `\\r`.
    """
    start = 0
    for number, line in enumerate(lines):
        if offset < start + len(line):
            return number, width(body(line)[: max(0, offset - start)], units)
        start += len(line)
    if not lines or _ends(lines[-1]):
        return len(lines), 0
    return len(lines) - 1, width(lines[-1], units)


def apply_edit(text: str, edit: Edit) -> str:
    """The text after one edit."""
    return "".join((text[: edit.start], edit.text, text[edit.end :]))


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that each speak of what their predecessor left, as in `didChange`."""
    for edit in edits:
        text = apply_edit(text, edit)
    return text


def _ends(line: str) -> bool:
    return line.endswith(("\n", "\r"))


def _char_width(char: str, units: Units) -> int:
    point = ord(char)
    if units == "utf-16":
        return 1 if point < 0x10000 else 2
    return 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
