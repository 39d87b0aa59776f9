"""Personas: who the agents are, in the seed's own schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nexus_lsp.core.problems import Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class PersonalityProfile:
    """How a persona thinks and talks."""

    core_traits: tuple[str, ...]
    communication_style: str
    decision_making: str
    collaboration_style: str
    stress_response: str


@dataclass(frozen=True, slots=True)
class ClaudeConfiguration:
    """What a persona asks of Claude Code. `tools_enabled` are the seed's names (`file_editing`, …)."""

    model: str
    max_tokens: int
    temperature: float
    system_prompt: str
    tools_enabled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemorySystem:
    """What a persona remembers, and for how long."""

    conversation_retention: str = "full_session"
    learning_patterns: str = ""
    context_preservation: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """One agent's character, expertise and configuration, as `personas/<agent_id>.json` gives it."""

    agent_id: str
    name: str
    role: str
    personality_profile: PersonalityProfile
    expertise_areas: tuple[str, ...]
    capabilities: tuple[str, ...]
    claude_configuration: ClaudeConfiguration
    memory_system: MemorySystem = field(default_factory=MemorySystem)


@dataclass(frozen=True, slots=True)
class Caution(Problem):
    """A problem that leaves the persona usable: worth saying, no reason to refuse it."""


# --- what Claude Code makes of it --------------------------------------------------------------------

CURRENT_MODELS: dict[str, str] = {
    "claude-instant": "haiku",
    "claude-2": "sonnet",
    "claude-3-haiku": "haiku",
    "claude-3-sonnet": "sonnet",
    "claude-3-opus": "opus",
    "claude-3-5-haiku": "haiku",
    "claude-3-5-sonnet": "sonnet",
    "claude-3-7-sonnet": "sonnet",
    "claude-sonnet-4-0": "sonnet",
    "claude-sonnet-4-2025": "sonnet",
    "claude-opus-4-0": "opus",
    "claude-opus-4-2025": "opus",
    "claude-opus-4-1": "opus",
}
"""Beginnings of retired model names, and what takes their place (the longest beginning counts).

Aliases (`sonnet`, `opus`, `haiku`) and no dated names: the CLI resolves an alias to the newest model of
the family that it knows, so this table does not age with every release, and the seed's own
`claude-3-sonnet-20240229`, which the service no longer serves, keeps meaning "the middle one".
"""

READING = ("Read", "Glob", "Grep")
EDITING = ("Read", "Glob", "Grep", "Edit", "Write")

CLAUDE_TOOLS: dict[str, tuple[str, ...]] = {
    "file_analysis": READING,
    "code_analysis": READING,
    "file_editing": EDITING,
    "documentation_tools": EDITING,
    "web_search": ("WebSearch",),
    "code_execution": ("Bash",),
    "terminal_access": ("Bash",),
    "git_operations": ("Bash",),
    "test_runners": ("Bash",),
    "coverage_tools": ("Bash",),
    "debugging_tools": ("Bash",),
    "performance_monitors": ("Bash",),
    "security_scanners": ("Bash",),
}
"""The tools of Claude Code behind each of the seed's tool names."""

READ_ONLY_TOOLS = frozenset(name for name, tools in CLAUDE_TOOLS.items() if set(tools) <= set(READING))
"""All that a workspace may give to a persona of its own making."""

NEEDS_TRUST = frozenset({"Bash"})
"""Tools that run a workspace's code: only with the user's trust."""


def current_model(name: str) -> str:
    """The model to ask for: the name itself, or what took a retired one's place."""
    retired = [old for old in CURRENT_MODELS if name.startswith(old)]
    return CURRENT_MODELS[max(retired, key=len)] if retired else name


def claude_tools(persona: Persona, trusted: bool) -> tuple[str, ...]:
    """The tools of Claude Code a persona gets. Reading is always among them; running code needs trust."""
    wanted: set[str] = set(READING)
    for name in persona.claude_configuration.tools_enabled:
        wanted.update(CLAUDE_TOOLS.get(name, ()))
    return tuple(sorted(wanted if trusted else wanted - NEEDS_TRUST))


