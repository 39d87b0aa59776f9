"""Another way without a model: a failed task is looked into by the validator, then tried once more.

Two heads before a second try: the validator finds the cause with the evidence before it, and the agent that
failed starts afresh from that, in a conversation of its own. Where that was done already, or nothing failed,
rules know no other way, and say so.
"""

from __future__ import annotations

from collections.abc import Collection

from nexus_lsp.core.plan import Task
from nexus_lsp.core.plan_parts import BETA, NEEDS_CLAUDE
from nexus_lsp.core.prompts import quoted
from nexus_lsp.core.replanning import Revision, Standing, Trouble

_EVIDENCE = 4_000
_AGAIN = "again-"


def builtin_revision(trouble: Trouble, *, agents: Collection[str], team: str) -> Revision | str:
    """Another way by rule, or why there is none."""
    if team == "local":
        return f"the local tools would do the same again: another way needs Claude Code {NEEDS_CLAUDE}"
    failed = next((s for s in trouble.standing if s.task.id == trouble.task_id), None)
    if failed is None:
        return "rules cannot judge what agents write; set OPENAI_API_KEY to have a model plan"
    if failed.task.id.startswith(_AGAIN) or BETA not in agents:
        return f"“{failed.task.title}” was looked into and tried in another way already"
    return _looked_into(failed, trouble)


def _looked_into(failed: Standing, trouble: Trouble) -> Revision:
    task = failed.task
    look = Task(
        id=f"why-{task.id}",
        title=f"Find out why “{task.title}” failed",
        agent=BETA,
        type="validation",
        description=(
            f"“{task.title}” failed. Find the cause: reproduce it, name the lines, say what has to be "
            "different. Change no file. What was seen and measured:\n\n"
            + quoted(f"{trouble.reason}\n{trouble.evidence.strip()[-_EVIDENCE:]}", "evidence")
        ),
        depends_on=task.depends_on,
    )
    again = Task(
        id=f"{_AGAIN}{task.id}",
        title=task.title,
        agent=task.agent,
        type=task.type,
        description=(
            f"{task.description}\n\nThis was tried before and failed. Beta has looked into it: go by what it "
            "found, and choose another way than the one that failed."
        ),
        depends_on=(*task.depends_on, look.id),
        writes=task.writes,
        acceptance=task.acceptance,
    )
    why = f"Beta looks into why “{task.title}” failed, then it is tried in another way"
    return Revision((look, again), (task.id,), why)
