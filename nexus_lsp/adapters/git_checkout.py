"""Checkouts: a commit's files, byte for byte, under a small git repository that is the agent's own.

The repository holds that one commit (shallow, packed, self-contained) and leads nowhere: no remote, no
alternates, no hooks. What an agent configures in it, we never run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from nexus_lsp.adapters.git_command import Git

RAW = "* -text -filter -ident !eol !crlf !working-tree-encoding\n"
"""Attributes under which git takes and gives bytes as they are. (`-working-tree-encoding` is an error.)"""

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tautocrlf = false
\tfsmonitor = false
\thooksPath = /dev/null
[user]
\tname = NEXUS agent
\temail = agent@nexus.localhost
[commit]
\tgpgsign = false
[tag]
\tgpgsign = false
[gc]
\tauto = 0
"""


async def lay_out(git: Git, commit: str, place: Path, index: Path, excludes: bytes) -> None:
    """Write the commit's files into the new folder `place`, with a git directory of its own.

    `index` is written too: the same index, kept where the agent cannot reach it, so that a harvest need
    not read the files that nobody touched.
    """
    inside = place / ".git"
    await asyncio.to_thread(_found, inside, commit, excludes)
    tree = git.at(index, place)
    # The attributes are the quarantine's own; a smudge filter has no way in.
    await asyncio.gather(tree.run("read-tree", "-m", "-u", commit), _copy_objects(git, commit, inside))
    # With its time: a younger index would take an edit within the same second for no edit.
    await asyncio.to_thread(shutil.copy2, index, inside / "index")


def remove_tree(place: Path) -> None:
    """Remove a folder, also one whose folders were made read-only. Nothing happens where there is none."""
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        return
    except OSError:
        for folder, _, _ in _opened(place):
            Path(folder).chmod(0o700)
        shutil.rmtree(place)


def _opened(place: Path) -> list[tuple[str, list[str], list[str]]]:
    """A walk that opens each folder before it is looked into."""
    place.chmod(0o700)
    found: list[tuple[str, list[str], list[str]]] = []
    for step in os.walk(place):
        found.append(step)
        for name in step[1]:
            folder = Path(step[0], name)
            if not folder.is_symlink():
                folder.chmod(0o700)
    return found


def _found(inside: Path, commit: str, excludes: bytes) -> None:
    """Found a repository by hand: `git init` takes as long as a checkout of 500 files."""
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
        (inside / folder).mkdir(parents=True)
    (inside / "HEAD").write_text("ref: refs/heads/nexus\n")
    (inside / "refs/heads/nexus").write_text(f"{commit}\n")
    (inside / "shallow").write_text(f"{commit}\n")
    (inside / "config").write_text(_CONFIG)
    (inside / "info/attributes").write_text(RAW)
    (inside / "info/exclude").write_bytes(excludes)


async def _copy_objects(git: Git, commit: str, inside: Path) -> None:
    pack = inside / "objects/pack/pack"
    wanted = f"--shallow {commit}\n{commit}\n".encode()
    # Not synced: a checkout that a power cut tears is made again, and a busy disk takes seconds to sync.
    command = (
        "-c",
        "core.fsync=none",
        "pack-objects",
        "-q",
        "--revs",
        "--window=0",
        "--threads=1",
        str(pack),
    )
    await git.run(*command, stdin=wanted)
