"""Health: how long to leave a failing agent in peace, when a backend is given a rest, how well agents do.

All from measured figures: attempts that landed, repairs, restarts, and how long models took to answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts of one task that broke: three times as long each time."""

TRIPS_AFTER = 5
"""Faults of a backend in a row, over all its agents, after which it is given a rest."""

FIRST_REST, LONGEST_REST = 30.0, 600.0
"""Seconds of that rest; doubled while the first attempt after it fails again."""

RECENT = 50
"""Attempts that a score looks back on."""


def backoff(retries: int) -> float:
    """Seconds to wait before the attempt after `retries` broken ones (0 for the first)."""
    return min(FIRST_PAUSE * 3**retries, LONGEST_PAUSE)


# --- a backend's circuit breaker ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether a backend is given work.

    Attributes:
        faults: of the service or its program, in a row.
        until: Unix seconds until which nothing is given to it; None while it works.
        rests: how many rests it had in a row.
    """

    faults: int = 0
    until: float | None = None
    rests: int = 0

    @property
    def tripped(self) -> bool:
        """Whether it rests, or is being tried after a rest."""
        return self.until is not None

    def places(self, at: float) -> int | None:
        """How many agents may be at work on it: None for no bound, 0 in a rest, 1 on trial after it."""
        if self.until is None:
            return None
        return 0 if at < self.until else 1


def after_fault(breaker: Breaker, at: float) -> Breaker:
    """The breaker after a fault: at the limit, or on trial, it trips.

    What fails in the middle of a rest had begun before it, and makes it no longer.
    """
    faults = breaker.faults + 1
    if breaker.until is not None and at < breaker.until:
        return replace(breaker, faults=faults)
    if faults < TRIPS_AFTER and not breaker.tripped:
        return replace(breaker, faults=faults)
    rest = min(FIRST_REST * 2**breaker.rests, LONGEST_REST)
    return Breaker(faults, at + rest, breaker.rests + 1)


def after_success(_breaker: Breaker) -> Breaker:
    """The breaker after work that ended well: closed, and nothing is held against it."""
    return Breaker()


# --- scores ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """One task of one persona, once it is settled; `response` in seconds where it was measured."""

    landed: bool
    repairs: int
    restarts: int
    response: float | None = None


def score(records: list[Record], max_response: float) -> float | None:
    """From 0 to 10: half for tasks that landed, a fifth each for landing at once, for needing no restart, and
    a tenth for models that answer within `max_response` seconds. None without a record.

    Only the last RECENT tasks count.
    """
    recent = records[-RECENT:]
    if not recent:
        return None
    landed = sum(r.landed for r in recent) / len(recent)
    at_once = sum(r.landed and not r.repairs for r in recent) / len(recent)
    steady = sum(not r.restarts for r in recent) / len(recent)
    timed = [r.response for r in recent if r.response is not None]
    prompt = sum(t <= max_response for t in timed) / len(timed) if timed else 1.0
    return round(10 * (0.5 * landed + 0.2 * at_once + 0.2 * steady + 0.1 * prompt), 1)
