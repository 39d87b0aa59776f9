"""Typing inside a waiting change: three sides, four ways out, and none of them overwrites the user's text.

One run, made before the editor starts, proposes one line in many files; each test has a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .editor_client import EarlierRun, Json, TestEditor, WireError

NUMBERS = "".join(f"line {n}\n" for n in range(1, 13))
MINE = NUMBERS.replace("line 4\n", "line four\n")
THEIRS = NUMBERS.replace("line 4\n", "LINE 4\n")
BOTH = NUMBERS.replace("line 4\n", "line four\nLINE 4\n")

NAMES = ["show", "mine", "theirs", "both", "undo", "back", "written", "unwritten", "race", "slow", "late"]
NAMES += ["closed", "typing", "ask", "twice", "save", "list", "refuse", "command", "drift", "bom"]


NAMES += ["key_accept", "key_undo", "key_resolve"]
WORDS = {"accept": "accepted", "undo": "reopened", "resolve": "resolved"}


def _work(checkout: Path) -> None:
    for name in NAMES:
        file = checkout / f"{name}.py"
        file.write_bytes(file.read_bytes().replace(b"line 4\n", b"LINE 4\n"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EarlierRun:
    directory = tmp_path_factory.mktemp("conflicts")
    root = directory / "ws"
    root.mkdir()
    for name in NAMES:
        (root / f"{name}.py").write_text(NUMBERS)
    (root / "bom.py").write_text("\ufeff" + NUMBERS)
    earlier = EarlierRun(root, directory / "state")
    earlier.propose(("code_developer", "Shout in one line", _work))
    return earlier


@pytest.fixture(scope="module")
def shared(run: EarlierRun) -> Iterator[TestEditor]:
    editor = TestEditor(run.root, run.state, rest=0.4, answer=1.0)
    yield from editor.until_its_end()


@pytest.fixture
def editor(shared: TestEditor) -> Iterator[TestEditor]:
    yield shared
    assert shared.faults == []
    shared.carry, shared.unopened, shared.lateness = "apply", "open", 1.0


def change(editor: TestEditor, path: str) -> Json:
    (found,) = editor.changes(path)
    return found


def conflict(editor: TestEditor, name: str, new: str = "line four") -> str:
    """Open a file and type in the proposed line; gives the change's id once the conflict shows."""
    path = f"{name}.py"
    editor.open(path)
    found = change(editor, path)["id"]
    editor.wait_shown(path, "line 4")
    editor.type(path, "line 4", new)
    editor.wait(lambda: [m["severity"] for m in editor.marks(path)] == [2], "a warning")
    return found


def settle(editor: TestEditor, change_id: str, how: str) -> Json:
    return editor.command("review.resolve", changeIds=[change_id], how=how)


# --- what is shown -----------------------------------------------------------------------------------


def test_a_conflict_is_a_warning_with_its_three_sides(editor: TestEditor, run: EarlierRun):
    found = conflict(editor, "show")
    (mark,) = editor.marks("show.py")
    at = {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 9}}
    assert mark["range"] == at and mark["code"] == found and mark["source"] == "nexus"
    assert "Shout in one line (conflict: you changed these lines too)" in mark["message"]
    sides = {"base": "line 4\n", "yours": "line four\n", "theirs": "LINE 4\n"}
    assert mark["data"]["conflict"] == {"range": at, **sides}
    listed = change(editor, "show.py")
    assert (listed["status"], listed["conflict"]) == ("outdated", {"range": at, **sides})

    hover = editor.request(
        "textDocument/hover",
        {"textDocument": {"uri": editor.uri("show.py")}, "position": {"line": 3, "character": 1}},
    )["contents"]["value"]
    assert hover.index("line 4") < hover.index("line four") < hover.index("LINE 4")
    kinds = [a["kind"] for a in editor.actions("show.py", 3, ["quickfix"])]
    assert kinds == [f"quickfix.nexus.{k}" for k in ("keepMine", "takeTheirs", "takeBoth", "askAgent")]
    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": editor.uri("show.py")}})
    assert [lens["command"]["title"].split(": ")[-1] for lens in lenses] == [
        "Keep mine",
        "Take theirs",
        "Take both",
        "Ask",
    ]


