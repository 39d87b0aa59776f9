"""Facts of plans: proposed, approved, revised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from nexus_lsp.core.plan import Plan


@dataclass(frozen=True, slots=True)
class PlanProposed:
    """A planner answered; `source` names it, `why` says why this planner was used."""

    type: ClassVar[str] = "plan_proposed"
    plan: Plan
    source: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlanApproved:
    """The plan, as the user left it, is to be carried out."""

    type: ClassVar[str] = "plan_approved"
    plan: Plan
    by: Literal["auto", "user"]


@dataclass(frozen=True, slots=True)
class PlanRejected:
    """The user does not want this plan."""

    type: ClassVar[str] = "plan_rejected"
    reason: str = ""


# --- while the run is at work ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplanRequested:
    """The plan does not lead on: NEXUS Prime is asked for another way, for the `round`th time in this run.

    `task_id` is the task that failed, `message_id` the alert of an agent, whichever led to it; `reason` says
    what happened.
    """

    type: ClassVar[str] = "replan_requested"
    task_id: str
    reason: str
    round: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class RevisionProposed:
    """Another way was found and waits for the user's approval; fields as of `PlanRevised`."""

    type: ClassVar[str] = "revision_proposed"
    plan: Plan
    replaced: tuple[str, ...]
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class PlanRevised:
    """From now on this is the plan.

    Attributes:
        plan: every task but those that were replaced; what has landed or is at work stays as it is.
        replaced: ids of tasks that new ones stand in for.
        source: who found it; `why`: in that one's words.
    """

    type: ClassVar[str] = "plan_revised"
    plan: Plan
    replaced: tuple[str, ...]
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class PlanKept:
    """No other way was found, or wanted: the plan stays, and the run ends as it does."""

    type: ClassVar[str] = "plan_kept"
    why: str
