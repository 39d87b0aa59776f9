"""Where benchmarks happen: scratch directories, generated repositories, a scrubbed environment, services."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEXUS = (sys.executable, "-m", "nexus_lsp", "serve", "--stdio")
BARE = (sys.executable, str(Path(__file__).with_name("bare_pygls.py")))


@dataclass(frozen=True, slots=True)
class Stage:
    """A scratch directory, and whether a taste is enough."""

    scratch: Path
    quick: bool

    def place(self, name: str) -> Path:
        """A directory of this name, made if it is not there."""
        made = self.scratch / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def env(self, name: str, **more: str) -> dict[str, str]:
        """All the environment that a measured process gets: no key, no setting of this user."""
        home = self.place(f"homes/{name}")
        state = home / "state"
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "NEXUS_STATE_DIR": str(state),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def workspace(self, name: str, files: int = 50) -> Path:
        """A git repository with so many small Python files, committed."""
        root = self.place(f"workspaces/{name}")
        write_files(root, files)
        git(root, "init", "-q", "-b", "main")
        commit_all(root)
        return root


def write_files(root: Path, count: int) -> None:
    """Small modules, a hundred a folder."""
    for at in range(count):
        folder = root / f"pkg{at // 100:03}"
        if at % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        body = "".join(f"def f{at}_{k}(x):\n    return x + {k}\n\n\n" for k in range(10))
        (folder / f"m{at:05}.py").write_text(body)


def git(root: Path, *words: str) -> None:
    """Run git with no settings but these."""
    env = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0")
    subprocess.run(["git", *who, *words], cwd=root, env=env, check=True, capture_output=True)


def commit_all(root: Path) -> None:
    """Everything that stands there, as one commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")


@asynccontextmanager
async def services(script: str) -> AsyncIterator[Mapping[str, str]]:
    """Scripted Anthropic and OpenAI in a process of their own; what to put into the environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.services", script),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        urls = json.loads(await process.stdout.readline())
        yield {
            "ANTHROPIC_BASE_URL": urls["anthropic"],
            "ANTHROPIC_API_KEY": "sk-scripted",
            "OPENAI_BASE_URL": urls["openai"],
            "OPENAI_API_KEY": "sk-scripted",
        }
    finally:
        process.stdin.close()  # it ends when its input does, also when this process is killed
        await process.wait()
