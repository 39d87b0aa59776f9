"""Decisions on a text: which edits carry an accept or an undo out, and what is refused."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core import facts as f
from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change, Relation, Traits
from nexus_lsp.core.diff import diff
from nexus_lsp.core.evolve import begin
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.needs import SUPERSEDED, changed_relations
from nexus_lsp.core.review import (
    CHANGED_LINES,
    acceptable,
    decide_text,
    over_accepted,
    select,
    undoable,
)
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.core.text import split_lines


def changes(base: str, new: str, blob: str = "b") -> list[Change]:
    """The hunks between two texts, as c0, c1, …"""
    return [
        Change(f"c{n}", ("t",), ("a",), "f", "edit", "", blob, x.line, "".join(x.before), "".join(x.after))
        for n, x in enumerate(diff(split_lines(base), split_lines(new)))
    ]


BASE = "a\nb\nc\nd\ne\nf\ng\n"
NEW = "A\nb\nc\nD\nD2\ne\nf\n"


def decided(live: str, ids: Sequence[int], undo: bool = False, base: str = BASE, new: str = NEW) -> list[str]:
    """The text after the decision and, line by line, what became of each change."""
    chosen = [c for n, c in enumerate(changes(base, new)) if n in ids]
    decision = decide_text(chosen, {"b": base}, live, undo)
    told = [f"{i}: {why}" for i, why in decision.refused]
    return [decision.text, *decision.carried, *told]


TABLE: Mapping[str, tuple[list[str], list[str]]] = {
    "accept all": (decided(BASE, [0, 1, 2]), [NEW, "c0", "c1", "c2"]),
    "accept one": (decided(BASE, [1]), ["a\nb\nc\nD\nD2\ne\nf\ng\n", "c1"]),
    "accept below what the user typed": (decided("x\n" + BASE, [1]), ["x\na\nb\nc\nD\nD2\ne\nf\ng\n", "c1"]),
    "accept beside what was accepted": (decided("A\n" + BASE[2:], [1, 2]), [NEW, "c1", "c2"]),
    "accept where the user changed the lines": (
        decided(BASE.replace("d", "user"), [0, 1]),
        ["A\nb\nc\nuser\ne\nf\ng\n", "c0", f"c1: {CHANGED_LINES}"],
    ),
    "accept what stands there already": (decided(NEW, [0, 1, 2]), [NEW, "c0", "c1", "c2"]),
    "undo all": (decided(NEW, [0, 1, 2], undo=True), [BASE, "c0", "c1", "c2"]),
    "undo one of three": (decided(NEW, [1], undo=True), ["A\nb\nc\nd\ne\nf\n", "c1"]),
    "undo where the user changed the accepted text": (
        decided(NEW.replace("D2", "user"), [1], undo=True),
        [NEW.replace("D2", "user"), f"c1: {CHANGED_LINES}"],
    ),
    "undo what is undone already": (decided(BASE, [1], undo=True), [BASE, "c1"]),
    "CRLF stays": (
        decided("a\r\nb\r\n", [0], base="a\r\nb\r\n", new="a\r\nB\r\n"), ["a\r\nB\r\n", "c0"],
    ),
    "a last line without an end": (decided("a\nb", [0], base="a\nb", new="a\nb\n"), ["a\nb\n", "c0"]),
    "a last line that loses its end": (decided("a\nb\n", [0], base="a\nb\n", new="a\nB"), ["a\nB", "c0"]),
    "a last line behind which the user went on": (
        decided("a\nb\nc\n", [0], base="a\nb\n", new="a\nB"),
        ["a\nb\nc\n", f"c0: {CHANGED_LINES}"],
    ),
    "an empty file": (decided("", [0], base="", new="a\n"), ["a\n", "c0"]),
    "all deleted": (decided("a\n", [0], base="a\n", new=""), ["", "c0"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_decision_on_a_text(name: str) -> None:
    found, expected = TABLE[name]
    assert found == expected


def test_changes_of_two_bases_are_one_edit() -> None:
    [old] = changes("a\nb\nc\nd\n", "A\nb\nc\nd\n", "old")
    [new] = changes("x\na\nb\nc\nd\n", "x\na\nb\nc\nD\n", "new")
    bases = {"old": "a\nb\nc\nd\n", "new": "x\na\nb\nc\nd\n"}
    decision = decide_text([old, replace(new, id="n0")], bases, "x\na\nb\nc\nd\n")
    assert (decision.text, sorted(decision.carried)) == ("x\nA\nb\nc\nD\n", ["c0", "n0"])


def test_changes_that_overlap_are_refused_together() -> None:
    one, other = changes(BASE, "A\n" + BASE[2:]), changes(BASE, "Z\n" + BASE[2:])
    decision = decide_text([*one, replace(other[0], id="z")], {"b": BASE}, BASE)
    assert (decision.text, decision.carried) == (BASE, ())
    assert {why for _, why in decision.refused} == {
        "these changes overlap in what you have now; accept them one by one"
    }


texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=10).map("".join)


@settings(max_examples=200, deadline=None)
@given(texts, texts)
def test_accept_all_gives_the_proposal_and_undo_all_the_base(base: str, new: str) -> None:
    made = changes(base, new)
    accepted = decide_text(made, {"b": base}, base)
    assert (accepted.text, len(accepted.carried)) == (new, len(made))
    undone = decide_text(made, {"b": base}, new, undo=True)
    assert (undone.text, len(undone.carried)) == (base, len(made))


# --- neighbours of what was accepted -----------------------------------------------------------------


def test_a_neighbour_is_surely_found_where_the_plain_base_leaves_a_doubt() -> None:
    """The accepted hunk repeats the lines that the waiting one changes."""
    base, accepted = split_lines("x\nf\nx\ng\n"), Hunk(0, (), ("x\n", "f\n"))
    waiting = Hunk(0, ("x\n", "f\n"), ("X\n", "F\n"))
    live = split_lines("x\nf\nx\nf\nx\ng\n")
    assert place([waiting], base, live) == [None]
    middle, [moved] = over_accepted(base, [waiting], [accepted])
    assert (moved.line, place([moved], middle, live)) == (2, [2])


@settings(max_examples=200, deadline=None)
@given(texts, texts, st.randoms())
def test_neighbours_keep_their_place_whatever_is_accepted(base: str, new: str, chance: object) -> None:
    hunks = diff(split_lines(base), split_lines(new))
    taken = [x for x in hunks if chance.random() < 0.5]  # type: ignore[attr-defined]
    waiting = [x for x in hunks if x not in taken]
    middle, moved = over_accepted(split_lines(base), waiting, taken)
    assert place(moved, middle, middle) == [x.line for x in moved]
    decision = decide_text(
        [Change(f"m{n}", (), (), "f", "edit", "", "m", x.line, "".join(x.before), "".join(x.after)) for n, x in enumerate(moved)],
        {"m": "".join(middle)}, "".join(middle),
    )  # fmt: skip
    assert decision.text == new


def test_hunks_that_do_not_go_together_are_left_as_they_are() -> None:
    base, a, b = ["x\n"], Hunk(0, ("x\n",), ("y\n",)), Hunk(0, ("x\n",), ("z\n",))
    assert over_accepted(base, [a], [b]) == (base, [a])


# --- choosing ----------------------------------------------------------------------------------------


def run(*states: ChangeState) -> Run:
    made = begin(f.Entry(1, 0.0, "r", f.RunStarted("r", "/w")))
    return replace(made, changes={s.change.id: s for s in states})


def state(change_id: str, status: str = "pending", note: str = "", *depends_on: str) -> ChangeState:
    made = Change(change_id, ("t",), ("a",), "f", "edit", "", depends_on=depends_on)
    return ChangeState(made, status, note)  # type: ignore[arg-type]


# which changes there are, as `id status needs…`, what is accepted or taken back, and what is said of each
NEEDS: dict[str, tuple[str, str, list[str]]] = {
    "alone": ("p pending", "accept p", ["p"]),
    "twice": ("p pending", "accept p p", ["p"]),
    "decided": (
        "o outdated, a accepted", "accept o a", ["o: it is outdated already", "a: it is accepted already"],
    ),
    "without what it needs": (
        "p pending, d pending p", "accept d", ["d: it needs p: accept them together", "d + p"],
    ),
    "with it": ("p pending, d pending p", "accept d p", ["d", "p"]),
    "all steps are offered, the first one first": (
        "a pending, b pending a, c pending b", "accept c",
        ["c: it needs a, b: accept them together", "c + a b"],
    ),
    "only a part of them": (
        "a pending, b pending a, c pending b", "accept b c",
        ["b: it needs a: accept them together", "c: it needs a: accept them together", "b + a", "c + a"],
    ),
    "what is accepted is there": ("a accepted, b pending a", "accept b", ["b"]),
    "a cycle is one set": (
        "a pending c, b pending a, c pending b", "accept b", ["b: it needs c, a: accept them together", "b + c a"],
    ),
    "the whole cycle": ("a pending b, b pending a", "accept b a", ["b", "a"]),
    "what took its place is needed": (
        "a outdated >n, n pending, b pending a", "accept b", ["b: it needs n: accept them together", "b + n"],
    ),
    "what took its place is accepted": ("a outdated >n, n accepted, b pending a", "accept b", ["b"]),
    "a later task took it back": ("a outdated !, b pending a", "accept b", ["b"]),
    "it was turned down": (
        "a rejected, b pending a, c pending b", "accept b c",
        [f"{x}: it needs a, which is rejected: take that back (`undo`) first, or accept it anyway" for x in "bc"],
    ),
    "the user typed over it": (
        "a outdated, b pending a", "accept b",
        ["b: it needs a, which is outdated: take that back (`undo`) first, or accept it anyway"],
    ),
    "the user insists": ("a rejected, p pending, b pending a p", "insist b", ["b"]),
    "taken back": ("a accepted", "undo a", ["a"]),
    "taken back, though others need it": (
        "a accepted, b accepted a, c accepted b, p pending a", "undo a",
        ["a: it is needed by b, c: take them back together", "a + b c"],
    ),
    "taken back with those": ("a accepted, b accepted a", "undo a b", ["a", "b"]),
    "taken back all the same": ("a accepted, b accepted a", "insist-undo a", ["a"]),
    "taken back what needs others": ("a accepted, b accepted a", "undo b", ["b"]),
}  # fmt: skip


def described(text: str) -> Run:
    states: list[ChangeState] = []
    for each in text.split(", "):
        name, status, *rest = each.split()
        by = next((word[1:] for word in rest if word.startswith(">")), None)
        note = SUPERSEDED if by or "!" in rest else ""
        needed = [word for word in rest if word[0] not in ">!"]
        states.append(replace(state(name, status, note, *needed), superseded_by=by))
    return run(*states)


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed(name: str) -> None:
    changes_there, done, expected = NEEDS[name]
    how, *ids = done.split()
    choose = undoable if how.endswith("undo") else acceptable
    choice = choose([described(changes_there)], ids, how.startswith("insist"))
    told = [*(c.id for c in choice.changes), *(f"{i}: {why}" for i, why in choice.refused)]
    assert [*told, *(f"{i} + {' '.join(others)}" for i, others in choice.needs.items())] == expected


# --- relations after a further landing ---------------------------------------------------------------


def fresh(change_id: str, *needed: str, adds: str = "") -> Relation:
    return Relation(change_id, needed, Traits(adds=(adds,) if adds else ()))


LANDED: dict[str, tuple[str, list[Relation], list[str]]] = {
    "new ones": ("", [fresh("a"), fresh("b", "a")], ["a", "b a"]),
    "nothing new": ("a pending, b pending a", [fresh("a", adds="go"), fresh("b", "a")], []),
    "another brings it now": ("a pending, b pending a", [fresh("b", "n"), fresh("n")], ["b n", "n"]),
    "what was turned down stays needed": ("a rejected, b pending a", [fresh("b"), fresh("n")], ["n"]),
    "until another brings the same": (
        "a rejected, b pending a", [fresh("b", "n"), fresh("n", adds="go")], ["b n", "n"],
    ),
    "but nothing else": (
        "a rejected, b pending a", [fresh("b", "n"), fresh("n", adds="other")], ["b n a", "n"],
    ),
    "what was accepted is there, unless it is found again": ("a accepted, b pending a", [fresh("b")], ["b"]),
    "an accepted one keeps what it was known for": ("a accepted, b accepted a", [fresh("b")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", LANDED)
def test_relations_after_a_landing(name: str) -> None:
    there, relations, expected = LANDED[name]
    before = described(there) if there else run()
    known = {
        i: replace(s, traits=Traits(adds=("go",) if i == "a" else ())) for i, s in before.changes.items()
    }
    found = changed_relations(replace(before, changes=known), relations)
    assert [" ".join((r.change_id, *r.depends_on)) for r in found] == expected


def test_select_picks_by_status_oldest_first() -> None:
    runs = [run(state("p"), state("a", "accepted"), state("q"))]
    assert select(runs, lambda _run, change: change.id != "a", ("pending",)) == ["p", "q"]
