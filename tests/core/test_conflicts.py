"""Three sides of a conflict: base, yours, theirs, and the text that each decision leaves."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nexus_lsp.core.anchors import already_there, place, sure_lines
from nexus_lsp.core.conflicts import Conflict, both, find_conflict, settled, sides_of
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, apply
from nexus_lsp.core.text import split_lines

BASE = "a\nb\nc\nd\ne\nf\n"
GONE = ["the surroundings are gone"]


def sides(new: str, live: str, base: str = BASE) -> list[str]:
    """Of the one hunk between `base` and `new`: base | yours | theirs, then the text by each decision."""
    (hunk,) = diff(split_lines(base), split_lines(new))
    lines = split_lines(live)
    found = find_conflict(hunk, split_lines(base), lines)
    if found is None:
        return GONE
    shown = " | ".join("".join(side).replace("\n", "/") for side in (found.base, found.yours, found.theirs))
    return [shown, _after(found, "theirs", lines), _after(found, "both", lines)]


def _after(found: Conflict, how: str, lines: list[str]) -> str:
    hunk = settled(found, how, lines)  # type: ignore[arg-type]
    return "".join(apply(lines, [hunk])) if hunk else "refused"


TABLE: Mapping[str, tuple[list[str], list[str]]] = {
    "the same line, each their way": (
        sides("a\nb\nTHEIRS\nd\ne\nf\n", "a\nb\nmine\nd\ne\nf\n"),
        ["c/ | mine/ | THEIRS/", "a\nb\nTHEIRS\nd\ne\nf\n", "a\nb\nmine\nTHEIRS\nd\ne\nf\n"],
    ),
    "different lines of the hunk: both merge": (
        sides("a\nB\nC\nD\ne\nf\n", "a\nb\nc\nd2\ne\nf\n", "a\nb\nc\nd\ne\nf\n"),
        ["b/c/d/ | b/c/d2/ | B/C/D/", "a\nB\nC\nD\ne\nf\n", "a\nb\nc\nd2\nB\nC\nD\ne\nf\n"],
    ),
    "the user deleted the lines": (
        sides("a\nb\nTHEIRS\nd\ne\nf\n", "a\nb\nd\ne\nf\n"),
        ["c/ |  | THEIRS/", "a\nb\nTHEIRS\nd\ne\nf\n", "a\nb\nTHEIRS\nd\ne\nf\n"],
    ),
    "they delete what the user changed": (
        sides("a\nb\nd\ne\nf\n", "a\nb\nmine\nd\ne\nf\n"),
        ["c/ | mine/ | ", "a\nb\nd\ne\nf\n", "a\nb\nmine\nd\ne\nf\n"],
    ),
    "the user put a line between those of the hunk": (
        sides("a\nX\nY\nd\ne\nf\n", "a\nb\nmine\nc\nd\ne\nf\n"),
        ["b/c/ | b/mine/c/ | X/Y/", "a\nX\nY\nd\ne\nf\n", "a\nmine\nX\nY\nd\ne\nf\n"],
    ),
    "the user's lines above and below stay as they are": (
        sides("a\nb\nTHEIRS\nd\ne\nf\n", "top\na\nb\nmine\nd\ne\nend\nf\n"),
        [
            "c/ | mine/ | THEIRS/",
            "top\na\nb\nTHEIRS\nd\ne\nend\nf\n",
            "top\na\nb\nmine\nTHEIRS\nd\ne\nend\nf\n",
        ],
    ),
    "the user changed across the edge of the hunk": (
        sides("a\nb\nTHEIRS\nd\ne\nf\n", "a\none\ntwo\nd\ne\nf\n"),
        ["b/c/ | one/two/ | b/THEIRS/", "a\nb\nTHEIRS\nd\ne\nf\n", "a\none\ntwo\nb\nTHEIRS\nd\ne\nf\n"],
    ),
    "an insertion between two lines that the user changed": (
        sides("a\nb\nc\nNEW\nd\ne\nf\n", "a\nb\nmine\nmine2\ne\nf\n"),
        ["c/d/ | mine/mine2/ | c/NEW/d/", "a\nb\nc\nNEW\nd\ne\nf\n", "a\nb\nmine\nmine2\nNEW\ne\nf\n"],
    ),
    "at the end, and the user's last line has no end": (
        sides("a\nb\nTHEIRS\n", "a\nb\nmine", "a\nb\nc\n"),
        ["c/ | mine | THEIRS/", "a\nb\nTHEIRS\n", "a\nb\nmine\nTHEIRS\n"],
    ),
    "their last line has no end, and the user wrote on below": (
        sides("a\nb\nTHEIRS", "a\nb\nmine\nmore\n", "a\nb\nc"),
        ["c | mine/more/ | THEIRS", "a\nb\nTHEIRS", "a\nb\nmine\nmore\nTHEIRS"],
    ),
    "Windows line ends stay": (
        sides("a\r\nX", "a\r\nmine", "a\r\nb"),
        ["b | mine | X", "a\r\nX", "a\r\nmine\r\nX"],
    ),
    "a file of one line": (
        sides("THEIRS\n", "mine\n", "one\n"),
        ["one/ | mine/ | THEIRS/", "THEIRS\n", "mine\nTHEIRS\n"],
    ),
    "a whole other file": (
        sides(
            "".join(f"{n}\n" for n in range(30)) + "NEW\n" + "".join(f"{n}\n" for n in range(31, 60)),
            "".join(f"other {n}\n" for n in range(60)),
            "".join(f"{n}\n" for n in range(60)),
        ),
        GONE,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_three_sides_and_what_each_decision_leaves(name: str) -> None:
    got, wanted = TABLE[name]
    assert got == wanted


@pytest.mark.parametrize(
    ("base", "yours", "theirs", "wanted"),
    [
        ("a b c", "A b c", "a b C", "A b C"),
        ("a b", "A b", "a B", "A B"),
        ("a", "A", "B", "A B"),
        ("a", "A", "A", "A"),
        ("", "A", "B", "A B"),
        ("a b c d", "X b c Y", "a b Z Y", "X b c Z Y"),
        ("a b", "a b m", "a b t", "a b m t"),
        ("a b c", "a c", "a B c", "a B c"),
        ("a b", "a mine b", "X Y", "mine X Y"),
        ("a b", "X Y", "a theirs b", "X Y theirs"),
    ],
)
def test_both(base: str, yours: str, theirs: str, wanted: str) -> None:
    def lines(text: str) -> tuple[str, ...]:
        return tuple(f"{word}\n" for word in text.split())

    assert both(Conflict(0, lines(base), lines(yours), lines(theirs))) == lines(wanted)


def _end(live: list[str], found: Conflict) -> str:
    return "\r\n" if next(iter([*live, *found.theirs]), "").endswith("\r\n") else "\n"


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n", "e\r\n"]), max_size=14)


@given(LINES, st.integers(0, 13), st.integers(0, 3), LINES, LINES)
def test_only_the_lines_shown_as_yours_are_replaced(
    base: list[str], at: int, size: int, after: list[str], live: list[str]
) -> None:
    """Whatever the texts are: above and below of the conflict every line of the user's stays."""
    hunk = Hunk(min(at, len(base)), tuple(base[min(at, len(base)) :][:size]), tuple(after[:3]))
    found = find_conflict(hunk, base, live)
    if found is None:
        return
    assert tuple(live[found.line : found.end]) == found.yours
    assert settled(found, "mine", live) == Hunk(found.line, found.yours, found.yours)
    for how, result in (("theirs", found.theirs), ("both", both(found, _end(live, found)))):
        hunk_made = settled(found, how, live)  # type: ignore[arg-type]
        if hunk_made:
            wanted = [*live[: found.line], *result, *live[found.end :]]
            assert "".join(apply(live, [hunk_made])) == "".join(wanted)


