"""The check-up: everything NEXUS builds on, looked at here and now; nothing is started that costs money."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nexus_lsp.adapters.state import state_root, workspace_of, workspace_state
from nexus_lsp.adapters.trust import TrustStore
from nexus_lsp.app import Staff
from nexus_lsp.core.problems import Problem
from nexus_lsp.ports import BusFailed, Readiness


async def doctor(directory: Path, env: Mapping[str, str]) -> list[Readiness]:
    """One line for each thing; those that are not there say how to mend it."""
    from nexus_lsp.adapters.claude_code import ClaudeCodeBackend
    from nexus_lsp.adapters.grammars import check as grammars
    from nexus_lsp.adapters.local_team import LocalTeam

    workspace, lines = _workspace(directory, env)
    state = state_root(env)
    lines += [await _git(), _sqlite(), _memory(), await _messages(env), _planner(env)]
    lines += [_optional(line) for line in await ClaudeCodeBackend(state, env).check()]
    lines += [*await LocalTeam().check(), grammars()]
    return [*lines, *_personas(Staff(workspace, state, env))]


def _workspace(directory: Path, env: Mapping[str, str]) -> tuple[Path, list[Readiness]]:
    try:
        workspace = workspace_of(directory)
    except OSError as error:
        return directory, [Readiness("workspace", False, str(error), "Give an existing directory.")]
    trusted = TrustStore(state_root(env)).is_trusted(workspace)
    told = "its code may be run" if trusted else "its code is not run"
    hint = "" if trusted else "`nexus-lsp trust` lets NEXUS run its tests."
    lines = [Readiness("workspace", True, f"{workspace}: {told}", hint)]
    try:
        lines.append(Readiness("state", True, str(workspace_state(state_root(env), workspace))))
    except OSError as error:
        mend = "Free disk space, or set NEXUS_STATE_DIR to a directory you can write."
        lines.append(Readiness("state", False, str(error), mend))
    return workspace, lines


async def _git() -> Readiness:
    from nexus_lsp.adapters.git_command import LEAST_VERSION, git_version

    found = await git_version()
    least = ".".join(map(str, LEAST_VERSION))
    if found is None:
        return Readiness("git", False, "not found", f"Install git {least} or newer.")
    enough = found >= LEAST_VERSION
    told = ".".join(map(str, found))
    return Readiness("git", enough, told, "" if enough else f"NEXUS needs git {least} or newer.")


def _sqlite() -> Readiness:
    return Readiness("sqlite", True, f"{sqlite3.sqlite_version}, one process and one connection a journal")


def _memory() -> Readiness:
    from nexus_lsp.adapters.memory.embeddings import find_embedder

    if find_embedder():
        return Readiness("memory", True, "found by words, paths and meaning")
    mend = "`pip install 'nexus-lsp[embeddings]'` finds by meaning too."
    return Readiness("memory", True, "found by words and paths", mend)


async def _messages(env: Mapping[str, str]) -> Readiness:
    """Only the environment's Redis is known here; an editor's setting is not."""
    url = env.get("NEXUS_REDIS_URL", "").strip()
    if not url:
        return Readiness("messages", True, "a file of the workspace's state")
    from nexus_lsp.adapters.bus.redis_bus import RedisBus

    bus = RedisBus(url, "nexus:doctor")
    try:
        await bus.open()
        return Readiness("messages", True, "the Redis of NEXUS_REDIS_URL")
    except (BusFailed, ValueError) as error:
        return Readiness("messages", False, str(error), "Or unset NEXUS_REDIS_URL: then a file carries them.")
    finally:
        await bus.close()


def _optional(line: Readiness) -> Readiness:
    """Without credentials nothing is broken: the local team works."""
    if line.name != "Claude credentials" or line.ok:
        return line
    return Readiness(line.name, True, "none: the local team works", line.mend)


def _planner(env: Mapping[str, str]) -> Readiness:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        if env.get(name):
            return Readiness("planner", True, f"OpenAI ({name} is set)")
    return Readiness("planner", True, "built-in, without a model", "Set OPENAI_API_KEY to plan with OpenAI.")


def _personas(staff: Staff) -> Iterator[Readiness]:
    from nexus_lsp.core.personas import unhonoured

    personas = staff.personas()
    for problem in staff.persona_problems():
        yield Readiness("persona", False, f"{problem.where}: {problem.what}", problem.mend)
    yield Readiness("personas", True, ", ".join(persona.name for persona in personas))
    for (what, mend), places in _gathered([p for persona in personas for p in unhonoured(persona)]).items():
        field = places[0].rpartition(" ")[2].rpartition(".")[2]
        who = ", ".join(place.partition(".")[0] for place in places)
        yield Readiness("personas", True, f"{field} ({who}): {what}", mend)


def _gathered(problems: Sequence[Problem]) -> dict[tuple[str, str], list[str]]:
    """The places that one and the same thing is said of."""
    found: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        found.setdefault((problem.what, problem.mend), []).append(problem.where)
    return found
