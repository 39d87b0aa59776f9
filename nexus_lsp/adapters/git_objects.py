"""Commits, trees and merges in the quarantine, without a work tree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from nexus_lsp.adapters.git_blobs import BlobReader
from nexus_lsp.adapters.git_command import Git, RepositoryFailed, refused_paths, shown
from nexus_lsp.ports import FileContent, FileDiff, Merge

Scratch = Callable[[], AbstractContextManager[Path]]
"""Gives a new empty folder and removes it afterwards."""

_NO_OBJECT = "0" * 40
_ABSENT = "000000"


class ObjectStore:
    """What is written to and read from the quarantine's objects."""

    def __init__(self, git: Git, blobs: BlobReader, scratch: Scratch) -> None:
        self._git = git
        self._blobs = blobs
        self._scratch = scratch

    async def write(self, contents: Sequence[bytes]) -> list[str]:
        """Write blobs; their object ids, in the same order."""
        if not contents:
            return []
        with self._scratch() as folder:
            names = await asyncio.to_thread(_spread, folder, contents)
            git = replace(self._git, cwd=folder)
            done = await git.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names)
        return done.out.decode().split()

    async def put(self, git: Git, entries: Mapping[bytes, tuple[str, bytes]]) -> list[bytes]:
        """Put (mode, content) by path into the index of `git`; the paths that git refuses."""
        blobs = await self.write([content for _, content in entries.values()])
        rows = [(mode, blob, path) for (path, (mode, _)), blob in zip(entries.items(), blobs, strict=True)]
        return await _update(git, rows)

    async def commit_index(self, git: Git, parents: Sequence[str], message: str) -> str:
        """Commit the index of `git`; the only parent itself where nothing differs from it."""
        tree = (await git.run("write-tree")).line()
        if len(parents) == 1 and tree == await self._tree(parents[0]):
            return (await self._git.run("rev-parse", "--verify", f"{parents[0]}^{{commit}}")).line()
        return await self._commit(tree, parents, message)

    async def merge(self, ours: str, theirs: str, message: str) -> Merge:
        """Merge two commits; see the port."""
        command = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        done = await self._git.run(*command, accept=(0, 1))
        tree, *conflicts = done.fields()
        commit = await self._commit(tree.decode(), tuple(dict.fromkeys((ours, theirs))), message)
        return Merge(commit, tuple(os.fsdecode(path) for path in conflicts if path))

    async def with_files(
        self, commit: str, files: Mapping[str, FileContent | None], parents: Sequence[str], message: str
    ) -> str:
        """A commit with files put in or removed; see the port."""
        removed = [path for path, file in files.items() if file is None]
        entries = {os.fsencode(path): (file.mode, file.content) for path, file in files.items() if file}
        with self._scratch() as folder:
            git = self._git.at(folder / "index")
            await git.run("read-tree", commit)
            await _update(git, [("0", _NO_OBJECT, os.fsencode(path)) for path in removed])
            refused = await self.put(git, entries)
            if refused:
                raise RepositoryFailed(f"{shown(refused[0])} is not a path that a file can have.")
            tree = (await git.run("write-tree")).line()
        return await self._commit(tree, parents, message)

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """What differs, by path; see the port."""
        command = ("diff-tree", "-r", "-z", "--raw", "-M50%", "--no-rename-empty", old, new)
        fields = (await self._git.run(*command)).fields()
        return tuple(sorted(_differences(iter(fields)), key=lambda found: found.path))

    async def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ; a rename is two."""
        if old == new:
            return ()
        done = await self._git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
        return tuple(os.fsdecode(path) for path in done.fields())

    async def files(self, commit: str) -> tuple[tuple[str, int], ...]:
        """(path, bytes) of every file; see the port."""
        fields = (await self._git.run("ls-tree", "-r", "-l", "-z", commit)).fields()
        rows = (field.partition(b"\t") for field in fields)
        return tuple((os.fsdecode(path), int(head.split()[3])) for head, _, path in rows)

    async def read_file(self, commit: str, path: str) -> FileContent | None:
        """A file of a commit, or None; see the port."""
        found = await self.find(commit, path)
        return FileContent(await self._blobs.read(found[0]), found[1]) if found else None

    async def find(self, commit: str, path: str) -> tuple[str, str] | None:
        """(blob, mode) of a file of a commit, or None; see the port."""
        if not {"", ".", ".."}.isdisjoint(path.split("/")):
            return None
        fields = (await self._git.run("ls-tree", "-z", commit, "--", path)).fields()
        if len(fields) != 1:
            return None
        head, _, found = fields[0].partition(b"\t")
        mode, kind, blob = head.decode().split()
        if kind != "blob" or found != os.fsencode(path):
            return None
        return blob, mode

    async def _tree(self, commit: str) -> str:
        return (await self._git.run("rev-parse", "--verify", f"{commit}^{{tree}}")).line()

    async def _commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        chain = [word for parent in parents for word in ("-p", parent)]
        text = message.encode("utf-8", "replace") or b"\n"
        return (await self._git.run("commit-tree", tree, *chain, stdin=text)).line()


async def _update(git: Git, rows: Sequence[tuple[str, str, bytes]]) -> list[bytes]:
    """Set (mode, blob) by path; mode "0" removes. The paths that git refuses."""
    if not rows:
        return []
    lines = b"".join(f"{mode} {blob}\t".encode() + path + b"\0" for mode, blob, path in rows)
    return refused_paths(
        await git.run("update-index", "-z", "--add", "--replace", "--index-info", stdin=lines)
    )


def _spread(folder: Path, contents: Sequence[bytes]) -> bytes:
    for at, content in enumerate(contents):
        (folder / str(at)).write_bytes(content)
    return b"".join(b"%d\n" % at for at in range(len(contents)))


def _differences(fields: Iterator[bytes]) -> Iterator[FileDiff]:
    """Parse `:<mode> <mode> <blob> <blob> <status>`, then one path, or two for a rename."""
    for head in fields:
        old_mode, new_mode, old_blob, new_blob, status = head.decode().removeprefix(":").split(" ")
        first = os.fsdecode(next(fields))
        renamed = status.startswith("R")
        yield FileDiff(
            path=os.fsdecode(next(fields)) if renamed else first,
            old_blob=None if old_mode == _ABSENT else old_blob,
            new_blob=None if new_mode == _ABSENT else new_blob,
            old_mode=None if old_mode == _ABSENT else old_mode,
            new_mode=None if new_mode == _ABSENT else new_mode,
            old_path=first if renamed else None,
        )
