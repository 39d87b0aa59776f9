"""What an agent left in its checkout: everything that is not ignored, also where it ran `git init`."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatch

from nexus_lsp.adapters.git_command import Git
from nexus_lsp.adapters.git_worktree import IGNORED, Listing, left_out, list_tree

DEFAULT_EXCLUDES = (
    *(".venv/", "/venv/", "node_modules/", "__pycache__/", "*.py[co]", ".pytest_cache/", ".mypy_cache/"),
    *(".ruff_cache/", ".hypothesis/", ".tox/", ".nox/", ".coverage", ".coverage.*", ".DS_Store"),
)
"""Never a change of an agent's, unless a .gitignore takes it back (`!name`) or the file was there."""

_NAMES = tuple(pattern.strip("/") for pattern in DEFAULT_EXCLUDES)
_EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
_DEEPEST = 8


async def list_checkout(git: Git) -> tuple[Listing, tuple[str, ...]]:
    """List a checkout with an index of ours; and notes about what its own rules ignore."""
    listing, notes = await asyncio.gather(list_tree(git), _ignored(git))
    for _ in range(_DEEPEST):
        nested = [path for path in listing.others if path.endswith(b"/")]
        if not nested:
            break
        await _open_up(git, nested)
        listing = await list_tree(git)
    return listing, notes


async def _open_up(git: Git, nested: list[bytes]) -> None:
    """Have git look into nested repositories, which it does where the index has something below them.

    The entries vanish again: no such file is on disk.
    """
    rows = (b"100644 %s 0\t%s.nexus-nested\0" % (_EMPTY_BLOB.encode(), path) for path in nested)
    await git.run("update-index", "-z", "--add", "--index-info", stdin=b"".join(rows))


async def _ignored(git: Git) -> tuple[str, ...]:
    """What the checkout's .gitignore files keep out; what is always left out is not worth a word."""
    command = ("ls-files", "-o", "-i", "-z", "--directory", "--exclude-per-directory=.gitignore")
    paths = (await git.run(*command)).fields()
    return left_out({path: IGNORED for path in paths if not _usual(path)})


def _usual(path: bytes) -> bool:
    parts = path.decode("utf-8", "replace").rstrip("/").split("/")
    return any(fnmatch(part, name) for part in parts for name in _NAMES)
