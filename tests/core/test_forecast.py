"""What is foreseen of two who write at the same time: a table of what each made of a file, and the warning."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from nexus_lsp.core.facts import ClashSide
from nexus_lsp.core.forecast import Ground, Touch, Work, between, read
from nexus_lsp.core.text import split_lines

NAMES = {"code": "Code", "alpha": "Alpha"}
CODE = ClashSide("run_1", "t1", "code", "at_work")
ALPHA = ClashSide("run_1", "t2", "alpha", "at_work")

CALC = """\
import re


def parse(text):
    found = re.match(r"\\d+", text)
    if found is None:
        raise ValueError(text)
    return int(found[0])


class Sheet:
    size = 3

    def total(self, rows):
        first = rows[0]
        rest = rows[1:]
        return first + sum(rest)
"""

Change = tuple[str, str]
"""Old text, new text; ("", x) puts x at the end."""


def changed(text: str, *changes: Change) -> str:
    for old, new in changes:
        assert old in text, f"{old!r} is not there"
        text = text.replace(old, new, 1) if old else text + new
    return text


def touch(side: ClashSide, path: str, base: str | None, now: str | None, ground: str | None = None) -> Touch:
    lines = split_lines((base or "") if ground is None else ground)
    return read(
        Work(
            side, path, None if base is None else split_lines(base), None if now is None else split_lines(now)
        ),
        Ground.of(path, lines),
    )


def foreseen(a: Touch, b: Touch, ground: str = CALC) -> list[str]:
    told = between(a, b, Ground.of(a.path, split_lines(ground)), NAMES)
    return [f"{c.kind} {c.line}+{c.count}: {c.message}" for c in told]


def check(code: str, alpha: str, *expected: str, path: str = "calc.py", base: str = CALC) -> None:
    """Two texts made of one base, and what is foreseen of them."""
    both = touch(CODE, path, base, code), touch(ALPHA, path, base, alpha)
    assert foreseen(*both, ground=base) == list(expected)


# --- one file ----------------------------------------------------------------------------------------

PAIRS: Mapping[str, tuple[Sequence[Change], Sequence[Change], Sequence[str]]] = {
    "nobody near the other": (
        [("size = 3", "size = 4")], [("int(found[0])", "int(found[0], 10)")], [],
    ),
    "the same line differently": (
        [("int(found[0])", "float(found[0])")],
        [("int(found[0])", "int(found[0], 10)")],
        ["overlap 7+1: Code and Alpha both change `parse` here: their work may not merge"],
    ),
    "the same line in the same way": (
        [("int(found[0])", "float(found[0])")], [("int(found[0])", "float(found[0])")], [],
    ),
    "lines side by side": (
        [("first = rows[0]", "first = rows[-1]")],
        [("rest = rows[1:]", "rest = rows[:-1]")],
        ["adjoining 14+2: Code and Alpha change lines side by side here (`Sheet.total`): their work may not merge"],
    ),
    "one function at different lines": (
        [("found = re.match", "found = re.fullmatch")],
        [("return int(found[0])", "return int(found[0]) or 0")],
        ["symbol 3+1: Code and Alpha both change `parse`, at different lines: it may merge and not fit together"],
    ),
    "different methods of one class": (
        [("size = 3", "size = 3\n    wide = 4")], [("rest = rows[1:]", "rest = rows[2:]")], [],
    ),
    "both add to the end": (
        [("", "\n\ndef more():\n    pass\n")],
        [("", "\n\ndef other():\n    pass\n")],
        [],
    ),
    "both add a function of one name to the end": (
        [("", "\n\ndef more():\n    pass\n")],
        [("", "\n\ndef more():\n    return 1\n")],
        ["overlap 17+0: Code and Alpha both put lines in here: their work may not merge"],
    ),
    "both add a method to one class, and one changes another's line too": (
        [("    size = 3\n", "    size = 3\n\n    def a(self):\n        pass\n"), ("rows[1:]", "rows[2:]")],
        [("    size = 3\n", "    size = 3\n\n    def b(self):\n        pass\n"), ("rows[1:]", "rows[3:]")],
        [
            "overlap 13+0: Code and Alpha both change `Sheet` here: their work may not merge",
            "overlap 15+1: Code and Alpha both change `Sheet.total` here: their work may not merge",
        ],
    ),
    "both put lines into a function": (
        [("    found =", "    text = text.strip()\n    found =")],
        [("    found =", "    assert text\n    found =")],
        ["overlap 4+0: Code and Alpha both change `parse` here: their work may not merge"],
    ),
    "one adds an import, the other a function": (
        [("import re\n", "import re\nimport os\n")], [("", "\n\ndef more():\n    pass\n")], [],
    ),
    "other parameters, and new lines that call it": (
        [("def parse(text):", "def parse(text, base):")],
        [("size = 3", "size = parse('3')")],
        ["contract 3+1: Code changes how `parse` is called, and Alpha's new lines call it: their work may not fit together"],
    ),
    "the caller is the first": (
        [("size = 3", "size = parse('3')")],
        [("def parse(text):", "def parse(text, base):")],
        ["contract 3+1: Alpha changes how `parse` is called, and Code's new lines call it: their work may not fit together"],
    ),
    "a method is renamed and called": (
        [("def total(self", "def sum(self")],
        [("size = 3", "size = Sheet().total([3])")],
        ["contract 13+1: Code changes how `Sheet.total` is called, and Alpha's new lines call it: their work may not fit together"],
    ),
    "only a note on a parameter's type": (
        [("def parse(text):", "def parse(text: str) -> int:")], [("size = 3", "size = parse('3')")], [],
    ),
    "half a function, as one who types leaves it": (
        [("def parse(text):", "def parse(text, ba")], [("size = 3", "size = parse('3')")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_two_in_one_file(name: str) -> None:
    code, alpha, expected = PAIRS[name]
    check(changed(CALC, *code), changed(CALC, *alpha), *expected)


def test_whole_files() -> None:
    def whole(code: str | None, alpha: str | None, base: str | None = CALC) -> list[str]:
        a, b = touch(CODE, "calc.py", base, code), touch(ALPHA, "calc.py", base, alpha)
        return foreseen(a, b)

    other = changed(CALC, ("size = 3", "size = 4"))
    assert whole(None, other) == [
        "overlap 0+0: Code removes this file, which Alpha changes: their work may not merge"
    ]
    assert whole(other, None) == [
        "overlap 0+0: Alpha removes this file, which Code changes: their work may not merge"
    ]
    assert whole(None, None) == []
    assert whole("a\n", "b\n", None) == [
        "overlap 0+0: Code and Alpha both make this file: their work may not merge"
    ]
    assert whole("a\n", "a\n", None) == []


def test_ten_places_of_a_pair_are_enough() -> None:
    base = "".join(f"line {n}\nkept {n}\n" for n in range(50))
    a, b = (touch(s, "x.txt", base, base.replace("line", s.agent_id)) for s in (CODE, ALPHA))
    assert len(foreseen(a, b, base)) == 10


# --- other languages ---------------------------------------------------------------------------------

GO = "package x\n\nfunc Sum(a []int) int {\n\ts := 0\n\tfor _, v := range a {\n\t\ts += v\n\t}\n\treturn s\n}\n\nvar A = 1\n"


def test_in_another_language_a_block_is_what_git_would_name() -> None:
    check(
        changed(GO, ("s := 0", "s := 1")),
        changed(GO, ("return s", "return -s")),
        "symbol 2+1: Code and Alpha both change `func Sum(a []int) int`, at different lines: it may merge and not fit together",
        path="x.go",
        base=GO,
    )
    check(changed(GO, ("s := 0", "s := 1")), changed(GO, ("A = 1", "A = 2")), path="x.go", base=GO)


def test_prose_has_no_functions() -> None:
    text = "one\ntwo\nthree\nfour\n"
    check(changed(text, ("one", "1")), changed(text, ("three", "3")), path="a.txt", base=text)
    check(
        changed(text, ("two", "2")),
        changed(text, ("two", "II")),
        "overlap 1+1: Code and Alpha both change these lines: their work may not merge",
        path="a.txt",
        base=text,
    )


# --- several files -----------------------------------------------------------------------------------

CALLERS: Mapping[str, tuple[str, bool]] = {
    "imports the function": ("from calc import parse\n\n\ndef two():\n    return parse('2')\n", True),
    "imports the module": ("import calc\n\nTWO = calc.parse('2')\n", True),
    "from a package": ("from lib import calc\n\nTWO = calc.parse('2')\n", True),
    "has one of that name": ("def parse(x):\n    return x\n\n\nTWO = parse('2')\n", False),
    "of another module": ("import argparse\n\nTWO = argparse.parse('2')\n", False),
    "does not call it": ("from calc import parse\n", False),
    "not Python any more": ("from calc import parse\nTWO = parse('2'\n", False),
}


@pytest.mark.parametrize("name", CALLERS)
def test_new_lines_elsewhere_call_what_changes(name: str) -> None:
    text, warned = CALLERS[name]
    code = touch(CODE, "calc.py", CALC, changed(CALC, ("def parse(text):", "def parse(text, base):")))
    alpha = touch(ALPHA, "use.py", None, text)
    told = "contract 3+1: Code changes how `parse` is called, and Alpha's new lines in use.py call it: their work may not fit together"
    assert foreseen(code, alpha) == ([told] if warned else [])
    assert between(alpha, code, Ground.of("use.py", []), NAMES) == ()


def test_what_was_called_before_is_no_news() -> None:
    before = "from calc import parse\nONE = parse('1')\nTWO = 2\n"
    code = touch(CODE, "calc.py", CALC, changed(CALC, ("def parse(text):", "def parse(text, base):")))
    assert foreseen(code, touch(ALPHA, "use.py", before, changed(before, ("TWO = 2", "TWO = 3")))) == []


def test_a_file_that_is_removed_takes_its_functions_away() -> None:
    gone = touch(CODE, "calc.py", CALC, None)
    used = touch(ALPHA, "use.py", None, "from calc import parse\nTWO = parse('2')\n")
    assert foreseen(gone, used) == [
        "contract 3+1: Code changes how `parse` is called, and Alpha's new lines in use.py call it: their work may not fit together"
    ]


# --- texts that differ from the start --------------------------------------------------------------------


def test_places_are_those_of_the_users_text() -> None:
    """One began before three lines came in at the top, the other after; the user's text has them."""
    newer = "# one\n# two\n# three\n" + CALC
    both = (
        touch(CODE, "calc.py", CALC, changed(CALC, ("size = 3", "size = 4")), ground=newer),
        touch(ALPHA, "calc.py", newer, changed(newer, ("size = 3", "size = 5"))),
    )
    assert foreseen(*both, ground=newer) == [
        "overlap 14+1: Code and Alpha both change `Sheet` here: their work may not merge"
    ]


