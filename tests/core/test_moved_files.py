"""Where a change is after the user gave a file or folder another name."""

from __future__ import annotations

from typing import Any

import pytest

from nexus_lsp.core.changes import Change, ChangeStatus
from nexus_lsp.core.evolve_changes import moved_with
from nexus_lsp.core.run import ChangeState

EDIT: dict[str, Any] = {"kind": "edit", "base": "b"}
CREATE: dict[str, Any] = {"kind": "create", "after_blob": "n"}
DELETE: dict[str, Any] = {"kind": "delete", "before_blob": "o"}
RENAME: dict[str, Any] = {"kind": "rename", "old_path": "d/a", "before_blob": "o", "after_blob": "n"}


@pytest.mark.parametrize(
    ("kind", "path", "status", "moved", "expected"),
    [
        (EDIT, "d/a", "pending", "d/a > d/z", "d/z"),
        (EDIT, "d/a", "accepted", "d/a > d/z", "d/z"),
        (EDIT, "d/a", "rejected", "d/a > d/z", "d/z"),
        (EDIT, "d/a", "outdated", "d/a > d/z", "d/z"),
        (EDIT, "d/a", "pending", "d > e", "e/a"),
        (EDIT, "d/a", "pending", "d/a > e/f/a", "e/f/a"),
        (EDIT, "dd/a", "pending", "d > e", "dd/a"),
        (EDIT, "d/a", "pending", "d/b > d/z", "d/a"),
        (DELETE, "d/a", "pending", "d/a > d/z", "d/z"),
        (CREATE, "d/a", "pending", "d/a > d/z", "d/a"),
        (CREATE, "d/a", "pending", "d > e", "e/a"),
        (CREATE, "d/a", "accepted", "d/a > d/z", "d/z"),
        (RENAME, "d/b", "pending", "d/a > d/z", "d/z → d/b"),
        (RENAME, "d/b", "pending", "d > e", "e/a → e/b"),
        (RENAME, "d/b", "pending", "d/a > d/b", "d/a → d/b"),
        (RENAME, "d/b", "pending", "d/b > d/z", "d/a → d/b"),
        (RENAME, "d/b", "accepted", "d/b > d/z", "d/a → d/z"),
        (RENAME, "d/b", "accepted", "d/a > d/b", "d/a → d/b"),
        (RENAME, "d/b", "accepted", "d/b > d/a", "d/a → d/b"),
    ],
)
def test_a_change_goes_with_its_file(
    kind: dict[str, Any], path: str, status: ChangeStatus, moved: str, expected: str
) -> None:
    change = Change(id="c", task_ids=("t",), agent_ids=("a",), path=path, why="", **kind)
    old, new = moved.split(" > ")
    state = ChangeState(change, status)
    after = moved_with(state, old, new)
    told = f"{after.change.old_path} → " if after.change.old_path else ""
    assert told + after.change.path == expected
    assert (after is state) == (after.change == change)
