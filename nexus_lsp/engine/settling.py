"""Conflicts of changes with what the user typed: looked at in the user's text as it is now, and settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_lsp.core.anchors import already_there, place, sure_lines
from nexus_lsp.core.changes import Applied, Change
from nexus_lsp.core.conflicts import Conflict, How, in_conflict, settled, sides_of
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.proposals import hunk_of, text_of
from nexus_lsp.core.review import over_accepted
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.core.text import split_lines
from nexus_lsp.ports import Repository

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

GONE = "the lines around it are gone too: change it by hand, reject it, or ask its agent"
SEAM = "it would run into the line beside it: change it by hand"
MEETS = "it meets another one of these conflicts: settle them one after the other"


@dataclass(frozen=True, slots=True)
class Look:
    """A conflict in the user's text: `live` is that text, `blob` its name in the quarantine."""

    conflict: Conflict
    live: tuple[str, ...]
    blob: str


def conflicting(state: ChangeState) -> bool:
    """Whether a change is in conflict with what the user typed."""
    return in_conflict(state.change, state.status, state.note, state.superseded_by)


async def look(engine: Engine, run: Run, ids: Iterable[str]) -> dict[str, Look]:
    """The three sides of each of these changes that is in conflict, also where nobody noticed it yet; those
    without surroundings are left out.

    The user's text is snapshotted for it, so that what is settled has a base to be taken back to.
    """
    mine = [run.changes[i] for i in ids]
    states = [s for s in mine if conflicting(s) or (s.status == "pending" and s.change.kind == "edit")]
    if not states or run.snapshot is None:
        return {}
    repository = engine.adapters.repository
    taken = await repository.snapshot(await engine.open_texts(), (run.snapshot,))
    found: dict[str, Look] = {}
    for path in dict.fromkeys(s.change.path for s in states):
        file = await repository.find(taken.commit, path)
        text = text_of(await repository.read(file[0])) if file and file[1] != "120000" else None
        if file is None or text is None:
            continue
        live = tuple(split_lines(text))
        mine = [s for s in states if s.change.path == path]
        for base in dict.fromkeys(s.change.base for s in mine):
            group = [s for s in mine if s.change.base == base]
            lines = split_lines((await repository.read(base or "")).decode("utf-8"))
            accepted = _accepted(run, group[0].change)
            group = [s for s in group if s.status != "pending"] + _placeless(group, lines, accepted, live)
            sides = sides_of([hunk_of(s.change) for s in group], lines, accepted, live)
            found |= {
                s.change.id: Look(one, live, file[0]) for s, one in zip(group, sides, strict=True) if one
            }
    if found:
        await repository.keep(f"{run.id}/settled/{taken.commit[:16]}", taken.commit)
    return found


async def stands_already(repository: Repository, change: Change, live: Sequence[str]) -> bool:
    """Whether the user's text has what was proposed in its place: they wrote it by themselves."""
    base = split_lines((await repository.read(change.base or "")).decode("utf-8"))
    return already_there(hunk_of(change), sure_lines(base, live), live) is not None


def _placeless(
    states: Sequence[ChangeState], base: Sequence[str], accepted: Sequence[Hunk], live: Sequence[str]
) -> list[ChangeState]:
    """Those that wait, have no place in the text and do not stand there already."""
    waiting = [s for s in states if s.status == "pending"]
    over, moved = over_accepted(base, [hunk_of(s.change) for s in waiting], accepted)
    lost = [s for s, line in zip(waiting, place(moved, over, live), strict=True) if line is None]
    sure = sure_lines(base, live) if lost else []
    return [s for s in lost if already_there(hunk_of(s.change), sure, live) is None]


def _accepted(run: Run, change: Change) -> list[Hunk]:
    where = ("edit", change.path, change.base)
    of_run = (s.change for s in run.changes.values() if s.status == "accepted")
    return [hunk_of(c) for c in of_run if (c.kind, c.path, c.base) == where]


def carried(
    changes: Sequence[Change], looks: dict[str, Look], how: How
) -> tuple[list[Change], list[tuple[str, str]]]:
    """The changes as what is to be put into the user's text, and (id, why) of those that cannot be."""
    made: list[Change] = []
    refused: list[tuple[str, str]] = []
    taken: dict[str, list[range]] = {}
    for change in changes:
        seen = looks.get(change.id)
        hunk = settled(seen.conflict, how, seen.live) if seen else None
        if seen is None or hunk is None:
            refused.append((change.id, GONE if seen is None else SEAM))
            continue
        lines = range(seen.conflict.line - 1, seen.conflict.end + 1)
        mine = taken.setdefault(change.path, [])
        if any(lines.start < other.stop and other.start < lines.stop for other in mine):
            refused.append((change.id, MEETS))
            continue
        mine.append(lines)
        made.append(Applied(seen.blob, hunk.line, "".join(hunk.before), "".join(hunk.after)).of(change))
    return made, refused
