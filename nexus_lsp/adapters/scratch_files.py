"""Files of ours that stand beside the user's for a moment, so that a write is in place in one step.

Each is noted in the state directory before it is made. Where a process is killed in between, the next start
removes what is noted, and nothing else.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"\.nexus-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ScratchFiles:
    """`notes`: a folder of the state directory with a file for each, named as it, that holds its path."""

    notes: Path

    @contextmanager
    def beside(self, file: Path) -> Generator[Path]:
        """A name for a scratch file beside `file`; what stands there in the end is removed."""
        scratch = file.with_name(f".nexus-{secrets.token_hex(8)}")
        note = self.notes / scratch.name
        self.notes.mkdir(parents=True, exist_ok=True, mode=0o700)
        note.write_bytes(os.fsencode(scratch.absolute()))
        try:
            yield scratch
        finally:
            scratch.unlink(missing_ok=True)
            note.unlink(missing_ok=True)

    def sweep(self, workspace: Path) -> None:
        """Remove what a process that was killed left in a workspace; whoever calls it holds the workspace."""
        for note in self.notes.iterdir() if self.notes.is_dir() else ():
            with suppress(OSError):
                left = Path(os.fsdecode(note.read_bytes()))
                ours = left.name == note.name and _NAME.fullmatch(left.name)
                here = left.parent.resolve().is_relative_to(workspace.resolve())
                if ours and here and (left.is_symlink() or left.is_file()):
                    left.unlink()
                note.unlink()
