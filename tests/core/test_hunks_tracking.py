"""Hunks found again and kept placed: what the user does, and where the agents' hunks are then."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core.anchors import already_there, place, sure_lines
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, Lines, edit_text, fits
from nexus_lsp.core.text import split_lines
from nexus_lsp.core.tracking import LineEdit, Placed, settle, track

few = settings(max_examples=150, deadline=None)
repeats = st.lists(st.sampled_from(["a\n", "b\n", "\n"]), max_size=10)
pieces = st.lists(st.sampled_from(["a\n", "b\r\n", "\r", "\n", "\f\u2028\n", "c"]), max_size=10)
some_lines = repeats | pieces.map("".join).map(split_lines)


def lines(text: str) -> list[str]:
    return [f"{word}\n" for word in text.split()]


def hunk(line: int, before: str = "", after: str = "") -> Hunk:
    return Hunk(line, tuple(lines(before)), tuple(lines(after)))


class Document:
    """An open document with tracked hunks; `type` takes what LSP says in whole lines."""

    def __init__(self, base: Lines, hunks: list[Hunk]) -> None:
        self.live = list(base)
        self.places = {str(i): settle(h, h.line, base) for i, h in enumerate(hunks)}
        self.undo_stack: list[LineEdit] = []

    def type(self, start: int, removed: int, added: Lines) -> None:
        edit = LineEdit(start, tuple(self.live[start : start + removed]), tuple(added))
        self.undo_stack.append(LineEdit(start, edit.added, edit.removed))
        self._change(edit)

    def undo(self) -> None:
        self._change(self.undo_stack.pop())

    def _change(self, edit: LineEdit) -> None:
        end = edit.start + len(edit.removed)
        assert tuple(self.live[edit.start : end]) == edit.removed
        self.live[edit.start : end] = edit.added
        self.places = track(self.places, edit, self.live)
        for placed in self.places.values():
            assert placed.line is None or fits(placed.hunk, self.live, placed.line)

    def accept(self, id: str) -> bool:
        placed: Placed = self.places.pop(id)
        if placed.line is None:
            return False
        (edit,) = edit_text(self.live, [(placed.line, placed.hunk)])
        self.type(edit.start_line, edit.end_line - edit.start_line, split_lines(edit.new_text))
        return True


# --- in the user's terms -----------------------------------------------------------------------------

SITUATIONS = {
    # the hunk on "a b c d e", the user's edit (line, removed, added), its line while tracked, found again
    "typed above": (hunk(2, "c", "C"), (0, 0, "u"), 3, 3),
    "typed below": (hunk(2, "c", "C"), (4, 0, "u"), 2, 2),
    "Enter at the end of the line above": (hunk(2, "c", "C"), (1, 1, "b u"), 3, 3),
    "changed the line above": (hunk(2, "c", "C"), (1, 1, "u"), 2, 2),
    "changed the line below": (hunk(2, "c", "C"), (3, 1, "u"), 2, 2),
    "changed its line": (hunk(2, "c", "C"), (2, 1, "u"), None, None),
    "typed between its lines": (hunk(1, "b c", "C"), (2, 0, "u"), None, None),
    "deleted its lines": (hunk(1, "b c", "C"), (1, 2, ""), None, None),
    "deleted all around it": (hunk(2, "c", "C"), (1, 3, ""), None, None),
    "pasted its block above": (hunk(2, "c", "C"), (2, 0, "c"), 3, None),
    "pasted its block below": (hunk(2, "c", "C"), (3, 0, "c"), 2, None),
    "pasted its block far away": (hunk(2, "c", "C"), (0, 0, "c"), 3, 3),
    "replaced the file, its line kept": (hunk(2, "c", "C"), (0, 5, "x y z c q"), 3, 3),
    "insertion: typed just there": (hunk(2, "", "n"), (2, 0, "u"), 2, 2),
    "insertion: changed the line above": (hunk(2, "", "n"), (1, 1, "u"), 2, 2),
    "insertion: deleted the line below": (hunk(2, "", "n"), (2, 1, ""), 2, 2),
    "insertion: changed both lines beside it": (hunk(2, "", "n"), (1, 2, "u v"), None, None),
    "insertion: typed the same": (hunk(2, "", "n"), (2, 0, "n"), None, None),
    "insertion at the top: a header above it": (hunk(0, "", "n"), (0, 0, "u"), 1, 1),
    "insertion at the top: changed the first line": (hunk(0, "", "n"), (0, 1, "u"), 0, 0),
    "insertion at the top: typed the same": (hunk(0, "", "n"), (0, 0, "n"), None, None),
    "insertion at the top: typed the same and more": (hunk(0, "", "n"), (0, 0, "u n"), None, None),
    "insertion at the end: typed the same": (hunk(5, "", "n"), (5, 0, "n"), None, None),
    "insertion at the end: typed the same and more": (hunk(5, "", "n"), (5, 0, "n u"), None, None),
    "insertion at the end: wrote on": (hunk(5, "", "n"), (5, 0, "u"), 5, 5),
    "insertion at the end: changed the last line": (hunk(5, "", "n"), (4, 1, "u"), 5, 5),
    "insertion at the end: replaced the file": (hunk(5, "", "n"), (0, 5, "u v w"), None, None),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name: str) -> None:
    one, (start, removed, added), tracked, found = SITUATIONS[name]
    base = lines("a b c d e")
    document = Document(base, [one])
    document.type(start, removed, lines(added))
    assert document.places["0"].line == tracked
    assert place([one], base, document.live) == [found]
    document.undo()
    assert document.places["0"].line == one.line


def test_deleted_line_by_line_and_undone_it_is_back() -> None:
    document = Document(lines("a b c d e"), [hunk(1, "b c d", "X")])
    for _ in range(4):
        document.type(1, 1, [])
        assert document.places["0"].line is None
    for _ in range(4):
        document.undo()
    assert document.places["0"].line == 1


def test_typing_a_word_letter_by_letter_above_moves_nothing_and_loses_nothing() -> None:
    document = Document(lines("a b c"), [hunk(1, "b", "B")])
    for text in ("ax\n", "axy\n", "axyz\n"):
        document.type(0, 1, [text])
    assert document.places["0"].line == 1


def test_a_third_empty_line_typed_between_two_leaves_the_insertion_there() -> None:
    document = Document(["a\n", "\n", "\n", "b\n"], [Hunk(2, (), ("n\n",))])
    document.type(2, 0, ["\n"])
    assert document.places["0"].line == 2


def test_a_last_line_that_loses_its_end_takes_no_insertion_until_it_has_it_again() -> None:
    document = Document(lines("a b"), [hunk(2, "", "n")])
    document.type(1, 1, ["b"])
    assert document.places["0"].line is None
    document.type(1, 1, ["b\n"])
    assert document.places["0"].line == 2


def test_a_hunk_without_a_final_line_end_waits_while_lines_stand_below_it() -> None:
    document = Document(lines("a b"), [Hunk(1, ("b\n",), ("B",))])
    document.type(2, 0, lines("u"))
    assert document.places["0"].line is None
    document.undo()
    assert document.places["0"].line == 1


def test_the_text_for_an_empty_file_waits_while_the_user_has_text_there() -> None:
    document = Document([], [hunk(0, "", "n")])
    document.type(0, 0, lines("u"))
    assert document.places["0"].line is None
    document.undo()
    assert document.places["0"].line == 0


THERE = {
    "accepted elsewhere": (hunk(1, "b", "B"), "a B c", 1),
    "typed by hand": (hunk(1, "", "n"), "u a n b c", 2),
    "deleted by hand": (hunk(1, "b"), "a c", 1),
    "not there": (hunk(1, "b", "B"), "a b c", None),
    "more than that": (hunk(1, "b", "B"), "a B u c", None),
}


@pytest.mark.parametrize("name", THERE)
def test_already_there(name: str) -> None:
    one, live, line = THERE[name]
    assert already_there(one, sure_lines(lines("a b c"), lines(live)), lines(live)) == line


# --- laws --------------------------------------------------------------------------------------------


@few
@given(some_lines, some_lines, st.randoms())
def test_accept_all_in_any_order_is_the_proposal_and_reject_all_the_base(
    base: list[str], proposal: list[str], chance: random.Random
) -> None:
    hunks = diff(base, proposal)
    document = Document(base, hunks)
    assert document.live == base
    order = [str(i) for i in range(len(hunks))]
    chance.shuffle(order)
    assert all(document.accept(id) for id in order)
    assert document.live == proposal


@few
@given(some_lines, some_lines, some_lines)
def test_a_hunk_found_again_can_be_applied(base: list[str], proposal: list[str], live: list[str]) -> None:
    hunks = diff(base, proposal)
    for one, line in zip(hunks, place(hunks, base, live), strict=True):
        assert line is None or fits(one, live, line)
    assert place(hunks, base, base) == [one.line for one in hunks]


proposals = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=4
)
base_words = st.lists(st.sampled_from("ab}"), min_size=8, max_size=16) | st.just([f"w{i}" for i in range(14)])


def proposed(base: Lines, steps: list[tuple[int, int, int]]) -> list[Hunk]:
    """Disjoint hunks, at least one line apart, with tokens of their own."""
    hunks: list[Hunk] = []
    at = 0
    for n, (gap, removed, added) in enumerate(steps):
        line = at + gap
        before = tuple(base[line : line + removed])
        if line > len(base) or not (before or added):
            continue
        hunks.append(Hunk(line, before, tuple(f"agent{n}.{i}\n" for i in range(added))))
        at = hunks[-1].end + 1
    return hunks


@settings(max_examples=250, deadline=None)
@given(base_words, proposals, st.randoms(use_true_random=False), st.integers(2, 14))
def test_any_order_with_user_edits_in_between_keeps_both_sides_text(
    words: list[str], steps: list[tuple[int, int, int]], chance: random.Random, turns: int
) -> None:
    base = [f"{word}\n" for word in words]
    hunks = proposed(base, steps)
    document = Document(base, hunks)
    accepted: set[str] = set()
    users: set[str] = set()
    for turn in range(turns):
        kind = chance.choice(["type", "replace", "delete", "paste", "undo", "accept"])
        at = chance.randint(0, len(document.live))
        if kind == "type":
            document.type(at, 0, [f"user{turn}.{i}\n" for i in range(chance.randint(1, 3))])
        elif kind == "replace":
            document.type(
                at, chance.randint(1, 4), [f"user{turn}.{i}\n" for i in range(chance.randint(1, 3))]
            )
        elif kind == "delete":
            document.type(at, chance.randint(1, 4), [])
        elif kind == "paste":
            document.type(at, 0, base[at : at + 3])
        elif kind == "undo" and document.undo_stack:
            document.undo()
        elif kind == "accept" and document.places:
            before = Counter(document.live)
            id = chance.choice(sorted(document.places))
            if document.accept(id):
                one = hunks[int(id)]
                assert Counter(document.live) == before - Counter(one.before) + Counter(one.after)
                accepted.add(id)
                document.undo_stack.clear()
        users = {line for line in document.live if line.startswith("user")}
    count = Counter(document.live)
    assert all(count[line] == 1 for line in users)
    for n, one in enumerate(hunks):
        if str(n) not in accepted:
            assert not any(count[line] for line in one.after)


def original_place(one: Hunk, base: Lines, live: Lines) -> int | None:
    """Where the very lines of the base (the objects, not their text) stand that the hunk speaks of."""
    first, end = (one.line, one.end) if one.before else (one.line - 1, one.line + 1)
    if first < 0 or end > len(base):
        return None
    own = [id(line) for line in base[first:end]]
    ids = [id(line) for line in live]
    at = next((i for i in range(len(ids)) if ids[i : i + len(own)] == own), None)
    return at if at is None or one.before else at + 1


def fresh(words: Lines) -> list[str]:
    """Lines that are objects of their own, however often the same word comes."""
    return ["".join([word, "\n"]) for word in words]


@few
@given(base_words, proposals, st.randoms(use_true_random=False), st.integers(1, 10))
def test_a_hunk_whose_very_lines_stand_is_never_placed_on_a_duplicate(
    words: list[str], steps: list[tuple[int, int, int]], chance: random.Random, turns: int
) -> None:
    base = fresh(words)
    hunks = proposed(base, steps)
    document = Document(base, hunks)
    alike = len(set(words)) < len(words)
    for _ in range(turns):
        at = chance.randint(0, len(document.live))
        kind = chance.choice(["paste", "delete", "undo"])
        if kind == "paste":
            alike = True
            document.type(at, 0, fresh(words[at : at + chance.randint(1, 4)]))
        elif kind == "delete":
            document.type(at, chance.randint(1, 3), [])
        elif document.undo_stack:
            document.undo()
        for n, one in enumerate(hunks):
            there = original_place(one, base, document.live)
            assert there is None or document.places[str(n)].line in (there, None)
    while document.undo_stack:
        document.undo()
    for n, one in enumerate(hunks):
        # Among lines that are alike, one typed again passes for the old one, and its undo for a loss.
        back = document.places[str(n)].line
        assert back == one.line or (alike and (back is None or not one.before))
    assert place(hunks, base, document.live) == [one.line for one in hunks]
