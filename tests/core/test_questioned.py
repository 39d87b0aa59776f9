"""Where a line of a measured tree shows, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from nexus_lsp.core.questioned import shown_at


def change(status: str, line: int | None, before: str, after: str) -> dict[str, Any]:
    return {"id": f"{status}@{line}", "status": status, "line": line, "before": before, "after": after}


ABOVE, BELOW = ("", "new\nlines\n"), ("old\n", "other\n")
"""Two lines put above line 1; line 5 rewritten."""


@pytest.mark.parametrize(
    ("above", "below", "line", "expected"),
    [
        ("pending", "pending", 0, (None, 0)),
        ("pending", "pending", 2, ("pending@1", 1)),
        ("pending", "pending", 4, (None, 2)),
        ("pending", "pending", 7, ("pending@5", 0)),
        ("pending", "pending", 9, (None, 7)),
        ("accepted", "pending", 2, (None, 2)),
        ("accepted", "pending", 7, ("pending@5", 0)),
        ("accepted", "accepted", 7, (None, 7)),
        ("rejected", "accepted", 7, (None, 5)),
        ("rejected", "pending", 2, None),
        ("pending", "outdated", 7, None),
    ],
)
def test_a_line_shows_where_the_user_sees_it(
    above: str, below: str, line: int, expected: tuple[str | None, int] | None
) -> None:
    found = shown_at(line, [change(below, 5, *BELOW), change(above, 1, *ABOVE)])
    assert (found and (found[0] and found[0]["id"], found[1])) == expected


def test_a_line_of_a_new_file_shows_in_it() -> None:
    new = change("pending", None, "", "a\nb\nc\n")
    assert shown_at(2, [new]) == (new, 2)
