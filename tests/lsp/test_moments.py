"""What a document's texts held, when the editor tells of them in its own order."""

from __future__ import annotations

from nexus_lsp.lsp.moments import Moments, Undoable, sign

BEFORE, AFTER = "import os\nimport sys\n", "import sys\n"


def accepted() -> Moments:
    moments = Moments(lambda: {"c": {"status": "accepted"}})
    moments.note("a.py", BEFORE)
    moments.remember([Undoable("a.py", sign(BEFORE), sign(AFTER), ("c",))], undo=False)
    return moments


def test_an_undo_gives_back_and_a_redo_takes_again():
    moments = accepted()
    assert moments.turned_back("a.py", BEFORE) == (["c"], [])
    assert moments.turned_back("a.py", AFTER) == ([], ["c"])
    assert moments.turned_back("a.py", "something else\n") == ([], [])
    assert moments.turned_back("b.py", BEFORE) == ([], [])


def test_an_undo_that_is_told_twice_is_one():
    """Neovim tells of one undo in two steps: the second comes before the engine has reopened the change."""
    moments = accepted()
    moments.left("a.py", AFTER)
    moments.left("a.py", BEFORE)
    assert moments.turned_back("a.py", BEFORE) == (["c"], [])


def test_text_that_is_given_up_is_known_where_it_is_met_again():
    moments = accepted()
    moments.left("a.py", AFTER + "mine = 1\n")
    assert moments.turned_back("a.py", AFTER + "mine = 1\n") == ([], ["c"])
