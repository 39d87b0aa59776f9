"""Groups by intent, riskiest first: what belongs together, in which order, and what is said of it."""
# ruff: noqa: E501 - whole files stand in the table

from __future__ import annotations

from dataclasses import replace

import pytest
from relating_house import Files, proposed

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Change, Traits
from nexus_lsp.core.evolve import begin
from nexus_lsp.core.grouping import Group, group_of, in_order, members
from nexus_lsp.core.run import ChangeState, Run


def groups_of(run: Run, asked: dict[str, tuple[str, ...]] | None = None) -> list[Group]:
    return in_order(group_of(run.id, *each) for each in members(run, asked or {}))


GAP = "\n\n\n"


def lines(*parts: str) -> str:
    return GAP.join(part.strip("\n") for part in parts) + "\n"


def run_of(states: list[ChangeState]) -> Run:
    made = begin(f.Entry(1, 0.0, "r", f.RunStarted("r", "/w")))
    return replace(made, changes={s.change.id: s for s in states})


def grouped(before: Files, after: Files) -> list[str]:
    made = proposed(before, after)
    found = made.relations()
    states = [
        ChangeState(replace(c, depends_on=found[c.id].depends_on), traits=found[c.id].traits)
        for c in made.changes
    ]
    return [f"{g.risk}: {g.summary}" for g in groups_of(run_of(states))]


KEPT = "def kept():\n    pass"

