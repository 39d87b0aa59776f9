"""Settings, as `workspace/configuration` (section `nexus`) and `initializationOptions` give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, Literal, cast

from nexus_lsp.core.budget import Budgets
from nexus_lsp.core.permissions import Permissions
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
        budgets: limits of a run, of each task and of each agent in it, in usd, tokens and seconds of work.
        repair_rounds: further attempts a task gets after a conflict or a red gate.
        replan_rounds: how often another way is looked for in one run when a task fails.
        task_timeout: seconds one attempt may take.
        ask_timeout: seconds an agent waits for an answer of yours before it goes on without.
        permissions: what happens before an agent's command that reaches beyond its checkout (the network,
            installing packages, this machine): `ask` you, `allow` or `deny` it; `askAll` asks before every
            command but those that only look.
        coverage_target: percent of the changed lines that tests are to execute; below it the tester gets one
            more task. 0 asks for nothing.
        redis_url: a Redis server that carries the agents' messages; none = a file in the state directory. A
            password belongs into the environment variable NEXUS_REDIS_URL instead.
    """

    trusted: bool = False
    team: Literal["auto", "claude", "local"] = "auto"
    approval: Literal["auto", "ask"] = "auto"
    resume: Literal["auto", "ask"] = "ask"
    max_agents: int = 4
    test_command: str | None = None
    budget: float | None = None
    budgets: Budgets = field(default_factory=Budgets)
    repair_rounds: int = 2
    replan_rounds: int = 2
    task_timeout: float = 3600.0
    ask_timeout: float = 3600.0
    permissions: Permissions = "ask"
    coverage_target: float = 90.0
    redis_url: str | None = None

    @property
    def all_budgets(self) -> Budgets:
        """The budgets, with the run's money in its place."""
        if self.budget is None:
            return self.budgets
        return replace(self.budgets, run=replace(self.budgets.run, usd=self.budget))


def settings_over(base: Settings, given: Mapping[str, Any]) -> Settings:
    """Settings with others laid over them, as `dataclasses.asdict` and JSON give those."""
    from nexus_lsp.core.wire import from_json

    budgets: Any = given.get("budgets")
    if not isinstance(budgets, Mapping):
        return replace(base, **given)
    return replace(base, **{**given, "budgets": from_json(cast("Mapping[str, Any]", budgets), Budgets)})


def settings_from(given: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """Settings as an editor gives them (camelCase), and what is wrong in them; a wrong one keeps its default.

    Names that are not settings of the server (an extension has its own) are passed over.
    """
    from pydantic import TypeAdapter, ValidationError

    names = {_camel(f.name): f.name for f in fields(Settings)}
    known = {names[key]: value for key, value in given.items() if key in names and value is not None}
    adapter = TypeAdapter(Settings)
    faults: list[tuple[str, str]] = []
    try:
        settings = adapter.validate_python(known)
    except ValidationError as error:
        faults = [(str(fault["loc"][0]), fault["msg"]) for fault in error.errors()]
        sound = {name: value for name, value in known.items() if name not in dict(faults)}
        settings = adapter.validate_python(sound)
    wrong = _meaningless(settings)
    back = {name: getattr(Settings(), name) for name, _ in wrong}
    problems = [
        Problem(f"nexus.{_camel(name)}", what, f"The default is used ({_default(name)}).")
        for name, what in (*faults, *wrong)
    ]
    return replace(settings, **back), problems


def _meaningless(settings: Settings) -> list[tuple[str, str]]:
    """Right in type, wrong in meaning: (name, what is wrong)."""
    found: list[tuple[str, str]] = []
    least = {"max_agents": 1, "repair_rounds": 0, "replan_rounds": 0, "ask_timeout": 1, "task_timeout": 1}
    for name, value in least.items():
        if getattr(settings, name) < value:
            found.append((name, f"it is below {value}"))
    if not 0 <= settings.coverage_target <= 100:
        found.append(("coverage_target", "it is not within 0 to 100"))
    if settings.budget is not None and settings.budget <= 0:
        found.append(("budget", "it is not above 0"))
    allowances = (settings.budgets.run, settings.budgets.task, settings.budgets.agent)
    if any(limit <= 0 for allowance in allowances for _, limit in allowance.limits()):
        found.append(("budgets", "a limit is not above 0"))
    if settings.redis_url and "@" in settings.redis_url:
        found.append(("redis_url", "a password is no setting: put this URL into NEXUS_REDIS_URL"))
    return found


def _default(name: str) -> object:
    return next(_of(f) for f in fields(Settings) if f.name == name)


def _of(spec: Field[object]) -> object:
    return "no limit" if spec.default is MISSING else spec.default


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
