"""Runs in an editor: delegate, events, progress, asks, settings, and the end of it all."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.scripted.anthropic_server import Request, ScriptedAnthropic, Stall, Turn, edit, read, say, write
from tests.scripted.openai_server import ScriptedOpenAI

from .editor_client import NEVER, EarlierRun, TestEditor, WireError

UNUSED = "import os\nimport sys\n\n\ndef where():\n    return sys.path\n"
USED = "import sys\n\n\ndef where():\n    return sys.path\n"

Start = Callable[..., TestEditor]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "where.py").write_text(UNUSED)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@pytest.fixture
def start(tmp_path: Path, root: Path) -> Iterator[Start]:
    """Start an editor on the workspace; what still runs at the end is ended."""
    started: list[TestEditor] = []

    def one(where: Path | None = root, **options: Any) -> TestEditor:
        editor = TestEditor(where, tmp_path / "state", **options)
        started.append(editor)
        return editor

    yield one
    for editor in started:
        editor.kill()
        assert editor.faults == []


def values(editor: TestEditor, kind: str) -> list[dict[str, Any]]:
    return [value for _, value in editor.progress if value["kind"] == kind]


# --- a run from start to end -------------------------------------------------------------------------


def test_a_run_of_the_local_team_from_request_to_review(start: Start):
    editor = start(rest=0.4)
    uri = editor.open("where.py")
    answer = editor.command("delegate", request="Fix the lint", uris=[uri], priority="high")
    run_id = answer["runId"]
    assert answer == {
        "runId": run_id,
        "status": "accepted",
        "assignedAgents": [],
        "estimatedCompletion": None,
    }
    editor.wait_event("run_ready")

    seqs = [e["seq"] for e in editor.events]
    assert seqs == sorted(set(seqs)) and {e["runId"] for e in editor.events} == {run_id}
    types = [e["type"] for e in editor.events]
    assert types[0] == "run_started" and {"plan_proposed", "plan_approved", "task_completed"} <= set(types)
    assert not any("_" in key for e in editor.events for key in e), "events are camelCase"
    plan = next(e for e in editor.events if e["type"] == "plan_approved")["plan"]
    assert "depends_on" in plan["tasks"][0], "plans keep the seed's snake_case"
    proposed = next(e for e in editor.events if e["type"] == "change_proposed")["change"]
    assert proposed["uri"] == uri
    kept = editor.request("nexus/events", {"runId": run_id})["events"]
    assert kept == editor.events[: len(kept)] and len(kept) >= types.index("run_ready") + 1
    later = editor.request("nexus/events", {"runId": run_id, "afterSeq": seqs[3]})["events"]
    assert [e["seq"] for e in later] == [e["seq"] for e in kept[4:]]

    assert {token for token, _ in editor.progress} == {f"nexus/{run_id}"}
    (begin,) = values(editor, "begin")
    assert begin == {"kind": "begin", "title": "NEXUS: Fix the lint", "cancellable": True, "percentage": 0}
    told = [v["message"] for v in values(editor, "report")]
    assert told[0].startswith("team: local (") and any(m.startswith("Code: ") for m in told)
    assert "(0 of" in " ".join(told) and len(values(editor, "end")) == 1
    assert editor.progress[-1][1]["kind"] == "end" and "to review" in editor.progress[-1][1]["message"]

    run = editor.command("run", runId=run_id)
    assert run["status"] == "ready" and run["plan"] == plan and run["changes"][0]["uri"] == uri
    assert [r["runId"] for r in editor.command("runs")["runs"]] == [run_id]
    agents = editor.command("agents")
    assert set(agents) == {"agents", "total_agents", "active_agents", "system_health"}
    assert {"agent_id", "current_task", "health_score"} <= set(agents["agents"][0])

    (mark,) = editor.wait_marks("where.py", 1)
    assert editor.command("review.accept", runId=run_id)["accepted"] == [mark["code"]]
    assert editor.text("where.py") == USED
    editor.wait_event("run_completed")
    editor.undo("where.py")
    editor.wait_status(mark["code"], "pending")
    assert editor.command("run", runId=run_id)["status"] == "ready"
    editor.wait_marks("where.py", 1)
    editor.redo("where.py")
    editor.wait_status(mark["code"], "accepted")
    assert editor.command("run", runId=run_id)["status"] == "completed"
    assert (editor.root / "where.py").read_text() == UNUSED  # type: ignore[operator]
    assert editor.end() == 0
    assert "Traceback" not in editor.log.read_text(), editor.log.read_text()


def test_agents_see_what_is_typed_and_not_saved(start: Start):
    editor = start()
    editor.open("where.py")
    editor.insert("where.py", 0, "import json\n")
    editor.command("delegate", request="Fix the lint")
    editor.wait_event("run_ready")
    editor.wait_shown("where.py", "import json\nimport os")
    editor.command("review.accept", uri=editor.uri("where.py"))
    assert editor.text("where.py") == USED


def test_an_editor_that_never_makes_the_progress_bar_hears_all_the_same(start: Start):
    editor = start()
    editor.create_progress = False
    editor.command("delegate", request="Fix the lint")
    editor.wait_event("run_ready")
    assert editor.progress == []


# --- asks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "end"), [("Approve", "run_ready"), ("Reject", "run_cancelled")], ids=["yes", "no"]
)
def test_a_plan_that_waits_for_approval_is_asked_about(start: Start, chosen: str, end: str):
    editor = start(ask=lambda params: chosen)
    editor.command("delegate", request="Fix the lint", approval="ask")
    editor.wait_event(end)
    (ask,) = editor.asks
    assert ask["message"].startswith("Carry out this plan?")
    assert [a["title"] for a in ask["actions"]] == ["Approve", "Reject"]


def test_an_editor_that_puts_asks_itself_is_sent_no_message_requests(start: Start):
    editor = start(options={"team": "local", "approval": "ask", "ownAsks": True})
    run_id = editor.command("delegate", request="Fix the lint")["runId"]
    opened = editor.wait_event("ask_opened")
    assert opened["kind"] == "plan" and opened["options"] == ["Approve", "Reject"]
    assert editor.command("answer", askId=opened["askId"], answer="Approve") == {"status": "in_progress"}
    editor.wait_event("run_ready", run_id=run_id)
    assert editor.asks == []


def test_an_unanswered_ask_blocks_nobody_and_is_asked_again_after_a_restart(start: Start):
    editor = start(ask=lambda params: NEVER)
    waiting = editor.command("delegate", request="Fix the lint", approval="ask")["runId"]
    editor.wait(lambda: editor.asks)
    other = editor.command("delegate", request="Fix the lint", approval="auto")["runId"]
    editor.wait_event("run_ready", run_id=other)
    assert editor.command("run", runId=waiting)["status"] == "awaiting_approval"
    assert editor.end() == 0
    again = start(ask=lambda params: NEVER)
    again.wait(lambda: again.asks)
    assert len(again.asks) == 1
    (ask,) = again.command("run", runId=waiting)["asks"]
    assert again.command("answer", askId=ask["askId"], answer="Approve") == {"status": "in_progress"}
    again.wait_event("run_ready", run_id=waiting)
    with pytest.raises(WireError) as error:
        again.command("answer", askId=ask["askId"], answer="Approve")
    assert "answered already" in error.value.message


# --- settings and folders ----------------------------------------------------------------------------


def test_a_wrong_setting_is_said_and_its_default_taken(start: Start):
    editor = start(options={"team": "local", "maxAgents": "many", "approval": "ask", "unheardOf": 1})
    editor.command("delegate", request="Fix the lint")
    editor.wait(lambda: editor.asks, "approval: ask counts")
    (message,) = editor.messages
    assert "nexus.maxAgents" in message["message"] and "default is used (4)" in message["message"]


def test_the_editors_configuration_counts_over_what_initialize_said(start: Start):
    editor = start(options={"team": "claude", "approval": "ask"}, configuration={"team": "local"})
    editor.command("delegate", request="Fix the lint")
    editor.wait(lambda: editor.asks, "the plan's ask")
    assert editor.events[0]["team"] == "local" and editor.messages == []
    editor.configuration = {"team": "local", "approval": None}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    time.sleep(0.3)
    run_id = editor.command("delegate", request="Fix the lint")["runId"]
    editor.wait_event("run_ready", run_id=run_id)


def test_without_a_folder_every_command_says_what_to_do(start: Start):
    editor = start(None)
    with pytest.raises(WireError) as error:
        editor.command("delegate", request="Fix the lint")
    assert error.value.code == -32803
    assert error.value.message == "NEXUS works on a folder: open one in the editor first."
    assert editor.messages == [] and editor.end() == 0


def test_of_two_folders_the_first_counts(start: Start, root: Path, tmp_path: Path):
    second = tmp_path / "second"
    second.mkdir()
    (second / "other.py").write_text(UNUSED)
    editor = start(folders=[root, second], progress=False)
    editor.command("delegate", request="Fix the lint")
    editor.wait_event("run_ready")
    editor.wait_marks("where.py", 1)
    assert editor.progress == []
    with pytest.raises(WireError) as error:
        editor.command("review.list", uri=(second / "other.py").as_uri())
    assert error.value.code == -32602


def test_marks_stand_on_the_editors_own_spelling_of_the_folder(start: Start, root: Path, tmp_path: Path):
    link = tmp_path / "link to ws"
    link.symlink_to(root)
    editor = start(link)
    editor.command("delegate", request="Fix the lint")
    editor.wait_event("run_ready")
    editor.wait_marks("where.py", 1)
    editor.open("where.py")
    editor.insert("where.py", 0, "# above\n")
    editor.wait(lambda: editor.marks("where.py")[0]["range"]["start"]["line"] == 1)
    assert all(uri == editor.uri("where.py") for uri in editor.diagnostics)


def test_an_editor_without_file_operations_has_the_server_write(start: Start, root: Path, tmp_path: Path):
    (root / "old.txt").write_text("old\n" * 5)
    (root / "gone.txt").write_text("gone\n")

    def work(checkout: Path) -> None:
        (checkout / "old.txt").rename(checkout / "new.txt")
        (checkout / "gone.txt").unlink()
        (checkout / "fresh.txt").write_text("fresh\n")

    EarlierRun(root, tmp_path / "state").propose(("code_developer", "Move things", work))
    editor = start(operations=())
    answer = editor.command("review.accept", agentId="code_developer")
    assert len(answer["accepted"]) == 3 and answer["unsaved"] == [] and editor.edits == []
    assert sorted(p.name for p in root.glob("*.txt")) == ["fresh.txt", "new.txt"]


# --- cancel and the end ------------------------------------------------------------------------------


@contextmanager
def scripted(script: Any, plan: dict[str, Any]) -> Iterator[tuple[ScriptedAnthropic, dict[str, str]]]:
    """Both scripted services in a thread of their own, and the environment that leads to them."""
    ready, over = threading.Event(), threading.Event()
    anthropic = ScriptedAnthropic(script)
    openai = ScriptedOpenAI(plan=plan)

    async def serve() -> None:
        async with anthropic, openai:
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    env = {
        "ANTHROPIC_BASE_URL": anthropic.base_url,
        "ANTHROPIC_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_API_KEY": "sk-planner",
    }
    try:
        yield anthropic, env
    finally:
        over.set()
        thread.join(10)


def task(task_id: str, agent: str, title: str, *after: str) -> dict[str, Any]:
    return {
        "id": task_id,
        "title": title,
        "agent": agent,
        "type": "implementation",
        "description": title,
        "depends_on": list(after),
        "writes": [f"{task_id}.py"],
        "acceptance": [],
    }


def processes_of(state: Path) -> list[str]:
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline())
            mine = str(state) in told or str(state) in process.environ().get("CLAUDE_CONFIG_DIR", "")
            if mine and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(told)
        except psutil.Error:
            continue
    return found


def agents_of(state: Path) -> list[str]:
    """Without the server's own git, which reads the quarantine for as long as the server lives."""
    return [told for told in processes_of(state) if "cat-file" not in told]


