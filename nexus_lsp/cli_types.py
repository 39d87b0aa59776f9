"""What arguments of the command line may be."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def dollars(text: str) -> float:
    """US dollars, more than 0."""
    amount = float(text)
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no budget: give US dollars, more than 0")
    return amount


def amount(text: str) -> int:
    """A number above 0."""
    amount = int(text)
    if amount <= 0:
        raise argparse.ArgumentTypeError(f"{text} is no budget: give a number above 0")
    return amount


def line_of(word: str, workspace: Path) -> str:
    """`FILE:LINE` with the file as the engine names it."""
    name, colon, line = word.rpartition(":")
    return f"{named(name, workspace)}{colon}{line}" if colon else word


def named(word: str, workspace: Path) -> str:
    """A path as the engine names it, wherever in the workspace the user stands; ids as they are.

    A file that is not there (it waits to come, or is gone) has its path from the top, or one after `./`.
    """
    from nexus_lsp.adapters.state import workspace_of

    place, top = Path(word).absolute(), workspace_of(workspace)
    file = place.parent.resolve() / place.name
    is_path = word.startswith((".", "/")) or os.path.lexists(file)
    return file.relative_to(top).as_posix() if is_path and file.is_relative_to(top) else word
