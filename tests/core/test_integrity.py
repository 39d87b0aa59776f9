"""Tests kept honest, as a table: a test file before and after, and what is asked about it."""

from __future__ import annotations

import textwrap

import pytest

from nexus_lsp.core.integrity import TextChange, all_questions, changed_tests, count_tests, questions

PATH = "tests/test_app.py"


def check(old: str | None, new: str, expected: str, path: str = PATH) -> None:
    """`expected` names each question as `kind@line`, with 0-based lines of the new text."""
    before = None if old is None else textwrap.dedent(old).lstrip("\n")
    found = questions(path, before, textwrap.dedent(new).lstrip("\n"))
    said = " ".join(f"{question.kind}@{question.line}" for question in found)
    assert said == expected, "\n".join(map(str, found))


# --- one assertion changes ---------------------------------------------------------------------------

WEAKER = [
    ("assert f(2) == 4", "assert f(2)"),
    ("assert f(2) == 4", "assert f(2) is not None"),
    ("assert f(2) == 4", "assert f(2) != 5"),
    ("assert f(2) == 4", "assert f(2) in (4, 5)"),
    ("assert f(2) == 4", "assert f(2) > 0"),
    ("assert f(2) == 4", "assert isinstance(f(2), int)"),
    ("assert f('a') == 'abc'", "assert 'a' in f('a')"),
    ("assert f('a') == 'abc'", "assert f('a').startswith('a')"),
    ("assert f(2) == [1, 2]", "assert len(f(2)) == 2"),
    ("value = f(2)\nassert value == 4", "value = f(2)\nassert value"),
    ("assert f(2)", "assert f(2) is not None"),
    ("assert f(2) < 5", "assert f(2) < 50"),
    ("assert f(2) > 0.9", "assert f(2) > 0.5"),
    ("assert all(x for x in f(2))", "assert any((x for x in f(2)))"),
    # tolerances
    ("assert f(2) == approx(4)", "assert f(2) == approx(4, abs=1)"),
    ("assert f(2) == approx(4, rel=1e-6)", "assert f(2) == approx(4, rel=0.1)"),
    ("assert f(2) == 4.0", "assert f(2) == approx(4.0, abs=0.5)"),
    ("self.assertAlmostEqual(f(2), 4, places=7)", "self.assertAlmostEqual(f(2), 4, places=1)"),
    ("assert math.isclose(f(2), 4)", "assert math.isclose(f(2), 4, rel_tol=0.5)"),
    # unittest
    ("self.assertEqual(f(2), 4)", "self.assertTrue(f(2))"),
    ("self.assertEqual(f(2), 4)", "self.assertIsNotNone(f(2))"),
    ("self.assertEqual(f(2), 4)", "self.assertTrue(True)"),
    ("mock.assert_called_once_with(3)", "mock.assert_called()"),
    # exceptions
    ("with raises(ValueError):\n    f(2)", "with raises(Exception):\n    f(2)"),
    ("with raises(ValueError):\n    f(2)", "with raises((ValueError, TypeError)):\n    f(2)"),
    ("with raises(KeyError):\n    f(2)", "with raises(LookupError):\n    f(2)"),
    ("with raises(ValueError, match='odd'):\n    f(2)", "with raises(ValueError):\n    f(2)"),
    ("with raises(ValueError, match='odd'):\n    f(2)", "with raises(ValueError, match='.*'):\n    f(2)"),
    ("raises(ValueError, f, 2)", "raises(Exception, f, 2)"),
    # assertions that cannot fail
    ("assert f(2) == 4", "assert f(2) == 4 or True"),
    ("assert f(2) == 4", "assert True"),
    ("assert f(2) == 4", "assert (f(2) == 4, 'wrong')"),
    ("assert f(2) == 4", "assert f(2) == f(2)"),
    ("assert f(2) == 4", "expected = f(2)\nassert f(2) == expected"),
    ("assert f(2) == 4", "assert f(2) == int(f(2))"),
    ("assert len(f(2)) == 3", "assert len(f(2)) >= 0"),
    ("assert f(2) == 4", "try:\n    assert f(2) == 4\nexcept Exception:\n    pass"),
    ("assert f(2) == 4", "with suppress(AssertionError):\n    assert f(2) == 4"),
    ("value = f(2)\nassert value == 4", "value = 4\nassert value == 4"),
    ("value = f(2)\nassert value == 4", "value = f(2)\nassert value == value"),
    ("assert f(2) == 4", "if False:\n    assert f(2) == 4"),
]

