"""From three texts of a file (the user's, with what waits, with the task's work) to changes."""
# ruff: noqa: E501 - whole sentences stand in the table

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.core.changes import Change
from nexus_lsp.core.hunks import apply
from nexus_lsp.core.proposals import (
    Author,
    FileState,
    FileWork,
    Proposal,
    Rejected,
    hunk_of,
    propose,
    text_of,
)
from nexus_lsp.core.text import split_lines

ME = Author("t2", "code_developer", "Do it")
NONE = FileState()


def text(content: str, mode: str = "100644") -> FileState:
    return FileState(f"blob:{content}", mode, content)


def binary(name: str) -> FileState:
    return FileState(f"blob:{name}", "100644", None)


def link(target: str) -> FileState:
    return FileState(f"blob:{target}", "120000", None)


def waits(
    change_id: str, kind: str = "edit", line: int = 0, before: str = "", after: str = "", **more: str
) -> Change:
    values = {"path": "f", **more}
    return Change(
        change_id, ("t1",), ("aria_coordinator",), kind=kind, why="", base="b", line=line,  # type: ignore[arg-type]
        before=before, after=after, **values,  # type: ignore[arg-type]
    )  # fmt: skip


def proposed(
    base: FileState, ours: FileState, merged: FileState, *pending: Change,
    path: str = "f", old_path: str | None = None, old_base: FileState = NONE, rejected: Rejected | None = None,
) -> Proposal:  # fmt: skip
    work = FileWork(path, base, ours, merged, old_path, old_base)
    ids = (f"n{i}" for i in range(1, 99))
    return propose(work, pending, ME, lambda: next(ids), rejected)


def lines(proposal: Proposal) -> list[str]:
    """Each change and each superseding in a line."""
    told = [f"{c.id} {_what(c)} by {'+'.join(c.task_ids)}" for c in proposal.changes]
    return told + [f"{old} -> {new}" for old, new in proposal.superseded]


def _what(c: Change) -> str:
    if c.kind == "edit":
        return f"edit {c.line}: {c.before!r} -> {c.after!r}"
    where = f"{c.old_path} -> {c.path}" if c.old_path else c.path
    return f"{c.kind} {where} {c.before_mode}:{c.before_blob} -> {c.after_mode}:{c.after_blob}"


BASE, X = "a\nb\nc\nd\ne\n", "100755"
RENAME = {"path": "g", "old_path": "f"}

