"""Which changes a line of the user's text is from, or waits under: found again by anchors, whatever the user
typed around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from nexus_lsp.core.anchors import place, sure_lines
from nexus_lsp.core.changes import Change
from nexus_lsp.core.hunks import Hunk, Lines, apply
from nexus_lsp.core.proposals import hunk_of
from nexus_lsp.core.text import split_lines


def made_by(line: int, live: Lines, accepted: Sequence[Change], bases: Mapping[str, str]) -> list[str]:
    """Ids of the accepted changes of one file that the line (0-based) is from, the newest last.

    `bases` has the text of every blob that they name; a new file's lines are all its own.
    """
    found: list[str] = []
    for base, group in groupby(_by_base(accepted), key=lambda c: c.base):
        hunks = [(c.id, hunk_of(c)) for c in group]
        try:
            after = apply(split_lines(bases[base or ""]), [h for _, h in hunks])
        except ValueError:
            continue
        sure, grown = sure_lines(after, live), 0
        for change_id, hunk in hunks:
            start = hunk.line + grown
            grown += len(hunk.after) - len(hunk.before)
            if line in sure[start : start + len(hunk.after)]:
                found.append(change_id)
    for change in (c for c in accepted if c.kind in ("create", "rename")):
        if line in _own(change, live):
            found.append(change.id)
    order = [c.id for c in accepted]
    return sorted(found, key=order.index)


def waiting_at(line: int, live: Lines, pending: Sequence[Change], bases: Mapping[str, str]) -> list[str]:
    """Ids of the waiting changes of one file that show on the line: on what they replace, an insertion on the
    line before it."""
    found: list[str] = []
    for base, group in groupby(_by_base(pending), key=lambda c: c.base):
        changes = list(group)
        hunks = [hunk_of(c) for c in changes]
        places = place(hunks, split_lines(bases[base or ""]), live)
        found += [
            c.id
            for c, h, at in zip(changes, hunks, places, strict=True)
            if at is not None and _on(line, h, at)
        ]
    return found


def _by_base(changes: Sequence[Change]) -> list[Change]:
    edits = [c for c in changes if c.kind == "edit" and c.base is not None]
    return sorted(edits, key=lambda c: (c.base or "", c.line, len(c.before)))


def _on(line: int, hunk: Hunk, at: int) -> bool:
    return at <= line < at + len(hunk.before) if hunk.before else line == max(at - 1, 0)


def _own(change: Change, live: Lines) -> set[int]:
    """The lines that a whole file's change brought."""
    new = split_lines(change.after)
    old = sure_lines(split_lines(change.before), new) if change.before else []
    kept = {line for line in old if line is not None}
    sure = sure_lines(new, live)
    return {at for number, at in enumerate(sure) if at is not None and number not in kept}