def test_two_agents_of_claude_code_change_and_make_files(start: Start, root: Path):
    (root / "shop.py").write_text(
        "def price():\n    return 1\n\n\nNAME = 'shop'\n\n\ndef total():\n    return 2\n"
    )

    def script(request: Request) -> Turn:
        if request.task == "price":
            match request.turn:
                case 0:
                    return read("shop.py")
                case 1:
                    return edit("shop.py", "    return 1\n", "    return 10\n")
                case 2:
                    return edit("shop.py", "    return 2\n", "    return 20\n")
        if request.task == "tests" and request.turn == 0:
            return write("test_shop.py", "from shop import price\n")
        return say("Done.")

    plan = {
        "summary": "Raise the prices.",
        "tasks": [
            task("price", "code_developer", "Raise"),
            task("tests", "alpha_test_creator", "Test it", "price"),
        ],
    }
    with scripted(script, plan) as (service, env):
        editor = start(options={"team": "claude"}, env=env)
        editor.open("shop.py")
        run_id = editor.command("delegate", request="Raise the prices")["runId"]
        editor.wait_event("run_ready", "run_failed")
        assert service.errors == []
    assert [d["message"] for d in editor.wait_marks("shop.py", 2)] == ["Code: Raise"] * 2
    assert [d["message"] for d in editor.wait_marks("test_shop.py", 1)] == ["Alpha: Test it (new file)"]
    answer = editor.command("review.accept", agentId="code_developer")
    assert len(answer["accepted"]) == 2 and "return 10" in editor.text("shop.py")
    assert "return 20" in editor.text("shop.py")
    assert editor.command("run", runId=run_id)["status"] == "ready"
    (new,) = editor.changes("test_shop.py")
    assert (new["agentId"], new["taskId"], new["after"]) == (
        "alpha_test_creator",
        "tests",
        "from shop import price\n",
    )
    editor.command("review.accept", uri=editor.uri("test_shop.py"))
    editor.wait_event("run_completed")


