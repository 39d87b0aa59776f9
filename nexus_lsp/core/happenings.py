"""What can happen to a run: the user's operations and the adapters' reports, as a closed union.

Ids and times arrive with them; `core.decide.decide` turns each into facts, or refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Applied, Change, Relation
from nexus_lsp.core.conflicts import Conflict
from nexus_lsp.core.memory import MemoryItem
from nexus_lsp.core.plan import Plan
from nexus_lsp.core.replanning import Revision

# --- operations --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApprovePlan:
    """Carry the plan out, as it is or as the user changed it."""

    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RejectPlan:
    """Do not carry it out."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the run and every agent at work in it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Start nothing new."""

    reason: str = "paused by the user"


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the failed and cancelled tasks again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The editor (or the disk) holds these changes now; `applied` says what it holds of those that were in
    conflict. `by` "typed": the user wrote the same."""

    change_ids: tuple[str, ...]
    by: str = "user"
    applied: Mapping[str, Applied] = field(default_factory=dict[str, Applied])


@dataclass(frozen=True, slots=True)
class Reject:
    """The user does not want these changes."""

    change_ids: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Decisions on these changes were taken back, or, `placed`, their ground is as it was."""

    change_ids: tuple[str, ...]
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit in the user's repository holds these changes."""

    fact: f.ChangesCommitted


@dataclass(frozen=True, slots=True)
class Moved:
    """The user gave a file, or a folder, another name."""

    fact: f.FileMoved


