"""A change scrutinised on real trees: what is asked of its tests, what is measured, what is not, and why."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import venv
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from nexus_lsp.adapters import gate_reading, gate_trials
from nexus_lsp.adapters.gates import WorkspaceGates
from nexus_lsp.adapters.quarantine import Quarantine
from nexus_lsp.core.quality import Scrutiny
from nexus_lsp.ports import FileContent

SOURCE = '"""Halves."""\n\ndef half(x):\n    return x / 2\n\n\ndef double(x):\n    return x * 2\n'
TEST = "from pkg.a import half\n\n\ndef test_half():\n    assert half(2) == 1\n"
PROJECT = {"pkg/__init__.py": "", "pkg/a.py": SOURCE, "tests/test_a.py": TEST, ".gitignore": ".venv/\n"}

FIXED = SOURCE.replace("    return x / 2\n", "    if x is None:\n        return 0\n    return x / 2\n")
"""`half` takes None now."""

SPAN = """
def span(low, high):
    if low > high:
        return 0
    return high - low + 1
"""
"""A new function of three statements that can be broken in many ways."""

SPAN_TEST = "from pkg.b import span\n\n\ndef test_span():\n    {}\n"

Files = dict[str, str | None]


@dataclass
class House:
    """A workspace with an environment of its own (pytest is lent to it), its quarantine and its gates."""

    workspace: Path
    quarantine: Quarantine
    gates: WorkspaceGates
    base: str
    heard: list[str] = field(default_factory=list)

    async def commit(self, files: Files) -> str:
        laid = {path: None if text is None else FileContent(text.encode()) for path, text in files.items()}
        return await self.quarantine.with_files(self.base, laid, [self.base], "integration")

    async def scrutinise(self, files: Files, *, trusted: bool = True, command: str | None = None) -> Scrutiny:
        """The workspace's tree against itself with these files laid over it."""
        return await self.of(await self.commit(files), trusted=trusted, command=command)

    async def of(self, head: str, *, trusted: bool = True, command: str | None = None) -> Scrutiny:
        return await self.gates.scrutinise(self.base, head, trusted, command, self.heard.append)

    async def check(self, files: Files, expected: str) -> Scrutiny:
        """What is asked, as `kind path:line test, …` with 1-based lines."""
        found = await self.scrutinise(files)
        asked = [f"{q.kind} {q.path}:{q.line + 1} {q.message.split('`')[1]}" for q in found.questions]
        assert ", ".join(asked) == expected, found
        return found

    @property
    def checkout(self) -> Path:
        found = self.gates._checkout._root
        assert found is not None
        return found


Build = Callable[..., Awaitable[House]]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    houses: list[House] = []

    async def make(files: dict[str, str] = PROJECT, own_python: bool = True) -> House:
        workspace = tmp_path / "workspace"
        for path, text in files.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace / path).write_text(text)
        if own_python:
            venv.create(workspace / ".venv", symlinks=True, with_pip=False)
        quarantine = await Quarantine.open(workspace, tmp_path / "state")
        snapshot = await quarantine.snapshot({})
        gates = WorkspaceGates(quarantine, workspace, timeout=60)
        houses.append(House(workspace, quarantine, gates, snapshot.commit))
        return houses[-1]

    yield make
    for house in houses:
        await house.gates.close()
        await house.quarantine.close()


def added(test: str, names: str = "half") -> Files:
    """The workspace's test file with one more test."""
    return {"tests/test_a.py": TEST.replace("import half", f"import {names}") + "\n\n" + test}


# --- an honest change --------------------------------------------------------------------------------


async def test_an_honest_change_is_measured_and_asks_nothing(build: Build):
    house = await build()
    tests = "def test_none():\n    assert half(None) == 0\n\n\ndef test_odd():\n    assert half(3) == 1.5\n"
    span = SPAN_TEST.format("assert (span(1, 3), span(2, 2), span(3, 1)) == (3, 1, 0)")
    files: Files = {"pkg/a.py": FIXED, "pkg/b.py": SPAN, "tests/test_b.py": span, **added(tests)}
    found = await house.check(files, "")
    quality = found.quality
    assert (quality.changed_percent, quality.changed_total, quality.changed_covered) == (100.0, 6, 6)
    assert (quality.uncovered, quality.tests_total, quality.tests_added) == ((), 4, 3)
    assert quality.coverage == 90.0  # all but the body of `double`
    assert (quality.lint_errors_before, quality.lint_errors_after) == (0, 0)
    before, after = quality.complexity_before, quality.complexity_after
    assert before and after and after.worst
    assert (before.total, after.total, after.functions) == (2, 5, 3)
    assert (after.worst.name, after.worst.path, after.worst.line, after.worst.figure) == (
        "half",
        "pkg/a.py",
        2,
        2,
    )
    assert len(found.notes) == 1
    assert found.notes[0].startswith("Faults tried on new tests: ")
    assert sorted(os.listdir(house.checkout / "pkg")) == ["__init__.py", "a.py", "b.py"]
    assert (house.checkout / "pkg/a.py").read_text() == FIXED