AS_STRONG = [
    ("assert f(2) == 4", "assert 4 == f(2)"),
    ("assert f(2) == 4", "assert (\n    f(2)\n    == 4\n)"),
    ("assert f(2) == 4", "result = f(2)\nassert result == 4"),
    ("result = f(2)\nassert result == 4", "answer = f(2)\nassert answer == 4"),
    ("assert f(2) == 4", "assert f(2) == 5"),
    ("assert f(2) == 4", "assert g(2) == 4"),
    ("assert f(2) == 4", "assert f(2, mode='new') == 4"),
    ("assert f(2) == 4", "assert f(2) == 4, f'got {f(2)}'"),
    ("assert f(2) == 4 and f(3) == 6", "assert f(2) == 4\nassert f(3) == 6"),
    ("assert f(2) == 4", "assert f(2) == 4\nassert f(3)"),
    ("assert f(2) is not None", "assert f(2) == 4"),
    ("assert f(2)", "assert f(2) == 4"),
    ("assert f(2) == True", "assert f(2)"),
    ("assert f(2) == []", "assert not f(2)"),
    ("assert not f(2) == 4", "assert f(2) != 4"),
    ("assert len(f(2)) == 2", "assert f(2) == [1, 2]"),
    ("d = f(2)\nassert d['a'] == 1\nassert d['b'] == 2", "assert f(2) == {'a': 1, 'b': 2}"),
    ("assert f(2) == 0.3", "assert f(2) == approx(0.3)"),
    ("assert f(2) == approx(4, rel=0.1)", "assert f(2) == approx(4, rel=1e-6)"),
    ("assert f(2) < 50", "assert f(2) < 5"),
    ("self.assertEqual(f(2), 4)", "assert f(2) == 4"),
    ("self.assertIsNone(f(2))\nself.assertIn(1, f(3))", "assert f(2) is None\nassert 1 in f(3)"),
    ("self.assertTrue(f(2))", "assert f(2)"),
    ("self.assertRaises(ValueError, f, 2)", "raises(ValueError, f, 2)"),
    ("with raises(ValueError):\n    f(2)", "with raises(ValueError, match='odd'):\n    f(2)"),
    ("with raises(ValueError):\n    f(2)", "with raises(TypeError):\n    f(2)"),
    ("with raises(Exception):\n    f(2)", "with raises(KeyError):\n    f(2)"),
    (
        "with raises(ValueError) as e:\n    f(2)\nassert 'odd' in str(e.value)",
        "with raises(ValueError, match='odd'):\n    f(2)",
    ),
    (
        "with raises(ValueError, match='odd'):\n    f(2)",
        "with raises(ValueError) as e:\n    f(2)\nassert 'odd' in str(e.value)",
    ),
    ("for x, y in [(2, 4), (3, 6)]:\n    assert f(x) == y", "assert f(2) == 4\nassert f(3) == 6"),
    ("seen = []\nf(seen)\nassert seen == [1]", "found = []\nf(found)\nassert found == [1]"),
    ("seen = []\nf(seen)\nassert not seen", "seen = []\nf(seen, 1)\nassert not seen"),
    ("app = g(1)\nassert f(app) == 4", "app = g(1, colour='red')\nassert f(app) == 4"),
    ("assert f(2) == 4", "assert f(2) == {'a': 1}.get('b', 4)"),
    ("assert f(2).keys() == set(['a'])", "assert f(2).keys() == {'a'}"),
    ("assert x.text == 'a {}'.format(y)", "assert x.text == f'a {y}'"),
    ("with raises(ValueError):\n    g()", "with raises(ValueError):\n    begin()\n    1 / 0"),
    ("assert f(2) == 4", "try:\n    assert f(2) == 4\nexcept ValueError:\n    pass"),
    ("assert f(2) == 4", "a, b = f(2), 4\nassert a == b\nassert f(2) == 4\nassert True"),
    ("assert f(2) == 4", "first = f(2)\nsecond = f(2)\nassert first == second\nassert first == 4"),
]


