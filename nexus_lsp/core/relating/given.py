"""What relations are read from: each file without the run's changes and with them, and whose each line is."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change
from nexus_lsp.core.hunks import Hunk, Lines, apply
from nexus_lsp.core.integrity.cases import parse
from nexus_lsp.core.proposals import hunk_of
from nexus_lsp.core.review import inverted
from nexus_lsp.core.text import split_lines


@dataclass(frozen=True, slots=True)
class FileGiven:
    """One file that changes of a run concern.

    Attributes:
        old: its text without any change of the run; None where there is no file, or no text.
        new: its text with all of them, those that wait and those that were accepted.
        removed: for each line of `old`, the id of the change that takes it away, or "".
        added: for each line of `new`, the id of the change that brings it, or "".
        stacked: (id, id of a change whose lines it changes).
    """

    path: str
    old: str | None
    new: str | None
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    stacked: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """All that `relate` looks at.

    Attributes:
        changes: of one run, those that wait and those that were accepted.
        paths: every Python file of the tree that holds them all.
    """

    changes: tuple[Change, ...]
    files: tuple[FileGiven, ...]
    paths: frozenset[str] = frozenset()


def file_given(
    path: str, changes: Sequence[tuple[Change, bool]], bases: Mapping[str, str], user: str | None
) -> FileGiven:
    """A file as the user has it, with what waits put in and what was accepted taken out.

    Args:
        changes: those that concern `path`, each with whether it was accepted.
        bases: the texts that accepted edits were made on, by blob.
        user: the user's text, which holds what was accepted; the edits that wait stand on it.
    """
    wholes = [(c, accepted) for c, accepted in changes if c.kind not in ("edit", "mode")]
    if wholes:
        return _whole(path, *wholes[-1], user)
    lines = split_lines(user or "")
    below = _accepted_in(lines, [c for c, accepted in changes if accepted and c.kind == "edit"], bases)
    waiting = [(c.id, hunk_of(c)) for c, accepted in changes if not accepted and c.kind == "edit"]
    old = apply(lines, [hunk for _, hunk in below])
    under = _layer(old, [""] * len(old), _turned(below))
    over = _layer(lines, list(under.owners), waiting)
    removed = list(under.removed)
    for at, line in enumerate(under.kept):
        if line is not None:
            removed[at] = over.removed[line]
    stacked = {(over.removed[n], o) for n, o in enumerate(under.owners) if o and over.removed[n]}
    return FileGiven(
        path, "".join(old), "".join(over.lines), tuple(removed), tuple(over.owners), tuple(sorted(stacked))
    )


def _whole(path: str, change: Change, accepted: bool, user: str | None) -> FileGiven:
    """A file that a change brings, takes away or replaces as a whole."""
    if change.kind == "rename" and path == change.old_path:
        old = change.before
        return FileGiven(path, old, None, (change.id,) * len(split_lines(old)))
    if change.kind in ("binary", "symlink"):
        return FileGiven(path, None, None)
    if change.kind == "delete":
        return FileGiven(path, change.before, None, (change.id,) * len(split_lines(change.before)))
    new = user if accepted and user is not None else change.after
    return FileGiven(path, None, new, (), (change.id,) * len(split_lines(new)))


def _accepted_in(
    lines: Lines, accepted: Sequence[Change], bases: Mapping[str, str]
) -> list[tuple[str, Hunk]]:
    """The accepted edits the other way round, where they surely stand in the user's text."""
    found: list[tuple[str, Hunk]] = []
    end = 0
    for base in dict.fromkeys(c.base or "" for c in accepted):
        group = sorted((c for c in accepted if (c.base or "") == base), key=lambda c: c.line)
        if base not in bases:
            continue
        try:
            turned = inverted(group, bases[base])
        except ValueError:  # one of them was moved meanwhile: they are of no one base any more
            continue
        after = split_lines(turned[0][2])
        places = place([hunk for _, hunk, _ in turned], after, lines)
        found += [
            (c.id, Hunk(at, h.before, h.after))
            for (c, h, _), at in zip(turned, places, strict=True)
            if at is not None
        ]
    apart: list[tuple[str, Hunk]] = []
    for change_id, hunk in sorted(found, key=lambda item: (item[1].line, len(item[1].before))):
        if hunk.line >= end:
            apart.append((change_id, hunk))
            end = hunk.end
    return apart


def _turned(hunks: Iterable[tuple[str, Hunk]]) -> list[tuple[str, Hunk]]:
    """Disjoint hunks, by line, the other way round: on the text that they lead to."""
    grown = 0
    turned: list[tuple[str, Hunk]] = []
    for change_id, hunk in hunks:
        turned.append((change_id, Hunk(hunk.line + grown, hunk.after, hunk.before)))
        grown += len(hunk.after) - len(hunk.before)
    return turned


@dataclass(frozen=True, slots=True)
class _Layer:
    """Text after hunks; `kept` gives for each line before them its index after them, or None."""

    lines: list[str]
    owners: list[str]
    removed: list[str]
    kept: list[int | None]


def _layer(lines: Lines, owners: list[str], hunks: Sequence[tuple[str, Hunk]]) -> _Layer:
    out = _Layer([], [], [""] * len(lines), [None] * len(lines))
    at = 0
    for change_id, hunk in sorted(hunks, key=lambda item: (item[1].line, len(item[1].before))):
        if hunk.line < at or tuple(lines[hunk.line : hunk.end]) != hunk.before:
            continue  # it stands on another text: nothing is said of it
        _copy(out, lines, owners, at, hunk.line)
        out.lines.extend(hunk.after)
        out.owners.extend([change_id] * len(hunk.after))
        out.removed[hunk.line : hunk.end] = [change_id] * len(hunk.before)
        at = hunk.end
    _copy(out, lines, owners, at, len(lines))
    return out


def _copy(out: _Layer, lines: Lines, owners: list[str], start: int, end: int) -> None:
    first = len(out.lines)
    out.lines.extend(lines[start:end])
    out.owners.extend(owners[start:end])
    out.kept[start:end] = range(first, first + end - start)


def keep(file: FileGiven, wanted: frozenset[str]) -> str:
    """The file's text with these of its changes and no others."""
    old, new = split_lines(file.old or ""), split_lines(file.new or "")
    out: list[str] = []
    i = j = 0
    while i < len(old) or j < len(new):
        owner = file.removed[i] if i < len(old) else ""
        if owner:
            while i < len(old) and file.removed[i] == owner:
                out += [] if owner in wanted else [old[i]]
                i += 1
        else:
            owner = file.added[j] if j < len(new) else ""
        if owner:
            while j < len(new) and file.added[j] == owner:
                out += [new[j]] if owner in wanted else []
                j += 1
        elif i < len(old) and j < len(new):
            out.append(new[j])
            i, j = i + 1, j + 1
        else:  # cannot be where the owners fit the texts
            break
    return "".join(out)


def python_tree(text: str) -> ast.Module | None:
    """The syntax tree; None where it is not Python."""
    return parse(text.removeprefix("\ufeff"))
