"""Checkouts and harvests: what an agent gets, what is taken back, and what is never run."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from quarantine_house import git, home, manifest, plain, put, quarantine, tree, workspace, write

from nexus_lsp.adapters.quarantine import Quarantine, RepositoryFailed

__all__ = ["home", "plain", "quarantine", "workspace"]

FIRST = {"a.txt": b"a\n", "src/b.py": b"b = 1\n"}


async def check(
    quarantine: Quarantine,
    place: Path,
    start: str,
    expected: Mapping[str, bytes],
    notes: Sequence[str] = (),
) -> str:
    """A harvest holds exactly these files and notes."""
    taken = await quarantine.harvest(place, start, "harvest")
    assert await tree(quarantine, taken.commit) == expected
    assert taken.notes == tuple(notes)
    return taken.commit


async def begin(quarantine: Quarantine) -> tuple[Path, str]:
    start = (await quarantine.snapshot({})).commit
    return await quarantine.checkout(start, "agent"), start


# --- checkouts ---------------------------------------------------------------------------------------


async def test_a_checkout_is_a_repository_that_agents_can_use(
    workspace: Path, quarantine: Quarantine
) -> None:
    place, start = await begin(quarantine)
    assert git(place, "status", "--porcelain") == ""
    assert git(place, "log", "--format=%H") == start == git(place, "rev-parse", "HEAD")
    assert git(place, "fsck", "--full", "--strict") == ""
    assert git(place, "remote") == "" and not (place / ".git/objects/info/alternates").exists()
    write(place, a_DOT_txt="A\n")
    assert "+A" in git(place, "diff")
    git(place, "commit", "-qam", "mine")
    git(place, "stash", "list")
    git(place, "gc", "-q", "--prune=now")
    assert git(place, "show", "HEAD~1:a.txt") == "a"


async def test_a_checkout_leads_nowhere(workspace: Path, quarantine: Quarantine, tmp_path: Path) -> None:
    place, _ = await begin(quarantine)
    state = os.fsencode(tmp_path / "state")
    inside = [file.read_bytes() for file in (place / ".git").rglob("*") if file.is_file()]
    assert not any(state in content or os.fsencode(workspace) in content for content in inside)


async def test_a_checkout_of_a_later_commit_holds_only_that(workspace: Path, quarantine: Quarantine) -> None:
    _, start = await begin(quarantine)
    write(workspace, a_DOT_txt="b\n")
    later = (await quarantine.snapshot({}, (start,))).commit
    place = await quarantine.checkout(later, "later")
    assert git(place, "log", "--format=%H") == later
    assert git(place, "fsck", "--full") == ""


async def test_a_second_checkout_of_the_same_name_is_fresh(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    write(place, stale="x")
    assert await quarantine.checkout(start, "agent") == place
    assert git(place, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["", "..", "a/b", ".git", "a b", "-x"])
async def test_names_that_lead_elsewhere(quarantine: Quarantine, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        await quarantine.checkout("HEAD", name)


async def test_a_checkout_of_nothing(quarantine: Quarantine, tmp_path: Path) -> None:
    with pytest.raises(RepositoryFailed):
        await quarantine.checkout("0" * 40, "agent")
    assert (
        list((tmp_path / "state/checkouts").iterdir()) == list((tmp_path / "state/scratch").iterdir()) == []
    )


async def test_discard(workspace: Path, quarantine: Quarantine, tmp_path: Path) -> None:
    place, _ = await begin(quarantine)
    write(place, locked__in__x="x")
    (place / "out").symlink_to(workspace)
    (place / "locked" / "in").chmod(0o500)
    (place / "locked").chmod(0)
    before = manifest(workspace)
    await quarantine.discard(place)
    await quarantine.discard(place)
    assert not place.exists() and manifest(workspace) == before
    with pytest.raises(ValueError, match="not a checkout"):
        await quarantine.discard(workspace)


async def test_many_at_once(workspace: Path, quarantine: Quarantine) -> None:
    _, start = await begin(quarantine)

    async def work(number: int) -> str:
        place = await quarantine.checkout(start, f"agent-{number}")
        put(place, f"n{number}", str(number))
        return (await quarantine.harvest(place, start, "x")).commit

    commits = await asyncio.gather(*map(work, range(6)), quarantine.snapshot({}), quarantine.snapshot({}))
    for number, commit in enumerate(commits[:6]):
        assert await tree(quarantine, str(commit)) == {**FIRST, f"n{number}": str(number).encode()}


# --- harvests ----------------------------------------------------------------------------------------


async def test_nothing_done_is_the_start(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    taken = await quarantine.harvest(place, start, "x")
    assert (taken.commit, taken.paths, taken.notes) == (start, (), ())


async def test_edits_new_files_deletions_and_the_agents_own_commits(
    workspace: Path, quarantine: Quarantine
) -> None:
    place, start = await begin(quarantine)
    write(place, committed="c")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "mine")
    (place / "a.txt").unlink()
    write(place, src__b_DOT_py="b = 2\r\n", new__deep="n")
    commit = await check(
        quarantine, place, start, {"committed": b"c", "src/b.py": b"b = 2\r\n", "new/deep": b"n"}
    )
    again = await quarantine.harvest(place, start, "x")
    assert again.paths == ("a.txt", "committed", "new/deep", "src/b.py")
    assert await quarantine.diff(commit, again.commit) == ()


async def test_an_edit_of_the_same_size_in_the_same_moment(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    about = (place / "a.txt").stat()
    write(place, a_DOT_txt="z\n")
    os.utime(place / "a.txt", ns=(about.st_atime_ns, about.st_mtime_ns))
    await check(quarantine, place, start, {**FIRST, "a.txt": b"z\n"})


async def test_a_glance_at_an_agent_at_work(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    assert await quarantine.touched(place, start) == {}
    (place / "a.txt").unlink()
    write(place, src__b_DOT_py="b = 2\n", new__deep="n")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "mine")
    (place / "out").symlink_to("/etc/hostname")
    (place / "a.txt.pyc").write_bytes(b"")
    seen = await quarantine.touched(place, start)
    assert (list(seen), seen["a.txt"]) == (["a.txt", "new/deep", "out", "src/b.py"], "")
    assert [await quarantine.peek(place, path) for path in seen] == [None, b"n", None, b"b = 2\n"]
    assert await quarantine.touched(place, start) == seen
    write(place, new__deep="m")
    again = await quarantine.touched(place, start)
    assert [path for path in again if again[path] != seen[path]] == ["new/deep"]
    assert (await quarantine.harvest(place, start, "x")).paths == ("a.txt", "new/deep", "src/b.py")


async def test_a_glance_that_cannot_trust_the_kept_index(
    workspace: Path, quarantine: Quarantine, tmp_path: Path
) -> None:
    place, start = await begin(quarantine)
    write(workspace, later="l")
    other = (await quarantine.snapshot({}, (start,))).commit
    assert await quarantine.touched(place, other) == {"later": ""}
    (place / "src").rename(place / "kept")
    (place / "src").symlink_to("kept")
    assert await quarantine.peek(place, "src/b.py") is None


async def test_a_harvest_without_the_kept_index(
    workspace: Path, quarantine: Quarantine, tmp_path: Path
) -> None:
    place, start = await begin(quarantine)
    (tmp_path / "state/indexes/checkout-agent").unlink()
    write(place, new="n")
    await check(quarantine, place, start, {**FIRST, "new": b"n"})


async def test_a_harvest_from_another_start(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    write(workspace, later="l")
    other = (await quarantine.snapshot({}, (start,))).commit
    assert (await quarantine.harvest(place, other, "x")).paths == ("later",)


async def test_what_tools_leave_behind_is_not_harvested(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    litter = "__pycache__/a.pyc .venv/x node_modules/m/i.js .pytest_cache/v b.pyc .coverage src/__pycache__/c"
    for path in litter.split():
        put(place, path, "x")
    await check(quarantine, place, start, FIRST)


async def test_the_agents_ignore_rules_count(workspace: Path, quarantine: Quarantine) -> None:
    put(workspace, ".gitignore", "*.log\n")
    put(workspace, "kept.log", "k")
    git(workspace, "add", "-f", "kept.log")
    place, start = await begin(quarantine)
    put(place, ".gitignore", "/dist/\n!*.pyc\n")
    write(place, dist__x="x", new_DOT_log="now shown", a_DOT_pyc="wanted", kept_DOT_log="K")
    expected = {
        ".gitignore": b"/dist/\n!*.pyc\n",
        "new.log": b"now shown",
        "a.pyc": b"wanted",
        "kept.log": b"K",
    }
    note = "dist/: ignored by the ignore rules; left out."
    await check(quarantine, place, start, {**FIRST, **expected}, [note])


async def test_the_users_own_rules_count_in_a_harvest(
    workspace: Path, quarantine: Quarantine, home: Path
) -> None:
    put(home, ".config/git/ignore", ".env\n")
    place, start = await begin(quarantine)
    put(place, ".env", "SECRET=1")
    await check(quarantine, place, start, FIRST)


async def test_nothing_the_agent_configured_is_run(
    workspace: Path, quarantine: Quarantine, tmp_path: Path
) -> None:
    place, start = await begin(quarantine)
    ran = tmp_path / "ran"
    evil = put(tmp_path, "evil", f"#!/bin/sh\ntouch {ran}\ncat\n")
    evil.chmod(0o755)
    for key in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.external", "diff.x.textconv"):
        git(place, "config", key, str(evil))
    for key in ("core.fsmonitor", "core.sshCommand", "core.editor", "core.pager", "merge.x.driver"):
        git(place, "config", key, str(evil))
    git(place, "config", "core.hooksPath", str(tmp_path / "hooks"))
    git(place, "config", "core.excludesFile", str(put(tmp_path, "all", "*\n")))
    git(place, "config", "core.worktree", str(workspace))
    for hook in (
        "pre-commit",
        "post-index-change",
        "post-checkout",
        "reference-transaction",
        "fsmonitor-watchman",
    ):
        for folder in (tmp_path / "hooks", place / ".git/hooks"):
            put(folder, hook, evil.read_bytes()).chmod(0o755)
    put(place, ".git/info/attributes", "* filter=x diff=x merge=x\n")
    put(place, ".git/info/exclude", "*\n")
    write(place, _DOT_gitattributes="* filter=x diff=x merge=x\n", new="n\r\n")
    rules = {".gitattributes": b"* filter=x diff=x merge=x\n", "new": b"n\r\n"}
    assert set(await quarantine.touched(place, start)) == {".gitattributes", "new"}
    commit = await check(quarantine, place, start, {**FIRST, **rules})
    await quarantine.diff(start, commit)
    await quarantine.merge(start, commit, "x")
    await quarantine.checkout(commit, "next")
    assert not ran.exists()


async def test_a_broken_git_directory_does_no_harm(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    put(place, ".git/HEAD", "nonsense")
    put(place, ".git/config", "[core\nrepositoryformatversion = 99")
    put(place, ".git/index", "nonsense")
    write(place, new="n")
    await check(quarantine, place, start, {**FIRST, "new": b"n"})


async def test_git_init_in_a_subfolder_loses_no_file(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    for folder in ("app", "app/inner", "src"):
        (place / folder).mkdir(exist_ok=True)
        git(place / folder, "init", "-q")
    write(
        place, app__x="x", app__inner__y="y", src__z="z", app____pycache____c="no", app__node_modules__m="no"
    )
    git(place / "app", "add", "x")
    git(place / "app", "commit", "-qm", "inner")
    commit = (await quarantine.harvest(place, start, "x")).commit
    files = await tree(quarantine, commit)
    assert {"app/x", "app/inner/y", "src/z"} <= set(files) and "app/node_modules/m" not in files
    notes = (await quarantine.harvest(place, start, "x")).notes
    assert notes == (
        "app/.git, app/inner/.git, src/.git: a git repository of its own; its files are taken, "
        "its history is not.",
    )


async def test_links_that_lead_outside_are_left_out(workspace: Path, quarantine: Quarantine) -> None:
    (workspace / "users").symlink_to("/etc")
    place, start = await begin(quarantine)
    (place / "fine").symlink_to("src/b.py")
    (place / "src/up").symlink_to("../src/b.py")
    links = {
        "absolute": "/etc/passwd",
        "escapes": "../../x",
        "by_way": "users/passwd",
        "inward": ".git/config",
    }
    for name, target in links.items():
        (place / name).symlink_to(target)
    (place / "a.txt").unlink()
    (place / "a.txt").symlink_to("/etc/hosts")
    note = "a.txt, absolute, by_way, escapes, inward: a symbolic link that leads outside; left out."
    expected = {**FIRST, "users": b"/etc", "fine": b"src/b.py", "src/up": b"../src/b.py"}
    await check(quarantine, place, start, expected, [note])


async def test_a_folder_replaced_by_a_link_outside_keeps_its_files(
    workspace: Path, quarantine: Quarantine, tmp_path: Path
) -> None:
    place, start = await begin(quarantine)
    (place / "src").rename(tmp_path / "moved")
    (place / "src").symlink_to(tmp_path / "moved")
    await check(quarantine, place, start, FIRST, ["src: a symbolic link that leads outside; left out."])


async def test_a_folder_replaced_by_a_link_inside(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    (place / "src").rename(place / "moved")
    (place / "src").symlink_to("moved")
    await check(quarantine, place, start, {"a.txt": b"a\n", "moved/b.py": b"b = 1\n", "src": b"moved"})


async def test_pipes_sockets_and_refused_names(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    (place / "a.txt").unlink()
    os.mkfifo(place / "a.txt")
    put(place, "git~1", "a short name of .git on Windows")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "s"))
        notes = [
            "a.txt, s: a socket, a pipe or a device; left out.",
            "git~1: a name that git refuses; left out.",
        ]
        await check(quarantine, place, start, FIRST, notes)


async def test_odd_names_come_back(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    names = [os.fsdecode(name) for name in (b"caf\xe9", b"new\nline", b"-rf", b'quo"te', b"--", b"*")]
    for name in names:
        put(place, name, "x")
    taken = await quarantine.harvest(place, start, "x")
    assert set(taken.paths) == set(names)


async def test_a_folder_with_a_git_file(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    put(place, "odd/.git", f"gitdir: {workspace}/.git\n")
    put(place, "odd/x", "x")
    note = "odd/.git: a git repository of its own; its files are taken, its history is not."
    before = manifest(workspace)
    await check(quarantine, place, start, {**FIRST, "odd/x": b"x"}, [note])
    assert manifest(workspace) == before


async def test_the_author_is_nexus(workspace: Path, quarantine: Quarantine) -> None:
    place, start = await begin(quarantine)
    write(place, new="n")
    commit = (await quarantine.harvest(place, start, "What was done")).commit
    told = git(quarantine._git_dir, "show", "-s", "--format=%an <%ae>|%cn|%P|%s", commit)
    assert told == f"NEXUS <nexus@localhost>|NEXUS|{start}|What was done"