@dataclass(frozen=True, slots=True)
class Outdate:
    """These changes can no longer be applied to what the user has."""

    change_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Revise:
    """These changes are to be done in another way; `sides` are those of conflicts in the user's text now."""

    change_ids: tuple[str, ...]
    feedback: str
    sides: Mapping[str, Conflict] = field(default_factory=dict[str, Conflict])


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """Something has to be asked; the run waits for it where it must."""

    ask: f.AskOpened
    pause: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The user, or the time limit, answered an ask."""

    ask_id: str
    answer: str
    by: Literal["user", "timeout", "engine"] = "user"


# --- reports -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SnapshotDone:
    """The workspace is in the quarantine."""

    commit: str
    head: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadSeen:
    """What the user's HEAD names now.

    `ask_id` names the ask about a switch (see `AskOpened`), which is put once for all runs of a workspace:
    the others have "". `others` counts them.
    """

    head: str
    ask_id: str = ""
    expires: float | None = None
    others: int = 0


@dataclass(frozen=True, slots=True)
class PlanReady:
    """A planner answered with a valid plan. `ask_id` names the ask, where the user is to approve it."""

    plan: Plan
    source: str
    why: str
    ask_id: str


@dataclass(frozen=True, slots=True)
class StepFailed:
    """Something that the whole run needs did not work: snapshot, planner, disk."""

    reason: str


@dataclass(frozen=True, slots=True)
class BaselineDone:
    """The snapshot was gated."""

    results: tuple[f.BaselineMeasured, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """The scheduler gives a task a place, on this integration head."""

    task_id: str
    instance_id: str
    base: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """An agent says what it is doing."""

    task_id: str
    attempt: int
    message: str
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class SessionKnown:
    """The backend's session for an attempt."""

    task_id: str
    attempt: int
    session_id: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """An agent stopped and its checkout was harvested."""

    fact: f.TaskSubmitted


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt came to nothing: the work failed, the backend is unable, or it broke.

    `resume_from` is what a broken attempt left, as a commit; `usd` and `tokens` are what the attempt cost.
    `fresh`: its conversation hung and is not to be gone on with. `stopped`: it was told to stop. `at` is in
    Unix seconds; 0 has the next attempt follow at once.
    """

    task_id: str
    attempt: int
    status: Literal["failed", "unable", "broken"]
    reason: str
    retryable: bool = False
    resume_from: str | None = None
    usd: float = 0.0
    tokens: int = 0
    at: float = 0.0
    fresh: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A submitted commit does not merge; `marked` is the merge with conflict markers.

    `places`: where they stand in it, in words: `a.py, line 12`.
    """

    task_id: str
    marked: str
    paths: tuple[str, ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gated:
    """A candidate was measured. Any `GateFailed` among the facts is a red gate; `evidence` explains it."""

    task_id: str
    candidate: str
    facts: tuple[f.GatePassed | f.GateFailed | f.GateNotMeasured, ...]
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class TreeGated:
    """The user's own tree, with what was accepted, was measured."""

    facts: tuple[f.GatePassed | f.GateFailed | f.GateNotMeasured, ...]


@dataclass(frozen=True, slots=True)
class LandingTimes:
    """Seconds of a landing; see `facts.TaskCompleted`."""

    refresh: float = 0.0
    merge: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Landed:
    """A candidate is the new integration head; `superseded` pairs old change ids with new ones.

    `onto` and `decisions` say what it was computed from: another state by now makes it void. `by_structure`:
    paths that lines alone would have left in conflict. `relations` are those of the run's changes, the
    proposed ones among them.
    """

    task_id: str
    onto: str
    integration: str
    paths: tuple[str, ...]
    proposed: tuple[Change, ...]
    superseded: tuple[tuple[str, str | None], ...]
    decisions: int
    took: LandingTimes = LandingTimes()
    by_structure: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class BaseTaken:
    """The user's current text is under the work; `lost` pairs changes without a place with reasons, `typed`
    are those that the user wrote by themselves."""

    snapshot: str
    integration: str
    moves: tuple[f.Move, ...]
    lost: tuple[tuple[str, str], ...]
    decisions: int
    typed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovered:
    """The engine starts again after it died. `cut_off` pairs tasks that were at work with what their
    checkout held (a commit to go on from, or None). `ask_id`: paid work waits for this ask. `stopped_at`:
    Unix seconds at which the run was last heard of."""

    cut_off: tuple[tuple[str, str | None], ...]
    ask_id: str | None
    stopped_at: float | None = None


# --- teamwork ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    """Somebody says something; `message` is an envelope, `recipients` are addresses (`core.team`)."""

    message: Mapping[str, Any]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A recipient has these messages (id, attempt)."""

    recipient: str
    messages: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Died:
    """These messages will not reach a recipient."""

    recipient: str
    message_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class BusSeen:
    """The message bus is down, or works again."""

    why: str


@dataclass(frozen=True, slots=True)
class Noted:
    """An agent writes on the scratchpad."""

    task_id: str
    attempt: int
    text: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """Memory holds these items."""

    items: tuple[MemoryItem, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Memory holds these items no longer."""

    item_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Reminded:
    """An agent, or the planner, was shown something from memory."""

    fact: f.MemoryRecalled


@dataclass(frozen=True, slots=True)
class MemoryLost:
    """The run goes on without memory, or with a new one."""

    why: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What agents at work have used by now: (task id, attempt, tokens). `keep`: it is time to journal it."""

    at: float
    live: tuple[tuple[str, int, int], ...]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Replanned:
    """NEXUS Prime had its say; without a `revision`, `why` tells why there is no other way."""

    revision: Revision | None
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Scrutinised:
    """All that landed was measured against the user's text."""

    facts: tuple[f.QualityMeasured | f.GateWarned, ...]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is foreseen now, over all."""

    clashes: tuple[f.Clash, ...]


@dataclass(frozen=True, slots=True)
class BackendSeen:
    """A backend is given a rest, or works again."""

    fact: f.AgentUnavailable | f.AgentAvailable


Happening = (
    ApprovePlan
    | RejectPlan
    | Cancel
    | Pause
    | Resume
    | Retry
    | Accepted
    | Reject
    | Reopen
    | Committed
    | Moved
    | Outdate
    | Revise
    | OpenAsk
    | Answer
    | SnapshotDone
    | HeadSeen
    | PlanReady
    | StepFailed
    | BaselineDone
    | Start
    | Progressed
    | SessionKnown
    | Submitted
    | Ended
    | Conflicted
    | Gated
    | TreeGated
    | Landed
    | BaseTaken
    | Recovered
    | Posted
    | Delivered
    | Died
    | BusSeen
    | Noted
    | Remembered
    | Forgotten
    | Reminded
    | MemoryLost
    | Measured
    | Replanned
    | Scrutinised
    | Foreseen
    | BackendSeen
)
