"""What a keystroke does to a file's lines and to the changes in it, beside doing it all from scratch."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.text import Edit, apply_edit, split_lines
from nexus_lsp.core.tracking import settle, track
from nexus_lsp.lsp import sheet as sheets
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.sheet import Sheet, line_edit

TEXTS = st.text(alphabet="ab\n\r\f😀", max_size=30)
EDITS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8), TEXTS), max_size=5)


def _edit(text: str, at: int, size: int, new: str) -> Edit:
    start = min(at, len(text))
    return Edit(start, min(start + size, len(text)), new)


@given(TEXTS, EDITS)
@example("x\ry", [(2, 0, "\n")])
@example("x\rabc\n\n", [(2, 4, "")])
@example("x\r\ny", [(2, 1, "")])
@example("x\r\ny", [(2, 0, "a")])
def test_lines_kept_by_edits_are_those_of_the_text(text: str, edits: list[tuple[int, int, str]]) -> None:
    sheet = Sheet(text, True)
    for at, size, new in edits:
        edit = _edit(sheet.text, at, size, new)
        after = apply_edit(sheet.text, edit)
        sheet.edited([edit], after)
        assert (sheet.text, sheet.lines) == (after, split_lines(after))


@given(
    st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\r\n"]), min_size=4, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 2)), max_size=6),
    EDITS,
)
def test_changes_far_from_an_edit_are_where_tracking_all_would_have_them(
    lines: list[str], hunks: list[tuple[int, int]], edits: list[tuple[int, int, str]]
) -> None:
    text = "".join(lines)
    found = {}
    for number, (at, size) in enumerate(hunks):
        start = min(at, len(lines))
        hunk = Hunk(start, tuple(lines[start : start + size]), ("new\n",))
        found[str(number)] = settle(hunk, start, lines)
    sheet, wanted = Sheet(text, True, dict(found)), dict(found)
    for at, size, new in edits:
        edit = _edit(sheet.text, at, size, new)
        change, after = line_edit(sheet.text, edit), apply_edit(sheet.text, edit)
        wanted = track(wanted, change, split_lines(after))
        sheet.edited([edit], after)
        assert sheet.placed == wanted


def test_a_key_splits_only_the_lines_it_touches(monkeypatch: Any) -> None:
    text = "".join(f"line {n}\n" for n in range(5000))
    sheet = Sheet(text, True)
    assert len(sheet.lines) == 5000
    split: list[int] = []
    monkeypatch.setattr(sheets, "split_lines", lambda text: split.append(len(text)) or split_lines(text))
    for _ in range(3):
        edit = Edit(20_000, 20_000, "x\n")
        sheet.edited([edit], apply_edit(sheet.text, edit))
    assert len(sheet.lines) == 5003 and max(split) < 100


def _change(at: int) -> dict[str, Any]:
    return {
        "id": f"c{at}",
        "path": "a.py",
        "old_path": None,
        "kind": "edit",
        "status": "pending",
        "run_id": "r",
        "task_id": "t",
        "line": at,
        "before": f"line {at}\n",
        "after": "new\n",
        "note": "",
        "superseded_by": None,
        "parked": None,
    }


class _Engine:
    def __init__(self, text: str, count: int) -> None:
        self.text, self.asked = text, list[str]()
        self.changes = [_change(at * 2) for at in range(count)]

    async def execute(self, name: str, argument: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(name)
        return {"changes": self.changes} if name == "review.list" else {"base": "b", "text": self.text}


def test_changes_that_come_all_at_once_are_asked_for_once() -> None:
    engine = _Engine("".join(f"line {n}\n" for n in range(400)), 200)

    async def hear() -> Desk:
        desk = Desk(Path("/"), engine.execute, lambda path: None)
        desk.opened("a.py", engine.text)
        await desk.hear([{"type": "change_proposed", "change": c} for c in engine.changes])
        desk.close()
        return desk

    desk = asyncio.run(hear())
    assert engine.asked.count("review.list") == 1
    assert [desk.placed(c["id"], "a.py") is not None for c in engine.changes] == [True] * 200


def test_a_document_typed_in_before_anything_else_happens_is_followed() -> None:
    engine = _Engine("".join(f"line {n}\n" for n in range(5)), 2)
    pasted = "line 1\nline 2\nline 3\n"

    async def type_at_once() -> int | None:
        desk = Desk(Path("/"), engine.execute, lambda path: None)
        desk.opened("a.py", engine.text)
        await desk.reload()
        desk.closed("a.py")
        desk.opened("a.py", engine.text)
        edit = Edit(len("line 0\n"), len("line 0\n"), pasted)
        desk.edited("a.py", [edit], apply_edit(engine.text, edit))
        placed = desk.placed("c2", "a.py")
        desk.close()
        return placed.line if placed else None

    assert asyncio.run(type_at_once()) == 5, "a pasted copy above it: only the edit says which is which"


def test_publishing_is_gathered_and_lets_others_have_their_turn() -> None:
    from types import SimpleNamespace

    from nexus_lsp.lsp.publishing import MAX_RELATED, RELATED_IN_ALL, SHOW_EVERY, Publisher
    from nexus_lsp.lsp.showing import Showing

    count = 1000
    engine = _Engine("".join(f"line {n}\n" for n in range(2 * count)), count)
    for change in engine.changes:
        change |= {"agent_id": "a", "agent_ids": ["a"], "why": "So"}
    sent: list[dict[str, Any]] = []
    server: Any = SimpleNamespace(
        units="utf-16",
        workspace=SimpleNamespace(opened=lambda uri: None),
        client_capabilities=SimpleNamespace(workspace=None),
        protocol=SimpleNamespace(encoded=json.dumps, send_body=lambda body: sent.append(json.loads(body))),
    )

    async def show() -> tuple[float, float]:
        """How many keys' news are published in a second, as turns of the loop go by; the longest turn."""
        showing = Showing(server)
        showing.root = Path("/ws")
        publisher = Publisher(server, showing)
        desk = showing.desk = Desk(Path("/"), engine.execute, lambda path: None)
        desk.opened("a.py", engine.text)
        await desk.reload()
        began, turns = time.perf_counter(), list[float]()
        while time.perf_counter() - began < 1:
            publisher.show("a.py")
            turn = time.process_time()
            await asyncio.sleep(0.002)
            turns.append(time.process_time() - turn)
        took = time.perf_counter() - began
        publisher.close()
        desk.close()
        return took, max(turns)

    gc.collect()
    gc.freeze()  # as the server does: what thousands of tests have left is not to be looked through meanwhile
    try:
        took, longest = asyncio.run(show())
    finally:
        gc.unfreeze()
    assert 1 <= len(sent) <= took / SHOW_EVERY + 1
    (first, *_) = sent
    marks = first["params"]["diagnostics"]
    assert len(marks) == count
    room = min(MAX_RELATED, RELATED_IN_ALL // count)
    near = marks[500]["relatedInformation"]
    assert [r["location"]["range"]["start"]["line"] for r in near] == [998, 1002][:room]
    assert longest < 0.2