GROUPS: dict[str, tuple[Files, Files, list[str]]] = {
    "a new function, its import, its callers and its test": (
        {"checks.py": lines("import os", KEPT), "app.py": lines("import checks", "def main():\n    pass")},
        {
            "checks.py": lines("import os\nimport re", KEPT, "def check(x):\n    return re.match(x)"),
            "app.py": lines("import checks", "def main():\n    checks.check(1)"),
            "tests/test_checks.py": "from checks import check\n\n\ndef test_check():\n    assert check(1)\n",
        },
        ["code: adds `check` to checks.py, used in app.py, tested in test_checks.py; 4 changes in 3 files"],
    ),
    "two things are two groups": (
        {"a.py": lines("def one():\n    return 1", KEPT, "def two():\n    return 2")},
        {"a.py": lines("def one():\n    return 11", KEPT, "def two():\n    return 22")},
        ["code: changes `one` in a.py; 1 change", "code: changes `two` in a.py; 1 change"],
    ),
    "several hunks of one function are one group": (
        {"a.py": "def one():\n    a()\n    b()\n    c()\n    return 1\n"},
        {"a.py": "def one():\n    A()\n    b()\n    c()\n    return 11\n"},
        ["code: changes `one` in a.py; 2 changes"],
    ),
    "a word in another's place": (
        {"a.py": lines("def f():\n    total = 1", KEPT, "def g():\n    total()"), "b.md": "The total.\n"},
        {"a.py": lines("def f():\n    amount = 1", KEPT, "def g():\n    amount()"), "b.md": "The amount.\n"},
        ["code: puts `amount` in the place of `total`; 3 changes in 2 files"],
    ),
    "the order of risks": (
        {
            "a.py": lines("def api(x):\n    pass", "def _own():\n    pass", "def run():\n    return 1", "def go():\n    return 2", "def plain():\n    return 3"),
            "tests/test_a.py": "def test_a():\n    assert 1\n\n\ndef test_b():\n    assert 2\n",
            "pyproject.toml": "a = 1\n",
            "gone.py": "_x = 1\n",
            "layout.py": "x = [1,2]\n",
            "README.md": "a\n",
        },
        {
            "a.py": lines("def api(x, y):\n    pass", "def _own(z):\n    pass", "def run():\n    return subprocess.run(1)", "def go():\n    with Lock():\n        return 2", "def plain():\n    return 33"),
            "tests/test_a.py": "def test_a():\n    assert 1\n",
            "tests/test_new.py": "def test_new():\n    assert 1\n",
            "pyproject.toml": "a = 2\n",
            "gone.py": None,
            "layout.py": "x = [1, 2]\n",
            "README.md": "b\n",
        },
        [
            "public_api: changes `api` in a.py; 1 change",
            "security: changes `run` in a.py; 1 change",
            "concurrency: changes `go` in a.py; 1 change",
            "tests_weakened: removes `test_b` from test_a.py; 1 change",
            "configuration: Do it: pyproject.toml; 1 change",
            "file_deleted: removes `_x` from gone.py; 1 change",
            "code: changes `_own` in a.py; 1 change",
            "code: changes `plain` in a.py; 1 change",
            "tests: adds `test_new` to test_new.py; 1 change",
            "docs: documents: README.md; 1 change",
            "format: layout only: layout.py; 1 change",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_groups(name: str) -> None:
    before, after, expected = GROUPS[name]
    assert grouped(before, after) == expected


def risk(before: Files, after: Files) -> str:
    found = proposed(before, after).relations()
    first = next(iter(found.values())).traits
    return f"{first.risk}: {first.risk_why}"


RISKS: dict[str, tuple[Files, Files, str]] = {
    "a public function is removed": ({"a.py": lines(KEPT, "def f():\n    pass")}, {"a.py": lines(KEPT)}, "public_api: removes public `f`"),
    "a private one": ({"a.py": lines(KEPT, "def _f():\n    pass")}, {"a.py": lines(KEPT)}, "code: no rule for anything riskier holds"),
    "a method's parameters": ({"a.py": "class A:\n    def f(self):\n        pass\n"}, {"a.py": "class A:\n    def f(self, x):\n        pass\n"}, "public_api: changes the signature of public `A.f`"),
    "annotations alone are no signature": ({"a.py": "def f(x):\n    pass\n"}, {"a.py": "def f(x: int) -> int:\n    pass\n"}, "code: no rule for anything riskier holds"),
    "a function becomes async": ({"a.py": "def f():\n    pass\n"}, {"a.py": "async def f():\n    pass\n"}, "public_api: changes the signature of public `f`"),
    "a constant is removed": ({"a.py": "x = 1\nMOST = 2\n"}, {"a.py": "x = 1\n"}, "public_api: removes public `MOST`"),
    "an exported function of another language": ({"a.ts": "export function f(a) {\n}\n"}, {"a.ts": "export function f(a, b) {\n}\n"}, "public_api: changes the signature of public `f`"),
    "an exported one is removed": ({"a.go": "package a\nfunc Go() {}\n"}, {"a.go": "package a\n"}, "public_api: removes public `Go`"),
    "SQL": ({"a.py": "q = 1\n"}, {"a.py": "q = f'SELECT * FROM t WHERE x={x}'\n"}, "security: `SELECT * FROM` stands on its lines"),
    "a password": ({"a.js": "f()\n"}, {"a.js": "f(password)\n"}, "security: `password` stands on its lines"),
    "a comment is no code": ({"a.py": "f(1)\n"}, {"a.py": "f(2)  # never eval this\n"}, "code: no rule for anything riskier holds"),
    "a word that stays does not count": ({"a.py": "eval(x)\ny = 1\n"}, {"a.py": "eval(x)\ny = 2\n"}, "code: no rule for anything riskier holds"),
    "a path says so": ({"app/auth/views.py": "a = 1\n"}, {"app/auth/views.py": "a = 2\n"}, "security: the path says `auth`"),
    "threads": ({"a.py": "f(1)\n"}, {"a.py": "threading.Thread(f)\n"}, "concurrency: `threading` stands on its lines"),
    "a check fewer": ({"test_a.py": "def test_a():\n    assert 1\n    assert 2\n"}, {"test_a.py": "def test_a():\n    assert 1\n"}, "tests_weakened: has 1 fewer check than before"),
    "a skip": ({"test_a.py": "def test_a():\n    assert 1\n"}, {"test_a.py": "@pytest.mark.skip\ndef test_a():\n    assert 1\n"}, "tests_weakened: skips a test"),
    "a test file is deleted": ({"test_a.py": "def test_a():\n    assert 1\n"}, {"test_a.py": None}, "tests_weakened: deletes a file of tests"),
    "a test of another language": ({"a.test.ts": "it('adds', () => {\n});\n"}, {"a.test.ts": "\n"}, "tests_weakened: removes the test `adds`"),
    "another check is no fewer": ({"test_a.py": "def test_a():\n    assert 1\n"}, {"test_a.py": "def test_a():\n    assert 2\n"}, "tests: a file of tests, by its path"),
    "CI": ({".github/workflows/ci.yml": "a: 1\n"}, {".github/workflows/ci.yml": "a: 2\n"}, "configuration: dependencies, CI or configuration, by its path"),
    "a file is deleted": ({"a.txt2": "a\n"}, {"a.txt2": None}, "file_deleted: deletes a file"),
    "layout": ({"a.py": "f(a,b)\n"}, {"a.py": "f(a, b)\n"}, "format: nothing but layout or comments"),
    "a comment": ({"a.py": "f(a)\n"}, {"a.py": "# why\nf(a)\n"}, "format: nothing but layout or comments"),
    "an indent is not layout": ({"a.py": "if a:\n    b()\n    c()\n"}, {"a.py": "if a:\n    b()\nc()\n"}, "code: no rule for anything riskier holds"),
    "white space in a string is not layout": ({"a.py": "x = 'a b'\n"}, {"a.py": "x = 'ab'\n"}, "code: no rule for anything riskier holds"),
    "layout of another language": ({"a.go": "f(a,b)\n"}, {"a.go": "f(a, b)\n"}, "format: nothing but layout or comments"),
    "a document": ({"docs/a.rst": "a\n"}, {"docs/a.rst": "eval\n"}, "docs: a document, by its path"),
}  # fmt: skip


@pytest.mark.parametrize("name", RISKS)
def test_a_risk_and_its_reason(name: str) -> None:
    before, after, expected = RISKS[name]
    assert risk(before, after) == expected


# --- without texts -----------------------------------------------------------------------------------


def state(
    change_id: str,
    status: str = "pending",
    path: str = "a.py",
    why: str = "Do it",
    task: str = "t",
    **more: object,
) -> ChangeState:
    change = Change(change_id, (task,), ("a",), path, "edit", why)
    return ChangeState(change, status, **more)  # type: ignore[arg-type]


def told(*states: ChangeState, **asked: list[str]) -> list[str]:
    return [
        f"{g.id} {g.risk} ({g.risk_why}): {g.summary} {dict(g.counts)}"
        for g in groups_of(run_of(list(states)), asked)
    ]


def test_what_no_rule_has_looked_at_is_grouped_by_task_and_file() -> None:
    assert told(
        state("change_1"), state("change_2"), state("change_3", task="u"), state("change_4", path="b.md")
    ) == [
        "group_1 code (no rule has looked at it): Do it: a.py; 2 changes {'pending': 2}",
        "group_3 code (no rule has looked at it): Do it: a.py; 1 change {'pending': 1}",
        "group_4 docs (no rule has looked at it): documents: b.md; 1 change {'pending': 1}",
    ]


def test_mended_lint_is_one_group() -> None:
    assert told(
        state("change_1", why="`os` imported but unused (F401)"), state("change_2", path="b.py", why="Sorted (I001)")
    ) == ["group_1 code (no rule has looked at it): mends lint (F401, I001): a.py, b.py; 2 changes in 2 files {'pending': 2}"]  # fmt: skip


def test_a_question_about_tests_is_a_risk_and_a_decision_settles_it() -> None:
    tests = Traits("tests", risk="tests", risk_why="by its path")
    one, other = (
        state("change_1", path="test_a.py", traits=tests),
        state("change_2", path="b.py", traits=Traits()),
    )
    assert told(one, other, change_1=["it asserts nothing"])[0].startswith(
        "group_1 tests_weakened (it asserts nothing)"
    )
    assert [x.split()[0] for x in told(replace(one, status="accepted"), other, change_1=["x"])] == [
        "group_2",
        "group_1",
    ]


def test_what_another_took_the_place_of_is_in_no_group() -> None:
    assert told(state("change_1", "outdated", superseded_by="change_2"), state("change_2"))[0].startswith(
        "group_2 "
    )
