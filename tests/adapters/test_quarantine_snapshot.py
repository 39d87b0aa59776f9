"""Snapshots: what is taken of a workspace, and that nothing of it is touched."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from quarantine_house import git, home, manifest, plain, put, quarantine, tree, workspace, write

from nexus_lsp.adapters.quarantine import Quarantine, RepositoryFailed

__all__ = ["home", "plain", "quarantine", "workspace"]

FIRST = {"a.txt": b"a\n", "src/b.py": b"b = 1\n"}


async def check(
    quarantine: Quarantine,
    expected: Mapping[str, bytes],
    texts: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """A snapshot holds exactly these files and notes, and leaves no trace in the workspace."""
    before = manifest(quarantine.workspace)
    taken = await quarantine.snapshot(texts or {})
    assert manifest(quarantine.workspace) == before
    assert await tree(quarantine, taken.commit) == expected
    assert taken.notes == tuple(notes)
    return taken.commit


async def test_clean(workspace: Path, quarantine: Quarantine) -> None:
    await check(quarantine, FIRST)


async def test_dirty_staged_untracked_ignored_and_deleted(workspace: Path, quarantine: Quarantine) -> None:
    write(workspace, a_DOT_txt="staged\n", gone="x", _DOT_gitignore="*.log\n/out/\n")
    git(workspace, "add", "-A")
    write(workspace, a_DOT_txt="on disk\n", new="n", trace_DOT_log="l", out__o="o")
    (workspace / "gone").unlink()
    await check(
        quarantine,
        {"a.txt": b"on disk\n", "src/b.py": b"b = 1\n", ".gitignore": b"*.log\n/out/\n", "new": b"n"},
    )


async def test_a_tracked_file_that_is_ignored_is_taken(workspace: Path, quarantine: Quarantine) -> None:
    write(workspace, _DOT_gitignore="*.txt\n", other_DOT_txt="ignored")
    await check(quarantine, {**FIRST, ".gitignore": b"*.txt\n"})


async def test_the_users_own_ignore_files_count(workspace: Path, quarantine: Quarantine, home: Path) -> None:
    put(home, ".gitconfig", "[core]\n\texcludesFile = ~/mine\n")
    put(home, "mine", "*.secret\n")
    put(workspace, ".git/info/exclude", "/private\n")
    write(workspace, k_DOT_secret="s", private__p="p", shown="y")
    await check(quarantine, {**FIRST, "shown": b"y"})


async def test_unborn_head(plain: Path, quarantine: Quarantine) -> None:
    git(plain, "init", "-q", "-b", "trunk")
    write(plain, x="1", _DOT_gitignore="y\n", y="2")
    await check(quarantine, {"x": b"1", ".gitignore": b"y\n"})
    assert await quarantine.user_head() == "refs/heads/trunk"


async def test_no_git_at_all(plain: Path, quarantine: Quarantine) -> None:
    write(plain, x="1", _DOT_gitignore="*.log\n", z_DOT_log="l", node_modules__m="m", _DOT_venv__v="v")
    put(plain, "lib/__pycache__/c.pyc", "c")
    await check(quarantine, {"x": b"1", ".gitignore": b"*.log\n"})
    assert await quarantine.user_head() is None


async def test_bytes_stay_whatever_the_attributes_say(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "config", "core.autocrlf", "true")
    rules = "*.txt text eol=lf\n*.c text eol=crlf\n*.u working-tree-encoding=UTF-16LE\n*.i ident\n*.b crlf\n"
    files = {"c.txt": "x\r\ny\r\n", "d.c": "x\ny\r\n", "e.u": "text", "f.i": "$Id$ $Id: 1 $", "g.b": "1\r\n"}
    for path, content in {**files, ".gitattributes": rules}.items():
        put(workspace, path, content)
    commit = await check(
        quarantine, {**FIRST, ".gitattributes": rules.encode(), **{p: c.encode() for p, c in files.items()}}
    )
    place = await quarantine.checkout(commit, "one")
    assert {path: (place / path).read_bytes().decode() for path in files} == files
    assert git(place, "status", "--porcelain") == ""


async def test_a_filter_program_is_never_run(workspace: Path, quarantine: Quarantine, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for step in ("clean", "smudge", "process"):
        git(workspace, "config", f"filter.evil.{step}", f"touch {ran}; cat")
    git(workspace, "config", "core.fsmonitor", f"touch {ran}")
    write(workspace, _DOT_gitattributes="* filter=evil diff=evil\n")
    commit = await check(quarantine, {**FIRST, ".gitattributes": b"* filter=evil diff=evil\n"})
    await quarantine.checkout(commit, "one")
    assert not ran.exists()


async def test_odd_names(workspace: Path, quarantine: Quarantine) -> None:
    names = [
        b"caf\xe9",
        b"new\nline",
        b"-rf",
        b"quo\"te's",
        b" blank ",
        b"tab\there",
        b"back\\slash",
        b":(top)x",
    ]
    for name in names:
        put(workspace, os.fsdecode(name), name)
    commit = await check(quarantine, {**FIRST, **{os.fsdecode(name): name for name in names}})
    place = await quarantine.checkout(commit, "one")
    assert set(os.listdir(os.fsencode(place))) == {*names, b"a.txt", b"src", b".git"}


async def test_symbolic_links_are_kept_as_links(workspace: Path, quarantine: Quarantine) -> None:
    (workspace / "to_file").symlink_to("a.txt")
    (workspace / "to_folder").symlink_to("src")
    (workspace / "dangling").symlink_to("/nowhere")
    links = {"to_file": b"a.txt", "to_folder": b"src", "dangling": b"/nowhere"}
    commit = await check(quarantine, {**FIRST, **links})
    assert (await quarantine.checkout(commit, "one") / "dangling").readlink() == Path("/nowhere")


async def test_a_tracked_folder_that_became_a_link(workspace: Path, quarantine: Quarantine) -> None:
    (workspace / "src").rename(workspace / "moved")
    (workspace / "src").symlink_to("moved")
    await check(quarantine, {"a.txt": b"a\n", "src": b"moved", "moved/b.py": b"b = 1\n"})


async def test_a_file_and_a_folder_that_changed_places(workspace: Path, quarantine: Quarantine) -> None:
    await check(quarantine, FIRST)
    (workspace / "src" / "b.py").unlink()
    (workspace / "src").rmdir()
    (workspace / "a.txt").unlink()
    write(workspace, a_DOT_txt__in="1", src="2")
    await check(quarantine, {"a.txt/in": b"1", "src": b"2"})


async def test_the_executable_bit(workspace: Path, quarantine: Quarantine) -> None:
    (workspace / "a.txt").chmod(0o755)
    commit = await check(quarantine, FIRST)
    file = await quarantine.read_file(commit, "a.txt")
    assert file is not None and file.mode == "100755"
    assert (await quarantine.checkout(commit, "one") / "a.txt").stat().st_mode & 0o111


async def test_submodules_and_nested_repositories_become_notes(
    workspace: Path, quarantine: Quarantine, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    write(other, inner="i")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "x")
    git(workspace, "submodule", "add", "-q", str(other), "sub")
    git(workspace, "clone", "-q", str(other), "nested")
    git(workspace, "init", "-q", "young")
    write(workspace, young__y="y")
    modules = (workspace / ".gitmodules").read_bytes()
    note = "nested/, sub, young/: a git repository of its own; its content is left out."
    await check(quarantine, {**FIRST, ".gitmodules": modules}, notes=[note])
    unsaved = await quarantine.snapshot({"nested/inner": "typed"})
    assert unsaved.notes[1].startswith("nested/inner: in a git repository of its own")


async def test_pipes_and_sockets_are_skipped(workspace: Path, quarantine: Quarantine) -> None:
    os.mkfifo(workspace / "pipe")
    (workspace / "src" / "b.py").unlink()
    os.mkfifo(workspace / "src" / "b.py")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(workspace / "sock"))
        note = "pipe, sock, src/b.py: a socket, a pipe or a device; left out."
        await check(quarantine, {"a.txt": b"a\n"}, notes=[note])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_an_unreadable_file(workspace: Path, quarantine: Quarantine) -> None:
    await check(quarantine, FIRST)
    (workspace / "a.txt").chmod(0)
    taken = await quarantine.snapshot({})
    assert await tree(quarantine, taken.commit) == {"src/b.py": b"b = 1\n"}
    assert taken.notes == ("a.txt: cannot be read; left out.",)


async def test_the_disk_wins_over_flags_in_the_users_index(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "update-index", "--assume-unchanged", "a.txt")
    git(workspace, "update-index", "--skip-worktree", "src/b.py")
    write(workspace, a_DOT_txt="A\n", src__b_DOT_py="b = 2\n")
    await check(quarantine, {"a.txt": b"A\n", "src/b.py": b"b = 2\n"})


async def test_a_split_index_is_not_even_touched(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "update-index", "--split-index")
    write(workspace, new="n")
    git(workspace, "add", "new")
    for shared in (workspace / ".git").glob("sharedindex.*"):
        os.utime(shared, (1, 1))
    await check(quarantine, {**FIRST, "new": b"n"})


async def test_a_sparse_index(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "sparse-checkout", "init", "--cone", "--sparse-index")
    await check(quarantine, {"a.txt": b"a\n"})


async def test_a_merge_in_conflict(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "checkout", "-qb", "side")
    write(workspace, a_DOT_txt="side\n")
    git(workspace, "commit", "-qam", "side")
    git(workspace, "checkout", "-q", "main")
    write(workspace, a_DOT_txt="main\n")
    git(workspace, "commit", "-qam", "main")
    subprocess.run(["git", "merge", "-q", "side"], cwd=workspace, capture_output=True)
    await check(quarantine, {**FIRST, "a.txt": (workspace / "a.txt").read_bytes()})


async def test_a_big_file_and_an_empty_folder(workspace: Path, quarantine: Quarantine) -> None:
    big = os.urandom(11_000_000)
    put(workspace, "big.bin", big)
    (workspace / "empty").mkdir()
    await check(quarantine, {**FIRST, "big.bin": big})


async def test_a_subfolder_of_a_repository(workspace: Path, tmp_path: Path) -> None:
    write(workspace, _DOT_gitignore="*.log\n", src__x_DOT_log="l", src__c_DOT_py="c")
    opened = await Quarantine.open(workspace / "src", tmp_path / "state")
    await check(opened, {"b.py": b"b = 1\n", "c.py": b"c"})
    await opened.close()


async def test_a_folder_that_the_repository_around_it_ignores(workspace: Path, tmp_path: Path) -> None:
    write(workspace, _DOT_gitignore="/play/\n", play__x="x")
    opened = await Quarantine.open(workspace / "play", tmp_path / "state")
    await check(opened, {"x": b"x"})
    await opened.close()


async def test_a_linked_worktree_of_the_users(workspace: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(workspace, "worktree", "add", "-q", "-b", "side", str(linked))
    write(linked, new="n")
    before = manifest(workspace)
    opened = await Quarantine.open(linked, tmp_path / "state")
    await check(opened, {**FIRST, "new": b"n"})
    assert await opened.user_head() == "refs/heads/side"
    assert manifest(workspace) == before
    await opened.close()


async def test_a_detached_head(workspace: Path, quarantine: Quarantine) -> None:
    git(workspace, "checkout", "-q", "--detach")
    assert await quarantine.user_head() == git(workspace, "rev-parse", "HEAD")


async def test_a_corrupt_user_index_falls_back_to_ignore_files(
    workspace: Path, quarantine: Quarantine
) -> None:
    put(workspace, ".git/index", "nonsense")
    taken = await quarantine.snapshot({})
    assert await tree(quarantine, taken.commit) == FIRST


async def test_file_that_vanishes_while_it_is_listed(
    workspace: Path, quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nexus_lsp.adapters import quarantine as house

    def surveyed(*arguments: object) -> object:
        (workspace / "brief").unlink()
        return survey(*arguments)  # type: ignore[arg-type]

    survey = house.survey
    monkeypatch.setattr(house, "survey", surveyed)
    write(workspace, brief="x")
    taken = await quarantine.snapshot({})
    assert taken.notes == ("brief: vanished while it was being read.",)
    assert await tree(quarantine, taken.commit) == FIRST


# --- a second time -----------------------------------------------------------------------------------


async def test_nothing_changed_gives_the_parent_itself(workspace: Path, quarantine: Quarantine) -> None:
    first = await quarantine.snapshot({})
    assert (await quarantine.snapshot({}, (first.commit,))).commit == first.commit
    write(workspace, a_DOT_txt="b\n")
    second = await quarantine.snapshot({}, (first.commit,))
    assert [found.path for found in await quarantine.diff(first.commit, second.commit)] == ["a.txt"]


async def test_edits_of_the_same_size_in_the_same_moment_are_seen(
    workspace: Path, quarantine: Quarantine
) -> None:
    for number in range(8):
        write(workspace, a_DOT_txt=f"{number}\n")
        taken = await quarantine.snapshot({})
        assert (await tree(quarantine, taken.commit))["a.txt"] == f"{number}\n".encode()


async def test_what_became_ignored_or_deleted_goes(workspace: Path, quarantine: Quarantine) -> None:
    write(workspace, x_DOT_log="l", y="y")
    await check(quarantine, {**FIRST, "x.log": b"l", "y": b"y"})
    write(workspace, _DOT_gitignore="*.log\n")
    (workspace / "y").unlink()
    await check(quarantine, {**FIRST, ".gitignore": b"*.log\n"})


async def test_locks_and_leftovers_of_a_killed_server(workspace: Path, tmp_path: Path) -> None:
    opened = await Quarantine.open(workspace, tmp_path / "state")
    first = await opened.snapshot({})
    await opened.close()
    put(tmp_path, "state/indexes/workspace.lock", "")
    put(tmp_path, "state/quarantine.git/refs/nexus/x.lock", "")
    put(tmp_path, "state/indexes/workspace", "torn")
    opened = await Quarantine.open(workspace, tmp_path / "state")
    assert (await opened.snapshot({}, (first.commit,))).commit == first.commit
    await opened.keep("x", first.commit)
    await opened.close()


async def test_a_cancelled_snapshot_leaves_the_next_one_whole(
    workspace: Path, quarantine: Quarantine
) -> None:
    for delay in (0.005, 0.02, 0.04, 0.06):
        taking = asyncio.create_task(quarantine.snapshot({}))
        await asyncio.sleep(delay)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
    await check(quarantine, FIRST)


async def test_the_users_gc_takes_nothing_away(workspace: Path, quarantine: Quarantine) -> None:
    taken = await quarantine.snapshot({})
    git(workspace, "gc", "--prune=now", "-q")
    (workspace / ".git").rename(workspace / "elsewhere")
    assert await tree(quarantine, taken.commit) == FIRST


# --- unsaved buffers ---------------------------------------------------------------------------------


async def test_unsaved_buffers_lie_over_the_files(workspace: Path, quarantine: Quarantine) -> None:
    (workspace / "a.txt").chmod(0o755)
    texts = {"a.txt": "typed ü\n", "fresh/new.py": "new = 1\n"}
    commit = await check(
        quarantine, {**FIRST, "a.txt": "typed ü\n".encode(), "fresh/new.py": b"new = 1\n"}, texts
    )
    file = await quarantine.read_file(commit, "a.txt")
    assert file is not None and file.mode == "100755"
    await check(quarantine, FIRST)


@pytest.mark.parametrize(
    ("on_disk", "text", "taken"),
    [
        (b"\xef\xbb\xbfx\r\n", "x\r\n", b"\xef\xbb\xbfx\r\n"),
        (b"\xef\xbb\xbfx\r\n", "y\r\n", b"\xef\xbb\xbfy\r\n"),
        (b"x\r\ny\n", "x\r\ny\r\n", b"x\r\ny\n"),
        (b"x\r\ny\r\n", "x\ny\n", b"x\ny\n"),
        (b"caf\xe9", "café", b"caf\xe9"),
        (b"caf\xe9", "caf\ufffd", b"caf\xe9"),
        ("é".encode("utf-16"), "é", "é".encode("utf-16")),
        ("é".encode("utf-16"), "è", "è".encode("utf-16")),
        (b"", "", b""),
        (b"x", "", b""),
    ],
)
async def test_a_buffer_that_says_what_the_file_says_is_the_file(
    workspace: Path, quarantine: Quarantine, on_disk: bytes, text: str, taken: bytes
) -> None:
    put(workspace, "a.txt", on_disk)
    await check(quarantine, {**FIRST, "a.txt": taken}, {"a.txt": text})


async def test_buffers_that_do_not_belong(workspace: Path, quarantine: Quarantine) -> None:
    write(workspace, _DOT_gitignore=".env\n", _DOT_env="KEY=1")
    (workspace / "link").symlink_to("a.txt")
    texts = {
        ".env": "KEY=2",
        "../out": "o",
        ".git/config": "c",
        "src": "s",
        "a.txt/x": "x",
        "link": "through\n",
    }
    left = "its unsaved text is left out."
    await check(
        quarantine,
        {**FIRST, ".gitignore": b".env\n", "link": b"a.txt", "a.txt": b"through\n"},
        texts,
        [
            f"../out: outside the workspace; {left}",
            f".env: ignored by the workspace's rules; {left}",
            f".git/config, a.txt/x, src: not a place for a file; {left}",
        ],
    )


# --- trouble -----------------------------------------------------------------------------------------


async def test_a_state_directory_that_cannot_be_made(workspace: Path, tmp_path: Path) -> None:
    put(tmp_path, "file", "")
    with pytest.raises(RepositoryFailed, match=r"cannot be made there.*NEXUS_STATE_DIR"):
        await Quarantine.open(workspace, tmp_path / "file" / "state")


async def test_a_full_disk(workspace: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount")
    try:
        opened = await Quarantine.open(workspace, small / "state")
        put(workspace, "big", os.urandom(1_000_000))
        with pytest.raises(RepositoryFailed, match=r"disk is full: free some space.*NEXUS_STATE_DIR"):
            await opened.snapshot({})
        await opened.close()
        (workspace / "big").unlink()
        opened = await Quarantine.open(workspace, small / "state")
        await check(opened, FIRST)
        await opened.close()
    finally:
        subprocess.run(["umount", small], check=True)


async def test_no_git_on_the_machine(
    workspace: Path, quarantine: Quarantine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryFailed, match="Install git"):
        await Quarantine.open(workspace, tmp_path / "state")


async def test_a_workspace_that_is_gone(workspace: Path, quarantine: Quarantine, tmp_path: Path) -> None:
    workspace.rename(tmp_path / "elsewhere")
    with pytest.raises(RepositoryFailed, match="is gone"):
        await quarantine.snapshot({})


async def test_twenty_thousand_files(workspace: Path, quarantine: Quarantine) -> None:
    for number in range(20_000):
        put(workspace, f"p{number % 200}/f{number}.py", f"value = {number}\n")
    first, second = await _timed(quarantine), await _timed(quarantine)
    write(workspace, p1__f1_DOT_py="changed\n")
    print(f"20,000 files: {first:.2f} s, again {second:.2f} s, one changed {await _timed(quarantine):.2f} s")
    assert second < 5


async def _timed(quarantine: Quarantine) -> float:
    start = time.perf_counter()
    await quarantine.snapshot({})
    return time.perf_counter() - start
