"""Facts of a run's own life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from nexus_lsp.core.budget import Budgets

Approval = Literal["auto", "ask"]
Priority = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A request was taken on. `deadline` is in Unix seconds; `context` is JSON text or "".

    `max_usd` is the run's money in journals of the first version; `budgets` holds all limits since.
    """

    type: ClassVar[str] = "run_started"
    request: str
    workspace: str
    team: str = "auto"
    team_why: str = ""
    approval: Approval = "auto"
    priority: Priority = "medium"
    deadline: float | None = None
    trusted: bool = False
    focus: tuple[str, ...] = ()
    context: str = ""
    max_usd: float | None = None
    test_command: str | None = None
    budgets: Budgets = field(default_factory=Budgets)


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """The workspace was taken as the editor shows it; `head` is what the user's HEAD named then."""

    type: ClassVar[str] = "snapshot_taken"
    commit: str
    head: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """The user's HEAD names something else (`head`) than the run was told last; nothing lands until the run
    is resumed there, or HEAD is back."""

    type: ClassVar[str] = "head_moved"
    head: str


@dataclass(frozen=True, slots=True)
class HeadTaken:
    """The run's changes belong to `head` from now on: the user wants them there."""

    type: ClassVar[str] = "head_taken"
    head: str


@dataclass(frozen=True, slots=True)
class RunPaused:
    """Nothing new starts until the run is resumed; what is at work goes on to its end."""

    type: ClassVar[str] = "run_paused"
    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run goes on."""

    type: ClassVar[str] = "run_resumed"


@dataclass(frozen=True, slots=True)
class RunRecovered:
    """NEXUS started again, after it had stopped at `stopped_at` (Unix seconds): nobody worked in between."""

    type: ClassVar[str] = "run_recovered"
    stopped_at: float


@dataclass(frozen=True, slots=True)
class RunReady:
    """All work has landed or failed; what was proposed waits for the user."""

    type: ClassVar[str] = "run_ready"
    summary: str


@dataclass(frozen=True, slots=True)
class RunCompleted:
    """Every change is settled."""

    type: ClassVar[str] = "run_completed"
    accepted: int
    rejected: int
    outdated: int


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended without all of its work; what landed can still be reviewed."""

    type: ClassVar[str] = "run_failed"
    reason: str


@dataclass(frozen=True, slots=True)
class RunCancelled:
    """The user stopped the run; what landed can still be reviewed."""

    type: ClassVar[str] = "run_cancelled"
