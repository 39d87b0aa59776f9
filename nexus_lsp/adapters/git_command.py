"""Running git safely: a fixed environment, nothing inherited, nothing executed, killed when cancelled.

**Invariant:** no call reads hooks, a file-system monitor, or a configuration of the machine or the user
(the one exception is `Git.of_the_user`, which needs the user's ignore rules and only ever lists).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from nexus_lsp.ports import RepositoryFailed

LEAST_VERSION = (2, 39)
"""`merge-tree --write-tree` came with 2.38; 2.39 is the oldest this was measured on."""

_SAFE_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.quotePath=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
)
_OWN_OPTIONS = (*("-c", "core.excludesFile=/dev/null"), *("-c", "core.attributesFile=/dev/null"))
_QUIET = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    # A partial clone could otherwise fetch what a listing misses, into the user's own objects.
    "GIT_ALLOW_PROTOCOL": "none",
}
_NOBODY_ELSES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "NEXUS",
    "GIT_AUTHOR_EMAIL": "nexus@localhost",
    "GIT_COMMITTER_NAME": "NEXUS",
    "GIT_COMMITTER_EMAIL": "nexus@localhost",
}
LEAST_ROOM = 1 << 20
"""Bytes; with less than that free a disk counts as full."""
_FULL = (
    ("No space left on device", "The disk is full: free some space"),
    ("Disk quota exceeded", "The disk quota is used up: free some space"),
)
_MENDS = (
    *_FULL,
    ("Read-only file system", "The state directory cannot be written"),
    ("Permission denied", "The state directory cannot be written"),
    ("Not a directory", "The state directory cannot be made there"),
    ("File exists", "The state directory cannot be made there"),
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a git command ended: `out` are its bytes, `err` its messages in English."""

    code: int
    out: bytes
    err: str

    @property
    def disk_full(self) -> bool:
        """Whether trying again would only fill the disk more (git leaves what it could not finish)."""
        return any(sign in self.err for sign, _ in _FULL)

    def line(self) -> str:
        """The only line of the output, without its end."""
        return os.fsdecode(self.out).removesuffix("\n")

    def fields(self) -> list[bytes]:
        """What stands between the NULs of a `-z` output."""
        return self.out.removesuffix(b"\0").split(b"\0") if self.out else []


@dataclass(frozen=True, slots=True)
class Git:
    """The git command, pointed at one repository. A value: `at` gives another one for another index."""

    options: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    users: Path | None = None
    """The user's repository, where the command writes there."""

    @classmethod
    def on(cls, git_dir: Path) -> Self:
        """Git on a repository of our own, with nobody's configuration but its own."""
        options = (*_SAFE_OPTIONS, *_OWN_OPTIONS, f"--git-dir={git_dir}")
        return cls(options, {**_scrubbed(), **_QUIET, **_NOBODY_ELSES}, git_dir)

    @classmethod
    def of_the_user(cls, folder: Path) -> Self:
        """Git as the user would run it in a folder, for reading only."""
        return cls(_SAFE_OPTIONS, {**_scrubbed(), **_QUIET}, folder)

    def with_env(self, **env: str) -> Git:
        """The same with other variables."""
        return replace(self, env={**self.env, **env})

    def at(self, index: Path, work_tree: Path | None = None) -> Git:
        """The same with this index file and, where given, this work tree (paths are relative to it)."""
        git = self.with_env(GIT_INDEX_FILE=str(index))
        return (
            git if work_tree is None else replace(git.with_env(GIT_WORK_TREE=str(work_tree)), cwd=work_tree)
        )

    async def run(self, *arguments: str, stdin: bytes = b"", accept: Sequence[int] = (0,)) -> Done:
        """Run one command to its end; RepositoryFailed where its exit code is not one of `accept`."""
        process = await self.start(*arguments, stdin=PIPE if stdin else DEVNULL)
        done = await _finish(process, stdin or None)
        if accept and done.code not in accept:
            raise failed(f"git {_named(arguments)}", done.err or f"exit code {done.code}", self.users)
        return done

    async def attempt(self, *arguments: str, stdin: bytes = b"") -> Done:
        """Run one command whose failure is an answer, too."""
        return await self.run(*arguments, stdin=stdin, accept=())

    async def start(self, *arguments: str, stdin: int = PIPE, stderr: int = PIPE) -> Process:
        """Start a command in a process group of its own."""
        try:
            return await asyncio.create_subprocess_exec(
                "git", *self.options, *arguments,
                stdin=stdin, stdout=PIPE, stderr=stderr, cwd=self.cwd, env=self.env, process_group=0,
            )  # fmt: skip
        except FileNotFoundError as error:
            if self.cwd.is_dir():
                mend = "git was not found. Install git 2.39 or newer, or put it on PATH."
                raise RepositoryFailed(mend) from error
            raise RepositoryFailed(f"The folder {shown(self.cwd)} is gone.") from error
        except OSError as error:
            raise failed("git", str(error)) from error


async def stop(process: Process) -> None:
    """End a command and all that it started; asked first, so that git removes its own lock files."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await process.wait()
    finally:
        _signal(process, signal.SIGKILL)


def failed(doing: str, message: str, where: Path | None = None) -> RepositoryFailed:
    """What to raise for a failure's message, with what the user can do about it.

    `where`: the user's repository, if that is written to, too.
    """
    last = message.strip().splitlines()[-1] if message.strip() else "no message"
    for sign, mend in _MENDS:
        if sign in message and where and not _has_room(where):
            return RepositoryFailed(
                f"There is no room for your repository ({shown(where)}): free some space on its disk. "
                f"({doing}: {shown(last)})"
            )
        if sign in message:
            return RepositoryFailed(f"{mend}, or move it with NEXUS_STATE_DIR. ({doing}: {shown(last)})")
    return RepositoryFailed(f"{doing} failed: {shown(last)}")


def _has_room(place: Path) -> bool:
    try:
        return shutil.disk_usage(place).free >= LEAST_ROOM
    except OSError:
        return True


@contextmanager
def reported(doing: str) -> Generator[None]:
    """Turn the file system's errors into sentences."""
    try:
        yield
    except OSError as error:
        raise failed(doing, str(error)) from error


def refused_paths(done: Done) -> list[bytes]:
    """The paths that `git update-index` passed over, because their names are dangerous somewhere."""
    sign = "Ignoring path "
    return [os.fsencode(line.removeprefix(sign)) for line in done.err.splitlines() if line.startswith(sign)]


def shown(path: str | bytes | Path) -> str:
    """A path as a sentence can hold it: valid Unicode, on one line."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


async def _finish(process: Process, stdin: bytes | None) -> Done:
    try:
        out, err = await process.communicate(stdin)
    except BaseException:
        await stop(process)
        raise
    return Done(process.returncode or 0, out, err.decode("utf-8", "replace"))


def _named(arguments: Sequence[str]) -> str:
    """The command's name, behind any `-c key=value`."""
    return next((word for word in arguments if not word.startswith("-") and "=" not in word), "")


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _scrubbed() -> dict[str, str]:
    """Our environment without what a git hook or a shell may have set for another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


async def git_version() -> tuple[int, int] | None:
    """Major and minor version of the git on PATH; None where there is none."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
    except OSError:
        return None
    out, _ = await process.communicate()
    numbers = out.decode("utf-8", "replace").split()[2:3]
    parts = [part for part in (numbers[0] if numbers else "").split(".") if part.isdigit()]
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 else None