def test_its_mark_follows_further_typing_and_stays_while_the_user_is_in_it(editor: TestEditor):
    conflict(editor, "typing")
    editor.insert("typing.py", 0, "above\n")
    editor.wait(lambda: [m["range"]["start"]["line"] for m in editor.marks("typing.py")] == [4], "it moved")
    shown = len(editor.published)
    editor.type("typing.py", "line four", "line four and more")
    editor.insert("typing.py", 5, "one more line\n")
    yours = "line four and more\none more line\n"
    editor.wait(lambda: editor.marks("typing.py")[0]["data"]["conflict"]["yours"] == yours, "its new side")
    assert all(told["diagnostics"] for told in editor.published[shown:]), "it was never gone"


# --- ways out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "kind", "text", "status"),
    [
        ("mine", "quickfix.nexus.keepMine", MINE, "rejected"),
        ("theirs", "quickfix.nexus.takeTheirs", THEIRS, "accepted"),
        ("both", "quickfix.nexus.takeBoth", BOTH, "accepted"),
    ],
)
def test_a_way_out_and_back(editor: TestEditor, how: str, kind: str, text: str, status: str):
    """By a code action, then undone by command: the user's text is back, and the conflict with it."""
    path, found = f"{how}.py", conflict(editor, how)
    (action,) = editor.actions(path, 3, [kind])
    before = len(editor.edits)
    assert editor.run_action(action)["resolved"] == [found]
    assert (editor.text(path), editor.status(found)) == (text, status)
    assert len(editor.edits) - before == (how != "mine"), "one versioned edit, or none"
    editor.wait_marks(path, 0)
    editor.command("review.undo", changeIds=[found])
    assert editor.text(path) == MINE
    editor.wait_status(found, "outdated")
    editor.wait_shown(path, "line four")


def test_the_editors_undo_takes_it_back_and_its_redo_does_it_again(editor: TestEditor):
    found = conflict(editor, "undo")
    settle(editor, found, "both")
    editor.wait_status(found, "accepted")
    editor.undo("undo.py")
    editor.wait_status(found, "outdated")
    editor.wait_shown("undo.py", "line four")
    editor.redo("undo.py")
    editor.wait_status(found, "accepted")
    assert change(editor, "undo.py")["after"] == "LINE 4\n"
    assert editor.text("undo.py") == BOTH
    editor.command("review.undo", changeIds=[found])
    assert editor.text("undo.py") == MINE


def test_it_goes_away_when_the_base_is_back(editor: TestEditor):
    found = conflict(editor, "back")
    editor.type("back.py", "line four", "line 4")
    editor.wait_status(found, "pending")
    editor.wait(lambda: [m["severity"] for m in editor.marks("back.py")] == [3], "an information again")
    assert editor.command("review.accept", changeIds=[found])["accepted"] == [found]
    assert editor.text("back.py") == THEIRS


def test_what_the_user_writes_themselves_counts_as_accepted(editor: TestEditor):
    found = conflict(editor, "written")
    editor.type("written.py", "line four", "LINE 4")
    editor.wait_status(found, "accepted")
    editor.wait_marks("written.py", 0)


def test_writing_it_oneself_and_back_again(editor: TestEditor):
    editor.open("unwritten.py")
    found = change(editor, "unwritten.py")["id"]
    editor.type("unwritten.py", "line 4", "LINE 4")
    editor.wait_status(found, "accepted")
    editor.type("unwritten.py", "LINE 4", "line 4")
    editor.wait_status(found, "pending")
    editor.wait_shown("unwritten.py", "line 4")


def test_a_conflict_in_a_closed_file_that_another_program_wrote(editor: TestEditor, run: EarlierRun):
    found = change(editor, "closed.py")["id"]
    editor.write("closed.py", MINE)
    editor.wait_status(found, "outdated")
    editor.wait_shown("closed.py", "line four")
    editor.unopened = "disk"
    assert settle(editor, found, "both")["resolved"] == [found]
    assert (run.root / "closed.py").read_text() == BOTH


def test_a_byte_order_mark_stays(editor: TestEditor, run: EarlierRun):
    found = conflict(editor, "bom")
    assert settle(editor, found, "theirs")["resolved"] == [found]
    assert editor.text("bom.py") == THEIRS
    editor.command("review.undo", changeIds=[found])
    assert editor.text("bom.py") == MINE


