"""A run's team: what was said, noted and remembered; the state behind the facts of teamwork.

Who can be reached is read off the run (`recipients`): a task's instance keeps its address from its first
attempt to its last, so what is sent to a task that waits, or that is tried again, is there when it begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from nexus_lsp.core import facts as f
from nexus_lsp.core.memory import MemoryItem
from nexus_lsp.core.shelves import Shelves

PRIME = "nexus_prime"
USER = "user"

Reach = Literal["sent", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message and how far it got, by recipient. `at` is in Unix seconds."""

    message: Mapping[str, Any]
    reach: Mapping[str, Reach]
    at: float


@dataclass(frozen=True, slots=True)
class TeamState:
    """What a run's team shares.

    Attributes:
        messages: by message id, oldest first.
        outbox: (message id, recipient) of all that has yet to be delivered, oldest first.
        recalled: by task id, the memory items its agent was shown.
        to_learn: by id, what is to be kept in memory and is not yet; `remembered`: ids of what is.
        to_forget: ids of what is to be taken out again.
    """

    messages: Mapping[str, Sent] = field(default_factory=dict[str, Sent])
    outbox: tuple[tuple[str, str], ...] = ()
    notes: tuple[f.NoteWritten, ...] = ()
    recalled: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    to_learn: Shelves[MemoryItem] = field(default_factory=Shelves[MemoryItem])
    to_forget: Shelves[None] = field(default_factory=Shelves[None])
    remembered: Shelves[None] = field(default_factory=Shelves[None])


def instance_of(agent_id: str, task_id: str) -> str:
    """The address of the instance of a persona that works on a task, in whichever attempt."""
    return f"{agent_id}#{task_id}"


def evolve_team(team: TeamState, fact: f.TeamFact, at: float) -> TeamState:
    """The team after a fact of teamwork."""
    match fact:
        case f.MessageSent():
            sent = Sent(fact.message, dict.fromkeys(fact.recipients, "sent"), at)
            message_id = str(fact.message["message_id"])
            outbox = (*team.outbox, *((message_id, who) for who in sent.reach))
            return replace(team, messages={**team.messages, message_id: sent}, outbox=outbox)
        case f.MessageDelivered():
            return _reached(team, fact.message_id, fact.recipient, "delivered")
        case f.MessageDead():
            return _reached(team, fact.message_id, fact.recipient, "dead")
        case f.NoteWritten():
            return replace(team, notes=(*team.notes, fact))
        case f.MemoryStored():
            remembered = team.remembered.put(fact.item_id, None)
            return replace(team, to_learn=team.to_learn.without(fact.item_id), remembered=remembered)
        case f.MemoryForgotten():
            to_forget, remembered = team.to_forget, team.remembered
            for item_id in fact.item_ids:
                to_forget, remembered = to_forget.without(item_id), remembered.without(item_id)
            return replace(team, to_forget=to_forget, remembered=remembered)
        case f.MemoryRecalled():
            ids = tuple(line.item_id for line in fact.items)
            return replace(team, recalled={**team.recalled, fact.task_id: ids})
        case (
            f.MessageDelayed()
            | f.MemoryUnavailable()
            | f.AgentSpent()
            | f.AgentUnavailable()
            | f.AgentAvailable()
        ):
            return team
    assert_never(fact)


def _reached(team: TeamState, message_id: str, recipient: str, how: Reach) -> TeamState:
    sent = team.messages[message_id]
    reach: dict[str, Reach] = {**sent.reach, recipient: how}
    outbox = tuple(entry for entry in team.outbox if entry != (message_id, recipient))
    return replace(team, messages={**team.messages, message_id: replace(sent, reach=reach)}, outbox=outbox)


def learn(team: TeamState, items: Iterable[MemoryItem]) -> TeamState:
    """The team with more to be kept in memory."""
    to_learn = team.to_learn
    for item in items:
        if item.id not in team.remembered:
            to_learn = to_learn.put(item.id, item)
    return team if to_learn is team.to_learn else replace(team, to_learn=to_learn)


def unlearn(team: TeamState, item_id: str) -> TeamState:
    """The team after what an item says was taken back, whether or not it is kept by now."""
    # what waits may be on its way into the store at this moment
    known = item_id in team.remembered or item_id in team.to_learn
    to_forget = team.to_forget.put(item_id, None) if known else team.to_forget
    return replace(team, to_learn=team.to_learn.without(item_id), to_forget=to_forget)
