"""A mailbox: which letter is read next, and what becomes of one that is refused, forgotten or never read.

Every bus (`ports.Bus`) keeps its letters in its own way and asks here what to do with them.

**Invariant:** of a thread no letter is handed out while an earlier one is in somebody's hands or pauses.
Letters of a thread therefore come in the order they were published, also after a retry; a letter that is dead
is out of the way of those behind it.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from nexus_lsp.core.problems import Problem

MAX_MESSAGE = 256 * 1024
"""Bytes of one message as JSON; what is larger belongs into a file of the checkout."""

MAX_ATTEMPTS = 5
"""How often a letter may be refused, or lost with its reader, before it is dead."""

FIRST_PAUSE = 0.5
"""Seconds until a letter comes again after its first refusal; each further pause is twice as long."""

URGENCIES: Mapping[str, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mailbox knows of a message that is not done with. Times are in Unix seconds.

    Attributes:
        seq: orders the letters of a mailbox as they were published.
        attempts: deliveries so far; `failures`: those that were refused or lost with their reader.
        not_before: when the pause after a refusal ends; 0 for no pause.
        leased_until: until when it is in somebody's hands; 0 for in nobody's.
        expires_at: when it is dead unless it was read, `timeout` seconds after it was written.
    """

    message_id: str
    seq: int
    thread: str
    priority: str = "medium"
    attempts: int = 0
    failures: int = 0
    not_before: float = 0.0
    leased_until: float = 0.0
    expires_at: float | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with letters of a mailbox.

    Attributes:
        handed: these are leased and go to a reader, in this order.
        changed: these take the place of the letters with their ids.
        dead: these will not be delivered, and why.
    """

    handed: tuple[Letter, ...] = ()
    changed: tuple[Letter, ...] = ()
    dead: tuple[tuple[Letter, str], ...] = ()

    @property
    def kept(self) -> tuple[Letter, ...]:
        """All letters that are other than before and not dead."""
        return (*self.changed, *self.handed)


# --- from messages ---------------------------------------------------------------------------------------


def json_text(value: object) -> str:
    """JSON as short as it can be; escaped to ASCII only where half a character could not be written."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def envelope_text(message: Mapping[str, Any]) -> str:
    """A message as every store keeps it; ValueError with all that is wrong with it.

    What is wrong here is a fault of the caller: messages from outside go through `envelope_problems` first.
    """
    try:
        text = json_text(message)
    except (TypeError, ValueError) as error:
        raise ValueError(f"message: it is not JSON ({error}). Send one JSON object.") from error
    if problems := envelope_problems(text):
        raise ValueError(" ".join(map(str, problems)))
    return text


def envelope_problems(raw: str | bytes) -> list[Problem]:
    """What is wrong with the JSON of a message, or of a response, that came over the bus."""
    from nexus_lsp.core.messages import parse_message, parse_response

    message, problems = parse_message(raw)
    if message is not None:
        return []
    might_be_response = any(problem.where == "message_type" for problem in problems)
    response = parse_response(raw)[0] if might_be_response else None
    return [] if response is not None else problems


def letter_of(message: Mapping[str, Any], seq: int) -> Letter:
    """The letter of a message that has no `envelope_problems`."""
    from nexus_lsp.core.messages import unix

    letter = Letter(str(message["message_id"]), seq, str(message["conversation_thread"]))
    if "message_type" not in message:  # a response has neither; fields of these names are its sender's own
        return letter
    timeout = cast("float | None", message.get("timeout_seconds"))
    return replace(
        letter,
        priority=str(message.get("priority", letter.priority)),
        expires_at=None if timeout is None else unix(message["timestamp"]) + timeout,
        timeout=timeout,
    )


# --- reading ---------------------------------------------------------------------------------------------


def hand_out(letters: Collection[Letter], now: float, limit: int, lease: float) -> Step:
    """Lease up to `limit` letters for `lease` seconds, once lost and expired ones were seen to."""
    swept = sweep(letters, now)
    gone = {letter.message_id for letter, _ in swept.dead}
    after = {letter.message_id: letter for letter in letters if letter.message_id not in gone}
    after |= {letter.message_id: letter for letter in swept.changed}
    chosen = next_letters(after.values(), now, limit)
    handed = [replace(x, attempts=x.attempts + 1, not_before=0.0, leased_until=now + lease) for x in chosen]
    ids = {letter.message_id for letter in handed}
    changed = tuple(letter for letter in swept.changed if letter.message_id not in ids)
    return Step(tuple(handed), changed, swept.dead)


