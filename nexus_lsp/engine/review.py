"""Decisions on changes: who carries them out, and what is journalled of it.

**Invariant:** a change counts as accepted only after a face answered that the user's text holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import SERVER_WRITTEN, Applied, Change
from nexus_lsp.core.conflicts import KEPT_MINE, How
from nexus_lsp.core.problems import Refused, Unknown
from nexus_lsp.core.review import acceptable, undoable
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.engine import sparse
from nexus_lsp.engine.settling import carried, conflicting, look
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
        ids = list(dict.fromkeys(ids))
        async with self._engine.deciding:
            for change_id in ids:
                self.run_of(change_id)
            barred = await self.parked(ids)
            barred |= await self._unseen([i for i in ids if i not in barred])
            here = [i for i in ids if i not in barred]
            choice = acceptable(self._engine.runs.values(), here, anyway)
            decided = await self._carry_out(choice.changes, face, undo=False)
            decided.refused += (*choice.refused, *barred.items())
            decided.needs.update(choice.needs)
            for run_id, mine in self.by_run(decided.done).items():
                await self._engine.submit(run_id, h.Accepted(tuple(mine)))
            return decided

    async def reject(self, ids: Sequence[str], reason: str) -> Decided:
        """Turn these changes down; the user's text is not touched."""
        decided = Decided()
        ids = list(dict.fromkeys(ids))
        for change_id in ids:
            self.run_of(change_id)
        parked = await self.parked(ids)
        decided.refused += parked.items()
        for change_id in (i for i in ids if i not in parked):
            status = self.run_of(change_id).changes[change_id].status
            if status == "accepted":
                decided.refused.append((change_id, "it is accepted already; undo it first"))
            elif status == "rejected":
                decided.refused.append((change_id, "it is rejected already"))
            else:
                decided.done.append(change_id)
        for run_id, mine in self.by_run(decided.done).items():
            await self._engine.submit(run_id, h.Reject(tuple(mine), reason))
        return decided

    async def undo(self, ids: Sequence[str], face: Face | None, anyway: bool = False) -> Decided:
        """Take decisions back: accepted text is taken out again, the changes wait again.

        What other accepted changes need is taken out only with them, or `anyway`.
        """
        async with self._engine.deciding:
            parked = await self.parked(ids)
            states = {i: self.run_of(i).changes[i] for i in ids if i not in parked}
            choice = undoable(self._engine.runs.values(), tuple(states), anyway)
            decided = await self._carry_out(choice.changes, face, undo=True)
            decided.refused += choice.refused
            decided.needs.update(choice.needs)
            decided.done += [i for i, s in states.items() if s.status == "rejected"]
            decided.refused += parked.items()
            undecided = [i for i, s in states.items() if s.status in ("pending", "outdated")]
            decided.refused += [(i, f"it is {states[i].status}: there is nothing to undo") for i in undecided]
            for run_id, mine in self.by_run(decided.done).items():
                await self._engine.submit(run_id, h.Reopen(tuple(mine)))
            return decided

    async def parked(self, ids: Sequence[str]) -> dict[str, str]:
        """Those that belong to another branch than the one checked out, and why that forbids it."""
        await self._engine.heads.look()
        return dict(self._engine.heads.parked(self._engine.runs.values(), ids))

    async def _unseen(self, ids: Sequence[str]) -> dict[str, str]:
        """Those that would put a new file where git may have one that no agent could see; and why not."""
        changes = [self.run_of(i).changes[i].change for i in ids]
        return await sparse.unseen(self._engine.adapters.repository, changes)

    async def resolve(self, ids: Sequence[str], how: How, face: Face | None) -> Decided:
        """Settle conflicts: keep what the user has, or put the proposal, or both, into the user's text."""
        decided = Decided()
        async with self._engine.deciding:
            parked = await self.parked(ids)
            decided.refused += parked.items()
            for run_id, mine in self.by_run(i for i in dict.fromkeys(ids) if i not in parked).items():
                run = self._engine.runs[run_id]
                states = [run.changes[i] for i in mine]
                looks = await look(self._engine, run, mine)
                if how != "mine":
                    hidden = await self._hidden([s for s in states if s.change.id not in looks])
                    decided.refused += hidden.items()
                    states = [s for s in states if s.change.id not in hidden]
                open_ones = [s.change for s in states if conflicting(s) or s.change.id in looks]
                ids_open = {change.id for change in open_ones}
                decided.refused += [
                    (s.change.id, _no_conflict(s)) for s in states if s.change.id not in ids_open
                ]
                if how == "mine":
                    kept = tuple(change.id for change in open_ones)
                    await self._engine.submit(run_id, h.Reject(kept, KEPT_MINE))
                    decided.done += kept
                else:
                    await self._put(run, carried(open_ones, looks, how), face, decided)
        return decided

    async def _hidden(self, states: Iterable[ChangeState]) -> dict[str, str]:
        return await sparse.hidden(self._engine.adapters.repository, [s.change for s in states])

    async def _put(
        self,
        run: Run,
        what: tuple[Sequence[Change], Sequence[tuple[str, str]]],
        face: Face | None,
        decided: Decided,
    ) -> None:
        """Put into the user's text what conflicts are settled with, and tell what could not be."""
        made, refused = what
        out = await self._carry_out(made, face, undo=False)
        applied = {change.id: Applied.by(change) for change in made if change.id in out.done}
        if applied:
            await self._engine.submit(run.id, h.Accepted(tuple(applied), applied=applied))
        decided.done += out.done
        decided.refused += [*refused, *out.refused]
        decided.unsaved += out.unsaved

    def by_run(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """These changes by the run each belongs to; Unknown where there is none."""
        grouped: dict[str, list[str]] = {}
        for change_id in ids:
            grouped.setdefault(self.run_of(change_id).id, []).append(change_id)
        return grouped

    async def agreed(self, ids: Sequence[str]) -> list[str]:
        """Those of files that no two editors hold with different text."""
        opened = await self._opened()
        return [i for i in ids if not _differs(self.run_of(i).changes[i].change.path, opened)]

    async def _opened(self) -> Opened:
        return [(face, await face.open_texts()) for face in self._engine.faces]

    async def _carry_out(self, changes: Sequence[Change], face: Face | None, undo: bool) -> Decided:
        decided = Decided()
        opened = await self._opened()
        shares: dict[int, tuple[Face, list[Change]]] = {}
        # what goes makes room for what comes in its place (a folder for a file), and back the same way
        ordered, traded = sorted(changes, key=_comes), _trading_places(changes)
        for change in reversed(ordered) if undo else ordered:
            try:
                chosen = self._disk if change.id in traded else self._face_for(change, face, opened)
            except Refused as error:
                decided.refused.append((change.id, str(error)))
            else:
                shares.setdefault(id(chosen), (chosen, []))[1].append(change)
        # the disk last: it writes the modes of files whose text an editor has just changed
        for chosen, share in sorted(shares.values(), key=lambda item: item[0] is self._disk):
            _add(decided, await chosen.carry_out(share, undo))
        asked = {change.id: at for at, change in enumerate(changes)}
        decided.done.sort(key=asked.__getitem__)  # a face has an order of its own in which it can be done
        return decided

    def _face_for(self, change: Change, asking: Face | None, opened: Opened) -> Face:
        """The face that has the file open; else the one that asks; else the disk."""
        paths = {p for p in (change.path, change.old_path) if p}
        for path in paths:
            if _differs(path, opened):
                raise Refused(f"{path} is open in two editors with different text: save it in both first")
        holders = [face for face, texts in opened if paths & texts.keys()]
        if asking is not None and (asking in holders or not holders):
            holders = [asking]
        if _beyond_edits(change) or not holders or not holders[0].can_carry(change.kind):
            return self._disk
        return holders[0]


def _differs(path: str, opened: Opened) -> bool:
    return len({texts[path] for _, texts in opened if path in texts}) > 1


def _beyond_edits(change: Change) -> bool:
    """What no workspace edit can carry: bytes that are not text, and a move between a folder and its file."""
    old, new = change.old_path or "", change.path
    nested = old.startswith(f"{new}/") or new.startswith(f"{old}/")
    return change.kind in SERVER_WRITTEN or nested or (change.kind == "delete" and not change.before)


def _trading_places(changes: Sequence[Change]) -> set[str]:
    """Ids of whole-file changes where a file and a folder take each other's name: no one edit can do both."""
    folders = {c.id: set(map(str, PurePosixPath(c.path).parents)) for c in changes if c.kind != "edit"}
    clashes = {c.path for c in changes if c.kind != "edit"} & {f for each in folders.values() for f in each}
    return {c.id for c in changes if c.id in folders and ({c.path} | folders[c.id]) & clashes}


def _comes(change: Change) -> bool:
    return change.kind == "edit" or change.after_blob is not None


def _no_conflict(state: ChangeState) -> str:
    if state.status == "pending":
        return "it is in no conflict: accept or reject it"
    return f"it is {state.status} already" + (f" ({state.note})" if state.note else "")


def _add(decided: Decided, out: CarriedOut) -> None:
    decided.done += out.applied
    decided.refused += out.refused
    decided.unsaved += out.unsaved
