"""Merges, differences and reads in the quarantine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from quarantine_house import git, home, plain, put, quarantine, tree, workspace

from nexus_lsp.adapters.quarantine import Quarantine, RepositoryFailed
from nexus_lsp.ports import FileContent

__all__ = ["home", "plain", "quarantine", "workspace"]

LINES = "".join(f"{number}\n" for number in range(20))


async def child(quarantine: Quarantine, parent: str, files: Mapping[str, str | bytes | None]) -> str:
    """A commit with these files on top of another one."""
    contents = {path: None if text is None else _file(text) for path, text in files.items()}
    return await quarantine.with_files(parent, contents, (parent,), "x")


def _file(text: str | bytes) -> FileContent:
    return FileContent(text.encode() if isinstance(text, str) else text)


@pytest.fixture
async def base(plain: Path, quarantine: Quarantine) -> str:
    """A commit with `n` (twenty lines), `pkg/m.py` and `empty`."""
    put(plain, "n", LINES)
    put(plain, "pkg/m.py", LINES.replace("\n", " = 1\n"))
    put(plain, "empty", "")
    return (await quarantine.snapshot({})).commit


async def test_a_clean_merge(quarantine: Quarantine, base: str) -> None:
    ours = await child(quarantine, base, {"n": "top\n" + LINES})
    theirs = await child(quarantine, base, {"n": LINES + "end\n", "new": "x"})
    merged = await quarantine.merge(ours, theirs, "both")
    assert merged.conflicts == ()
    files = await tree(quarantine, merged.commit)
    assert files["n"].decode() == "top\n" + LINES + "end\n" and files["new"] == b"x"
    assert git(quarantine._git_dir, "show", "-s", "--format=%P", merged.commit) == f"{ours} {theirs}"


async def test_a_conflict_holds_markers(quarantine: Quarantine, base: str) -> None:
    ours = await child(
        quarantine, base, {"n": LINES.replace("7", "ours"), "odd\nname": "1\n", "pkg/m.py": None}
    )
    theirs = await child(
        quarantine, base, {"n": LINES.replace("7", "theirs"), "odd\nname": "2\n", "pkg/m.py": "m"}
    )
    merged = await quarantine.merge(ours, theirs, "both")
    assert set(merged.conflicts) == {"n", "odd\nname", "pkg/m.py"}
    text = (await tree(quarantine, merged.commit))["n"]
    assert b"<<<<<<< " in text and b"ours\n=======\ntheirs\n" in text
    sides = {one.path: (one.base and await quarantine.read(one.base), one.mode) for one in merged.sides}
    assert sides == {"n": (LINES.encode(), "100644"), "odd\nname": (None, "100644")}, "pkg/m.py has one side"


async def test_crlf_survives_a_merge(quarantine: Quarantine, base: str) -> None:
    dos = LINES.replace("\n", "\r\n")
    start = await child(quarantine, base, {"n": dos})
    ours = await child(quarantine, start, {"n": "top\r\n" + dos})
    theirs = await child(quarantine, start, {"n": dos + "end\r\n"})
    merged = await quarantine.merge(ours, theirs, "both")
    assert (await tree(quarantine, merged.commit))["n"].decode() == "top\r\n" + dos + "end\r\n"


async def test_merging_what_is_already_there(quarantine: Quarantine, base: str) -> None:
    later = await child(quarantine, base, {"new": "x"})
    for ours, theirs in ((base, later), (later, base), (later, later)):
        merged = await quarantine.merge(ours, theirs, "x")
        assert merged.conflicts == () and await quarantine.diff(later, merged.commit) == ()


async def test_merging_strangers_fails(quarantine: Quarantine, base: str) -> None:
    stranger = await quarantine.with_files(base, {"n": None}, (), "x")
    with pytest.raises(RepositoryFailed, match="unrelated histories"):
        await quarantine.merge(base, stranger, "x")


async def test_a_diff_tells_every_kind_of_change(quarantine: Quarantine, base: str) -> None:
    old = await child(quarantine, base, {"gone": "g\n"})
    new = await quarantine.with_files(
        old,
        {
            "gone": None,
            "pkg/m.py": None,
            "pkg/renamed.py": FileContent(LINES.replace("\n", " = 1\n").encode() + b"more = 1\n"),
            "n": FileContent(LINES.encode(), "100755"),
            "link": FileContent(b"n", "120000"),
            "empty": None,
            "empty2": FileContent(b""),
            os.fsdecode(b"caf\xe9\n"): FileContent(b"c\n"),
        },
        (old,),
        "x",
    )
    found = {change.path: change for change in await quarantine.diff(old, new)}
    told = {path: (c.old_mode, c.new_mode, c.old_path) for path, c in found.items()}
    assert told == {
        "gone": ("100644", None, None),
        "pkg/renamed.py": ("100644", "100644", "pkg/m.py"),
        "n": ("100644", "100755", None),
        "link": (None, "120000", None),
        "empty": ("100644", None, None),
        "empty2": (None, "100644", None),
        os.fsdecode(b"caf\xe9\n"): (None, "100644", None),
    }
    assert found["gone"].new_blob is None and found["link"].old_blob is None
    assert await quarantine.read(found["link"].new_blob or "") == b"n"
    assert await quarantine.diff(new, new) == ()


async def test_with_files_leaves_the_rest(quarantine: Quarantine, base: str) -> None:
    made = await child(quarantine, base, {"pkg/m.py": None, "new/x": "x", "not there": None})
    assert await tree(quarantine, made) == {"n": LINES.encode(), "empty": b"", "new/x": b"x"}


async def test_with_files_puts_a_folder_where_a_file_was(quarantine: Quarantine, base: str) -> None:
    made = await child(quarantine, base, {"n": None, "n/x": "x", "pkg": "now a file", "pkg/m.py": None})
    assert await tree(quarantine, made) == {"n/x": b"x", "pkg": b"now a file", "empty": b""}


@pytest.mark.parametrize("path", ["../x", ".git/config", "/etc/x", "a//b", "a/../../b"])
async def test_with_files_refuses_paths_that_lead_elsewhere(
    quarantine: Quarantine, base: str, path: str
) -> None:
    with pytest.raises(RepositoryFailed):
        await child(quarantine, base, {path: "x"})


async def test_reading(quarantine: Quarantine, base: str) -> None:
    content = bytes(range(256)) * 2000
    made = await child(quarantine, base, {"odd\nname": content, "big": content * 20})
    blob = (await quarantine.diff(base, made))[1].new_blob or ""
    assert await quarantine.read(blob) == content
    assert await quarantine.read_file(made, "odd\nname") == FileContent(content)
    assert await quarantine.read_file(made, "big") == FileContent(content * 20)
    for path in ("pkg", "pkg/", "nowhere", "*", ":(top)n", "../n", ""):
        assert await quarantine.read_file(made, path) is None


@pytest.mark.parametrize("blob", ["", "HEAD", "0" * 40, "x\ny", "f" * 39])
async def test_reading_what_is_not_there(quarantine: Quarantine, base: str, blob: str) -> None:
    with pytest.raises(KeyError):
        await quarantine.read(blob)
    with pytest.raises(KeyError):
        await quarantine.read(base)


async def test_many_readers_and_a_cancelled_one(quarantine: Quarantine, base: str) -> None:
    contents = [os.urandom(300_000) for _ in range(8)]
    made = await child(quarantine, base, {f"f{at}": content for at, content in enumerate(contents)})
    blobs = [found.new_blob or "" for found in await quarantine.diff(base, made)]
    for delay in (0, 0.001, 0.003):
        reading = [asyncio.create_task(quarantine.read(blob)) for blob in blobs]
        await asyncio.sleep(delay)
        reading[0].cancel()
        assert (await asyncio.gather(*reading, return_exceptions=True))[1:] == contents[1:]
    assert list(await asyncio.gather(*map(quarantine.read, blobs))) == contents


async def test_kept_commits_outlive_housekeeping(quarantine: Quarantine, base: str) -> None:
    made = await child(quarantine, base, {"new": "x"})
    await quarantine.keep("runs/1/integration", made)
    git(quarantine._git_dir, "gc", "-q", "--prune=now")
    assert (await tree(quarantine, made))["new"] == b"x"
    with pytest.raises(RepositoryFailed):
        await quarantine.keep("../heads/main", made)


async def test_an_unknown_commit(quarantine: Quarantine, base: str) -> None:
    with pytest.raises(RepositoryFailed):
        await quarantine.diff(base, "0" * 40)
    with pytest.raises(RepositoryFailed):
        await quarantine.files("no such commit")
    with pytest.raises(RepositoryFailed):
        await quarantine.read_file("0" * 40, "n")
