"""Facts of teamwork: messages, notes, memory, what agents cost and whether they can be reached.

Part of the closed union in `core.facts`; what is said there of facts holds here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nexus_lsp.core.memory import MemoryKind, MemorySource

# --- messages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Something was said. Until it is delivered or dead for each recipient it is in the outbox.

    Attributes:
        message: the envelope (`core.messages`), in the seed's names on every wire.
        recipients: instance ids, `nexus_prime` or `user`.
    """

    type: ClassVar[str] = "message_sent"
    message: Mapping[str, Any]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """A recipient has it: in its prompt, in a tool's answer, or (the user) in sight."""

    type: ClassVar[str] = "message_delivered"
    message_id: str
    recipient: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class MessageDead:
    """A recipient will not get it, and why."""

    type: ClassVar[str] = "message_dead"
    message_id: str
    recipient: str
    why: str


@dataclass(frozen=True, slots=True)
class MessageDelayed:
    """The bus is down, or works again; what waits is sent then."""

    type: ClassVar[str] = "message_delayed"
    why: str


@dataclass(frozen=True, slots=True)
class NoteWritten:
    """An agent wrote on the run's scratchpad, which everybody reads."""

    type: ClassVar[str] = "agent_note"
    task_id: str
    agent_id: str
    text: str


# --- memory ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemoryStored:
    """Something is remembered from now on (`core.memory.MemoryItem`)."""

    type: ClassVar[str] = "memory_stored"
    item_id: str
    agent_id: str
    kind: MemoryKind
    text: str
    source: MemorySource
    paths: tuple[str, ...] = ()
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """An item as it was shown to an agent, shortened."""

    item_id: str
    kind: MemoryKind
    text: str


@dataclass(frozen=True, slots=True)
class MemoryRecalled:
    """What an agent was reminded of when it began. `task_id` is "" for the planner."""

    type: ClassVar[str] = "memory_recalled"
    task_id: str
    agent_id: str
    items: tuple[MemoryLine, ...]


@dataclass(frozen=True, slots=True)
class MemoryForgotten:
    """What a decision taught holds no longer, because the decision was taken back."""

    type: ClassVar[str] = "memory_forgotten"
    item_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class MemoryUnavailable:
    """The run goes on without memory, or with a new one; `why` says what happened and what to do."""

    type: ClassVar[str] = "memory_unavailable"
    why: str


# --- agents ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentSpent:
    """What an attempt at work has used by now; written from time to time, so that a crash forgets little."""

    type: ClassVar[str] = "agent_spent"
    task_id: str
    agent_id: str
    attempt: int
    tokens: int


@dataclass(frozen=True, slots=True)
class AgentUnavailable:
    """A backend failed again and again; nothing is given to it until `until` (Unix seconds)."""

    type: ClassVar[str] = "agent_unavailable"
    backend: str
    until: float
    why: str


@dataclass(frozen=True, slots=True)
class AgentAvailable:
    """A backend works again."""

    type: ClassVar[str] = "agent_available"
    backend: str


TeamFact = (
    MessageSent
    | MessageDelivered
    | MessageDead
    | MessageDelayed
    | NoteWritten
    | MemoryStored
    | MemoryRecalled
    | MemoryForgotten
    | MemoryUnavailable
    | AgentSpent
    | AgentUnavailable
    | AgentAvailable
)
