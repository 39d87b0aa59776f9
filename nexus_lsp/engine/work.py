"""One attempt at one task: checkout → agent → harvest → submitted."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.ports import Assignment, Outcome, Progress, Report, TaskResult

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
    try:
        assignment = await _assignment(engine, run, state, checkout)
        backend = engine.adapters.backend(run.started.team)
        outcome = await backend.work(assignment, lambda report: _pass_on(engine, run_id, state, report))
        end = await _end(engine, state, checkout, outcome, laid_out)
        engine.integration(run_id).queue(task_id)
        await engine.deliver(run_id, end)
    finally:
        # what was of worth is in the quarantine by now, or was given up on purpose; an engine that
        # closes leaves the checkout to be salvaged at the next open
        if not engine.closing:
            with contextlib.suppress(Exception):
                await repository.discard(checkout)


def checkout_name(run_id: str, state: TaskState) -> str:
    """The checkout of a task's current attempt; the same after a crash, so that it can be salvaged."""
    return f"{run_id}-{state.task.id}-{state.attempt}"


def _pass_on(engine: Engine, run_id: str, state: TaskState, report: Report) -> None:
    if isinstance(report, Progress):
        what: h.Happening = h.Progressed(state.task.id, state.attempt, report.message, report.percent)
    else:
        what = h.SessionKnown(state.task.id, state.attempt, report.session_id)
    engine.report(run_id, what)


async def _end(
    engine: Engine, state: TaskState, checkout: Path, outcome: Outcome, laid_out: float
) -> h.Happening:
    assert state.start is not None
    task = state.task
    repository = engine.adapters.repository
    if outcome.status in ("failed", "unable"):
        usd = outcome.spent.usd
        return h.Ended(task.id, state.attempt, outcome.status, outcome.summary, usd=usd)
    began = time.monotonic()
    harvest = await repository.harvest(checkout, state.start, f"{task.agent}: {task.title}")
    await repository.keep(f"tasks/{checkout.name}", harvest.commit)
    if outcome.status == "broken":
        resume_from = harvest.commit if harvest.paths else None
        return h.Ended(
            task_id=task.id,
            attempt=state.attempt,
            status="broken",
            reason=outcome.summary,
            retryable=outcome.retryable,
            resume_from=resume_from,
            usd=outcome.spent.usd,
        )
    return h.Submitted(
        f.TaskSubmitted(
            task_id=task.id,
            attempt=state.attempt,
            commit=harvest.commit,
            paths=harvest.paths,
            summary=outcome.summary,
            usd=outcome.spent.usd,
            input_tokens=outcome.spent.input_tokens,
            output_tokens=outcome.spent.output_tokens,
            seconds=outcome.spent.seconds,
            notes=harvest.notes,
            reasons=tuple(f.LineReason(r.path, r.line, r.why) for r in outcome.reasons),
            checkout_seconds=laid_out,
            harvest_seconds=time.monotonic() - began,
        )
    )


async def _assignment(engine: Engine, run: Run, state: TaskState, checkout: Path) -> Assignment:
    task = state.task
    personas = {p.agent_id: p for p in engine.adapters.personas()}
    assert run.plan is not None
    left = run.budget - run.usd if run.budget else None
    changed = {c.path for c in run.pending_changes}
    return Assignment(
        run_id=run.id,
        task=task,
        attempt=state.attempt,
        persona=personas[task.agent],
        checkout=checkout,
        request=run.started.request,
        plan_summary=run.plan.summary,
        results=tuple(_results(run, state)),
        evidence=state.evidence,
        notes=tuple(_rejections(run)),
        project_text=engine.adapters.project_text(),
        trusted=run.started.trusted,
        changed_paths=tuple(sorted(changed | set(state.paths))),
        session_id=state.session_id,
        max_usd=left,
        timeout=engine.settings.task_timeout,
    )


def _results(run: Run, state: TaskState) -> list[TaskResult]:
    done = [run.tasks[i] for i in state.task.depends_on]
    return [TaskResult(s.task.id, s.task.agent, s.task.title, s.summary, s.paths) for s in done]


def _rejections(run: Run) -> list[str]:
    """What the user turned down in this run, so that it is not proposed again."""
    return [
        f"The user rejected a change of {s.change.path} line {s.change.line + 1}"
        + (f": {s.note}" if s.note else ".")
        + (f"\nIt was:\n{s.change.after}" if s.change.kind == "edit" else "")
        for s in run.changes.values()
        if s.status == "rejected"
    ]
