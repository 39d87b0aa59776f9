"""Where NEXUS keeps its state: outside every workspace, one directory a workspace, one holder at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_state_path


def state_root(env: Mapping[str, str]) -> Path:
    """`NEXUS_STATE_DIR`, else the user's state directory."""
    given = env.get("NEXUS_STATE_DIR")
    return Path(given).expanduser().absolute() if given else user_state_path("nexus", appauthor=False)


def workspace_state(root: Path, workspace: Path) -> Path:
    """The state directory of a workspace (its resolved path), made if it is not there."""
    digest = hashlib.sha256(os.fsencode(workspace)).hexdigest()[:16]
    state = root / "workspaces" / f"{workspace.name or 'root'}-{digest}"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return state


def workspace_of(directory: Path) -> Path:
    """The workspace a directory belongs to: its git top level, else the directory itself; links resolved.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    start = directory.expanduser().resolve(strict=True)
    if not start.is_dir():
        raise FileNotFoundError(f"{directory} is not a directory")
    for candidate in (start, *start.parents):
        if (candidate / ".git").exists():
            return candidate
    return start


class Hold:
    """The engine's lock on a workspace: held by one process, given back when it ends, however it ends."""

    def __init__(self, state: Path) -> None:
        self._file = state / "engine.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether this process holds the workspace now."""
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return True

    def stands(self) -> bool:
        """Whether what is held is still the workspace's state: not after its folder was deleted or moved."""
        try:
            return self._handle is not None and os.path.samestat(os.fstat(self._handle), self._file.stat())
        except OSError:
            return False

    def give_back(self) -> None:
        """Let another process take it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
