"""Assignments: all that one attempt is given, and the messages that carry assignment and response."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_lsp.core import happenings as h
from nexus_lsp.core.messages import Message, Party, ResponsePayload, TaskResponse, iso
from nexus_lsp.core.personality import Situation
from nexus_lsp.core.personas import Persona
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.core.spending import left
from nexus_lsp.core.team import PRIME
from nexus_lsp.engine.mailroom import PRIME_PARTY
from nexus_lsp.engine.roster import stress_at
from nexus_lsp.ports import Assignment, Jotting, JournalFailed, Letter, Reminder, TaskResult

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine


_LONGEST = 50_000
"""Characters of a request, of evidence and an editor's context in the message; the prompt has them whole."""


async def assignment_of(engine: Engine, run: Run, state: TaskState, checkout: Path) -> Assignment:
    """What the agent of this attempt is given; the assignment goes over the bus, what waits there comes."""
    task = state.task
    personas = {p.agent_id: p for p in engine.adapters.personas()}
    if (persona := personas.get(task.agent)) is None:
        raise Refused(f"The persona {task.agent} is no longer there. Put its file back, then try again.")
    assert run.plan is not None
    letters = await _post(engine, run, state)
    memories = await engine.recall.for_task(run, state, persona)
    run = engine.runs[run.id]
    budget = left(run, task.id)
    changed = {c.path for c in run.pending_changes}
    timeout = engine.settings.task_timeout
    return Assignment(
        run_id=run.id,
        task=task,
        attempt=state.attempt,
        persona=persona,
        checkout=checkout,
        request=run.started.request,
        plan_summary=run.plan.summary if run.plan else "",
        results=tuple(_results(run, state)),
        evidence=state.evidence,
        notes=tuple(_rejections(run)),
        project_text=engine.adapters.project_text(),
        trusted=run.started.trusted,
        changed_paths=tuple(sorted(changed | set(state.paths))),
        session_id=state.session_id,
        session_usd=state.session_usd,
        max_usd=budget.usd,
        timeout=timeout if budget.seconds is None else min(timeout, max(1.0, budget.seconds)),
        situation=situation_of(run, state, personas, engine.adapters.now(), _growth(memories)),
        memories=memories,
        letters=letters,
        scratchpad=tuple(Jotting(engine.names().get(n.agent_id, n.agent_id), n.text) for n in run.team.notes),
    )


def _growth(memories: Sequence[Reminder]) -> tuple[str, ...]:
    """What this persona has learned here, in a line; the lessons themselves stand further down the prompt."""
    lessons = [m for m in memories if m.source in ("gate", "user")]
    if not lessons:
        return ()
    noun = "lesson" if len(lessons) == 1 else "lessons"
    newest = max(m.at_day for m in lessons)
    return (f"{len(lessons)} {noun} of earlier runs concern this task, the newest of {newest}.",)


def situation_of(
    run: Run,
    state: TaskState,
    personas: Mapping[str, Persona],
    at: float,
    growth: tuple[str, ...] = (),
) -> Situation:
    """How things stand for one task: how urgent, how strained, who goes on from it, what was learned."""
    own, task_id = personas[state.task.agent], state.task.id
    after = [s.task.agent for s in run.tasks.values() if task_id in s.task.depends_on and not s.replaced]
    receivers = [a for a in dict.fromkeys(after or own.handoffs) if a in personas and a != own.agent_id]
    return Situation(
        urgency=run.started.priority,
        recipients=tuple(personas[agent] for agent in receivers),
        stress=stress_at(run, state, at),
        growth=growth,
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


# --- the messages ------------------------------------------------------------------------------------


def assignment_id(run_id: str, task_id: str, attempt: int) -> str:
    """The id of the message that gives out an attempt; the same after a crash."""
    return f"msg_{run_id}_{task_id}_{attempt}"


async def _post(engine: Engine, run: Run, state: TaskState) -> tuple[Letter, ...]:
    """The assignment as a message, brought to its agent; gives everything else that was told there so far."""
    task = state.task
    message = Message(
        message_id=assignment_id(run.id, task.id, state.attempt),
        timestamp=iso(engine.adapters.now()),
        sender=PRIME_PARTY,
        to=Party(agent_id=task.agent, agent_type=_kind(run), instance_id=state.instance),
        message_type="task_assignment",
        priority=run.started.priority,
        payload={"task": _payload(run, state)},
        response_expected=True,
        timeout_seconds=engine.settings.task_timeout,
        conversation_thread=thread_of(run.id, task.id),
    )
    with contextlib.suppress(Refused, JournalFailed):  # the prompt says the same
        await engine.mailroom.post(run.id, message, (state.instance,))
        await engine.mailroom.bring(run.id, message.message_id, state.instance)
    return engine.mailroom.letters(engine.runs[run.id], state.instance)


def _kind(run: Run) -> Any:
    return "local_agent" if run.started.team == "local" else "claude_code_agent"


def thread_of(run_id: str, task_id: str) -> str:
    """The thread of a task's assignment and its response."""
    return f"thread_{run_id}_{task_id}"


def _payload(run: Run, state: TaskState) -> dict[str, Any]:
    task = state.task
    return {
        "task_id": task.id,
        "type": task.type,
        "title": task.title,
        "description": task.description,
        "requirements": {
            "input_data": {
                "request": run.started.request[:_LONGEST],
                "depends_on": list(task.depends_on),
                "attempt": state.attempt,
                "evidence": state.evidence[:_LONGEST],
            },
            "expected_output": {"format": "commit", "acceptance": list(task.acceptance)},
            "constraints": {"writes": list(task.writes)},
        },
        "context": {
            "plan": run.plan.summary if run.plan else "",
            "user": json.loads(run.started.context) if 0 < len(run.started.context) <= _LONGEST else {},
        },
    }


async def respond(engine: Engine, run_id: str, end: h.Happening) -> None:
    """The agent's response to its assignment as a message, in the seed's schema."""
    said = end.fact.response if isinstance(end, h.Submitted) else None
    if not isinstance(end, h.Submitted) or said is None:
        return
    fact, run = end.fact, engine.runs[run_id]
    state = run.tasks[fact.task_id]
    response = TaskResponse(
        **engine.mailroom.stamp(),
        response_to=assignment_id(run_id, fact.task_id, fact.attempt),
        sender=Party(
            agent_id=state.task.agent,
            agent_type=_kind(run),
            instance_id=state.instance,
            session_id=state.session_id,
        ),
        status="completed",
        execution_time_seconds=fact.seconds,
        payload=ResponsePayload.model_validate(dict(said)),
        conversation_thread=thread_of(run_id, fact.task_id),
    )
    with contextlib.suppress(Refused, JournalFailed):  # the run ended with it, whose record holds it too
        await engine.mailroom.post(run_id, response, (PRIME,))
