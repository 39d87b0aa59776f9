"""Hunks: one replaced run of lines, as a value, and what can be said of it without aligning two texts.

A text is a sequence of lines that keep their ends (`core.text.split_lines`); line numbers are 0-based.
The neighbours of this module: `diff` makes hunks, `anchors` finds them again in another text, `tracking`
keeps them placed under the user's keystrokes, `composing` folds a later task's work into them.

**Invariant:** nothing here, and nothing in those four, ever joins a line of one side to a line of the
other: a hunk is only ever put where `fits` says that its own lines stand, byte for byte, and that its
seams are clean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Replace `before` at `line` by `after`.

    Attributes:
        line: index of the first replaced line; a pure insertion stands before this line.
        before: the replaced lines with their ends; empty for an insertion.
        after: what takes their place; empty for a deletion.
    """

    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def end(self) -> int:
        """Index of the first line after the replaced ones."""
        return self.line + len(self.before)


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace the lines `start_line` up to but not including `end_line` by `new_text`.

    Where `end_line` is the number of lines, the edit reaches the end of the document, which is the end of
    the last line where that has no line end: the face must say that position, not (`end_line`, 0).
    """

    start_line: int
    end_line: int
    new_text: str


def stands(hunk: Hunk, live: Lines, line: int) -> bool:
    """Whether the hunk's `before` is exactly what `live` has at `line`."""
    end = line + len(hunk.before)
    return line >= 0 and end <= len(live) and tuple(live[line:end]) == hunk.before


def fits(hunk: Hunk, live: Lines, line: int) -> bool:
    """Whether the hunk can be applied at `line` of `live` and touches nothing but its own lines.

    More than `stands`: an `after` without a final line end would swallow the start of the next line, an
    insertion after a last line without an end would prolong that line, and `\\r` before `\\n` would make
    one line end of two.
    """
    if not stands(hunk, live, line):
        return False
    end = line + len(hunk.before)
    run = [*live[line - 1 : line], *hunk.after, *live[end : end + 1]]
    return all(_clean_seam(left, right) for left, right in pairwise(run))


def _clean_seam(left: str, right: str) -> bool:
    return left.endswith(("\n", "\r")) and not (left.endswith("\r") and right.startswith("\n"))


def common_ends(old: Lines, new: Lines) -> tuple[int, int]:
    """How many lines are equal at the top and, of the rest, at the bottom."""
    shortest = min(len(old), len(new))
    top = low = 0
    while top < shortest and old[top] == new[top]:
        top += 1
    while low < shortest - top and old[-1 - low] == new[-1 - low]:
        low += 1
    return top, low


def find_lines(needle: Lines, lines: Lines) -> int | None:
    """Index of the first place where `needle` stands in `lines`."""
    wanted = tuple(needle)
    size = len(wanted)
    return next((i for i in range(len(lines) - size + 1) if tuple(lines[i : i + size]) == wanted), None)


def apply(old: Lines, hunks: Iterable[Hunk]) -> list[str]:
    """`old` with all hunks (in any order, all in coordinates of `old`) applied.

    Raises:
        ValueError: a hunk's `before` does not stand at its line, or two hunks overlap.
    """
    new: list[str] = []
    at = 0
    for hunk in sorted(hunks, key=_order):
        if hunk.line < at:
            raise ValueError(f"two hunks overlap at line {hunk.line}")
        if not stands(hunk, old, hunk.line):
            raise ValueError(f"the lines to replace do not stand at line {hunk.line}")
        new += old[at : hunk.line]
        new += hunk.after
        at = hunk.end
    new += old[at:]
    return new


def _order(hunk: Hunk) -> tuple[int, int]:
    """Insertions before the replacement that starts on the same line."""
    return hunk.line, len(hunk.before)


def shift(hunk: Hunk, edit_line: int, removed: int, added: int) -> Hunk | None:
    """The hunk after `removed` lines at `edit_line` became `added` lines, judged by the numbers alone.

    An edit within a line counts as replacing that line; whoever calls this trims lines that are equal on
    both sides first, so that Enter at the end of the line above is an insertion and not a replacement.

    | edit                                               | hunk with `before`    | insertion              |
    |----------------------------------------------------|-----------------------|------------------------|
    | ends above the line above                          | moves                 | moves                  |
    | changes the line right above                       | moves                 | moves (holds to below) |
    | inserts exactly at its first line                  | moves (text is above) | stays (holds to above) |
    | changes any of its lines, or inserts between them  | None                  | -                      |
    | changes the line right below, or inserts there     | stays                 | stays (holds to above) |
    | replaces lines on both sides                       | None                  | None                   |

    An insertion at line 0 holds to the line below, so text that is put at the top stays above it.
    None = its lines were touched: lost, unless they turn out to stand there still (see `tracking`).
    """
    edit_end = edit_line + removed
    if hunk.before:
        above, below = edit_end <= hunk.line, edit_line >= hunk.end
    else:
        at_point = edit_line == edit_end == hunk.line
        above = edit_end <= hunk.line and (not at_point or hunk.line == 0)
        below = edit_line >= hunk.line
    if above:
        return replace(hunk, line=hunk.line + added - removed)
    return hunk if below else None


def edit_text(live: Lines, placed: Iterable[tuple[int, Hunk]]) -> tuple[TextEdit, ...]:
    """The text edits that apply hunks at their places in `live`, for one workspace edit.

    Ordered by position; hunks that touch each other come as one edit, because editors disagree on the
    order of two edits at one position.

    Args:
        live: the document as it is now.
        placed: line in `live`, hunk (its own `line` only orders insertions at one place).

    Raises:
        ValueError: a hunk does not fit at its place, or two hunks overlap.
    """
    ordered = sorted(placed, key=lambda pair: (pair[0], pair[1].line, len(pair[1].before)))
    edits: list[TextEdit] = []
    for line, hunk in ordered:
        if not stands(hunk, live, line):
            raise ValueError(f"the lines to replace do not stand at line {line}")
        text = "".join(hunk.after)
        end = line + len(hunk.before)
        last = edits[-1] if edits else None
        if last and line < last.end_line:
            raise ValueError(f"two hunks overlap at line {line}")
        if last and line == last.end_line:
            edits[-1] = TextEdit(last.start_line, end, last.new_text + text)
        else:
            edits.append(TextEdit(line, end, text))
    for edit in edits:
        _check_seams(live, edit)
    return tuple(edits)


def _check_seams(live: Lines, edit: TextEdit) -> None:
    whole = Hunk(0, tuple(live[edit.start_line : edit.end_line]), (edit.new_text,) if edit.new_text else ())
    if not fits(whole, live, edit.start_line):
        raise ValueError(f"the text at line {edit.start_line} would run into the line beside it")
