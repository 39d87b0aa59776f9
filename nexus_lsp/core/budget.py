"""Budgets: how much a run, a task and an agent may use, and when that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal["usd", "tokens", "seconds"]
Scope = Literal["run", "task", "agent"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be used of each measure; None for no limit. Tokens are all that the service counts, `seconds`
    those of work (a pause does not count)."""

    usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Budgets:
    """The allowances of a whole run, of each of its tasks, and of each persona in it."""

    run: Allowance = Allowance()
    task: Allowance = Allowance()
    agent: Allowance = Allowance()
