"""The roster: how each member of the team stands, in the shape of the seed's `GET /api/agents`.

Figures are counted from the journal or measured; nothing is an agent's word for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nexus_lsp.core.health import score
from nexus_lsp.core.personality import Signals, Stress, stress_of
from nexus_lsp.core.personas import Persona
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.core.spending import used_share
from nexus_lsp.core.wire import Json
from nexus_lsp.engine.records import records_of

DAY = 86_400.0

Silence = Callable[[str, str], float | None]
"""Seconds since the agent at work on a run's task was last heard."""

WORDS = ((9.0, "excellent"), (7.0, "good"), (0.0, "strained"))
"""What a lowest health score of at least this much is called."""


def agents(runs: Iterable[Run], personas: Iterable[Persona], now: float, silence: Silence) -> Json:
    """Every persona with what it does and how it does; `system_health` follows the one that does worst."""
    all_runs = list(runs)
    lines = [_agent(persona, all_runs, now, silence) for persona in personas]
    active = sum(1 for line in lines if line["status"] == "active")
    return {
        "agents": lines,
        "system_health": _overall([line["health_score"] for line in lines]),
        "total_agents": len(lines),
        "active_agents": active,
    }


def _overall(scores: Sequence[float | None]) -> str:
    known = [s for s in scores if s is not None]
    return next(word for least, word in WORDS if min(known) >= least) if known else "unknown"


def _agent(persona: Persona, runs: list[Run], now: float, silence: Silence) -> Json:
    mine = [(run, s) for run in runs for s in run.tasks.values() if s.task.agent == persona.agent_id]
    at_work = [(run, s) for run, s in mine if s.working]
    today = [s for _, s in mine if s.started_at and now - s.started_at < DAY]
    records = records_of(runs, persona.agent_id)
    timed = [r.response for r in records[-50:] if r.response is not None]
    return {
        "agent_id": persona.agent_id,
        "name": persona.name,
        "role": persona.role,
        "status": "active" if at_work else "idle",
        "current_task": next((f"{run.id}/{s.task.id}" for run, s in at_work), None),
        "health_score": score(records, persona.health.max_response_time),
        "tasks_completed_today": sum(1 for s in today if s.status == "completed"),
        "instances": [_instance(run, s, now, silence) for run, s in at_work],
        "restarts": sum(r.restarts for r in records),
        "response_seconds": sum(timed) / len(timed) if timed else None,
        "usd": sum(s.usd for _, s in mine),
        "tokens": sum(s.tokens + s.live_tokens for _, s in mine),
    }


def _instance(run: Run, state: TaskState, now: float, silence: Silence) -> Json:
    stress = stress_at(run, state, now)
    return {
        "instance_id": state.instance,
        "run_id": run.id,
        "task_id": state.task.id,
        "attempt": state.attempt,
        "percent": state.percent,
        "message": state.message,
        "waits_for_user": state.task.id in run.asking,
        "silent_seconds": silence(run.id, state.task.id),
        "stress": {"level": stress.level, "causes": list(stress.causes)},
    }


def stress_at(run: Run, state: TaskState, now: float) -> Stress:
    """How strained the agent of a task is, by rule (`core.personality`)."""
    deadline = run.started.deadline
    return stress_of(
        Signals(
            red_gates=state.repairs,
            breaks=state.retries,
            deadline_in=None if deadline is None else deadline - now,
            budget_used=used_share(run, now),
        )
    )
