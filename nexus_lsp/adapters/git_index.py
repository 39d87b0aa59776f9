"""The index of ours that follows the workspace, kept between snapshots.

Its file times make the next snapshot proportional to what changed; and what git said of it holds until its
file is another.
"""

from __future__ import annotations

from pathlib import Path

from nexus_lsp.adapters.git_command import Git

Stamp = tuple[int, int, int, int]


class WorkspaceIndex:
    """Not for two snapshots at once."""

    def __init__(self, git: Git, place: Path, workspace: Path) -> None:
        self._place = place
        self.git = git.at(place, workspace)
        self._held: tuple[Stamp | None, list[bytes]] = (None, [])
        self._tree: tuple[Stamp | None, str] = (None, "")

    async def held(self) -> list[bytes]:
        """The paths in it; an index that cannot be read is begun anew."""
        self._place.with_suffix(".lock").unlink(missing_ok=True)
        now = self._stamp()
        if now is None or self._held[0] != now:
            done = await self.git.attempt("ls-files", "-z")
            if done.code:
                self._place.unlink(missing_ok=True)
                return []
            self._held = now, done.fields()
        return self._held[1]

    async def tree(self) -> str:
        """Its tree, written."""
        if self._stamp() is None or self._tree[0] != self._stamp():
            tree = (await self.git.run("write-tree")).line()
            self._tree = self._stamp(), tree  # git notes the tree in the index, which changes the file
        return self._tree[1]

    def _stamp(self) -> Stamp | None:
        try:
            about = self._place.stat()
        except OSError:
            return None
        return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
