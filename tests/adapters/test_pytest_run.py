"""What a run of pytest is said to have shown, for every way in which it can end."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from nexus_lsp.adapters.pytest_run import PytestRun, run_pytest

SOURCE = "def half(x):\n    if x:\n        return x / 2\n    return None\n"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter of our version without pytest: it is lent ours, without our plugins (and their time)."""
    directory = tmp_path_factory.mktemp("bare") / ".venv"
    venv.create(directory, symlinks=True, with_pip=False)
    return directory / "bin" / "python"


def put(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


async def check(root: Path, python: Path, files: dict[str, str], **options: object) -> PytestRun:
    put(root, files)
    return await run_pytest(root, python, **options)  # type: ignore[arg-type]


async def test_every_outcome_and_coverage(tmp_path: Path, bare_python: Path):
    tests = """
import pytest
from pkg.a import half
@pytest.fixture
def bad(): raise ValueError('x')
@pytest.fixture
def late():
    yield
    raise ValueError('late')
def test_ok(): assert half(2) == 1
def test_bad(): assert half(0) == 1
def test_setup(bad): pass
def test_teardown(late): pass
@pytest.mark.parametrize('x', [1, 2])
def test_each(x): pass
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail(strict=True)
def test_unexpected(): pass
"""
    files = {
        "src/pkg/__init__.py": "",
        "src/pkg/a.py": SOURCE,
        "src/pkg/unused.py": "def f():\n    return 1\n",
        "tests/test_a.py": tests,
        "tests/test_import.py": "import nothing_like_it\n",
        "tests/test_syntax.py": "def f(:\n",
    }
    lines: list[str] = []
    run = await check(tmp_path, bare_python, files, coverage=True, on_output=lines.append)
    a = "tests/test_a.py::test_"
    assert run.passed == (f"{a}ok", f"{a}each[1]", f"{a}each[2]"), run.output
    assert run.failed == (f"{a}bad", f"{a}unexpected")
    assert sorted(run.errors) == [
        f"{a}setup",
        f"{a}teardown",
        "tests/test_import.py",
        "tests/test_syntax.py",
    ]
    assert run.skipped == (f"{a}skipped", f"{a}expected")
    assert (run.exit_code, run.note, run.green) == (1, "", False)
    assert run.covered == ("src/pkg/a.py",)
    assert run.line_coverage == {"src/pkg/a.py": frozenset({1, 2, 3, 4})}
    assert run.tests_of == {"src/pkg/a.py": ("tests/test_a.py",)}
    assert run.coverage == pytest.approx(100 * 4 / 6)
    assert ("tests/test_a.py", 10, "AssertionError: assert None == 1\n +  where None = half(0)") in run.places
    assert {place[0] for place in run.places} >= {"tests/test_import.py", "tests/test_syntax.py"}
    assert any("test session starts" in line for line in lines)
    assert not [path for path in tmp_path.rglob("*") if "cache" in path.name or ".coverage" in path.name]


MARKED = "def f(x):\n    if x:  # pragma: no cover\n        return 1\n    return (\n        2\n    )\n"


async def test_statements_of_every_source_file_and_what_each_test_executes(tmp_path: Path, bare_python: Path):
    tests = "from pkg.a import half\ndef test_0(): half(0)\ndef test_2(): half(2)\ndef test_not(): pass\n"
    files = {
        "src/pkg/__init__.py": "",
        "src/pkg/a.py": SOURCE,
        "src/pkg/unused.py": MARKED,
        "scripts/run.py": "import nothing_like_it\n",
        "tests/test_a.py": tests,
    }
    run = await check(tmp_path, bare_python, files, coverage=True, contexts=["src/pkg/a.py"])
    assert run.statements == {
        "src/pkg/__init__.py": frozenset(),
        "src/pkg/a.py": frozenset({1, 2, 3, 4}),
        "src/pkg/unused.py": frozenset({1, 4}),
        "scripts/run.py": frozenset({1}),
    }
    assert run.excluded == {"src/pkg/unused.py": frozenset({2, 3})}
    assert run.test_lines == {
        "tests/test_a.py::test_0": {"src/pkg/a.py": frozenset({2, 4})},
        "tests/test_a.py::test_2": {"src/pkg/a.py": frozenset({2, 3})},
    }
    other = await check(tmp_path, bare_python, files, coverage=True, contexts=[])
    assert (other.test_lines, other.line_coverage) == ({}, run.line_coverage)


async def test_only_what_was_asked_for_runs_and_what_is_not_there_stops_nothing(
    tmp_path: Path, bare_python: Path
):
    tests = "import pytest\n@pytest.mark.parametrize('x', [1, 2])\ndef test_x(x): 1\ndef test_y(): 1\n"
    files = {"test_a.py": tests, "test_b.py": "import nothing_like_it\n", "test_c.py": tests}
    only = ["test_a.py::test_x", "test_a.py::test_gone", "test_b.py::test_x"]
    run = await check(tmp_path, bare_python, files, tests=["test_a.py", "test_b.py"], only=only)
    assert run.passed == ("test_a.py::test_x[1]", "test_a.py::test_x[2]"), run.output
    assert run.errors == ("test_b.py",)


@pytest.mark.parametrize(
    ("body", "passed", "errors", "note"),
    [
        (
            "import os\ndef test_2(): os._exit(0)\n",
            1,
            1,
            "exit status 0 before pytest did during test_x.py::test_2",
        ),
        ("import os\ndef test_2(): os.abort()\n", 1, 1, "before pytest did during test_x.py::test_2"),
        ("import time\ndef test_2(): time.sleep(60)\n", 1, 1, "did not end within 3 s"),
    ],
    ids=["leaves", "crashes", "hangs"],
)
async def test_a_run_that_breaks_off_says_so(
    tmp_path: Path, bare_python: Path, body: str, passed: int, errors: int, note: str
):
    files = {"test_x.py": f"def test_1(): pass\n{body}"}
    run = await check(tmp_path, bare_python, files, timeout=3.0)
    assert note in run.note
    assert run.passed == ("test_x.py::test_1",)
    assert run.errors == ("test_x.py::test_2",)
    assert run.exit_code != 0
    assert not run.green


async def test_no_tests_are_not_green(tmp_path: Path, bare_python: Path):
    run = await check(tmp_path, bare_python, {"test_x.py": "x = 1\n"})
    assert (run.exit_code, run.note, run.green) == (5, "no tests were found", False)


async def test_a_broken_conftest_is_said(tmp_path: Path, bare_python: Path):
    run = await check(tmp_path, bare_python, {"conftest.py": "1 / 0\n", "test_x.py": "def test_1(): pass\n"})
    assert "pytest could not start" in run.note
    assert "ZeroDivisionError" in run.output


async def test_configuration_of_a_directory_above_is_not_taken(tmp_path: Path, bare_python: Path):
    put(tmp_path, {"pytest.ini": "[pytest]\naddopts = --no-such-option\n"})
    run = await check(tmp_path / "tree", bare_python, {"test_x.py": "def test_1(): pass\n"})
    assert run.passed == ("test_x.py::test_1",), run.output


async def test_the_workspaces_own_coverage_options_do_not_get_in_the_way(tmp_path: Path):
    files = {
        "pytest.ini": "[pytest]\naddopts = --cov=pkg --cov-fail-under=100 -x -n 2\n",
        "pkg/__init__.py": SOURCE,
        "test_x.py": "import pkg\ndef test_1(): assert 0\ndef test_2(): pkg.half(1)\n",
    }
    run = await check(tmp_path, Path(sys.executable), files, coverage=True)
    assert run.passed == ("test_x.py::test_2",), run.output
    assert run.failed == ("test_x.py::test_1",)
    assert run.coverage == 75.0
    assert not (tmp_path / ".coverage").exists()
