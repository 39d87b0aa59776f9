"""The planner: a request in, a plan out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nexus_lsp.core.personas import Persona
from nexus_lsp.core.plan import Plan
from nexus_lsp.core.replanning import Revision, Trouble

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Brief:
    """What a planner knows.

    Attributes:
        request: the user's words.
        files: (path, bytes) of the repository, all of them; the planner picks what it shows a model.
        personas: who is there, by `agent_id`.
        team: "claude" or "local": what the agents can do.
        focus: paths the request points at (the open file, a selection).
        context: the user's own additions (the seed's `context` object), as JSON text, or "".
        notes: what is to be heeded (the user's own words about earlier work).
        lessons: what memory holds of earlier runs that may matter, as material.
        records: by `agent_id`, how that persona did in this workspace so far, in words and measured figures.
        excerpts: (path, text) of a few files worth showing (README, pyproject, package.json), bounded.
    """

    request: str
    files: tuple[tuple[str, int], ...]
    personas: tuple[Persona, ...]
    team: str
    focus: tuple[str, ...] = ()
    context: str = ""
    notes: tuple[str, ...] = ()
    excerpts: tuple[tuple[str, str], ...] = ()
    lessons: tuple[str, ...] = ()
    records: tuple[tuple[str, str], ...] = ()


class PlanFailed(Exception):
    """No plan came of it; the text is a sentence the user can act on."""


class Planner(Protocol):
    """Makes a plan from a brief. `source` names it in progress lines ("OpenAI gpt-…", "built-in")."""

    source: str

    async def plan(self, brief: Brief) -> Plan:
        """A plan that `core.plan.plan_problems` finds no fault with, or PlanFailed."""
        ...

    async def replan(self, brief: Brief, trouble: Trouble) -> Revision:
        """Another way while the run is at work; PlanFailed, with the reason, where there is none."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...
