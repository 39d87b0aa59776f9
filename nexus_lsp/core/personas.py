"""Personas: who the agents are, in the seed's own schema.

**Invariant:** what `checked` gives holds no character that cannot be seen and, but for the system prompt, no
line end, so that a persona's texts cannot add lines to a prompt or a terminal.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from nexus_lsp.core.problems import Problem
from nexus_lsp.core.quoting import one_line, without_unseen

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Origin = Literal["bundled", "user", "workspace"]
"""Who gave a persona. A workspace's is not the user's word: it is quoted and brings no rights of its own."""

RESERVED = frozenset({"nexus_prime", "user"})
"""Addresses of the team that no persona may take."""


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
    """What a persona remembers, and for how long.

    Attributes:
        conversation_retention: `full_session` (kept), `lessons_only`, `none`, or days (`30_days`).
        max_conversations: items kept at most; the least useful and oldest go first.
        context_window_size: items shown to the agent at most, from 0 to 50.
    """

    conversation_retention: str = "full_session"
    learning_patterns: str = ""
    context_preservation: str = ""
    max_conversations: int = 1000
    context_window_size: int = 8


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a persona's memory.

    Attributes:
        keeps_interactions: whether records of its tasks are kept, besides lessons and decisions.
        days: the age at which items go; None: no age.
        most: items kept at most; 0: nothing is kept.
    """

    keeps_interactions: bool
    days: float | None
    most: int


@dataclass(frozen=True, slots=True)
class Health:
    """When an agent counts as lost.

    Attributes:
        heartbeat_interval: seconds between two signs of life.
        max_response_time: seconds without a sign after which it is lost.
        restart_threshold: how often it is started again within one task.
    """

    heartbeat_interval: float = 60.0
    max_response_time: float = 120.0
    restart_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Persona:
    """One agent's character, expertise and configuration, as `personas/<agent_id>.json` gives it.

    Attributes:
        handoffs: agent_ids that usually go on with this persona's work; they must not lead round in a circle.
        working_method: how it goes about a task, in imperative sentences.
        origin: set by whoever loads the persona; what a file says here is passed over.
    """

    agent_id: str
    name: str
    role: str
    personality_profile: PersonalityProfile
    expertise_areas: tuple[str, ...]
    capabilities: tuple[str, ...]
    claude_configuration: ClaudeConfiguration
    memory_system: MemorySystem = field(default_factory=MemorySystem)
    handoffs: tuple[str, ...] = ()
    working_method: tuple[str, ...] = ()
    health: Health = field(default_factory=Health)
    origin: Origin = "bundled"


@dataclass(frozen=True, slots=True)
class Caution(Problem):
    """A problem that leaves the persona usable: worth saying, no reason to refuse it."""


_DAYS = re.compile(r"([1-9][0-9]{0,4})_days?")


def retention(persona: Persona) -> Retention:
    """What of a persona's memory is kept; an unknown `conversation_retention` counts as `full_session`."""
    memory = persona.memory_system
    days = _DAYS.fullmatch(memory.conversation_retention)
    return Retention(
        keeps_interactions=memory.conversation_retention not in ("lessons_only", "none"),
        days=float(days[1]) if days else None,
        most=0 if memory.conversation_retention == "none" else memory.max_conversations,
    )


# --- what Claude Code makes of it --------------------------------------------------------------------

_RETIRED = (
    ("haiku", ("claude-instant", "claude-3-haiku", "claude-3-5-haiku")),
    ("sonnet", ("claude-2", "claude-3-sonnet", "claude-3-5-sonnet", "claude-3-7-sonnet")),
    ("sonnet", ("claude-sonnet-4-0", "claude-sonnet-4-2025")),
    ("opus", ("claude-3-opus", "claude-opus-4-0", "claude-opus-4-2025", "claude-opus-4-1")),
)

CURRENT_MODELS = {old: family for family, names in _RETIRED for old in names}
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


def tester_of(personas: Iterable[Persona]) -> str | None:
    """The `agent_id` of the first that writes tests and may write files; None where nobody does.

    A persona of the bundled ones or the user's comes before one that a workspace describes.
    """
    able = [p for p in personas if p.role == "test_creator" and "Write" in claude_tools(p, trusted=False)]
    return next((p.agent_id for p in sorted(able, key=lambda p: p.origin == "workspace")), None)


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
        told = f"{wanted.model} is retired; {model!r} is used"
        found.append(Caution(f"{where}.model", told, f"Write {model!r} to agree."))
    for name in wanted.tools_enabled:
        if name not in CLAUDE_TOOLS:
            known = ", ".join(sorted(CLAUDE_TOOLS))
            found.append(Caution(f"{where}.tools_enabled", f"there is no tool {name!r}", f"Use: {known}."))
    return found


# --- reading a file ----------------------------------------------------------------------------------

_MOST_PROBLEMS = 20
"""Problems told of one file."""


def parse_persona(text: str, where: str, origin: Origin = "user") -> tuple[Persona | None, list[Problem]]:
    """A persona from its JSON text, and all that is wrong with it; `where` names the file.

    None exactly when a problem is an error; beside a persona there are only `Caution`s.
    """
    from pydantic import TypeAdapter, ValidationError

    text = text.removeprefix("\ufeff")
    try:
        persona = TypeAdapter(Persona).validate_json(text, strict=True)
    except ValidationError as error:
        return None, _bounded([_problem(detail, where) for detail in error.errors(include_url=False)], where)
    sound, problems = checked(dataclasses.replace(persona, origin=origin), where)
    return sound, problems if sound is None else _bounded(problems + _unknown_fields(text, where), where)


