"""Watching another process: the editor may die without closing our input."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable

_log = logging.getLogger(__name__)

POLL_SECONDS = 2.0


def watch_process(pid: int, gone: Callable[[], None]) -> None:
    """Call `gone` once, from the running loop, when the process ends.

    A pid that is not there now is not watched: an editor on the other side of a container's wall sends
    one that means nothing here.
    """
    loop = asyncio.get_running_loop()
    if pid <= 0 or not _alive(pid):
        _log.warning("The editor's process %d is not visible from here and is not watched.", pid)
    elif (handle := _handle(pid)) is None:
        loop.call_later(POLL_SECONDS, _poll, loop, pid, gone)
    else:
        loop.add_reader(handle, _ended, loop, handle, gone)


def _handle(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, also while nobody reaps it; or None."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _ended(loop: asyncio.AbstractEventLoop, handle: int, gone: Callable[[], None]) -> None:
    loop.remove_reader(handle)
    os.close(handle)
    gone()


def _poll(loop: asyncio.AbstractEventLoop, pid: int, gone: Callable[[], None]) -> None:
    if _alive(pid):
        loop.call_later(POLL_SECONDS, _poll, loop, pid, gone)
    else:
        gone()


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        # There, os.kill(pid, 0) ends the process.
        import psutil

        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
