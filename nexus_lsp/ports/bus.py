"""The bus: mailboxes between members of a team."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    pass


class BusFailed(Exception):
    """The bus cannot be used now; the text is a sentence the user can act on. Nothing was lost by it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in its receiver's hands until it is acknowledged, refused, or its lease runs out.

    Attributes:
        message: the envelope as JSON (`core.messages`), seed's names and unknown fields included.
        attempt: 1 for the first delivery.
    """

    mailbox: str
    message_id: str
    message: Mapping[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that will not be delivered, and why."""

    mailbox: str
    message_id: str
    message: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class BusFigures:
    """Counted since the bus was first opened: `retried` are deliveries after the first of a message."""

    published: int = 0
    delivered: int = 0
    retried: int = 0
    acknowledged: int = 0
    dead: int = 0
    waiting: int = 0


class Bus(Protocol):
    """Mailboxes with at-least-once delivery; what was published survives a crash.

    Within a thread (`conversation_thread`) messages of a mailbox come in the order they were published, also
    after a retry; between threads the one with the most urgent waiting message goes first. A message id is
    taken once a mailbox: publishing it again changes nothing, so senders may repeat themselves.
    """

    @property
    def notice(self) -> str:
        """What the user should know of how the store was found (a broken file was moved aside), or ""."""
        ...

    async def open(self) -> None:
        """Begin; BusFailed where the store cannot be used."""
        ...

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        """Keep an envelope for a mailbox; False where it was published there before. BusFailed."""
        ...

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        """Lease what is to be read next; waits up to `wait` seconds where nothing is there. BusFailed."""
        ...

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        """These were read and are done with; unknown ids are passed over."""
        ...

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        """Give a message back: it comes again after a pause, or is a dead letter after too many attempts."""
        ...

    async def bury(self, mailbox: str, why: str) -> tuple[DeadLetter, ...]:
        """Nobody reads this mailbox any more: all that waits in it becomes dead letters, which are given."""
        ...

    async def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        """The newest dead letters, newest first."""
        ...

    async def broadcast(self, status: Mapping[str, Any]) -> None:
        """Tell every listener, of this process or another, how things stand; nothing is kept."""
        ...

    def listen(self, hear: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
        """Hear broadcasts from now on; the answer ends it."""
        ...

    async def figures(self) -> BusFigures:
        """What was counted."""
        ...

    async def close(self) -> None:
        """Give back the store; what was leased is delivered again after the next open."""
        ...
