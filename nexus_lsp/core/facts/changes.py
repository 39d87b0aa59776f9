"""Facts of changes: proposed, decided, moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nexus_lsp.core.changes import Applied, Change, Relation


@dataclass(frozen=True, slots=True)
class ChangeProposed:
    """A change waits for the user."""

    type: ClassVar[str] = "change_proposed"
    change: Change


@dataclass(frozen=True, slots=True)
class ChangeAccepted:
    """A change reached the user's buffer or file.

    `applied` is what was put there, where a conflict was settled and that is not what was proposed; an undo
    takes just that out again. `by` is "typed" where the user wrote the same by themselves.
    """

    type: ClassVar[str] = "change_accepted"
    change_id: str
    by: str = "user"
    applied: Applied | None = None


@dataclass(frozen=True, slots=True)
class ChangeRejected:
    """The user does not want a change; it cannot come back by itself."""

    type: ClassVar[str] = "change_rejected"
    change_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeOutdated:
    """A change can no longer be applied, or a later task's change took its place."""

    type: ClassVar[str] = "change_outdated"
    change_id: str
    why: str
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeReopened:
    """A decision was taken back; the change waits again."""

    type: ClassVar[str] = "change_reopened"
    change_id: str


@dataclass(frozen=True, slots=True)
class RevisionAsked:
    """The user wants these changes done in another way: a task of their own is about to answer that.

    Attributes:
        task_id: the task; `plan_revised` follows and has it.
        change_ids: what it is about; those in conflict are over once it has landed.
        feedback: in the user's words.
    """

    type: ClassVar[str] = "revision_asked"
    task_id: str
    change_ids: tuple[str, ...]
    feedback: str


@dataclass(frozen=True, slots=True)
class ChangesCommitted:
    """The user had these changes committed: on the current branch, where the accepted ones are settled by it,
    or as a new branch, where those that wait go on waiting. `commit` is in the user's repository."""

    type: ClassVar[str] = "changes_committed"
    commit: str
    branch: str
    change_ids: tuple[str, ...]
    noted: bool = False


@dataclass(frozen=True, slots=True)
class FileMoved:
    """The user gave a file, or a folder, another name; the changes of it go with it."""

    type: ClassVar[str] = "file_moved"
    old_path: str
    path: str


@dataclass(frozen=True, slots=True)
class Move:
    """Where a pending change stands in a newer base."""

    change_id: str
    base: str
    line: int


@dataclass(frozen=True, slots=True)
class BaseMoved:
    """The user's current text was taken into the integration tree: a new snapshot under the same work."""

    type: ClassVar[str] = "base_moved"
    snapshot: str
    integration: str
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangesRelated:
    """How changes stand to the others of the run, after something landed; those not named stand as before."""

    type: ClassVar[str] = "changes_related"
    relations: tuple[Relation, ...]
