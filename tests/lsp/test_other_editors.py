"""Helix, Zed and Sublime Text as clients: a run by nothing but what they have, diagnostics and code actions.

Their capabilities are those that their sources send (Helix `helix-lsp/src/client.rs`, Zed
`crates/lsp/src/lsp.rs`, Sublime's LSP `plugin/core/sessions.py`), as far as NEXUS looks at them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nexus_lsp.lsp.offers import Offers, request_in

from .editor_client import TestEditor, WireError

Json = dict[str, Any]
TEXT = "import os\nimport sys\n\n\n# nexus: Fix the lint findings\ndef where():\n    return sys.path\n"
FIXED = TEXT.removeprefix("import os\n")
REQUEST_LINE = 4
FILES = ["create", "rename", "delete"]

HELIX: Json = {
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "workspaceFolders": True,
        "executeCommand": {"dynamicRegistration": False},
        "didChangeConfiguration": {"dynamicRegistration": False},
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": False},
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": FILES,
            "failureHandling": "abort",
            "normalizesLineEndings": False,
        },
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["", "quickfix", "refactor", "source"]},
            },
            "isPreferredSupport": True,
            "resolveSupport": {"properties": ["edit", "command"]},
        },
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True},
    },
    "window": {"workDoneProgress": True},
    "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
}
ZED: Json = HELIX | {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True, "showMessage": {"messageActionItem": None}},
    "experimental": {"serverStatusNotification": True, "localDocs": True},
}
SUBLIME: Json = {
    "general": {"markdown": {"parser": "Python-Markdown", "version": "3.2.2"}},
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "workspaceFolders": True,
        "executeCommand": {},
        "workspaceEdit": {"documentChanges": True, "failureHandling": "abort"},
        "codeLens": {"refreshSupport": True},
    },
    "textDocument": HELIX["textDocument"] | {"codeLens": {"dynamicRegistration": True}},
    "window": {
        "workDoneProgress": True,
        "showDocument": {"support": True},
        "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
    },
}
PLAIN: Json = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
"""A client that has neither progress nor anything else."""
EDITORS = [
    pytest.param(HELIX, "utf-8", id="helix"),
    pytest.param(ZED, "utf-16", id="zed"),
    pytest.param(SUBLIME, "utf-16", id="sublime"),
    pytest.param(PLAIN, "utf-16", id="plain"),
]

Start = Callable[..., TestEditor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "where.py").write_text(TEXT)
    subprocess.run(["git", "init", "-q", root], check=True)
    started: list[TestEditor] = []

    def one(capabilities: Json, encoding: str, **more: Any) -> TestEditor:
        more = {"options": {"team": "local", "approval": "ask"}, "rest": 0.4} | more
        started.append(
            TestEditor(root, tmp_path / "state", encoding=encoding, capabilities=capabilities, **more)
        )
        return started[-1]

    yield one
    for editor in started:
        editor.kill()
        assert editor.faults == []


def pick(editor: TestEditor, line: int, title: str) -> None:
    """The user opens the menu on a line and takes the first entry with these words."""
    menu = editor.actions("where.py", line)
    editor.run_action(next(a for a in menu if title in a["title"]))


def titles(editor: TestEditor, line: int) -> list[str]:
    return [a["title"] for a in editor.actions("where.py", line)]


@pytest.mark.parametrize(("capabilities", "encoding"), EDITORS)
def test_a_whole_run_by_the_menu_of_code_actions_alone(start: Start, capabilities: Json, encoding: str):
    editor = start(capabilities, encoding)
    editor.open("where.py")
    assert titles(editor, REQUEST_LINE) == ["NEXUS: Delegate “Fix the lint findings”"]
    assert titles(editor, 0) == []

    pick(editor, REQUEST_LINE, "Delegate")
    editor.wait_event("ask_opened")
    assert [t.split(":")[1].strip() for t in titles(editor, 0)] == [
        "Approve",
        "Reject",
        "Cancel “Fix the lint findings”",
    ]
    pick(editor, 0, "NEXUS: Approve")
    editor.wait_event("run_ready")
    editor.wait_marks("where.py", 1)
    pick(editor, 0, "Accept “")
    assert editor.text("where.py") == FIXED
    editor.undo("where.py")
    editor.wait_marks("where.py", 1)
    assert editor.text("where.py") == TEXT
    assert not any("Cancel" in t or "Approve" in t for t in titles(editor, 0)), "nothing is at work"


@pytest.mark.parametrize(("capabilities", "encoding"), EDITORS)
def test_a_run_is_cancelled_by_the_menu(start: Start, capabilities: Json, encoding: str):
    editor = start(capabilities, encoding)
    editor.open("where.py")
    pick(editor, REQUEST_LINE, "Delegate")
    editor.wait_event("ask_opened")
    pick(editor, 0, "NEXUS: Cancel “Fix the lint findings”")
    editor.wait_event("run_cancelled")
    assert titles(editor, 0) == []


def test_a_question_is_shown_where_the_editor_knows_no_message_with_answers(start: Start):
    editor = start(HELIX, "utf-8", lacks=("window/showMessageRequest",))
    editor.open("where.py")
    pick(editor, REQUEST_LINE, "Delegate")
    editor.wait(
        lambda: [m for m in editor.messages if "Answer by a code action, on any line." in m["message"]]
    )
    pick(editor, 0, "NEXUS: Approve")
    editor.wait_event("run_ready")


def test_what_was_asked_before_a_restart_is_in_the_menu_again(start: Start):
    first = start(HELIX, "utf-8")
    first.open("where.py")
    pick(first, REQUEST_LINE, "Delegate")
    first.wait_event("ask_opened")
    assert first.end() == 0
    again = start(HELIX, "utf-8")
    again.open("where.py")
    again.command("runs")  # it has read its journal
    again.wait(lambda: again.asks)
    pick(again, 0, "NEXUS: Approve")
    again.wait_event("run_ready")


def test_an_editor_that_asks_by_itself_gets_no_answers_in_its_menu(start: Start):
    options = {"team": "local", "approval": "ask", "ownAsks": True}
    editor = start(HELIX, "utf-8", options=options)
    editor.open("where.py")
    pick(editor, REQUEST_LINE, "Delegate")
    editor.wait_event("ask_opened")
    assert titles(editor, 0) == []


def test_without_progress_the_beginning_and_the_end_are_said(start: Start):
    editor = start(PLAIN, "utf-16", options={"team": "local"})
    editor.open("where.py")
    pick(editor, REQUEST_LINE, "Delegate")
    editor.wait(lambda: len(editor.messages) == 2)
    begun, ended = [m["message"] for m in editor.messages]
    assert begun == "NEXUS: the team is at work: Fix the lint findings"
    assert ended == "NEXUS: 1 of 1 tasks done, 1 change to review"
    assert editor.progress == []


# --- a command picked from a list, without an argument -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("delegate", "write it in a comment"),
        ("run.cancel", "There is no run that nexus.run.cancel could be meant for."),
        ("answer", "Nobody waits for an answer."),
        ("review.accept", "nexus-lsp review accept"),
        ("review.resolve", "Write an object with"),
    ],
)
def test_a_bare_command_that_lacks_something_says_what_to_do(start: Start, name: str, part: str):
    editor = start(HELIX, "utf-8")
    with pytest.raises(WireError) as error:
        editor.bare_command(name)
    assert part in error.value.message
    editor.wait(lambda: editor.messages)
    assert editor.messages[-1]["message"] == f"NEXUS: {error.value.message}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runs", "NEXUS: there is no run yet"),
        ("review.list", "NEXUS: no change waits for review"),
        ("agents", "NEXUS: Alpha is idle, Aria is idle"),
    ],
)
def test_a_bare_command_says_what_it_found(start: Start, name: str, said: str):
    editor = start(HELIX, "utf-8")
    editor.bare_command(name)
    editor.wait(lambda: editor.messages)
    assert editor.messages[-1]["message"].startswith(said)


def test_the_one_run_that_can_be_meant_is_meant_and_of_two_the_user_is_asked(start: Start):
    chosen: list[str] = []

    def choose(params: Json) -> str | None:
        which = [a["title"] for a in params["actions"] or ()]
        if not which[0].startswith("Tidy"):
            return None
        chosen.extend(which)
        return which[1]

    editor = start(HELIX, "utf-8", ask=choose)
    first = editor.command("delegate", request="Fix the lint findings")["runId"]
    second = editor.command("delegate", request="Tidy up the lint")["runId"]
    editor.wait(lambda: len([e for e in editor.events if e["type"] == "ask_opened"]) == 2)
    editor.bare_command("run.cancel")
    assert chosen == [f"Tidy up the lint ({second})", f"Fix the lint findings ({first})"]
    assert editor.wait_event("run_cancelled")["runId"] == first
    assert editor.bare_command("plan.approve") == {"status": "in_progress"}
    editor.wait_event("run_ready", run_id=second)


# --- requests in comments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "request_"),
    [
        (["# nexus: add tests\n"], "add tests"),
        (["    // NEXUS:   add   tests\n"], "add tests"),
        (["/* nexus: add tests */\n"], "add tests"),
        (["<!-- nexus: add tests -->\n"], "add tests"),
        (["-- nexus: add tests\n"], "add tests"),
        (["# nexus: add tests\n", "# for every branch\n", "#\n"], "add tests for every branch"),
        (["x = 1\n", "# nexus: add tests\n"], "add tests"),
        (["# nexus:\n"], ""),
        (["nexus: a key of YAML\n"], ""),
        (["# see nexus: the manual\n"], ""),
        ([], ""),
    ],
)
def test_a_request_in_a_comment(lines: list[str], request_: str):
    assert request_in(lines) == request_


def test_a_question_without_options_is_answered_by_a_comment():
    offers = Offers()
    ask = {"type": "ask_opened", "run_id": "r", "ask_id": "a1", "kind": "question", "options": ()}
    offers.hear(ask | {"question": "Which time zone?", "agent_id": "alpha", "why": "the tests need one"})
    answer, delegate = offers.written("file:///a.py", ["# nexus: UTC\n"], {"alpha": "Alpha"})
    assert answer.title == "NEXUS: Answer “UTC”: Alpha asks: Which time zone? (the tests need one)"
    assert answer.command and answer.command.command == "nexus.answer"
    assert answer.command.arguments == [{"askId": "a1", "answer": "UTC"}]
    assert delegate.title == "NEXUS: Delegate “UTC”"
    offers.hear({"type": "ask_answered", "run_id": "r", "ask_id": "a1"})
    assert len(offers.written("file:///a.py", ["# nexus: UTC\n"], {})) == 1
