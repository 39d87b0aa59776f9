"""The gates on real trees: what is measured, what is not and why, and what a run leaves behind."""

from __future__ import annotations

import asyncio
import os
import venv
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nexus_lsp.adapters.gates import WorkspaceGates
from nexus_lsp.adapters.quarantine import Quarantine
from nexus_lsp.adapters.trust import TrustStore
from nexus_lsp.core.gate import WHOLE_RUN
from nexus_lsp.core.problems import Refused
from nexus_lsp.ports import FileContent, GateResult

SOURCE = '"""Halves."""\nfrom __future__ import annotations\n\ndef half(x):\n    return x / 2\n'
TEST = "from pkg.a import half\n\ndef test_half():\n    assert half(2) == 1\n"
PROJECT = {"pkg/__init__.py": "", "pkg/a.py": SOURCE, "tests/test_a.py": TEST, ".gitignore": ".venv/\n"}
HALF = "tests/test_a.py::test_half"


@dataclass
class House:
    """A workspace with an environment of its own (pytest is lent to it), its quarantine and its gates."""

    workspace: Path
    quarantine: Quarantine
    gates: WorkspaceGates
    commit: str
    heard: list[str] = field(default_factory=list)

    async def measure(
        self, files: dict[str, str | None] | None = None, *, trusted: bool = True, command: str | None = None
    ) -> tuple[GateResult, GateResult]:
        """The tests and lint gates on the workspace's tree with these files laid over it."""
        laid = {
            path: None if text is None else FileContent(text.encode()) for path, text in (files or {}).items()
        }
        commit = await self.quarantine.with_files(self.commit, laid, [self.commit], "candidate")
        tests, lint = await self.gates.measure(commit, trusted, command, self.heard.append)
        return tests, lint

    @property
    def checkout(self) -> Path:
        found = self.gates._checkout._root
        assert found is not None
        return found


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[object]:
    houses: list[House] = []

    async def make(files: dict[str, str], pth: str = "", timeout: float = 60) -> House:
        workspace = tmp_path / "workspace"
        for path, text in files.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace / path).write_text(text)
        venv.create(workspace / ".venv", symlinks=True, with_pip=False)
        if pth:
            (site,) = (workspace / ".venv").glob("lib/python*/site-packages")
            (site / "editable.pth").write_text(f"{workspace / pth}\n")
        quarantine = await Quarantine.open(workspace, tmp_path / "state")
        snapshot = await quarantine.snapshot({})
        gates = WorkspaceGates(quarantine, workspace, timeout=timeout)
        houses.append(House(workspace, quarantine, gates, snapshot.commit))
        return houses[-1]

    yield make
    for house in houses:
        await house.gates.close()
        await house.quarantine.close()


async def test_green_then_red_and_the_checkout_follows(build):
    house = await build(PROJECT)
    tests, lint = await house.measure()
    assert (tests.status, tests.passed, tests.failed) == ("measured", (HALF,), ()), (tests.why, tests.output)
    assert tests.coverage == 100.0
    assert tests.covered == ("pkg/a.py",)
    assert (lint.status, lint.failed) == ("measured", ())
    assert (house.checkout / "pkg/a.py").read_text() == SOURCE  # the probe's break is gone

    untouched = (house.checkout / "tests/test_a.py").stat().st_mtime_ns
    (house.checkout / "left").mkdir()
    (house.checkout / "left/over.pyc").write_text("x")
    (house.checkout / "tests/test_a.py").chmod(0o600)
    (house.checkout / "pkg/__init__.py").write_text("written over by a test")
    tests, _ = await house.measure({"pkg/a.py": "def half(x):\n    return x\n", "pkg/sub/b.py": "B = 1\n"})
    assert (tests.passed, tests.failed) == ((), (HALF,))
    assert tests.places == (("tests/test_a.py", 3, "AssertionError: assert 2 == 1\n +  where 2 = half(2)"),)
    assert sorted(os.listdir(house.checkout)) == [".git", ".gitignore", "pkg", "tests"]
    assert (house.checkout / "pkg/__init__.py").read_text() == ""
    assert (house.checkout / "pkg/sub/b.py").exists()

    await house.measure(trusted=False)
    assert not (house.checkout / "pkg/sub").exists()
    assert (house.checkout / "pkg/a.py").read_text() == SOURCE
    assert (house.checkout / "tests/test_a.py").stat().st_mtime_ns >= untouched


