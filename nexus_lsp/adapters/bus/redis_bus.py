"""The bus over Redis: mailboxes that several processes, also on several machines, share.

Which letter is read next is decided here, by `core.mailbox`, on a view of the whole mailbox; this is
carried out only if nothing else was decided meanwhile (`redis_scripts`). Nothing that counts is kept in this
process. What was published is as safe as Redis keeps it: with `appendonly yes` and `appendfsync always`
nothing is lost; with `everysec` a crash may cost what came in the last one or two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_lsp.adapters.bus.hearers import Hear, Hearers
from nexus_lsp.adapters.bus.redis_scripts import ACKNOWLEDGE, DECIDE, KEYS, LOOK, PUBLISH
from nexus_lsp.adapters.bus.redis_server import RedisServer
from nexus_lsp.core.mailbox import (
    Letter,
    Step,
    after_refusal,
    buried,
    envelope_problems,
    envelope_text,
    hand_out,
    letter_of,
    next_change,
    released,
    sweep,
)
from nexus_lsp.ports import BusFailed, BusFigures, DeadLetter, Delivery

REMEMBERED = 7 * 86_400.0
"""Seconds for which the id of a message that is done with is kept."""

_LOOK_AGAIN = 1.0
"""Seconds after which a reader that waits looks again: programs that only add to a stream tell nobody."""

_MALFORMED = 8_000
"""Characters of each field of a malformed entry that its dead letter keeps."""


@dataclass(frozen=True, slots=True)
class _View:
    """A mailbox as it stood at `now`.

    Attributes:
        holders: message id -> who holds it, `<bus>.<number of the hand-out>`.
        strangers: entries of other programs that are yet to be read, (entry, fields).
    """

    version: bytes
    now: float
    letters: Collection[Letter]
    holders: Mapping[str, str]
    strangers: Sequence[tuple[str, Mapping[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class _Decided:
    """A step that was carried out on a view; `texts` of all that was handed or died, by message id."""

    view: _View
    step: Step
    texts: Mapping[str, str]

    @property
    def waiting(self) -> int:
        return len(self.view.letters) - len(self.step.dead)


class RedisBus:
    """`ports.Bus` over Redis Streams. Broadcasts reach every process of the namespace.

    `now` is a clock for tests; without it all times are the server's, which every process shares. `notice` is
    a sentence for the user where the server is not set up to keep messages, else "".
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        *,
        now: Callable[[], float] | None = None,
        lease: float = 60.0,
        timeout: float = 2.0,
    ) -> None:
        self._server = RedisServer(url, timeout)
        self._prefix = f"{{{namespace}}}:"
        self._now = now
        self._lease = lease
        self._me = ""
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._claimed: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._lost: defaultdict[str, set[str]] = defaultdict(set)
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._hearers = Hearers()
        self._behind: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"RedisBus({self._server.place or 'unreadable address'}, {self._prefix[1:-2]!r})"

    @property
    def notice(self) -> str:
        return self._server.notice

    # --- open and close ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """See the port."""
        self._me = uuid.uuid4().hex[:12]
        self._claimed = {}
        await self._server.open((self._key("news"), self._key("status")), self._heard, self._gap)

    async def close(self) -> None:
        """See the port. With Redis gone, what this bus holds comes again when its leases run out."""
        if self._behind:
            await asyncio.wait(self._behind)
        with contextlib.suppress(BusFailed):
            async with self._server.answering():
                for mailbox in tuple(self._claimed):
                    await self._decide(mailbox, lambda view: released(self._mine(view)), ending="leave")
        await self._server.close()
        self._gap()

    def _mine(self, view: _View) -> list[Letter]:
        return [x for x in view.letters if view.holders[x.message_id].partition(".")[0] == self._me]

    def _key(self, *names: str) -> str:
        return self._prefix + ":".join(names)

    def _keys(self, mailbox: str) -> list[str]:
        own, shared = KEYS[:5], KEYS[5:]
        return [*(self._key(kind, mailbox) for kind in own), *(self._key(kind) for kind in shared)]

    def _time(self) -> str:
        return "" if self._now is None else repr(self._now())

    # --- messages ----------------------------------------------------------------------------------------

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        """See the port. ValueError where it is no message at all."""
        text = envelope_text(message)
        letter = letter_of(message, 0)
        values = (mailbox, letter.message_id, text, _value(letter, ""))
        kept = (self._time(), repr(REMEMBERED), self._key("news"))
        async with self._server.answering():
            return bool(await self._server.run(PUBLISH, self._keys(mailbox), (*values, *kept)))

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        """See the port. A call that is cancelled keeps nothing leased."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        news = asyncio.Event()
        self._waiting[mailbox].add(news)
        try:
            while True:
                news.clear()
                found, pause = await self._received(mailbox, limit)
                left = deadline - clock()
                if found or left <= 0:
                    return found
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, pause)):
                        await news.wait()
        finally:
            self._waiting[mailbox].discard(news)

    async def _received(self, mailbox: str, limit: int) -> tuple[tuple[Delivery, ...], float]:
        """What was leased, and after how many seconds to look again. Undone where the caller is cancelled."""
        holder = f"{self._me}.{next(self._numbers)}"
        work = asyncio.create_task(self._hand_out(mailbox, limit, holder))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            behind = asyncio.create_task(self._take_back(mailbox, holder, work))
            self._behind.add(behind)
            behind.add_done_callback(self._behind.discard)
            raise
        except BusFailed:
            self._lost[mailbox].add(holder)  # the server may have done it all the same
            raise

    async def _hand_out(self, mailbox: str, limit: int, holder: str) -> tuple[tuple[Delivery, ...], float]:
        def next_ones(view: _View) -> Step:
            return hand_out(view.letters, view.now, limit, self._lease)

        async with self._server.answering():
            await self._release_lost(mailbox)
            done = await self._decide(mailbox, next_ones, holder)
        found = tuple(
            Delivery(mailbox, letter.message_id, json.loads(done.texts[letter.message_id]), letter.attempts)
            for letter in done.step.handed
            if letter.message_id in done.texts  # else acknowledged meanwhile by who had it before
        )
        change = next_change(done.view.letters, done.view.now)
        return found, _LOOK_AGAIN if change is None else min(_LOOK_AGAIN, change - done.view.now)

    async def _take_back(self, mailbox: str, holder: str, work: asyncio.Task[Any]) -> None:
        await asyncio.gather(work, return_exceptions=True)
        self._lost[mailbox].add(holder)
        with contextlib.suppress(BusFailed):  # then the next hand-out does it
            async with self._server.answering():
                await self._release_lost(mailbox)

    async def _release_lost(self, mailbox: str) -> None:
        """What was leased, but never reached a reader, is free again."""
        if lost := frozenset(self._lost.get(mailbox, ())):
            await self._decide(
                mailbox, lambda view: released(x for x in view.letters if view.holders[x.message_id] in lost)
            )
            self._lost[mailbox] -= lost

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        """See the port."""
        values = (mailbox, self._time(), self._key("news"), *message_ids)
        async with self._server.answering():
            await self._server.run(ACKNOWLEDGE, self._keys(mailbox), values)

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        """See the port. Later messages of its thread in the same hands come again too."""
        async with self._server.answering():
            await self._decide(mailbox, lambda view: after_refusal(view.letters, message_id, why, view.now))

    async def bury(self, mailbox: str, why: str) -> tuple[DeadLetter, ...]:
        """See the port; what is leased is buried too."""
        async with self._server.answering():
            done = await self._decide(mailbox, lambda view: buried(view.letters, why), ending="over")
        return tuple(
            DeadLetter(mailbox, letter.message_id, json.loads(done.texts[letter.message_id]), reason)
            for letter, reason in done.step.dead
            if letter.message_id in done.texts
        )

    # --- what became of them -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        """See the port."""
        async with self._server.answering():
            await self._sweep()
            entries = await self._server.ask("XREVRANGE", self._key("dead"), "+", "-", "COUNT", str(limit))
        return tuple(_dead_letter(fields) for _, fields in entries)

    async def figures(self) -> BusFigures:
        """See the port. Counted for all processes of the namespace."""
        async with self._server.answering():
            waiting = await self._sweep()
            counted = await self._server.ask("HGETALL", self._key("figures"))
        return BusFigures(**{name.decode(): int(count) for name, count in counted.items()}, waiting=waiting)

    async def _sweep(self) -> int:
        """What expired in a mailbox that nobody reads is dead too; how many letters are left in all."""
        left = 0
        for box in await self._server.ask("SMEMBERS", self._key("boxes")):
            left += (await self._decide(box.decode(), lambda view: sweep(view.letters, view.now))).waiting
        return left

    # --- decisions ---------------------------------------------------------------------------------------

    async def _decide(
        self, mailbox: str, decide: Callable[[_View], Step], holder: str = "", ending: str = ""
    ) -> _Decided:
        """Look, decide, carry out; again where another process decided in between.

        To be called while the server is `answering`. `holder`: who gets it; `ending`: see `DECIDE`.
        """
        async with self._locks[mailbox]:
            while True:
                view = await self._look(mailbox)
                while view.strangers:
                    await self._carry_out(mailbox, view, [x for s in view.strangers for x in _admission(*s)])
                    view = await self._look(mailbox)
                step = decide(view)
                does = _does(step, holder)
                if not does and not ending:
                    return _Decided(view, step, {})
                told = await self._carry_out(mailbox, view, does, ending)
                if told is not None:
                    texts = zip(told[::2], told[1::2], strict=True)
                    return _Decided(view, step, {i.decode(): text.decode() for i, text in texts})

    async def _carry_out(self, mailbox: str, view: _View, does: Sequence[str], ending: str = "") -> Any:
        values = (mailbox, self._me, self._time(), self._key("news"), view.version, ending, *does)
        return await self._server.run(DECIDE, self._keys(mailbox), values)

    async def _look(self, mailbox: str) -> _View:
        now = asyncio.get_running_loop().time()
        due = now - self._claimed.setdefault(mailbox, now) > self._lease
        if due:
            self._claimed[mailbox] = now
        idle = str(int(self._lease * 1000)) if due else ""
        values = (mailbox, self._me, self._time(), idle)
        version, at, flat, strangers = await self._server.run(LOOK, self._keys(mailbox), values)
        pairs = [_read(i.decode(), value) for i, value in zip(flat[::2], flat[1::2], strict=True)]
        return _View(
            version,
            float(at),
            [letter for letter, _ in pairs],
            {letter.message_id: holder for letter, holder in pairs},
            [(e.decode(), dict(zip(f[::2], f[1::2], strict=True))) for e, f in sorted(strangers, key=_age)],
        )

    # --- broadcasts --------------------------------------------------------------------------------------

    async def broadcast(self, status: Mapping[str, Any]) -> None:
        """See the port."""
        async with self._server.answering():
            await self._server.ask("PUBLISH", self._key("status"), json.dumps(status))

    def listen(self, hear: Hear) -> Callable[[], None]:
        """See the port."""
        return self._hearers.add(hear)

    def _heard(self, channel: str, data: bytes) -> None:
        if channel == self._key("news"):
            for news in self._waiting.get(data.decode(), ()):
                news.set()
        else:
            self._hearers.tell(data)

    def _gap(self) -> None:
        """Whoever waits looks for himself: something may have been missed."""
        for waiting in self._waiting.values():
            for news in waiting:
                news.set()


# --- letters as Redis has them ---------------------------------------------------------------------------


def _does(step: Step, holder: str) -> list[str]:
    """A step as `DECIDE` takes it."""
    does: list[str] = []
    for letter in step.changed:
        does += ("keep", letter.message_id, _value(letter, ""), "")
    for letter in step.handed:
        does += ("hand", letter.message_id, _value(letter, holder), "1" if letter.attempts > 1 else "0")
    for letter, why in step.dead:
        does += ("dead", letter.message_id, why, "")
    return does


def _value(letter: Letter, holder: str) -> str:
    x = letter
    counted = (x.attempts, x.failures, x.not_before, x.leased_until)
    return json.dumps((x.thread, x.priority, *counted, x.expires_at, x.timeout, holder))


def _read(message_id: str, value: bytes) -> tuple[Letter, str]:
    entry, _, text = value.partition(b" ")
    *known, holder = json.loads(text)
    return Letter(message_id, _seq(entry), *known), holder


def _seq(entry: bytes) -> int:
    """Entries of a stream are numbered by millisecond and, within one, from 0."""
    milliseconds, _, number = entry.partition(b"-")
    return (int(milliseconds) << 64) | int(number)


def _age(stranger: tuple[bytes, Any]) -> int:
    return _seq(stranger[0])


def _dead_letter(fields: Mapping[bytes, bytes]) -> DeadLetter:
    mailbox, message_id, text, why = (
        fields[name].decode() for name in (b"mailbox", b"id", b"message", b"why")
    )
    return DeadLetter(mailbox, message_id, json.loads(text), why)


def _admission(entry: str, fields: Mapping[bytes, bytes]) -> tuple[str, str, str, str]:
    """What to do with an entry that another program added: it is a letter too, or a dead one."""
    raw = fields.get(b"message")
    if raw is None:
        why = "message: the field is missing. Put the JSON of the message into it."
    elif problems := envelope_problems(raw):
        why = " ".join(map(str, problems))
    else:
        letter = letter_of(json.loads(raw), _seq(entry.encode()))
        return "admit", entry, letter.message_id, _value(letter, "")
    told = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
    return "malformed", entry, json.dumps({name: text[:_MALFORMED] for name, text in told.items()}), why
