"""Settings, as `workspace/configuration` (section `nexus`) and `initializationOptions` give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user set.

    Attributes:
        trusted: the editor's workspace trust; false unless said.
        team: which backend works: `auto` takes Claude Code where it has credentials, else `local`.
        approval: whether a plan waits for the user (`ask`) or starts at once (`auto`).
        resume: whether paid work goes on by itself after a crash (`auto`) or after a question (`ask`).
        max_agents: how many agents work at once, over all runs of a workspace.
        test_command: how this workspace's tests are run; none = found out (pytest).
        budget: US dollars a run may spend; none = no limit.
        repair_rounds: further attempts a task gets after a conflict or a red gate.
        task_timeout: seconds one attempt may take.
    """

    trusted: bool = False
    team: Literal["auto", "claude", "local"] = "auto"
    approval: Literal["auto", "ask"] = "auto"
    resume: Literal["auto", "ask"] = "ask"
    max_agents: int = 4
    test_command: str | None = None
    budget: float | None = None
    repair_rounds: int = 2
    task_timeout: float = 3600.0