async def test_changed_lines_that_no_test_executes_are_named(build: Build):
    house = await build()
    unread = "def unread(x):\n    if x:\n        return 1\n    return (\n        2\n    )\n"
    found = await house.check({"pkg/a.py": FIXED, "pkg/never.py": unread, "docs.md": "x\n"}, "")
    assert found.quality.uncovered == (("pkg/a.py", (5,)), ("pkg/never.py", (1, 2, 3, 4)))
    assert (found.quality.changed_total, found.quality.changed_covered) == (6, 1)
    assert found.quality.changed_percent == pytest.approx(100 / 6)


# --- what is asked -----------------------------------------------------------------------------------


async def test_what_the_texts_say_is_asked(build: Build):
    house = await build()
    weak = TEST.replace("== 1", "is not None")
    await house.check({"tests/test_a.py": weak}, "assertion_weakened tests/test_a.py:5 test_half")


async def test_a_test_that_passes_without_the_change(build: Build):
    house = await build()
    found = await house.check(
        {"pkg/a.py": FIXED, **added("def test_none():\n    assert half(4) == 2\n")},
        "passes_without_change tests/test_a.py:8 test_none",
    )
    assert found.questions[0].message == (
        "`test_none` passes without the change too, so it does not show that the change works. "
        "Assert what is new, or check that it is meant."
    )


async def test_rows_are_one_test_and_it_is_enough_that_one_fails_without_the_change(build: Build):
    house = await build()
    rows = (
        "@pytest.mark.parametrize('x, y', [(4, 2), ({}, 0)])\ndef test_rows(x, y):\n    assert half(x) == y\n"
    )
    for fails, expected in (("None", ""), ("0", "passes_without_change tests/test_a.py:10 test_rows")):
        files = added(rows.format(fails))
        files["tests/test_a.py"] = f"import pytest\n{files['tests/test_a.py']}"
        await house.check({"pkg/a.py": FIXED, **files}, expected)


async def test_a_test_beside_one_that_shows_the_change_is_not_asked_about(build: Build):
    house = await build()
    both = "def test_none():\n    assert half(None) == 0\n\n\ndef test_odd():\n    assert half(3) == 1.5\n"
    await house.check({"pkg/a.py": FIXED, **added(both)}, "")


async def test_a_test_of_what_did_not_change_is_named_and_not_asked_about(build: Build):
    house = await build()
    tests = (
        "def test_none():\n    assert half(None) == 0\n\n\ndef test_double():\n    assert double(2) == 4\n"
    )
    await house.check({"pkg/a.py": FIXED, **added(tests, "double, half")}, "")
    alone = "def test_double():\n    assert double(2) == 4\n"
    found = await house.check({"pkg/a.py": FIXED, **added(alone, "double, half")}, "")
    assert any(n.startswith("Not judged, since no changed line is executed by it: `") for n in found.notes)


async def test_test_data_and_conftest_go_with_the_tests(build: Build):
    house = await build()
    files: Files = {
        "pkg/a.py": FIXED,
        "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef number():\n    return 4\n",
        "tests/data/half.txt": "2",
        "data.txt": "half",
    }
    body = "    assert half(number) == int(open('tests/data/half.txt').read())\n"
    files |= added(f"def test_data(number):\n{body}")
    await house.check(files, "passes_without_change tests/test_a.py:8 test_data")
    reads = "    assert open('data.txt').read() == 'half' and half(number) == 2\n"
    await house.check({**files, **added(f"def test_data(number):\n{reads}")}, "")


async def test_a_test_that_notices_no_fault(build: Build):
    house = await build()
    files: Files = {
        "pkg/b.py": SPAN,
        "tests/test_b.py": SPAN_TEST.format("assert span(1, 3) != 'x'"),
    }
    found = await house.check(files, "kills_no_mutant tests/test_b.py:4 test_span")
    said = found.questions[0].message
    assert said.startswith("`test_span` stays green with each of ")
    assert "pkg/b.py:3 `>` becomes `<=`" in said


