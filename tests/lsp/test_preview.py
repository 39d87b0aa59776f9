"""New files on the documents that an editor previews them on (`previewScheme` in its options)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from nexus_lsp.lsp.translate import preview_uri, previewed

from .editor_client import EarlierRun, Json, TestEditor, WireError

NEW = "def double(n):\n    return 2 * n\n"
CODE, ALPHA = "code_developer", "alpha_test_creator"
OPTIONS: Json = {"team": "local", "previewScheme": "nexus-preview"}

Start = Callable[..., TestEditor]


def _work(checkout: Path) -> None:
    (checkout / "new file.py").write_text(NEW)
    (checkout / "sum.py").write_text("def add(a, b):\n    return a + b\n")


@pytest.fixture
def earlier(tmp_path: Path) -> EarlierRun:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "sum.py").write_text("def add(a, b):\n    return a - b\n")
    run = EarlierRun(root, tmp_path / "state")
    run.propose((CODE, "Double things", _work))
    return run


@pytest.fixture
def start(earlier: EarlierRun) -> Iterator[Start]:
    started: list[TestEditor] = []

    def start_one(options: Json = OPTIONS, **more: object) -> TestEditor:
        editor = TestEditor(earlier.root, earlier.state, options=options, **more)  # type: ignore[arg-type]
        started.append(editor)
        return editor

    yield start_one
    for editor in started:
        assert editor.end() == 0
        assert "Traceback" not in editor.log.read_text()
        assert not editor.faults


def _new(editor: TestEditor) -> Json:
    return next(c for c in editor.changes() if c["kind"] == "create")


def _preview(editor: TestEditor) -> str:
    """As VS Code spells it."""
    assert editor.root
    return f"nexus-preview:{quote(str(editor.root / 'new file.py'))}?{_new(editor)['id']}"


def _open(editor: TestEditor, uri: str, text: str = NEW) -> None:
    item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    editor.notify("textDocument/didOpen", {"textDocument": item})


def _shown(editor: TestEditor, uri: str) -> list[Json]:
    return editor.diagnostics.get(uri, {"diagnostics": []})["diagnostics"]


def _actions(editor: TestEditor, uri: str, line: int) -> list[Json]:
    at = {"line": line, "character": 0}
    context = {"diagnostics": _shown(editor, uri)}
    given = {"textDocument": {"uri": uri}, "range": {"start": at, "end": at}, "context": context}
    return editor.request("textDocument/codeAction", given)


def test_a_new_file_is_marked_on_its_preview_and_nowhere_else(start: Start) -> None:
    editor = start()
    uri = _preview(editor)
    editor.wait(lambda: _shown(editor, uri), "a mark on the preview")
    [mark] = _shown(editor, uri)
    assert mark["message"].startswith("Code: ") and mark["message"].endswith("(new file)")
    assert mark["range"] == {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 14}}
    assert mark["code"] == mark["data"]["changeId"] == _new(editor)["id"]
    assert editor.uri("new%20file.py") not in editor.diagnostics
    [edit] = editor.wait_marks("sum.py", 1)
    assert [r["location"]["uri"] for r in edit["relatedInformation"]] == [uri]
    assert [r["location"]["uri"] for r in mark["relatedInformation"]] == [editor.uri("sum.py")]


def test_an_editor_without_previews_sees_the_mark_on_the_file(start: Start) -> None:
    editor = start({"team": "local"})
    assert editor.root
    file = (editor.root / "new file.py").as_uri()
    editor.wait(lambda: _shown(editor, file), "a mark on the file")
    assert not any(uri.startswith("nexus-preview") for uri in editor.diagnostics)
    assert _actions(editor, _preview(editor), 0) == []


def test_actions_hover_and_lens_on_the_preview(start: Start) -> None:
    editor = start()
    uri = _preview(editor)
    _open(editor, uri)
    editor.wait(lambda: _shown(editor, uri), "a mark on the preview")
    actions = {a["kind"]: a for a in _actions(editor, uri, 1)}
    assert actions["quickfix.nexus.accept"]["diagnostics"][0]["code"] == _new(editor)["id"]
    assert editor.root
    file = (editor.root / "new file.py").as_uri()
    assert actions["source.nexus.acceptFile"]["command"]["arguments"] == [{"uri": file}]
    at = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 2}}
    hover = editor.request("textDocument/hover", at)["contents"]["value"]
    assert "**Code**" in hover and "+def double(n):" in hover
    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert [lens["command"]["command"] for lens in lenses] == ["nexus.review.accept", "nexus.review.reject"]

    editor.run_action(actions["quickfix.nexus.accept"])
    assert editor.text("new file.py") == NEW
    editor.wait(lambda: not _shown(editor, uri), "no mark any more")
    assert _actions(editor, uri, 0) == []


def test_rejected_and_taken_back_the_mark_comes_again(start: Start) -> None:
    editor = start()
    uri, change_id = _preview(editor), _new(editor)["id"]
    editor.wait(lambda: _shown(editor, uri), "a mark on the preview")
    editor.command("review.reject", changeIds=[change_id])
    editor.wait(lambda: not _shown(editor, uri), "no mark any more")
    editor.command("review.undo", changeIds=[change_id])
    editor.wait(lambda: _shown(editor, uri), "the mark again")


def test_previews_are_nobodys_files(start: Start) -> None:
    """Open previews, and edits of them, reach neither snapshots nor decisions."""
    editor = start()
    uri = _preview(editor)
    _open(editor, uri, "not what was proposed\n")
    told = {"uri": uri, "version": 2}
    editor.notify("textDocument/didChange", {"textDocument": told, "contentChanges": [{"text": "else\n"}]})
    for other in (f"{uri}#before", f"nexus-preview:/elsewhere?{_new(editor)['runId']}", "nexus-preview:?"):
        _open(editor, other)
        assert _actions(editor, other, 0) == []
    with pytest.raises(WireError, match="is no file of this workspace"):
        editor.command("review.accept", uri=uri)
    run_id = editor.command("delegate", request="Fix the lint problems")["runId"]
    editor.wait_event("run_ready", "run_completed", run_id=run_id)
    changed = {c["path"] for c in editor.command("review.list", runId=run_id)["changes"]}
    assert "new file.py" not in changed
    editor.command("review.accept", changeIds=[_new(editor)["id"]])
    assert editor.text("new file.py") == NEW
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


@pytest.mark.parametrize("change_id", ["change_1", "a b/ü?#%"])
def test_an_id_survives_its_uri(change_id: str) -> None:
    uri = preview_uri("nexus-preview", "file:///home/me/a%3Fb%23.py", change_id)
    assert previewed("nexus-preview", uri) == change_id
    assert previewed("other", uri) is previewed("", uri) is None


def test_a_setting_that_is_unset_has_its_default_again(start: Start) -> None:
    """The options of the start count only until the editor gives its settings."""
    editor = start(OPTIONS | {"approval": "ask"}, configuration={"approval": "ask", "team": "local"})
    editor.configuration = {"approval": None, "team": "local"}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    editor.command("runs")
    run_id = editor.command("delegate", request="Fix the lint problems")["runId"]
    editor.wait_event("plan_approved", run_id=run_id)
    editor.wait_event("run_ready", "run_completed", run_id=run_id)