def body(text: str) -> str:
    return "from app import *\n\n\ndef test_f(self=None, mock=None):\n" + textwrap.indent(text, "    ") + "\n"


@pytest.mark.parametrize(("old", "new"), WEAKER)
def test_a_weaker_assertion_is_asked_about(old: str, new: str) -> None:
    found = questions(PATH, body(old), body(new))
    assert [question.kind for question in found] == ["assertion_weakened"], found
    assert found[0].line >= 4


@pytest.mark.parametrize(("old", "new"), AS_STRONG)
def test_an_assertion_as_strong_is_not(old: str, new: str) -> None:
    assert questions(PATH, body(old), body(new)) == ()


@pytest.mark.parametrize(("old", "new"), [(b, a) for a, b in AS_STRONG[:4]])
def test_what_is_equal_is_so_both_ways(old: str, new: str) -> None:
    assert questions(PATH, body(old), body(new)) == ()


# --- whole files -------------------------------------------------------------------------------------

OLD = """
import pytest
from app import f


def test_two():
    assert f(2) == 4


def test_three():
    assert f(3) == 6
    assert f(30) == 60
"""


def edited(*edits: tuple[str, str]) -> str:
    text = OLD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


TWO = "def test_two():\n    assert f(2) == 4\n"
THREE = "def test_three():\n    assert f(3) == 6\n    assert f(30) == 60\n"
METHOD = "    def test_two(self):\n        assert f(2) == 4\n"
ROWS = """
import pytest
from app import f


@pytest.mark.parametrize(("given", "expected"), [(2, 4), (3, 6), (30, 60)])
def test_doubles(given, expected):
    assert f(given) == expected
"""

ASKED = {
    "a mark that skips": (edited((TWO, "@pytest.mark.skip\n" + TWO)), "skip_added@4"),
    "a mark with a reason": (edited((TWO, "@pytest.mark.skip(reason='flaky')\n" + TWO)), "skip_added@4"),
    "an expected failure": (edited((TWO, "@pytest.mark.xfail\n" + TWO)), "skip_added@4"),
    "a condition": (
        edited((TWO, "@pytest.mark.skipif('CI' in os.environ, reason='')\n" + TWO)),
        "skip_added@4",
    ),
    "a mark under another name": (
        edited(("\n\ndef test_two", "\nlater = pytest.mark.skip\n\n\n@later\ndef test_two")),
        "skip_added@6",
    ),
    "a module's mark": (edited(("from app", "pytestmark = pytest.mark.skip\nfrom app")), "skip_added@1"),
    "a call": (edited(("    assert f(2)", "    pytest.skip('later')\n    assert f(2)")), "skip_added@5"),
    "a call on a condition": (
        edited(("    assert f(2)", "    if not f: pytest.skip('later')\n    assert f(2)")),
        "skip_added@5",
    ),
    "an import that may be missing": (
        edited(("from app", "pytest.importorskip('numpy')\nfrom app")),
        "skip_added@1",
    ),
    "an early return": (edited(("    assert f(2)", "    return\n    assert f(2)")), "skip_added@5"),
    "an early return on a condition": (
        edited(("    assert f(2)", "    if f:\n        return\n    assert f(2)")),
        "skip_added@5",
    ),
    "a name that is not collected": (edited(("test_two", "_test_two")), "skip_added@4"),
    "a class that is not collected": (
        edited((TWO, "class Two:\n" + METHOD)),
        "skip_added@5",
    ),
    "a class with a constructor": (
        edited((TWO, "class TestTwo:\n    def __init__(self):\n        pass\n\n" + METHOD)),
        "skip_added@8",
    ),
    "a test is gone": (edited((TWO, "")), "test_removed@4"),
    "a test makes place for another": (
        edited((TWO, "def test_big():\n    assert f(2000) == 4000\n")),
        "test_removed@4",
    ),
    "an assertion is gone": (edited(("    assert f(30) == 60\n", "")), "assertion_removed@9"),
    "an assertion is commented out": (
        edited(("    assert f(30) == 60\n", "    # assert f(30) == 60\n")),
        "assertion_removed@10",
    ),
    "other inputs": (edited(("f(30) == 60", "f(1) == 2")), "assertion_removed@10"),
    "a test under a new name asserts less": (
        edited((TWO, "def test_twice():\n    assert f(2) is not None\n")),
        "assertion_weakened@5",
    ),
    "a second test of the same name": (
        edited((THREE, THREE + "\n\ndef test_two():\n    assert f(2)\n")),
        "assertion_weakened@14",
    ),
    "a test that only calls": (OLD + "\n\ndef test_new():\n    f(4)\n", "no_assertion@13"),
    "a test of nothing": (OLD + "\n\ndef test_new():\n    assert True\n", "assertion_weakened@14"),
    "a new test that is skipped": (
        OLD + "\n\n@pytest.mark.skip\ndef test_new():\n    assert f(1) == 2\n",
        "skip_added@13",
    ),
    "a new test that returns first": (
        OLD + "\n\ndef test_new():\n    return\n    assert f(1) == 2\n",
        "skip_added@14",
    ),
    "a helper that asserts nothing": (
        OLD + "\n\ndef run(x):\n    return f(x)\n\n\ndef test_new():\n    run(4)\n",
        "no_assertion@17",
    ),
}

