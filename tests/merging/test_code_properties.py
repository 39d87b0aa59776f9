"""Properties of every merge by structure, over made-up files of the languages that a grammar reads."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus_lsp.adapters.grammars import parse
from nexus_lsp.core.merging import Merged, grammars, language_of, merge
from nexus_lsp.core.merging.three_way import merge_text
from nexus_lsp.core.merging.tree import Conflict, together
from nexus_lsp.core.text import split_lines

NAMES = ("ant", "bee", "cat", "dog")

UNITS: dict[str, tuple[str, ...]] = {
    "a.ts": (
        'import {{ {0}, {0}Two }} from "./{0}";\n',
        "\n/** About {0}. */\nexport function {0}(x: number): number {{\n  return x + {1};\n}}\n",
        "export const {0} = {1};\n",
        "\nexport class {0} {{\n  first = {1};\n\n  get{0}() {{\n    return 1;\n  }}\n}}\n",
        '\nit("does {0}", () => {{\n  expect({1});\n}});\n',
        "\nexport enum Kind {{\n  {0} = {1},\n}}\n",
        "{0}({1});\n",
        "// a section\n\n",
    ),
    "a.go": (
        'import "a/{0}"\n',
        "\n// {0} does it.\nfunc {0}(x int) int {{\n\treturn x + {1}\n}}\n",
        "var {0} = {1}\n",
        "\ntype {0} struct {{\n\tfirst int // {1}\n}}\n",
        "\nfunc (k *Kind) {0}() int {{\n\treturn {1}\n}}\n",
        "\nvar table = map[string]int{{\n\t\"{0}\": {1},\n}}\n",
        "// a section\n\n",
    ),
    "a.rs": (
        "use {0}::{{one, two{1}}};\n",
        "\n/// About {0}.\n#[inline]\nfn {0}(x: u8) -> u8 {{\n    x + {1}\n}}\n",
        "const {0}: u8 = {1};\n",
        "\nstruct {0} {{\n    first: u8, // {1}\n}}\n",
        "\nimpl {0} {{\n    fn get(&self) -> u8 {{\n        {1}\n    }}\n}}\n",
        "\n#[test]\nfn test_{0}() {{\n    assert!({1});\n}}\n",
        "// a section\n\n",
    ),
    "A.java": (
        "import a.{0};\n",
        "\nclass {0} {{\n    int first = {1};\n\n    int get() {{\n        return 1;\n    }}\n}}\n",
        "\nenum {0} {{\n    ONE({1}),\n    TWO(2);\n}}\n",
        "\n/** About {0}. */\n@Deprecated\ninterface {0} {{\n    int get{1}();\n}}\n",
    ),
    "A.cs": (
        "using {0};\n",
        "\nclass {0} {{\n    int first = {1};\n\n    int Get() {{\n        return 1;\n    }}\n}}\n",
        "\nenum {0} {{\n    One,\n    Two = {1},\n}}\n",
    ),
    "a.css": (".{0} {{\n  margin: {1}px;\n}}\n\n", "/* {0} */\n\n#{0} .x {{\n  color: red;\n}}\n"),
    "a.yaml": ("{0}:\n  first: {1}\n  second: x\n", "# about {0}\n{0}{1}: 1\n"),
}  # fmt: skip
LANGUAGES = sorted(UNITS)
quickly = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def sides(draw: st.DrawFn, path: str) -> tuple[str, str, str]:
    """A base, and two texts that each came from it by units put in, taken out, or made another."""
    unit = st.tuples(st.sampled_from(UNITS[path]), st.sampled_from(NAMES), st.integers(0, 3)).map(
        lambda u: u[0].format(u[1], u[2])
    )
    base = draw(st.lists(unit, max_size=5))

    def side() -> str:
        units = list(base)
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(units)))
            gone = draw(st.integers(0, 1))
            units[at : at + gone] = draw(st.lists(unit, max_size=2))
        return "".join(units)

    ends = draw(st.sampled_from(("\n", "\r\n")))
    texts = "".join(base), side(), side()
    if draw(st.booleans()):
        texts = tuple(text.removesuffix("\n") for text in texts)  # type: ignore[assignment]
    b, o, t = (text.replace("\n", ends) for text in texts)
    return b, o, t


def bare(line: str) -> str:
    """A line without what an entry behind it changes."""
    return line.strip(" ,\r\n")


def parts(text: str) -> list[str]:
    """Its lines; of a list of imports each entry, as two sides' entries come into one list."""
    found: list[str] = []
    for line in map(bare, split_lines(text)):
        of, brace, entries = line.partition("::{")
        found += [f"{of} {entry}" for entry in entries.rstrip("};").split(", ")] if brace else [line]
    return found


def in_order(wanted: list[str], text: str) -> bool:
    rest = iter(parts(text))
    return all(part in rest for part in wanted)


def merged(path: str, base: str, ours: str, theirs: str) -> Merged | None:
    return merge(path, base, ours, theirs, parse)


@pytest.mark.parametrize("path", LANGUAGES)
@quickly
@given(data=st.data())
def test_a_tree_is_its_text(path: str, data: st.DataObject) -> None:
    language = language_of(path, parse)
    assert language is not None
    for text in data.draw(sides(path)):
        assert together(language.read(text)) == text


@pytest.mark.parametrize("path", LANGUAGES)
@quickly
@given(data=st.data())
def test_both_sides_work_is_there_once_and_nothing_else_changed(path: str, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(sides(path))
    made = merged(path, base, ours, theirs)
    if made is None:
        return
    texts = (made.text, base, ours, theirs)
    has, was, o, t = (Counter(parts(text)) for text in texts)
    mine, other, gone = o - was, t - was, (was - o) + (was - t)
    named = [line for line in {*mine, *other, *was, *has} if any(name in line for name in NAMES)]
    # one `}` taken out and another put in is none by count: of what was there only a name tells
    for line in {*named, *((mine | other) - was)} - {""}:
        least = was[line] + max(mine[line], other[line]) - gone[line]
        assert least <= has[line] <= was[line] + mine[line] + other[line], line
    kept = [part for part in parts(base) if part and not gone[part]]
    if max((was | has).values(), default=0) < 2 and in_order(kept, ours) and in_order(kept, theirs):
        assert in_order(kept, made.text)  # where a part stands twice, it is not told from its like


@pytest.mark.parametrize("path", LANGUAGES)
@quickly
@given(data=st.data())
def test_it_is_the_same_the_other_way_round_but_for_the_order(path: str, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(sides(path))
    one, other = merged(path, base, ours, theirs), merged(path, base, theirs, ours)
    assert (one is None) == (other is None)
    if one and other:
        assert sorted(re.findall(r"\w+", one.text)) == sorted(re.findall(r"\w+", other.text))


@pytest.mark.parametrize("path", LANGUAGES)
@quickly
@given(data=st.data())
def test_what_lines_alone_merge_is_merged_so_or_not_at_all(path: str, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(sides(path))
    made = merged(path, base, ours, theirs)
    try:
        lines = merge_text(base, ours, theirs)
    except Conflict:
        return
    if made is not None:
        assert made.text == lines


@pytest.mark.parametrize("path", LANGUAGES)
@quickly
@given(data=st.data())
def test_a_merge_has_no_fault_that_no_side_had(path: str, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(sides(path))
    made = merged(path, base, ours, theirs)
    grammar = grammars.BY_END[path[path.rindex(".") :]].name
    if made is not None:
        faults = [tree.faulty for text in (ours, theirs, made.text) if (tree := parse(grammar, text))]
        assert not faults[2] or faults[0] or faults[1]
