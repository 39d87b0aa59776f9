"""Properties of every merge by structure, over features of made-up modules."""

from __future__ import annotations

import ast
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core.merging import language_of, merge
from nexus_lsp.core.merging.three_way import merge_text
from nexus_lsp.core.merging.tree import Conflict, together
from nexus_lsp.core.text import split_lines

NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")
BODIES = ("return 1", "x = 2\n    return x", "for x in y:\n        print(x)\n    return None")
UNITS = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(BODIES)).map(
        lambda u: f"def {u[0]}(y):\n    {u[1]}\n\n\n"
    ),
    st.tuples(st.sampled_from(NAMES), st.integers(0, 3)).map(lambda u: f"{u[0].upper()} = {u[1]}\n"),
    st.sampled_from(NAMES).map(lambda name: f"from {name} import {name}_one, {name}_two\n"),
    st.lists(st.sampled_from(NAMES), unique=True, min_size=1).map(
        lambda names: "TABLE = {\n" + "".join(f'    "{n}": {n},\n' for n in names) + "}\n"
    ),
    st.sampled_from(NAMES).map(
        lambda name: f"class {name.title()}:\n    {name} = 1\n\n    def get(self):\n        return 1\n\n\n"
    ),
    st.sampled_from(NAMES).map(lambda name: f"# about {name}\nprint({name!r})\n"),
)


@st.composite
def sides(draw: st.DrawFn) -> tuple[str, str, str]:
    """A base, and two texts that each came from it by units put in, taken out, or made another."""
    base = draw(st.lists(UNITS, max_size=6))

    def side() -> str:
        units = list(base)
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(units)))
            gone = draw(st.integers(0, 1))
            units[at : at + gone] = draw(st.lists(UNITS, max_size=2))
        return "".join(units)

    return "".join(base), side(), side()


def added(base: str, side: str) -> Counter[str]:
    """Lines that stand oftener in `side`; a diff calls those added, too, that something else moved past."""
    return counted(side) - counted(base)


def counted(text: str) -> Counter[str]:
    return Counter(line.strip(" ,\r\n") for line in split_lines(text))


def removed(base: str, side: str) -> Counter[str]:
    return added(side, base)


def git(base: str, ours: str, theirs: str) -> str | None:
    try:
        return merge_text(base, ours, theirs)
    except Conflict:
        return None


@settings(max_examples=300, deadline=None)
@given(sides())
def test_a_tree_is_its_text(texts: tuple[str, str, str]) -> None:
    for name in ("a.py", "a.md", "requirements.txt", ".gitignore"):
        language = language_of(name)
        assert language is not None
        assert [together(language.read(text)) for text in texts] == list(texts)


@settings(max_examples=500, deadline=None)
@given(sides())
def test_what_lines_alone_merge_is_merged_so_or_not_at_all(texts: tuple[str, str, str]) -> None:
    merged, lines = merge("a.py", *texts), git(*texts)
    if lines is not None and merged is not None:
        assert merged.text == lines and not merged.by_structure


@settings(max_examples=500, deadline=None)
@given(sides())
def test_nothing_added_is_lost_and_nothing_deleted_stays(texts: tuple[str, str, str]) -> None:
    base, ours, theirs = texts
    merged = merge("a.py", *texts)
    if merged is None:
        return
    ast.parse(merged.text)
    has = {line.strip(" ,\r\n") for line in split_lines(merged.text)}
    words = set(merged.text.replace(",", " ").split())
    lost = [line for side in (ours, theirs) for line in added(base, side) if line and line not in has]
    assert [line for line in lost if not set(line.replace(",", " ").split()) <= words] == []
    at_most = Counter(base.split()) + Counter(ours.split()) + Counter(theirs.split())
    assert all(
        count <= at_most[word] for word, count in Counter(merged.text.split()).items() if "," not in word
    )


@settings(max_examples=500, deadline=None)
@given(sides())
def test_it_is_the_same_the_other_way_round_but_for_the_order(texts: tuple[str, str, str]) -> None:
    base, ours, theirs = texts
    one, other = merge("a.py", base, ours, theirs), merge("a.py", base, theirs, ours)
    assert (one is None) == (other is None)
    if one and other:
        assert sorted(one.text.replace(",", " ").split()) == sorted(other.text.replace(",", " ").split())


@settings(max_examples=200, deadline=None)
@given(sides())
def test_what_only_one_side_changed_is_that_sides_text(texts: tuple[str, str, str]) -> None:
    base, side, _ = texts
    for merged in (
        merge("a.py", base, side, base),
        merge("a.py", base, base, side),
        merge("a.py", base, side, side),
    ):
        assert merged is not None and merged.text == side
