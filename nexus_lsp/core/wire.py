"""Facts and plans as plain JSON values and back: snake_case, one table for journal, sockets and editors."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from cattrs import Converter

from nexus_lsp.core.facts import FACTS, Entry, Fact

Json = dict[str, Any]
T = TypeVar("T")

SNAKE_INSIDE = frozenset({"plan", "agents", "context", "message", "response"})
"""Keys whose values keep the seed's snake_case on every wire."""


@functools.cache
def _converter() -> Converter:
    return Converter()


def to_json(value: object) -> Any:
    """A frozen value as JSON: dataclasses as objects, tuples as lists."""
    return _lists(_converter().unstructure(value))


def _lists(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _lists(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, tuple | list):
        return [_lists(item) for item in cast("list[object]", value)]
    return value


def from_json(value: object, kind: type[T]) -> T:
    """The frozen value again; raises cattrs' errors where a field is missing or has a wrong type."""
    return _converter().structure(value, kind)


def fact_to_json(fact: Fact) -> Json:
    """`{"type": "task_started", ...}`."""
    return {"type": fact.type, **to_json(fact)}


def fact_from_json(value: Json) -> Fact:
    """The fact again; KeyError for an unknown type. Fields from a newer NEXUS are left out."""
    return from_json(value, FACTS[value["type"]])


def entry_to_json(entry: Entry) -> Json:
    """An event as every wire has it: `{seq, at, run_id, type, ...}`."""
    return {"seq": entry.seq, "at": entry.at, "run_id": entry.run_id, **fact_to_json(entry.fact)}


def entry_from_json(value: Json) -> Entry:
    """The entry again."""
    return Entry(value["seq"], value["at"], value["run_id"], fact_from_json(value))


def camel(value: Any) -> Any:
    """The same value with camelCase keys, but for what stands under `SNAKE_INSIDE`."""
    if isinstance(value, dict):
        items = cast("Json", value).items()
        return {_camel_key(k): v if k in SNAKE_INSIDE else camel(v) for k, v in items}
    if isinstance(value, list):
        return [camel(item) for item in cast("list[Any]", value)]
    return value


def _camel_key(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part.capitalize() for part in rest)


def snake_key(key: str) -> str:
    """`runId` → `run_id`."""
    return "".join("_" + c.lower() if c.isupper() else c for c in key)
