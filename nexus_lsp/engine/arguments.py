"""Arguments of operations: JSON values read with pydantic; what is wrong in them becomes a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nexus_lsp.core.plan import Plan
from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.core.wire import Json, from_json

A = TypeVar("A", bound=BaseModel)


def parsed(kind: type[A], argument: Mapping[str, Any]) -> A:
    """The argument as its model has it; InvalidArgument with what to write instead."""
    try:
        return kind.model_validate(dict(argument))
    except ValidationError as error:
        raise InvalidArgument(_sentence(kind, error)) from error


def _sentence(kind: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(_camel(str(part)) for part in first["loc"])
    known = ", ".join(_camel(name) for name in kind.model_fields) or "nothing"
    if first["type"] == "extra_forbidden":
        return f"`{where}` is not known here. Write an object with: {known}."
    if first["type"] == "missing":
        return f"`{where}` is missing. Write an object with: {known}."
    if first["type"] == "string_too_long":
        has, most = len(first["input"]), first.get("ctx", {})["max_length"]
        return f"`{where}` has {has:,} characters; {most:,} are allowed: say it in fewer words."
    return f"`{where}`: {first['msg']}. Write an object with: {known}."


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def deadline_of(text: str | None) -> float | None:
    """Unix seconds of an ISO 8601 time, UTC where it says no zone."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"`deadline`: {text!r} is not a time. Write 2026-05-26T18:00:00Z.") from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def plan_of(value: Json) -> Plan:
    """A plan as the user wrote it."""
    try:
        return from_json(value, Plan)
    except Exception as error:
        raise InvalidArgument(
            "`plan` is not a plan: write {summary, tasks: [{id, title, agent, type, description, depends_on, "
            f"writes, acceptance}}]}}. ({error})"
        ) from error
