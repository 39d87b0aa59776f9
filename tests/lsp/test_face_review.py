"""Review in an editor: what is shown where, and what accept, reject, undo and typing do to it.

One run, made before the editor starts, proposes changes in many files; each test has a file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor, WireError

NUMBERS = "".join(f"line {n}\n" for n in range(1, 13))
"""Twelve lines, no two alike."""

LIKE = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


def _numbers(text: str) -> str:
    return text.replace("line 4\n", "LINE 4\n").replace("line 9\n", "LINE 9\n")


NAMES = [
    "show",
    "close",
    "type",
    "outdated",
    "paste",
    "watched",
    "late",
    "slow",
    "refuse",
    "tell",
    "accept_file",
    "accept_ids",
    "action",
    "reject",
    "undo_one",
    "undo_both",
    "redo",
    "both_files_a",
    "both_files_b",
    "accept_closed",
    "hover",
    "list",
    "server_undo",
    "gone",
    "drop",
    "unseen",
]

TWO = [f"{name}.py" for name in NAMES]
"""Files whose lines 4 and 9 are to be changed."""


def _work(checkout: Path) -> None:
    for name in TWO:
        file = checkout / name
        file.write_text(_numbers(file.read_text()))
    for name in ("top", "insert"):
        file = checkout / f"{name}.py"
        put = "NEW\n" if name == "top" else ""
        file.write_text(put + file.read_text().replace("line 6\n", "line 6\nNEW TOO\n"))
    (checkout / "alike.py").write_text(LIKE.replace("return 2", "return 3"))
    (checkout / "deep" / "er").mkdir(parents=True)
    (checkout / "deep/er/new file.py").write_text("print('ä😀')\n")
    (checkout / "run.sh").write_text("#!/bin/sh\n")
    (checkout / "run.sh").chmod(0o755)
    (checkout / "old.py").unlink()
    (checkout / "before.py").rename(checkout / "after.py")
    (checkout / "after.py").write_text((checkout / "after.py").read_text().replace("line 2\n", "LINE 2\n"))
    (checkout / "logo.bin").write_bytes(b"\0\xff\x02")
    (checkout / "latin.txt").write_bytes("gr\xfc\xdfe\n".encode("latin-1"))
    (checkout / "tool.sh").chmod(0o755)
    (checkout / "link").unlink()
    (checkout / "link").symlink_to("tool.sh")
    (checkout / "junk.bin").unlink()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EarlierRun:
    directory = tmp_path_factory.mktemp("review")
    root = directory / "my ws"
    root.mkdir()
    for name in [*TWO, "top.py", "insert.py", "old.py", "before.py"]:
        (root / name).write_text(NUMBERS)
    (root / "alike.py").write_text(LIKE)
    (root / "logo.bin").write_bytes(b"\0\x01\x02")
    (root / "junk.bin").write_bytes(b"\0\x03")
    (root / "latin.txt").write_bytes("gr\xfc\xdf\n".encode("latin-1"))
    (root / "tool.sh").write_text("#!/bin/sh\n")
    (root / "link").symlink_to("old.py")
    earlier = EarlierRun(root, directory / "state")
    earlier.propose(("code_developer", "Shout in two lines", _work))
    return earlier


@pytest.fixture(scope="module")
def shared(run: EarlierRun) -> Iterator[TestEditor]:
    editor = TestEditor(run.root, run.state, rest=0.4, answer=1.0)
    yield from editor.until_its_end()


@pytest.fixture
def editor(shared: TestEditor) -> Iterator[TestEditor]:
    shared.carry, shared.unopened = "apply", "open"
    yield shared
    assert shared.faults == []


def ids(editor: TestEditor, path: str) -> list[str]:
    return [d["code"] for d in editor.wait_marks(path, 2)]


# --- what is shown -----------------------------------------------------------------------------------


def test_a_change_shows_as_an_information_on_its_lines(editor: TestEditor, run: EarlierRun):
    uri = editor.open("show.py")
    first, second = editor.wait_marks("show.py", 2)
    assert first["source"] == "nexus" and first["severity"] == 3
    assert first["message"] == "Code: Shout in two lines"
    assert first["range"] == {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 6}}
    assert first["data"] == {
        "changeId": first["code"],
        "runId": run.run_id,
        "taskId": "t0",
        "agentId": "code_developer",
        "editRange": {"start": {"line": 3, "character": 0}, "end": {"line": 4, "character": 0}},
    }
    related = [r["location"] for r in first["relatedInformation"]]
    assert {"uri": uri, "range": second["range"]} == related[0]
    assert len(related) == 10


@pytest.mark.parametrize(
    ("path", "at", "exact"),
    [("top.py", (0, 6), (0, 0)), ("insert.py", (5, 6), (6, 0))],
    ids=["at the top: on the first line", "else: on the line before"],
)
def test_an_insertion_shows_on_a_whole_line(editor: TestEditor, path: str, at, exact):
    mark = editor.wait_marks(path, 2 if path == "top.py" else 1)[0]
    assert mark["range"] == {
        "start": {"line": at[0], "character": 0},
        "end": {"line": at[0], "character": at[1]},
    }
    place = {"line": exact[0], "character": exact[1]}
    assert mark["data"]["editRange"] == {"start": place, "end": place}


def test_marks_move_with_what_is_typed_above_and_below(editor: TestEditor):
    editor.open("type.py")
    editor.wait_marks("type.py", 2)
    editor.insert("type.py", 0, "# one\n# two\n")
    editor.insert("type.py", 8, "# between\n")
    editor.insert("type.py", 15, "# below")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("type.py")] == [5, 11])
    editor.wait_shown("type.py", "line 4", "line 9")
    assert editor.marks("type.py")[1]["data"]["editRange"]["start"]["line"] == 11


def test_a_document_edited_right_after_it_was_opened_is_known_as_it_is(editor: TestEditor):
    editor.open("close.py")
    editor.insert("close.py", 0, "# at once\n")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("close.py")] == [4, 9])
    editor.close("close.py")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("close.py")] == [3, 8])


def test_closed_files_have_marks_too_and_follow_other_programs(editor: TestEditor):
    editor.wait_marks("watched.py", 2)
    editor.write("watched.py", "# by a formatter\n" + NUMBERS)
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("watched.py")] == [4, 9])
    editor.write("watched.py", NUMBERS)
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("watched.py")] == [3, 8])


def test_closed_files_are_followed_though_the_editor_tells_nothing(editor: TestEditor, run: EarlierRun):
    editor.wait_marks("unseen.py", 2)
    (run.root / "unseen.py").write_text("# by a formatter\n" + NUMBERS)
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("unseen.py")] == [4, 9])


def test_a_closed_file_that_loses_the_lines_and_gets_them_back(editor: TestEditor):
    first, _ = ids(editor, "gone.py")
    editor.write("gone.py", NUMBERS.replace("line 4\n", "mine\n"))
    editor.wait_status(first, "outdated")
    editor.wait_shown("gone.py", "mine", "line 9")
    editor.write("gone.py", NUMBERS)
    editor.wait_status(first, "pending")
    editor.wait_shown("gone.py", "line 4", "line 9")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("deep/er/new file.py", "new file"),
        ("old.py", "delete this file"),
        ("before.py", "rename"),
        ("logo.bin", "binary file"),
        ("tool.sh", "file mode"),
        ("link", "symbolic link"),
    ],
)
def test_whole_files_show_on_line_0(editor: TestEditor, path: str, told: str):
    (mark,) = editor.wait_marks(path, 1)
    assert mark["range"]["start"] == {"line": 0, "character": 0} and mark["range"]["end"]["line"] == 0
    assert mark["message"] == f"Code: Shout in two lines ({told})"
    assert "editRange" not in mark["data"]


def test_the_list_holds_both_sides_of_a_new_file(editor: TestEditor):
    (new,) = editor.changes("deep/er/new file.py")
    assert (new["kind"], new["before"], new["after"]) == ("create", "", "print('ä😀')\n")
    assert new["uri"] == editor.uri("deep/er/new file.py") and new["status"] == "pending"


def test_the_list_says_where_an_edit_is_now(editor: TestEditor, run: EarlierRun):
    editor.open("list.py")
    editor.insert("list.py", 0, "# above\n")
    editor.wait(lambda: editor.marks("list.py") and editor.marks("list.py")[0]["range"]["start"]["line"] == 4)
    first, second = editor.changes("list.py")
    assert set(first) >= {
        *("id", "runId", "taskId", "agentId", "uri", "kind", "status", "range", "before", "after", "why")
    }
    assert first["range"] == {"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 6}}
    assert (first["before"], first["after"], first["kind"]) == ("line 4\n", "LINE 4\n", "edit")
    assert (second["runId"], second["taskId"], second["agentId"]) == (run.run_id, "t0", "code_developer")


def test_hover_and_lenses_tell_who_and_why(editor: TestEditor):
    uri = editor.open("hover.py")
    first, _ = ids(editor, "hover.py")
    place = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 2}}
    told = editor.request("textDocument/hover", place)["contents"]["value"]
    assert "**Code**: Shout in two lines" in told and "-line 4\n+LINE 4\n" in told
    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert [(x["range"]["start"]["line"], x["command"]["command"]) for x in lenses] == [
        (3, "nexus.review.accept"),
        (3, "nexus.review.reject"),
        (8, "nexus.review.accept"),
        (8, "nexus.review.reject"),
    ]
    editor.run_action(lenses[0])
    editor.wait_marks("hover.py", 1)
    editor.insert("hover.py", 0, "# above\n")
    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert (lenses[0]["range"]["start"]["line"], lenses[0]["command"]["command"]) == (4, "nexus.review.undo")
    place["position"]["line"] = 4
    told = editor.request("textDocument/hover", place)["contents"]["value"]
    assert "**Code** *(accepted)*: Shout in two lines" in told
    assert editor.run_action(lenses[0])["reopened"] == [first]
    assert editor.text("hover.py") == "# above\n" + NUMBERS


# --- code actions ------------------------------------------------------------------------------------

FOUR = [f"source.nexus.{name}" for name in ("acceptFile", "rejectFile", "acceptRun", "rejectRun")]


@pytest.mark.parametrize(
    ("line", "only", "kinds"),
    [
        (3, None, ["quickfix.nexus.accept", "quickfix.nexus.reject", *FOUR]),
        (3, ["quickfix"], ["quickfix.nexus.accept", "quickfix.nexus.reject"]),
        (3, ["quickfix.nexus.reject"], ["quickfix.nexus.reject"]),
        (3, ["source"], FOUR),
        (1, None, []),
        (1, ["quickfix"], []),
        (1, ["source"], FOUR),
        (1, ["quickfix", "source"], FOUR),
        (1, ["source.nexus.acceptFile"], ["source.nexus.acceptFile"]),
        (1, ["source.fixAll"], []),
        (3, ["source.organizeImports"], []),
        (3, ["quick"], []),
    ],
)
def test_code_actions_by_place_and_kind(editor: TestEditor, line: int, only, kinds: list[str]):
    editor.wait_marks("action.py", 2)
    assert [a["kind"] for a in editor.actions("action.py", line, only)] == kinds


def test_what_code_actions_say_and_run(editor: TestEditor, run: EarlierRun):
    first, _ = ids(editor, "action.py")
    found = editor.actions("action.py", 3)
    assert [(a["title"], a["command"]["command"], a["command"]["arguments"]) for a in found] == [
        ("Accept “Code: Shout in two lines”", "nexus.review.accept", [{"changeIds": [first]}]),
        ("Reject “Code: Shout in two lines”", "nexus.review.reject", [{"changeIds": [first]}]),
        ("NEXUS: Accept all changes of this file", "nexus.review.accept", [{"uri": editor.uri("action.py")}]),
        ("NEXUS: Reject all changes of this file", "nexus.review.reject", [{"uri": editor.uri("action.py")}]),
        ("NEXUS: Accept all changes of this run", "nexus.review.accept", [{"runId": run.run_id}]),
        ("NEXUS: Reject all changes of this run", "nexus.review.reject", [{"runId": run.run_id}]),
    ]
    assert [d["code"] for d in found[0]["diagnostics"]] == [first]


# --- accept ------------------------------------------------------------------------------------------


def test_accepting_a_file_is_one_versioned_edit(editor: TestEditor):
    uri = editor.open("accept_file.py")
    both = ids(editor, "accept_file.py")
    editor.insert("accept_file.py", 0, "# mine\n")
    sent = len(editor.edits)
    answer = editor.command("review.accept", uri=uri)
    assert answer == {"accepted": both, "refused": [], "unsaved": [uri]}
    assert editor.text("accept_file.py") == "# mine\n" + _numbers(NUMBERS)
    assert len(editor.edits) == sent + 1
    assert [c["textDocument"] for c in editor.edits[-1]["documentChanges"]] == [{"uri": uri, "version": 2}]
    editor.wait_marks("accept_file.py", 0)
    assert editor.wait_event("change_accepted")["changeId"]


def test_accepting_one_change_leaves_the_other_in_place(editor: TestEditor):
    editor.open("accept_ids.py")
    first, second = ids(editor, "accept_ids.py")
    assert editor.command("review.accept", changeIds=[first])["accepted"] == [first]
    assert editor.text("accept_ids.py") == NUMBERS.replace("line 4", "LINE 4")
    (left,) = editor.wait_marks("accept_ids.py", 1)
    assert left["code"] == second
    again = editor.command("review.accept", changeIds=[first])
    assert again["accepted"] == [] and again["refused"][0]["id"] == first
    assert "accepted already" in again["refused"][0]["why"]


@pytest.mark.parametrize("unopened", ["open", "disk"])
def test_accepting_in_a_file_that_is_not_open(editor: TestEditor, unopened: str):
    editor.unopened = unopened
    path = "accept_closed.py" if unopened == "open" else "drop.py"
    ids(editor, path)
    answer = editor.command("review.accept", uri=editor.uri(path))
    assert len(answer["accepted"]) == 2
    assert editor.text(path) == _numbers(NUMBERS)
    editor.wait_marks(path, 0)


def test_one_decision_over_several_files_is_one_edit(editor: TestEditor):
    editor.open("both_files_a.py")
    wanted = [*ids(editor, "both_files_a.py"), *ids(editor, "both_files_b.py")]
    sent = len(editor.edits)
    assert editor.command("review.accept", changeIds=wanted)["accepted"] == wanted
    assert len(editor.edits) == sent + 1 and len(editor.edits[-1]["documentChanges"]) == 2
    assert editor.text("both_files_a.py") == editor.text("both_files_b.py") == _numbers(NUMBERS)


def test_an_editor_that_tells_of_the_edit_after_its_answer(editor: TestEditor):
    editor.open("tell.py")
    both = ids(editor, "tell.py")
    editor.carry = "tell last"
    assert editor.command("review.accept", changeIds=both[:1])["accepted"] == both[:1]
    assert editor.command("review.accept", changeIds=both[1:])["accepted"] == both[1:]
    assert editor.text("tell.py") == _numbers(NUMBERS)
    editor.undo("tell.py")
    editor.wait_status(both[1], "pending")
    assert editor.status(both[0]) == "accepted"


def test_a_refused_edit_leaves_the_change_waiting(editor: TestEditor):
    editor.open("refuse.py")
    both = ids(editor, "refuse.py")
    editor.carry = "refuse"
    answer = editor.command("review.accept", uri=editor.uri("refuse.py"))
    why = "the editor refused the edit: the user said no; try again"
    assert answer == {"accepted": [], "refused": [{"id": i, "why": why} for i in both], "unsaved": []}
    assert editor.text("refuse.py") == NUMBERS and editor.status(both[0]) == "pending"
    editor.carry = "apply"
    assert editor.command("review.accept", uri=editor.uri("refuse.py"))["accepted"] == both


@pytest.mark.parametrize("carry", ["late", "slow"])
def test_an_answer_after_its_time_still_counts(editor: TestEditor, carry: str):
    path = f"{carry}.py"
    editor.open(path)
    both = ids(editor, path)
    editor.carry, editor.lateness = carry, 2.4
    answer = editor.command("review.accept", changeIds=both)
    assert answer["accepted"] == [] and "did not answer in time" in answer["refused"][0]["why"]
    assert editor.status(both[0]) == "pending"
    editor.wait_status(both[0], "accepted")
    editor.wait_status(both[1], "accepted")
    assert editor.text(path) == _numbers(NUMBERS)
    editor.undo(path)
    editor.wait_status(both[0], "pending")
    editor.wait_marks(path, 2)


# --- reject ------------------------------------------------------------------------------------------


def test_rejecting_takes_the_mark_away_and_touches_nothing(editor: TestEditor):
    editor.open("reject.py")
    first, second = ids(editor, "reject.py")
    sent = len(editor.edits)
    answer = editor.command("review.reject", changeIds=[first], reason="no shouting")
    assert answer == {"rejected": [first], "refused": [], "unsaved": []}
    assert [d["code"] for d in editor.wait_marks("reject.py", 1)] == [second]
    assert editor.text("reject.py") == NUMBERS and len(editor.edits) == sent
    assert editor.wait_event("change_rejected")["reason"] == "no shouting"
    assert editor.command("review.undo", changeIds=[first])["reopened"] == [first]
    assert len(editor.wait_marks("reject.py", 2)) == 2 and len(editor.edits) == sent


# --- typing ------------------------------------------------------------------------------------------


def test_typing_inside_makes_it_outdated_and_undo_brings_it_back(editor: TestEditor):
    editor.open("outdated.py")
    first, second = ids(editor, "outdated.py")
    editor.type("outdated.py", "line 4", "line four")
    typed = editor.text("outdated.py")
    (refused,) = editor.command("review.accept", changeIds=[first])["refused"]  # before or after a rest
    assert "you changed these lines since; they were not touched" in refused["why"]
    assert editor.text("outdated.py") == typed
    editor.wait_status(first, "outdated")
    editor.wait_shown("outdated.py", "line four", "line 9")
    assert editor.status(second) == "pending"
    editor.undo("outdated.py")
    editor.wait_status(first, "pending")
    editor.wait_shown("outdated.py", "line 4", "line 9")
    assert editor.command("review.accept", changeIds=[first])["accepted"] == [first]


def test_a_duplicate_pasted_above_does_not_confuse_it(editor: TestEditor):
    editor.open("paste.py")
    first, _ = ids(editor, "paste.py")
    editor.insert("paste.py", 2, "line 3\nline 4\nline 5\n")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("paste.py")] == [6, 11])
    assert editor.command("review.accept", changeIds=[first])["accepted"] == [first]
    lines = editor.text("paste.py").splitlines()
    assert lines[2:7] == ["line 3", "line 4", "line 5", "line 3", "LINE 4"]


def test_a_duplicate_of_its_function_pasted_below(editor: TestEditor):
    editor.open("alike.py")
    (mark,) = editor.wait_marks("alike.py", 1)
    editor.insert("alike.py", 6, "\n\ndef g():\n    return 2\n")
    editor.insert("alike.py", 0, "# top\n")
    editor.wait(lambda: [d["range"]["start"]["line"] for d in editor.marks("alike.py")] == [6])
    editor.command("review.accept", changeIds=[mark["code"]])
    assert editor.text("alike.py").count("return 2") == 1
    assert editor.text("alike.py").splitlines()[6] == "    return 3"


# --- undo --------------------------------------------------------------------------------------------


def test_the_editors_undo_reopens_and_its_redo_accepts_again(editor: TestEditor):
    editor.open("redo.py")
    both = ids(editor, "redo.py")
    editor.command("review.accept", changeIds=both)
    editor.wait_marks("redo.py", 0)
    editor.undo("redo.py")
    for change_id in both:
        editor.wait_status(change_id, "pending")
    editor.wait_shown("redo.py", "line 4", "line 9")
    editor.redo("redo.py")
    for change_id in both:
        editor.wait_status(change_id, "accepted")
    editor.wait_marks("redo.py", 0)
    editor.undo("redo.py")
    for change_id in both:
        editor.wait_status(change_id, "pending")


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one step"])
def test_two_accepts_undone(editor: TestEditor, at_once: bool):
    path = "undo_both.py" if at_once else "undo_one.py"
    editor.open(path)
    first, second = ids(editor, path)
    editor.command("review.accept", changeIds=[first])
    editor.command("review.accept", changeIds=[second])
    if at_once:
        editor.undo(path, 2)
    else:
        editor.undo(path)
        editor.wait_status(second, "pending")
        assert editor.status(first) == "accepted"
        editor.wait_shown(path, "line 9")
        editor.undo(path)
    editor.wait_status(first, "pending")
    editor.wait_status(second, "pending")
    editor.wait_shown(path, "line 4", "line 9")
    assert editor.text(path) == NUMBERS
    if at_once:
        editor.redo(path, 2)
        editor.wait_status(first, "accepted")
        editor.wait_status(second, "accepted")


def test_taking_back_by_command_is_one_versioned_edit(editor: TestEditor):
    uri = editor.open("server_undo.py")
    first, second = ids(editor, "server_undo.py")
    editor.command("review.accept", changeIds=[first, second])
    editor.insert("server_undo.py", 0, "# mine\n")
    answer = editor.command("review.undo", changeIds=[first])
    assert answer["reopened"] == [first] and answer["refused"] == [] and answer["unsaved"] == [uri]
    assert editor.text("server_undo.py") == "# mine\n" + NUMBERS.replace("line 9", "LINE 9")
    editor.wait_shown("server_undo.py", "line 4")
    again = editor.command("review.undo", changeIds=[first])
    assert again["reopened"] == [] and again["refused"][0]["id"] == first


# --- whole files -------------------------------------------------------------------------------------


def _accept(editor: TestEditor, path: str) -> str:
    (change,) = editor.changes(path)
    answer = editor.command("review.accept", changeIds=[change["id"]])
    assert answer["accepted"] == [change["id"]], answer
    editor.wait_marks(path, 0)
    return change["id"]


def test_a_new_file_is_made_and_taken_back(editor: TestEditor, run: EarlierRun):
    change_id = _accept(editor, "deep/er/new file.py")
    assert editor.text("deep/er/new file.py") == "print('ä😀')\n"
    operations = [c.get("kind") for c in editor.edits[-1]["documentChanges"]]
    assert operations == ["create", None]
    assert editor.command("review.undo", changeIds=[change_id])["reopened"] == [change_id]
    assert not (run.root / "deep/er/new file.py").exists()
    editor.wait_marks("deep/er/new file.py", 1)


def test_a_new_program_can_be_run(editor: TestEditor, run: EarlierRun):
    _accept(editor, "run.sh")
    assert editor.text("run.sh") == "#!/bin/sh\n"
    assert os.access(run.root / "run.sh", os.X_OK)


def test_a_file_is_deleted_and_brought_back(editor: TestEditor, run: EarlierRun):
    editor.open("old.py")
    change_id = _accept(editor, "old.py")
    assert not (run.root / "old.py").exists()
    assert editor.command("review.undo", changeIds=[change_id])["reopened"] == [change_id]
    assert editor.text("old.py") == NUMBERS


def test_a_file_is_renamed_and_named_back(editor: TestEditor, run: EarlierRun):
    editor.open("before.py")
    (change,) = editor.changes("before.py")
    assert (change["kind"], change["uri"]) == ("rename", editor.uri("after.py"))
    assert editor.command("review.accept", changeIds=[change["id"]])["accepted"] == [change["id"]]
    assert editor.text("after.py") == NUMBERS.replace("line 2\n", "LINE 2\n")
    assert not (run.root / "before.py").exists()
    assert editor.command("review.undo", changeIds=[change["id"]])["reopened"] == [change["id"]]
    assert editor.text("before.py") == NUMBERS and not (run.root / "after.py").exists()


def test_a_file_that_is_no_longer_what_it_was_is_not_deleted(editor: TestEditor):
    if editor.uri("old.py") not in editor.documents:
        editor.open("old.py")
    editor.insert("old.py", 0, "# mine\n")
    (change,) = editor.changes("old.py")
    answer = editor.command("review.accept", changeIds=[change["id"]])
    assert answer["accepted"] == []
    assert answer["refused"][0]["why"] == "old.py is not what it was when this was proposed"


def test_the_server_writes_what_no_edit_can_carry(editor: TestEditor, run: EarlierRun):
    sent = len(editor.edits)
    done = [_accept(editor, path) for path in ("logo.bin", "latin.txt", "tool.sh", "link")]
    assert len(editor.edits) == sent
    assert (run.root / "logo.bin").read_bytes() == b"\0\xff\x02"
    assert (run.root / "latin.txt").read_bytes() == "gr\xfc\xdfe\n".encode("latin-1")
    assert os.access(run.root / "tool.sh", os.X_OK)
    assert os.readlink(run.root / "link") == "tool.sh"
    assert editor.command("review.undo", changeIds=done)["reopened"] == done
    assert (run.root / "logo.bin").read_bytes() == b"\0\x01\x02"
    assert not os.access(run.root / "tool.sh", os.X_OK)
    assert os.readlink(run.root / "link") == "old.py"


def test_a_binary_file_is_deleted(editor: TestEditor, run: EarlierRun):
    change_id = _accept(editor, "junk.bin")
    assert not (run.root / "junk.bin").exists()
    answer = editor.command("review.undo", changeIds=[change_id])
    assert answer["reopened"] == [change_id]
    assert (run.root / "junk.bin").read_bytes() == b"\0\x03"


# --- wrong words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "argument", "code", "told"),
    [
        ("delegate", {}, -32602, "`request` is missing"),
        ("delegate", {"request": "  "}, -32602, "The request is empty"),
        ("delegate", {"request": 7}, -32602, "`request`"),
        ("delegate", {"request": "x", "speed": "fast"}, -32602, "`speed` is not known here"),
        ("delegate", {"request": "x", "priority": "urgent"}, -32602, "`priority`"),
        ("delegate", {"request": "x", "deadline": "soon"}, -32602, "2026-05-26T18:00:00Z"),
        ("delegate", {"request": "x", "team": "best"}, -32602, "`team`"),
        ("delegate", {"request": "x", "uris": "a.py"}, -32602, "`uris` is a list"),
        ("delegate", {"request": "x", "uris": [7]}, -32602, "`uris`"),
        ("delegate", {"request": "x", "uris": ["file:///etc/passwd"]}, -32602, "is no file of this"),
        ("delegate", {"request": "x", "settings": {"trusted": True}}, -32602, "`settings` is not known"),
        ("run", {"run_id": "r"}, -32602, "camelCase"),
        ("run", {"runId": "r"}, -32001, "no run 'r'"),
        ("run", {}, -32602, "`runId` is missing"),
        ("run.cancel", {"runId": "r"}, -32001, "no run 'r'"),
        ("plan.approve", {"runId": "r"}, -32001, "no run 'r'"),
        ("review.list", {"runId": "r"}, -32001, "no run 'r'"),
        ("review.list", {"path": "a.py"}, -32602, "`path` is not known here"),
        (
            "review.list",
            {"url": "a.py"},
            -32602,
            "Write an object with: runId, uri, groupId, limit, after, grouped.",
        ),
        ("review.accept", {}, -32602, "exactly one of changeIds, uri, agentId, groupId and runId"),
        ("review.accept", {"runId": "r", "agentId": "a"}, -32602, "exactly one of"),
        ("review.accept", {"changeIds": ["c"]}, -32001, "no change 'c'"),
        ("review.accept", {"changeIds": "c"}, -32602, "`changeIds`"),
        ("review.reject", {"changeIds": ["c"]}, -32001, "no change 'c'"),
        ("review.undo", {"changeIds": ["c"]}, -32001, "no change 'c'"),
        ("review.undo", {}, -32602, "`changeIds` is missing"),
        ("answer", {"askId": "a", "answer": "Yes"}, -32001, "no ask 'a'"),
        ("runs", {"all": True}, -32602, "`all` is not known here"),
        ("delegate", "fix it", -32602, "one object"),
    ],
)
def test_a_wrong_argument_is_answered_with_a_sentence(editor: TestEditor, command, argument, code, told):
    with pytest.raises(WireError) as error:
        editor.command(command, argument)
    assert error.value.code == code and told in error.value.message, error.value


def test_unknown_runs_have_no_events(editor: TestEditor):
    for params, code in (({"runId": "r"}, -32001), ({}, -32602), ({"runId": "r", "afterSeq": "1"}, -32602)):
        with pytest.raises(WireError) as error:
            editor.request("nexus/events", params)
        assert error.value.code == code