# --- races -------------------------------------------------------------------------------------------


def test_typing_on_before_it_is_settled_keeps_every_key(editor: TestEditor):
    """The sides shown are older than the text: what counts is what stands there when it is settled."""
    found = conflict(editor, "race")
    editor.type("race.py", "line four", "line fourteen")
    assert settle(editor, found, "both")["resolved"] == [found]
    assert editor.text("race.py") == BOTH.replace("line four\n", "line fourteen\n")


@pytest.mark.parametrize("operation", ["accept", "undo", "resolve"])
def test_a_key_typed_while_the_edit_is_on_its_way_makes_it_void(editor: TestEditor, operation: str):
    """The edit is versioned: an editor that went on since does not apply it, and nothing counts as done."""
    path = f"key_{operation}.py"
    if operation == "resolve":
        found = conflict(editor, path.removesuffix(".py"))
    else:
        editor.open(path)
        found = change(editor, path)["id"]
    if operation == "undo":
        editor.command("review.accept", changeIds=[found])
    was = editor.status(found)
    carry = editor._carry

    def typed_first(params: Json, reply: Callable[[Any], None]) -> None:
        editor.insert(path, 0, "typed just now\n")
        version = params["edit"]["documentChanges"][0]["textDocument"]["version"]
        assert version != editor.documents[editor.uri(path)].version
        reply({"applied": False, "failureReason": "it has changed"})

    editor._carry = typed_first
    try:
        argument = {"changeIds": [found]} | ({"how": "theirs"} if operation == "resolve" else {})
        answer = editor.command(f"review.{operation}", argument)
    finally:
        editor._carry = carry
    assert [r["id"] for r in answer["refused"]] == [found]
    assert editor.status(found) == was
    assert editor.text(path).startswith("typed just now\nline 1\n")
    assert editor.command(f"review.{operation}", argument)[WORDS[operation]] == [found]


def test_an_edit_that_the_editor_refuses_changes_nothing(editor: TestEditor):
    found = conflict(editor, "refuse")
    editor.carry = "refuse"
    answer = settle(editor, found, "theirs")
    assert answer["resolved"] == [] and "refused the edit" in answer["refused"][0]["why"]
    assert (editor.text("refuse.py"), editor.status(found)) == (MINE, "outdated")
    editor.carry = "apply"
    assert settle(editor, found, "theirs")["resolved"] == [found]


def test_an_answer_after_its_time_still_counts_as_what_was_put_in(editor: TestEditor):
    found = conflict(editor, "late")
    editor.carry, editor.lateness = "late", 2.0
    assert "did not answer in time" in settle(editor, found, "both")["refused"][0]["why"]
    editor.wait_status(found, "accepted")
    editor.carry = "apply"
    assert editor.command("review.undo", changeIds=[found])["reopened"] == [found]
    assert editor.text("late.py") == MINE


def test_settled_twice(editor: TestEditor):
    found = conflict(editor, "twice")
    assert settle(editor, found, "theirs")["resolved"] == [found]
    assert settle(editor, found, "both") == {
        "resolved": [],
        "refused": [{"id": found, "why": "it is accepted already (user)"}],
        "unsaved": [],
    }
    assert editor.text("twice.py") == THEIRS


def test_what_is_in_no_conflict_is_not_settled(editor: TestEditor):
    found = change(editor, "command.py")["id"]
    answer = settle(editor, found, "theirs")
    assert answer["refused"] == [{"id": found, "why": "it is in no conflict: accept or reject it"}]
    for argument in ({"how": "theirs"}, {"changeIds": [found]}, {"changeIds": [found], "how": "ours"}):
        with pytest.raises(WireError) as error:
            editor.command("review.resolve", argument)
        assert error.value.code == -32602


def test_the_local_team_says_that_it_cannot_be_asked(editor: TestEditor):
    conflict(editor, "ask")
    (action,) = editor.actions("ask.py", 3, ["quickfix.nexus.askAgent"])
    with pytest.raises(WireError, match="local team works by fixed rules and cannot answer feedback"):
        editor.run_action(action)
