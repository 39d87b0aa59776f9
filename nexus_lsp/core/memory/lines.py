"""Memory as JSON lines: what an export writes, and what an import reads with all that is wrong in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, cast

from nexus_lsp.core.memory import MEMORY_KINDS, MEMORY_SOURCES, MemoryItem
from nexus_lsp.core.problems import Problem

_Rule = tuple[Callable[[Any], bool], str]
"""Whether a field may hold a value, and what it should hold."""


def memory_lines(items: Iterable[MemoryItem]) -> str:
    """One JSON object a line, every field in it; what `read_memory_lines` reads back as it was."""
    return "".join(_line(asdict(item)) + "\n" for item in items)


def _line(fields: Mapping[str, Any]) -> str:
    line = json.dumps(fields, ensure_ascii=False)
    # half a character (a path that is no UTF-8) could not be written to a file
    return line if _is_text(line) else json.dumps(fields)


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_memory_lines(text: str) -> tuple[tuple[MemoryItem, ...], list[Problem]]:
    """The items of JSON lines, in order, and what is wrong with the lines that give none.

    Empty lines are passed over, and so are fields that are not known here.
    """
    items: list[MemoryItem] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip("\ufeff \t\r"):
            continue
        item = _read(line.strip("\ufeff \t\r"), f"line {number}")
        if isinstance(item, MemoryItem):
            items.append(item)
        else:
            problems.append(item)
    return tuple(items), problems


def _read(line: str, where: str) -> MemoryItem | Problem:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Problem(where, f"it is not JSON ({error})", "Write one JSON object a line.")
    if not isinstance(value, dict):
        return Problem(where, "it is no object", "Write one JSON object a line.")
    given = cast("dict[str, Any]", value)
    missing = [name for name in _REQUIRED if name not in given]
    if missing:
        return Problem(where, f"{', '.join(missing)} missing", "Write every field that an export has.")
    known = {name: given[name] for name in _RULES if name in given}
    for name, content in known.items():
        holds, told = _RULES[name]
        if not holds(content):
            return Problem(f"{where}: {name}", f"{_short(content)} cannot stand here", f"Write {told}.")
    fields: dict[str, Any] = {**known, "at": float(known["at"]), "paths": tuple(known.get("paths", ()))}
    return MemoryItem(**fields)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_paths(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(path, str) for path in cast("list[Any]", value))


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:59]}…"


_TEXT: _Rule = (lambda value: isinstance(value, str), "a string")
_RULES: Mapping[str, _Rule] = {
    "id": (lambda value: isinstance(value, str) and value != "", "a string that is not empty"),
    "agent_id": _TEXT,
    "kind": (lambda value: value in MEMORY_KINDS, f"one of {', '.join(MEMORY_KINDS)}"),
    "text": _TEXT,
    "source": (lambda value: value in MEMORY_SOURCES, f"one of {', '.join(MEMORY_SOURCES)}"),
    "at": (_is_number, "Unix seconds"),
    "paths": (_is_paths, "a list of strings"),
    "run_id": _TEXT,
    "task_id": _TEXT,
    "used": (_is_count, "a whole number from 0"),
    "useful": (_is_count, "a whole number from 0"),
}
_REQUIRED = ("id", "agent_id", "kind", "text", "source", "at")