def test_a_weakened_test_is_a_warning_on_the_hunk_that_weakens_it(start: Start, root: Path):
    (root / "shop.py").write_text("def price():\n    return 1\n")
    tests = "def test_type():\n    assert price() > 0\n\n\ndef test_price():\n    assert price() == 1\n"
    (root / "test_shop.py").write_text("from shop import price\n\n\n" + tests)

    def script(request: Request) -> Turn:
        match request.turn:
            case 0:
                return read("test_shop.py")
            case 1:
                return edit("test_shop.py", "from shop", "import sys\n\nfrom shop")
            case 2:
                return edit("test_shop.py", "    assert price() == 1\n", "    assert price() is not None\n")
            case 3:
                return write("test_more.py", "def test_nothing():\n    pass\n")
        return say("Done.")

    plan = {"summary": "Tidy.", "tasks": [task("tests", "alpha_test_creator", "Tidy the tests")]}
    with scripted(script, plan) as (service, env):
        editor = start(options={"team": "claude"}, env=env)
        editor.open("test_shop.py")
        editor.command("delegate", request="Tidy the tests")
        editor.wait_event("run_ready", "run_failed")
        assert service.errors == []
    marks = editor.wait_marks("test_shop.py", 3)
    [warned] = [m for m in marks if m["severity"] == 2]
    [hunk] = [c for c in editor.changes("test_shop.py") if "is not None" in c["after"]]
    assert warned["message"] == (
        "Gate: `test_price` asserted `price() == 1`, and now only `price() is not None`. "
        "Assert as much as before, or check why not."
    )
    assert warned["range"]["start"]["line"] == 8  # where the old assertion stands, above which two lines wait
    assert hunk["range"]["start"] == warned["range"]["start"]
    new = [m["message"] for m in editor.wait_marks("test_more.py", 2) if m["severity"] == 2]
    assert new == [
        "Gate: `test_nothing` asserts nothing: it only fails where something raises. Assert the result."
    ]


