"""What a run changed, as a scrutiny reads it: texts before and after, and a tree without the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_lsp.core.integrity import TextChange
from nexus_lsp.core.integrity.settings import NAMES
from nexus_lsp.core.quality import changed_lines, is_source, statement_starts
from nexus_lsp.core.repo_map import is_test

if TYPE_CHECKING:  # the process that only reads texts must not wait for all ports
    from nexus_lsp.ports import FileContent, FileDiff, Repository

MAX_BYTES = 500_000
"""Longer files are generated or data."""

_FILE_MODES = ("100644", "100755", None)


@dataclass(frozen=True, slots=True)
class SourceChange:
    """Changed source: `lines` gives for each changed line (1-based) the first line of its statement."""

    path: str
    text: str
    lines: Mapping[int, int]

    @property
    def statements(self) -> frozenset[int]:
        """The changed statements, by their first lines."""
        return frozenset(self.lines.values())


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two commits; `texts` are its Python files and pytest's settings."""

    base: str
    head: str
    diffs: tuple[FileDiff, ...]
    texts: tuple[TextChange, ...]


def source_change(text: TextChange) -> SourceChange | None:
    """A changed source file that is still there; without lines where it cannot be parsed. Tests are none."""
    if not is_source(text.path) or text.new is None:
        return None
    starts, changed = statement_starts(text.new), changed_lines(text.old, text.new)
    return SourceChange(
        text.path, text.new, {line: starts[line] for line in sorted(changed) if line in starts}
    )


async def read_change(repository: Repository, base: str, head: str) -> Change:
    """Compare two commits; what is no regular file, or too long, is left out of `texts`."""
    diffs = await repository.diff(base, head)
    texts: list[TextChange] = []
    for diff in diffs:
        name = diff.path.rpartition("/")[2]
        regular = diff.old_mode in _FILE_MODES and diff.new_mode in _FILE_MODES
        if regular and (name.endswith(".py") or name in NAMES):
            old, new = [
                await repository.read(blob) if blob else None for blob in (diff.old_blob, diff.new_blob)
            ]
            if max(len(old or b""), len(new or b"")) <= MAX_BYTES:
                texts.append(TextChange(diff.path, _decoded(old), _decoded(new), diff.old_path))
    return Change(base, head, diffs, tuple(texts))


async def without_change(repository: Repository, change: Change) -> str:
    """A commit with the tests and pytest's settings as they are now, and all else as it was."""
    files: dict[str, FileContent | None] = {}
    for diff in change.diffs:
        for path in (diff.path, diff.old_path):
            if path is not None and not is_test(path) and path.rpartition("/")[2] not in NAMES:
                files[path] = await repository.read_file(change.base, path)
    return await repository.with_files(change.head, files, [change.head], "The tests without the change")


def _decoded(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8-sig", "replace")
