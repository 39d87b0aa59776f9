"""Facts of budgets: what is nearly spent, and what is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nexus_lsp.core.budget import Measure, Scope


@dataclass(frozen=True, slots=True)
class BudgetWarned:
    """80 % of something is spent.

    Attributes:
        usd, max_usd: the run's money, where that is what is meant (the first version knew nothing else).
        scope, who: the run (""), a task (its id) or an agent (its persona's id).
        measure: US dollars, tokens as the service counts them, or seconds of work; `used` of `limit`.
    """

    type: ClassVar[str] = "budget_warning"
    usd: float
    max_usd: float
    scope: Scope = "run"
    who: str = ""
    measure: Measure = "usd"
    used: float = 0.0
    limit: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """All of it is spent: the run is paused, its agents are stopped; resuming gives as much again.

    Fields as of `BudgetWarned`.
    """

    type: ClassVar[str] = "budget_spent"
    usd: float
    max_usd: float
    scope: Scope = "run"
    who: str = ""
    measure: Measure = "usd"
    used: float = 0.0
    limit: float = 0.0