TABLE: Mapping[str, tuple[Proposal, list[str]]] = {
    "an edit": (
        proposed(text(BASE), text(BASE), text("a\nB\nc\nd\ne\n")),
        ["n1 edit 1: 'b\\n' -> 'B\\n' by t2"],
    ),
    "two edits": (
        proposed(text(BASE), text(BASE), text("A\nb\nc\nd\n")),
        ["n1 edit 0: 'a\\n' -> 'A\\n' by t2", "n2 edit 4: 'e\\n' -> '' by t2"],
    ),
    "an edit below a pending one, in the user's coordinates": (
        proposed(text(BASE), text("1\n2\n" + BASE), text("1\n2\na\nb\nc\nd\nE\n"), waits("p", after="1\n2\n")),
        ["n1 edit 4: 'e\\n' -> 'E\\n' by t2"],
    ),
    "an edit of a pending one": (
        proposed(text(BASE), text("a\nB\nc\nd\ne\n"), text("a\nB!\nc\nd\ne\n"), waits("p", line=1, before="b\n", after="B\n")),
        ["n1 edit 1: 'b\\n' -> 'B!\\n' by t1+t2", "p -> n1"],
    ),
    "a pending edit taken back": (
        proposed(text(BASE), text("a\nB\nc\nd\ne\n"), text(BASE), waits("p", line=1, before="b\n", after="B\n")),
        ["p -> None"],
    ),
    "nothing": (proposed(text(BASE), text(BASE), text(BASE)), []),
    "a new file": (proposed(NONE, NONE, text("x\n")), ["n1 create f None:None -> 100644:blob:x\n by t2"]),
    "a new file, edited later": (
        proposed(NONE, text("x\n"), text("y\n"), waits("p", "create")),
        ["n1 create f None:None -> 100644:blob:y\n by t1+t2", "p -> n1"],
    ),
    "a new file, deleted later": (proposed(NONE, text("x\n"), NONE, waits("p", "create")), ["p -> None"]),
    "a deleted file": (proposed(text("x\n"), text("x\n"), NONE), ["n1 delete f 100644:blob:x\n -> None:None by t2"]),
    "an edited file, deleted later": (
        proposed(text("x\n"), text("y\n"), NONE, waits("p", before="x\n", after="y\n")),
        ["n1 delete f 100644:blob:x\n -> None:None by t1+t2", "p -> n1"],
    ),
    "a deleted file, made anew": (
        proposed(text("x\ny\n"), NONE, text("x\nz\n"), waits("p", "delete")),
        ["n1 edit 1: 'y\\n' -> 'z\\n' by t1+t2", "p -> n1"],
    ),
    "a deleted file, put back as it was": (
        proposed(text("x\n"), NONE, text("x\n"), waits("p", "delete")), ["p -> None"],
    ),
    "a mode": (
        proposed(text("x\n"), text("x\n"), text("x\n", X)),
        ["n1 mode f 100644:blob:x\n -> 100755:blob:x\n by t2"],
    ),
    "a mode and an edit": (
        proposed(text("x\n"), text("x\n"), text("y\n", X)),
        ["n1 edit 0: 'x\\n' -> 'y\\n' by t2", "n2 mode f 100644:blob:x\n -> 100755:blob:x\n by t2"],
    ),
    "a mode put back": (
        proposed(text("x\n"), text("x\n", X), text("x\n"), waits("p", "mode")), ["p -> None"],
    ),
    "a binary file changed": (
        proposed(binary("1"), binary("1"), binary("2")), ["n1 binary f 100644:blob:1 -> 100644:blob:2 by t2"],
    ),
    "a text that becomes binary": (
        proposed(text("x\n"), text("y\n"), binary("2"), waits("p", before="x\n", after="y\n")),
        ["n1 binary f 100644:blob:x\n -> 100644:blob:2 by t1+t2", "p -> n1"],
    ),
    "a link": (proposed(NONE, NONE, link("t")), ["n1 symlink f None:None -> 120000:blob:t by t2"]),
    "a link elsewhere": (proposed(link("t"), link("t"), link("u")), ["n1 symlink f 120000:blob:t -> 120000:blob:u by t2"]),
    "a rename": (
        proposed(NONE, NONE, text("x\n"), old_base=text("x\n"), **RENAME),
        ["n1 rename f -> g 100644:blob:x\n -> 100644:blob:x\n by t2"],
    ),
    "an edited file, renamed": (
        proposed(NONE, NONE, text("y\n"), waits("p", before="x\n", after="y\n"), old_base=text("x\n"), **RENAME),
        ["n1 rename f -> g 100644:blob:x\n -> 100644:blob:y\n by t1+t2", "p -> n1"],
    ),
    "a renamed file, deleted": (
        proposed(NONE, text("x\n"), NONE, waits("p", "rename", path="g"), old_base=text("x\n"), **RENAME),
        ["n1 delete f 100644:blob:x\n -> None:None by t1+t2", "p -> n1"],
    ),
    "a new file, renamed": (
        proposed(NONE, NONE, text("x\n"), waits("p", "create"), **RENAME),
        ["n1 create g None:None -> 100644:blob:x\n by t1+t2", "p -> n1"],
    ),
    "a binary file renamed": (
        proposed(NONE, NONE, binary("1"), old_base=binary("1"), **RENAME),
        ["n1 binary f -> g 100644:blob:1 -> 100644:blob:1 by t2"],
    ),
    "a link renamed": (
        proposed(NONE, NONE, link("t"), old_base=link("t"), **RENAME),
        ["n1 symlink f -> g 120000:blob:t -> 120000:blob:t by t2"],
    ),
    "an edit that was rejected": (
        proposed(text(BASE), text(BASE), text("a\nB\nc\nd\nE\n"),
                 rejected=Rejected((hunk_of(waits("r", line=1, before="b\n", after="B\n")),))),
        ["n1 edit 4: 'e\\n' -> 'E\\n' by t2"],
    ),
    "a new file that was rejected": (
        proposed(NONE, NONE, text("x\n"),
                 rejected=Rejected((), (waits("r", "create", after_blob="blob:x\n", after_mode="100644"),))),
        [],
    ),
    "another new file than was rejected": (
        proposed(NONE, NONE, text("y\n"),
                 rejected=Rejected((), (waits("r", "create", after_blob="blob:x\n", after_mode="100644"),))),
        ["n1 create f None:None -> 100644:blob:y\n by t2"],
    ),
    "a mode that was rejected, with other bytes": (
        proposed(text("x\n"), text("x\n"), text("x\n", X),
                 rejected=Rejected((), (waits("r", "mode", after_blob="blob:old", after_mode=X),))),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_what_is_proposed(name: str) -> None:
    found, expected = TABLE[name]
    assert lines(found) == expected


texts = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c"]), max_size=8).map("".join)


@settings(max_examples=200, deadline=None)
@given(texts, texts, texts)
def test_what_waits_and_what_is_new_make_the_proposal_together(base: str, ours: str, merged: str) -> None:
    """Accept all = what the last task left behind, byte for byte."""
    first = proposed(text(base), text(base), text(ours)).changes
    waiting = [_renamed(c, f"p{i}") for i, c in enumerate(first)]
    second = proposed(text(base), text(ours), text(merged), *waiting)
    gone = {old for old, _ in second.superseded}
    left: Sequence[Change] = [*(c for c in waiting if c.id not in gone), *second.changes]
    assert "".join(apply(split_lines(base), [hunk_of(c) for c in left])) == merged


def _renamed(change: Change, change_id: str) -> Change:
    return waits(change_id, line=change.line, before=change.before, after=change.after)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a\r\n", "a\r\n"), (b"", ""), (b"\xff", None), (b"a\0", None), (b"x" * (2**23 + 1), None)],
)
def test_what_an_editor_can_hold(content: bytes, expected: str | None) -> None:
    assert text_of(content) == expected
