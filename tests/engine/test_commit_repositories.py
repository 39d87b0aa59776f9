"""Commits in repositories that are not plain: line ends, filters, flags, worktrees, submodules, signing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from commit_house import Desk, hook, sign
from engine_house import FILES, House, git, house, new_workspace, workspace
from fakes import put

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def desk_in(folder: Path, state: Path) -> Desk:
    house = House(folder, state)
    await house.open()
    return Desk(house)


async def test_crlf_in_the_work_tree_lf_in_the_repository(desk: Desk) -> None:
    desk.git("config", "core.autocrlf", "true")
    dos = A.replace("\n", "\r\n")
    desk.types("a.txt", dos.replace("one", "mine"))
    await desk.accepts(a_DOT_txt=dos.replace("one", "mine").replace("five", "FIVE"))
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.diff() == ["-one", "+mine"]


@pytest.mark.parametrize(("setting", "end"), [("true", "\n"), ("input", "\r\n")])
async def test_line_ends_that_git_would_not_check_out_are_no_edit(desk: Desk, setting: str, end: str) -> None:
    """As an agent or another tool wrote the file; git knows it as unchanged."""
    desk.git("config", "core.autocrlf", setting)
    desk.types("a.txt", A.replace("\n", end))
    desk.git("add", "a.txt")
    assert desk.status() == []
    desk.types("a.txt", A.replace("one", "mine").replace("\n", end))
    await desk.accepts(a_DOT_txt=FIVE.replace("one", "mine").replace("\n", end))
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.diff() == ["-one", "+mine"]


async def test_line_ends_that_the_user_changed_stay_out(desk: Desk) -> None:
    desk.types("a.txt", A.replace("\n", "\r\n"))
    await desk.accepts(a_DOT_txt=FIVE.replace("\n", "\r\n"))
    assert "its lines rest on edits that are not committed" in await desk.refused()
    assert desk.committed("a.txt") == A.encode()


async def test_crlf_in_the_repository_stays(desk: Desk) -> None:
    dos = A.replace("\n", "\r\n")
    desk.types("a.txt", dos)
    desk.git("commit", "-qam", "dos")
    await desk.accepts(a_DOT_txt=dos.replace("five", "FIVE"))
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.replace("\n", "\r\n").encode()
    assert desk.status() == []


async def test_a_byte_order_mark_and_no_newline_at_the_end(desk: Desk) -> None:
    desk.types("a.txt", "\ufeffone\n\x0ctwo\u2028\nthree")
    desk.git("commit", "-qam", "odd")
    await desk.accepts(a_DOT_txt="\ufeffone\n\x0ctwo\u2028\nTHREE")
    await desk.does("commit")
    assert desk.committed("a.txt") == "\ufeffone\n\x0ctwo\u2028\nTHREE".encode()


async def test_a_clean_filter_of_the_user(desk: Desk) -> None:
    """As git-crypt or LFS: the repository holds another form of the text than the work tree."""
    desk.git("config", "filter.up.clean", "tr a-z A-Z")
    desk.git("config", "filter.up.smudge", "tr A-Z a-z")
    desk.types(".gitattributes", "*.txt filter=up\n")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "filtered")
    await desk.accepts(a_DOT_txt=A.replace("five", "six"))
    await desk.does("commit")
    assert desk.committed("a.txt") == A.replace("five", "six").upper().encode()
    assert desk.status() == []


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
async def test_flags_of_the_index_stay(desk: Desk, flag: str) -> None:
    desk.git("update-index", flag, "a.txt")
    before = desk.git("ls-files", "-v")
    await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.git("ls-files", "-v") == before
    assert desk.diff("--cached") == []


async def test_a_new_file_that_the_user_said_to_add(desk: Desk) -> None:
    await desk.accepts(new_DOT_txt="new\n")
    desk.git("add", "-N", "new.txt")
    await desk.does("commit")
    assert desk.committed("new.txt") == b"new\n"
    assert desk.status() == []


async def test_a_split_index(desk: Desk) -> None:
    desk.git("update-index", "--split-index")
    desk.types("b.txt", "staged\n")
    desk.git("add", "b.txt")
    await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    assert desk.status() == ["M  b.txt"]
    assert desk.git("fsck", "--strict") is not None


async def test_odd_names(desk: Desk) -> None:
    names = ["ünï code.txt", "a b\tc.txt", ":(top)x.txt", "-dash.txt", "*.txt", 'qu"ote.txt']
    await desk.accepts()
    run = await desk.proposes_files({name: f"{name}\n" for name in names})
    await desk.house.accept(run)
    await desk.does("commit")
    assert desk.status() == []
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "--name-only", "HEAD"], cwd=desk.folder, capture_output=True
    )
    assert set(names) <= set(listed.stdout.decode().split("\0"))


async def test_a_linked_worktree(tmp_path: Path, workspace: Path) -> None:
    git(workspace, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    desk = await desk_in(tmp_path / "side", tmp_path / "state")
    try:
        await desk.accepts(a_DOT_txt=FIVE)
        await desk.does("commit")
        assert desk.status() == []
        assert git(workspace, "show", "side:a.txt") == FIVE.strip()
        assert git(workspace, "status", "--porcelain") == ""
        assert git(workspace, "show", "main:a.txt") == A.strip()
    finally:
        await desk.house.close()


async def test_a_workspace_below_the_top(tmp_path: Path, workspace: Path) -> None:
    put(workspace, "sub/.gitattributes", "*.txt text eol=crlf\n")
    put(workspace, "sub/a.txt", A.replace("\n", "\r\n"))
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "sub")
    desk = await desk_in(workspace / "sub", tmp_path / "state")
    try:
        put(workspace, "a.txt", "mine\n")
        await desk.accepts(a_DOT_txt=FIVE.replace("\n", "\r\n"), deep__new_DOT_py="x = 1\n")
        await desk.does("commit")
        assert git(workspace, "show", "HEAD:sub/a.txt") == FIVE.strip()
        assert git(workspace, "show", "HEAD:sub/deep/new.py") == "x = 1"
        assert git(workspace, "status", "--porcelain") == "M a.txt"
    finally:
        await desk.house.close()


async def test_beside_a_submodule(desk: Desk, tmp_path: Path) -> None:
    """Its own pointer is the user's to commit; what lies in it is not touched."""
    inner = new_workspace(tmp_path / "inner")
    desk.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "inner")
    desk.git("commit", "-qm", "submodule")
    sign(desk.folder / "inner")
    put(desk.folder, "inner/a.txt", "moved on\n")
    git(desk.folder / "inner", "commit", "-qam", "moved on")
    await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    assert desk.git("show", "--name-only", "--format=", "HEAD") == "a.txt"
    assert desk.status() == [" M inner"]


