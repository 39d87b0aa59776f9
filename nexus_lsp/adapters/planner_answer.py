"""A model's answer as a plan: the form it is asked for, and what is read from it however it came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from nexus_lsp.core.plan import Plan, Task, TaskType, plan_problems
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.replanning import Revision
from nexus_lsp.core.team_tools import cut, worded
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


def _words(value: object) -> object:
    nothing = value is None or (isinstance(value, str) and value.strip().lower() in ("none", "null", "n/a"))
    return () if nothing else worded(value)


def _paths(value: object) -> object:
    """Several globs in one string stand apart by a comma and a space: one without may belong to `{a,b}`."""
    return _split(value, r",\s+|\n")


def _ids(value: object) -> object:
    return _split(value, r"[,\s]+")


def _split(value: object, between: str) -> object:
    words = _words(value)
    if isinstance(value, str) and words == [value]:
        return [one for one in re.split(between, value) if one]
    return words


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


_Many = Annotated[tuple[str, ...], Field(max_length=200)]
_Ids = Annotated[_Many, BeforeValidator(_ids)]
_Line = Annotated[str, Field(max_length=2_000), BeforeValidator(cut(2_000))]


class _WireTask(_Lenient):
    id: str = Field(max_length=80)
    title: Annotated[str, Field(max_length=300), BeforeValidator(cut(300))]
    agent: str
    type: Annotated[TaskType, BeforeValidator(_lower)]
    description: str = Field(max_length=20_000)
    depends_on: _Ids = ()
    writes: Annotated[_Many, BeforeValidator(_paths)] = ()
    acceptance: Annotated[_Many, BeforeValidator(_words)] = ()

    @model_validator(mode="before")
    @classmethod
    def _told_once(cls, fields: Any) -> Any:
        """Where only one of title and description was given, it serves as both."""
        if not isinstance(fields, dict):
            return fields
        given = {key: value for key, value in cast("dict[str, Any]", fields).items() if value is not None}
        if "title" not in given and isinstance(told := given.get("description"), str) and told.strip():
            given["title"] = told.strip().partition("\n")[0]
        return {"description": given["title"], **given} if "title" in given else given


def _tasks_of(value: object) -> object:
    """The list of tasks, also from one task alone and from tasks by their ids."""
    if not isinstance(value, dict):
        return value
    tasks = cast("dict[str, Any]", value)
    if "agent" in tasks:
        return [tasks]
    return [
        {"id": name, **cast("dict[str, Any]", task)} if isinstance(task, dict) else task
        for name, task in tasks.items()
    ]


_Tasks = Annotated[list[_WireTask], BeforeValidator(_tasks_of)]


class _WirePlan(_Lenient):
    """The plan as every wire has it (`docs/plan.schema.json`), read leniently."""

    summary: _Line | None = None
    tasks: _Tasks


class _WireRevision(_Lenient):
    why: _Line
    replaces: _Ids = ()
    tasks: _Tasks


def read_revision(answer: str, agents: Sequence[str]) -> tuple[Revision | None, list[Problem]]:
    """(another way, nothing), or (None, all that is wrong). A way without tasks says that there is none."""
    try:
        wire = _WireRevision.model_validate(_json_in(answer))
    except ValidationError as error:
        return None, [_wire_problem(one["loc"], one["msg"]) for one in error.errors(include_url=False)[:20]]
    except (ValueError, RecursionError):
        return None, [Problem("answer", "it is not a JSON object", "Answer with JSON and nothing else.")]
    tasks = _tasks_for(wire.tasks, agents)
    unknown = [task.agent for task in tasks if task.agent not in agents]
    if unknown:
        mend = f"Use one of: {', '.join(agents)}."
        return None, [Problem("tasks", f"{unknown[0]!r} is not an agent", mend)]
    return Revision(tasks, wire.replaces, wire.why), []


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
    tasks = _tasks_for(wire.tasks, agents)
    plan = Plan(wire.summary or short("; ".join(task.title for task in tasks), 300), tasks)
    problems = plan_problems(plan, agents)
    return (None, problems) if problems else (plan, [])


def _tasks_for(wire: Sequence[_WireTask], agents: Sequence[str]) -> tuple[Task, ...]:
    return tuple(replace(Task(**task.model_dump()), agent=_agent(task.agent, agents)) for task in wire)


def _agent(name: str, agents: Sequence[str]) -> str:
    """The `agent_id` that a name means, whatever its case and hyphens; else the name itself."""
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    return plain if plain in agents and name not in agents else name


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
