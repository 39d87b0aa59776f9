"""Unsaved text over a snapshot: which buffers are taken, and as which bytes."""

# Paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH118

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus_lsp.adapters.git_buffers import buffer_bytes
from nexus_lsp.adapters.git_worktree import NESTED, Folders, Survey

Ignores = Callable[[list[bytes]], Awaitable[set[bytes]]]
"""Which of some paths the workspace's rules ignore."""

OUTSIDE = "outside the workspace; its unsaved text is left out"
NO_FILE = "not a place for a file; its unsaved text is left out"
IN_NESTED = "in a git repository of its own; its unsaved text is left out"
IN_IGNORED = "ignored by the workspace's rules; its unsaved text is left out"


@dataclass(slots=True)
class Overlay:
    """(mode, bytes) by path to put over the files, and why some buffers are left out."""

    entries: dict[bytes, tuple[str, bytes]] = field(default_factory=dict[bytes, tuple[str, bytes]])
    left: dict[bytes, str] = field(default_factory=dict[bytes, str])


async def overlay(texts: Mapping[str, str], found: Survey, folders: Folders, ignores: Ignores) -> Overlay:
    """Sort the unsaved buffers (by workspace-relative path) against what a snapshot took from disk."""
    laid = await asyncio.to_thread(_sort, texts, found, folders)
    unknown = [path for path in laid.entries if path not in found.take]
    for path in await ignores(unknown) if unknown else ():
        del laid.entries[path]
        laid.left[path] = IN_IGNORED
    return laid


def _sort(texts: Mapping[str, str], found: Survey, folders: Folders) -> Overlay:
    laid = Overlay()
    for name, text in texts.items():
        path = _real_path(folders.root, name)
        reason = _reason(path, found, folders) if path else OUTSIDE
        if reason or path is None:
            laid.left[os.fsencode(name)] = reason or OUTSIDE
            continue
        entry = _entry(Path(os.fsdecode(os.path.join(folders.root, path))), text)
        if entry:
            laid.entries[path] = entry
    return laid


def _real_path(root: bytes, name: str) -> bytes | None:
    """Where a buffer really lies: an editor that shows a link edits what it points to."""
    place = os.path.realpath(os.path.join(root, os.fsencode(name)))
    return place[len(root) + 1 :] if place.startswith(root + b"/") else None


def _reason(path: bytes, found: Survey, folders: Folders) -> str | None:
    if path in found.take:
        return None
    if (
        b".git" in path.split(b"/")
        or folders.kind(path) in ("folder", "special")
        or folders.above(path, "file")
    ):
        return NO_FILE
    nested = (left.removesuffix(b"/") + b"/" for left, why in found.left.items() if why == NESTED)
    return IN_NESTED if path.startswith(tuple(nested)) else None


def _entry(place: Path, text: str) -> tuple[str, bytes] | None:
    """None where the file already says it."""
    try:
        on_disk = place.read_bytes()
        mode = "100755" if place.stat().st_mode & 0o100 else "100644"
    except OSError:
        on_disk, mode = None, "100644"
    content = buffer_bytes(text, on_disk)
    return None if content is None else (mode, content)
