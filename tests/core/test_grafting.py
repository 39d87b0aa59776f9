"""Changes put onto HEAD's texts: what a commit of the accepted alone holds, and what the index holds then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_lsp.core.changes import Change
from nexus_lsp.core.diff import diff
from nexus_lsp.core.grafting import CHANGED_SINCE, NO_PLACE, Held, graft, standing, with_staged
from nexus_lsp.core.hunks import apply
from nexus_lsp.core.text import split_lines

BASE = "a\nb\nc\nd\ne\nf\ng\n"
NEW = "A\nb\nc\nD\nD2\ne\nf\n"


def held(text: str | None) -> Held | None:
    return None if text is None else Held(text.encode())


def changes(base: str, new: str, name: str = "c") -> list[Change]:
    """The hunks between two texts, as c0, c1, …; the base's text is its blob's name."""
    return [
        Change(
            f"{name}{n}", ("t",), ("a",), "f", "edit", "", base, x.line, "".join(x.before), "".join(x.after)
        )
        for n, x in enumerate(diff(split_lines(base), split_lines(new)))
    ]


def committed(head: str, *steps: tuple[str, str], live: str | None = None) -> list[str]:
    """The file over `head` after the hunks of these steps, its regions, and what was left out and why."""
    chosen = [c for at, step in enumerate(steps) for c in changes(*step, name="abc"[at])]
    blobs = {c.base or "": (c.base or "").encode() for c in chosen}
    base = {"f": held(head)}
    made = graft(base, chosen, blobs) if live is None else standing(base, chosen, blobs, {"f": held(live)})
    file = made.files.get("f")
    text = [file.held.content.decode()] if file and file.held else []
    spots = [f"{r.start}+{len(r.after)} {' '.join(r.ids)}" for r in (file.regions if file else ())]
    left = [f"{i}: {why}" for i, why in made.left.items()]
    return [*text, *spots, *(f"{i} is there" for i in made.had), *left]


TABLE: Mapping[str, tuple[list[str], list[str]]] = {
    "all": (committed(BASE, (BASE, NEW)), [NEW, "0+1 a0", "3+2 a1", "7+0 a2"]),
    "over lines that HEAD does not have": (
        committed(BASE, ("x\n" + BASE, "x\n" + NEW)),
        [NEW, "0+1 a0", "3+2 a1", "7+0 a2"],
    ),
    "on lines that HEAD does not have": (
        committed(BASE, ("x\n" + BASE, "X\n" + BASE.replace("e", "E"))),
        [BASE.replace("e", "E"), "4+1 a1", f"a0: {NO_PLACE}"],
    ),
    "what HEAD has already": (committed(NEW, (BASE, NEW)), ["a0 is there", "a1 is there", "a2 is there"]),
    "one run over another": (
        committed(
            BASE, (BASE, "a\nb\nx\nc\nd\ne\nf\ng\n"), ("a\nb\nx\nc\nd\ne\nf\ng\n", "a\nb\nX\nY\nd\ne\nf\ng\n")
        ),
        ["a\nb\nX\nY\nd\ne\nf\ng\n", "2+2 a0 b0"],
    ),
    "the user typed beside": (
        committed(BASE, (BASE, NEW), live="0\n" + NEW.replace("b", "B")),
        [NEW, "0+1 a0", "3+2 a1", "7+0 a2"],
    ),
    "the user typed in the middle of an accepted hunk": (
        committed(BASE, (BASE, NEW), live=NEW.replace("D2", "mine\nD2")),
        [NEW, "0+1 a0", "3+2 a1", "7+0 a2"],
    ),
    "the user changed an accepted line": (
        committed(BASE, (BASE, NEW), live=NEW.replace("D2", "D3")),
        ["A\nb\nc\nd\ne\nf\n", "0+1 a0", "6+0 a2", f"a1: {CHANGED_SINCE}"],
    ),
    "the user put back what was deleted": (
        committed(BASE, (BASE, NEW), live=NEW + "g\n"),
        ["A\nb\nc\nD\nD2\ne\nf\ng\n", "0+1 a0", "3+2 a1", f"a2: {CHANGED_SINCE}"],
    ),
    "a run over another whose lines the user changed": (
        committed(
            BASE,
            (BASE, "a\nb\nx\nc\nd\ne\nf\ng\n"),
            ("a\nb\nx\nc\nd\ne\nf\ng\n", "a\nb\nx\nc\nd\ne\nF\ng\n"),
            live="a\nb\ny\nc\nd\ne\nF\ng\n",
        ),
        ["a\nb\nc\nd\ne\nF\ng\n", "5+1 b0", f"a0: {CHANGED_SINCE}"],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_committed(name: str) -> None:
    got, wanted = TABLE[name]
    assert got == wanted


INDEX: Mapping[str, tuple[str | None, str | None]] = {
    "nothing staged": (BASE, NEW),
    "all of it staged": (NEW, NEW),
    "own lines staged": (BASE.replace("f", "f\nmine"), NEW.replace("f", "f\nmine")),
    "some of it staged, and own lines": (
        BASE.replace("a", "A").replace("f", "mine\nf"),
        NEW.replace("f", "mine\nf"),
    ),
    "its removal staged": (None, None),
    "the same lines staged otherwise": (BASE.replace("d", "mine"), "refused"),
}


@pytest.mark.parametrize("name", INDEX)
def test_what_the_index_holds_then(name: str) -> None:
    staged, wanted = INDEX[name]
    made = graft({"f": held(BASE)}, changes(BASE, NEW), {BASE: BASE.encode()}).files["f"]
    if wanted == "refused":
        with pytest.raises(ValueError):
            with_staged(made, held(BASE), held(staged))
    else:
        assert with_staged(made, held(BASE), held(staged)) == held(wanted)


LINES = st.lists(st.sampled_from([f"{c}\n" for c in "abcdefgh"]), min_size=1, max_size=12)


@given(LINES, LINES, st.data())
def test_any_part_of_any_diff_is_committed_as_it_is(
    old: list[str], new: list[str], data: st.DataObject
) -> None:
    """On the text that they were made from, chosen hunks give what applying them gives, region by region."""
    base, every = "".join(old), changes("".join(old), "".join(new))
    chosen = data.draw(st.permutations(every))[: data.draw(st.integers(0, len(every)))]
    made = graft({"f": held(base)}, chosen, {base: base.encode()})
    hunks = [h for h, c in zip(diff(old, new), every, strict=True) if c in chosen]
    # an insertion whose text stands beside its place already counts as done
    if made.left or made.had:
        return
    wanted = apply(old, hunks)
    assert (made.files["f"].held if chosen else held(base)) == held("".join(wanted))
    for region in made.files["f"].regions if chosen else ():
        assert tuple(wanted[region.start : region.end]) == region.after
    assert _without(wanted, made.files["f"].regions if chosen else ()) == old


@given(LINES, LINES, LINES)
def test_nothing_that_the_user_took_out_is_committed(old: list[str], new: list[str], mine: list[str]) -> None:
    """Whatever the user made of the file: a committed line of ours stands in it."""
    base, live = "".join(old), Held("".join(mine).encode())
    made = standing({"f": held(base)}, changes(base, "".join(new)), {base: base.encode()}, {"f": live})
    for region in made.files["f"].regions if "f" in made.files else ():
        assert all(mine.count(line) for line in region.after)


def _without(lines: Sequence[str], regions: Sequence[object]) -> list[str]:
    """The text before: every region replaced by what it says stood there."""
    text = list(lines)
    for region in reversed(regions):
        text[region.start : region.end] = region.before  # type: ignore[attr-defined]
    return text
