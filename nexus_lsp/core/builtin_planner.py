"""A plan without a model: the request is read by rules anyone can follow, and matched with the repository.

Three steps, a module each: what is wanted (`wishes`), where (`scope`), and the graph of tasks for a team that
can do it (`local_plan`, `claude_plan`, made of `plan_parts` and `work_split`).

**Invariant:** a plan never promises what the team cannot do; what it cannot do is said in the plan's summary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from nexus_lsp.core.claude_plan import claude_tasks
from nexus_lsp.core.local_plan import local_tasks
from nexus_lsp.core.plan import Plan, Task
from nexus_lsp.core.plan_parts import ALPHA, ARIA, BETA, Job
from nexus_lsp.core.repo_map import File, own
from nexus_lsp.core.scope import find_scope
from nexus_lsp.core.wishes import Wish, Wishes, read_wishes


def builtin_plan(
    request: str,
    files: Sequence[File],
    *,
    agents: Collection[str],
    team: str,
    focus: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Plan:
    """A plan the team can carry out; ValueError where none of the four known personas is among `agents`.

    Tasks of personas that are not there, and what the user does not want, are left out.
    """
    repo = tuple(sorted(file for file in files if own(file[0])))
    job = Job(request, read_wishes(request, notes), find_scope(request, files, focus), repo)
    tasks, summary = claude_tasks(job) if team == "claude" else local_tasks(job)
    kept = _only(tasks, set(agents) - _unwanted_agents(job.wishes)) or _only(tasks, agents)
    if not kept:
        raise ValueError("none of the personas this work needs is there")
    return Plan(summary, kept)


def _unwanted_agents(wishes: Wishes) -> set[str]:
    roles: dict[Wish, str] = {"test": ALPHA, "validate": BETA, "review": ARIA}
    return {agent for wish, agent in roles.items() if wish in wishes.unwanted}


def _only(tasks: Sequence[Task], agents: Collection[str]) -> tuple[Task, ...]:
    """These agents' tasks; who waited for one that is left out waits for what that one waited for."""
    by_id = {task.id: task for task in tasks}

    def kept(needed: Iterable[str]) -> list[str]:
        found: list[str] = []
        for name in needed:
            found += [name] if by_id[name].agent in agents else kept(by_id[name].depends_on)
        return list(dict.fromkeys(found))

    return tuple(replace(t, depends_on=tuple(kept(t.depends_on))) for t in tasks if t.agent in agents)
