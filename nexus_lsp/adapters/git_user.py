"""The user's own git repository, looked at through a copy of its index.

**Invariant:** nothing here writes below the user's `.git`. Even reading a split index through git would
touch `sharedindex.*`, so git is given a git directory of ours (the glass) with copies, and the user's as
its common directory. Its objects are out of reach, too: expanding a sparse index would touch them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nexus_lsp.adapters.git_command import Git, RepositoryFailed, shown
from nexus_lsp.adapters.git_worktree import Listing, list_tree


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
            done = await git.attempt("ls-files", "-z", "--sparse")
            if done.code == 0:
                foreign = not done.out and await self._ignores_all(git)
                return None if foreign else await _listed(git)
        return None

    async def ignored(self, glass: Path, paths: list[bytes]) -> set[bytes]:
        """Which of these paths the user's rules ignore."""
        git = await asyncio.to_thread(self._glass, glass)
        return await ignored(git, paths)

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


async def find_repository(workspace: Path) -> tuple[UserRepository | None, str | None]:
    """The repository that the workspace is in, or None; and a sentence where git will not look at it."""
    git = Git.of_the_user(workspace)
    asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
    answers = await asyncio.gather(
        *(git.attempt("rev-parse", "--path-format=absolute", what) for what in asked)
    )
    if any(answer.code for answer in answers):
        return None, _refusal(answers[0].err)
    top, git_dir, common_dir = (Path(answer.line()) for answer in answers)
    return UserRepository(workspace, top, git_dir, common_dir), None


async def ignored(git: Git, paths: list[bytes]) -> set[bytes]:
    """Which of these paths the rules that `git` sees ignore."""
    if not paths:
        return set()
    # It knows no literal pathspecs, and would take a name like `:(top)x` for more than a name.
    asked = b"".join(b"./" + path + b"\0" for path in paths)
    done = await git.with_env(GIT_LITERAL_PATHSPECS="0").attempt("check-ignore", "-z", "--stdin", stdin=asked)
    return {path.removeprefix(b"./") for path in done.fields()}


async def _listed(git: Git) -> Listing | None:
    with suppress(RepositoryFailed):
        return await list_tree(git)
    return None


async def user_head(workspace: Path) -> str | None:
    """What HEAD names: a full reference name, or an object id where it is detached; None without git."""
    git = Git.of_the_user(workspace)
    for question in (("symbolic-ref", "-q", "HEAD"), ("rev-parse", "-q", "--verify", "HEAD")):
        answer = await git.attempt(*question)
        if answer.code == 0:
            return answer.line()
    return None


async def user_ignore_rules(workspace: Path, repository: UserRepository | None) -> bytes:
    """The user's rules outside the tree: their global file, then the repository's own `info/exclude`.

    A pattern for a folder above the workspace cannot be told in the workspace's terms, so `info/exclude`
    counts only where the workspace is the top of its repository.
    """
    asked = await Git.of_the_user(workspace).attempt("config", "--type=path", "--get", "core.excludesFile")
    files = [workspace / asked.line() if asked.code == 0 else _default_excludes()]
    if repository and repository.top == repository.workspace:
        files.append(repository.common_dir / "info" / "exclude")
    return b"".join(_content(file) for file in files)


def _default_excludes() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path("~/.config").expanduser()) / "git" / "ignore"


def _content(file: Path) -> bytes:
    with suppress(OSError):
        return file.read_bytes().rstrip(b"\n") + b"\n"
    return b""


def _refusal(message: str) -> str | None:
    if "not a git repository" in message or "must be run in a work tree" in message:
        return None
    first = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"git does not look into this workspace ({shown(first)}), so only its .gitignore files counted."
