"""The mailroom: messages between NEXUS Prime, the agents and the user.

The journal is outbox and record: what is said is a fact first, then goes over the bus, and what its receiver
has got is a fact again. So a crash, or a bus that is gone for a while, costs no message, and a message that
comes twice is handed over once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.messages import (
    Message,
    Party,
    TaskResponse,
    iso,
    message_json,
    parse_message,
    parse_response,
    unix,
)
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.team import PRIME, USER
from nexus_lsp.ports import Bus, BusFailed, Delivery, JournalFailed, Letter

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

RETRY_AFTER = 5.0
"""Seconds until what the bus did not take is offered to it again."""

STATUS_EVERY = 1.0
"""Seconds between two broadcasts of how the team stands at least."""

PRIME_PARTY = Party(agent_id=PRIME, agent_type="orchestrator", instance_id="orch_001")
USER_PARTY = Party(agent_id=USER, agent_type="user")


class Mailroom:
    """See the module; one for an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._on_bus: set[tuple[str, str, str]] = set()
        """(run, message, recipient) of what the bus has taken since this engine began."""
        self._sending: asyncio.Task[None] | None = None
        self._down = ""
        self._told: set[str] = set()
        """Runs that were told of the bus being down, since it is."""
        self._is_open = False
        self._noticed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._status: asyncio.TimerHandle | None = None

    @property
    def _bus(self) -> Bus:
        return self._engine.adapters.bus

    async def open(self) -> None:
        """Begin; a bus that cannot be used now is tried again when there is something to send."""
        self._engine.listeners.append(self._hear)
        try:
            await self._bus.open()
            self._is_open = True
        except BusFailed as error:
            log.warning("the bus is down: %s", error)

    async def _opened(self) -> Bus:
        if not self._is_open:
            await self._bus.open()
            self._is_open = True
        return self._bus

    async def notice(self, run_id: str) -> None:
        """Say in a run how the bus was found, where that is news."""
        if self._bus.notice and run_id not in self._noticed:
            self._noticed.add(run_id)
            await self._engine.quietly(run_id, h.BusSeen(self._bus.notice))

    def _hear(self, entry: f.Entry, run: Run) -> None:
        match entry.fact:
            case f.MessageDead(recipient=recipient, why=why):
                self._engine.spawn(self._settle(run.id, recipient, why), "empty a mailbox")
            case f.TaskStarted() | f.TaskSubmitted() | f.TaskCompleted() | f.TaskFailed():
                self._changed()
            case _:
                return

    # --- saying --------------------------------------------------------------------------------------

    async def post(self, run_id: str, message: Message | TaskResponse, recipients: tuple[str, ...]) -> None:
        """Say something; Refused where nobody may, or nobody would hear it."""
        await self._engine.submit(run_id, h.Posted(message_json(message), recipients))

    def stamp(self) -> dict[str, Any]:
        """Id and time of a new message."""
        adapters = self._engine.adapters
        return {"message_id": adapters.new_id("msg"), "timestamp": iso(adapters.now())}

    async def tell(self, run: Run, recipients: tuple[str, ...], text: str) -> str:
        """The user says something to agents; it reaches them at their next step. Gives the message's id."""
        first = recipients[0]
        to = Party(agent_id=first.partition("#")[0], instance_id=first if "#" in first else None)
        message = Message(
            **self.stamp(),
            sender=USER_PARTY,
            to=to,
            message_type="feedback",
            priority="high",
            payload={"text": text},
            conversation_thread=f"thread_{run.id}_user",
        )
        await self.post(run.id, message, recipients)
        return message.message_id

    # --- from the outbox to the bus ------------------------------------------------------------------

    def look(self) -> None:
        """Send what waits in the outboxes, if it is not on its way."""
        if self._sending is None and self._timer is None and self._waiting():
            self._sending = asyncio.create_task(self._send(), name="send messages")

    def _waiting(self) -> list[tuple[Run, str, str]]:
        return [
            (run, message_id, recipient)
            for run in self._engine.runs.values()
            if run.status not in OVER
            for message_id, recipient in run.team.outbox
            if (run.id, message_id, recipient) not in self._on_bus
        ]

    async def _send(self) -> None:
        try:
            while waiting := self._waiting():
                for run, message_id, recipient in waiting:
                    await self._send_one(run, message_id, recipient)
            await self._is_up()
            await self._note_dead()
        except BusFailed as error:
            await self._is_down(str(error))
        except (Refused, JournalFailed) as error:
            log.info("messages wait: %s", error)
            self._later()
        finally:
            self._sending = None

    async def _send_one(self, run: Run, message_id: str, recipient: str) -> None:
        if recipient == USER:  # the faces have heard the fact
            await self._delivered(run.id, recipient, ((message_id, 1),))
        else:
            await self._publish(run, message_id, recipient)
        if recipient == PRIME:  # this engine is Prime: it has the message, whoever else holds its letter
            await self.collect(run.id, PRIME)
            await self._settled(run.id, message_id, PRIME)
        self._on_bus.add((run.id, message_id, recipient))

    async def _publish(self, run: Run, message_id: str, recipient: str) -> None:
        bus = await self._opened()
        try:
            await bus.publish(mailbox(run.id, recipient), run.team.messages[message_id].message)
        except ValueError as error:  # none like it is taken any more; an older journal may have one
            await self._engine.submit(run.id, h.Died(recipient, (message_id,), str(error)))

    async def _settled(self, run_id: str, message_id: str, recipient: str) -> None:
        if (message_id, recipient) in self._engine.runs[run_id].team.outbox:
            await self._delivered(run_id, recipient, ((message_id, 1),))

    async def bring(self, run_id: str, message_id: str, recipient: str) -> None:
        """Have a receiver get a message now, and whatever else waits there: an agent's work begins with it.

        A bus that is down is gone round, for the receiver holds the message in its hands.
        """
        run = self._engine.runs[run_id]
        try:
            await self._send_one(run, message_id, recipient)
            await self.collect(run_id, recipient)
        except BusFailed as error:
            log.info("the bus is gone round: %s", error)
        await self._settled(run_id, message_id, recipient)

    async def _is_down(self, why: str) -> None:
        """Say it once in each run that has something to send, and try again."""
        self._down = why
        for run_id in {run.id for run, _, _ in self._waiting()} - self._told:
            self._told.add(run_id)
            told = f"{why} Messages between agents wait meanwhile; nothing is lost."
            await self._engine.quietly(run_id, h.BusSeen(told))
        log.warning("the bus is down: %s", why)
        self._later()

    async def _is_up(self) -> None:
        if self._down:
            self._down = ""
            for run_id in self._told:
                await self._engine.quietly(run_id, h.BusSeen("The message bus works again."))
            self._told.clear()

    async def _note_dead(self) -> None:
        """Say of what the bus has given up that nobody will read it."""
        for letter in await (await self._opened()).dead_letters():
            run_id, _, recipient = letter.mailbox.partition("/")
            run = self._engine.runs.get(run_id)
            if run is not None and (letter.message_id, recipient) in run.team.outbox:
                await self._engine.submit(run_id, h.Died(recipient, (letter.message_id,), letter.why))

    def _later(self) -> None:
        if not self._engine.closing and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RETRY_AFTER, self._again)

    def _again(self) -> None:
        self._timer = None
        self.look()

    # --- from the bus to the receiver ----------------------------------------------------------------

    async def collect(
        self, run_id: str, recipient: str, wait: float = 0.0, most: int = 20
    ) -> tuple[Message, ...]:
        """What has come for an address since it was last asked, noted as delivered. BusFailed."""
        box, bus = mailbox(run_id, recipient), await self._opened()
        deliveries = await bus.receive(box, most, wait)
        found: list[tuple[Delivery, Message]] = []
        read: list[str] = []
        for delivery in deliveries:
            try:
                message = await self._read(run_id, recipient, delivery)
            except Refused as error:
                await bus.refuse(box, delivery.message_id, str(error))
                continue
            read.append(delivery.message_id)
            if message is not None:
                found.append((delivery, message))
        if found:
            await self._delivered(run_id, recipient, tuple((d.message_id, d.attempt) for d, _ in found))
        if read:
            try:
                await bus.acknowledge(box, read)
            except BusFailed as error:  # they come again, and are passed over: the journal has them
                log.info("what was read is not acknowledged: %s", error)
        return tuple(message for _, message in found)

    async def _read(self, run_id: str, recipient: str, delivery: Delivery) -> Message | None:
        """The message, if its receiver has not got it yet; what others put on the bus is journalled first."""
        run = self._engine.runs[run_id]
        sent = run.team.messages.get(delivery.message_id)
        if sent is not None and sent.reach.get(recipient) != "sent":
            return None
        message, problems = parse_message(delivery.message)
        if message is None:
            if parse_response(delivery.message)[0] is not None:
                await self._delivered(run_id, recipient, ((delivery.message_id, delivery.attempt),))
            else:
                log.warning("a message on the bus cannot be read: %s", "; ".join(map(str, problems)))
            return None
        if sent is None:
            await self._engine.submit(run_id, h.Posted(message_json(message), (recipient,)))
        return message

    async def _delivered(self, run_id: str, recipient: str, messages: tuple[tuple[str, int], ...]) -> None:
        await self._engine.submit(run_id, h.Delivered(recipient, messages))

    def letters(self, run: Run, recipient: str, most: int = 20) -> tuple[Letter, ...]:
        """What an address has been told in this run so far, oldest first: a new attempt knows it too."""
        told = [
            letter_of(sent.message)
            for sent in run.team.messages.values()
            if sent.reach.get(recipient) == "delivered" and not _is_assignment(sent.message)
        ]
        return tuple(told[-most:])

    def overdue(self, run: Run, at: float) -> dict[str, list[str]]:
        """By recipient, the messages in the outbox that nobody read within their `timeout_seconds`."""
        found: dict[str, list[str]] = {}
        for message_id, recipient in run.team.outbox:
            message = run.team.messages[message_id].message
            limit = message.get("timeout_seconds")
            if limit is not None and at > unix(str(message["timestamp"])) + float(limit):
                found.setdefault(recipient, []).append(message_id)
        return found

    # --- how the team stands -------------------------------------------------------------------------

    def _changed(self) -> None:
        """Somebody began, ended or moved on: tell whoever listens on the bus, at most once a second."""
        if self._status is None and not self._engine.closing:
            self._status = asyncio.get_running_loop().call_later(STATUS_EVERY, self._broadcast_soon)

    def _broadcast_soon(self) -> None:
        self._status = None
        self._engine.spawn(self._broadcast(), "broadcast the status")

    async def _broadcast(self) -> None:
        if self._engine.closing:
            return
        at = iso(self._engine.adapters.now())
        status = {"type": "agent_status", "timestamp": at, **self._engine.agents()}
        try:
            await (await self._opened()).broadcast(status)
        except BusFailed:
            log.debug("nobody was told of the status: the bus is down")

    async def _settle(self, run_id: str, recipient: str, why: str) -> None:
        """Nobody reads an address any more: its mailbox is emptied."""
        try:
            await (await self._opened()).bury(mailbox(run_id, recipient), why)
        except BusFailed as error:
            log.info("the mailbox of %s stays: %s", recipient, error)

    async def close(self) -> None:
        """Send nothing more."""
        for timer in (self._timer, self._status):
            if timer:
                timer.cancel()
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)


def _is_assignment(message: Mapping[str, Any]) -> bool:
    """An assignment is the prompt itself."""
    return message.get("message_type") == "task_assignment"


def mailbox(run_id: str, recipient: str) -> str:
    """The name of an address's mailbox on the bus."""
    return f"{run_id}/{recipient}"


def letter_of(message: Mapping[str, Any] | Message) -> Letter:
    """A message as an agent is shown it."""
    given = message_json(message) if isinstance(message, Message) else message
    sender = given["from"]
    return Letter(
        sender=str(sender.get("instance_id") or sender["agent_id"]),
        kind=str(given.get("message_type", "")),
        text=str(given.get("payload", {}).get("text", "")),
        thread=str(given.get("conversation_thread", "")),
        message_id=str(given["message_id"]),
    )
