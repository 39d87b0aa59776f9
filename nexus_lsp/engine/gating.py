"""A candidate's gates: measured by the server itself, judged against the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.gate import Measured, Verdict, evidence, judge
from nexus_lsp.core.run import SETTLED, Run, TaskState
from nexus_lsp.ports import FileDiff, GateResult

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

OUTPUT = 4_000
"""Characters of a gate's output that a fact keeps (the end of it)."""

Fact = f.GatePassed | f.GateFailed | f.GateNotMeasured


async def gate(engine: Engine, run: Run, state: TaskState, candidate: str, diffs: Sequence[FileDiff]) -> bool:
    """Measure a candidate and report it; False where a gate is red."""
    adapters = engine.adapters
    started = run.started
    results = await adapters.gates.measure(
        candidate, started.trusted, started.test_command, lambda line: _show(engine, run, state, line)
    )
    paths = {d.path for d in diffs} | {c.path for c in run.pending_changes}
    judged = [_judge(run, state, result, paths) for result in results]
    facts = tuple(_fact(state, candidate, verdict, result) for verdict, result in judged)
    red = [(verdict, result) for verdict, result in judged if verdict.status == "failed"]
    told = "\n\n".join(evidence(verdict, result.output) for verdict, result in red)
    await engine.submit(run.id, h.Gated(state.task.id, candidate, facts, told))
    return not red


async def user_tree_facts(engine: Engine, run: Run, commit: str) -> tuple[Fact, ...]:
    """The gates of the user's own tree, judged against the run's baseline; they block nothing."""
    started = run.started
    results = await engine.adapters.gates.measure(
        commit, started.trusted, started.test_command, lambda _line: None
    )
    paths = {s.change.path for s in run.changes.values() if s.status == "accepted"}
    judged = [_judge(run, None, result, paths) for result in results]
    return tuple(_fact(None, commit, verdict, result) for verdict, result in judged)


def _show(engine: Engine, run: Run, state: TaskState, line: str) -> None:
    text = line.strip()
    if text:
        engine.say(run.id, state.task.id, text)


def _judge(
    run: Run, state: TaskState | None, result: GateResult, paths: set[str]
) -> tuple[Verdict, GateResult]:
    before = run.baseline.get(result.gate)
    baseline = Measured(result.gate, False)
    if before:
        baseline = Measured(before.gate, before.measured, before.why, before.passed, before.failed)
    if baseline.measured or result.status != "measured":
        return judge(baseline, _measured(result), paths, new_tests_block=_last(run, state)), result
    # without a baseline nothing can be blamed on the work: what fails is told, and does not block
    verdict = judge(_as_baseline(result), _measured(result), paths)
    return verdict, result


def _as_baseline(result: GateResult) -> Measured:
    return Measured(result.gate, True, "", result.passed, result.failed)


def _measured(result: GateResult) -> Measured:
    places = tuple(f.GatePlace(*place) for place in result.places)
    return Measured(
        result.gate, result.status == "measured", result.why, result.passed, result.failed, places
    )


def _last(run: Run, state: TaskState | None) -> bool:
    """Whether all other tasks that write code have landed, so that new tests can be judged."""
    return state is None or all(
        other.status in SETTLED
        for other in run.tasks.values()
        if other.task.id != state.task.id and other.task.type == "implementation"
    )


def _fact(state: TaskState | None, candidate: str, verdict: Verdict, result: GateResult) -> Fact:
    task_id = state.task.id if state else None
    output = result.output[-OUTPUT:]
    if verdict.status == "not_measured":
        last = result.output.strip().splitlines()[-1:] if result.status == "measured" else []
        why = ". ".join([verdict.why, *(f"It said: {line}" for line in last)])
        return f.GateNotMeasured(verdict.gate, candidate, task_id, why)
    if verdict.status == "failed":
        return f.GateFailed(
            verdict.gate, candidate, task_id, verdict.broken, output, verdict.places, result.seconds
        )
    return f.GatePassed(
        gate=verdict.gate,
        commit=candidate,
        task_id=task_id,
        passed=len(result.passed),
        failed=len(result.failed),
        fixed=verdict.fixed,
        coverage=result.coverage,
        seconds=result.seconds,
        output=output,
    )
