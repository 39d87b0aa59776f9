"""The user's own git repository, looked at through a copy of its index.

**Invariant:** nothing here writes below the user's `.git`. Even reading a split index through git would
touch `sharedindex.*`, so git is given a git directory of ours (the glass) with copies, and the user's as
its common directory. Its objects are out of reach, too: expanding a sparse index would touch them.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from nexus_lsp.adapters.git_command import Git, RepositoryFailed, shown
from nexus_lsp.adapters.git_worktree import Listing, folders_above, list_tree

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLAIN = re.compile(r"[\w+-]+(?:[/.][\w+-]+)*", re.ASCII)
"""Names of references that say what they seem to; reftables write `refs/heads/.invalid`."""

_SPARSE = tuple(
    word
    for name in (
        "core.sparseCheckout",
        "core.sparseCheckoutCone",
        "index.sparse",
        "sparse.expectFilesOutsideOfPatterns",
    )
    for word in ("-c", f"{name}=true")
)
"""Else git would expand a sparse index; the user's own words for it are in a file that the glass has not."""

T = TypeVar("T")
Stamps = tuple[tuple[str, tuple[int, ...]], ...]
"""(place, what its status says of it) of several places."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What git said while these places were as they were."""

    stamps: Stamps
    said: T


@dataclass(frozen=True, slots=True)
class UserRepository:
    """Where the user's repository is: a linked worktree's `git_dir` differs from `common_dir`."""

    workspace: Path
    top: Path
    git_dir: Path
    common_dir: Path

    async def listing(self, glass: Path) -> Listing | None:
        """What git shows in the workspace; None where this repository does not care for it.

        It does not where its index cannot be read, or where it ignores the whole workspace (a folder of
        build results, a home directory under version control).
        """
        for _ in range(2):
            git = await asyncio.to_thread(self._glass, glass)
            with suppress(RepositoryFailed):
                listing = await list_tree(git)
                foreign = not listing.tracked and await self._ignores_all(git)
                return None if foreign else listing
        return None

    async def ignored(self, glass: Path, paths: list[bytes]) -> set[bytes]:
        """Which of these paths the user's rules ignore."""
        git = await asyncio.to_thread(self._glass, glass)
        return await ignored(git, paths)

    async def left_out(self, glass: Path, paths: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those that a sparse checkout leaves out -> what to add to it: their folder, or the file at the top.

        A folder that a sparse index holds as a whole is not looked into: its objects are out of reach. What
        is there all the same was seen.
        """
        patterns = self.git_dir / "info" / "sparse-checkout"
        missing = await asyncio.to_thread(self._missing, paths)
        if not missing or not await asyncio.to_thread(patterns.is_file):
            return {}
        git = await asyncio.to_thread(self._glass, glass)
        (glass / "info").mkdir()
        await asyncio.to_thread(shutil.copy2, patterns, glass / "info")
        listed = (await git.attempt(*_SPARSE, "ls-files", "-t", "-z", "--sparse")).fields()
        hidden = {entry[2:] for entry in listed if entry.startswith(b"S ")}
        found: dict[bytes, bytes] = {}
        for path in missing:
            folder = next((step for step in folders_above(path) if step + b"/" in hidden), None)
            if folder is not None or path in hidden:
                found[path] = folder or path.rpartition(b"/")[0] or path
        return found

    def _missing(self, paths: Sequence[bytes]) -> list[bytes]:
        return [path for path in paths if not os.path.lexists(self.workspace / os.fsdecode(path))]

    async def _ignores_all(self, git: Git) -> bool:
        if self.workspace == self.top:
            return False
        return bool(await ignored(git, [b""]))

    def _glass(self, glass: Path) -> Git:
        """A git directory of ours that shows the user's index and rules."""
        shutil.rmtree(glass, ignore_errors=True)
        (glass / "objects").mkdir(parents=True)
        (glass / "HEAD").write_text("ref: refs/heads/nexus\n")
        for source in (self.git_dir / "index", *self.git_dir.glob("sharedindex.*")):
            with suppress(FileNotFoundError):
                shutil.copy2(source, glass / source.name)
        return Git.of_the_user(self.workspace).with_env(
            GIT_DIR=str(glass),
            GIT_COMMON_DIR=str(self.common_dir),
            GIT_OBJECT_DIRECTORY=str(glass / "objects"),
            GIT_WORK_TREE=str(self.top),
        )


async def ignored(git: Git, paths: list[bytes]) -> set[bytes]:
    """Which of these paths the rules that `git` sees ignore."""
    if not paths:
        return set()
    # It knows no literal pathspecs, and would take a name like `:(top)x` for more than a name.
    asked = b"".join(b"./" + path + b"\0" for path in paths)
    done = await git.with_env(GIT_LITERAL_PATHSPECS="0").attempt("check-ignore", "-z", "--stdin", stdin=asked)
    return {path.removeprefix(b"./") for path in done.fields()}


class UserView:
    """What git says of the user's repository and settings, asked again once a file behind it changed."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self._settings: tuple[str, ...] = ()
        self._repository: Answer[tuple[UserRepository | None, str | None]] | None = None
        self._excludes: Answer[Path] | None = None

    async def repository(self) -> tuple[UserRepository | None, str | None]:
        """The repository that the workspace is in, or None; and a sentence where git will not look at it."""
        stamps = await asyncio.to_thread(self._stamps)
        if self._repository is None or self._repository.stamps != stamps:
            found = await self._ask_repository()
            self._repository = Answer(stamps, found)
        return self._repository.said

    async def head(self) -> str | None:
        """What HEAD names: a full reference name, or an object id where it is detached; None without git.

        It is asked before every list of changes, so git is asked only where its usual file does not say it.
        """
        if usual := await asyncio.to_thread(_usual_head, self.workspace / ".git"):
            return usual
        found, _ = await self.repository()
        named = await asyncio.to_thread(_read_head, found.git_dir) if found else None
        if named is not None:
            return named
        for question in (("symbolic-ref", "-q", "HEAD"), ("rev-parse", "-q", "--verify", "HEAD")):
            answer = await self._git.attempt(*question)
            if answer.code == 0:
                return answer.line()
        return None

    async def ignore_rules(self) -> bytes:
        """The user's rules outside the tree: their global file, then the repository's own `info/exclude`.

        A pattern for a folder above the workspace cannot be told in the workspace's terms, so `info/exclude`
        counts only where the workspace is the top of its repository.
        """
        repository, _ = await self.repository()
        stamps = await asyncio.to_thread(self._stamps)
        if self._excludes is None or self._excludes.stamps != stamps:
            asked = await self._git.attempt("config", "--type=path", "--get", "core.excludesFile")
            file = self.workspace / asked.line() if asked.code == 0 else _default_excludes()
            self._excludes = Answer(stamps, file)
        files = [self._excludes.said]
        if repository and repository.top == repository.workspace:
            files.append(repository.common_dir / "info" / "exclude")
        return b"".join(_content(file) for file in files)

    async def _ask_repository(self) -> tuple[UserRepository | None, str | None]:
        asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
        settings, *answers = await asyncio.gather(
            self._git.attempt("config", "--list", "--show-origin", "-z"),
            *(self._git.attempt("rev-parse", "--path-format=absolute", what) for what in asked),
        )
        self._settings = _origins(settings.fields())
        if any(answer.code for answer in answers):
            return None, _refusal(answers[0].err)
        top, git_dir, common_dir = (Path(answer.line()) for answer in answers)
        return UserRepository(self.workspace, top, git_dir, common_dir), None

    @property
    def _git(self) -> Git:
        return Git.of_the_user(self.workspace)

    def _stamps(self) -> Stamps:
        """Of every file and folder that decides where the repository is and what git is told of it."""
        places = [folder / ".git" for folder in (self.workspace, *self.workspace.parents)]
        found = self._repository.said[0] if self._repository else None
        inside = (found.git_dir, found.common_dir) if found else (self.workspace / ".git",)
        places += [folder / name for folder in inside for name in ("HEAD", "config", "config.worktree")]
        places += _global_settings()
        named = [self.workspace / name for name in self._settings]
        return tuple((str(place), _stamp(place)) for place in dict.fromkeys((*places, *named)))


def _settings_folder() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path("~/.config").expanduser()) / "git"


def _default_excludes() -> Path:
    return _settings_folder() / "ignore"


def _global_settings() -> list[Path]:
    return [Path("/etc/gitconfig"), Path("~/.gitconfig").expanduser(), _settings_folder() / "config"]


def _origins(fields: list[bytes]) -> tuple[str, ...]:
    """The files that settings were read from, as `git config --list --show-origin -z` names them."""
    files = (field.removeprefix(b"file:") for field in fields if field.startswith(b"file:"))
    return tuple(dict.fromkeys(map(os.fsdecode, files)))


def _stamp(place: Path) -> tuple[int, ...]:
    try:
        about = place.stat()
    except OSError:
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_uid


def _usual_head(git_dir: Path) -> str | None:
    """HEAD of what git itself would take for a git directory; None for a link, and for anything odd."""
    usual = all((git_dir / name).is_dir() for name in ("objects", "refs"))
    return _read_head(git_dir) if usual else None


def _read_head(git_dir: Path) -> str | None:
    """HEAD as the file says it; None where git has to be asked (reftables, a link, anything odd)."""
    try:
        line = (git_dir / "HEAD").read_text("utf-8").removesuffix("\n")
    except (OSError, ValueError):
        return None
    name = line.removeprefix("ref: ")
    if _OBJECT_ID.fullmatch(line) or (name.startswith("refs/heads/") and _PLAIN.fullmatch(name)):
        return name
    return None


def _content(file: Path) -> bytes:
    with suppress(OSError):
        return file.read_bytes().rstrip(b"\n") + b"\n"
    return b""


def _refusal(message: str) -> str | None:
    if "not a git repository" in message or "must be run in a work tree" in message:
        return None
    first = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"git does not look into this workspace ({shown(first)}), so only its .gitignore files counted."
