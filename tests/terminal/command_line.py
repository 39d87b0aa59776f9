"""Running `nexus-lsp` as a user does: a process, a scrubbed environment, a home and a state of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CALC = """\
def add(a: int, b: int) -> int:
    return a - b


def double(a: int) -> int:
    return add(a, a)
"""
LINTY = """\
import os
import sys


def cwd() -> str:
    return os.getcwd()
"""
TEST = """\
from calc import double


def test_double_of_nothing():
    assert double(0) == 0
"""


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    text: str


@dataclass
class House:
    """A workspace and all that NEXUS may touch besides it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("ws", "home", "state"):
            (self.root / folder).mkdir(exist_ok=True)

    @property
    def workspace(self) -> Path:
        return self.root / "ws"

    def write(self, **files: str) -> House:
        for name, text in files.items():
            (self.workspace / (name.replace("__", "/") + ".py")).write_text(text)
        return self

    def git(self) -> House:
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "first")):
            who = ("-c", "user.name=u", "-c", "user.email=u@localhost")
            subprocess.run(["git", *who, *words], cwd=self.workspace, check=True, env=self.environment())
        return self

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        state = {"NEXUS_STATE_DIR": str(self.root / "state"), "HOME": str(self.root / "home")}
        return {**kept, "COLUMNS": "200", **state, **self.env}

    async def run(
        self, *args: str, stdin: str = "", timeout: float = 90, within: str = ".", **env: str
    ) -> Said:
        """`nexus-lsp ARGS` in the workspace, or in a folder of it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "nexus_lsp",
            *args,
            cwd=self.workspace / within if self.workspace.is_dir() else self.root,
            env={**self.environment(), **env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(stdin.encode()), timeout)
        except BaseException:
            process.kill()
            await process.communicate()
            raise
        return Said(process.returncode or 0, out.decode())

    def text(self, name: str) -> str:
        return (self.workspace / name).read_text()
