"""Facts of asks: what waits for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

AskKind = Literal["plan", "resume", "head_moved", "budget", "question"]
"""All but `question` (an agent's own) hold the run they belong to until they are answered."""


@dataclass(frozen=True, slots=True)
class AskOpened:
    """Something waits for the user; unanswered past `expires` (Unix seconds) it counts as `default`.

    Attributes:
        options: the answers to choose from; a question also takes any other words.
        task_id, agent_id: who asks, where an agent does; `why`: what the answer is needed for.
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


@dataclass(frozen=True, slots=True)
class AskAnswered:
    """The user (or the time limit) decided."""

    type: ClassVar[str] = "ask_answered"
    ask_id: str
    answer: str
    by: Literal["user", "timeout", "engine"] = "user"