def next_letters(letters: Iterable[Letter], now: float, limit: int) -> list[Letter]:
    """Up to `limit` letters to be read now, in the order in which they are to be read.

    A thread is as urgent as the most urgent letter that waits in it, so that no urgent letter is stuck
    behind one of its own thread; among threads of one urgency the letter published first goes first.
    """
    queues = [_queue(thread, now) for thread in _threads(letters).values()]
    heap = [(*queue[0][:2], n, 0) for n, queue in enumerate(queues) if queue]
    heapq.heapify(heap)
    chosen: list[Letter] = []
    while heap and len(chosen) < limit:
        _, _, n, at = heapq.heappop(heap)
        chosen.append(queues[n][at][2])
        if at + 1 < len(queues[n]):
            heapq.heappush(heap, (*queues[n][at + 1][:2], n, at + 1))
    return chosen


def _queue(thread: Sequence[Letter], now: float) -> list[tuple[int, int, Letter]]:
    """(urgency, seq, letter) of the letters of a thread that may be read now, one after the other."""
    ready: list[Letter] = []
    for letter in thread:
        if letter.leased_until > now or letter.not_before > now:
            break
        ready.append(letter)
    urgency = min((URGENCIES[letter.priority] for letter in thread[len(ready) :]), default=len(URGENCIES))
    queue: list[tuple[int, int, Letter]] = []
    for letter in reversed(ready):
        urgency = min(urgency, URGENCIES[letter.priority])
        queue.append((urgency, letter.seq, letter))
    return queue[::-1]


def _threads(letters: Iterable[Letter]) -> dict[str, list[Letter]]:
    threads: dict[str, list[Letter]] = {}
    for letter in sorted(letters, key=lambda letter: letter.seq):
        threads.setdefault(letter.thread, []).append(letter)
    return threads


def next_change(letters: Iterable[Letter], now: float) -> float | None:
    """When a pause or a lease ends next, so that there may be something to read; None without any."""
    times = (at for letter in letters for at in (letter.not_before, letter.leased_until) if at > now)
    return min(times, default=None)


# --- not read, or not done with --------------------------------------------------------------------------


def sweep(letters: Iterable[Letter], now: float) -> Step:
    """See to leases that ran out and to letters that expired.

    Of a thread whose reader was lost only the first letter counts as failed: the reader had not come to the
    others.
    """
    given = list(letters)
    lost = [letter for letter in given if 0 < letter.leased_until <= now]
    changed: list[Letter] = []
    dead: list[tuple[Letter, str]] = []
    for thread in _threads(lost).values():
        failed = replace(thread[0], leased_until=0.0, failures=thread[0].failures + 1)
        if failed.failures >= MAX_ATTEMPTS:
            dead.append((failed, f"given up after {MAX_ATTEMPTS} attempts; the last reader did not say why"))
        else:
            changed.append(failed)
        changed += [replace(letter, leased_until=0.0) for letter in thread[1:]]
    idle = [letter for letter in (*given, *changed) if not letter.leased_until]
    expired = [letter for letter in idle if letter.expires_at is not None and letter.expires_at <= now]
    gone = {letter.message_id for letter in expired}
    dead += [(letter, _never_read(letter)) for letter in expired]
    return Step((), tuple(letter for letter in changed if letter.message_id not in gone), tuple(dead))


def _never_read(letter: Letter) -> str:
    read = "read" if not letter.attempts else "was done with"
    return f"nobody {read} it within {letter.timeout:g} s"


def after_refusal(letters: Iterable[Letter], message_id: str, why: str, now: float) -> Step:
    """One of the letters was given back by its reader: it pauses, or is dead after too many attempts.

    Later ones of its thread in the same hands are free again, and it does not count against them. A letter
    that is in nobody's hands stays as it is.
    """
    given = list(letters)
    refused = next((x for x in given if x.message_id == message_id and x.leased_until), None)
    if refused is None:
        return Step()
    failures = refused.failures + 1
    later = (x for x in given if x.thread == refused.thread and x.seq > refused.seq and x.leased_until)
    free = tuple(replace(letter, leased_until=0.0) for letter in later)
    if failures >= MAX_ATTEMPTS:
        told = f"given up after {failures} attempts; the last was refused: {_said(why)}"
        return Step((), free, ((refused, told),))
    pause = FIRST_PAUSE * 2 ** (failures - 1)
    back = replace(refused, failures=failures, leased_until=0.0, not_before=now + pause)
    return Step((), (back, *free))


def buried(letters: Iterable[Letter], why: str) -> Step:
    """Nobody reads the mailbox any more: every letter is dead, in whoever's hands it is."""
    return Step((), (), tuple((x, _said(why)) for x in sorted(letters, key=lambda letter: letter.seq)))


def _said(why: str) -> str:
    """A reason that every store can keep: bounded, and without halves of characters."""
    return why[:2_000].encode("utf-8", "replace").decode()


def released(letters: Iterable[Letter]) -> Step:
    """The reader leaves in good order: what it holds is free again, and that counts against no letter."""
    return Step((), tuple(replace(letter, leased_until=0.0) for letter in letters if letter.leased_until))
