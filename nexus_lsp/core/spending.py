"""Spending: where a run's meters stand, and what follows when one nears its limit.

80 % is said, 100 % pauses the run, stops the agents that the limit is about, and asks the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nexus_lsp.core import facts as f
from nexus_lsp.core.budget import Allowance, Measure, Scope, split_key
from nexus_lsp.core.run import Run, TaskState, allowances, dependencies_met, used_of

NEARLY = 0.8

LEAST_SHARE = 0.02
"""Of a budget of dollars: with less than that not given out yet, a task waits for what others do not use."""

GO_ON, STOP = "Go on", "Cancel the run"


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit and what is used of it."""

    key: str
    used: float
    limit: float


def meters(run: Run, at: float | None = None, live: Mapping[str, int] | None = None) -> list[Meter]:
    """Every meter that has a limit. `at` (Unix seconds) counts what works at this moment; `live` are newer
    token counts of attempts at work, by task id."""
    return [
        Meter(key, used_of(run, key) + _running(run, key, at, live or {}), run.granted.get(key, limit))
        for key, limit in allowances(run).items()
    ]


def _running(run: Run, key: str, at: float | None, live: Mapping[str, int]) -> float:
    scope, who, measure = split_key(key)
    if measure == "usd":
        return 0.0
    if scope == "run" and measure == "seconds":
        return at - run.active_since if at is not None and run.active_since is not None else 0.0
    mine = [s for i, s in run.tasks.items() if s.working and (scope == "run" or who in (i, s.task.agent))]
    if measure == "tokens":
        return sum(max(0, live.get(s.task.id, 0) - s.live_tokens) for s in mine)
    if at is None:
        return 0.0
    return sum(at - s.started_at - run.waited_by(s.task.id, at) for s in mine if s.started_at is not None)


def used_share(run: Run, at: float | None = None) -> float:
    """How much of the tightest budget is used, as a share; 0 without budgets."""
    return max((meter.used / meter.limit for meter in meters(run, at) if meter.limit > 0), default=0.0)


def left(run: Run, task_id: str) -> Allowance:
    """What an attempt at a task may use before one of its budgets is spent."""
    agent = run.tasks[task_id].task.agent
    found: dict[Measure, float] = {}
    for meter in meters(run):
        scope, who, measure = split_key(meter.key)
        if scope == "run" or who in (task_id, agent):
            found[measure] = min(found.get(measure, float("inf")), max(0.0, meter.limit - meter.used))
    tokens, usd = found.get("tokens"), found.get("usd")
    given = run.tasks[task_id].max_usd
    usd = usd if given is None or usd is None else min(given, usd)
    return Allowance(usd, None if tokens is None else int(tokens), found.get("seconds"))


def share(run: Run, task_id: str) -> float | None:
    """Dollars that a new attempt at a task may cost; None for no limit.

    Nobody knows what an agent at work has cost until it ends. So each is given a part of what is left, equal
    among the tasks that could begin now, and no two are given the same dollar.
    """
    return min((free / rivals for _, free, rivals in _purses(run, task_id)), default=None)


def all_given_out(run: Run, task_id: str) -> bool:
    """Whether agents at work hold what is left of a budget, so that the task waits for what they leave."""
    return any(free < LEAST_SHARE * meter.limit for meter, free, _ in _purses(run, task_id, held=True))


def _purses(run: Run, task_id: str, held: bool = False) -> Iterator[tuple[Meter, float, int]]:
    """Each budget of dollars that a task draws on (with `held` only those that others at work draw on too):
    what of it is neither used nor given out, and how many tasks could begin with it now."""
    agent = run.tasks[task_id].task.agent
    for meter in meters(run):
        scope, who, measure = split_key(meter.key)
        if measure != "usd" or not (scope == "run" or who in (task_id, agent)):
            continue
        mine = [s for i, s in run.tasks.items() if scope == "run" or who in (i, s.task.agent)]
        given = sum(s.max_usd or 0.0 for s in mine if s.working and s.task.id != task_id)
        rivals = sum(1 for s in mine if s.task.id == task_id or _could_begin(run, s))
        if given or not held:
            yield meter, max(0.0, meter.limit - meter.used - given), rivals


def _could_begin(run: Run, state: TaskState) -> bool:
    return state.status == "pending" and not state.replaced and dependencies_met(run, state)


def overdrawn(run: Run, at: float | None = None, live: Mapping[str, int] | None = None) -> list[f.Fact]:
    """The facts that follow from where the meters stand; none where nothing is new."""
    found: list[f.Fact] = []
    spent: list[Meter] = []
    for meter in meters(run, at, live):
        if meter.used >= meter.limit and meter.key not in run.exhausted:
            spent.append(meter)
        elif meter.used >= NEARLY * meter.limit and meter.key not in run.warned | run.exhausted:
            found.append(f.BudgetWarned(*_fields(meter)))
    found += [f.BudgetSpent(*_fields(meter)) for meter in spent]
    return found + _hold(run, spent) if spent else found


def _fields(meter: Meter) -> tuple[float, float, Scope, str, Measure, float, float]:
    """The fields of both facts; the first two are of money only."""
    scope, who, measure = split_key(meter.key)
    usd, max_usd = (meter.used, meter.limit) if measure == "usd" else (0.0, 0.0)
    return usd, max_usd, scope, who, measure, meter.used, meter.limit


def _hold(run: Run, spent: list[Meter]) -> list[f.Fact]:
    told = " and ".join(said(run, meter) for meter in spent)
    base = allowances(run)
    more = " and ".join(_amount(split_key(meter.key)[2], base[meter.key]) for meter in spent)
    ask = f.AskOpened(
        ask_id=f"ask_{run.id}_{len(run.asks) + 1}",
        kind="budget",
        question=f"Spent: {told}. Go on with {more} more?",
        options=(GO_ON, STOP),
        default=STOP,
    )
    return [f.RunPaused(f"spent: {told}; resuming the run gives it as much again"), ask]


def said(run: Run, meter: Meter) -> str:
    """A meter in words: `the task “Add a login”'s 2,000 tokens`."""
    scope, who, measure = split_key(meter.key)
    return f"{_owner(run, scope, who)} {_amount(measure, meter.limit)}"


def _owner(run: Run, scope: Scope, who: str) -> str:
    if scope == "run":
        return "the run's budget of"
    name = f"task “{run.tasks[who].task.title}”" if scope == "task" else f"agent {who}"
    return f"the budget of {name},"


def _amount(measure: Measure, value: float) -> str:
    if measure == "usd":
        return f"${value:.2f}" if value >= 0.1 else f"${value:.4f}"
    if measure == "tokens":
        return f"{value:,.0f} tokens"
    return f"{value / 60:.0f} minutes" if value >= 120 else f"{value:.0f} seconds"
