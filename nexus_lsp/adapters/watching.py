"""Watching the workspace: what another program writes is heard of within a few hundredths of a second.

watchfiles watches the whole tree, whatever its filter lets through; past the system's limit of watches it
fails, and the editor's own `didChangeWatchedFiles` is all that is left: that is said, once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

log = logging.getLogger(__name__)

QUIET_DIRS = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv", ".mypy_cache", ".ruff_cache"})
HEAD = ".git/HEAD"
"""What git writes where another branch is checked out; of `.git` it alone is heard of."""
DEBOUNCE, STEP = 50, 5
"""Milliseconds; with them a write is heard of after 8–10 ms instead of 61."""


class DiskWatch:
    """Calls `changed` with workspace-relative paths, until `close`."""

    def __init__(self, workspace: Path, changed: Callable[[tuple[str, ...]], None]) -> None:
        self._workspace = workspace
        self._changed = changed
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="watch the workspace")

    async def _run(self) -> None:
        from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

        try:
            watching = awatch(
                self._workspace,
                watch_filter=lambda _change, path: _worth(path, self._workspace),
                debounce=DEBOUNCE,
                step=STEP,
                stop_event=self._stop,
                ignore_permission_denied=True,
            )
            async for changes in watching:
                self._changed(tuple(sorted(self._paths(path for _, path in changes))))
        except Exception as error:  # watchfiles raises OSError, or an error of its own for Rust's
            log.warning("files cannot be watched (%s); changes are heard of through the editor only", error)

    def _paths(self, found: Iterable[str]) -> set[str]:
        return {Path(path).relative_to(self._workspace).as_posix() for path in found}

    async def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _worth(path: str, workspace: Path) -> bool:
    parts = Path(path).relative_to(workspace).parts
    if "/".join(parts) == HEAD:
        return True
    return not QUIET_DIRS.intersection(parts) and not parts[-1].startswith(".nexus-")
