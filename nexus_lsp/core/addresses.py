"""Addresses: whom the words of a message's `to` mean in a run."""

from __future__ import annotations

from collections.abc import Mapping

from nexus_lsp.core.run import SETTLED, Run, TaskState
from nexus_lsp.core.team import PRIME, USER

TEAM = "team"

_PRIME_NAMES = frozenset({PRIME, "prime", "nexus prime", "nexus"})


def recipients(run: Run, to: str, sender: str, names: Mapping[str, str]) -> tuple[str, ...] | str:
    """The addresses that `to` means (`core.team`), or the sentence that the sender is answered instead.

    `to` is a task's id, an instance, a persona's id or name (all of its instances that are not done), `team`
    (everybody but the sender), `nexus_prime` or `user`. `names` gives personas' names by their ids.
    """
    wanted = to.strip().casefold()
    if wanted in _PRIME_NAMES:
        return (PRIME,)
    if wanted == USER:
        return (USER,)
    present = [s for s in run.tasks.values() if not s.replaced]
    if wanted == TEAM:
        others = tuple(s.instance for s in present if s.instance != sender and s.status not in SETTLED)
        return others or "Nobody else is at work or waits for a task. The user reads your result."
    meant = [s for s in present if _is_meant(s, wanted, names)]
    if not meant:
        return f"There is nobody called {to!r} in this run. {_reachable(present, sender, names)}"
    there = tuple(s.instance for s in meant if s.status not in SETTLED and s.instance != sender)
    if there:
        return there
    if all(s.instance == sender for s in meant):
        return "That is you."
    done = ", ".join(f"{s.task.id} is {s.status}" for s in meant)
    return f"{to} reads no more messages ({done}); `team_status` shows what came of it."


def _is_meant(state: TaskState, wanted: str, names: Mapping[str, str]) -> bool:
    agent = state.task.agent
    return wanted in (
        state.task.id.casefold(),
        state.instance.casefold(),
        agent.casefold(),
        names.get(agent, agent).casefold(),
    )


def _reachable(present: list[TaskState], sender: str, names: Mapping[str, str]) -> str:
    there = [
        f"{s.task.id} ({names.get(s.task.agent, s.task.agent)})"
        for s in present
        if s.status not in SETTLED and s.instance != sender
    ]
    return f"There are: {', '.join([*there, TEAM, PRIME, USER])}."
