"""The benchmarks run from end to end; what they measure is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nexus_lsp.adapters.claude_launcher import find_cli

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(find_cli() is None, reason="Claude Code is not installed")
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_quick_run_prints_every_table():
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    titles = [line.split()[0] for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert titles == [f"{n}." for n in range(1, 11)]
    assert str(ROOT) not in done.stdout, "a path of this machine is in the tables"
