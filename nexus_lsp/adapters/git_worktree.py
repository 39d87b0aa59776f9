"""Bringing an index of ours level with a work tree: what is taken, what is left out and why.

Paths are git's own bytes, relative to the work tree, until they leave through the port.
"""

# Paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH114, PTH115, PTH118, PTH120, PTH123

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nexus_lsp.adapters.git_command import Done, Git, failed, refused_paths, shown

Kind = Literal["file", "link", "folder", "special"]

GITLINK = b"160000"
_SPARSE_FOLDER = b"040000"
NAMED = 5
"""A note names this many paths and counts the rest."""

NESTED = "a git repository of its own; its content is left out"
NESTED_GIT = "a git repository of its own; its files are taken, its history is not"
SPECIAL = "a socket, a pipe or a device; left out"
VANISHED = "vanished while it was being read"
UNREADABLE = "cannot be read; left out"
ESCAPES = "a symbolic link that leads outside; left out"
REFUSED = "a name that git refuses; left out"
IGNORED = "ignored by the ignore rules; left out"

_BULK = 500
"""From so many new files on they go into one pack instead of a file each (10,000: 1.1 s, not 2.2)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What git says stands in a work tree.

    Attributes:
        tracked: path -> (mode, object id) as the index has it, whether it is on disk or not.
        others: untracked and not ignored; a nested repository ends with a slash.
        unreadable: folders that could not be looked into.
    """

    tracked: Mapping[bytes, tuple[bytes, bytes]]
    others: tuple[bytes, ...]
    unreadable: tuple[str, ...] = ()


@dataclass(slots=True)
class Survey:
    """What is taken from a work tree; `left` gives the reason for everything left out."""

    take: set[bytes] = field(default_factory=set[bytes])
    left: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def notes(self) -> tuple[str, ...]:
        """One sentence a reason."""
        return left_out(self.left)


async def list_tree(git: Git) -> Listing:
    """List the work tree that `git` stands in, with its index and its ignore rules."""
    tracked, others = await asyncio.gather(
        git.run("ls-files", "-s", "-z", "--sparse"), git.run("ls-files", "-o", "-z", "--exclude-standard")
    )
    return Listing(_entries(tracked.fields()), tuple(others.fields()), _unreadable(others.err))