@pytest.mark.parametrize(
    ("own_python", "options"),
    [(True, "--cov=pkg -n 2"), (False, "-p xdist.plugin -p xdist.looponfail -n 2")],
    ids=["plugins that are not there", "xdist, whose workers would load the source as it is"],
)
async def test_the_workspaces_own_options_do_not_get_in_the_way(build: Build, own_python: bool, options: str):
    house = await build({**PROJECT, "pytest.ini": f"[pytest]\naddopts = {options}\n"}, own_python)
    good, blind = "== 3", "!= 'x'"
    for claim, expected in ((good, ""), (blind, "kills_no_mutant tests/test_b.py:4 test_span")):
        test = SPAN_TEST.format(f"assert span(1, 3) {claim}")
        await house.check({"pkg/b.py": SPAN, "tests/test_b.py": test}, expected)


async def test_a_method_and_rows_notice_a_fault(build: Build):
    house = await build()
    source = (
        "class Span:\n    def of(self, low, high):\n        return high - low + 1 if low <= high else 0\n"
    )
    test = (
        "import pytest\nfrom pkg.b import Span\n\n\nclass TestSpan:\n"
        "    @pytest.mark.parametrize('high', [3, 4])\n    def test_of(self, high):\n"
        "        assert Span().of(3, high) {}\n"
    )
    for claim, expected in (
        ("== high - 2", ""),
        ("!= 100", "kills_no_mutant tests/test_b.py:7 TestSpan.test_of"),
    ):
        await house.check({"pkg/b.py": source, "tests/test_b.py": test.format(claim)}, expected)


async def test_nothing_is_asked_because_of_one_fault(build: Build):
    house = await build()
    files: Files = {"pkg/b.py": "def one():\n    return 1\n", "tests/test_b.py": "from pkg import b\n\n\n"}
    files["tests/test_b.py"] = f"{files['tests/test_b.py']}def test_one():\n    assert b.one() != 'x'\n"
    found = await house.check(files, "")
    assert found.notes[-1] == "Not judged, for they met fewer than 3 faults: `test_one`."


async def test_a_fault_that_hangs_is_noticed(build: Build):
    house = await build()
    source = "def count(n):\n    i = 0\n    while i < n:\n        i = i + 1\n    return None\n"
    files: Files = {"pkg/b.py": source, "tests/test_b.py": SPAN_TEST.replace("span", "count")}
    files["tests/test_b.py"] = files["tests/test_b.py"].format("assert count(2) is None")
    await house.check(files, "")


async def test_a_test_is_asked_about_once(build: Build):
    house = await build()
    await house.check(
        {"pkg/a.py": FIXED, **added("def test_none():\n    half(4)\n")},
        "no_assertion tests/test_a.py:8 test_none",
    )


# --- what is not measured, and why -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "trusted", "command", "why"),
    [
        (PROJECT, False, None, "nexus-lsp trust"),
        (PROJECT, False, "touch ran", "nexus-lsp trust"),
        (PROJECT, True, "touch ran", "`nexus.testCommand` is set"),
        ({"pkg/a.py": SOURCE, ".gitignore": ".venv/\n"}, True, None, "no tests were found"),
        (
            {**PROJECT, "tests/test_a.py": "def test_a():\n    assert 1 + 1 == 2\n"},
            True,
            None,
            "stayed green",
        ),
    ],
    ids=["no trust", "no trust and a command", "a command", "no tests", "tests of nothing"],
)
async def test_without_a_run_to_believe_only_the_texts_speak(
    build: Build, files: dict[str, str], trusted: bool, command: str | None, why: str
):
    house = await build(files)
    skipped = "import pytest\n\n\n@pytest.mark.skip\ndef test_half():\n    assert 1\n"
    changed: Files = {"pkg/a.py": FIXED}
    changed |= {"tests/test_a.py": skipped} if files == PROJECT else {}
    found = await house.scrutinise(changed, trusted=trusted, command=command)
    [note] = found.notes
    assert note.startswith("What the tests execute and notice was not measured: ")
    assert why in note
    assert ("skip_added" in {q.kind for q in found.questions}) == (files == PROJECT)
    quality = found.quality
    assert (quality.coverage, quality.changed_percent, quality.changed_total, quality.changed_covered) == (
        None,
        None,
        None,
        None,
    )
    assert quality.tests_total == ("tests/test_a.py" in files)
    assert quality.complexity_after is not None and quality.complexity_after.total == 3
    assert not (house.checkout / "ran").exists()


