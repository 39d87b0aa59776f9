"""A model's answer as a plan: the form it is asked for, and what is read from it however it came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nexus_lsp.core.plan import Plan, Task, TaskType, plan_problems
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.replanning import Revision
from nexus_lsp.ports import PlanFailed

Mode = Literal["schema", "json", "text"]
"""How strictly a service is asked for JSON: by a schema, in JSON mode, or in words only."""


def short(text: str, most: int) -> str:
    """One line to put into a sentence of ours: bounded, without a full stop of its own."""
    line = " ".join(text.split())
    return line.rstrip(".") if len(line) <= most else line[: most - 1] + "…"


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _Content(_Lenient):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Lenient):
    message: _Content
    finish_reason: str | None = None


class _Completion(_Lenient):
    """As much of a chat completion as is used; compatible services leave out much of the rest."""

    choices: list[_Choice] | None = None


def text_of(body: bytes, model: str) -> str:
    """The answer's text; PlanFailed where there is none to work with."""
    try:
        choices = _Completion.model_validate_json(body).choices
    except ValidationError:
        raise PlanFailed(
            f"{model} did not answer in the form of Chat Completions. Check OPENAI_BASE_URL."
        ) from None
    if not choices:
        raise PlanFailed(
            f"{model} gave an empty answer. Ask again, or set NEXUS_PLANNER_MODEL to another model."
        )
    message, reason = choices[0].message, choices[0].finish_reason
    if message.refusal or reason == "content_filter":
        why = f": {short(message.refusal, 300)}" if message.refusal else ""
        raise PlanFailed(f"{model} declines this request{why}. Say it in other words.")
    if reason == "length":
        raise PlanFailed(
            f"The answer of {model} was cut off at its length limit. Ask for less at once, or set "
            "NEXUS_PLANNER_MODEL to a model with longer answers."
        )
    return message.content or ""


def _none_is_empty(value: object) -> object:
    return () if value is None else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_none_is_empty), Field(max_length=200)]


class _WireTask(_Lenient):
    id: str = Field(max_length=80)
    title: str = Field(max_length=300)
    agent: str
    type: TaskType
    description: str = Field(max_length=20_000)
    depends_on: _Words = ()
    writes: _Words = ()
    acceptance: _Words = ()


class _WirePlan(_Lenient):
    """The plan as every wire has it (`docs/plan.schema.json`), read leniently."""

    summary: str = Field(max_length=2_000)
    tasks: list[_WireTask]


class _WireRevision(_Lenient):
    why: str = Field(max_length=2_000)
    replaces: _Words = ()
    tasks: list[_WireTask]


def read_revision(answer: str, agents: Sequence[str]) -> tuple[Revision | None, list[Problem]]:
    """(another way, nothing), or (None, all that is wrong). A way without tasks says that there is none."""
    try:
        wire = _WireRevision.model_validate(_json_in(answer))
    except ValidationError as error:
        return None, [_wire_problem(one["loc"], one["msg"]) for one in error.errors(include_url=False)[:20]]
    except (ValueError, RecursionError):
        return None, [Problem("answer", "it is not a JSON object", "Answer with JSON and nothing else.")]
    unknown = [task.agent for task in wire.tasks if task.agent not in agents]
    if unknown:
        mend = f"Use one of: {', '.join(agents)}."
        return None, [Problem("tasks", f"{unknown[0]!r} is not an agent", mend)]
    return Revision(tuple(Task(**t.model_dump()) for t in wire.tasks), wire.replaces, wire.why), []


def read_plan(answer: str, agents: Sequence[str]) -> tuple[Plan | None, list[Problem]]:
    """(the plan, nothing), or (None, everything that is wrong with the answer)."""
    try:
        wire = _WirePlan.model_validate(_json_in(answer))
    except ValidationError as error:
        return None, [_wire_problem(one["loc"], one["msg"]) for one in error.errors(include_url=False)[:20]]
    except (ValueError, RecursionError):
        return None, [
            Problem("answer", "it is not a JSON object", "Answer with the plan as JSON and nothing else.")
        ]
    plan = Plan(wire.summary, tuple(Task(**task.model_dump()) for task in wire.tasks))
    problems = plan_problems(plan, agents)
    return (None, problems) if problems else (plan, [])


def _wire_problem(place: Sequence[int | str], what: str) -> Problem:
    where = ".".join(map(str, place)) or "answer"
    return Problem(where, what, "Follow the form of the plan.")


def _json_in(answer: str) -> object:
    """The first JSON object with tasks in the text: models put fences, words or thoughts around it."""
    decoder = json.JSONDecoder()
    found: object = None
    for at in [hit.start() for hit in re.finditer(r"\{", answer)][:50]:
        try:
            value, _ = decoder.raw_decode(answer, at)
        except ValueError:
            continue
        if "tasks" in value:
            return value
        found = found or value
    if found is None:
        raise ValueError("no JSON object")
    return found


def response_format(mode: Mode, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is sent as `response_format` for an answer of this schema; None for words only."""
    if mode == "text":
        return None
    if mode == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "plan", "strict": True, "schema": schema}}


def plan_schema(agents: Sequence[str]) -> dict[str, Any]:
    """The plan's JSON schema within what strict mode takes: every field required, none besides."""
    return _closed({"summary": {"type": "string"}, "tasks": _tasks(agents)})


def revision_schema(agents: Sequence[str]) -> dict[str, Any]:
    """The same of another way (`core.replanning.Revision`)."""
    words = {"type": "array", "items": {"type": "string"}}
    return _closed({"why": {"type": "string"}, "replaces": words, "tasks": _tasks(agents)})


def _tasks(agents: Sequence[str]) -> dict[str, Any]:
    words = {"type": "array", "items": {"type": "string"}}
    text = {"type": "string"}
    task: dict[str, Any] = {
        "id": text,
        "title": text,
        "agent": {"type": "string", "enum": list(agents)},
        "type": {"type": "string", "enum": ["analysis", "implementation", "test", "validation"]},
        "description": text,
        "depends_on": words,
        "writes": words,
        "acceptance": words,
    }
    return {"type": "array", "items": _closed(task)}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
