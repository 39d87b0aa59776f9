"""What a later task does to hunks that still wait: kept, superseded, or brought back against a rejection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nexus_lsp.core.copies import again, without_copy
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, Lines, apply, common_ends


@dataclass(frozen=True, slots=True)
class Pending:
    """A hunk that waits for the user, under the id of its change."""

    id: str
    hunk: Hunk


@dataclass(frozen=True, slots=True)
class NewHunk:
    """A hunk on the base that a later task made.

    Attributes:
        edits: indexes of the edits in it.
        supersedes: ids of the pending hunks whose place it takes.
    """

    hunk: Hunk
    edits: tuple[int, ...]
    supersedes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Composed:
    """Pending hunks and a later task's edits as hunks on one base.

    Attributes:
        kept: ids of pending hunks that no edit touches.
        superseded: id, index into `new` of what took its place; None where the edits just took it back.
        new: further hunks, by line; with the kept ones they turn the base into what the task left behind.
    """

    kept: tuple[str, ...]
    superseded: tuple[tuple[str, int | None], ...]
    new: tuple[NewHunk, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Pending hunks and edits that touch, as a stretch of the intermediate text."""

    start: int
    end: int
    pending: tuple[int, ...] = ()
    edits: tuple[int, ...] = ()


def compose(pending: Sequence[Pending], base: Lines, edits: Sequence[Hunk]) -> Composed:
    """Folds `edits`, made on the base with all pending hunks applied, into hunks on the base.

    An edit that overlaps or adjoins a pending hunk (or another edit) goes together with it, transitively:
    side by side they could not be decided one by one.

    Args:
        pending: disjoint hunks on `base`.
        edits: disjoint hunks on `apply(base, pending)`.

    Raises:
        ValueError: a hunk does not stand where it says, or two overlap.
    """
    ordered = sorted(pending, key=lambda item: (item.hunk.line, len(item.hunk.before)))
    middle = apply(base, [item.hunk for item in ordered])
    shifts = _shifts(ordered)
    kept: list[str] = []
    superseded: list[tuple[str, int | None]] = []
    new: list[NewHunk] = []
    seen = 0
    for group in _groups(ordered, shifts, edits):
        ids = tuple(ordered[at].id for at in group.pending)
        start, seen = group.start - shifts[seen], seen + len(ids)
        end = group.end - shifts[seen]
        if not group.edits:
            kept += ids
            continue
        moved = [replace(edits[at], line=edits[at].line - group.start) for at in group.edits]
        hunk = _folded(start, base[start:end], middle[group.start : group.end], moved)
        superseded += [(id, len(new) if hunk else None) for id in ids]
        if hunk:
            new.append(NewHunk(hunk, group.edits, ids))
    return Composed(tuple(kept), tuple(superseded), tuple(new))


def _shifts(ordered: Sequence[Pending]) -> list[int]:
    """How far the text is moved above each pending hunk and, last, below all of them."""
    shifts = [0]
    for item in ordered:
        shifts.append(shifts[-1] + len(item.hunk.after) - len(item.hunk.before))
    return shifts


def _groups(ordered: Sequence[Pending], shifts: Sequence[int], edits: Sequence[Hunk]) -> list[_Group]:
    parts = [
        _Group(item.hunk.line + by, item.hunk.line + by + len(item.hunk.after), pending=(at,))
        for at, (item, by) in enumerate(zip(ordered, shifts, strict=False))
    ]
    parts += [_Group(edit.line, edit.end, edits=(at,)) for at, edit in enumerate(edits)]
    groups: list[_Group] = []
    for part in sorted(parts, key=lambda part: (part.start, part.end)):
        last = groups[-1] if groups else None
        if last and part.start <= last.end:
            joined = (last.pending + part.pending, last.edits + part.edits)
            groups[-1] = _Group(last.start, max(last.end, part.end), *joined)
        else:
            groups.append(part)
    return groups


def _folded(start: int, before: Lines, middle: Lines, edits: Sequence[Hunk]) -> Hunk | None:
    """One hunk that turns `before` (at `start` of the base) into `middle` with `edits` (relative to it)."""
    return trimmed(Hunk(start, tuple(before), tuple(apply(middle, edits))))


def trimmed(hunk: Hunk) -> Hunk | None:
    """The hunk without lines that it leaves as they are at its ends; None where nothing remains."""
    before, after = hunk.before, hunk.after
    top, low = common_ends(before, after)
    if top + low == len(before) == len(after):
        return None
    return Hunk(hunk.line + top, before[top : len(before) - low], after[top : len(after) - low])


def without(
    new_hunk: Hunk, rejected: Sequence[Hunk], base: Lines, placeless: Sequence[Hunk] = ()
) -> Hunk | None:
    """The hunk without those parts that would bring a rejected hunk back; None where nothing remains.

    A part is a hunk of the diff between `before` and `after`, or, where a rejected replacement or a
    rejected insertion of some text lies at the start or end of such a part, that. What is the same but for
    white space, or the same insertion elsewhere, is told by `copies`.

    Args:
        new_hunk: on `base`.
        rejected: on `base` too; carry older ones over with `place` or `shift` first.
        placeless: those that have no sure place in it any more; each place may be theirs.
    """
    parts = [replace(part, line=part.line + new_hunk.line) for part in diff(new_hunk.before, new_hunk.after)]
    left = [rest for part in parts if (rest := _spared(part, rejected, placeless, base))]
    if left == parts:
        return new_hunk
    relative = [replace(part, line=part.line - new_hunk.line) for part in left]
    return trimmed(replace(new_hunk, after=tuple(apply(new_hunk.before, relative))))


def _spared(part: Hunk, rejected: Sequence[Hunk], placeless: Sequence[Hunk], base: Lines) -> Hunk | None:
    for old in placeless:
        if again(part, old, anywhere=True) or (part.before, part.after) == (old.before, old.after):
            return None
    for old in rejected:
        if _lowest(part, base) == _lowest(old, base) or again(part, old):
            return None
        rest = _cut_off(part, old) if any(line.strip() for line in old.after) else part
        if rest != part:
            return _spared(rest, rejected, placeless, base)
    for old in (*rejected, *placeless):
        if (rest := without_copy(part, old)) != part:
            return _spared(rest, rejected, placeless, base)
    return part


def _cut_off(part: Hunk, old: Hunk) -> Hunk:
    """`part` without `old` at its start or end, if it is there."""
    n, m = len(old.before), len(old.after)
    if part.line == old.line and part.before[:n] == old.before and part.after[:m] == old.after:
        return Hunk(part.line + n, part.before[n:], part.after[m:])
    fits_before = part.end == old.end and part.before[len(part.before) - n :] == old.before
    if fits_before and len(part.before) >= n and part.after[-m:] == old.after:
        return Hunk(part.line, part.before[: len(part.before) - n], part.after[:-m])
    return part


def _lowest(hunk: Hunk, base: Lines) -> Hunk:
    """An insertion or deletion moved as far down as it can go with the same effect."""
    while not (hunk.before and hunk.after) and hunk.end < len(base):
        block = hunk.before or hunk.after
        if base[hunk.end] != block[0]:
            break
        turned = block[1:] + block[:1]
        hunk = Hunk(hunk.line + 1, turned if hunk.before else (), turned if hunk.after else ())
    return hunk