@given(LINES, st.integers(0, 13), LINES)
def test_where_nothing_was_changed_theirs_is_what_was_proposed(
    base: list[str], at: int, after: list[str]
) -> None:
    hunk = Hunk(min(at, len(base)), tuple(base[min(at, len(base)) :][:2]), tuple(after[:3]))
    assume(hunk.before != hunk.after and place([hunk], base, base) == [hunk.line])
    found = find_conflict(hunk, base, base)
    assert found is not None and found.base == found.yours
    done = apply(base, [hunk])
    assert already_there(hunk, sure_lines(base, done), done) in (hunk.line, None)


def test_where_its_place_is_known_only_what_is_around_is_looked_at() -> None:
    base = [f"{n}\n" for n in range(2_000)]
    live = [f"above {n}\n" for n in range(500)] + ["mine\n" if line == "900\n" else line for line in base]
    hunk = Hunk(900, ("900\n",), ("THEIRS\n",))
    everywhere, close_by = (
        sides_of([hunk], base, [], live),
        sides_of([hunk], base, [], live, [range(1400, 1401)]),
    )
    assert everywhere == close_by == [Conflict(1400, ("900\n",), ("mine\n",), ("THEIRS\n",))]
    edges = [Hunk(0, ("0\n",), ("X\n",)), Hunk(1999, ("1999\n",), ("X\n",))]
    typed = ["top\n", "mine\n", *base[1:1999], "mine\n", "end\n"]
    assert sides_of(edges, base, [], typed, [range(1, 2), range(2000, 2001)]) == sides_of(
        edges, base, [], typed
    )