SILENT = {
    "nothing": OLD,
    "another order": edited((TWO, ""), (THREE, THREE + "\n\n" + TWO)),
    "another name": edited(("test_two", "test_doubles_two")),
    "another layout": edited(("    assert f(2) == 4", "    # twice\n    assert (\n        f(2) == 4\n    )")),
    "a docstring": edited(("    assert f(2)", '    """Doubles two."""\n    assert f(2)')),
    "another import": edited(("from app import f", "import app\n\nf = app.f")),
    "parametrised": ROWS,
    "parametrised by a constant": ROWS.replace("[(2, 4), (3, 6), (30, 60)]", "CASES").replace(
        "\n\n@", "\nCASES = [(2, 4), (3, 6), (30, 60)]\n\n\n@"
    ),
    "parametrised with ids": ROWS.replace("(2, 4)", "pytest.param(2, 4, id='two')"),
    "split in two": edited(("    assert f(30) == 60\n", "\n\ndef test_thirty():\n    assert f(30) == 60\n")),
    "split under new names": edited(
        (THREE, "def test_a():\n    assert f(3) == 6\n\n\ndef test_b():\n    assert f(30) == 60\n")
    ),
    "merged": edited((TWO + "\n\n", ""), ("    assert f(3)", "    assert f(2) == 4\n    assert f(3)")),
    "into a class": edited(
        (TWO, "class TestTwo:\n    def test_two(self):\n        assert f(2) == 4\n"),
    ),
    "into a helper": edited(
        ("\n\ndef test_two", "\n\ndef twice(x, y):\n    assert f(x) == y\n\n\ndef test_two"),
        ("    assert f(2) == 4", "    twice(2, 4)"),
    ),
    "into a loop": edited(
        (THREE, "def test_three():\n    for x, y in [(3, 6), (30, 60)]:\n        assert f(x) == y\n")
    ),
    "a stronger test": edited(("    assert f(2) == 4", "    assert f(2) == 4\n    assert f(0) == 0")),
    "a changed expectation": edited(("f(30) == 60", "f(30) == 61")),
    "a fixture": edited(
        ("\n\ndef test_two():", "\n\n@pytest.fixture\ndef two():\n    return 2\n\n\ndef test_two(two):"),
    ),
    "a new test": OLD + "\n\ndef test_new():\n    assert f(4) == 8\n",
    "a new test of an error": OLD
    + "\n\ndef test_new():\n    with pytest.raises(TypeError):\n        f(None)\n",
    "a new test with a helper": OLD + "\n\ndef same(x):\n    assert f(x)\n\n\ndef test_new():\n    same(4)\n",
    "a new test with a helper from elsewhere": OLD + "\n\ndef test_new():\n    check_doubles(4)\n",
    "a new test with a mock": OLD + "\n\ndef test_new(mock):\n    f(mock)\n    mock.assert_called_once()\n",
    "a new property": OLD + "\n\n@given(integers())\ndef test_new(x):\n    f(x)\n",
    "a function that a fixture makes": OLD + "\n\ndef test_new(run_scenario):\n    run_scenario('a')\n",
    "a new benchmark": OLD + "\n\ndef test_new(benchmark):\n    benchmark(f, 4)\n",
    "a new test for one platform": OLD
    + "\n\n@pytest.mark.skipif(sys.platform == 'win32', reason='')\ndef test_new():\n    assert f(4) == 8\n",
    "equal objects": OLD + "\n\ndef test_new():\n    assert Money(1) == Money(1)\n",
    "the same object twice": OLD + "\n\ndef test_new():\n    assert f.cached(1) is f.cached(1)\n",
    "two calls agree": OLD + "\n\ndef test_new():\n    a = f(1)\n    b = f(1)\n    assert a == b\n",
    "a mark that skips nothing": edited((TWO, "@pytest.mark.slow\n" + TWO)),
    "a fixture called test data": OLD + "\n\n@pytest.fixture\ndef test_data():\n    return 1\n",
    "not Python any more": OLD + "\ndef (\n",
}


