"""Changes: what agents propose and the user accepts or rejects, as values with an identity.

A text file's change is one hunk (`edit`); everything else is one operation on a whole file.
Paths are workspace-relative and POSIX; bytes that are not UTF-8 ride along as surrogate escapes
(`os.fsdecode`). A blob is an object id in the quarantine repository.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

ChangeKind = Literal["edit", "create", "delete", "rename", "binary", "mode", "symlink"]
ChangeStatus = Literal["pending", "accepted", "rejected", "outdated"]

SERVER_WRITTEN: frozenset[ChangeKind] = frozenset({"binary", "mode", "symlink"})
"""Kinds that a workspace edit cannot carry: the server writes them itself after an accept."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is decided on.

    Attributes:
        id: unique over all runs of an engine.
        task_ids, agent_ids: who made it; several where a later task built on an earlier one's hunk.
        path: where it ends up.
        why: one sentence for the user: the task's title or what the agent said.
        base: for `edit`: blob of the text that `line` and `before` speak of.
        line: for `edit`: 0-based index of the first replaced line in `base`; an insertion stands before it.
        before, after: for `edit`: the replaced lines and what takes their place, with their line ends;
            `before` is empty for an insertion, `after` for a deletion. For `create` and `rename` of text,
            `after` is the whole new text and `before` the whole old text.
        old_path: where it was, for `rename` and for binary files and links that are renamed.
        before_blob, after_blob: for whole-file kinds: the bytes before and after; None = no file. A `mode`
            change leaves the bytes as they are, whatever they are by now.
        before_mode, after_mode: git modes ("100644", "100755", "120000"); None = no file.
        depends_on: ids of changes that must be accepted with or before this one.
    """

    id: str
    task_ids: tuple[str, ...]
    agent_ids: tuple[str, ...]
    path: str
    kind: ChangeKind
    why: str
    base: str | None = None
    line: int = 0
    before: str = ""
    after: str = ""
    old_path: str | None = None
    before_blob: str | None = None
    after_blob: str | None = None
    before_mode: str | None = None
    after_mode: str | None = None
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What was put into the user's text for an `edit`, where that is not the proposal; fields as there."""

    base: str
    line: int
    before: str
    after: str

    @classmethod
    def by(cls, change: Change) -> Applied:
        """What a change puts in as it is."""
        return cls(change.base or "", change.line, change.before, change.after)

    def of(self, change: Change) -> Change:
        """The change with this as its edit."""
        return replace(change, base=self.base, line=self.line, before=self.before, after=self.after)


Intent = Literal["code", "tests", "docs", "configuration", "format", "rename"]
Risk = Literal[
    "public_api",
    "security",
    "concurrency",
    "tests_weakened",
    "configuration",
    "file_deleted",
    "code",
    "tests",
    "docs",
    "format",
]
RISKS: tuple[Risk, ...] = get_args(Risk)
"""From what should be read first to what can be read last."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a change is about, as rules read it off the texts; never a promise of what it does.

    Attributes:
        adds, removes: names that it defines, or no longer defines, in its file (`login`, `Cart.total`).
        touches: existing definitions that it changes.
        renames: (old, new) where putting one word in another's place is all it does; else empty.
        risk, risk_why: the first rung of `RISKS` that holds for it, and the rule that says so.
    """

    intent: Intent = "code"
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    renames: tuple[str, ...] = ()
    risk: Risk = "code"
    risk_why: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """How a change stands to the others of its run: which of them it needs, and what it is about."""

    change_id: str
    depends_on: tuple[str, ...] = ()
    traits: Traits = Traits()
