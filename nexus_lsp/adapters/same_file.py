"""Two paths that are one file: where case, or how an accent is written, makes no difference."""

from __future__ import annotations

import os
from pathlib import Path


def one_file(first: Path, second: Path) -> bool:
    """Whether two different paths below one folder lead to one directory entry.

    False for two names of one file (hard links) and for ways through a link: there, both names are listed.
    """
    try:
        if first == second or not os.path.samestat(first.lstat(), second.lstat()):
            return False
        common = Path(os.path.commonpath((first, second)))
        at, other = (path.relative_to(common).parts[0] for path in (first, second))
        return not {at, other} <= {place.name for place in common.iterdir()}
    except (OSError, IndexError):
        return False


def is_spelled(file: Path) -> bool:
    """Whether the folder lists the file under just this name."""
    try:
        return any(place.name == file.name for place in file.parent.iterdir())
    except OSError:
        return False
