"""The local team: what it finds, mends and takes back, and what it says it cannot do."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest
from local_workspaces import assignment, contents, tree, work

from nexus_lsp.adapters.local_team import LocalTeam

UNUSED = "import os\n\n\ndef one() -> int:\n    return 1\n"
USED = "def one() -> int:\n    return 1\n"

# --- analysis ----------------------------------------------------------------------------------------


async def test_an_analysis_measures_structure_complexity_and_findings(tmp_path):
    branches = "".join(f"    if x == {n}:\n        return {n}\n" for n in range(12))
    root = tree(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "shop"\n[project.scripts]\nshop = "shop:main"\n',
            "shop/__init__.py": "",
            "shop/price.py": f"import os\n\n\ndef price(x):\n{branches}    return eval(x)\n",
            "shop/broken.py": "def (:\n",
            "tests/test_price.py": "def test_one():\n    assert True\n",
            "web/app.ts": "let a = 1\n",
        },
    )
    outcome, said = await work(LocalTeam(), assignment(root, "analysis"))
    assert outcome.status == "done"
    for part in (
        "Python 4, TypeScript 1",
        "`shop`",
        "1 test function in 1 file",
        "- 13: `price` at `shop/price.py:4`",
        "`shop/price.py:29` S307",
        "F401 ×1",
        "Not parsed (syntax this Python does not know, or too long): `shop/broken.py`",
        "needs Claude Code",
    ):
        assert part in outcome.summary
    assert said[0].startswith("Reading 6 files, 4 of them Python")


async def test_an_analysis_keeps_to_the_paths_it_is_asked_about(tmp_path):
    root = tree(tmp_path, {"a.py": UNUSED, "pkg/b.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "analysis", says="Look at pkg/b.py only"))
    assert "Python in scope: 1 file" in outcome.summary


async def test_a_workspace_cannot_switch_security_findings_off(tmp_path):
    root = tree(tmp_path, {"ruff.toml": "lint.select = []\n", "a.py": "eval(input())  # noqa: S307\n"})
    outcome, _ = await work(LocalTeam(), assignment(root, "analysis"))
    assert "`a.py:1` S307" in outcome.summary


# --- fixes -------------------------------------------------------------------------------------------


async def test_safe_fixes_are_applied_in_scope_only(tmp_path):
    root = tree(tmp_path, {"a.py": UNUSED, "b.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation", writes=("a.py",)))
    assert (outcome.status, contents(root)) == ("done", {"a.py": USED.encode(), "b.py": UNUSED.encode()})
    assert "Fixed 1 finding in 1 file" in outcome.summary


async def test_line_ends_stay(tmp_path):
    (tmp_path / "a.py").write_bytes(UNUSED.replace("\n", "\r\n").encode())
    await work(LocalTeam(), assignment(tmp_path, "implementation"))
    assert (tmp_path / "a.py").read_bytes() == USED.replace("\n", "\r\n").encode()


async def test_fixes_need_no_trust_and_run_nothing(tmp_path):
    trace = tmp_path / "trace"
    leave = f"import os\nfrom pathlib import Path\n\nPath({str(trace)!r}).touch()\n"
    root = tree(tmp_path / "w", {"a.py": leave, "ruff.py": leave, "setup.py": leave, "conftest.py": leave})
    for kind in ("analysis", "implementation", "test", "validation"):
        await work(LocalTeam(), assignment(root, kind))
    assert not trace.exists()
    assert "import os" not in (root / "a.py").read_text()


async def test_a_file_that_does_not_parse_is_not_touched(tmp_path):
    broken = "import os\ndef (:\n"
    root = tree(tmp_path, {"a.py": broken, "b.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation"))
    assert (root / "a.py").read_text() == broken
    assert "Not touched, since they do not parse or are larger than 1 MB: `a.py`" in outcome.summary


async def test_a_link_out_of_the_checkout_is_not_followed(tmp_path):
    outside = tree(tmp_path / "outside", {"a.py": UNUSED})
    root = tree(tmp_path / "w", {"b.py": UNUSED})
    (root / "a.py").symlink_to(outside / "a.py")
    (root / "more").symlink_to(outside)
    await work(LocalTeam(), assignment(root, "implementation"))
    assert (outside / "a.py").read_text() == UNUSED


async def test_the_workspaces_own_rules_are_honoured(tmp_path):
    root = tree(
        tmp_path, {"pyproject.toml": '[tool.ruff.lint]\nselect = ["W"]\n', "a.py": UNUSED + "x = 1  \n"}
    )
    await work(LocalTeam(), assignment(root, "implementation"))
    assert (root / "a.py").read_text() == UNUSED + "x = 1\n"


async def test_an_analysis_writes_nothing_even_where_the_configuration_fixes(tmp_path):
    root = tree(tmp_path, {"ruff.toml": "fix = true\nunsafe-fixes = true\n", "a.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "analysis"))
    assert (root / "a.py").read_text() == UNUSED
    assert "F401 ×1" in outcome.summary


async def test_no_rewrite_for_a_python_newer_than_the_project_needs(tmp_path):
    old = (
        "from typing import Optional\n\n\ndef one(x: Optional[int] = None) -> Optional[int]:\n    return x\n"
    )
    root = tree(
        tmp_path,
        {"setup.py": 'from setuptools import setup\n\nsetup(python_requires=">=3.8")\n', "a.py": old},
    )
    await work(LocalTeam(), assignment(root, "implementation"))
    assert (root / "a.py").read_text() == old


@pytest.mark.parametrize(
    ("files", "request_", "status", "part"),
    [
        ({"main.go": "package main\n"}, "Clean up", "unable", "Nothing in scope is Python"),
        ({"a.py": USED}, "Clean up", "done", "Nothing to fix safely"),
        ({"a.py": USED}, "Add a --verbose flag", "unable", "needs Claude Code"),
    ],
    ids=["no Python", "nothing to mend", "a feature"],
)
async def test_what_it_cannot_do_is_said(tmp_path, files, request_, status, part):
    root = tree(tmp_path, files)
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation", request=request_))
    assert (outcome.status, contents(root)) == (status, {k: v.encode() for k, v in files.items()})
    assert part in outcome.summary


async def test_a_faulty_ruff_configuration_is_the_workspaces_failure(tmp_path):
    root = tree(tmp_path, {"ruff.toml": "line-length = 'long'\n", "a.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation"))
    assert outcome.status == "failed"
    assert "line-length" in outcome.summary


# --- repair ------------------------------------------------------------------------------------------

IMPORTS = "import os\nimport ast\n\nprint(os, ast)\nx = not 1 == 2\n"


async def fixed_team(root: Path) -> LocalTeam:
    team = LocalTeam()
    await work(team, assignment(root, "implementation"))
    return team


async def test_a_repair_takes_back_the_file_that_the_evidence_names(tmp_path):
    root = tree(tmp_path, {"a.py": UNUSED, "b.py": UNUSED})
    team = await fixed_team(root)
    outcome, _ = await work(
        team, assignment(root, "implementation", attempt=2, evidence="a.py:3: NameError: os")
    )
    assert (outcome.status, contents(root)) == ("done", {"a.py": UNUSED.encode(), "b.py": USED.encode()})


async def test_a_repair_without_a_name_keeps_layout_and_imports_then_nothing(tmp_path):
    original = "import os\nimport ast\nimport re\n\nprint(os, ast)\n"
    root = tree(tmp_path, {"a.py": original})
    team = await fixed_team(root)
    assert "import re" not in (root / "a.py").read_text()
    await work(team, assignment(root, "implementation", attempt=2, evidence="1 failed"))
    assert (root / "a.py").read_text() == "import ast\nimport os\nimport re\n\nprint(os, ast)\n"
    outcome, _ = await work(team, assignment(root, "implementation", attempt=3, evidence="1 failed"))
    assert (root / "a.py").read_text() == original
    assert "No fix of this task is left" in outcome.summary


async def test_a_repair_keeps_what_others_wrote_into_the_file(tmp_path):
    root = tree(tmp_path, {"a.py": UNUSED})
    team = await fixed_team(root)
    (root / "a.py").write_text(USED + "\n\nLATER = 1\n")
    await work(team, assignment(root, "implementation", attempt=2, evidence="a.py: NameError"))
    assert (root / "a.py").read_text() == UNUSED + "\n\nLATER = 1\n"


async def test_a_conflict_is_settled_for_the_others_side(tmp_path):
    root = tree(tmp_path, {"a.py": "import ast\nimport os\n\nprint(ast)\n"})
    team = await fixed_team(root)
    conflict = "import ast\n<<<<<<< ours\nimport os.path\n=======\n>>>>>>> theirs\n\nprint(ast)\n"
    (root / "a.py").write_text(conflict)
    await work(team, assignment(root, "implementation", attempt=2, evidence="conflict in a.py"))
    assert (root / "a.py").read_text() == "import ast\nimport os.path\n\nprint(ast)\n"


async def test_a_repair_after_a_restart_says_that_it_cannot(tmp_path):
    root = tree(tmp_path, {"a.py": USED})
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation", attempt=2, evidence="a.py"))
    assert outcome.status == "failed"
    assert "restarted" in outcome.summary


# --- validation --------------------------------------------------------------------------------------


async def test_validation_reports_what_pytest_measured(tmp_path):
    root = tree(
        tmp_path,
        {
            "shop.py": "def price():\n    return 1\n\n\ndef unused():\n    return 2\n",
            "test_shop.py": """
                from shop import price

                def test_right():
                    assert price() == 1

                def test_wrong():
                    assert price() == 2
            """,
        },
    )
    outcome, _ = await work(
        LocalTeam(), assignment(root, "validation", trusted=True, changed_paths=("shop.py",))
    )
    assert outcome.status == "done"
    for part in (
        "1 passed, 1 failed",
        "`test_shop.py::test_wrong`",
        "**Coverage**: 75.0 %",
        "**Lint** of 1 changed",
    ):
        assert part in outcome.summary


@pytest.mark.parametrize(("trusted", "part"), [(False, "not trusted"), (True, "No tests were found")])
async def test_what_was_not_measured_is_said(tmp_path, trusted, part):
    root = tree(tmp_path, {"a.py": USED})
    outcome, _ = await work(LocalTeam(), assignment(root, "validation", trusted=trusted))
    assert "not measured" in outcome.summary
    assert part in outcome.summary
    assert "passed" not in outcome.summary


# --- the backend -------------------------------------------------------------------------------------


async def test_the_doctor_hears_of_every_tool():
    lines = await LocalTeam().check()
    assert [line.name for line in lines] == ["ruff", "radon", "hypothesis", "pytest", "coverage", "sandbox"]
    assert all(line.ok or line.mend for line in lines)


def sleepers(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if mark in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("end", ["cancel", "close"])
async def test_nothing_outlives_the_work(tmp_path, end):
    mark = f"31{os.getpid()}.{int(end == 'close')}"
    text = f"import subprocess\n\n\ndef test_slow():\n    subprocess.run(['sleep', '{mark}'])\n"
    root = tree(tmp_path, {"test_slow.py": text})
    team = LocalTeam()
    running = asyncio.create_task(work(team, assignment(root, "validation", trusted=True)))
    for _ in range(200):
        if running.done() or sleepers(mark):
            break
        await asyncio.sleep(0.1)
    assert sleepers(mark)
    if end == "close":
        await team.close()
    else:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.done()
    assert not sleepers(mark)


async def test_work_that_takes_too_long_is_broken_off(tmp_path):
    root = tree(tmp_path, {"a.py": UNUSED})
    outcome, _ = await work(LocalTeam(), assignment(root, "implementation", timeout=0.01))
    assert (outcome.status, outcome.summary) == ("broken", "The task did not end within 0.01 s.")