def unhonoured(persona: Persona) -> list[Problem]:
    """What a persona asks for that Claude Code cannot give, for `nexus-lsp doctor`."""
    wanted = persona.claude_configuration
    where = f"{persona.agent_id}.json: claude_configuration"
    free = "Claude Code chooses it itself"
    long = "it is not applied: a cap on one answer would cut a long file short"
    found: list[Problem] = [
        Caution(f"{where}.temperature", free, "Say in system_prompt how bold the agent may be."),
        Caution(f"{where}.max_tokens", long, "Set the budget of a run instead."),
    ]
    model = current_model(wanted.model)
    if model != wanted.model:
        found.append(
            Caution(
                f"{where}.model",
                f"{wanted.model} is retired; {model!r} is used",
                f"Write {model!r} to agree.",
            )
        )
    for name in wanted.tools_enabled:
        if name not in CLAUDE_TOOLS:
            known = ", ".join(sorted(CLAUDE_TOOLS))
            found.append(Caution(f"{where}.tools_enabled", f"there is no tool {name!r}", f"Use: {known}."))
    return found


# --- reading a file ----------------------------------------------------------------------------------


def parse_persona(text: str, where: str) -> tuple[Persona | None, list[Problem]]:
    """A persona from its JSON text, and all that is wrong with it; `where` names the file.

    None exactly when a problem is an error; beside a persona there are only `Caution`s.
    """
    from pydantic import TypeAdapter, ValidationError

    text = text.removeprefix("\ufeff")
    try:
        persona = TypeAdapter(Persona).validate_json(text, strict=True)
    except ValidationError as error:
        return None, [_problem(detail, where) for detail in error.errors(include_url=False)]
    errors = list(_meaningless(persona, where))
    if errors:
        return None, errors
    return persona, _unknown_fields(text, where)


def _problem(detail: ErrorDetails, where: str) -> Problem:
    place = ".".join(str(part) for part in detail["loc"])
    at = f"{where}: {place}" if place else where
    match detail["type"]:
        case "json_invalid":
            return Problem(at, detail["msg"].removeprefix("Invalid JSON: "), "Write valid JSON.")
        case "missing":
            return Problem(at, "the field is missing", f'Add "{detail["loc"][-1]}".')
        case kind:
            wanted = _WANTED.get(kind, detail["msg"])
            given = type(detail["input"]).__name__
            return Problem(at, f"this is {_JSON_NAMES.get(given, given)}", f"Give {wanted}.")


_WANTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list of strings",
    "dataclass_type": "an object",
    "dataclass_exact_type": "an object",
}

_JSON_NAMES = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "NoneType": "null",
}


def _meaningless(persona: Persona, where: str) -> Iterator[Problem]:
    """Right in type, wrong in meaning."""
    ident = persona.agent_id
    if not ident.isascii() or not ident.replace("_", "").isalnum() or ident.lower() != ident:
        yield Problem(f"{where}: agent_id", f"{ident!r} is not an id", "Use a-z, 0-9 and _.")
    for name in ("name", "role"):
        if not getattr(persona, name).strip():
            yield Problem(f"{where}: {name}", "it is empty", "Give at least a word.")
    wanted = persona.claude_configuration
    if not wanted.model.strip():
        yield Problem(f"{where}: claude_configuration.model", "it is empty", "Write 'sonnet'.")
    if wanted.max_tokens <= 0:
        yield Problem(f"{where}: claude_configuration.max_tokens", "it is not above 0", "Write 8000.")
    if not 0 <= wanted.temperature <= 1:
        yield Problem(f"{where}: claude_configuration.temperature", "it is not within 0 to 1", "Write 0.2.")


def _unknown_fields(text: str, where: str) -> list[Problem]:
    import json

    raw: dict[str, Any] = json.loads(text)
    parts: tuple[tuple[str, type, Mapping[str, Any]], ...] = (
        ("", Persona, raw),
        ("personality_profile.", PersonalityProfile, raw["personality_profile"]),
        ("claude_configuration.", ClaudeConfiguration, raw["claude_configuration"]),
        ("memory_system.", MemorySystem, raw.get("memory_system", {})),
    )
    found: list[Problem] = []
    for prefix, shape, given in parts:
        known = [f.name for f in dataclasses.fields(shape)]
        found += [
            Caution(f"{where}: {prefix}{name}", "nothing reads this field", f"Known: {', '.join(known)}.")
            for name in given
            if name not in known
        ]
    return found
