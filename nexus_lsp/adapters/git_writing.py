"""Writing objects and references as git does, without a process: two files of a stable format.

An object is `<kind> <bytes>\\0<content>`, deflated, at `objects/<first two digits>/<the others>` of its
SHA-1 (gitformat-loose-object); a reference is a line in `refs/`, put in place through its lock file.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_WHO = "NEXUS <nexus@localhost>"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[/.][A-Za-z0-9_][A-Za-z0-9_-]*)*")
"""Names that need none of git's own rules for references (but for a `.lock` at the end)."""


def write_object(git_dir: Path, kind: str, content: bytes) -> str:
    """Write an object, whole or not at all; its id. OSError where it cannot be written."""
    whole = b"%s %d\0%s" % (kind.encode(), len(content), content)
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()  # git's own object id, not a defence
    place = git_dir / "objects" / name[:2] / name[2:]
    if place.exists():
        return name
    place.parent.mkdir(exist_ok=True)
    part = place.with_name(f"tmp_obj_{uuid.uuid4().hex}")
    try:
        part.write_bytes(zlib.compress(whole, 1))
        part.chmod(0o444)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return name


def write_commit(git_dir: Path, tree: str, parents: Sequence[str], message: str) -> str:
    """Write a commit of ours, made now; its id."""
    now = f"{_WHO} {int(time.time())} +0000"
    head = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {now}", f"committer {now}"]
    text = message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace") or b"\n"
    return write_object(git_dir, "commit", "\n".join(head).encode() + b"\n\n" + text)


def write_ref(git_dir: Path, name: str, commit: str) -> bool:
    """Point a reference at a commit that is there; False where git itself has to be asked to."""
    if not _PLAIN.fullmatch(name) or name.endswith(".lock"):
        return False
    place = git_dir / name
    lock = place.with_name(place.name + ".lock")
    with suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
        place.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            try:
                os.write(file, f"{commit}\n".encode())
                os.fsync(file)
            finally:
                os.close(file)
            lock.replace(place)
        finally:
            lock.unlink(missing_ok=True)
        return True
    return False
