"""Quality in figures: changed lines, the statements they belong to, and how many of those are executed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_lsp.core.quality import changed_coverage, changed_lines, statement_starts


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, "a\nb\n", {1, 2}),
        ("a\nb\n", "a\nb\n", set()),
        ("a\nb\n", "a\nx\n", {2}),
        ("a\nb\n", "x\na\nb\n", {1}),
        ("a\nb\nc\n", "a\nc\n", set()),
        ("a\nb\nc\n", "x\ny\nb\nc\nz\n", {1, 2, 5}),
        ("a\r\nb\r\n", "a\nb\r\n", {1}),
        ("", "a", {1}),
        ("a", "a\n", {1}),
    ],
)
def test_the_lines_that_changed(old: str | None, new: str, expected: set[int]) -> None:
    assert changed_lines(old, new) == expected


@given(st.lists(st.sampled_from("abc\n"), max_size=30), st.lists(st.sampled_from("abc\n"), max_size=30))
def test_what_did_not_change_was_there(old: list[str], new: list[str]) -> None:
    before, after = "".join(old), "".join(new)
    kept = [
        line for at, line in enumerate(after.splitlines(True), 1) if at not in changed_lines(before, after)
    ]
    lines = iter(before.splitlines(True))
    assert all(line in lines for line in kept)  # in this order


SOURCE = """\
1   @mark(
1       1,
1   )
4   def f(
4       x,
4       y=2,
-   ):
-       # a comment
9       if (x
9               and y):
11          return [
11              x,
11          ]
-
15      try:
16          g()
17      except (KeyError,
17              ValueError):
19          pass
20      match x:
21          case 1 if (
21              y
-           ):
24              pass
-
-
27  class C(
27      B,
-   ):
30      a = 1
"""


def test_the_statement_a_line_belongs_to() -> None:
    """Each line is marked with the first line of its statement; a lone bracket belongs to nothing."""
    marks, lines = zip(*((line[:4].strip(), line[4:]) for line in SOURCE.splitlines()), strict=True)
    found = statement_starts("\n".join(lines))
    assert [str(found.get(number, "-")) for number in range(1, len(lines) + 1)] == [m or "-" for m in marks]
    assert statement_starts("def f(:\n") == {}


@pytest.mark.parametrize(
    ("changed", "statements", "executed", "expected"),
    [
        ({}, {}, {}, (None, ())),
        ({"a.py": [1, 2, 3, 4]}, {"a.py": [1, 2, 4]}, {"a.py": [1, 2]}, (200 / 3, (("a.py", (4,)),))),
        ({"a.py": [1]}, {"a.py": [1, 2]}, {"a.py": [1]}, (100.0, ())),
        ({"a.py": [3]}, {"a.py": [1, 2]}, {"a.py": [1]}, (None, ())),
        ({"never.py": [1, 2]}, {"never.py": [1, 2]}, {}, (0.0, (("never.py", (1, 2)),))),
        ({"tests/test_a.py": [1], "a.txt": [1]}, {"tests/test_a.py": [1], "a.txt": [1]}, {}, (None, ())),
        (
            {"b.py": [2], "a.py": [9, 1]},
            {"a.py": [1, 9], "b.py": [2]},
            {},
            (0.0, (("a.py", (1, 9)), ("b.py", (2,)))),
        ),
    ],
    ids=["nothing", "some", "all", "no statement", "never imported", "tests and text", "two files"],
)
def test_the_changed_lines_that_tests_execute(changed, statements, executed, expected) -> None:
    assert changed_coverage(changed, statements, executed) == expected
