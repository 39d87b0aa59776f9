"""Trust: which workspaces the user has allowed NEXUS to run the code of.

Kept in the user's state directory, in a file that only the user can read or write. A state directory
inside a workspace would let that workspace trust itself, so it never counts for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, cast

from nexus_lsp.core.problems import Refused

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class TrustStore:
    """The trusted directories, by resolved path; trust does not reach into directories below."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir.resolve() / "trusted.json"

    def trust(self, directory: Path) -> None:
        """Allow this workspace's code to run. Refused where the state directory lies inside it."""
        workspace = directory.resolve()
        if self._file.is_relative_to(workspace):
            raise Refused(
                f"{workspace} holds NEXUS' own state ({self._file.parent}) and could trust itself; "
                "set NEXUS_STATE_DIR to a directory outside it"
            )
        self._write(self._read() | {str(workspace)})

    def untrust(self, directory: Path) -> None:
        """Take it back."""
        self._write(self._read() - {str(directory.resolve())})

    def is_trusted(self, directory: Path) -> bool:
        """Whether the user has allowed it; False where the file is damaged or not the user's alone."""
        workspace = directory.resolve()
        return str(workspace) in self._read() and not self._file.is_relative_to(workspace)

    def _read(self) -> frozenset[str]:
        try:
            with self._file.open(encoding="utf-8") as source:
                status = os.fstat(source.fileno())
                if status.st_uid != os.getuid() or status.st_mode & _WRITABLE_BY_OTHERS:
                    return frozenset()
                content: Any = json.load(source)
        except (OSError, ValueError):
            return frozenset()
        found = cast("list[Any]", content) if isinstance(content, list) else []
        return frozenset(path for path in found if isinstance(path, str))

    def _write(self, directories: frozenset[str]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=".trusted-")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as target:
                json.dump(sorted(directories), target, indent=2)
                target.flush()
                os.fsync(target.fileno())
            Path(name).replace(self._file)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
