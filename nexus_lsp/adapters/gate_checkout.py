"""The gate checkout: one full checkout of a workspace, moved from tree to tree by what differs.

Files that did not change keep their times, so that build tools and caches outside it stay warm. What tests
left behind is removed and what they wrote over is put back before the next tree is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import ParamSpec

from nexus_lsp.ports import FileContent, FileDiff, Repository

_GITLINK = "160000"
_SYMLINK = "120000"

P = ParamSpec("P")

Stamp = tuple[int, int, int]
"""(inode, change time in ns, bytes): a program can set a file's mtime, but not its ctime."""


class GateCheckout:
    """Where trees are measured; not for two measurements at once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._root: Path | None = None
        self._commit = ""
        self._stamps: dict[str, Stamp] = {}

    async def at(self, commit: str) -> Path:
        """The checkout, holding exactly the tree of `commit`; where that fails, the next is made afresh."""
        try:
            return await self._at(commit)
        except BaseException:
            await self.discard()  # half moved: nothing that is known of it holds
            raise

    async def _at(self, commit: str) -> Path:
        if self._root is None:
            self._root = await self._repository.checkout(commit, "gate")
        else:
            await self._move(self._root, commit)
        await self._repository.keep("gate", commit)  # or housekeeping may take what we diff from
        paths = [path for path, _ in await self._repository.files(commit)]
        self._stamps = await asyncio.to_thread(_stamps, self._root, paths)
        self._commit = commit
        return self._root

    async def discard(self) -> None:
        """Remove it."""
        root, self._root = self._root, None
        if root is not None:
            await self._repository.discard(root)

    async def _move(self, root: Path, commit: str) -> None:
        await _to_its_end(_clean, root, self._stamps)
        touched = await asyncio.to_thread(_touched, root, self._stamps)
        diffs = await self._repository.diff(self._commit, commit) if commit != self._commit else ()
        for path in _gone(diffs):
            await _to_its_end(_remove, root, path)
        for path in {*touched, *(diff.path for diff in diffs if diff.new_blob is not None)}:
            await self._restore(root, commit, path)

    async def _restore(self, root: Path, commit: str, path: str) -> None:
        content = await self._repository.read_file(commit, path)
        if content is not None:
            await _to_its_end(_write, root, path, content)


async def _to_its_end(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run it in a thread that a cancellation waits for, or it would write on into the next checkout."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _gone(diffs: Collection[FileDiff]) -> Iterator[str]:
    kept = {diff.path for diff in diffs if diff.new_blob is not None}
    for diff in diffs:
        if diff.new_blob is None:
            yield diff.path
        elif diff.old_path is not None and diff.old_path not in kept:
            yield diff.old_path


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns, status.st_size


def _stamps(root: Path, paths: Collection[str]) -> dict[str, Stamp]:
    found = ((path, _stamp(root / path)) for path in paths)
    return {path: stamp for path, stamp in found if stamp is not None}


def _touched(root: Path, stamps: Mapping[str, Stamp]) -> list[str]:
    return [path for path, stamp in stamps.items() if _stamp(root / path) != stamp]


def _clean(root: Path, tracked: Collection[str]) -> None:
    """Remove what belongs to no tracked path, without following links; our git directory stays."""
    files = frozenset(tracked)
    directories = {parent for path in files for parent in _parents(path)}
    for top, names, leaves in os.walk(root):
        below = Path(top).relative_to(root)
        for name in [*leaves, *(name for name in names if (Path(top) / name).is_symlink())]:
            if (below / name).as_posix() not in files and (below / name).as_posix() != ".git":
                _delete(Path(top) / name)
        for name in list(names):
            path = (below / name).as_posix()
            if path != ".git" and path not in directories and not (Path(top) / name).is_symlink():
                _delete(Path(top) / name)
        names[:] = [name for name in names if (below / name).as_posix() in directories]


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _remove(root: Path, path: str) -> None:
    """The file, and the directories that it leaves empty."""
    _delete(root / path)
    for parent in _parents(path):
        try:
            (root / parent).rmdir()
        except OSError:
            return


def _write(root: Path, path: str, content: FileContent) -> None:
    """Put a file in place at once, never through a link that stands in its way."""
    target = root / path
    for parent in reversed(list(_parents(path))):
        if (root / parent).is_symlink() or (root / parent).is_file():
            (root / parent).unlink()
        (root / parent).mkdir(exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    if content.mode == _GITLINK:
        target.mkdir()
        return
    fresh = target.with_name(f".nexus-{uuid.uuid4().hex}")
    if content.mode == _SYMLINK:
        fresh.symlink_to(os.fsdecode(content.content))
    else:
        fresh.write_bytes(content.content)
        fresh.chmod(0o755 if content.mode == "100755" else 0o644)
    fresh.replace(target)