CLASS = """
import unittest


class TestPair(unittest.TestCase):
    def test_a(self):
        self.assertEqual(f(1), 2)

    def test_b(self):
        self.check(3, 6)

    def check(self, x, y):
        self.assertEqual(f(x), y)
"""

OTHERS = [
    ("unittest.skip", CLASS, ("    def test_a", "    @unittest.skip('')\n    def test_a"), "skip_added@4"),
    ("a class is skipped", CLASS, ("class TestPair", "@unittest.skip('')\nclass TestPair"), "skip_added@3"),
    (
        "expectedFailure",
        CLASS,
        ("    def test_a", "    @unittest.expectedFailure\n    def test_a"),
        "skip_added@4",
    ),
    (
        "skipTest",
        CLASS,
        ("        self.assertEqual(f(1)", "        self.skipTest('')\n        self.assertEqual(f(1)"),
        "skip_added@5",
    ),
    ("__test__", CLASS, ("    def test_a", "    __test__ = False\n\n    def test_a"), "skip_added@4"),
    (
        "a class is renamed",
        CLASS,
        ("class TestPair(unittest.TestCase)", "class Pair"),
        "skip_added@4 skip_added@7",
    ),
    ("a class is renamed well", CLASS, ("TestPair", "TestTwo"), ""),
    (
        "a method's helper asserts less",
        CLASS,
        ("self.assertEqual(f(x), y)", "self.assertTrue(f(x))"),
        "assertion_weakened@11",
    ),
    ("a method's helper is inlined", CLASS, ("self.check(3, 6)", "self.assertEqual(f(3), 6)"), ""),
    ("unittest becomes pytest", CLASS, ("self.assertEqual(f(1), 2)", "assert f(1) == 2"), ""),
    ("a row is gone", ROWS, ("(3, 6), ", ""), "assertion_removed@6"),
    ("a row is skipped", ROWS, ("(3, 6)", "pytest.param(3, 6, marks=pytest.mark.xfail)"), "skip_added@4"),
    ("a row is new", ROWS, ("(3, 6)", "(3, 6), (5, 10)"), ""),
    ("a row expects something else", ROWS, ("(3, 6)", "(3, 7)"), ""),
    (
        "very many rows",
        ROWS,
        ("(3, 6)", "(3, 6), " + ", ".join(f"({n}, {2 * n})" for n in range(5, 505))),
        "",
    ),
    ("rows are written out", ROWS, (ROWS[ROWS.index("@") :], TWO + THREE), ""),
    (
        "a skip moves to its module",
        f"import pytest\n@pytest.mark.skip\n{TWO}",
        ("@pytest.mark.skip\n", "pytestmark = pytest.mark.skip\n"),
        "",
    ),
    ("a skip gets a reason", f"@pytest.mark.skip\n{TWO}", ("skip\n", "skip(reason='x')\n"), ""),
    ("a skip becomes an expected failure", f"@pytest.mark.skip\n{TWO}", ("skip\n", "xfail\n"), ""),
    ("a condition becomes none", f"@pytest.mark.skipif(a)\n{TWO}", ("skipif(a)", "skip"), "skip_added@0"),
    ("a condition changes", f"@pytest.mark.skipif(a < 1)\n{TWO}", ("a < 1", "a < 2"), ""),
    ("a skip is taken away", f"@pytest.mark.skip\n{TWO}", ("@pytest.mark.skip\n", ""), ""),
    ("a test that never asserted", "def test_x():\n    f(1)\n", ("f(1)", "f(2)"), ""),
    (
        "a test that never asserted is gone",
        "def test_x():\n    f(1)\n",
        ("def test_x():\n    f(1)\n", ""),
        "test_removed@0",
    ),
]


