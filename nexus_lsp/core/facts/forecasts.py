"""Facts of forecasts: whose work may not come together, as it is foreseen while it is being written.

Part of the closed union in `core.facts`; what is said there of facts holds here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

ClashKind = Literal["overlap", "adjoining", "symbol", "contract"]
SideState = Literal["at_work", "waits", "landed", "proposed", "accepted"]


@dataclass(frozen=True, slots=True)
class ClashSide:
    """One of two whose work may not come together.

    Attributes:
        task_id: "" where it is the user, whose `agent_id` is `user`.
        state: `at_work`; `waits` to land; `landed` since the other began; `proposed`, a change that waits for
            the user; `accepted`, which stands in the user's text since the other began.
    """

    run_id: str
    task_id: str
    agent_id: str
    state: SideState


@dataclass(frozen=True, slots=True)
class Clash:
    """A place where the work of two may not come together.

    Attributes:
        kind: how sure it is: `overlap` (the same lines replaced differently), `adjoining` (no unchanged line
            between the two), `symbol` (one function changed at different lines: it merges, and may not fit),
            `contract` (new lines call a function whose parameters the other changed, or that it took away).
        line, count: the lines concerned in the user's text as the run saw it last; `count` is 0 for an
            insertion before `line`. `anchor`: the first of these lines as they stood.
        symbols: functions or classes, as their language names them.
        sides: the first is a task that has yet to land.
        message: all of it as a sentence.
    """

    path: str
    line: int
    count: int
    anchor: tuple[str, ...]
    kind: ClashKind
    symbols: tuple[str, ...]
    sides: tuple[ClashSide, ClashSide]
    message: str


@dataclass(frozen=True, slots=True)
class ConflictForecast:
    """All that is foreseen now for this run's tasks, in place of what was told before; empty: nothing."""

    type: ClassVar[str] = "conflict_forecast"
    clashes: tuple[Clash, ...]
