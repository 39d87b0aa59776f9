"""The repository (quarantine): trees, checkouts and merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The workspace as the editor shows it, as a commit in the quarantine.

    Attributes:
        commit: its object id; its parent is the previous snapshot of the same run, if any.
        notes: sentences about what could not be taken along (a nested repository, a socket, …).
    """

    commit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Harvest:
    """What an agent left in its checkout, committed by the server.

    Attributes:
        commit: child of the commit the agent started from (equal to it where nothing changed).
        paths: what differs, workspace-relative.
        notes: sentences about what was left out (ignored files, an escaped symlink, a socket, …).
    """

    commit: str
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """A file in conflict: its blobs. `base` is None where both sides added it."""

    path: str
    mode: str
    base: str | None
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Merge:
    """A three-way merge; the base is the commits' own merge base.

    Attributes:
        commit: a commit with both as parents; where files conflict it holds conflict markers.
        conflicts: the paths in conflict, empty for a clean merge.
        sides: those of them where plain files of one mode were changed, or added, on both sides.
    """

    commit: str
    conflicts: tuple[str, ...] = ()
    sides: tuple[Sides, ...] = ()


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that differs between two commits. `old_path` is set for an exact or edited rename.

    Blobs and modes are None on the side where the file does not exist.
    """

    path: str
    old_blob: str | None
    new_blob: str | None
    old_mode: str | None
    new_mode: str | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file to put into a tree: its bytes and its git mode."""

    content: bytes
    mode: str = "100644"


class RepositoryFailed(Exception):
    """The quarantine could not do its work; the text is a sentence that the user can act on.

    Raised for the machine's faults (no git, a full disk, a state directory that cannot be written) and
    for a commit that is not there. The user's workspace is as it was.
    """


class Repository(Protocol):
    """The quarantine of one workspace: a bare repository of our own, outside the workspace."""

    async def snapshot(self, open_texts: Mapping[str, str], parents: Sequence[str] = ()) -> Snapshot:
        """Take the workspace as it is now, with the texts of unsaved buffers (by path) laid over it."""
        ...

    async def checkout(self, commit: str, name: str) -> Path:
        """A fresh, isolated checkout of `commit`, with a git directory of its own. `name` is unique."""
        ...

    async def harvest(self, checkout: Path, start: str, message: str) -> Harvest:
        """Commit what stands in the checkout, as a child of `start`. Runs nothing the agent configured."""
        ...

    async def touched(self, checkout: Path, start: str) -> Mapping[str, str]:
        """What differs from `start` in a checkout that is being worked in: path -> a stamp, which is another
        once the file is written again; "" for a file that is gone. Nested repositories are passed over."""
        ...

    async def peek(self, checkout: Path, path: str) -> bytes | None:
        """A file of a checkout as it stands; None where there is no regular file."""
        ...

    async def discard(self, checkout: Path) -> None:
        """Remove a checkout and all it holds."""
        ...

    async def merge(
        self, ours: str, theirs: str, message: str, moves: Sequence[tuple[str, str]] = ()
    ) -> Merge:
        """Merge two commits without a work tree.

        `moves`: (old, new) of files and folders that got another name in `ours`, in their order: what
        `theirs` did to them is done under the new name. Other renames are found by their text.
        """
        ...

    async def with_files(
        self, commit: str, files: Mapping[str, FileContent | None], parents: Sequence[str], message: str
    ) -> str:
        """A commit whose tree is that of `commit` with these files put in, replaced or (None) removed."""
        ...

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """The files that differ, by path; renames found."""
        ...

    async def moved(self, old: str, new: str) -> tuple[tuple[str, str], ...]:
        """(gone, new) of files that are gone from `new`, and of files that came, where these hold nine tenths
        of the same text or more. Either may stand in several pairs; empty files in none."""
        ...

    async def patch(self, old: str, new: str) -> bytes:
        """What differs between two commits, as `git apply` takes it."""
        ...

    async def read(self, blob: str) -> bytes:
        """A blob's bytes; KeyError where there is none."""
        ...

    async def find(self, commit: str, path: str) -> tuple[str, str] | None:
        """(blob, mode) of a file of a commit, or None."""
        ...

    async def find_checkout(self, name: str) -> Path | None:
        """The checkout of this name, if it is still there (after a crash)."""
        ...

    async def read_file(self, commit: str, path: str) -> FileContent | None:
        """A file of a commit, or None."""
        ...

    async def tree(self, commit: str) -> str:
        """The id of a commit's tree."""
        ...

    async def files(self, commit: str) -> tuple[tuple[str, int], ...]:
        """(path, bytes) of every file of a commit."""
        ...

    async def keep(self, name: str, commit: str) -> None:
        """Point `refs/nexus/<name>` at the commit, so that it outlives housekeeping."""
        ...

    async def user_head(self) -> str | None:
        """What the user's HEAD names (`refs/heads/main` or an object id); None without git."""
        ...

    async def left_out(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Those of these paths that the user's sparse checkout leaves out, though git may have files there ->
        the folder, or file, to add to it."""
        ...
