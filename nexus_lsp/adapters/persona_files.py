"""Persona files: the bundled ones, the user's own, and what a workspace may add or change.

**Invariant:** a workspace's file never widens what an agent may do; it may narrow it, or reword it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nexus_lsp.core.personas import READ_ONLY_TOOLS, Caution, Persona, parse_persona
from nexus_lsp.core.problems import Problem

_MAX_BYTES = 256 * 1024
"""A persona larger than this is not a persona; a workspace could fill memory with it."""


def load_personas(
    user_dir: Path | None, workspace_dir: Path | None
) -> tuple[tuple[Persona, ...], list[Problem]]:
    """Every persona, by `agent_id`: bundled, then `user_dir/*.json`, then the workspace's.

    `workspace_dir` is the workspace itself; its files are `.nexus/personas/*.json`. A later one takes the
    place of an earlier one of the same id; a broken one is a problem, and the earlier one stays.
    """
    problems: list[Problem] = []
    own = dict(_read(_bundled_dir(), problems))
    if user_dir is not None:
        own |= dict(_read(user_dir, problems))
    found = dict(own)
    if workspace_dir is not None:
        for ident, persona in _read(workspace_dir / ".nexus" / "personas", problems):
            found[ident] = _without_new_rights(persona, own.get(ident), problems)
    return tuple(found[ident] for ident in sorted(found)), problems


def _bundled_dir() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "personas"
    return installed if installed.is_dir() else package.parent / "personas"


def _read(directory: Path, problems: list[Problem]) -> Iterator[tuple[str, Persona]]:
    if not directory.is_dir():
        return
    for path in sorted(directory.glob("*.json")):
        where = f"personas/{path.name}"
        text = _text(path, where, problems)
        if text is None:
            continue
        persona, found = parse_persona(text, where)
        problems += found
        if persona is not None:
            yield persona.agent_id, persona


def _text(path: Path, where: str, problems: list[Problem]) -> str | None:
    """The file's text; None, and a problem, for what is no readable, regular, small file."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            problems.append(Problem(where, "it is no file of up to 256 KiB", "Give a smaller JSON file."))
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(where, f"it cannot be read ({error})", "Save it as readable UTF-8 text."))
        return None


def _without_new_rights(persona: Persona, own: Persona | None, problems: list[Problem]) -> Persona:
    allowed = READ_ONLY_TOOLS if own is None else frozenset(own.claude_configuration.tools_enabled)
    wanted = persona.claude_configuration.tools_enabled
    kept = tuple(name for name in wanted if name in allowed)
    if kept != wanted:
        more = ", ".join(name for name in wanted if name not in allowed)
        problems.append(
            Caution(
                f"personas/{persona.agent_id}.json: claude_configuration.tools_enabled",
                f"a workspace cannot give itself {more}",
                "Put the persona into your own persona directory if you want that.",
            )
        )
    return replace(persona, claude_configuration=replace(persona.claude_configuration, tools_enabled=kept))
