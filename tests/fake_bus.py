"""The bus in memory: the guarantees of the real ones, but for surviving the process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

Hear = Callable[[Mapping[str, Any]], None]


@dataclass
class Kept:
    """What outlives a bus: hand it to the next one, as if that opened the same file."""

    letters: dict[str, dict[str, Letter]] = field(default_factory=lambda: defaultdict(dict))
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)


class MemoryBus:
    """`broken` makes every method fail, as if the store were gone, until it is False again."""

    def __init__(
        self, kept: Kept | None = None, *, now: Callable[[], float] = time.time, lease: float = 60.0
    ) -> None:
        self.kept = kept or Kept()
        self.broken = False
        self._now = now
        self._lease = lease
        self._is_open = False
        self._news = asyncio.Event()
        self._hearers: dict[object, Hear] = {}

    async def open(self) -> None:
        self._is_open = True
        self._check()

    async def close(self) -> None:
        self._is_open = False
        for mailbox, letters in self.kept.letters.items():
            self._apply(mailbox, released(letters.values()))
        self._news.set()

    def _check(self) -> None:
        if self.broken or not self._is_open:
            raise BusFailed("The bus is closed. Open it first.")

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        self._check()
        text, key = envelope_text(message), (mailbox, str(message["message_id"]))
        if key in self.kept.texts:
            return False
        self.kept.texts[key] = text
        self.kept.letters[mailbox][key[1]] = letter_of(message, len(self.kept.texts))
        self.kept.counted["published"] += 1
        self._news.set()
        return True

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while True:
            self._check()
            self._news.clear()
            found = self._hand_out(mailbox, limit)
            left = deadline - clock()
            if found or left <= 0:
                return found
            change = next_change(self.kept.letters[mailbox].values(), self._now())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left if change is None else min(left, change - self._now())):
                    await self._news.wait()

    def _hand_out(self, mailbox: str, limit: int) -> tuple[Delivery, ...]:
        step = hand_out(self.kept.letters[mailbox].values(), self._now(), limit, self._lease)
        self._apply(mailbox, step)
        self.kept.counted["delivered"] += len(step.handed)
        self.kept.counted["retried"] += sum(letter.attempts > 1 for letter in step.handed)
        return tuple(
            Delivery(mailbox, x.message_id, self._message(mailbox, x), x.attempts) for x in step.handed
        )

    def _message(self, mailbox: str, letter: Letter) -> dict[str, Any]:
        return json.loads(self.kept.texts[mailbox, letter.message_id])

    def _apply(self, mailbox: str, step: Step) -> tuple[DeadLetter, ...]:
        letters = self.kept.letters[mailbox]
        letters |= {letter.message_id: letter for letter in step.kept}
        for letter, _ in step.dead:
            del letters[letter.message_id]
        dead = tuple(
            DeadLetter(mailbox, x.message_id, self._message(mailbox, x), why) for x, why in step.dead
        )
        self.kept.dead += dead
        self.kept.counted["dead"] += len(dead)
        return dead

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        self._check()
        letters = self.kept.letters[mailbox]
        for message_id in message_ids:
            self.kept.counted["acknowledged"] += letters.pop(message_id, None) is not None
        self._news.set()

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        self._check()
        letters = self.kept.letters[mailbox].values()
        self._apply(mailbox, after_refusal(letters, message_id, why, self._now()))
        self._news.set()

    async def bury(self, mailbox: str, why: str) -> tuple[DeadLetter, ...]:
        self._check()
        return self._apply(mailbox, buried(self.kept.letters[mailbox].values(), why))

    def _sweep(self) -> None:
        self._check()
        for mailbox, letters in self.kept.letters.items():
            self._apply(mailbox, sweep(letters.values(), self._now()))

    async def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        self._sweep()
        return tuple(self.kept.dead[::-1][:limit])

    async def figures(self) -> BusFigures:
        self._sweep()
        return BusFigures(**self.kept.counted, waiting=sum(map(len, self.kept.letters.values())))

    async def broadcast(self, status: Mapping[str, Any]) -> None:
        self._check()
        for hear in tuple(self._hearers.values()):
            hear(json.loads(json.dumps(status)))

    def listen(self, hear: Hear) -> Callable[[], None]:
        key = object()
        self._hearers[key] = hear

        def end() -> None:
            self._hearers.pop(key, None)

        return end
