"""What a repository's AGENTS.md and CLAUDE.md may bring into a prompt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nexus_lsp.app import PROJECT_TEXT, Staff


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace two levels below a home with a key in it."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519").write_text("THE KEY")
    (tmp_path / "notes.md").write_text("OF ANOTHER PROJECT")
    workspace = tmp_path / "src/repo"
    (workspace / "docs").mkdir(parents=True)
    return workspace


def check(work: Path, expected: str) -> None:
    assert Staff(work, work / "state", {}).project_text() == expected


def test_both_files_are_shown_with_their_names(work: Path) -> None:
    (work / "AGENTS.md").write_text("Use tabs.")
    (work / "CLAUDE.md").write_bytes(b"Be br\xffef.")
    check(work, "# AGENTS.md\nUse tabs.\n\n# CLAUDE.md\nBe br\N{REPLACEMENT CHARACTER}ef.")


@pytest.mark.parametrize(
    "target", ["../../.ssh/id_ed25519", "../../notes.md", "AGENTS.md", "gone.md", "docs"]
)
def test_my_key_is_not_in_the_prompt_because_a_repository_links_to_it(work: Path, target: str) -> None:
    (work / "AGENTS.md").symlink_to(target)
    check(work, "")


def test_a_folder_that_leads_out_of_the_workspace_is_no_way_round(work: Path) -> None:
    (work / "up").symlink_to("../..")
    (work / "AGENTS.md").symlink_to("up/notes.md")
    check(work, "")


@pytest.mark.parametrize("hidden", [".env", ".git/config"])
def test_a_secret_that_is_not_in_the_repository_is_not_shown_through_a_link(work: Path, hidden: str) -> None:
    (work / hidden).parent.mkdir(exist_ok=True)
    (work / hidden).write_text("token=secret")
    (work / "CLAUDE.md").symlink_to(hidden)
    check(work, "")


def test_a_link_to_other_notes_of_the_workspace_is_followed(work: Path) -> None:
    (work / "docs/notes.md").write_text("Use tabs.")
    (work / "CLAUDE.md").symlink_to("docs/notes.md")
    (work.parent / "same").symlink_to(work)
    check(work, "# CLAUDE.md\nUse tabs.")
    check(work.parent / "same", "# CLAUDE.md\nUse tabs.")


def test_a_pipe_holds_nothing_up(work: Path) -> None:
    os.mkfifo(work / "AGENTS.md")
    check(work, "")


def test_of_a_huge_file_only_the_beginning_is_read(work: Path) -> None:
    with (work / "AGENTS.md").open("wb") as file:
        file.write("ü".encode() * 20_000)
        file.truncate(1 << 34)  # sixteen gigabytes that take no room: reading it all would not end well
    check(work, "# AGENTS.md\n" + "ü" * PROJECT_TEXT)