def test_while_agents_work_the_server_answers_at_once_and_cancel_and_exit_end_them(
    start: Start, tmp_path: Path
):
    plan = {"summary": "Think.", "tasks": [task(f"t{n}", "code_developer", f"Think {n}") for n in range(2)]}
    with scripted(lambda request: Stall(streaming=True, pings=True), plan) as (service, env):
        editor = start(options={"team": "claude"}, env=env)
        first = editor.command("delegate", request="Think hard")["runId"]
        editor.wait(lambda: len(service.requests) >= 2, "two agents at work", 60)
        assert processes_of(tmp_path / "state")
        spans: list[float] = []
        for _ in range(20):
            began = time.monotonic()
            editor.command("delegate", request="Fix the lint", team="local", approval="ask")
            spans.append(time.monotonic() - began)
            time.sleep(0.02)
        assert statistics.median(spans) < 0.1 and max(spans) < 1.0, spans

        editor.notify("window/workDoneProgress/cancel", {"token": f"nexus/{first}"})
        editor.wait_event("run_cancelled", run_id=first)
        assert next(v for t, v in reversed(editor.progress) if t == f"nexus/{first}")["kind"] == "end"
        end = time.monotonic() + 10
        while agents_of(tmp_path / "state") and time.monotonic() < end:
            time.sleep(0.1)
        assert agents_of(tmp_path / "state") == []

        asked = len(service.requests)
        editor.command("delegate", request="Think again")
        editor.wait(lambda: len(service.requests) > asked, "an agent at work", 60)
        editor.end()
        end = time.monotonic() + 10
        while processes_of(tmp_path / "state") and time.monotonic() < end:
            time.sleep(0.1)
        assert processes_of(tmp_path / "state") == []


