"""Proposals: what a landed task changes, as changes for the review.

Three texts of a file play together: `base` (the user's), `ours` (base plus every pending change) and
`merged` (ours plus the task's work). An edit of a text becomes hunks on `base`; everything else becomes one
change of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.composing import Pending, compose, without
from nexus_lsp.core.diff import diff
from nexus_lsp.core.facts import LineReason
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.text import split_lines

MAX_REASONS = 3
REGULAR = ("100644", "100755")
MAX_TEXT = 8 * 2**20
"""Bytes; a larger file is reviewed as a whole."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file in one tree; all None where it does not exist. `text` is None for what is not UTF-8 text."""

    blob: str | None = None
    mode: str | None = None
    text: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the tree has it."""
        return self.mode is not None


@dataclass(frozen=True, slots=True)
class Author:
    """Who made the work that is proposed; `why` counts where no reason names one of a hunk's lines."""

    task_id: str
    agent_id: str
    why: str
    reasons: tuple[LineReason, ...] = ()

    def why_of(self, path: str, hunk: Hunk) -> str:
        """The reasons given for a hunk's own lines, or the task's."""
        lines = {line.rstrip("\r\n") for line in hunk.before}
        found = dict.fromkeys(r.why for r in self.reasons if r.path == path and r.line in lines)
        told = list(found)[:MAX_REASONS]
        more = [f"and {len(found) - MAX_REASONS} more"] if len(found) > MAX_REASONS else []
        return "; ".join([*told, *more]) or self.why


@dataclass(frozen=True, slots=True)
class FileWork:
    """One file that a task changed; `old_path` with `old_base` for a rename."""

    path: str
    base: FileState
    ours: FileState
    merged: FileState
    old_path: str | None = None
    old_base: FileState = FileState()


@dataclass(frozen=True, slots=True)
class Rejected:
    """What the user turned down in this file: hunks in coordinates of its base, those without a sure place in
    it, and whole-file changes."""

    hunks: tuple[Hunk, ...] = ()
    wholes: tuple[Change, ...] = ()
    placeless: tuple[Hunk, ...] = ()

    def holds(self, change: Change) -> bool:
        """Whether a whole-file change would do just what was turned down."""
        return any(_effect(change) == _effect(old) or _same_text(change, old) for old in self.wholes)


def _effect(change: Change) -> tuple[object, ...]:
    bytes_count = change.kind != "mode"
    blob = change.after_blob if bytes_count else None
    return change.path, change.old_path, bytes_count, blob, change.after_mode


def _same_text(change: Change, old: Change) -> bool:
    """Whether both are the same new text under the same name, but for white space."""
    if (change.kind, old.kind, change.path) != ("create", "create", old.path):
        return False
    return bool(old.after.split()) and "".join(change.after.split()) == "".join(old.after.split())


@dataclass(frozen=True, slots=True)
class Proposal:
    """New changes, and the pending ones that they take the place of (None: nothing took their place)."""

    changes: tuple[Change, ...] = ()
    superseded: tuple[tuple[str, str | None], ...] = ()


def text_of(content: bytes) -> str | None:
    """Bytes as text that an editor can hold, or None: not UTF-8, a NUL byte, or too large."""
    if len(content) > MAX_TEXT or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def propose(
    work: FileWork,
    pending: Sequence[Change],
    author: Author,
    new_id: Callable[[], str],
    rejected: Rejected | None = None,
) -> Proposal:
    """The changes for one file. `pending` are the waiting changes of `path` and `old_path`.

    What was `rejected` in this run is not proposed again.
    """
    turned_down = rejected or Rejected()
    if work.old_path is None and _is_text(work.base) and _is_text(work.merged):
        if _is_text(work.ours):
            return _edit(work, pending, author, new_id, turned_down)
        return _edited_anew(work, pending, author, new_id, turned_down)
    return _spared(_whole(work, pending, author, new_id), turned_down)


def _is_text(state: FileState) -> bool:
    return state.mode in REGULAR and state.text is not None


def _edited_anew(
    work: FileWork, pending: Sequence[Change], author: Author, new_id: Callable[[], str], rejected: Rejected
) -> Proposal:
    """The file was to be deleted or replaced as a whole, and is a text again: edits of the user's text."""
    fresh = _edit(replace(work, ours=work.base), (), author, new_id, rejected)
    changes = tuple(
        replace(c, task_ids=_tasks(pending, author), agent_ids=_agents(pending, author))
        for c in fresh.changes
    )
    instead = changes[0].id if changes else None
    return Proposal(changes, tuple((c.id, instead) for c in pending))