def _bounded(problems: list[Problem], where: str) -> list[Problem]:
    """The first of a file's problems: ten thousand lines of them would hide those of other files."""
    more = len(problems) - _MOST_PROBLEMS
    if more <= 0:
        return problems
    rest = type(problems[0])(where, f"{more:,} more things are wrong", "Mend these first.")
    return [*problems[:_MOST_PROBLEMS], rest]


def checked(persona: Persona, where: str) -> tuple[Persona | None, list[Problem]]:
    """The persona with clean texts, and what is wrong with its values; None where one cannot be used."""
    clean: Persona = _clean(persona)
    errors = list(_meaningless(clean, where))
    return (None, errors) if errors else (clean, list(_doubtful(persona, clean, where)))


def _problem(detail: ErrorDetails, where: str) -> Problem:
    place = ".".join(one_line(str(part), 60) for part in detail["loc"])
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
    "literal_error": "nothing here, NEXUS sets it",
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
    if len(ident) > 64 or not re.fullmatch(r"[a-z0-9_]*[a-z0-9][a-z0-9_]*", ident):
        yield Problem(f"{where}: agent_id", f"{one_line(ident, 64)!r} is not an id", "Use a-z, 0-9 and _.")
    if ident in RESERVED:
        yield Problem(f"{where}: agent_id", f"{ident!r} is no agent's id", "Choose another one.")
    for name in ("name", "role"):
        text = getattr(persona, name)
        if not text.strip():
            yield Problem(f"{where}: {name}", "it is empty", "Give at least a word.")
        if len(text) > 100:
            yield Problem(f"{where}: {name}", "it is longer than 100 characters", "Give a few words.")
    if not persona.claude_configuration.model.strip():
        yield Problem(f"{where}: claude_configuration.model", "it is empty", "Write 'sonnet'.")
    if persona.claude_configuration.max_tokens <= 0:
        yield Problem(f"{where}: claude_configuration.max_tokens", "it is not above 0", "Write 8000.")
    for name, value, least, most, usual in _ranges(persona):
        if not least <= value <= most:
            yield Problem(f"{where}: {name}", f"it is not within {least} to {most}", f"Write {usual}.")
    if persona.health.max_response_time < persona.health.heartbeat_interval:
        told = "it is shorter than heartbeat_interval, so that every agent would be lost"
        yield Problem(f"{where}: health.max_response_time", told, "Write twice heartbeat_interval.")


def _ranges(persona: Persona) -> Iterator[tuple[str, float, int, int, float]]:
    """(field, value, least, most, usual) of every number that has bounds."""
    memory, health = persona.memory_system, persona.health
    yield "claude_configuration.temperature", persona.claude_configuration.temperature, 0, 1, 0.2
    yield "memory_system.max_conversations", memory.max_conversations, 1, 100_000, 1000
    yield "memory_system.context_window_size", memory.context_window_size, 0, 50, 8
    yield "health.heartbeat_interval", health.heartbeat_interval, 1, 3600, 60
    yield "health.max_response_time", health.max_response_time, 1, 86_400, 120
    yield "health.restart_threshold", health.restart_threshold, 0, 10, 3


def _doubtful(persona: Persona, clean: Persona, where: str) -> Iterator[Problem]:
    """What leaves the persona usable."""
    for name in _changed(persona, clean):
        told = "it holds line ends or characters that cannot be seen; they are left out"
        yield Caution(f"{where}: {name}", told, "Write it as plain text.")
    kept = persona.memory_system.conversation_retention
    if kept not in ("full_session", "lessons_only", "none") and not _DAYS.fullmatch(kept):
        yield Caution(
            f"{where}: memory_system.conversation_retention",
            f"{one_line(kept, 60)!r} is not known; full_session is used",
            "Write full_session, lessons_only, none, or a number of days such as 30_days.",
        )


def _unknown_fields(text: str, where: str) -> list[Problem]:
    import json

    raw: dict[str, Any] = json.loads(text)
    parts: tuple[tuple[str, type, Mapping[str, Any]], ...] = (
        ("", Persona, raw),
        ("personality_profile.", PersonalityProfile, raw["personality_profile"]),
        ("claude_configuration.", ClaudeConfiguration, raw["claude_configuration"]),
        ("memory_system.", MemorySystem, raw.get("memory_system", {})),
        ("health.", Health, raw.get("health", {})),
    )
    found: list[Problem] = []
    for prefix, shape, given in parts:
        known = [f.name for f in dataclasses.fields(shape) if f.name != "origin"]
        mend = f"Known: {', '.join(known)}."
        found += [
            Caution(f"{where}: {prefix}{one_line(name, 60)}", "nothing reads this field", mend)
            for name in given
            if name not in known
        ]
    return found


# --- clean texts -------------------------------------------------------------------------------------


def _clean(value: Any, name: str = "") -> Any:
    """The value with spaces for what cannot be seen; only a system prompt (by field name) has lines."""
    if isinstance(value, str):
        return without_unseen(value, "\n\r\t" if name == "system_prompt" else "")
    if isinstance(value, tuple):
        return tuple(_clean(item) for item in cast("tuple[Any, ...]", value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {f.name: _clean(getattr(value, f.name), f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **given)
    return value


def _changed(before: Any, after: Any, name: str = "") -> Iterator[str]:
    """Names of the fields that differ, with a dot before each inner one."""
    if dataclasses.is_dataclass(before):
        for f in dataclasses.fields(before):
            yield from _changed(getattr(before, f.name), getattr(after, f.name), f"{name}.{f.name}")
    elif before != after:
        yield name.removeprefix(".")
