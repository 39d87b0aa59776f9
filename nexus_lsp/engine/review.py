"""Decisions on changes: who carries them out, and what is journalled of it.

**Invariant:** a change counts as accepted only after a face answered that the user's text holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import SERVER_WRITTEN, Change
from nexus_lsp.core.problems import Refused, Unknown
from nexus_lsp.core.review import acceptable, undoable
from nexus_lsp.core.run import Run
from nexus_lsp.ports import CarriedOut, Face

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

Opened = Sequence[tuple[Face, Mapping[str, str]]]
"""What each face has open, by path."""


@dataclass(slots=True)
class Decided:
    """The answer to a decision: what was done, what was not and why, and what is not saved yet.

    `needs`: by id of a refused one, what would have to be decided with it.
    """

    done: list[str] = field(default_factory=list[str])
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unsaved: list[str] = field(default_factory=list[str])
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


class Review:
    """Accept, reject, undo.

    What touches the text goes one at a time (`Engine.deciding`), so that no two edits are computed from the
    same text, and no landing from a text that is just being edited.
    """

    def __init__(self, engine: Engine, disk: Face) -> None:
        self._engine = engine
        self._disk = disk

    def run_of(self, change_id: str) -> Run:
        """The run a change belongs to; Unknown where there is none."""
        for run in self._engine.runs.values():
            if change_id in run.changes:
                return run
        raise Unknown(f"There is no change {change_id!r}. `nexus.review.list` lists them.")

    async def accept(self, ids: Sequence[str], face: Face | None, anyway: bool = False) -> Decided:
        """Put these changes into the user's text, as one edit; those that need others only with them.

        `anyway`: the user insists, whatever they need.
        """
        async with self._engine.deciding:
            for change_id in ids:
                self.run_of(change_id)
            parked = await self._parked(ids)
            here = [i for i in ids if i not in parked]
            choice = acceptable(self._engine.runs.values(), here, anyway)
            decided = await self._carry_out(choice.changes, face, undo=False)
            decided.refused += (*choice.refused, *parked.items())
            decided.needs.update(choice.needs)
            for run_id, mine in self._by_run(decided.done).items():
                await self._engine.submit(run_id, h.Accepted(tuple(mine)))
            return decided

    async def reject(self, ids: Sequence[str], reason: str) -> Decided:
        """Turn these changes down; the user's text is not touched."""
        decided = Decided()
        for change_id in ids:
            status = self.run_of(change_id).changes[change_id].status
            if status == "accepted":
                decided.refused.append((change_id, "it is accepted already; undo it first"))
            elif status == "rejected":
                decided.refused.append((change_id, "it is rejected already"))
            else:
                decided.done.append(change_id)
        for run_id, mine in self._by_run(decided.done).items():
            await self._engine.submit(run_id, h.Reject(tuple(mine), reason))
        return decided

    async def undo(self, ids: Sequence[str], face: Face | None, anyway: bool = False) -> Decided:
        """Take decisions back: accepted text is taken out again, the changes wait again.

        What other accepted changes need is taken out only with them, or `anyway`.
        """
        async with self._engine.deciding:
            parked = await self._parked(ids)
            states = {i: self.run_of(i).changes[i] for i in ids if i not in parked}
            choice = undoable(self._engine.runs.values(), tuple(states), anyway)
            decided = await self._carry_out(choice.changes, face, undo=True)
            decided.refused += choice.refused
            decided.needs.update(choice.needs)
            decided.done += [i for i, s in states.items() if s.status == "rejected"]
            decided.refused += parked.items()
            undecided = [i for i, s in states.items() if s.status in ("pending", "outdated")]
            decided.refused += [(i, f"it is {states[i].status}: there is nothing to undo") for i in undecided]
            for run_id, mine in self._by_run(decided.done).items():
                await self._engine.submit(run_id, h.Reopen(tuple(mine)))
            return decided

    async def _parked(self, ids: Sequence[str]) -> dict[str, str]:
        """Those that belong to another branch than the one checked out, and why that forbids it."""
        await self._engine.heads.look()
        return dict(self._engine.heads.parked(self._engine.runs.values(), ids))

    def _by_run(self, ids: Sequence[str]) -> dict[str, list[str]]:
        grouped: dict[str, list[str]] = {}
        for change_id in ids:
            grouped.setdefault(self.run_of(change_id).id, []).append(change_id)
        return grouped

    async def _carry_out(self, changes: Sequence[Change], face: Face | None, undo: bool) -> Decided:
        decided = Decided()
        opened = [(each, await each.open_texts()) for each in self._engine.faces]
        shares: dict[int, tuple[Face, list[Change]]] = {}
        for change in changes:
            try:
                chosen = self._face_for(change, face, opened)
            except Refused as error:
                decided.refused.append((change.id, str(error)))
            else:
                shares.setdefault(id(chosen), (chosen, []))[1].append(change)
        # the disk last: it writes the modes of files whose text an editor has just changed
        for chosen, share in sorted(shares.values(), key=lambda item: item[0] is self._disk):
            _add(decided, await chosen.carry_out(share, undo))
        return decided

    def _face_for(self, change: Change, asking: Face | None, opened: Opened) -> Face:
        """The face that has the file open; else the one that asks; else the disk."""
        paths = {p for p in (change.path, change.old_path) if p}
        for path in paths:
            if len({texts[path] for _, texts in opened if path in texts}) > 1:
                raise Refused(f"{path} is open in two editors with different text: save it in both first")
        holders = [face for face, texts in opened if paths & texts.keys()]
        if asking is not None and (asking in holders or not holders):
            holders = [asking]
        if change.kind in SERVER_WRITTEN or not holders or not holders[0].can_carry(change.kind):
            return self._disk
        return holders[0]


def _add(decided: Decided, out: CarriedOut) -> None:
    decided.done += out.applied
    decided.refused += out.refused
    decided.unsaved += out.unsaved
