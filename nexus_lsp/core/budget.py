"""Budgets: how much a run, a task and an agent may use, and when that is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

Measure = Literal["usd", "tokens", "seconds"]
Scope = Literal["run", "task", "agent"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be used of each measure; None for no limit. Tokens are all that the service counts, `seconds`
    those of work (a pause does not count)."""

    usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None

    def limits(self) -> Iterator[tuple[Measure, float]]:
        """What is limited, and to how much."""
        if self.usd is not None:
            yield "usd", self.usd
        if self.tokens is not None:
            yield "tokens", self.tokens
        if self.seconds is not None:
            yield "seconds", self.seconds


@dataclass(frozen=True, slots=True)
class Budgets:
    """The allowances of a whole run, of each of its tasks, and of each persona in it."""

    run: Allowance = Allowance()
    task: Allowance = Allowance()
    agent: Allowance = Allowance()


def meter_key(scope: Scope, who: str, measure: Measure) -> str:
    """The name of one meter; `who` is "" for the run, else a task's or a persona's id."""
    return f"{scope}:{measure}:{who}"


def split_key(key: str) -> tuple[Scope, str, Measure]:
    """Scope, who and measure of a meter."""
    scope, measure, who = key.split(":", 2)
    return cast("Scope", scope), who, cast("Measure", measure)
