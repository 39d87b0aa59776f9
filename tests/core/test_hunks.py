"""Hunks as values: made by a diff, applied, shifted, written as text edits, composed."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core.composing import Pending, compose, trimmed, without
from nexus_lsp.core.diff import diff, matching
from nexus_lsp.core.hunks import Hunk, TextEdit, apply, edit_text, fits, shift
from nexus_lsp.core.text import split_lines

few = settings(max_examples=100, deadline=None)
texts = st.lists(
    st.sampled_from(["a", "b", "c", "\n", "\n", "\r", "\r\n", "\f", "\u2028", "\u0085"]), max_size=24
)
line_lists = texts.map("".join).map(split_lines)
repeats = st.lists(st.sampled_from(["a\n", "b\n", "\n"]), max_size=12)


def lines(text: str) -> list[str]:
    return [f"{word}\n" for word in text.split()]


def hunk(line: int, before: str = "", after: str = "") -> Hunk:
    return Hunk(line, tuple(lines(before)), tuple(lines(after)))


# --- diff and apply ----------------------------------------------------------------------------------


@few
@given(line_lists, line_lists)
def test_a_diff_applied_gives_the_new_text_byte_for_byte(old: list[str], new: list[str]) -> None:
    hunks = diff(old, new)
    result = apply(old, hunks)
    assert result == new
    assert split_lines("".join(result)) == result
    assert all(a.end < b.line for a, b in itertools.pairwise(hunks))
    assert all(h.before != h.after and fits(h, old, h.line) for h in hunks)


@few
@given(line_lists, line_lists, st.randoms())
def test_every_subset_of_hunks_can_be_accepted_alone(
    old: list[str], new: list[str], chance: random.Random
) -> None:
    some = [h for h in diff(old, new) if chance.random() < 0.5]
    result = old
    for h in reversed(some):
        result = apply(result, [h])
    assert result == apply(old, some)
    assert split_lines("".join(result)) == result


READABLE = {
    "a new function stands whole between two others": (
        "def a():\n  return\n\n\ndef c():\n  return\n",
        "def a():\n  return\n\n\ndef b():\n  return\n\n\ndef c():\n  return\n",
        [Hunk(4, (), ("def b():\n", "  return\n", "\n", "\n"))],
    ),
    "a deleted block goes from its head to its brace": (
        "f {\n  x\n}\ng {\n  x\n}\nh\n",
        "f {\n  x\n}\nh\n",
        [Hunk(3, ("g {\n", "  x\n", "}\n"), ())],
    ),
    "a last line gets its line end": ("a\nb", "a\nb\n", [Hunk(1, ("b",), ("b\n",))]),
    "a form feed, U+0085 and U+2028 end no line": (
        "a\fb\u0085c\u2028d\re\n",
        "a\fb\u0085c\u2028D\re\n",
        [Hunk(0, ("a\fb\u0085c\u2028d\r",), ("a\fb\u0085c\u2028D\r",))],
    ),
    "an empty file gets its text": ("", "a\n", [Hunk(0, (), ("a\n",))]),
    "all is deleted": ("a\n", "", [Hunk(0, ("a\n",), ())]),
}


@pytest.mark.parametrize("name", READABLE)
def test_readable(name: str) -> None:
    old, new, expected = READABLE[name]
    assert diff(split_lines(old), split_lines(new)) == expected


def test_a_large_file_with_few_changes_is_quick() -> None:
    old = [f"{i}\n" if i % 3 else "\n" for i in range(20_000)]
    new = [*old[:50], "x\n", *old[51:9000], *old[9003:19000], "y\n", "z\n", *old[19000:]]
    start = time.process_time()
    assert len(diff(old, new)) == 3
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("kinds", [2, 30, 130, 1000, 5000])
def test_two_random_files_do_not_take_forever(kinds: int) -> None:
    chance = random.Random(kinds)
    old, new = ([f"{chance.randrange(kinds)}\n" for _ in range(5_000)] for _ in "ab")
    start = time.process_time()
    assert apply(old, diff(old, new)) == new
    assert time.process_time() - start < 2


def test_two_edits_in_a_long_repetitive_file_are_two_hunks() -> None:
    old = [random.Random(i).choice("abcd") + "\n" for i in range(5_000)]
    new = [*old[:1000], "new\n", *old[1000:3000], *old[3001:]]
    assert len(diff(old, new)) == 2
    assert sum(size for _, _, size in matching(old, new)) == 4_999


@pytest.mark.parametrize("hunks", [[hunk(0, "b")], [hunk(2, "c d")], [hunk(0, "a b"), hunk(1, "b")]])
def test_apply_refuses_what_does_not_stand_or_overlaps(hunks: list[Hunk]) -> None:
    with pytest.raises(ValueError, match="line"):
        apply(lines("a b c"), hunks)


# --- shift -------------------------------------------------------------------------------------------

SHIFTS = {
    # what the user did: hunk, (line, removed, added), where the hunk's line is now
    "typed a line far above": (hunk(5, "x"), (1, 0, 1), 6),
    "changed the line right above": (hunk(5, "x"), (4, 1, 1), 5),
    "put a line right above": (hunk(5, "x"), (5, 0, 1), 6),
    "put a line right below": (hunk(5, "x"), (6, 0, 1), 5),
    "changed the line right below": (hunk(5, "x"), (6, 1, 2), 5),
    "changed its line": (hunk(5, "x"), (5, 1, 1), None),
    "put a line between its lines": (hunk(5, "x y"), (6, 0, 1), None),
    "deleted it with the line above": (hunk(5, "x"), (4, 2, 0), None),
    "insertion: typed just there": (hunk(5, "", "n"), (5, 0, 1), 5),
    "insertion: changed the line above": (hunk(5, "", "n"), (4, 1, 3), 7),
    "insertion: changed the line below": (hunk(5, "", "n"), (5, 1, 3), 5),
    "insertion: changed both": (hunk(5, "", "n"), (4, 2, 2), None),
    "insertion at the top: typed above it": (hunk(0, "", "n"), (0, 0, 2), 2),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_shift(name: str) -> None:
    before, edit, line = SHIFTS[name]
    moved = shift(before, *edit)
    assert (moved and moved.line) == line


# --- text edits --------------------------------------------------------------------------------------

EDITS = {
    "two hunks of one file": (
        "a\nb\nc\n",
        [(2, hunk(2, "c", "C")), (0, hunk(0, "a"))],
        (TextEdit(0, 1, ""), TextEdit(2, 3, "C\n")),
    ),
    "hunks that touch become one edit": (
        "a\nb\n",
        [(1, hunk(3, "b", "B")), (1, hunk(1, "", "n"))],
        (TextEdit(1, 2, "n\nB\n"),),
    ),
    "a last line without an end": ("a\nb", [(1, Hunk(1, ("b",), ("b\n", "c")))], (TextEdit(1, 2, "b\nc"),)),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_text(name: str) -> None:
    live, placed, expected = EDITS[name]
    assert edit_text(split_lines(live), placed) == expected


RUNS_INTO = {
    "an insertion after a last line without an end": ("a\nb", 2, Hunk(2, (), ("c\n",))),
    "a last line without an end put before others": ("a\nb\n", 0, Hunk(0, ("a\n",), ("A",))),
    "a lone CR before a line that is only LF": ("a\n\nb\n", 0, Hunk(0, ("a\n",), ("a\r",))),
    "other text stands there": ("a\nb\n", 0, hunk(0, "b")),
}


@pytest.mark.parametrize("name", RUNS_INTO)
def test_what_would_change_another_line_is_refused(name: str) -> None:
    live, line, one = RUNS_INTO[name]
    assert not fits(one, split_lines(live), line)
    with pytest.raises(ValueError, match="line"):
        edit_text(split_lines(live), [(line, one)])


# --- composing ---------------------------------------------------------------------------------------


@few
@given(repeats | line_lists, repeats | line_lists, repeats | line_lists, st.randoms())
def test_kept_and_new_hunks_give_what_the_later_task_left(
    base: list[str], first: list[str], second: list[str], chance: random.Random
) -> None:
    pending = [Pending(str(i), h) for i, h in enumerate(diff(base, first)) if chance.random() < 0.7]
    middle = apply(base, [item.hunk for item in pending])
    edits = diff(middle, second)
    composed = compose(pending, base, edits)
    kept = [item.hunk for item in pending if item.id in composed.kept]
    hunks = sorted([*kept, *(new.hunk for new in composed.new)], key=lambda h: h.line)
    assert apply(base, hunks) == second
    assert all(a.end < b.line for a, b in itertools.pairwise(hunks))
    assert {*composed.kept, *(id for id, _ in composed.superseded)} == {item.id for item in pending}
    for id, at in composed.superseded:
        assert at is None or id in composed.new[at].supersedes


def test_a_later_edit_beside_a_pending_hunk_supersedes_it_and_leaves_the_others() -> None:
    base = lines("a b c d e f g")
    pending = [Pending("1", hunk(1, "b", "B BB")), Pending("2", hunk(5, "f", "F"))]
    composed = compose(pending, base, [hunk(3, "c", "C")])
    assert composed.kept == ("2",)
    assert composed.superseded == (("1", 0),)
    assert composed.new[0].hunk == hunk(1, "b c", "B BB C")


def test_an_edit_that_takes_a_pending_hunk_back_leaves_nothing() -> None:
    composed = compose([Pending("1", hunk(1, "b", "B"))], lines("a b c"), [hunk(1, "B", "b")])
    assert composed.superseded == (("1", None),)
    assert composed.new == ()


def test_an_edit_that_joins_two_pending_hunks_supersedes_both() -> None:
    base = lines("a b c d e")
    pending = [Pending("1", hunk(1, "b", "B")), Pending("2", hunk(3, "d"))]
    composed = compose(pending, base, [hunk(2, "c", "C")])
    assert composed.superseded == (("1", 0), ("2", 0))
    assert composed.new[0].hunk == hunk(1, "b c d", "B C")


BACK = {
    # the new hunk, the rejected one, what is left
    "the same again": (hunk(1, "b", "X"), hunk(1, "b", "X"), None),
    "the same insertion one line down": (hunk(2, "", "b"), hunk(1, "", "b"), None),
    "the same inside a larger one": (hunk(0, "a b c", "A b X"), hunk(2, "c", "X"), hunk(0, "a", "A")),
    "an import that was rejected, with another": (hunk(1, "", "X Y"), hunk(1, "", "X"), hunk(1, "", "Y")),
    "the same with other white space": (hunk(1, "b", "x=1"), Hunk(1, ("b\n",), ("  x = 1\n", "\n")), None),
    "the same insertion near by": (hunk(3, "", "X"), hunk(1, "", "X"), None),
    "the same lines, other text": (hunk(1, "b", "Z"), hunk(1, "b", "X"), hunk(1, "b", "Z")),
    "the same text elsewhere": (hunk(3, "d", "X"), hunk(1, "b", "X"), hunk(3, "d", "X")),
}


@pytest.mark.parametrize("name", BACK)
def test_a_rejected_hunk_does_not_come_back(name: str) -> None:
    new, rejected, left = BACK[name]
    base = lines("a b c d")
    assert without(new, [rejected], base) == left


LONG = [f"    line {n} of a function\n" for n in range(4)]
FAR = [f"{n}\n" for n in range(60)]
COPIES = {
    # the new hunk, the rejected one, whether it has a place, what is left
    "a function put in far away": (Hunk(50, (), tuple(LONG)), Hunk(2, (), tuple(LONG)), True, None),
    "a short line put in far away": (
        hunk(50, "", "return"),
        hunk(2, "", "return"),
        True,
        hunk(50, "", "return"),
    ),
    "a function, dedented, among others": (
        Hunk(50, (), ("new\n", *(line.strip() + "\n" for line in LONG), "more\n")),
        Hunk(2, (), tuple(LONG)),
        True,
        Hunk(50, (), ("new\n", "more\n")),
    ),
    "a function that is moved, not put in": (
        Hunk(50, ("x\n", *LONG), (*LONG, "y\n")),
        Hunk(2, (), tuple(LONG)),
        True,
        Hunk(50, ("x\n", *LONG), (*LONG, "y\n")),
    ),
    "the same replacement elsewhere": (hunk(50, "50", "X"), hunk(2, "50", "X"), True, hunk(50, "50", "X")),
    "the same replacement, and nobody knows where it was": (
        hunk(50, "50", "X"),
        hunk(2, "50", "X"),
        False,
        None,
    ),
    "the same deletion, and nobody knows where it was": (hunk(50, "50"), hunk(2, "50"), False, None),
    "other indentation than was rejected": (
        hunk(2, "2", "\t2"),
        hunk(2, "2", " 2"),
        True,
        hunk(2, "2", "\t2"),
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_a_rejected_hunk_does_not_come_back(name: str) -> None:
    new, rejected, placed, left = COPIES[name]
    base = [*FAR[: new.line], *new.before, *FAR[new.end :]]
    known, lost = ([rejected], []) if placed else ([], [rejected])
    assert without(new, known, base, lost) == left


def test_a_rejected_empty_line_does_not_take_empty_lines_out_of_a_new_function() -> None:
    new = Hunk(1, (), ("\n", "def f():\n", "\n"))
    assert without(new, [Hunk(1, (), ("\n",))], lines("a b")) == new


def test_trimmed_keeps_only_what_changes() -> None:
    assert trimmed(hunk(0, "a b c", "a x c")) == hunk(1, "b", "x")
    assert trimmed(hunk(0, "a a", "a")) == hunk(1, "a")
    assert trimmed(hunk(0, "a", "a")) is None