def _spared(proposal: Proposal, rejected: Rejected) -> Proposal:
    """Without what was turned down before."""
    gone = {c.id for c in proposal.changes if rejected.holds(c)}
    kept = tuple(c for c in proposal.changes if c.id not in gone)
    return Proposal(kept, tuple((old, None if new in gone else new) for old, new in proposal.superseded))


def _edit(
    work: FileWork, pending: Sequence[Change], author: Author, new_id: Callable[[], str], rejected: Rejected
) -> Proposal:
    base = split_lines(work.base.text or "")
    edits = [c for c in pending if c.kind == "edit"]
    waiting = [Pending(c.id, hunk_of(c)) for c in edits]
    found = compose(
        waiting, base, diff(split_lines(work.ours.text or ""), split_lines(work.merged.text or ""))
    )
    by_id = {c.id: c for c in edits}
    made: list[Change | None] = []
    for new in found.new:
        old = [by_id[i] for i in new.supersedes]
        hunk = without(new.hunk, rejected.hunks, base, rejected.placeless)
        made.append(_hunk_change(work, hunk, old, author, new_id()) if hunk else None)
    ids = [change.id if change else None for change in made]
    superseded = [(i, None if at is None else ids[at]) for i, at in found.superseded]
    mode = Proposal()
    if work.ours.mode != work.merged.mode:
        mode = _spared(_mode(work, pending, author, new_id), rejected)
    changes = [change for change in made if change]
    return Proposal((*changes, *mode.changes), (*superseded, *mode.superseded))


def _hunk_change(work: FileWork, hunk: Hunk, old: Sequence[Change], author: Author, change_id: str) -> Change:
    return Change(
        id=change_id,
        task_ids=_tasks(old, author),
        agent_ids=_agents(old, author),
        path=work.path,
        kind="edit",
        why=author.why_of(work.path, hunk),
        base=work.base.blob,
        line=hunk.line,
        before="".join(hunk.before),
        after="".join(hunk.after),
    )


def _mode(work: FileWork, pending: Sequence[Change], author: Author, new_id: Callable[[], str]) -> Proposal:
    old = [c for c in pending if c.kind == "mode"]
    if work.base.mode == work.merged.mode:
        return Proposal((), tuple((c.id, None) for c in old))
    change = Change(
        id=new_id(),
        task_ids=_tasks(old, author),
        agent_ids=_agents(old, author),
        path=work.path,
        kind="mode",
        why=author.why,
        before_blob=work.base.blob,
        after_blob=work.base.blob,
        before_mode=work.base.mode,
        after_mode=work.merged.mode,
    )
    return Proposal((change,), tuple((c.id, change.id) for c in old))


def _whole(work: FileWork, pending: Sequence[Change], author: Author, new_id: Callable[[], str]) -> Proposal:
    """The file as one change from the user's text to the merged one; it takes in all that waited there."""
    before = work.old_base if work.old_path else work.base
    kind = _kind(work, before)
    if kind is None:
        return Proposal((), tuple((c.id, None) for c in pending))
    change = Change(
        id=new_id(),
        task_ids=_tasks(pending, author),
        agent_ids=_agents(pending, author),
        path=work.path if work.merged.exists else work.old_path or work.path,
        kind=kind,
        why=author.why,
        before=before.text or "",
        after=work.merged.text or "",
        old_path=work.old_path if before.exists and work.merged.exists else None,
        before_blob=before.blob,
        after_blob=work.merged.blob,
        before_mode=before.mode,
        after_mode=work.merged.mode,
    )
    return Proposal((change,), tuple((c.id, change.id) for c in pending))


def _kind(work: FileWork, before: FileState) -> ChangeKind | None:
    """What the user would call it; None where nothing is left of it."""
    after = work.merged
    moved = work.old_path is not None and before.exists and after.exists
    if (before.blob, before.mode) == (after.blob, after.mode) and not moved:
        return None
    if "120000" in (before.mode, after.mode):
        return "symlink"
    if not after.exists:
        return "delete"
    if after.text is None or (before.exists and before.text is None):
        return "binary"
    if work.old_path and before.exists:
        return "rename"
    return "create" if not before.exists else "binary"


def _tasks(old: Iterable[Change], author: Author) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(t for c in old for t in c.task_ids), author.task_id]))


def _agents(old: Iterable[Change], author: Author) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(a for c in old for a in c.agent_ids), author.agent_id]))


def hunk_of(change: Change) -> Hunk:
    """An `edit` change's hunk on its base text."""
    return Hunk(change.line, tuple(split_lines(change.before)), tuple(split_lines(change.after)))