def _spans(times: int, work: Callable[[], object]) -> list[float]:
    """Seconds that each call takes, in order of length."""
    spans: list[float] = []
    for _ in range(times):
        began = time.monotonic()
        work()
        spans.append(time.monotonic() - began)
        time.sleep(0.02)
    return sorted(spans)


def test_delegate_answers_at_once_while_four_agents_work(start: Start):
    """Within 100 ms; where the machine is so busy that a bare round trip suffers too, that much longer."""
    tasks = [task(f"t{n}", "code_developer", f"Think {n}") for n in range(4)]
    with scripted(
        lambda request: Stall(streaming=True, pings=True), {"summary": "Think.", "tasks": tasks}
    ) as (service, env):
        editor = start(options={"team": "claude", "maxAgents": 4}, env=env)
        editor.command("delegate", request="Think hard")
        editor.wait(lambda: len(service.requests) >= 4, "four agents at work", 60)

        def unknown() -> None:
            with pytest.raises(WireError):
                editor.command("no.such.command")

        def delegate() -> None:
            editor.command("delegate", request="Fix the lint", team="local", approval="ask")

        bare, spans = _spans(20, unknown), _spans(20, delegate)
        for at in (10, 18):  # p50, p95
            assert spans[at] < max(0.1, 10 * bare[at]), (at, bare, spans)
        editor.end()


def test_a_run_that_is_tried_again_gets_a_progress_bar_of_its_own(start: Start):
    plan = {"summary": "Think.", "tasks": [task("t0", "code_developer", "Think")]}
    with scripted(lambda request: Stall(streaming=True, pings=True), plan) as (service, env):
        editor = start(options={"team": "claude"}, env=env)
        run_id = editor.command("delegate", request="Think hard")["runId"]
        editor.wait(lambda: service.requests, "an agent at work", 60)
        token = f"nexus/{run_id}"
        for used in (token, f"{token}/2"):
            editor.wait(lambda used=used: (used, "begin") in [(t, v["kind"]) for t, v in editor.progress])
            editor.notify("window/workDoneProgress/cancel", {"token": used})
            editor.wait(lambda used=used: (used, "end") in [(t, v["kind"]) for t, v in editor.progress])
            if used == token:
                editor.command("run.retry", runId=run_id)
        begun = [value["title"] for value in values(editor, "begin")]
        assert begun == ["NEXUS: Think hard"] * 2
        editor.end()
