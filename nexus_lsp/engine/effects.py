"""Effects that concern a whole run: its snapshot, its plan, another way, the scrutiny of what landed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.quality import Complexity
from nexus_lsp.core.replanning import trouble_of
from nexus_lsp.core.run import Run
from nexus_lsp.core.schedule import Effect
from nexus_lsp.engine.baseline import Baseline
from nexus_lsp.engine.records import in_words, records_of
from nexus_lsp.ports import Brief, PlanFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

EXCERPTS = ("README.md", "README.rst", "pyproject.toml", "package.json")
_EXCERPT = 4000


async def snapshot(engine: Engine, effect: Effect) -> None:
    """Take the workspace as the editors show it."""
    repository = engine.adapters.repository
    taken = await repository.snapshot(await engine.open_texts())
    await repository.keep(f"{effect.run_id}/snapshot", taken.commit)
    head = await repository.user_head()
    notes = (*taken.notes, *engine.adapters.persona_notes())
    await engine.submit(effect.run_id, h.SnapshotDone(taken.commit, head, notes))


async def baseline(engine: Engine, effect: Effect, keeper: Baseline) -> None:
    """Measure the snapshot before any agent's work."""
    run = engine.runs[effect.run_id]
    assert run.snapshot is not None
    facts = await keeper.measure(run.snapshot, run.started.trusted, run.started.test_command)
    await engine.submit(run.id, h.BaselineDone(facts))


async def plan(engine: Engine, effect: Effect) -> None:
    """Have the request planned."""
    run = engine.runs[effect.run_id]
    planner, why = engine.adapters.planner(run.started.team)
    await engine.recall.tell(run.id)
    await engine.mailroom.notice(run.id)
    try:
        made = await planner.plan(await _brief(engine, run))
    except PlanFailed as error:
        await engine.submit(run.id, h.StepFailed(str(error)))
        return
    await engine.submit(run.id, h.PlanReady(made, planner.source, why, engine.adapters.new_id("ask")))


async def replan(engine: Engine, effect: Effect) -> None:
    """Have NEXUS Prime look for another way."""
    run = engine.runs[effect.run_id]
    planner, _ = engine.adapters.planner(run.started.team)
    trouble = trouble_of(run, engine.settings.replan_rounds, _alerts(run))
    try:
        revision = await planner.replan(await _brief(engine, run), trouble)
    except PlanFailed as error:
        await engine.submit(run.id, h.Replanned(None, planner.source, str(error)))
        return
    await engine.submit(run.id, h.Replanned(revision, planner.source, revision.why))


def _alerts(run: Run) -> list[str]:
    """What agents wrote to NEXUS Prime, newest last."""
    return [
        f"{sent.message['from']['agent_id']}: {sent.message['payload'].get('text', '')}"
        for sent in run.team.messages.values()
        if "nexus_prime" in sent.reach and "text" in sent.message.get("payload", {})
    ][-10:]


async def _brief(engine: Engine, run: Run) -> Brief:
    assert run.snapshot is not None
    repository = engine.adapters.repository
    excerpts: list[tuple[str, str]] = []
    for path in EXCERPTS:
        content = await repository.read_file(run.snapshot, path)
        if content:
            excerpts.append((path, content.content[:_EXCERPT].decode("utf-8", "replace")))
    own_words, lessons = await engine.recall.for_plan(run)
    personas = engine.adapters.personas()
    records = [(p.agent_id, in_words(records_of(engine.runs.values(), p.agent_id))) for p in personas]
    return Brief(
        request=run.started.request,
        files=await repository.files(run.snapshot),
        personas=personas,
        team=run.started.team,
        focus=run.started.focus,
        context=run.started.context,
        notes=own_words,
        excerpts=tuple(excerpts),
        lessons=lessons,
        records=tuple((agent_id, told) for agent_id, told in records if told),
    )


async def scrutinise(engine: Engine, effect: Effect) -> None:
    """Measure all that landed against the user's text: quality, and whether its tests are honest."""
    run = engine.runs[effect.run_id]
    assert run.snapshot is not None and run.integration is not None
    found = await engine.adapters.gates.scrutinise(
        run.snapshot,
        run.integration,
        run.started.trusted,
        run.started.test_command,
        lambda line: engine.say(run.id, "", line.strip()),
    )
    quality = found.quality
    measured = f.QualityMeasured(
        commit=run.integration,
        coverage=quality.coverage,
        changed_coverage=quality.changed_percent,
        changed_lines=quality.changed_total,
        covered_lines=quality.changed_covered,
        uncovered=tuple(f.Uncovered(path, tuple(lines)) for path, lines in quality.uncovered),
        lint_errors=quality.lint_errors_after,
        lint_errors_before=quality.lint_errors_before,
        complexity=_total(quality.complexity_after),
        complexity_before=_total(quality.complexity_before),
        worst=_worst(quality.complexity_after),
        tests=quality.tests_total,
        new_tests=quality.tests_added,
        rounds=sum(s.repairs for s in run.tasks.values()),
        notes=found.notes,
        seconds=found.seconds,
    )
    places = tuple(f.GatePlace(q.path, q.line, q.message) for q in found.questions)
    warned = f.GateWarned("test_integrity", run.integration, None, places)
    await engine.submit(run.id, h.Scrutinised((*_news(run, [warned]), measured)))


def _news(run: Run, warned: Sequence[f.GateWarned]) -> list[f.GateWarned]:
    """Warnings, and the end of earlier ones; a gate that never warned says nothing."""
    earlier = {gate.gate for gate in run.gates if isinstance(gate, f.GateWarned)}
    return [fact for fact in warned if fact.places or fact.gate in earlier]


def _total(complexity: Complexity | None) -> int | None:
    return complexity.total if complexity is not None else None


def _worst(complexity: Complexity | None) -> str:
    if complexity is None or complexity.worst is None:
        return ""
    worst = complexity.worst
    return f"{worst.name} ({worst.path}:{worst.line + 1}) with {worst.figure}"
