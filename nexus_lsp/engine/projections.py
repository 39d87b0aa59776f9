"""What faces show of runs: plain JSON values (snake_case), made from the state alone."""

from __future__ import annotations

from collections.abc import Iterable

from nexus_lsp.core import facts as f
from nexus_lsp.core.budget import split_key
from nexus_lsp.core.changes import Change
from nexus_lsp.core.conflicts import Conflict, in_conflict
from nexus_lsp.core.rules.heads import branch
from nexus_lsp.core.run import ChangeState, GateFact, Run, TaskState
from nexus_lsp.core.spending import Meter, meters
from nexus_lsp.core.wire import Json, to_json


def run_summary(run: Run) -> Json:
    """One line of a list of runs."""
    tasks = [s for s in run.tasks.values() if not s.replaced]
    done = sum(1 for s in tasks if s.status == "completed")
    return {
        "run_id": run.id,
        "request": run.started.request,
        "status": run.status,
        "reason": run.reason,
        "priority": run.started.priority,
        "team": run.started.team,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "tasks_done": done,
        "tasks_total": len(tasks),
        "changes_pending": len(run.pending_changes),
        "usd": run.usd,
        "asks_open": len(run.open_asks),
        "parked": branch(run.head) if run.away else None,
    }


def run_detail(run: Run) -> Json:
    """Everything about one run."""
    return {
        **run_summary(run),
        "plan": to_json(run.plan) if run.plan else None,
        "plan_source": run.plan_source,
        "revision": {"plan": to_json(run.revision.plan), "why": run.revision.why} if run.revision else None,
        "tasks": [_task(s) for s in run.tasks.values()],
        "changes": [change_line(run, s) for s in run.changes.values()],
        "gates": [gate_line(g) for g in run.gates],
        "asks": [to_json(ask) for ask in run.open_asks],
        "notes": list(run.notes),
        "budgets": [_meter(meter) for meter in meters(run)],
        "quality": _quality(run.quality) if run.quality else None,
        "forecast": [to_json(clash) for clash in run.forecast],
    }


def run_messages(run: Run) -> Json:
    """What the team of a run said: messages, oldest first, with how far each got, and the scratchpad."""
    messages = [
        {
            "message": dict(sent.message),
            "reach": [{"recipient": r, "state": s} for r, s in sent.reach.items()],
        }
        for sent in run.team.messages.values()
    ]
    return {"messages": messages, "scratchpad": [to_json(note) for note in run.team.notes]}


def _meter(meter: Meter) -> Json:
    scope, who, measure = split_key(meter.key)
    return {"scope": scope, "who": who, "measure": measure, "used": meter.used, "limit": meter.limit}


def _quality(measured: f.QualityMeasured) -> Json:
    """What the server measured; what agents say of themselves stands in their tasks' `response`."""
    return {**to_json(measured), "measured_by": "nexus"}


def _task(s: TaskState) -> Json:
    return {
        "task_id": s.task.id,
        "title": s.task.title,
        "agent_id": s.task.agent,
        "instance_id": s.instance_id,
        "type": s.task.type,
        "status": s.status,
        "message": s.message,
        "percent": s.percent,
        "attempt": s.attempt,
        "summary": s.summary,
        "depends_on": list(s.task.depends_on),
        "paths": list(s.paths),
        "seconds": s.seconds,
        "usd": s.usd,
        "tokens": s.tokens + s.live_tokens,
        "repairs": s.repairs,
        "restarts": s.retries,
        "replaced": s.replaced,
        "response": dict(s.response) if s.response else None,
    }


def change_line(run: Run, s: ChangeState) -> Json:
    """A change with its state, by path; a face that has the file open puts the range in its place."""
    change = s.change
    return {
        "id": change.id,
        "run_id": run.id,
        "task_id": change.task_ids[-1],
        "agent_id": change.agent_ids[-1],
        "task_ids": list(change.task_ids),
        "agent_ids": list(change.agent_ids),
        "path": change.path,
        "old_path": change.old_path,
        "kind": change.kind,
        "status": s.status,
        "note": s.note,
        "parked": branch(run.head) if run.away else None,
        "superseded_by": s.superseded_by,
        "commit": s.commit,
        "base": change.base,
        "line": change.line,
        "before": change.before,
        "after": change.after,
        "before_mode": change.before_mode,
        "after_mode": change.after_mode,
        "why": change.why,
        "depends_on": list(change.depends_on),
        "conflict": {"base": change.before, "theirs": change.after} if _conflicting(s) else None,
    }


def _conflicting(s: ChangeState) -> bool:
    return in_conflict(s.change, s.status, s.note, s.superseded_by)


def conflict_line(conflict: Conflict) -> Json:
    """A conflict's three sides; `line` is in the user's text as it was looked at."""
    sides = {"base": conflict.base, "yours": conflict.yours, "theirs": conflict.theirs}
    return {"line": conflict.line} | {name: "".join(lines) for name, lines in sides.items()}


def gate_line(gate: GateFact) -> Json:
    """A measurement and the commit whose tree was measured; `status` is never "passed" where nothing was."""
    match gate:
        case f.BaselineMeasured():
            status = "passed" if gate.measured and not gate.failed else "failed"
            status = status if gate.measured else "not_measured"
            counts = {"passed": len(gate.passed), "failed": len(gate.failed), "coverage": gate.coverage}
            return _gate(gate, status, gate.why, "") | {"task_id": None, "baseline": True} | counts
        case f.GatePassed():
            counts = {"passed": gate.passed, "failed": gate.failed, "coverage": gate.coverage}
            return _gate(gate, "passed", "", gate.output) | counts
        case f.GateFailed():
            return _gate(gate, "failed", ", ".join(gate.broken), gate.output)
        case f.GateNotMeasured():
            return _gate(gate, "not_measured", gate.why, "")
        case f.GateWarned():
            told = "\n".join(f"{p.path}:{p.line + 1}: {p.message}" for p in gate.places)
            return _gate(gate, "warning" if gate.places else "passed", "", told)


def _gate(gate: GateFact, status: str, why: str, output: str) -> Json:
    return {
        "gate": gate.gate,
        "commit": gate.commit,
        "task_id": None if isinstance(gate, f.BaselineMeasured) else gate.task_id,
        "baseline": False,
        "status": status,
        "why": why,
        "output": output,
    }


def estimate(runs: Iterable[Run], tasks: int) -> float | None:
    """Seconds that so many tasks took in this workspace so far, from measured history; None without."""
    spans = [
        (run.ended_at - run.started_at) / len(run.tasks)
        for run in runs
        if run.status == "completed" and run.ended_at and run.tasks
    ]
    return sum(spans) / len(spans) * tasks if spans else None


def touches(change: Change, path: str) -> bool:
    """Whether a change concerns this path."""
    return path in (change.path, change.old_path)
