"""The planner that needs no model: `core.builtin_planner` behind the `Planner` port."""

from __future__ import annotations

from nexus_lsp.core.builtin_planner import builtin_plan
from nexus_lsp.core.builtin_replan import builtin_revision
from nexus_lsp.core.plan import Plan, plan_problems
from nexus_lsp.core.replanning import Revision, Trouble
from nexus_lsp.ports import Brief, PlanFailed


class BuiltinPlanner:
    """Plans by rules, at once and without a network."""

    source = "built-in"

    async def plan(self, brief: Brief) -> Plan:
        """A plan for what the brief's team can do; PlanFailed where no known persona is there."""
        agents = {persona.agent_id for persona in brief.personas}
        try:
            plan = builtin_plan(
                brief.request,
                brief.files,
                agents=agents,
                team=brief.team,
                focus=brief.focus,
                notes=brief.notes,
            )
        except ValueError as error:
            raise PlanFailed(
                f"The built-in planner has no plan: {error}. Restore one of the four personas, or set "
                "OPENAI_API_KEY so that a model plans for the personas you have."
            ) from error
        if problems := plan_problems(plan, agents):
            raise PlanFailed(f"The built-in planner made a faulty plan ({problems[0]}); please report this.")
        return plan

    async def replan(self, brief: Brief, trouble: Trouble) -> Revision:
        """Another way by rule; PlanFailed, with the reason, where rules know none."""
        agents = {persona.agent_id for persona in brief.personas}
        found = builtin_revision(trouble, agents=agents, team=brief.team)
        if isinstance(found, str):
            raise PlanFailed(found)
        return found

    async def close(self) -> None:
        """Nothing is held."""
