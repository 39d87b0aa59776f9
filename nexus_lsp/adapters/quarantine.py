"""The quarantine: a bare repository of our own, outside the workspace, where all of a run's work stands.

Layout of the state directory:
    quarantine.git      every snapshot, harvest and merge; self-contained
    checkouts/<name>    one agent's files, with a git directory of its own
    indexes/            what git last saw of the workspace and of each checkout
    scratch/            emptied at each start

**Invariants:** the workspace and the user's `.git` are only read. What an agent configures in its
checkout is never run. A checkout shares no git directory with anything.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nexus_lsp.adapters.git_checkout import RAW, lay_out, remove_tree
from nexus_lsp.adapters.git_command import LEAST_VERSION, Git, RepositoryFailed, reported
from nexus_lsp.adapters.git_glance import peek_in, touched_in
from nexus_lsp.adapters.git_harvest import DEFAULT_EXCLUDES, list_checkout
from nexus_lsp.adapters.git_index import WorkspaceIndex
from nexus_lsp.adapters.git_objects import ObjectStore
from nexus_lsp.adapters.git_overlay import overlay
from nexus_lsp.adapters.git_reading import ObjectReader
from nexus_lsp.adapters.git_user import UserRepository, UserView, ignored
from nexus_lsp.adapters.git_worktree import (
    REFUSED,
    Folders,
    Listing,
    bring_level,
    left_out,
    list_tree,
    survey,
)
from nexus_lsp.ports import FileContent, FileDiff, Harvest, Merge, Snapshot

__all__ = ["Quarantine", "RepositoryFailed"]

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n"
_DEFAULT_RULES = "".join(f"{pattern}\n" for pattern in DEFAULT_EXCLUDES).encode()
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Quarantine:
    """The real `ports.Repository`, on the git command. Every method may raise RepositoryFailed."""

    def __init__(self, workspace: Path, state_dir: Path) -> None:
        """Use `open`, which makes what is missing."""
        self.workspace = workspace.resolve()
        self._state = state_dir = state_dir.resolve()
        self._git_dir = state_dir / "quarantine.git"
        self._checkouts = state_dir / "checkouts"
        self._indexes = state_dir / "indexes"
        self._scratch = state_dir / "scratch"
        self._git = Git.on(self._git_dir)
        self._reader = ObjectReader(self._git)
        self._objects = ObjectStore(self._git_dir, self._git, self._reader, self._scratch_folder)
        self._user = UserView(self.workspace)
        self._index = WorkspaceIndex(self._git, self._indexes / "workspace", self.workspace)
        self._laid: dict[Path, str] = {}
        self._snapshots = asyncio.Lock()
        self._count = itertools.count()

    @classmethod
    async def open(cls, workspace: Path, state_dir: Path) -> Quarantine:
        """Create or open the quarantine of a workspace; what a crash left half done is cleared away."""
        opened = cls(workspace, state_dir)
        with reported("Making the state directory"):
            await asyncio.to_thread(opened._prepare)
        await opened._check_git()
        return opened

    async def close(self) -> None:
        """End the processes it holds. Checkouts stay."""
        await self._reader.close()

    async def snapshot(self, open_texts: Mapping[str, str], parents: Sequence[str] = ()) -> Snapshot:
        """See the port. Where nothing differs from the only parent, the commit is that parent."""
        with reported("Taking the workspace"):
            async with self._snapshots:
                return await self._snapshot(open_texts, parents)

    async def checkout(self, commit: str, name: str) -> Path:
        """See the port. `name` is one path component; what stood there under it is removed first.

        The folder appears only when it is complete.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a checkout")
        place = self._checkouts / name
        with reported("Making a checkout"):
            await self.discard(place)
            with self._scratch_folder() as part:
                excludes = self._excludes.read_bytes()
                await lay_out(self._git, commit, part, self._index_of(place), excludes)
                part.rename(place)
                self._laid[place] = commit
        return place

    async def harvest(self, checkout: Path, start: str, message: str) -> Harvest:
        """See the port."""
        with reported("Harvesting a checkout"), self._scratch_folder() as folder:
            git = await self._seeded(folder / "index", checkout, start)
            listing, notes = await list_checkout(git)
            folders = Folders(checkout)
            found = await asyncio.to_thread(survey, folders, listing, True)
            await bring_level(git, found, folders, listing.tracked, keep=True)
            tree = (await git.run("write-tree")).line()
            commit = await self._objects.commit_tree(tree, (start,), message)
        paths = await self._objects.changed_paths(start, commit)
        return Harvest(commit, paths, (*found.notes(), *notes))

    async def touched(self, checkout: Path, start: str) -> Mapping[str, str]:
        """See the port. No index is written: those who work there are not disturbed."""
        with reported("Looking at a checkout"):
            if self._laid.get(checkout) == start:
                return await touched_in(self._git.at(self._index_of(checkout), checkout))
            with self._scratch_folder() as folder:
                return await touched_in(await self._seeded(folder / "index", checkout, start))

    async def peek(self, checkout: Path, path: str) -> bytes | None:
        """See the port."""
        return await asyncio.to_thread(peek_in, checkout, path)

    async def discard(self, checkout: Path) -> None:
        """See the port. Nothing happens where there is none."""
        if checkout.parent != self._checkouts:
            raise ValueError(f"{checkout} is not a checkout of this quarantine")
        with reported("Removing a checkout"):
            self._laid.pop(checkout, None)
            await self._bury(checkout)
            self._index_of(checkout).unlink(missing_ok=True)

    async def merge(
        self, ours: str, theirs: str, message: str, moves: Sequence[tuple[str, str]] = ()
    ) -> Merge:
        """See the port."""
        return await self._objects.merge(ours, theirs, message, moves)

    async def with_files(
        self, commit: str, files: Mapping[str, FileContent | None], parents: Sequence[str], message: str
    ) -> str:
        """See the port."""
        with reported("Writing files into the quarantine"):
            return await self._objects.with_files(commit, files, parents, message)

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """See the port. A rename keeps at least half of its text; empty files are never renames."""
        return await self._objects.diff(old, new)

    async def moved(self, old: str, new: str) -> tuple[tuple[str, str], ...]:
        """See the port."""
        return await self._objects.moved(old, new)

    async def patch(self, old: str, new: str) -> bytes:
        """See the port."""
        return await self._objects.patch(old, new)

    async def read(self, blob: str) -> bytes:
        """See the port."""
        return await self._reader.read(blob)

    async def read_file(self, commit: str, path: str) -> FileContent | None:
        """See the port."""
        return await self._objects.read_file(commit, path)

    async def find(self, commit: str, path: str) -> tuple[str, str] | None:
        """See the port."""
        return await self._objects.find(commit, path)

    async def find_checkout(self, name: str) -> Path | None:
        """See the port."""
        place = self._checkouts / name
        return place if await asyncio.to_thread(place.is_dir) else None

    async def tree(self, commit: str) -> str:
        """See the port."""
        return await self._objects.tree(commit)

    async def files(self, commit: str) -> tuple[tuple[str, int], ...]:
        """See the port."""
        return await self._objects.files(commit)

    async def keep(self, name: str, commit: str) -> None:
        """See the port."""
        with reported("Keeping a commit"):
            await self._objects.keep(f"refs/nexus/{name}", commit)

    async def user_head(self) -> str | None:
        """See the port."""
        return await self._user.head()

    async def left_out(self, paths: Sequence[str]) -> Mapping[str, str]:
        """See the port."""
        user, _ = await self._user.repository()
        if user is None or not paths:
            return {}
        with reported("Looking at the sparse checkout"), self._scratch_folder() as folder:
            found = await user.left_out(folder / "glass", [os.fsencode(path) for path in paths])
        return {os.fsdecode(path): os.fsdecode(add) for path, add in found.items()}

    # --- opening -------------------------------------------------------------------------------------

    @property
    def _excludes(self) -> Path:
        return self._git_dir / "info" / "exclude"

    def _prepare(self) -> None:
        remove_tree(self._scratch)
        for folder in (self._checkouts, self._indexes, self._scratch):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in ("objects", "refs", "info"):
            (self._git_dir / folder).mkdir(parents=True, exist_ok=True)
        (self._git_dir / "HEAD").write_text("ref: refs/heads/none\n")
        (self._git_dir / "config").write_text(_CONFIG)
        (self._git_dir / "info" / "attributes").write_text(RAW)
        if not self._excludes.exists():
            self._excludes.write_bytes(_DEFAULT_RULES)
        self._unlock()

    def _unlock(self) -> None:
        """Remove what killed git commands left; one engine holds a workspace."""
        locks = (folder.rglob("*.lock") for folder in (self._git_dir / "refs", self._indexes))
        torn = (self._git_dir / "objects").glob("*/tmp_*")
        for left in [*itertools.chain(*locks), *torn]:
            left.unlink(missing_ok=True)

    async def _check_git(self) -> None:
        answer = (await Git.of_the_user(self._state).run("version")).line()
        found = re.search(r"(\d+)\.(\d+)", answer)
        if not found or (int(found[1]), int(found[2])) < LEAST_VERSION:
            raise RepositoryFailed(f"NEXUS needs git 2.39 or newer; this is {answer!r}. Install a newer git.")

    # --- snapshots -----------------------------------------------------------------------------------

    async def _snapshot(self, open_texts: Mapping[str, str], parents: Sequence[str]) -> Snapshot:
        user, refusal = await self._user.repository()
        await self._write_excludes()
        shown = await user.listing(self._glass) if user else None
        listing = shown or await self._list_by_files()
        folders = Folders(self.workspace)
        found = await asyncio.to_thread(survey, folders, listing)
        await bring_level(self._index.git, found, folders, await self._index.held(), keep=False)
        laid = await overlay(open_texts, found, folders, partial(self._ignored, user if shown else None))
        refused = await self._objects.put(self._index.git, laid.entries)
        laid.left.update(dict.fromkeys(refused, REFUSED))
        tree = await self._index.tree()
        commit = await self._objects.commit_tree(tree, parents, "The workspace as the editor shows it")
        return Snapshot(commit, (*([refusal] if refusal else []), *found.notes(), *left_out(laid.left)))

    async def _write_excludes(self) -> None:
        """The rules that are in no tree, for folders without git, for checkouts and for harvests."""
        rules = _DEFAULT_RULES + await self._user.ignore_rules()
        if self._excludes.read_bytes() != rules:
            part = self._excludes.with_suffix(".part")
            part.write_bytes(rules)
            part.replace(self._excludes)

    async def _list_by_files(self) -> Listing:
        """List a folder without git, by its .gitignore files and the default rules."""
        return await list_tree(self._git.at(self._scratch / "no-index", self.workspace))

    async def _ignored(self, user: UserRepository | None, paths: list[bytes]) -> set[bytes]:
        if user:
            return await user.ignored(self._glass, paths)
        return await ignored(self._git.at(self._scratch / "no-index", self.workspace), paths)

    # --- checkouts -----------------------------------------------------------------------------------

    async def _seeded(self, index: Path, checkout: Path, start: str) -> Git:
        """An index that holds `start`, and knows the times of the files nobody touched."""
        known = self._index_of(checkout)
        if known.exists():
            # With its time: see `git_checkout.lay_out`.
            await asyncio.to_thread(shutil.copy2, known, index)
        git = self._git.at(index, checkout)
        if not known.exists() or self._laid.get(checkout) != start:
            await git.run("read-tree", "-m", start)
        return git

    async def _bury(self, place: Path) -> None:
        """Remove a folder; out of the way at once, for a removal goes on when this is cancelled."""
        grave = self._scratch / f"{next(self._count)}-gone"
        try:
            await asyncio.to_thread(place.rename, grave)
        except FileNotFoundError:
            return
        except PermissionError:  # made read-only, which a move does not survive
            await asyncio.to_thread(remove_tree, place)
        else:
            await asyncio.to_thread(remove_tree, grave)

    def _index_of(self, checkout: Path) -> Path:
        return self._indexes / f"checkout-{checkout.name}"

    @property
    def _glass(self) -> Path:
        return self._scratch / "glass"

    @contextmanager
    def _scratch_folder(self) -> Generator[Path]:
        folder = self._scratch / str(next(self._count))
        folder.mkdir()
        try:
            yield folder
        finally:
            remove_tree(folder)