async def test_a_tree_without_python_has_no_figures(build: Build):
    house = await build({"main.c": "int main;", ".gitignore": ".venv/\n"})
    found = await house.scrutinise({"main.c": "int main(void);"})
    quality = found.quality
    assert (quality.lint_errors_after, quality.complexity_after, quality.tests_total) == (None, None, None)
    assert "there are no Python files" in found.notes[0]


async def test_lint_errors_before_and_after(build: Build):
    house = await build({**PROJECT, "pkg/c.py": "x = nowhere\ny = nothing\n"})
    found = await house.scrutinise({"pkg/c.py": "x = nowhere\n"}, trusted=False)
    assert (found.quality.lint_errors_before, found.quality.lint_errors_after) == (2, 1)


async def test_failing_tests_are_not_tried(build: Build):
    house = await build()
    red = "def test_none():\n    assert half(None) == 1\n\n\ndef test_four():\n    assert half(4) == 2\n"
    found = await house.check(
        {"pkg/a.py": FIXED, **added(red)}, "passes_without_change tests/test_a.py:12 test_four"
    )
    assert found.quality.changed_percent == 100.0


# --- time and order ----------------------------------------------------------------------------------


async def test_the_time_for_faults_is_bounded(build: Build, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate_trials, "SECONDS", 4.0)
    house = await build()
    slow = SPAN_TEST.format("import time; time.sleep(0.7); assert span(1, 3) != 'x'")
    found = await house.scrutinise({"pkg/b.py": SPAN, "tests/test_b.py": slow})
    [note] = [note for note in found.notes if note.startswith("Faults tried on new tests: ")]
    tried, made = (int(word) for word in note.split() if word.isdigit())
    assert 0 < tried < made, note
    assert found.seconds < 15


async def test_a_tree_that_was_measured_is_not_tested_again(build: Build):
    house = await build()
    files: Files = {"pkg/a.py": FIXED, **added("def test_none():\n    assert half(None) == 0\n")}
    head = await house.commit(files)
    await house.gates.measure(head, True, None, house.heard.append)
    house.heard.clear()
    found = await house.of(head)
    assert found.quality.changed_percent == 100.0
    assert not [line for line in house.heard if "test session starts" in line]


async def test_a_cancelled_scrutiny_leaves_nothing_running_and_the_checkout_valid(build: Build):
    house = await build()
    slow = SPAN_TEST.format("import time; time.sleep(1.234); assert span(1, 3) != 'x'")
    files: Files = {"pkg/b.py": SPAN, "tests/test_b.py": slow}
    running = asyncio.create_task(house.scrutinise(files))
    while not any("faults" in line for line in house.heard):
        await asyncio.sleep(0.05)
        assert not running.done()
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not [p for p in psutil.Process().children(recursive=True) if "spec.json" in " ".join(p.cmdline())]
    tests, _ = await house.gates.measure(house.base, True, None, house.heard.append)
    assert tests.passed == ("tests/test_a.py::test_half",)
    assert sorted(os.listdir(house.checkout / "pkg")) == ["__init__.py", "a.py"]


async def test_a_scrutiny_of_three_functions_and_twenty_tests_takes_seconds(build: Build):
    house = await build()
    names = ("one", "two", "three")
    source = "\n\n".join(SPAN.replace("span", name) for name in names)
    lines = [
        f"def test_{name}_{n}():\n    assert {name}(1, {n}) == {n}\n" for name in names for n in range(7)
    ]
    test = "\n\n".join([f"from pkg.b import {', '.join(names)}\n", *lines[:20]])
    began = time.monotonic()
    await house.check({"pkg/b.py": source, "tests/test_b.py": test}, "")
    assert time.monotonic() - began < 20


# --- a file of many tests ----------------------------------------------------------------------------


def rewritten(tests: int) -> tuple[str, str]:
    """A file of unittest, and the same under pytest: other names, and less is asserted."""
    head = "import unittest\nfrom pkg.a import half\n\n\nclass TestHalves(unittest.TestCase):\n"
    old = "".join(
        f"    def test_case_{n}_of_half(self):\n        result = half({n})\n"
        f"        self.assertEqual(result, {n} / 2)\n        self.assertTrue(result >= {n} / 4)\n"
        f"        with self.assertRaises(TypeError):\n            half('{n}')\n\n"
        for n in range(tests)
    )
    new = "".join(
        f"def test_half_{n}():\n    result = half({n})\n    assert result is not None\n"
        f"    assert result >= {n} / 4\n    with pytest.raises(TypeError):\n        half('{n}')\n\n\n"
        for n in range(tests)
    )
    return head + old, "import pytest\nfrom pkg.a import half\n\n\n" + new