def test_lines_that_only_the_run_has_show_where_they_will_be() -> None:
    """A waiting change put `deep` into what the two began from; the user's text does not have it yet."""
    begun = changed(CALC, ("    size = 3\n", "    size = 3\n    deep = 1\n"))
    both = (
        touch(CODE, "calc.py", begun, changed(begun, ("deep = 1", "deep = 2")), ground=CALC),
        touch(ALPHA, "calc.py", begun, changed(begun, ("deep = 1", "deep = 3")), ground=CALC),
    )
    assert foreseen(*both) == [
        "overlap 12+0: Code and Alpha both change `Sheet` here: their work may not merge"
    ]


# --- who ---------------------------------------------------------------------------------------------

SIDES: Mapping[str, tuple[ClashSide, str]] = {
    "waits to land": (ClashSide("run_1", "t2", "alpha", "waits"), "Code and Alpha both change `parse` here"),
    "landed": (
        ClashSide("run_1", "t2", "alpha", "landed"),
        "Code and Alpha both change `parse` here (Alpha's work has landed meanwhile)",
    ),
    "of the same persona": (
        ClashSide("run_1", "t2", "code", "at_work"),
        "Code (t1) and Code (t2) both change `parse` here",
    ),
    "of another run": (
        ClashSide("run_2", "t1", "code", "at_work"),
        "Code and Code (another run) both change `parse` here",
    ),
    "a change that waits": (
        ClashSide("run_2", "t1", "alpha", "proposed"),
        "Code and Alpha (another run) both change `parse` here (Alpha (another run)'s change waits for you)",
    ),
    "the user": (ClashSide("run_1", "", "user", "landed"), "Code and you both change `parse` here"),
}


@pytest.mark.parametrize("name", SIDES)
def test_who_the_other_is(name: str) -> None:
    side, told = SIDES[name]
    a = touch(CODE, "calc.py", CALC, changed(CALC, ("int(found[0])", "float(found[0])")))
    b = touch(side, "calc.py", CALC, changed(CALC, ("int(found[0])", "int(found[0], 10)")))
    assert foreseen(a, b) == [f"overlap 7+1: {told}: their work may not merge"]
