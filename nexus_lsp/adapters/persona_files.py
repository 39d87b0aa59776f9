"""Persona files: the bundled ones, the user's own, and what a workspace may add or change.

**Invariant:** a workspace's file never widens what an agent may do; it may narrow it, or reword it. What an
agent costs, how often it is started and what is remembered stays the user's. What an agent file
(`agent_files`) describes never takes the place of a persona.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nexus_lsp.adapters.agent_files import MOST_AGENTS, Shelf, import_agents, read_shelf
from nexus_lsp.core.personas import (
    READ_ONLY_TOOLS,
    Caution,
    Health,
    MemorySystem,
    Persona,
    current_model,
    parse_persona,
)
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.quoting import one_line

_MOST_FILES = 200
"""Persona files read from one directory."""

_MOST_HANDOFFS = 10

_Loaded = dict[str, tuple[str, Persona]]
"""(where, persona) by `agent_id`, in the order they were loaded."""

_Cautions = list[tuple[str, tuple[str, str]]]
"""(field, (what is wrong, mend))."""


def load_personas(
    user_dir: Path | None, workspace_dir: Path | None
) -> tuple[tuple[Persona, ...], list[Problem]]:
    """Every persona, by `agent_id`, and what is wrong in their files.

    They are loaded in this order: the bundled ones; `user_dir/*.json` and `user_dir/*.md`; the workspace's
    `.nexus/personas/*.json`; its `.claude/agents/*.md` and `.github/agents/*.agent.md`. A later JSON file
    takes the place of an earlier persona of the same id; a broken one is a problem, and the earlier stays.
    """
    problems: list[Problem] = []
    own: _Loaded = {}
    _add(own, _read(Shelf(_bundled_dir(), "personas", ".json", "bundled"), problems))
    if user_dir is not None:
        _add(own, _read(Shelf(user_dir, "personas", ".json", "user"), problems))
        _import(own, [Shelf(user_dir, "personas", ".md", "user")], problems)
    found = dict(own)
    if workspace_dir is not None:
        _add(found, _of_workspace(workspace_dir, own, problems))
        _import(found, _agent_shelves(workspace_dir), problems)
    personas, unsettled = settle_handoffs(list(found.values()))
    return tuple(sorted(personas, key=lambda persona: persona.agent_id)), problems + unsettled


def _bundled_dir() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "personas"
    return installed if installed.is_dir() else package.parent / "personas"


def _read(shelf: Shelf, problems: list[Problem]) -> Iterator[tuple[str, Persona]]:
    seen: dict[str, str] = {}
    for where, _, text in read_shelf(shelf, _MOST_FILES, problems):
        persona, found = parse_persona(text, where, shelf.origin)
        problems += found
        if persona is None:
            continue
        if before := seen.get(persona.agent_id):
            told = f"{before} has the same agent_id {persona.agent_id!r}; this file is used"
            problems.append(Caution(where, told, "Remove one of the two, or give it an id of its own."))
        seen[persona.agent_id] = where
        yield where, persona


def _add(found: _Loaded, more: Iterator[tuple[str, Persona]]) -> None:
    for where, persona in more:
        found.pop(persona.agent_id, None)  # so that it goes to the end: the last loaded, the least trusted
        found[persona.agent_id] = (where, persona)


# --- a workspace's -----------------------------------------------------------------------------------


def _of_workspace(root: Path, own: _Loaded, problems: list[Problem]) -> Iterator[tuple[str, Persona]]:
    shelf = Shelf(root / ".nexus" / "personas", ".nexus/personas", ".json", "workspace", root)
    for where, given in _read(shelf, problems):
        known = own.get(given.agent_id)
        cautions, persona = _without_new_rights(given, known[1] if known else None)
        problems += [Caution(f"{where}: {_FIELDS.get(field, field)}", *told) for field, told in cautions]
        yield where, persona


def _agent_shelves(root: Path) -> list[Shelf]:
    return [
        Shelf(root / ".claude" / "agents", ".claude/agents", ".md", "workspace", root),
        Shelf(root / ".github" / "agents", ".github/agents", ".agent.md", "workspace", root),
    ]


_FIELDS = {"tools": "claude_configuration.tools_enabled", "model": "claude_configuration.model"}
"""What a persona file calls that which agent files have at their top."""

_MEND = "Put the persona into your own persona directory if you want that."

_USUAL_MODEL = "sonnet"


def _without_new_rights(persona: Persona, own: Persona | None) -> tuple[_Cautions, Persona]:
    """What the persona may not choose, by field, and the persona without it.

    `own` is the user's or the bundled one of its id, which says what holds instead.
    """
    asked = persona.claude_configuration
    usual = own.claude_configuration if own else replace(asked, model=_USUAL_MODEL)
    allowed = READ_ONLY_TOOLS if own is None else frozenset(usual.tools_enabled)
    kept = tuple(name for name in asked.tools_enabled if name in allowed)
    memory, health = (own.memory_system, own.health) if own else (MemorySystem(), Health())
    cautions: _Cautions = []
    if kept != asked.tools_enabled:
        more = one_line(", ".join(name for name in asked.tools_enabled if name not in allowed), 200)
        cautions.append(("tools", (f"a workspace cannot give itself {more}", _MEND)))
    for field, differs, what in (
        ("model", current_model(asked.model) != current_model(usual.model), "what an agent costs"),
        ("memory_system", persona.memory_system not in (memory, MemorySystem()), "what you remember"),
        ("health", persona.health not in (health, Health()), "how often an agent is started"),
    ):
        if differs:
            stays = "yours stays" if own else "the usual one is used"
            cautions.append((field, (f"a workspace cannot choose {what}; {stays}", _MEND)))
    configured = replace(asked, model=usual.model, tools_enabled=kept)
    return cautions, replace(persona, claude_configuration=configured, memory_system=memory, health=health)


# --- agents of other tools ---------------------------------------------------------------------------


def _import(found: _Loaded, shelves: Sequence[Shelf], problems: list[Problem]) -> None:
    """Add agents whose id is free, at most MOST_AGENTS of all the shelves."""
    left = MOST_AGENTS
    for shelf in shelves:
        theirs = shelf.origin == "workspace"
        for where, persona in import_agents(shelf, left, problems):
            if persona.agent_id in found:
                told = f"{found[persona.agent_id][0]} has the id {persona.agent_id!r} already and stays"
                problems.append(Caution(where, told, "Give this agent another name."))
                continue
            left -= 1
            cautions, bounded = _without_new_rights(persona, None) if theirs else ([], persona)
            problems += [Caution(f"{where}: {field}", *told) for field, told in cautions]
            found[persona.agent_id] = (where, bounded)


# --- who goes on with whose work ---------------------------------------------------------------------


def settle_handoffs(loaded: Sequence[tuple[str, Persona]]) -> tuple[tuple[Persona, ...], list[Problem]]:
    """Personas, given as (where, persona) in the order they were loaded, with handoffs that lead somewhere.

    An id nobody has is left out with a `Caution`. A handoff that closes a circle is left out with a problem:
    since those loaded first are taken first, it is that of the last loaded, least trusted file in the circle.
    """
    known = {persona.agent_id for _, persona in loaded}
    onward: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for where, persona in loaded:
        wanted = tuple(dict.fromkeys(persona.handoffs))
        at = f"{where}: handoffs"
        if len(wanted) > _MOST_HANDOFFS:
            told = f"there are {len(wanted):,}; the first {_MOST_HANDOFFS} are used"
            problems.append(Caution(at, told, "Name only those that usually go on."))
        for target in wanted[:_MOST_HANDOFFS]:
            if target not in known:
                told = f"there is no agent {one_line(target, 64)!r}; it is left out"
                problems.append(Caution(at, told, "Use the agent_id of a persona that is there."))
            elif way := _way(onward, target, persona.agent_id):
                ring = " -> ".join([persona.agent_id, *way])
                told = f"they go round in a circle: {ring}; {persona.agent_id} -> {target} is left out"
                problems.append(Problem(at, told, "Take one of these handoffs out."))
            else:
                onward[persona.agent_id] = (*onward.get(persona.agent_id, ()), target)
    return tuple(replace(p, handoffs=onward.get(p.agent_id, ())) for _, p in loaded), problems


def _way(onward: Mapping[str, Sequence[str]], start: str, end: str) -> tuple[str, ...]:
    """The ids from start to end along the handoffs, both included; empty where there is no way."""
    before, left = {start: ""}, [start]
    while left and end not in before:
        here = left.pop()
        new = [target for target in onward.get(here, ()) if target not in before]
        before.update(dict.fromkeys(new, here))
        left += new
    way: list[str] = []
    at = end if end in before else ""
    while at:
        way.append(at)
        at = before[at]
    return tuple(reversed(way))
