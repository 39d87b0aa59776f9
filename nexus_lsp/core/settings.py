"""Settings, as `workspace/configuration` (section `nexus`) and `initializationOptions` give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from nexus_lsp.core.problems import Problem


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


def settings_from(given: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """Settings as an editor gives them (camelCase), and what is wrong in them; a wrong one keeps its default.

    Names that are not settings of the server (an extension has its own) are passed over.
    """
    from pydantic import TypeAdapter, ValidationError

    names = {_camel(f.name): f.name for f in fields(Settings)}
    known = {names[key]: value for key, value in given.items() if key in names and value is not None}
    adapter = TypeAdapter(Settings)
    problems: list[Problem] = []
    try:
        return adapter.validate_python(known), problems
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0])
            known.pop(name, None)
            mend = f"The default is used ({_default(name)})."
            problems.append(Problem(f"nexus.{_camel(name)}", fault["msg"], mend))
    return adapter.validate_python(known), problems


def _default(name: str) -> object:
    return next(f.default for f in fields(Settings) if f.name == name)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
