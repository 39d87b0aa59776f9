"""Where the holder of a workspace listens: a unix socket that only this user can open.

It lies in the workspace's state directory, or where that path is too long for a socket in a fresh private
directory; its path stands in the state directory's `engine.address`.

**Invariant:** only the process that holds the workspace's lock binds, clears or names the socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

LONGEST = 107
"""Bytes of a socket's path on Linux (`sun_path`, unix(7)), without the NUL; macOS takes four fewer."""

PREFIX = "nexus-"


def listening(state: Path, env: Mapping[str, str]) -> socket.socket:
    """A bound socket, mode 0600, not yet listening; what a dead holder left is cleared. OSError."""
    clear(state)
    path = _place(state, env)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        # nobody can connect before listen(), so there is no moment in which the mode is wider
        path.chmod(0o600)
        _write(state / "engine.address", str(path))
    except BaseException:
        bound.close()
        raise
    return bound


def address(state: Path) -> Path | None:
    """Where the holder listens, as far as it has said; it may be gone."""
    try:
        return Path(os.fsdecode((state / "engine.address").read_bytes()))
    except OSError:
        return None


def clear(state: Path) -> None:
    """Remove the socket, and the directory that was made for it."""
    path = address(state)
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.unlink()
    if path.parent != state and path.parent.name.startswith(PREFIX):
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    (state / "engine.address").unlink(missing_ok=True)


def is_mine(connected: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user (true where the system cannot say)."""
    peer = peer_of(connected)
    return peer is None or peer[1] == os.geteuid()


def peer_of(connected: socket.socket) -> tuple[int, int] | None:
    """(pid, uid) of the process at the other end; None where the system cannot say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def _place(state: Path, env: Mapping[str, str]) -> Path:
    near = state / "engine.sock"
    if len(os.fsencode(near)) <= LONGEST:
        near.unlink(missing_ok=True)
        return near
    for directory in (env.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if directory and len(os.fsencode(directory)) + len(f"/{PREFIX}12345678/s") <= LONGEST:
            with contextlib.suppress(OSError):
                # mkdtemp: mode 0700, and a name that nobody else can have made first
                return Path(tempfile.mkdtemp(prefix=PREFIX, dir=directory)) / "s"
    raise OSError("there is no directory with a path short enough for a socket")


def _write(file: Path, text: str) -> None:
    scratch = file.with_suffix(".new")
    scratch.write_bytes(os.fsencode(text))
    scratch.replace(file)
