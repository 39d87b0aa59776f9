"""The disk as a face: what an accept does to files, what an undo takes back, and what is refused."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fakes import put

from nexus_lsp.adapters.disk_face import KEPT_BACKUPS, DiskFace
from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.ports import CarriedOut


class Blobs:
    """As much of the repository as the face needs: blobs that are named by their content."""

    async def read(self, blob: str) -> bytes:
        return blob.encode("latin-1")


Check = Callable[..., Awaitable[CarriedOut]]


@pytest.fixture
def face(tmp_path: Path) -> DiskFace:
    (tmp_path / "w").mkdir()
    return DiskFace(tmp_path / "w", Blobs(), tmp_path / "backups")  # type: ignore[arg-type]


@pytest.fixture
def w(tmp_path: Path, face: DiskFace) -> Path:
    return tmp_path / "w"


def edit(path: str, base: str, line: int, before: str, after: str, change_id: str = "c") -> Change:
    return Change(change_id, ("t",), ("a",), path, "edit", "", base, line, before, after)


def whole(
    kind: ChangeKind, path: str, before: str | None, after: str | None,
    modes: tuple[str | None, str | None] = ("100644", "100644"), old_path: str | None = None,
) -> Change:  # fmt: skip
    return Change(
        "c", ("t",), ("a",), path, kind, "", old_path=old_path, before_blob=before, after_blob=after,
        before_mode=modes[0] if before is not None else None,
        after_mode=modes[1] if after is not None else None,
    )  # fmt: skip


def files(folder: Path) -> dict[str, str]:
    """Path -> mode and content of every file and link."""
    found: dict[str, str] = {}
    for place in sorted(folder.rglob("*")):
        if place.is_symlink():
            found[str(place.relative_to(folder))] = f"-> {os.readlink(place)}"
        elif place.is_file():
            mark = "x " if place.stat().st_mode & 0o100 else ""
            found[str(place.relative_to(folder))] = mark + place.read_bytes().decode("latin-1")
    return found


LINK, PLAIN, RUNS = "120000", "100644", "100755"

WHOLE: dict[str, tuple[dict[str, str], Change, dict[str, str]]] = {
    "an edit": ({"f": "a\nb\n"}, edit("f", "a\nb\n", 1, "b\n", "B\n"), {"f": "a\nB\n"}),
    "an edit with CRLF": ({"f": "a\r\nb"}, edit("f", "a\r\nb", 1, "b", "b\r\n"), {"f": "a\r\nb\r\n"}),
    "a new file": ({}, whole("create", "d/e/f", None, "x\n"), {"d/e/f": "x\n"}),
    "a new program": ({}, whole("create", "f", None, "x\n", (None, RUNS)), {"f": "x x\n"}),
    "an empty new file": ({}, whole("create", "f", None, ""), {"f": ""}),
    "a deletion": ({"f": "x\n", "g": ""}, whole("delete", "f", "x\n", None), {"g": ""}),
    "a rename": ({"f": "x\n"}, whole("rename", "d/g", "x\n", "y\n", old_path="f"), {"d/g": "y\n"}),
    "a rename by case only": ({"Read": "x\n"}, whole("rename", "READ", "x\n", "x\n", old_path="Read"), {"READ": "x\n"}),
    "by case only, with an edit": (
        {"Read": "x\n"}, whole("rename", "READ", "x\n", "y\n", old_path="Read"), {"READ": "y\n"},
    ),
    "a binary file": ({"f": "\0\xff"}, whole("binary", "f", "\0\xff", "\0\xfe"), {"f": "\0\xfe"}),
    "a binary file renamed": ({"f": "\0"}, whole("binary", "g", "\0", "\0", old_path="f"), {"g": "\0"}),
    "a mode": ({"f": "x\n"}, whole("mode", "f", "x\n", "x\n", (PLAIN, RUNS)), {"f": "x x\n"}),
    "a new link": ({}, whole("symlink", "l", None, "to/it", (None, LINK)), {"l": "-> to/it"}),
    "a link in a file's place": (
        {"f": "x\n"}, whole("symlink", "f", "x\n", "to/it", (PLAIN, LINK)), {"f": "-> to/it"},
    ),
    "a link elsewhere": (
        {"f": "-> old"}, whole("symlink", "f", "old", "new", (LINK, LINK)), {"f": "-> new"},
    ),
    "a link that goes": ({"f": "-> old"}, whole("symlink", "f", "old", None, (LINK, None)), {}),
    "a file in a link's place": ({"f": "-> old"}, whole("symlink", "f", "old", "x\n", (LINK, PLAIN)), {"f": "x\n"}),
}  # fmt: skip


def lay(w: Path, content: dict[str, str]) -> None:
    for path, text in content.items():
        if text.startswith("-> "):
            (w / path).symlink_to(text[3:])
        else:
            put(w, path, text.encode("latin-1"))


@pytest.mark.parametrize("name", WHOLE)
async def test_accept_twice_and_undo_twice(face: DiskFace, w: Path, name: str) -> None:
    """The second time finds it done: a crash may come between the file and the journal."""
    before, change, after = WHOLE[name]
    lay(w, before)
    for _ in range(2):
        assert await face.carry_out([change]) == CarriedOut(("c",))
        assert files(w) == after
    for _ in range(2):
        assert await face.carry_out([change], undo=True) == CarriedOut(("c",))
        assert files(w) == before


@pytest.mark.parametrize("name", WHOLE)
async def test_a_file_that_is_another_by_now_is_not_touched(face: DiskFace, w: Path, name: str) -> None:
    before, change, _ = WHOLE[name]
    if change.kind == "mode":
        pytest.skip("a mode fits any bytes")
    lay(w, before)
    source = w / (change.old_path or change.path)
    source.unlink(missing_ok=True)
    put(w, str(source.relative_to(w)), "the user's\n")
    there = files(w)
    out = await face.carry_out([change])
    assert out.applied == () and len(out.refused) == 1
    assert files(w) == there


async def check_refused(face: DiskFace, w: Path, change: Change, why: str) -> None:
    before = files(w)
    assert await face.carry_out([change]) == CarriedOut((), (("c", why),))
    assert files(w) == before


async def test_refusals_say_why(face: DiskFace, w: Path) -> None:
    put(w, "g", "there\n")
    put(w, "f", "x\n")
    await check_refused(face, w, whole("create", "g", None, "x\n"), "g exists already")
    await check_refused(face, w, whole("rename", "g", "x\n", "x\n", old_path="f"), "g exists already")
    await check_refused(face, w, edit("n", "x\n", 0, "x\n", "y\n"), "n is gone or is no longer text")
    changed = "you changed these lines since; they were not touched"
    await check_refused(face, w, edit("g", "x\n", 0, "x\n", "y\n"), changed)
    runs = whole("mode", "n", "x\n", "x\n", (PLAIN, RUNS))
    await check_refused(face, w, runs, "n is not what it was when this was proposed")


async def test_a_directory_or_an_unreadable_file_is_not_taken_for_nothing(face: DiskFace, w: Path) -> None:
    put(w, "d/f", "x\n")
    await check_refused(face, w, whole("create", "d", None, "x\n"), "d exists already")


async def test_nothing_leads_out_of_the_workspace(face: DiskFace, w: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "f", "x\n")
    (w / "dir").symlink_to(outside)
    put(w, "g", "x\n")
    for change in (
        whole("create", "dir/new", None, "x\n"),
        whole("delete", "dir/f", "x\n", None),
        whole("rename", "dir/g", "x\n", "x\n", old_path="g"),
        whole("rename", "h", "x\n", "x\n", old_path="dir/f"),
        whole("mode", "dir/f", "x\n", "x\n", (PLAIN, RUNS)),
    ):
        out = await face.carry_out([change])
        assert out.applied == () and "leads out of the workspace" in out.refused[0][1]
    assert (
        "leads out of the workspace"
        in (await face.carry_out([edit("dir/f", "x\n", 0, "x\n", "y\n")])).refused[0][1]
    )
    (w / "link").symlink_to(outside / "f")
    await check_refused(face, w, edit("link", "x\n", 0, "x\n", "y\n"), "link is gone or is no longer text")
    assert files(outside) == {"f": "x\n"}


async def test_permissions_stay_and_a_mode_changes_only_its_bit(face: DiskFace, w: Path) -> None:
    put(w, "f", "x\n")
    (w / "f").chmod(0o640)
    await face.carry_out([edit("f", "x\n", 0, "x\n", "y\n")])
    assert stat.S_IMODE((w / "f").stat().st_mode) == 0o640
    await face.carry_out([whole("mode", "f", "x\n", "x\n", (PLAIN, RUNS))])
    assert stat.S_IMODE((w / "f").stat().st_mode) == 0o750
    await face.carry_out([whole("mode", "f", "x\n", "x\n", (PLAIN, RUNS))], undo=True)
    assert stat.S_IMODE((w / "f").stat().st_mode) == 0o640


async def test_an_edit_and_a_mode_of_one_file_go_together(face: DiskFace, w: Path) -> None:
    put(w, "f", "x\n")
    both = [
        whole("mode", "f", "x\n", "x\n", (PLAIN, RUNS)),
        edit("f", "x\n", 0, "x\n", "y\n", "e"),
    ]
    assert sorted((await face.carry_out(both)).applied) == ["c", "e"]
    assert files(w) == {"f": "x y\n"}


async def test_hunks_of_one_file_are_one_write_and_one_lost_hunk_takes_none_along(
    face: DiskFace, w: Path
) -> None:
    base = "a\nb\nc\nd\n"
    put(w, "f", "a\nb\nuser\nd\n")
    hunks = [
        edit("f", base, 0, "a\n", "A\n", "1"),
        edit("f", base, 2, "c\n", "C\n", "2"),
        edit("f", base, 3, "d\n", "D\n", "3"),
    ]
    out = await face.carry_out(hunks)
    assert (out.applied, [i for i, _ in out.refused]) == (("1", "3"), ["2"])
    assert files(w) == {"f": "A\nb\nuser\nD\n"}


async def test_what_is_replaced_is_kept_and_the_oldest_go(face: DiskFace, w: Path, tmp_path: Path) -> None:
    put(w, "f", "precious\n")
    await face.carry_out([whole("delete", "f", "precious\n", None)])
    [kept] = (tmp_path / "backups").iterdir()
    assert kept.read_text() == "precious\n"
    for n in range(KEPT_BACKUPS):
        put(tmp_path / "backups", f"{n}-old", "")
    put(w, "g", "x\n")
    await face.carry_out([edit("g", "x\n", 0, "x\n", "y\n")])
    assert len(list((tmp_path / "backups").iterdir())) == KEPT_BACKUPS


async def test_a_disk_that_cannot_be_written_is_a_sentence_and_the_file_stays(
    face: DiskFace, w: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(w, "f", "x\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    why = "it could not be written: No space left on device"
    await check_refused(face, w, edit("f", "x\n", 0, "x\n", "y\n"), why)
    await check_refused(face, w, whole("create", "g", None, "x\n"), why)


@pytest.mark.parametrize(
    ("change", "there", "told"),
    [
        (edit("f", "a\nb\n", 1, "b\n", "B\n"), "a\nb\n", "the file changed on disk just now; try again"),
        (whole("create", "f", None, "new\n"), None, "f exists already"),
        (whole("binary", "f", "old", "new"), "old", "the file changed on disk just now; try again"),
        (whole("rename", "f", "old", "new", old_path="g"), None, "f exists already"),
    ],
    ids=lambda value: value.kind if isinstance(value, Change) else "",
)
async def test_another_program_writes_the_file_while_it_is_written(
    face: DiskFace, w: Path, monkeypatch: pytest.MonkeyPatch, change: Change, there: str | None, told: str
) -> None:
    """It takes a while until bytes are on the disk; what was saved meanwhile stays."""
    if there is not None:
        put(w, "f", there)
    if change.old_path:
        put(w, change.old_path, "old")

    def slow(_descriptor: int) -> None:
        put(w, "f", "theirs\n")

    monkeypatch.setattr(os, "fsync", slow)
    out = await face.carry_out([change])
    assert (out.applied, [why for _, why in out.refused]) == ((), [told])
    assert (w / "f").read_text() == "theirs\n"
    kept = {"f", change.old_path} - {None}
    assert {p.name for p in w.iterdir()} == kept, "and nothing lies about"


LOCKED = "f 1 is read-only; `chmod u+w 'f 1'` first"


@pytest.mark.parametrize(
    "change",
    [
        edit("f 1", "x\n", 0, "x\n", "y\n"),
        whole("binary", "f 1", "x\n", "\0"),
        whole("delete", "f 1", "x\n", None),
        whole("rename", "g", "x\n", "y\n", old_path="f 1"),
    ],
    ids=lambda change: change.kind,
)
async def test_a_read_only_file_is_left_as_it_is(face: DiskFace, w: Path, change: Change) -> None:
    put(w, "f 1", "x\n")
    (w / "f 1").chmod(0o444)
    await check_refused(face, w, change, LOCKED)
    (w / "f 1").chmod(0o644)
    assert (await face.carry_out([change])).applied == ("c",)
    (w / change.path).chmod(0o444) if change.kind != "delete" else None
    undone = await face.carry_out([change], undo=True)
    assert bool(undone.applied) == (change.kind == "delete")


async def test_a_read_only_file_can_be_made_to_run(face: DiskFace, w: Path) -> None:
    put(w, "f", "x\n")
    (w / "f").chmod(0o444)
    await face.carry_out([whole("mode", "f", "x\n", "x\n", (PLAIN, RUNS))])
    assert stat.S_IMODE((w / "f").stat().st_mode) == 0o555


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_directory_is_a_sentence(face: DiskFace, w: Path) -> None:
    put(w, "d/f", "x\n")
    (w / "d").chmod(0o555)
    try:
        await check_refused(
            face, w, edit("d/f", "x\n", 0, "x\n", "y\n"), "it could not be written: Permission denied"
        )
    finally:
        (w / "d").chmod(0o755)


async def test_it_opens_nothing_and_carries_everything(face: DiskFace) -> None:
    assert await face.open_texts() == {}
    assert face.can_carry("binary")
