"""Commits, trees and merges in the quarantine, without a work tree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from nexus_lsp.adapters.git_command import Git, RepositoryFailed, refused_paths, reported, shown
from nexus_lsp.adapters.git_moves import Moves
from nexus_lsp.adapters.git_reading import TREE, Difference, ObjectReader
from nexus_lsp.adapters.git_writing import write_commit, write_object, write_ref
from nexus_lsp.ports import FileContent, FileDiff, Merge, Sides

Scratch = Callable[[], AbstractContextManager[Path]]
"""Gives a new empty folder and removes it afterwards."""

_NO_OBJECT = "0" * 40
_ABSENT = "000000"
_SUBMODULE = "160000"
_PLAIN_FILES = frozenset({"100644", "100755"})


class ObjectStore:
    """What is written to and read from the quarantine's objects."""

    def __init__(self, git_dir: Path, git: Git, reader: ObjectReader, scratch: Scratch) -> None:
        self._git_dir = git_dir
        self._git = git
        self._reader = reader
        self._scratch = scratch
        self._listed: tuple[str, tuple[tuple[str, int], ...]] = ("", ())

    async def write(self, contents: Sequence[bytes]) -> list[str]:
        """Write blobs; their object ids, in the same order."""
        return await asyncio.to_thread(lambda: [write_object(self._git_dir, "blob", c) for c in contents])

    async def put(self, git: Git, entries: Mapping[bytes, tuple[str, bytes]]) -> list[bytes]:
        """Put (mode, content) by path into the index of `git`; the paths that git refuses."""
        return await _update(git, await self._rows(entries)) if entries else []

    async def commit_tree(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Commit a tree; the only parent itself where nothing differs from it."""
        if len(parents) == 1 and tree == await self.tree(parents[0]):
            return parents[0]
        return await self._commit(tree, parents, message)

    async def merge(
        self, ours: str, theirs: str, message: str, moves: Sequence[tuple[str, str]] = ()
    ) -> Merge:
        """Merge two commits; see the port."""
        both = tuple(dict.fromkeys((ours, theirs)))
        if ours in await self._parents(theirs):  # the merge base is `ours`, which nothing else changed
            return Merge(await self._commit(await self.tree(theirs), both, message))
        if moves:
            ours, theirs = await self._under_new_names(ours, theirs, moves)
        # a new file in a folder that the other side renamed goes there; else git calls it a conflict
        config = ("-c", "merge.directoryRenames=true")
        command = (*config, "merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs)
        done = await self._git.run(*command, accept=(0, 1))
        tree, *stages = done.fields()
        commit = await self._commit(tree.decode(), both, message)
        return _merge(commit, [stage for stage in stages if stage])

    async def _under_new_names(
        self, ours: str, theirs: str, moves: Sequence[tuple[str, str]]
    ) -> tuple[str, str]:
        """Both sides, on a base in which what `theirs` changed has the names of `ours`."""
        base = (await self._git.run("merge-base", ours, theirs)).line()
        known = Moves(self._reader, base, ours, theirs, moves)
        names = await known.names(await self.changed_paths(base, theirs))
        if not names:
            return ours, theirs
        renamed_base = await self._renamed(base, names, ())
        return (
            await self._commit(await self.tree(ours), (renamed_base,), "ours"),
            await self._renamed(theirs, names, (renamed_base,)),
        )

    async def _renamed(self, commit: str, names: Mapping[str, str], parents: Sequence[str]) -> str:
        files: dict[str, FileContent | None] = dict.fromkeys(names)
        files |= {new: await self.read_file(commit, old) for old, new in names.items()}
        return await self.with_files(commit, files, parents, "under new names")

    async def with_files(
        self, commit: str, files: Mapping[str, FileContent | None], parents: Sequence[str], message: str
    ) -> str:
        """A commit with files put in or removed; see the port."""
        tree = await (self._with_files(commit, files) if files else self.tree(commit))
        return await self._commit(tree, parents, message)

    async def _with_files(self, commit: str, files: Mapping[str, FileContent | None]) -> str:
        removed = [("0", _NO_OBJECT, os.fsencode(path)) for path, file in files.items() if file is None]
        entries = {os.fsencode(path): (file.mode, file.content) for path, file in files.items() if file}
        with self._scratch() as folder:
            git = self._git.at(folder / "index")
            _, rows = await asyncio.gather(git.run("read-tree", commit), self._rows(entries))
            refused = await _update(git, [*removed, *rows])
            if refused:
                raise RepositoryFailed(f"{shown(refused[0])} is not a path that a file can have.")
            return (await git.run("write-tree")).line()

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """What differs, by path; see the port."""
        found = await self._reader.differences(await self.tree(old), await self.tree(new))
        if any(_gone(one) for one in found) and any(_new(one) for one in found):  # there may be renames
            command = ("diff-tree", "-r", "-z", "--raw", "-M50%", "--no-rename-empty", old, new)
            diffs = [*_differences(iter((await self._git.run(*command)).fields()))]
        else:
            diffs = [_diff(one) for one in found]
        return tuple(sorted(diffs, key=lambda diff: diff.path))

    async def moved(self, old: str, new: str) -> tuple[tuple[str, str], ...]:
        """Which files may be which; see the port.

        Of several files git names but the best as the renamed one; asked for copies, it names them all for
        one that is gone, and the other way round all that are gone for one.
        """
        found = await self._reader.differences(await self.tree(old), await self.tree(new))
        gone = {os.fsdecode(one.path) for one in found if _gone(one)}
        came = {os.fsdecode(one.path) for one in found if _new(one)}
        if not (gone and came):
            return ()
        how = ("diff-tree", "-r", "-z", "--raw", "-C90%", "--no-rename-empty")
        there = [*_differences(iter((await self._git.run(*how, old, new)).fields()))]
        back = [*_differences(iter((await self._git.run(*how, new, old)).fields()))]
        pairs = {(d.old_path, d.path) for d in there} | {(d.path, d.old_path) for d in back}
        return tuple(sorted((a, b) for a, b in pairs if a and b and a in gone and b in came))

    async def patch(self, old: str, new: str) -> bytes:
        """What differs, as `git apply` takes it; see the port."""
        how = (
            "-r",
            "-p",
            "--binary",
            "--full-index",
            "-M50%",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
        )
        return (await self._git.run("diff-tree", *how, old, new)).out

    async def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ; a rename is two."""
        found = await self._reader.differences(await self.tree(old), await self.tree(new))
        return tuple(os.fsdecode(one.path) for one in sorted(found, key=lambda one: one.path))

    async def files(self, commit: str) -> tuple[tuple[str, int], ...]:
        """(path, bytes) of every file; see the port."""
        tree = await self.tree(commit)
        if self._listed[0] != tree:
            fields = (await self._git.run("ls-tree", "-r", "-l", "-z", tree)).fields()
            rows = (field.partition(b"\t") for field in fields)
            self._listed = tree, tuple((os.fsdecode(path), int(head.split()[3])) for head, _, path in rows)
        return self._listed[1]

    async def read_file(self, commit: str, path: str) -> FileContent | None:
        """A file of a commit, or None; see the port."""
        found = await self.find(commit, path)
        return FileContent(await self._reader.read(found[0]), found[1]) if found else None

    async def find(self, commit: str, path: str) -> tuple[str, str] | None:
        """(blob, mode) of a file of a commit, or None; see the port."""
        await self.tree(commit)
        found = await self._reader.find(commit, os.fsencode(path))
        return (found.id, found.mode) if found and found.mode not in (TREE, _SUBMODULE) else None

    async def keep(self, name: str, commit: str) -> None:
        """Point the reference `name` at a commit."""
        await self.tree(commit)
        if not await asyncio.to_thread(write_ref, self._git_dir, name, commit):
            await self._git.run("update-ref", name, commit)

    async def _rows(self, entries: Mapping[bytes, tuple[str, bytes]]) -> list[tuple[str, str, bytes]]:
        blobs = await self.write([content for _, content in entries.values()])
        return [(mode, blob, path) for (path, (mode, _)), blob in zip(entries.items(), blobs, strict=True)]

    async def tree(self, commit: str) -> str:
        """The id of a commit's tree; see the port."""
        try:
            return (await self._reader.commit(commit)).tree
        except KeyError:
            raise RepositoryFailed(f"The quarantine has no commit {shown(commit)}.") from None

    async def _parents(self, commit: str) -> tuple[str, ...]:
        await self.tree(commit)
        return (await self._reader.commit(commit)).parents

    async def _commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        with reported("Writing a commit"):
            return await asyncio.to_thread(write_commit, self._git_dir, tree, parents, message)


async def _update(git: Git, rows: Sequence[tuple[str, str, bytes]]) -> list[bytes]:
    """Set (mode, blob) by path; mode "0" removes. The paths that git refuses."""
    if not rows:
        return []
    lines = b"".join(f"{mode} {blob}\t".encode() + path + b"\0" for mode, blob, path in rows)
    return refused_paths(
        await git.run("update-index", "-z", "--add", "--replace", "--index-info", stdin=lines)
    )


def _merge(commit: str, stages: Sequence[bytes]) -> Merge:
    """Parse `<mode> <blob> <stage>\\t<path>`; the stages are 1 base, 2 ours, 3 theirs."""
    files: dict[str, dict[str, tuple[str, str]]] = {}
    for line in stages:
        head, _, path = line.partition(b"\t")
        mode, blob, stage = head.decode().split(" ")
        files.setdefault(os.fsdecode(path), {})[stage] = mode, blob
    sides = (_sides(path, found) for path, found in files.items())
    return Merge(commit, tuple(files), tuple(one for one in sides if one))


def _sides(path: str, found: Mapping[str, tuple[str, str]]) -> Sides | None:
    modes = {mode for mode, _ in found.values()}
    if not {"2", "3"} <= set(found) or len(modes) > 1 or not modes <= _PLAIN_FILES:
        return None
    base = found["1"][1] if "1" in found else None
    return Sides(path, modes.pop(), base, found["2"][1], found["3"][1])


def _gone(one: Difference) -> bool:
    return one.new is None


def _new(one: Difference) -> bool:
    return one.old is None


def _diff(one: Difference) -> FileDiff:
    return FileDiff(
        path=os.fsdecode(one.path),
        old_blob=one.old and one.old.id,
        new_blob=one.new and one.new.id,
        old_mode=one.old and one.old.mode,
        new_mode=one.new and one.new.mode,
    )


def _differences(fields: Iterator[bytes]) -> Iterator[FileDiff]:
    """Parse `:<mode> <mode> <blob> <blob> <status>`, then one path, or two for a rename or a copy."""
    for head in fields:
        old_mode, new_mode, old_blob, new_blob, status = head.decode().removeprefix(":").split(" ")
        first = os.fsdecode(next(fields))
        renamed = status.startswith(("R", "C"))
        yield FileDiff(
            path=os.fsdecode(next(fields)) if renamed else first,
            old_blob=None if old_mode == _ABSENT else old_blob,
            new_blob=None if new_mode == _ABSENT else new_blob,
            old_mode=None if old_mode == _ABSENT else old_mode,
            new_mode=None if new_mode == _ABSENT else new_mode,
            old_path=first if renamed else None,
        )
