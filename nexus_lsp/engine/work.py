"""One attempt at one task: checkout → agent → harvest → submitted."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.run import TaskState
from nexus_lsp.engine.assigning import assignment_of, respond
from nexus_lsp.engine.team_desk import TeamDesk
from nexus_lsp.ports import Heard, Outcome, Progress, Report, SessionStarted

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine


async def work(engine: Engine, run_id: str, task_id: str) -> None:
    """Carry out the attempt that the run's state says is at work; its end is reported to the engine."""
    run = engine.runs[run_id]
    state = run.tasks[task_id]
    assert state.start is not None
    repository = engine.adapters.repository
    began = time.monotonic()
    checkout = await repository.checkout(state.start, checkout_name(run_id, state))
    laid_out = time.monotonic() - began
    desk = TeamDesk(engine, run_id, state, lambda report: _pass_on(engine, run_id, state, report))
    engine.pulses.begin(run_id, task_id, state.attempt, desk)
    try:
        assignment = await assignment_of(engine, run, state, checkout)
        backend = engine.adapters.backend(run.started.team)
        outcome = await backend.work(assignment, desk.report, desk)
        await engine.ward.note(run.started.team, outcome)
        end = await _end(engine, state, checkout, outcome, laid_out, desk)
        engine.integration(run_id).queue(task_id)
        await engine.deliver(run_id, end)
        await respond(engine, run_id, end)
    finally:
        engine.pulses.end(run_id, task_id, state.attempt)
        # what was of worth is in the quarantine by now, or was given up on purpose; an engine that
        # closes leaves the checkout to be salvaged at the next open
        if not engine.closing:
            with contextlib.suppress(Exception):
                await repository.discard(checkout)


def checkout_name(run_id: str, state: TaskState) -> str:
    """The checkout of a task's current attempt; the same after a crash, so that it can be salvaged."""
    return f"{run_id}-{state.task.id}-{state.attempt}"


def _pass_on(engine: Engine, run_id: str, state: TaskState, report: Report) -> None:
    engine.forecasting.heard(run_id, state.task.id)
    match report:
        case Progress():
            what = h.Progressed(state.task.id, state.attempt, report.message, report.percent)
            engine.report(run_id, what)
        case SessionStarted():
            engine.report(run_id, h.SessionKnown(state.task.id, state.attempt, report.session_id))
        case Heard():
            engine.pulses.heard(run_id, state.task.id, report.tokens)


async def _end(
    engine: Engine, state: TaskState, checkout: Path, outcome: Outcome, laid_out: float, desk: TeamDesk
) -> h.Happening:
    assert state.start is not None
    task, spent = state.task, outcome.spent
    repository = engine.adapters.repository
    tokens = spent.input_tokens + spent.output_tokens
    if outcome.status in ("failed", "unable"):
        return h.Ended(task.id, state.attempt, outcome.status, outcome.summary, usd=spent.usd, tokens=tokens)
    began = time.monotonic()
    harvest = await repository.harvest(checkout, state.start, f"{task.agent}: {task.title}")
    await repository.keep(f"tasks/{checkout.name}", harvest.commit)
    if outcome.status == "broken":
        return h.Ended(
            task_id=task.id,
            attempt=state.attempt,
            status="broken",
            reason=outcome.summary,
            retryable=outcome.retryable,
            resume_from=harvest.commit if harvest.paths else None,
            usd=spent.usd,
            tokens=tokens,
            at=engine.adapters.now() if outcome.fault else 0.0,
            fresh=outcome.fault == "hung",
            stopped=outcome.fault == "stopped",
        )
    return h.Submitted(
        f.TaskSubmitted(
            task_id=task.id,
            attempt=state.attempt,
            commit=harvest.commit,
            paths=harvest.paths,
            summary=_summary(desk, outcome),
            usd=spent.usd,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            seconds=spent.seconds,
            notes=harvest.notes,
            reasons=tuple(f.LineReason(r.path, r.line, r.why) for r in outcome.reasons),
            checkout_seconds=laid_out,
            harvest_seconds=time.monotonic() - began,
            response=desk.response,
            response_seconds=outcome.response_seconds,
        )
    )


def _summary(desk: TeamDesk, outcome: Outcome) -> str:
    """What the agent handed in, else the last thing it said."""
    if desk.response is None:
        return outcome.summary
    return str(desk.response["task_result"]["summary"])