async def many(build: Build, files: int, tests: int) -> tuple[House, Files]:
    """A workspace of long test files, and the agent's rewriting of them all."""
    old, new = rewritten(tests)
    names = [f"tests/test_many_{n}.py" for n in range(files)]
    house = await build({"pkg/a.py": SOURCE, **dict.fromkeys(names, old)}, own_python=False)
    return house, dict.fromkeys(names, new)


async def lateness(late: list[float]) -> None:
    """How much later than asked a sleeper wakes, in seconds; for ever."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.01)
        late.append(time.monotonic() - began - 0.01)


async def test_an_agent_rewrites_500_tests_and_the_editor_is_not_kept_waiting(build: Build):
    house, files = await many(build, 1, 500)
    head = await house.commit(files)
    late: list[float] = []
    watching = asyncio.create_task(lateness(late))
    found = await house.of(head, trusted=False)
    watching.cancel()
    assert found.seconds < 10
    assert max(late) < 0.25, sorted(late)[-5:]
    assert {q.kind for q in found.questions} == {"assertion_weakened"}
    assert len({q.line for q in found.questions}) == 500
    assert (found.quality.tests_total, found.quality.tests_added) == (500, 500)


def reading() -> list[psutil.Process]:
    """The processes that read texts for this one."""
    found: list[psutil.Process] = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            found += [child] if "gate_reader" in " ".join(child.cmdline()) else []
    return found


async def test_a_scrutiny_cancelled_over_long_tests_ends_at_once_and_nothing_goes_on(build: Build):
    house, files = await many(build, 12, 500)
    head = await house.commit(files)
    running = asyncio.create_task(house.of(head, trusted=False))
    while not reading():
        await asyncio.sleep(0.05)
        assert not running.done()
    await asyncio.sleep(1)
    assert not running.done()
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 0.5
    assert not reading()
    used = sum(psutil.Process().cpu_times()[:2])
    await asyncio.sleep(1)
    assert sum(psutil.Process().cpu_times()[:2]) - used < 0.3


async def test_when_time_is_up_it_ends_and_names_what_was_not_looked_at(
    build: Build, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate_reading, "SECONDS", 1.0)
    house, files = await many(build, 12, 500)
    found = await house.scrutinise(files, trusted=False)
    assert found.seconds < 4
    assert not reading()
    assert (found.quality.tests_added, found.quality.tests_total) == (None, None)
    shown = ", ".join(f"`{path}`" for path in sorted(files)[:3])
    expected = f"Reading the changed texts was stopped after 1 s. Not looked at, or not wholly: {shown}"
    assert f"{expected} and 9 more." in found.notes


async def test_what_was_asked_before_the_reading_ended_stands(build: Build, monkeypatch: pytest.MonkeyPatch):
    take = gate_reading._Found.take

    def take_one(self: gate_reading._Found, kind: str, value: object) -> None:
        take(self, kind, value)
        if kind == "question" and len(self.questions) == 1:
            [process] = reading()
            process.kill()

    monkeypatch.setattr(gate_reading._Found, "take", take_one)
    house, files = await many(build, 6, 400)
    found = await house.scrutinise(files, trusted=False)
    assert 0 < len(found.questions) < 2400
    assert found.quality.tests_added == 2400
    told = "Reading the changed texts ended early (exit status -9). Not looked at, or not wholly: `"
    assert told in str(found.notes)


async def test_what_stands_in_the_workspace_is_read_and_never_imported(
    build: Build, monkeypatch: pytest.MonkeyPatch
):
    trap = "raise SystemExit(1)\n"
    house = await build({**PROJECT, "json.py": trap, "ast.py": trap, "nexus_lsp/__init__.py": trap})
    monkeypatch.chdir(house.workspace)
    monkeypatch.setenv("PYTHONPATH", str(house.workspace))
    monkeypatch.syspath_prepend("")
    found = await house.scrutinise(added("def test_idle():\n    half(2)\n"), trusted=False)
    assert [q.kind for q in found.questions] == ["no_assertion"]
    assert "Reading" not in str(found.notes)
