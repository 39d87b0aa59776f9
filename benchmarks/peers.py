"""The language servers we stand beside, in a place of their own under `.cache/bench`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.stage import BARE, NEXUS, ROOT

HOME = ROOT / ".cache" / "bench"
JEDI = HOME / "venv" / "bin" / "jedi-language-server"
PYRIGHT = HOME / "node_modules" / "pyright" / "langserver.index.js"

OURS, PEER = "nexus-lsp", "bare pygls"


def install() -> list[str]:
    """Put in place what is missing; sentences about what could not be."""
    HOME.mkdir(parents=True, exist_ok=True)
    python = HOME / "venv" / "bin" / "python"
    told: list[str] = []
    if not JEDI.exists():
        made = _run(sys.executable, "-m", "venv", str(HOME / "venv"))
        if not (made and _run(str(python), "-m", "pip", "install", "-q", "jedi-language-server")):
            told.append("jedi-language-server could not be installed")
    if not PYRIGHT.exists() and not (
        shutil.which("npm") and _run("npm", "install", "--silent", "--no-audit", "--no-fund", "pyright")
    ):
        told.append("pyright could not be installed (it needs npm)")
    return told


def _run(*command: str) -> bool:
    return subprocess.run(command, cwd=HOME, capture_output=True, check=False).returncode == 0


def servers() -> dict[str, tuple[str, ...]]:
    """Name → command of every server that is here."""
    node = shutil.which("node")
    found: dict[str, tuple[str, ...]] = {OURS: NEXUS, PEER: BARE}
    if JEDI.exists():
        found["jedi-language-server"] = (str(JEDI),)
    if node and PYRIGHT.exists():
        found["pyright-langserver"] = (node, str(PYRIGHT), "--stdio")
    return found


def missing() -> list[str]:
    """What a quick run, which installs nothing, does without."""
    names = {"jedi-language-server": JEDI, "pyright-langserver": PYRIGHT}
    return [
        f"{name} is not installed here; the full run does that"
        for name, at in names.items()
        if not Path(at).exists()
    ]
