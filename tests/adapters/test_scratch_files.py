"""`kill -9` in the middle of a write: what stands beside the user's file, and what the next start does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nexus_lsp.adapters import git_command
from nexus_lsp.adapters.git_command import failed
from nexus_lsp.adapters.scratch_files import ScratchFiles

KILLED = """
import os, sys
from pathlib import Path
from nexus_lsp.adapters.scratch_files import ScratchFiles
with ScratchFiles(Path(sys.argv[1])).beside(Path(sys.argv[2])) as scratch:
    scratch.write_text("half")
    os.kill(os.getpid(), 9)
"""


def left(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    work, notes = tmp_path / "work", tmp_path / "state/unfinished"
    work.mkdir()
    (work / ".nexus-0123456789abcdef").write_text("the user's own")
    (work / "a.txt").write_text("a")
    words = [sys.executable, "-c", KILLED, str(notes), str(work / "a.txt")]
    subprocess.run(words, check=False, cwd=Path(__file__).parents[2])
    assert len(left(work)) == 3 and len(left(notes)) == 1
    ScratchFiles(notes).sweep(work)
    assert left(work) == [".nexus-0123456789abcdef", "a.txt"] and left(notes) == []


@pytest.mark.parametrize("path", ["a.txt", "../outside/.nexus-0123456789abcdef", ".nexus-fedcba9876543210"])
def test_a_note_that_is_not_ours_removes_nothing(tmp_path: Path, path: str) -> None:
    work, notes = tmp_path / "work", tmp_path / "notes"
    for folder in (work, notes, tmp_path / "outside"):
        folder.mkdir()
    (work / path).write_text("precious")
    (notes / ".nexus-0123456789abcdef").write_bytes(os.fsencode(work / path))
    ScratchFiles(notes).sweep(work)
    assert (work / path).read_text() == "precious" and left(notes) == []


def test_after_a_write_nothing_is_left(tmp_path: Path) -> None:
    with ScratchFiles(tmp_path / "notes").beside(tmp_path / "a") as scratch:
        scratch.write_text("a")
        scratch.replace(tmp_path / "a")
    assert left(tmp_path) == ["a", "notes"] and left(tmp_path / "notes") == []


@pytest.mark.parametrize(
    ("least", "says"),
    [
        (1 << 60, "There is no room for your repository ({place}): free some space on its disk."),
        (0, "The disk is full: free some space, or move it with NEXUS_STATE_DIR."),
    ],
)
def test_a_full_disk_is_named_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, says: str
) -> None:
    monkeypatch.setattr(git_command, "LEAST_ROOM", least)
    told = str(failed("git hash-object", "error: No space left on device", tmp_path))
    assert told.startswith(says.format(place=tmp_path))
