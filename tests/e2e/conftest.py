"""What drives a real VS Code: installed once, then one Node script per scenario."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
REPO = HERE.parent.parent
NODE24 = REPO / ".cache/node24/node_modules/node/bin/node"

Report = dict[str, Any]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: drives a real VS Code in a real browser (slow)")


@pytest.fixture(scope="session")
def installed() -> None:
    """code-server, Node 24, chromium, playwright-core and the built extension."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    subprocess.run([HERE / "install.sh"], check=True, stdout=sys.stderr, timeout=600)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small git workspace with one bug."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "calculator.py").write_text(
        '"""Sums for the till."""\n\n\ndef add(a: int, b: int) -> int:\n    return a - b\n\n\n'
        "def double(a: int) -> int:\n    return add(a, a)\n"
    )
    git = ["git", "-c", "user.name=e2e", "-c", "user.email=e2e@localhost"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *args], cwd=root, check=True)
    return root


@pytest.fixture
def server_command() -> list[str]:
    """What `NEXUS_E2E_SERVER` (a JSON array) names; else the stand-in of this folder."""
    if given := os.environ.get("NEXUS_E2E_SERVER"):
        return json.loads(given)
    return [sys.executable, str(HERE / "fake_server.py")]


@pytest.fixture
def run_scenario(installed: None, tmp_path: Path) -> Callable[..., Report]:
    """Runs `scenarios/<name>.mjs` with one JSON argument; fails with the steps that did not hold."""

    def run(name: str, given: dict[str, Any], timeout: float = 110) -> Report:
        env = {"NEXUS_STATE_DIR": str(tmp_path / "state"), **given.pop("env", {})}
        script = HERE / "scenarios" / f"{name}.mjs"
        done = subprocess.run(
            [NODE24, script, json.dumps({**given, "env": env})],
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        print(done.stderr, file=sys.stderr)
        report = json.loads(done.stdout)
        if problems := failed_steps(report):
            pytest.fail("\n".join([*problems, report.get("log", "")]), pytrace=False)
        return report

    return run


def failed_steps(report: Report) -> list[str]:
    """The steps that did not hold, each with its reason and its picture; empty where all is well."""
    steps = [f"{s['name']}: {s.get('error')} ({s.get('screenshot')})" for s in report["steps"] if not s["ok"]]
    return steps or ([] if report["ok"] else ["no step ran"])
