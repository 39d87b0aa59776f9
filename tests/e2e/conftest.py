"""What drives a real VS Code: installed once, then one Node script per scenario."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .agents import Models

HERE = Path(__file__).parent
REPO = HERE.parent.parent
EXTENSION = REPO / "vscode-extension"
NODE24 = REPO / ".cache/node24/node_modules/node/bin/node"
VSCODE = REPO / ".cache/code-server/node_modules/code-server/lib/vscode"
LOGS = VSCODE / "node_modules/@vscode/spdlog/build/Release/spdlog.node"
"""What VS Code writes its logs with; `install.sh` builds it where it can."""

Report = dict[str, Any]
Scenario = Callable[..., Report]
"""Runs a scenario by its name, with what it is given."""
KEYS = ("ANTHROPIC_", "OPENAI_", "CLAUDE", "NEXUS_")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: drives a real VS Code in a real browser (slow)")


@pytest.fixture(scope="session")
def installed(testrun_uid: str) -> None:
    """All that is driven, and the extension built and packaged: once for all workers."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    cache = REPO / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / ".e2e-built").open("a+") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() != testrun_uid:
            subprocess.run([HERE / "install.sh"], check=True, stdout=sys.stderr, timeout=600)
            package = ["npm", "run", "--silent", "package"]
            subprocess.run(package, cwd=EXTENSION, check=True, stdout=sys.stderr, timeout=300)
            built.truncate(0)
            built.write(testrun_uid)


@pytest.fixture(scope="session")
def vsix(installed: None) -> Path:
    """The extension as it is shipped."""
    return EXTENSION / "dist/nexus-lsp.vsix"


@pytest.fixture
def models() -> Iterator[Models]:
    """The scripted model services; what an agent found amiss fails the test."""
    with Models(pace=0.6) as services:
        yield services
    assert not services.errors


def shop(root: Path) -> Path:
    """A small git workspace with one bug, and things to tidy."""
    root.mkdir()
    (root / "calculator.py").write_text(
        '"""Sums for the till."""\n\n\ndef add(a: int, b: int) -> int:\n    return a - b\n\n\n'
        "def double(a: int) -> int:\n    return add(a, a)\n"
    )
    (root / "receipt.py").write_text(
        '"""What the customer takes home."""\n\nimport os\n\n\ndef title() -> str:\n    return f"Receipt"\n'
        "\n\ndef footer(name: str) -> str:\n    return name\n"
    )
    git = ["git", "-c", "user.name=e2e", "-c", "user.email=e2e@localhost"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *args], cwd=root, check=True)
    return root


def server_command() -> list[str]:
    """The language server of this repository; another where `NEXUS_E2E_SERVER` (a JSON array) names one."""
    if given := os.environ.get("NEXUS_E2E_SERVER"):
        return json.loads(given)
    return [sys.executable, "-P", "-m", "nexus_lsp", "serve", "--stdio"]


def drive(home: Path, name: str, given: dict[str, Any], timeout: float = 150) -> Report:
    """Runs `scenarios/<name>.mjs` with one JSON argument; its state is kept below `home`."""
    state = {"NEXUS_STATE_DIR": str(home / "state")}
    given = {
        "patience": 60_000,
        **given,
        "settings": {"nexus.server.command": server_command(), **given.get("settings", {})},
        "env": {**state, **given.get("env", {})},
    }
    script = HERE / "scenarios" / f"{name}.mjs"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(KEYS)}
    done = subprocess.run(
        [NODE24, script, json.dumps(given)],
        capture_output=True, text=True, timeout=timeout, check=False, env=clean,
    )  # fmt: skip
    print(done.stderr, file=sys.stderr)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    print(*(f"{s['seconds']:6.1f} s  {s['name']}" for s in report["steps"]), sep="\n")
    return report


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small git workspace with one bug, and things to tidy."""
    return shop(tmp_path / "shop")


@pytest.fixture
def run_scenario(installed: None, tmp_path: Path, workspace: Path) -> Scenario:
    """Drives a scenario on `workspace`; fails with the steps that did not hold."""

    def run(name: str, given: dict[str, Any], timeout: float = 150) -> Report:
        report = drive(tmp_path, name, {"workspace": str(workspace), **given}, timeout)
        if problems := failed_steps(report):
            pytest.fail("\n".join([*problems, report.get("log", "")]), pytrace=False)
        return report

    return run


def failed_steps(report: Report) -> list[str]:
    """The steps that did not hold, each with its reason and its picture; empty where all is well."""
    steps = [f"{s['name']}: {s.get('error')} ({s.get('screenshot')})" for s in report["steps"] if not s["ok"]]
    return steps or ([] if report["ok"] else ["no step ran"])