async def test_a_signature_that_cannot_be_made_is_said(desk: Desk) -> None:
    desk.git("config", "commit.gpgSign", "true")
    desk.git("config", "gpg.program", "false")
    await desk.accepts(a_DOT_txt=FIVE)
    assert "failed to sign the data" in await desk.refused() or "gpg failed" in await desk.refused()
    assert desk.status() == [" M a.txt"]


async def test_nobody_has_a_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.git("config", "--unset", "user.name")
    desk.git("config", "--unset", "user.email")
    desk.git("config", "user.useConfigOnly", "true")
    assert "Please tell me who you are" in await desk.refused()


async def test_husky_like_hooks_in_the_workspace(desk: Desk) -> None:
    put(desk.folder, ".husky/pre-commit", "#!/bin/sh\necho checked\n")
    (desk.folder / ".husky/pre-commit").chmod(0o755)
    desk.git("config", "core.hooksPath", ".husky")
    await desk.accepts(a_DOT_txt=FIVE)
    assert "checked" in (await desk.does("commit"))["output"]


async def test_the_branch_moves_while_a_hook_runs(desk: Desk) -> None:
    """A commit from elsewhere is not lost: git refuses, and the next try has it below."""
    await desk.accepts(a_DOT_txt=FIVE)
    made = "$(git commit-tree -p HEAD -m other $(git rev-parse HEAD^{tree}))"
    other = f"unset GIT_INDEX_FILE; git update-ref HEAD {made}"
    hook(desk.folder, "pre-commit", other)
    said = await desk.refused()
    theirs = desk.git("rev-parse", "HEAD")[:12]
    assert said.startswith(f"git did not commit: a hook or another program committed meanwhile ({theirs}).")
    (desk.folder / ".git/hooks/pre-commit").unlink()
    await desk.does("commit")
    assert desk.git("log", "--format=%s").splitlines() == ["Make it good", "other", "first"]


async def test_a_mode_and_a_link(desk: Desk) -> None:
    (desk.folder / "link").symlink_to("a.txt")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "link")

    def work(assignment):  # type: ignore[no-untyped-def]
        from fakes import done

        (assignment.checkout / "src/c.py").chmod(0o755)
        (assignment.checkout / "link").unlink()
        (assignment.checkout / "link").symlink_to("b.txt")
        return done()

    from fakes import task

    run = await desk.house.run(task("code"), code=work)
    assert not (await desk.house.accept(run)).refused
    await desk.does("commit")
    assert desk.git("ls-tree", "HEAD", "src/c.py").startswith("100755")
    assert desk.committed("link") == b"b.txt"
    assert desk.status() == []
