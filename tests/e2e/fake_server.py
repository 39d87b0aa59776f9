"""A stand-in for `nexus_lsp serve --stdio`: it speaks the contract for one edit and one new file.

It exists until the real server does; the harness picks the real one as soon as `nexus_lsp.cli` is there.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

AGENTS = {
    "aria_coordinator": ("Aria", "coordinator"),
    "code_developer": ("Code", "developer"),
    "alpha_test_creator": ("Alpha", "test_creator"),
    "beta_test_validator": ("Beta", "validator"),
}
BEFORE, AFTER = "    return a - b\n", "    return a + b\n"
NEW_TEST = "from calculator import add\n\n\ndef test_add_adds() -> None:\n    assert add(2, 3) == 5\n"


@dataclass
class Task:
    taskId: str
    agentId: str
    title: str
    type: str
    dependsOn: list[str]
    instanceId: str = "1"
    status: str = "pending"
    message: str = ""
    percent: int | None = None
    attempt: int = 1
    summary: str = ""


@dataclass
class Change:
    id: str
    runId: str
    taskId: str
    agentId: str
    uri: str
    kind: str
    before: str
    after: str
    why: str
    status: str = "pending"


@dataclass
class Run:
    runId: str
    request: str
    approval: str
    startedAt: float = field(default_factory=time.time)
    status: str = "in_progress"
    plan: dict[str, Any] | None = None
    tasks: list[Task] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)
    asks: list[dict[str, Any]] = field(default_factory=list)


server = LanguageServer("nexus", "0.0.1", text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental)
runs: dict[str, Run] = {}
settings: dict[str, Any] = {}
approvals: dict[str, asyncio.Event] = {}
seq = itertools.count(1)
background: set[asyncio.Task[None]] = set()


@server.feature(lsp.INITIALIZE)
def initialize(params: lsp.InitializeParams) -> None:
    settings.update(params.initialization_options or {})


def emit(run: Run, type: str, **fields: Any) -> None:
    server.protocol.notify(
        "nexus/event", {"seq": next(seq), "at": time.time(), "runId": run.runId, "type": type, **fields}
    )


def text_of(uri: str) -> str | None:
    document = server.workspace.text_documents.get(uri)
    path = Path(to_fs_path(uri) or "")
    return document.source if document else path.read_text() if path.exists() else None


def place(change: Change, text: str) -> lsp.Range | None:
    at = text.find(change.before if change.status == "pending" else change.after)
    if at < 0:
        return None
    line = text.count("\n", 0, at)
    return lsp.Range(lsp.Position(line, 0), lsp.Position(line + 1, 0))


TOP = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))


def on_wire(change: Change) -> dict[str, Any]:
    where = place(change, text_of(change.uri) or "") if change.kind == "edit" else TOP
    where = where or TOP
    start, end = where.start, where.end
    return {
        **vars(change),
        "range": {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        },
    }


def shown_uri(change: Change) -> str:
    return (
        change.uri
        if change.kind == "edit"
        else change.uri.replace("file://", "nexus-preview:") + "?" + change.id
    )


def publish(uri: str) -> None:
    found = []
    for change in [
        c for r in runs.values() for c in r.changes if c.status == "pending" and shown_uri(c) == uri
    ]:
        where = place(change, text_of(change.uri) or "") if change.kind == "edit" else TOP
        if where:
            data = {
                "changeId": change.id,
                "runId": change.runId,
                "taskId": change.taskId,
                "agentId": change.agentId,
            }
            if change.kind == "edit":
                data["editRange"] = on_wire(change)["range"]
            shown = (
                lsp.Range(where.start, lsp.Position(where.start.line, 99)) if change.kind == "edit" else TOP
            )
            found.append(
                lsp.Diagnostic(
                    range=shown,
                    message=f"{AGENTS[change.agentId][0]}: {change.why}",
                    source="nexus",
                    code=change.id,
                    severity=lsp.DiagnosticSeverity.Information,
                    data=data,
                )
            )
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=found))


def summary(run: Run) -> dict[str, Any]:
    return {
        "runId": run.runId,
        "request": run.request,
        "status": run.status,
        "priority": "medium",
        "team": "local",
        "startedAt": run.startedAt,
        "tasksDone": sum(t.status == "completed" for t in run.tasks),
        "tasksTotal": len(run.tasks),
        "changesPending": sum(c.status == "pending" for c in run.changes),
    }


@server.command("nexus.delegate")
def delegate(arg: dict[str, Any]) -> dict[str, Any]:
    run = Run(f"run-{len(runs) + 1}", arg["request"], arg.get("approval") or settings.get("approval", "auto"))
    runs[run.runId] = run
    approvals[run.runId] = asyncio.Event()
    job = asyncio.get_running_loop().create_task(work(run))
    background.add(job)
    return {"runId": run.runId, "status": "accepted", "assignedAgents": [], "estimatedCompletion": None}


async def work(run: Run) -> None:
    token = f"nexus-{run.runId}"
    await server.work_done_progress.create_async(token)
    server.work_done_progress.begin(
        token, lsp.WorkDoneProgressBegin(title="NEXUS", message="Aria plans", cancellable=True, percentage=0)
    )
    emit(run, "run_started", request=run.request)
    await asyncio.sleep(0.5)
    run.tasks = [
        Task("fix", "code_developer", "Make add() add", "implementation", []),
        Task("test", "alpha_test_creator", "Test add()", "test", ["fix"]),
    ]
    run.plan = {
        "summary": "Code mends add(); Alpha proves it with a test.",
        "tasks": [
            {
                "id": t.taskId,
                "title": t.title,
                "agent": t.agentId,
                "type": t.type,
                "description": f"{t.title}, and nothing else.",
                "depends_on": t.dependsOn,
                "writes": ["calculator.py"],
                "acceptance": ["`add(2, 3)` is 5"],
            }
            for t in run.tasks
        ],
    }
    emit(run, "plan_proposed", plan=run.plan, source="builtin", why="no key")
    if run.approval == "ask":
        run.status = "awaiting_approval"
        run.asks.append(
            {
                "askId": "ask-1",
                "kind": "plan",
                "question": "Start this plan?",
                "options": ["Approve", "Reject"],
                "default": "Reject",
                "expires": None,
                "answer": None,
            }
        )
        emit(run, "ask_opened", askId="ask-1", kind="plan")
        await approvals[run.runId].wait()
        run.asks[0]["answer"] = "Approve"
        run.status = "in_progress"
        emit(run, "plan_approved", plan=run.plan)
    root = Path(server.workspace.root_path or ".")
    made = [
        ("c-edit", "calculator.py", "edit", BEFORE, AFTER, "add() subtracted; now it adds."),
        ("c-new", "test_calculator.py", "create", "", NEW_TEST, "A test that fails without the fix."),
    ]
    for at, (task, (id, path, kind, before, after, why)) in enumerate(zip(run.tasks, made, strict=True)):
        task.status = "in_progress"
        emit(run, "task_started", taskId=task.taskId, agentId=task.agentId, instanceId="1", attempt=1)
        for percent in (20, 60):
            task.message, task.percent = f"{'reading' if percent == 20 else 'writing'} {path}", percent
            emit(
                run,
                "task_progress",
                taskId=task.taskId,
                agentId=task.agentId,
                message=task.message,
                percent=percent,
            )
            text = f"{AGENTS[task.agentId][0]}: {task.message} ({at} of 2 tasks)"
            server.work_done_progress.report(
                token, lsp.WorkDoneProgressReport(message=text, percentage=at * 50 + percent // 2)
            )
            await asyncio.sleep(0.6)
        task.status, task.summary = "completed", why
        emit(run, "task_completed", taskId=task.taskId, agentId=task.agentId, summary=why)
        change = Change(
            f"{run.runId}-{id}",
            run.runId,
            task.taskId,
            task.agentId,
            from_fs_path(str(root / path)) or "",
            kind,
            before,
            after,
            why,
        )
        run.changes.append(change)
        run.gates.append(
            {
                "gate": "tests",
                "status": "not_measured",
                "taskId": task.taskId,
                "why": "the workspace is not trusted",
                "output": "",
            }
        )
        emit(run, "change_proposed", change=on_wire(change))
        publish(shown_uri(change))
    run.status = "ready"
    server.work_done_progress.end(token, lsp.WorkDoneProgressEnd(message="ready for review"))
    emit(run, "run_ready", summary="ready")


@server.command("nexus.plan.approve")
def approve(arg: dict[str, Any]) -> dict[str, Any]:
    approvals[arg["runId"]].set()
    return {"status": "in_progress"}


@server.command("nexus.runs")
def list_runs(arg: dict[str, Any]) -> dict[str, Any]:
    return {"runs": [summary(run) for run in runs.values()]}


@server.command("nexus.run")
def one_run(arg: dict[str, Any]) -> dict[str, Any]:
    run = runs[arg["runId"]]
    return {
        **summary(run),
        "plan": run.plan,
        "tasks": [vars(t) for t in run.tasks],
        "changes": [on_wire(c) for c in run.changes],
        "gates": run.gates,
        "asks": run.asks,
        "usd": 0.0,
    }


@server.command("nexus.agents")
def agents(arg: dict[str, Any]) -> dict[str, Any]:
    busy = {
        t.agentId: f"{r.runId}/{t.taskId}"
        for r in runs.values()
        for t in r.tasks
        if t.status == "in_progress"
    }
    return {
        "agents": [
            {
                "agent_id": id,
                "name": name,
                "role": role,
                "status": "active",
                "current_task": busy.get(id),
                "health_score": None,
                "tasks_completed_today": 0,
            }
            for id, (name, role) in AGENTS.items()
        ]
    }


@server.command("nexus.review.accept")
async def accept(arg: dict[str, Any]) -> dict[str, Any]:
    chosen = [
        c
        for r in runs.values()
        for c in r.changes
        if c.status == "pending"
        and (c.id in arg.get("changeIds", []) or c.uri == arg.get("uri") or c.runId == arg.get("runId"))
    ]
    edits: list[Any] = []
    for change in chosen:
        document = server.workspace.text_documents.get(change.uri)
        version = document.version if document else None
        if change.kind == "create":
            edits.append(lsp.CreateFile(uri=change.uri))
        where = place(change, text_of(change.uri) or "") if change.kind == "edit" else TOP
        assert where
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri=change.uri, version=version)
        edits.append(
            lsp.TextDocumentEdit(text_document=identifier, edits=[lsp.TextEdit(where, change.after)])
        )
    edit = lsp.WorkspaceEdit(document_changes=edits)
    answer = await server.workspace_apply_edit_async(
        lsp.ApplyWorkspaceEditParams(edit=edit, label="NEXUS: accept")
    )
    if not answer.applied:
        return {
            "accepted": [],
            "refused": [{"id": c.id, "why": "The editor refused the edit."} for c in chosen],
            "unsaved": [],
        }
    settle(chosen, "accepted")
    return {"accepted": [c.id for c in chosen], "refused": [], "unsaved": sorted({c.uri for c in chosen})}


@server.command("nexus.review.reject")
def reject(arg: dict[str, Any]) -> dict[str, Any]:
    chosen = [
        c
        for r in runs.values()
        for c in r.changes
        if c.status == "pending"
        and (c.id in arg.get("changeIds", []) or c.uri == arg.get("uri") or c.runId == arg.get("runId"))
    ]
    settle(chosen, "rejected")
    return {"rejected": [c.id for c in chosen], "refused": [], "unsaved": []}


def settle(changes: list[Change], status: str) -> None:
    for change in changes:
        change.status = status
        run = runs[change.runId]
        run.status = "completed" if all(c.status != "pending" for c in run.changes) else "ready"
        emit(
            run,
            {"accepted": "change_accepted", "rejected": "change_rejected", "pending": "change_reopened"}[
                status
            ],
            changeId=change.id,
        )
        publish(shown_uri(change))


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    text = text_of(uri) or ""
    for change in [c for r in runs.values() for c in r.changes if c.uri == uri and c.kind == "edit"]:
        if change.status == "accepted" and change.before in text and change.after not in text:
            settle([change], "pending")
    publish(uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
    publish(params.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def hover(params: lsp.HoverParams) -> lsp.Hover | None:
    for change in [
        c
        for r in runs.values()
        for c in r.changes
        if c.status == "pending" and c.uri == params.text_document.uri
    ]:
        where = place(change, text_of(change.uri) or "")
        if where and where.start.line == params.position.line:
            diff = f"```diff\n-{change.before}+{change.after}```"
            return lsp.Hover(
                lsp.MarkupContent(
                    lsp.MarkupKind.Markdown, f"**{AGENTS[change.agentId][0]}**: {change.why}\n\n{diff}"
                )
            )
    return None


@server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION)
def code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    actions = []
    for change in [
        c
        for r in runs.values()
        for c in r.changes
        if c.status == "pending" and shown_uri(c) == params.text_document.uri
    ]:
        for word in ("accept", "reject"):
            command = lsp.Command(
                title=word, command=f"nexus.review.{word}", arguments=[{"changeIds": [change.id]}]
            )
            actions.append(
                lsp.CodeAction(
                    title=f"NEXUS: {word.capitalize()}: {change.why}",
                    kind=f"quickfix.nexus.{word}",
                    command=command,
                    diagnostics=[d for d in params.context.diagnostics if d.code == change.id],
                )
            )
    return actions


if __name__ == "__main__":
    server.start_io()
