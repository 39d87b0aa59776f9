"""Commit, hover after it, and documents of what is proposed, through an editor's wire."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, Json, TestEditor, WireError, file_of

CODE, ALPHA = "code_developer", "alpha_test_creator"
BEFORE = "def add(a, b):\n    return a - b\n\n\ndef one():\n    return 1\n"
AFTER = BEFORE.replace("a - b", "a + b")

Start = Callable[..., TestEditor]


def _work(checkout: Path) -> None:
    (checkout / "sum.py").write_text(AFTER)
    (checkout / "new.py").write_text("x = 1\n")


def git(root: Path, *words: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True, env=env
    ).stdout


@pytest.fixture
def earlier(tmp_path: Path) -> EarlierRun:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "sum.py").write_text(BEFORE)
    for words in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Ada"),
        ("config", "user.email", "ada@example.org"),
        ("add", "-A"),
        ("commit", "-qm", "first"),
    ):
        git(root, *words)
    run = EarlierRun(root, tmp_path / "state")
    run.propose((CODE, "Make add() add", _work))
    return run


@pytest.fixture
def start(earlier: EarlierRun) -> Iterator[Start]:
    started: list[TestEditor] = []

    def start_one(**more: object) -> TestEditor:
        editor = TestEditor(earlier.root, earlier.state, **more)  # type: ignore[arg-type]
        started.append(editor)
        return editor

    yield start_one
    for editor in started:
        if editor.process.poll() is None:
            assert editor.end() == 0
        assert "Traceback" not in editor.log.read_text()
        assert not editor.faults


def hover(editor: TestEditor, path: str, line: int) -> str:
    at = {"textDocument": {"uri": editor.uri(path)}, "position": {"line": line, "character": 0}}
    found = editor.request("textDocument/hover", at)
    return found["contents"]["value"] if found else ""


def lenses(editor: TestEditor, path: str) -> list[str]:
    found = editor.request("textDocument/codeLens", {"textDocument": {"uri": editor.uri(path)}})
    return [lens["command"]["title"] for lens in found]


def test_accept_save_commit_and_the_line_still_says_who(earlier: EarlierRun, start: Start) -> None:
    editor = start()
    editor.open("sum.py")
    editor.command("review.accept", runId=earlier.run_id)
    with pytest.raises(WireError, match=r"Save first: .* \(new.py, sum.py\)"):
        editor.command("review.commit")
    editor.save("sum.py")
    if (new := editor.uri("new.py")) in editor.documents:
        assert file_of(new)
        editor.save("new.py")
    draft = editor.command("review.commit", dryRun=True)
    assert draft["commit"] is None
    assert draft["message"].startswith("As told\n\n- Code: Make add() add (")
    made = editor.command("review.commit", runIds=[earlier.run_id], message="Add adds", notes=True)
    assert git(earlier.root, "log", "-1", "--format=%H %s").split(maxsplit=1) == [
        made["commit"],
        "Add adds\n",
    ]
    assert git(earlier.root, "status", "--porcelain") == ""
    event = editor.wait_event("changes_committed", run_id=earlier.run_id)
    assert event["commit"] == made["commit"] and event["branch"] == "main"
    editor.wait(lambda: lenses(editor, "sum.py") == [], "no lens on what is committed")
    told = hover(editor, "sum.py", 1)
    assert f"**Code** *(accepted, commit {made['commit'][:12]})*: Make add() add" in told
    assert hover(editor, "sum.py", 4) == ""


def test_an_accepted_line_says_who_after_a_restart(earlier: EarlierRun, start: Start) -> None:
    first = start()
    first.command("review.accept", runId=earlier.run_id)
    for path in ("sum.py", "new.py"):
        if first.uri(path) in first.documents:
            first.save(path)
    first.wait_event("run_completed", run_id=earlier.run_id)
    assert first.end() == 0
    second = start()
    uri = second.open("sum.py")
    text = "import os\n\n" + AFTER
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}
    second.documents[uri].text = text
    second.notify("textDocument/didChange", change)
    assert "**Code** *(accepted)*: Make add() add" in hover(second, "sum.py", 3)
    assert hover(second, "sum.py", 2) == ""


def test_why_a_line(earlier: EarlierRun, start: Start) -> None:
    editor = start()
    [change] = editor.command("review.why", uri=editor.uri("sum.py"), line=1)["changes"]
    assert (change["status"], change["why"], change["agents"]) == (
        "pending",
        "Make add() add",
        [{"id": CODE, "name": "Code"}],
    )
    assert editor.command("review.why", uri=editor.uri("sum.py"), line=5)["changes"] == []
    with pytest.raises(WireError, match="`line` is missing"):
        editor.command("review.why", uri=editor.uri("sum.py"))


def test_a_branch_of_what_waits(earlier: EarlierRun, start: Start) -> None:
    editor = start()
    made = editor.command("review.branch", {"runId": earlier.run_id, "name": "nexus/add"})
    assert git(earlier.root, "show", "nexus/add:sum.py") == AFTER
    assert git(earlier.root, "status", "--porcelain") == ""
    assert made["branch"] == "nexus/add" and {c["status"] for c in editor.changes()} == {"pending"}


# --- documents of what is proposed -------------------------------------------------------------------


def content(editor: TestEditor, uri: str) -> str:
    return editor.request("workspace/textDocumentContent", {"uri": uri})["text"]


def test_virtual_documents(earlier: EarlierRun, start: Start) -> None:
    editor = start(virtual=True)
    assert editor.capabilities["workspace"]["textDocumentContent"] == {"schemes": ["nexus-proposed"]}
    files: list[Json] = editor.command("review.preview", runId=earlier.run_id)["files"]
    shown = {f["uri"]: f for f in files}
    of_sum = shown[editor.uri("sum.py")]
    assert of_sum["previewUri"] == f"nexus-proposed:{earlier.root}/sum.py?run%3D{earlier.run_id}"
    assert (of_sum["kind"], shown[editor.uri("new.py")]["kind"]) == ("text", "new")
    assert content(editor, of_sum["previewUri"]) == AFTER
    assert content(editor, of_sum["previewUri"].replace("%3D", "=")) == AFTER
    assert content(editor, shown[editor.uri("new.py")]["previewUri"]) == "x = 1\n"
    everything = editor.command("review.preview")["files"]
    assert [f["previewUri"].rpartition("?")[2] for f in everything] == ["all", "all"]
    with pytest.raises(WireError, match="is no preview"):
        content(editor, "nexus-proposed:/elsewhere?all")


def test_a_document_is_refreshed_as_the_user_types_and_decides(earlier: EarlierRun, start: Start) -> None:
    editor = start(virtual=True)
    uri = editor.open("sum.py")
    [file] = editor.command("review.preview", uri=uri)["files"]
    preview = file["previewUri"]
    assert content(editor, preview) == AFTER
    text = "# mine\n" + BEFORE
    editor.documents[uri].text = text
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}
    editor.notify("textDocument/didChange", change)
    editor.wait(lambda: preview in editor.refreshed, "a refresh")
    assert content(editor, preview) == "# mine\n" + AFTER
    editor.refreshed.clear()
    [edit] = [c["id"] for c in editor.changes("sum.py")]
    editor.command("review.reject", changeIds=[edit])
    editor.wait(lambda: preview in editor.refreshed, "a refresh")
    assert content(editor, preview) == text


def test_read_only_files_for_other_clients(earlier: EarlierRun, start: Start) -> None:
    editor = start()
    files = editor.command("review.preview", uri=editor.uri("sum.py"))["files"]
    [place] = [file_of(f["previewUri"]) for f in files]
    assert place.read_text() == AFTER and place.stat().st_mode & 0o222 == 0
    assert place.is_relative_to(earlier.state)
    assert editor.refreshed == []
