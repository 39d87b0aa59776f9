"""A house whose user commits what was accepted: real quarantine, real git, a repository of the user's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from engine_house import House, git
from fakes import put, puts, task

from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import Run


def sign(folder: Path) -> None:
    """The user has a name, in this repository's settings."""
    git(folder, "config", "user.name", "Ada User")
    git(folder, "config", "user.email", "ada@example.org")


def hook(folder: Path, name: str, script: str) -> None:
    place = folder / ".git/hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)


class Desk:
    """What a user does with one run's changes, and what git says of it then."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.folder = house.workspace
        sign(self.folder)
        self.operations = house.operations

    async def proposes(self, request: str = "make it good", **files: str | bytes | None) -> Run:
        """A run that wants these files (`__` in a name is a slash, `_DOT_` a dot)."""
        named = {n.replace("__", "/").replace("_DOT_", "."): text for n, text in files.items()}
        return await self.proposes_files(named, request)

    async def proposes_files(
        self, files: dict[str, str | bytes | None], request: str = "make it good"
    ) -> Run:
        return await self.house.run(task("code"), started={"request": request}, code=puts(files))

    async def accepts(self, request: str = "make it good", **files: str | bytes | None) -> Run:
        """As `proposes`, and the user accepts all of it."""
        run = await self.proposes(request, **files)
        decided = await self.house.accept(run)
        assert not decided.refused, decided.refused
        return self.house.now(run)

    async def does(self, operation: str, **argument: Any) -> dict[str, Any]:
        return await self.operations.execute(f"review.{operation}", argument)

    async def refused(self, operation: str = "commit", **argument: Any) -> str:
        """The sentence that says why not."""
        try:
            answer = await self.does(operation, **argument)
        except Refused as error:
            return str(error)
        raise AssertionError(f"not refused: {answer}")

    # --- what git says -------------------------------------------------------------------------------

    def git(self, *words: str) -> str:
        return git(self.folder, *words)

    def types(self, path: str, content: str | bytes | None) -> None:
        put(self.folder, path, content)

    def committed(self, path: str, at: str = "HEAD") -> bytes | None:
        """A file's bytes in a commit."""
        done = subprocess.run(["git", "show", f"{at}:{path}"], cwd=self.folder, capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def status(self) -> list[str]:
        """As `git status` has it: a letter for the index, one for the work tree, the path."""
        return _raw(self.folder, "status", "--porcelain", "-uall").splitlines()

    def diff(self, *words: str) -> list[str]:
        """The lines that a diff takes away and adds."""
        rows = _raw(self.folder, "diff", "-U0", *words).splitlines()
        return [r for r in rows if r[:1] in "+-" and not r.startswith(("+++", "---"))]


def _raw(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True).stdout.decode()
