"""The bus on one machine: mailboxes in a SQLite file, kept over a crash.

One process holds the file, so what has to be known of letters is also in memory, and changes there once the
file has changed. A lease means nothing to a later process: what was leased when the last one ended is
delivered again as soon as the file is opened.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.bus.hearers import Hear, Hearers
from nexus_lsp.adapters.bus.sqlite_letters import (
    ACKNOWLEDGE,
    CHANGE,
    DEAD,
    DIE,
    FIGURES,
    FORGET,
    PUBLISH,
    Damaged,
    LetterFile,
    move_aside,
    open_file,
)
from nexus_lsp.core.mailbox import (
    Letter,
    Step,
    after_refusal,
    buried,
    envelope_text,
    hand_out,
    letter_of,
    next_change,
    released,
    sweep,
)
from nexus_lsp.ports import BusFailed, BusFigures, DeadLetter, Delivery

REMEMBERED = 7 * 86_400.0
"""Seconds for which the id of a message that is done with, and a dead letter, are kept."""

_TIDY_EVERY = 3_600.0


@dataclass(slots=True)
class _Box:
    """A mailbox in memory.

    Attributes:
        letters, texts: what is not done with, by message id, in the order it was published.
        settled: when a message was done with, by id.
        coming: what is being written for the first time, by id.
        lock: held by whoever decides on letters, until the file has the decision.
        news: set, and replaced, when there may be more to read: each who waits waits for the one he saw.
    """

    name: str
    letters: dict[str, Letter] = field(default_factory=dict[str, Letter])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    settled: dict[str, float] = field(default_factory=dict[str, float])
    coming: dict[str, asyncio.Future[None]] = field(default_factory=dict[str, "asyncio.Future[None]"])
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, letter: Letter, text: str) -> None:
        self.letters[letter.message_id] = letter
        self.texts[letter.message_id] = text
        self.tell()

    def apply(self, step: Step, at: float) -> None:
        for letter in step.kept:
            if letter.message_id in self.letters:  # not acknowledged meanwhile
                self.letters[letter.message_id] = letter
        self.settle([letter.message_id for letter, _ in step.dead], at)

    def settle(self, message_ids: Sequence[str], at: float) -> None:
        for message_id in message_ids:
            self.letters.pop(message_id, None)
            self.texts.pop(message_id, None)
            self.settled[message_id] = at
        self.tell()

    def tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class SqliteBus:
    """`ports.Bus` over a file. Broadcasts stay in this process.

    `notice` is a sentence for the user where the file had to be begun anew, else "".
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time, lease: float = 60.0) -> None:
        self._path = path
        self._now = now
        self._lease = lease
        self._file: LetterFile | None = None
        self._boxes: dict[str, _Box] = {}
        self._seq = 0
        self._tidied = 0.0
        self._hearers = Hearers()
        self.notice = ""

    # --- open and close ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """See the port. A damaged file is moved aside, which `notice` then says."""
        try:
            try:
                await self._begin()
            except Damaged as damage:
                moved = move_aside(self._path)
                self.notice = (
                    f"{self._path} was damaged ({damage}) and is now {moved}. The bus began an empty file; "
                    "messages that only the old one held are not delivered."
                )
                await self._begin()
        except (sqlite3.Error, OSError, Damaged) as error:
            raise BusFailed(_unusable(self._path, error)) from error

    async def _begin(self) -> None:
        now = self._now()
        file = await open_file(self._path)
        try:
            kept = await file.load(now, now - REMEMBERED)
        except BaseException:
            await file.close()
            raise
        boxes: dict[str, _Box] = {}
        for one in kept:
            box = boxes.setdefault(one.mailbox, _Box(one.mailbox))
            if one.letter is not None:
                box.put(one.letter, one.text)
            else:
                box.settled[one.message_id] = one.at
        self._file, self._boxes, self._tidied = file, boxes, now
        self._seq = kept[-1].seq if kept else 0

    async def close(self) -> None:
        """See the port."""
        file, self._file = self._file, None
        for box in self._boxes.values():
            box.tell()
        if file is not None:
            await file.close()

    def _open_file(self) -> LetterFile:
        if self._file is None:
            raise BusFailed("The bus is closed. Open it first.")
        return self._file

    def _box(self, mailbox: str) -> _Box:
        self._open_file()
        if mailbox not in self._boxes:
            self._boxes[mailbox] = _Box(mailbox)
        return self._boxes[mailbox]

    # --- messages ----------------------------------------------------------------------------------------

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        """See the port. ValueError where it is no message at all."""
        text = envelope_text(message)
        box = self._box(mailbox)
        message_id = str(message["message_id"])
        if message_id in box.letters or message_id in box.settled:
            return False
        coming = box.coming.get(message_id)
        if coming is not None:
            await asyncio.shield(coming)
            return False
        await asyncio.shield(self._publish(box, message, text))
        return True

    def _publish(self, box: _Box, message: Mapping[str, Any], text: str) -> asyncio.Future[None]:
        self._tidy()
        self._seq += 1
        letter = letter_of(message, self._seq)
        row = (letter.seq, box.name, letter.message_id, text, self._now())
        coming = self._open_file().write([(PUBLISH, row)], lambda: box.put(letter, text))
        box.coming[letter.message_id] = coming
        coming.add_done_callback(lambda _: box.coming.pop(letter.message_id))
        return coming

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        """See the port. A call that is cancelled keeps nothing leased."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while True:
            box = self._box(mailbox)
            news = box.news
            found = await self._hand_out(box, limit)
            left = deadline - clock()
            if found or left <= 0:
                return found
            now = self._now()
            change = next_change(box.letters.values(), now)
            await _heard(news, left if change is None else min(left, change - now))

    async def _hand_out(self, box: _Box, limit: int) -> tuple[Delivery, ...]:
        async with box.lock:
            step = hand_out(box.letters.values(), self._now(), limit, self._lease)
            await self._carry_out(box, step)
            return tuple(
                Delivery(box.name, letter.message_id, json.loads(text), letter.attempts)
                for letter in step.handed
                if (text := box.texts.get(letter.message_id)) is not None
            )

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        """See the port."""
        box, now = self._box(mailbox), self._now()
        known = [i for i in dict.fromkeys(message_ids) if i in box.letters]
        rows = [(ACKNOWLEDGE, (now, box.letters[i].seq)) for i in known]
        if rows:
            await asyncio.shield(self._open_file().write(rows, lambda: box.settle(known, now)))

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        """See the port. Later messages of its thread in the same hands come again too."""
        box = self._box(mailbox)
        async with box.lock:
            await self._carry_out(box, after_refusal(box.letters.values(), message_id, why, self._now()))

    async def bury(self, mailbox: str, why: str) -> tuple[DeadLetter, ...]:
        """See the port; what is leased is buried too."""
        box = self._box(mailbox)
        async with box.lock:
            step, texts = buried(box.letters.values(), why), dict(box.texts)
            await self._carry_out(box, step)
        return tuple(
            DeadLetter(mailbox, letter.message_id, json.loads(texts[letter.message_id]), reason)
            for letter, reason in step.dead
        )

    async def _carry_out(self, box: _Box, step: Step) -> None:
        """Write a step and take it over; to be called with the mailbox's lock."""
        if step == Step():
            return
        written = self._write(box, step)
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            await asyncio.wait([written])  # the lock must not open while file and memory differ
            if step.handed and self._file is not None and not written.exception():
                self._write(box, released(step.handed))
            raise

    def _write(self, box: _Box, step: Step) -> asyncio.Future[None]:
        now = self._now()
        changes = [(x.attempts, x.failures, x.not_before, x.leased_until, x.seq) for x in step.kept]
        deaths = [(now, why, letter.seq) for letter, why in step.dead]
        rows = [*((CHANGE, values) for values in changes), *((DIE, values) for values in deaths)]
        return self._open_file().write(rows, lambda: box.apply(step, now))

    # --- what became of them -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        """See the port."""
        await self._sweep()
        rows = await self._open_file().rows(DEAD, (limit,))
        return tuple(DeadLetter(box, i, json.loads(text), why) for box, i, text, why in rows)

    async def figures(self) -> BusFigures:
        """See the port."""
        await self._sweep()
        [counted] = await self._open_file().rows(FIGURES)
        return BusFigures(*counted, waiting=sum(len(box.letters) for box in self._boxes.values()))

    async def _sweep(self) -> None:
        """What expired in a mailbox that nobody reads is dead too."""
        for box in tuple(self._boxes.values()):
            async with box.lock:
                await self._carry_out(box, sweep(box.letters.values(), self._now()))

    def _tidy(self) -> None:
        """Now and then, forget what is long done with."""
        now = self._now()
        if now - self._tidied < _TIDY_EVERY:
            return
        self._tidied = now
        self._open_file().write([(FORGET, (now - REMEMBERED,))], lambda: self._forget(now - REMEMBERED))

    def _forget(self, oldest: float) -> None:
        for box in self._boxes.values():
            box.settled = {i: at for i, at in box.settled.items() if at >= oldest}

    # --- broadcasts --------------------------------------------------------------------------------------

    async def broadcast(self, status: Mapping[str, Any]) -> None:
        """See the port."""
        self._open_file()
        self._hearers.tell(json.dumps(status))

    def listen(self, hear: Hear) -> Callable[[], None]:
        """See the port."""
        return self._hearers.add(hear)


async def _heard(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        pass


def _unusable(path: Path, error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"The message file {path} is in use by another program. End that one, or wait until it is done."
        )
    return (
        f"The message file {path} cannot be used: {error}. Free disk space, or move the file away to begin "
        "with an empty one (messages in it are then not delivered)."
    )
