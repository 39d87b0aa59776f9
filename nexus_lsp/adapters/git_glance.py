"""A glance at a checkout while its agent is at work: what differs by now, without an index or an object."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from nexus_lsp.adapters.git_command import Git
from nexus_lsp.adapters.git_worktree import Folders

_LOOK = ("ls-files", "-t", "-m", "-d", "-o", "-z", "--exclude-standard")


async def touched_in(git: Git) -> Mapping[str, str]:
    """Path -> stamp of what differs from the index that `git` has; "" for what is gone.

    One process. What was only touched is compared by content, with the quarantine's own attributes: no filter
    has a way in.
    """
    rows = [row.partition(b" ")[2] for row in (await git.run(*_LOOK)).fields()]
    return await asyncio.to_thread(_stamped, git.cwd, {row for row in rows if not row.endswith(b"/")})


def peek_in(checkout: Path, path: str) -> bytes | None:
    """A regular file's bytes, not through a symbolic link anywhere below the checkout; None for all else."""
    if Folders(checkout).kind(os.fsencode(path)) != "file":
        return None
    try:
        opened = os.open(checkout / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        return file.read()


def _stamped(root: Path, paths: set[bytes]) -> Mapping[str, str]:
    return {os.fsdecode(path): _stamp(root / os.fsdecode(path)) for path in sorted(paths)}


def _stamp(place: Path) -> str:
    try:
        seen = place.lstat()
    except OSError:
        return ""
    return f"{seen.st_mtime_ns}-{seen.st_size}-{seen.st_ino}-{seen.st_mode}"