@pytest.mark.parametrize(
    ("old", "edit", "expected"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS]
)
def test_classes_rows_and_marks(old: str, edit: tuple[str, str], expected: str) -> None:
    assert edit[0] in old
    check(old.lstrip(), old.lstrip().replace(*edit), expected)


# --- several files -----------------------------------------------------------------------------------


def asked(*changes: TextChange) -> str:
    return " ".join(f"{q.path}:{q.kind}" for q in all_questions(changes))


A, B = "tests/test_a.py", "tests/test_b.py"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([TextChange(A, TWO, ""), TextChange(B, None, TWO)], ""),
        ([TextChange(A, TWO, ""), TextChange(B, THREE, THREE)], f"{A}:test_removed"),
        ([TextChange(A, TWO, None)], f"{A}:test_removed"),
        ([TextChange(A, TWO, None), TextChange(B, THREE, THREE + TWO)], ""),
        ([TextChange(A, OLD, None), TextChange(B, None, ROWS)], ""),
        ([TextChange(B, TWO, TWO, old_path=A)], ""),
        ([TextChange("tests/checks_a.py", TWO, TWO, old_path=A)], "tests/checks_a.py:skip_added"),
        ([TextChange("tests/helpers.py", "def ok(x):\n    assert x == 1\n", "def ok(x):\n    pass\n")],
         "tests/helpers.py:assertion_removed"),
        ([TextChange("tests/helpers.py", "def ok(x):\n    pass\n", "")], ""),
        ([TextChange("pkg/a.py", "def test_f():\n    assert f(2) == 4\n", "")], ""),
    ],
    ids=[
        "a test moves", "a test is gone and another stays", "a file is gone", "a file's test moves",
        "a file becomes rows elsewhere", "a file is renamed", "a file is renamed away",
        "a helper is emptied", "a helper is gone", "a source file",
    ],
)  # fmt: skip
def test_a_change_of_several_files(changes: list[TextChange], expected: str) -> None:
    assert asked(*changes) == expected


def test_which_tests_are_new_or_assert_more() -> None:
    text = OLD + "\n\nclass TestMore:\n    def test_new(self):\n        assert f(4) == 8\n"
    text = text.replace("f(30) == 60", "f(40) == 80").replace("f(2) == 4", "f(2)\\\n        == 4")
    moved = [TextChange(A, TWO, ""), TextChange(B, None, TWO)]
    found = changed_tests([TextChange(PATH, OLD, text), *moved])
    assert [(test.node_id, test.new) for test in found] == [
        (f"{PATH}::TestMore::test_new", True),
        (f"{PATH}::test_three", False),
    ]
    lines = text.splitlines()
    assert [lines[test.line].strip() for test in found] == ["def test_new(self):", "def test_three():"]
    assert lines[found[0].end].strip() == "assert f(4) == 8"