async def test_without_trust_nothing_runs(build, tmp_path: Path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\nopen('ran', 'w')\n"
    house = await build({**PROJECT, "conftest.py": trap, "ruff.py": trap, "pkg/__init__.py": trap})
    tests, lint = await house.measure(trusted=False, command="touch ran")
    assert tests.status == "not_measured"
    assert "nexus-lsp trust" in tests.why
    assert lint.status == "measured"
    assert not (tmp_path / "ran").exists()
    assert not (house.checkout / "ran").exists()


async def test_an_editable_install_is_not_measured_but_named(build):
    files = {
        "lib/pkg/__init__.py": "",
        "lib/pkg/a.py": SOURCE,
        "tests/test_a.py": TEST,
        ".gitignore": ".venv/",
    }
    house = await build(files, pth="lib")
    tests, _ = await house.measure()
    assert tests.status == "not_measured"
    assert str(house.workspace / "lib/pkg/__init__.py") in tests.why
    assert "editable install" in tests.why
    assert tests.passed == ()

    mended = await house.measure({"pytest.ini": "[pytest]\npythonpath = lib\n"})
    assert (mended[0].status, mended[0].passed) == ("measured", (HALF,)), mended[0].why


async def test_tests_that_notice_no_break_are_not_measured(build):
    lenient = "try:\n    import pkg.a\nexcept Exception:\n    pass\n\ndef test_nothing():\n    pass\n"
    house = await build({**PROJECT, "tests/test_a.py": lenient})
    tests, _ = await house.measure()
    assert tests.status == "not_measured"
    assert "stayed green while pkg/a.py" in tests.why


async def test_tests_that_are_all_skipped_are_not_measured(build):
    house = await build(
        {**PROJECT, "tests/test_a.py": "import pytest\npytest.skip(allow_module_level=True)\n"}
    )
    tests, _ = await house.measure()
    assert tests.status == "not_measured"
    assert tests.why in ("every test was skipped", "no tests were found")


async def test_a_failing_baseline_is_measured_as_it_is(build):
    house = await build({**PROJECT, "tests/test_b.py": "def test_red():\n    assert False\n"})
    tests, _ = await house.measure()
    assert (tests.status, tests.passed, tests.failed) == ("measured", (HALF,), ("tests/test_b.py::test_red",))


async def test_a_flaky_test_is_left_out_and_named(build):
    flaky = (
        "import pathlib\ndef test_flaky():\n    mark = pathlib.Path('seen')\n"
        "    seen = mark.exists()\n    mark.touch()\n    assert seen\n"
    )
    house = await build({**PROJECT, "tests/test_f.py": flaky})
    tests, _ = await house.measure()
    # the probe runs only what covers the broken file, so the flaky test runs twice
    assert (tests.passed, tests.failed) == ((HALF,), ())
    assert "Flaky, left out" in tests.output
    assert "tests/test_f.py::test_flaky" in tests.output.splitlines()[-1]


async def test_a_hanging_test_fails_the_whole_run(build):
    hang = "import time\ndef test_hang():\n    time.sleep(60)\n"
    house = await build({**PROJECT, "tests/test_h.py": hang}, timeout=4)
    tests, _ = await house.measure()
    assert tests.status == "measured"
    assert tests.failed == ("tests/test_h.py::test_hang", WHOLE_RUN)
    assert "did not end within 4 s" in tests.output


async def test_no_tests_and_no_python_are_not_green(build):
    house = await build({"pkg.py": SOURCE, ".gitignore": ".venv/"})
    tests, lint = await house.measure()
    assert (tests.status, tests.why) == ("not_measured", "no tests were found")
    tests, lint = await house.measure({"pkg.py": None, "main.c": "int main;"})
    assert (tests.status, lint.status) == ("not_measured", "not_measured")
    assert "nexus.testCommand" in tests.why


async def test_a_command_is_one_check_and_must_notice_a_break(build):
    house = await build(PROJECT)
    command = "python -c 'from pkg.a import half; assert half(2) == 1'"
    tests, _ = await house.measure(command=command)
    assert (tests.status, tests.passed) == ("measured", (command,)), tests.why
    tests, _ = await house.measure({"pkg/a.py": "def half(x):\n    return x\n"}, command=command)
    assert (tests.status, tests.failed) == ("measured", (command,))
    tests, _ = await house.measure(command="echo all is well")
    assert (tests.status, tests.passed) == ("not_measured", ())
    assert "stayed green" in tests.why
    assert "all is well" in house.heard


async def test_lint_names_only_what_is_certainly_wrong(build):
    house = await build(PROJECT)
    bad = "import os\nx = undefined_name\n"
    _, lint = await house.measure({"pkg/b.py": bad, "pkg/c.py": "def f(:\n"}, trusted=False)
    assert "pkg/b.py:F821:Undefined name `undefined_name`" in lint.failed
    assert not [check for check in lint.failed if "F401" in check]
    assert [check for check in lint.failed if check.startswith("pkg/c.py:")]
    assert ("pkg/b.py", 1, "F821 Undefined name `undefined_name`") in lint.places
    assert lint.passed == ("pkg/__init__.py", "pkg/a.py", "tests/test_a.py")


async def test_a_cancelled_measurement_leaves_the_gates_usable(build):
    house = await build({**PROJECT, "tests/test_h.py": "import time\ndef test_hang():\n    time.sleep(60)\n"})
    running = asyncio.create_task(house.measure())
    await asyncio.sleep(1.5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    tests, _ = await house.measure({"tests/test_h.py": None})
    assert tests.passed == (HALF,)


@pytest.mark.parametrize("step", ["keep", "files", "diff", "read_file"])
async def test_cancelling_the_first_run_breaks_no_later_run(build, monkeypatch, step: str):
    house = await build(PROJECT)
    if step in ("diff", "read_file"):  # what only a move from another tree does
        await house.measure({"pkg/gone.py": "GONE = 1\n"}, trusted=False)
    real = getattr(house.quarantine, step)

    async def cancelled(*args):
        monkeypatch.undo()
        running.cancel()
        await asyncio.sleep(0)
        return await real(*args)

    monkeypatch.setattr(house.quarantine, step, cancelled)
    running = asyncio.create_task(house.measure({"pkg/b.py": "B = 1\n", "pkg/c.py": "C\n"}, trusted=False))
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(2):
        _, lint = await house.measure({"pkg/c.py": "C = 1\n"}, trusted=False)
        assert (lint.status, lint.failed) == ("measured", ())
        assert sorted(os.listdir(house.checkout / "pkg")) == ["__init__.py", "a.py", "c.py"]
        assert (house.checkout / "pkg/c.py").read_text() == "C = 1\n"


async def test_closing_ends_what_is_measured(build):
    house = await build({**PROJECT, "tests/test_h.py": "import time\ndef test_hang():\n    time.sleep(60)\n"})
    running = asyncio.create_task(house.measure())
    await asyncio.sleep(1.0)
    checkout = house.checkout
    await asyncio.wait_for(house.gates.close(), 10)
    assert running.done() or await asyncio.wait({running}, timeout=1)
    assert not checkout.exists()


def test_trust_is_kept_with_the_user_and_never_in_the_workspace(tmp_path: Path):
    workspace, state = tmp_path / "w", tmp_path / "state"
    (workspace / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(workspace)
    store = TrustStore(state)
    assert not store.is_trusted(workspace)
    store.trust(tmp_path / "link")
    assert TrustStore(state).is_trusted(workspace)
    assert not store.is_trusted(workspace / "below")
    (kept,) = state.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.chmod(0o666)
    assert not store.is_trusted(workspace)
    kept.chmod(0o600)
    store.untrust(workspace)
    assert not store.is_trusted(workspace)
    with pytest.raises(Refused, match="NEXUS_STATE_DIR"):
        TrustStore(workspace / "state").trust(workspace)
