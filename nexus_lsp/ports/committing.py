"""The user's own repository, written to when the user asks for a commit, a branch or a note."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nexus_lsp.core.grafting import Held

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Head:
    """What the user is on.

    Attributes:
        ref: the branch (`refs/heads/main`); None where HEAD is detached.
        commit: its commit; None before the first.
        doing: what is in progress, in words ("a rebase"); "" for nothing.
    """

    ref: str | None
    commit: str | None
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A commit that was made, the tree it has, and what git and the user's hooks said meanwhile."""

    commit: str
    tree: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Blamed:
    """Where a line came from: its commit, and its path and number (1-based) there."""

    commit: str
    path: str
    line: int


class Commits(Protocol):
    """Paths are workspace-relative; contents are as they stand in the work tree (the user's filters and line
    ends applied). Every method raises Refused with a sentence where git will not do it."""

    async def head(self) -> Head:
        """What the user is on; Refused where there is no repository."""
        ...

    async def tip(self, ref: str) -> str | None:
        """The commit that a reference names, or None."""
        ...

    async def unreached(self, head: str | None, commits: Iterable[str]) -> frozenset[str]:
        """Those of the commits that `head` does not come from: reset, amended, rebased, on another branch."""
        ...

    async def files(self, commit: str | None, paths: Sequence[str]) -> Mapping[str, Held | None]:
        """Files of a commit (None: before the first). Refused where a path leads into a submodule."""
        ...

    async def staged(self, paths: Sequence[str]) -> Mapping[str, Held | None]:
        """The same of the index."""
        ...

    async def on_disk(self, paths: Sequence[str]) -> Mapping[str, Held | None]:
        """The same of the work tree."""
        ...

    async def tree(self, commit: str | None, files: Mapping[str, Held | None]) -> str:
        """The id of the tree that the commit's tree is with these files."""
        ...

    async def commit(
        self,
        head: Head,
        files: Mapping[str, Held | None],
        index: Mapping[str, Held | None],
        message: str,
        stop: asyncio.Event,
    ) -> Made:
        """Commit `head` with these files on the current branch, as `git commit` does, and leave `index` at
        these paths of the user's index. Refused, and nothing is changed, where a hook does not let it, or
        where `stop` is set before it is made (git and the hooks are ended then)."""
        ...

    async def branch(
        self, name: str, base: str | None, files: Mapping[str, Held | None], message: str
    ) -> Made:
        """A new branch with one commit on `base`; work tree, index and HEAD are not touched."""
        ...

    async def free_branch(self, name: str) -> None:
        """Refused where this is no name for a branch, or one has it."""
        ...

    async def note(self, commit: str, text: str) -> None:
        """Put a note beside a commit, in `refs/notes/nexus`."""
        ...

    async def read_note(self, commit: str) -> str | None:
        """The note beside a commit, or None."""
        ...

    async def blame(self, path: str, line: int, text: str | None) -> Blamed | None:
        """Which commit a line (1-based) of a file is from; None where it is not committed. `text`: of a
        buffer that is not saved."""
        ...
