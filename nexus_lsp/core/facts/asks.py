"""Facts of asks: what waits for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

AskKind = Literal["plan", "resume", "head_moved", "budget", "question", "permission"]

OF_AGENTS = frozenset[AskKind]({"question", "permission"})
"""Hold the agent who asks until they are answered; all others hold the run they belong to."""


@dataclass(frozen=True, slots=True)
class AskOpened:
    """Something waits for the user; unanswered past `expires` (Unix seconds) it counts as `default`.

    Attributes:
        options: the answers to choose from; a question also takes any other words.
        task_id, agent_id: who asks, where an agent does; `why`: what the answer is needed for.
        grants: of a permission: the programs that “for this run” allows from then on.
    """

    type: ClassVar[str] = "ask_opened"
    ask_id: str
    kind: AskKind
    question: str
    options: tuple[str, ...]
    default: str
    expires: float | None = None
    task_id: str = ""
    agent_id: str = ""
    why: str = ""
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskAnswered:
    """The user (or the time limit) decided."""

    type: ClassVar[str] = "ask_answered"
    ask_id: str
    answer: str
    by: Literal["user", "timeout", "engine"] = "user"
