"""Rules of teamwork: what is said, noted, remembered, used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.mailbox import MAX_MESSAGE, json_text
from nexus_lsp.core.memory.scrubbing import scrubbed
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.rules.limits import Facts, Limits
from nexus_lsp.core.rules.tasks import at_work
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.spending import overdrawn

MOST_NOTES = 200
"""Notes on a run's scratchpad; it is read whole."""

_STORED = 500
"""Characters of a remembered text that the fact shows; memory holds all of it."""


def posted(run: Run, what: h.Posted, limits: Limits) -> Facts:
    """Somebody says something; the same message again says nothing new."""
    message_id = str(what.message["message_id"])
    if message_id in run.team.messages:
        return []
    if run.status in OVER:
        raise Refused(f"This run is {run.status}; nobody reads messages in it any more.")
    if not what.recipients:
        raise Refused("The message has no recipient.")
    if (size := len(json_text(what.message).encode())) > MAX_MESSAGE:
        raise Refused(
            f"The message has {size:,} bytes; {MAX_MESSAGE:,} are allowed. "
            "Put the long part into a file and name the file."
        )
    sender = str(what.message["from"].get("instance_id") or what.message["from"]["agent_id"])
    if "#" in sender and _said_by(run, sender) >= limits.messages:
        raise Refused(
            f"You have sent {limits.messages} messages in this run, which is all there is. Put what the team "
            "must know into your result."
        )
    return [f.MessageSent(_without_keys(what.message) if "#" in sender else what.message, what.recipients)]


def _without_keys(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """An agent's message without what looks like a key or a password: the journal keeps it for good."""
    payload = message["payload"]
    text = payload.get("text")
    return {**message, "payload": {**payload, "text": scrubbed(text)}} if isinstance(text, str) else message


def _said_by(run: Run, sender: str) -> int:
    """How many messages; a response has no type and is none."""
    return sum(
        1
        for sent in run.team.messages.values()
        if sent.message["from"].get("instance_id") == sender and "message_type" in sent.message
    )


def delivered(run: Run, what: h.Delivered) -> Facts:
    """A recipient has a message."""
    return [
        f.MessageDelivered(message_id, what.recipient, attempt)
        for message_id, attempt in what.messages
        if _waits(run, message_id, what.recipient)
    ]


def died(run: Run, what: h.Died) -> Facts:
    """Messages will not reach a recipient."""
    return [
        f.MessageDead(message_id, what.recipient, what.why)
        for message_id in what.message_ids
        if _waits(run, message_id, what.recipient)
    ]


def _waits(run: Run, message_id: str, recipient: str) -> bool:
    sent = run.team.messages.get(message_id)
    return sent is not None and sent.reach.get(recipient) == "sent"


def noted(run: Run, what: h.Noted) -> Facts:
    """An agent writes on the scratchpad."""
    state = at_work(run, what.task_id, what.attempt)
    if state is None:
        return []
    if len(run.team.notes) >= MOST_NOTES:
        raise Refused(f"The scratchpad is full ({MOST_NOTES} notes). Put it into your result.")
    return [f.NoteWritten(what.task_id, state.task.agent, scrubbed(what.text))]


def remembered(run: Run, what: h.Remembered) -> Facts:
    """Memory holds items from now on."""
    return [
        f.MemoryStored(
            item_id=item.id,
            agent_id=item.agent_id,
            kind=item.kind,
            text=item.text if len(item.text) <= _STORED else item.text[: _STORED - 1] + "…",
            source=item.source,
            paths=item.paths,
            task_id=item.task_id,
        )
        for item in what.items
        if item.id not in run.team.remembered
    ]


def forgotten(run: Run, what: h.Forgotten) -> Facts:
    """Memory holds items no longer."""
    gone = tuple(i for i in what.item_ids if i in run.team.remembered or i in run.team.to_forget)
    return [f.MemoryForgotten(gone, what.why)] if gone else []


def measured(run: Run, what: h.Measured) -> Facts:
    """What agents at work have used by now: kept from time to time, and at once where it is too much."""
    if run.status not in ("in_progress", "paused"):
        return []
    known: Facts = [
        f.AgentSpent(task_id, run.tasks[task_id].task.agent, attempt, tokens)
        for task_id, attempt, tokens in what.live
        if at_work(run, task_id, attempt) and tokens > run.tasks[task_id].live_tokens
    ]
    news = overdrawn(run, what.at, {task_id: tokens for task_id, _, tokens in what.live})
    return [*known, *news] if what.keep or news else []