def test_how_many_tests_a_file_has() -> None:
    assert count_tests(PATH, OLD) == OLD.count("def test_")
    assert count_tests("pkg/a.py", OLD) == 0
    assert count_tests(PATH, "def test_a(:") == 0


# --- pytest's configuration --------------------------------------------------------------------------

TOML = '[tool.pytest.ini_options]\naddopts = "-q"\ntestpaths = ["tests", "more"]\n'
INI = "[pytest]\naddopts = -q\n"
HOOK = "def pytest_collection_modifyitems(config, items):\n"
SETTINGS = [
    ("pyproject.toml", TOML, TOML.replace("-q", "-q -k 'not slow'"), "1"),
    ("pyproject.toml", TOML, TOML.replace('"-q"', '["-q", "--deselect=tests/a.py::test_b"]'), "1"),
    ("pyproject.toml", TOML, TOML.replace(', "more"', ""), "2"),
    ("pyproject.toml", TOML, TOML + 'python_functions = ["test_fast*"]\n', "3"),
    ("pytest.ini", INI, INI.replace("-q", "-q --ignore=tests/slow"), "1"),
    ("pytest.ini", INI, INI.replace("-q", "-q\n    --ignore=tests/slow"), "2"),
    ("pytest.ini", INI, INI.replace("-q", '-m "not slow"'), "1"),
    ("setup.cfg", "", "[tool:pytest]\naddopts = --ignore-glob=x*\n", "1"),
    ("tox.ini", "", "[pytest]\naddopts = --collect-only\n", "1"),
    ("tests/conftest.py", "", "collect_ignore = ['test_a.py']\n", "0"),
    ("tests/conftest.py", "", "import os\ncollect_ignore_glob = ['*']\n", "1"),
    ("tests/conftest.py", "", HOOK + "    items[:] = items[:1]\n", "0"),
    ("tests/conftest.py", "", HOOK + "    for i in items: i.add_marker(pytest.mark.skip)\n", "0"),
    ("tests/conftest.py", "", "def pytest_ignore_collect(path):\n    return True\n", "0"),
    ("tests/conftest.py", "", "def pytest_runtest_makereport(r):\n    r.outcome = 'passed'\n", "1"),
    ("pyproject.toml", TOML, TOML.replace("-q", "-v --strict-markers"), ""),
    ("pyproject.toml", TOML, TOML.replace('"more"', '"more", "extra"'), ""),
    ("pyproject.toml", TOML, TOML.replace('"tests", "more"', '"."'), ""),
    ("pyproject.toml", TOML, TOML + 'markers = ["slow: takes long"]\npythonpath = ["src"]\n', ""),
    ("pyproject.toml", "[project]\nname = 'a'\n", "[project]\nname = 'b'\n", ""),
    ("pyproject.toml", "", '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n', ""),
    ("pyproject.toml", TOML, "not toml [", ""),
    ("pytest.ini", INI.replace("-q", "-k fast"), INI.replace("-q", "-k fast -v"), ""),
    ("pytest.ini", INI.replace("-q", "-k fast"), INI, ""),
    ("tests/conftest.py", "", HOOK + "    for i in items: i.add_marker(pytest.mark.unit)\n", ""),
    ("tests/conftest.py", "", "collect_ignore = []\n", ""),
    ("tests/conftest.py", "", "@pytest.fixture\ndef app():\n    return App()\n", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "lines"), SETTINGS)
def test_settings_that_leave_tests_out(name: str, old: str, new: str, lines: str) -> None:
    found = questions(name, old, new)
    assert {q.kind for q in found} <= {"skip_added"}
    assert " ".join(str(question.line) for question in found) == lines, found


@pytest.mark.parametrize(("new", "expected"), ASKED.values(), ids=ASKED.keys())
def test_what_a_test_file_lost_is_asked_about(new: str, expected: str) -> None:
    check(OLD, new, expected)


@pytest.mark.parametrize("new", SILENT.values(), ids=SILENT.keys())
def test_a_refactoring_is_not_asked_about(new: str) -> None:
    check(OLD, new, "")
