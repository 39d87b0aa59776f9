"""The bus in memory: the guarantees of the real ones, but for surviving the process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus_lsp.adapters.bus.hearers import Hear, Hearers
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


@dataclass
class Kept:
    """What outlives a bus: hand it to the next one, as if that opened the same file."""

    letters: dict[str, dict[str, Letter]] = field(default_factory=lambda: defaultdict(dict))
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    settled: dict[tuple[str, str], float] = field(default_factory=dict)
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
        self._hearers = Hearers()

    @property
    def notice(self) -> str:
        return ""

    async def open(self) -> None:
        self._is_open = True
        self._check()

    async def close(self) -> None:
        self._is_open = False
        for mailbox, letters in self.kept.letters.items():
            self._apply(mailbox, released(letters.values()))
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _check(self) -> None:
        if self.broken or not self._is_open:
            raise BusFailed("The bus is closed. Open it first.")

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        self._check()
        text, key = envelope_text(message), (mailbox, str(message["message_id"]))
        known = key[1] in self.kept.letters[mailbox]
        if known or self.kept.settled.get(key, -math.inf) >= self._now() - REMEMBERED:
            return False
        self.kept.counted["published"] += 1
        self.kept.texts[key] = text
        self.kept.letters[mailbox][key[1]] = letter_of(message, self.kept.counted["published"])
        self._tell()
        return True

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while True:
            self._check()
            news = self._news
            found = self._hand_out(mailbox, limit)
            left = deadline - clock()
            if found or left <= 0:
                return found
            change = next_change(self.kept.letters[mailbox].values(), self._now())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left if change is None else min(left, change - self._now())):
                    await news.wait()

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
            self._settle(mailbox, letter.message_id)
        dead = tuple(
            DeadLetter(mailbox, x.message_id, self._message(mailbox, x), why) for x, why in step.dead
        )
        self.kept.dead += dead
        self.kept.counted["dead"] += len(dead)
        return dead

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        self._check()
        for message_id in message_ids:
            self.kept.counted["acknowledged"] += self._settle(mailbox, message_id)
        self._tell()

    def _settle(self, mailbox: str, message_id: str) -> bool:
        if self.kept.letters[mailbox].pop(message_id, None) is None:
            return False
        self.kept.settled[mailbox, message_id] = self._now()
        return True

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        self._check()
        letters = self.kept.letters[mailbox].values()
        self._apply(mailbox, after_refusal(letters, message_id, why, self._now()))
        self._tell()

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
        self._hearers.tell(json.dumps(status))

    def listen(self, hear: Hear) -> Callable[[], None]:
        return self._hearers.add(hear)
