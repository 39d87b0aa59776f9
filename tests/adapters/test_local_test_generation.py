"""Generated tests: what is proposed passes, and fails on broken code; what does not is not proposed."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap

import pytest
from local_workspaces import assignment, tree, work

from nexus_lsp.adapters.local import examples, functions, mutants, test_file_text, workspace_files
from nexus_lsp.adapters.local.case_selection import smallest_set
from nexus_lsp.adapters.local_team import LocalTeam


def parsed(text: str) -> ast.Module:
    return ast.parse(textwrap.dedent(text))


# --- mutants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a < b", ["returns None", "`<` becomes `>=`"]),
        ("return a + 1", ["returns None", "`+` becomes `-`", "1 becomes 2"]),
        ("return not a", ["returns None", "negation removed"]),
        ("return a and True", ["returns None", "`and` becomes `or`", "True becomes False"]),
        ("'''Only words.'''", []),
        ("return f'{a}!'", ["returns None"]),
    ],
)
def test_the_mutants_of_a_function(body, expected):
    source = f"def f(a, b):\n    {body}\n"
    found = mutants.mutants(source, {"f"}, {2}, 50)
    assert [mutant.what for mutant in found] == expected
    assert all(ast.dump(ast.parse(m.source)) != ast.dump(ast.parse(source)) for m in found)


def test_mutants_stand_only_on_executed_lines_and_are_shared_out():
    source = "def f(a):\n    b = 1\n    return b\n\n\ndef g(a):\n    return 5\n"
    assert {m.line for m in mutants.mutants(source, {"f", "g"}, {2, 7}, 50)} == {2, 7}
    assert {m.function for m in mutants.mutants(source, {"f", "g"}, {2, 7}, 2)} == {"f", "g"}


# --- which functions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: int): return open(x)",
        "import os\ndef f(x: int): return os.sep",
        "from random import choice\ndef f(x: int): return choice([x])",
        "seen = []\ndef f(x: int): seen.append(x)",
        "seen = {}\ndef f(x: int): seen[x] = 1",
        "def f(x: int):\n    global y\n    y = x",
        "def g(x): print(x)\ndef f(x: int): return g(x)",
        "def f(x: int): yield x",
        "async def f(x: int): return x",
        "def _f(x: int): return x",
        "def f(): return 1",
        "def f(*x): return x",
        "import datetime\ndef f(x: int): return datetime.datetime.now()",
    ],
)
def test_a_function_with_effects_is_left_alone(source):
    assert [f.name for f in functions.testable(parsed(source)) if f.name == "f"] == []


def test_examples_come_from_documentation_tests_and_annotations():
    module = parsed('''
        def f(word: str, times: int = 2, *, loud: bool = False):
            """
            >>> f("hey", loud=True)
            'HEYHEY'
            """
            return word * times
    ''')
    [function] = functions.testable(module, [parsed("def test_f():\n    assert f('a', 3) == 'aaa'\n")])
    found = examples.arguments(function, examples.pool(module), 30)
    assert found[:2] == [("hey", 2, True), ("a", 3, False)]
    assert 20 < len(found) <= 30
    assert found == examples.arguments(function, examples.pool(module), 30)
    assert all(ast.literal_eval(repr(values)) == values for values in found)


@pytest.mark.parametrize(
    ("annotation", "drawn"),
    [
        ("int | None", True),
        ("'Optional[str]'", True),
        ("t.Sequence[float]", True),
        ("dict[str, list[int]]", True),
        ("Literal['a', 'b']", True),
        ("float | Decimal", True),
        ("Path", False),
        ("list[Path]", False),
        ("Callable[[int], int]", False),
    ],
)
def test_only_types_that_can_be_written_down_are_drawn(annotation, drawn):
    node = ast.parse(annotation, mode="eval").body
    assert (examples.from_annotation(node) is not None) is drawn


# --- which cases -------------------------------------------------------------------------------------


def test_the_fewest_cases_that_notice_every_mutant_stay():
    cases = tuple(test_file_text.Case("f", (str(n),), "1") for n in range(4))
    draft = test_file_text.Draft("m", {}, {"test_f": cases})
    kills = {("test_f", 0): {1}, ("test_f", 1): {1, 2}, ("test_f", 2): set(), ("test_f", 3): {3}}
    assert smallest_set(kills, {1: "f", 2: "f", 3: "f"}, draft) == {("test_f", 1), ("test_f", 3)}


def test_unfinished_ghostwritten_tests_are_left_out():
    head = "from hypothesis import given, strategies as st"
    tests = ["@given(x=st.nothing())\ndef test_a(x): ...", "@given(x=st.integers())\ndef test_b(x): ..."]
    source = "\n\n".join([head, *tests])
    [proposed] = test_file_text.properties_of(source)
    assert proposed.name == "test_b"
    assert "derandomize=True" in proposed.source


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (["a.py"], "tests/test_a_properties.py"),
        (["a.py", "test_a.py"], "test_a_properties.py"),
        (["a.py", "test/test_a.py"], "test/test_a_properties.py"),
        (["a.py", "tests/test_a_properties.py"], "tests/test_a_properties_2.py"),
        (["a.py", "tests/unit/test_a_properties.py"], "tests/test_a_properties_2.py"),
    ],
)
def test_a_generated_file_gets_a_name_of_its_own(files, path):
    from nexus_lsp.adapters.local.test_generation import free_path

    assert free_path(files, "a.py") == path


@pytest.mark.parametrize(
    ("path", "name"),
    [("src/a/b.py", "a.b"), ("a/__init__.py", "a"), ("a.py", "a"), ("src/a/__init__.py", "a")],
)
def test_module_names(path, name):
    assert workspace_files.module_name(path) == name


# --- the whole way -----------------------------------------------------------------------------------

SHOP = '''
    """A shop."""


    def discount(total: int, loyal: bool = False) -> int:
        """What is taken off.

        >>> discount(100)
        10
        """
        if total < 0:
            raise ValueError("a negative total")
        if loyal and total > 50:
            return total // 5
        return total // 10


    def first(words: list[str]) -> str:
        return words[0]


    def nothing(total: int) -> None:
        total + 1
'''


async def test_a_generated_file_passes_now_and_fails_on_broken_code(tmp_path):
    root = tree(tmp_path, {"src/shop.py": SHOP, "tests/test_shop.py": "def test_it():\n    pass\n"})
    outcome, said = await work(LocalTeam(), assignment(root, "test", trusted=True))
    written = root / "tests" / "test_shop_properties.py"
    assert outcome.status == "done", outcome.summary
    assert f"`tests/{written.name}`" in outcome.summary
    assert "`first([])` raises IndexError" in outcome.summary
    assert any("against" in line for line in said)
    text = written.read_text()
    for part in ("with pytest.raises(ValueError)", "Fails on"):
        assert part in text
    assert "hypothesis import" not in text
    assert "test_nothing" not in text
    assert not list(root.rglob("__pycache__"))
    ruff = [sys.executable, "-I", "-m", "ruff"]
    for command in (["check"], ["format", "--check"]):
        argv = [*ruff, *command, "--isolated", "--no-cache", written]
        assert subprocess.run(argv, cwd=root, capture_output=True).returncode == 0
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written)]
    env = {"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    assert subprocess.run(pytest_run, cwd=root, env=env, capture_output=True).returncode == 0
    source = (root / "src/shop.py").read_text()
    (root / "src/shop.py").write_text(source.replace("total // 5", "total // 6"))
    assert subprocess.run(pytest_run, cwd=root, env=env, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(x: int):\n    x + 1\n", "no candidate test fails on any mutant"),
        ("def f(x: int):\n    return object()\n", "no function gave a result"),
        ("import nowhere\n\ndef f(x: int):\n    return x + 1\n", "could not be imported"),
        (
            "n = [0]\n\n\ndef g():\n    return n\n\n\n"
            "def f(x: int):\n    m = g()\n    m[0] += 1\n    return m[0]\n",
            "no function",
        ),
    ],
    ids=["passes on broken code", "not a value", "not importable", "another result each time"],
)
async def test_a_test_that_proves_nothing_is_not_proposed(tmp_path, source, why):
    root = tree(tmp_path, {"a.py": source})
    outcome, _ = await work(LocalTeam(), assignment(root, "test", trusted=True))
    assert outcome.status == "unable"
    assert why in outcome.summary
    assert [path.name for path in root.rglob("*.py")] == ["a.py"]


async def test_round_trips_are_tested_where_the_project_uses_hypothesis(tmp_path):
    source = """
        def encode(text: str) -> str:
            return text[::-1]


        def decode(text: str) -> str:
            return text[::-1]
    """
    project = '[project]\nname = "a"\ndependencies = []\n[dependency-groups]\ndev = ["hypothesis>=6"]\n'
    root = tree(tmp_path, {"codec.py": source, "pyproject.toml": project})
    outcome, _ = await work(LocalTeam(), assignment(root, "test", trusted=True))
    assert outcome.status == "done", outcome.summary
    text = (root / "tests/test_codec_properties.py").read_text()
    assert "def test_roundtrip_encode_decode" in text
    assert "derandomize=True" in text


async def test_without_trust_nothing_is_imported(tmp_path):
    trace = tmp_path / "trace"
    source = (
        f"from pathlib import Path\n\nPath({str(trace)!r}).touch()\n\n\ndef f(x: int) -> int:\n    return x\n"
    )
    root = tree(tmp_path / "w", {"a.py": source})
    outcome, _ = await work(LocalTeam(), assignment(root, "test"))
    assert (outcome.status, trace.exists()) == ("unable", False)
    assert "nexus-lsp trust" in outcome.summary