class Folders:
    """What stands in the folders of a work tree; each is read once, when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = os.fsencode(root)
        self.seen: dict[bytes, dict[bytes, Kind]] = {}

    def kind(self, path: bytes) -> Kind | None:
        """What stands at a path; None also where a folder above it is not a real one."""
        folder, _, name = path.rpartition(b"/")
        return self.entries(folder).get(name)

    def entries(self, folder: bytes) -> dict[bytes, Kind]:
        """Name -> kind; empty for what is no folder, or a symbolic link to one."""
        if folder not in self.seen:
            real = not folder or self.kind(folder) == "folder"
            self.seen[folder] = self._read(folder) if real else {}
        return self.seen[folder]

    def above(self, path: bytes, kind: Kind) -> bytes | None:
        """The first thing of this kind among the folders above a path."""
        return next((step for step in folders_above(path) if self.kind(step) == kind), None)

    def _read(self, folder: bytes) -> dict[bytes, Kind]:
        try:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                return {entry.name: _kind(entry) for entry in entries}
        except OSError:
            return {}


def survey(folders: Folders, listing: Listing, guarded: bool = False) -> Survey:
    """Sort a listing. Where `guarded`, new symbolic links must not lead out of the work tree."""
    found = Survey()
    for path, (mode, blob) in listing.tracked.items():
        _sort(found, folders, path, NESTED if mode == GITLINK else None)
        if guarded and folders.kind(path) == "link" and _unchanged_link(folders, path, mode, blob):
            found.left.pop(path, None)
        elif guarded:
            _guard(found, folders, path)
    for path in listing.others:
        _sort(found, folders, path, VANISHED)
        if guarded:
            _guard(found, folders, path)
    _note_the_unlisted(found, folders)
    found.left.update({os.fsencode(folder): UNREADABLE for folder in listing.unreadable})
    return found


async def bring_level(git: Git, found: Survey, folders: Folders, held: Iterable[bytes], keep: bool) -> None:
    """Make an index hold what was taken; the work is proportional to what changed since the last time.

    `held` are the paths it holds now; where `keep`, it goes on holding what had to be left out. A file
    that vanishes or turns out unreadable moves to `found.left`. RepositoryFailed where git cannot do it
    even so.
    """
    done = Done(0, b"", "")
    for _ in range(3):
        await _remove(git, [path for path in held if not _stays(found, path, keep)])
        done = await _update(git, found.take)
        if done.code == 0:
            found.left.update(dict.fromkeys(refused_paths(done), REFUSED))
            return
        if done.disk_full:
            break
        await asyncio.to_thread(_drop_unreadable, found, folders)
    raise failed("git update-index", done.err)


def folders_above(path: bytes) -> list[bytes]:
    """`a/b/c` -> `a`, `a/b`."""
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


def left_out(left: Mapping[bytes, str]) -> tuple[str, ...]:
    """Sentences about what was left out, one a reason, in the order of their first paths."""
    reasons: dict[str, list[bytes]] = {}
    for path in sorted(left):
        reasons.setdefault(left[path], []).append(path)
    return tuple(f"{_named(paths)}: {reason}." for reason, paths in reasons.items())


def link_escapes(root: bytes, path: bytes) -> bool:
    """Whether a symbolic link is absolute, leads out of `root`, or into a git directory."""
    place = os.path.join(root, path)
    target = os.readlink(place)
    if target.startswith(b"/"):
        return True
    top = os.path.realpath(root)
    aimed = os.path.join(os.path.dirname(place), target)
    return any(_outside(end, top) for end in (os.path.normpath(aimed), os.path.realpath(aimed)))


def _outside(end: bytes, top: bytes) -> bool:
    inside = end == top or end.startswith(top + b"/")
    return not inside or b".git" in end[len(top) :].lower().split(b"/")


def _entries(fields: list[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    entries: dict[bytes, tuple[bytes, bytes]] = {}
    for entry in fields:
        head, _, path = entry.partition(b"\t")
        mode, blob, _ = head.split(b" ")
        if mode != _SPARSE_FOLDER:
            entries[path] = (mode, blob)
    return entries


def _unreadable(messages: str) -> tuple[str, ...]:
    sign = "could not open directory '"
    return tuple(line.split(sign)[1].rpartition("'")[0] for line in messages.splitlines() if sign in line)


def _kind(entry: os.DirEntry[bytes]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "folder" if entry.is_dir(follow_symlinks=False) else "special"


def _sort(found: Survey, folders: Folders, path: bytes, otherwise: str | None) -> None:
    """Take a path or leave it out; `otherwise` is the reason where it is no file (None: just deleted)."""
    kind = folders.kind(path.removesuffix(b"/"))
    if kind in ("file", "link"):
        found.take.add(path)
    elif kind == "folder" and (path.endswith(b"/") or otherwise == NESTED):
        found.left[path] = NESTED
    elif kind is None and otherwise == VANISHED:
        found.left[path] = VANISHED


def _guard(found: Survey, folders: Folders, path: bytes) -> None:
    if path in found.take and folders.kind(path) == "link" and link_escapes(folders.root, path):
        found.take.discard(path)
        found.left[path] = ESCAPES


def _unchanged_link(folders: Folders, path: bytes, mode: bytes, blob: bytes) -> bool:
    target = os.readlink(os.path.join(folders.root, path))
    header = b"blob %d\0" % len(target)
    # git's own object id: an identity, not a defence.
    return (
        mode == b"120000"
        and hashlib.sha1(header + target, usedforsecurity=False).hexdigest() == blob.decode()
    )


def _note_the_unlisted(found: Survey, folders: Folders) -> None:
    """Git never lists sockets and pipes, nor what is called `.git`."""
    for folder, entries in list(folders.seen.items()):
        for name, kind in entries.items():
            if kind == "special":
                found.left[os.path.join(folder, name)] = SPECIAL
        if folder and b".git" in entries:
            found.left[os.path.join(folder, b".git")] = NESTED_GIT


def _stays(found: Survey, path: bytes, keep: bool) -> bool:
    if path in found.take or not keep:
        return path in found.take
    return any(step in found.left for step in (*folders_above(path), path))


async def _remove(git: Git, stale: list[bytes]) -> None:
    if stale:
        await git.run("update-index", "-z", "--force-remove", "--stdin", stdin=b"\0".join(stale))


async def _update(git: Git, take: set[bytes]) -> Done:
    if not take:
        return Done(0, b"", "")
    bulk = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1") if await _many(git, take) else ()
    command = (*bulk, "update-index", "-z", "--add", "--remove", "--replace", "--stdin")
    return await git.attempt(*command, stdin=b"\0".join(sorted(take)))


async def _many(git: Git, take: set[bytes]) -> bool:
    if len(take) < _BULK:
        return False
    held = (await git.run("ls-files", "-z")).out.count(b"\0")
    return len(take) - held >= _BULK


def _drop_unreadable(found: Survey, folders: Folders) -> None:
    for path in list(found.take):
        reason = _trouble(os.path.join(folders.root, path))
        if reason:
            found.take.discard(path)
            found.left[path] = reason


def _trouble(place: bytes) -> str | None:
    try:
        if not os.path.islink(place):
            with open(place, "rb"):
                pass
    except FileNotFoundError:
        return VANISHED
    except OSError:
        return UNREADABLE
    return None


def _named(paths: list[bytes]) -> str:
    names = ", ".join(shown(path) for path in paths[:NAMED])
    rest = len(paths) - NAMED
    return f"{names} and {rest} more" if rest > 0 else names
