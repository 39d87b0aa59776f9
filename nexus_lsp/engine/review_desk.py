"""What faces ask of a review beyond accept, reject and undo: settle conflicts, do it in another way, and
what an editor carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Applied, Change
from nexus_lsp.core.conflicts import ASK_AGENT
from nexus_lsp.core.facts import FileMoved, RevisionAsked
from nexus_lsp.core.problems import InvalidArgument, Refused
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.wire import Json, from_json
from nexus_lsp.engine.commit_operations import CommitOperations
from nexus_lsp.engine.engine import Engine
from nexus_lsp.engine.projections import conflict_line
from nexus_lsp.engine.renames import Renames, waiting
from nexus_lsp.engine.review import Decided, Review
from nexus_lsp.engine.settling import conflicting, look
from nexus_lsp.ports import Face

MOST_FEEDBACK = 20_000
"""Characters of what the user wants to be different."""


class _Argument(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Resolve(_Argument):
    change_ids: list[str] | None = None
    change_id: str | None = None
    how: Literal["mine", "theirs", "both"]


class Revise(_Argument):
    change_ids: list[str] = Field(min_length=1)
    feedback: str = Field(default="", max_length=MOST_FEEDBACK)
    """Empty only for changes in conflict: their sides say what it is about."""


class Carried(_Argument):
    change_ids: list[str]
    applied: dict[str, dict[str, Any]] = {}
    typed: bool = False


class Reopen(_Argument):
    change_ids: list[str]
    placed: bool = False
    undone: bool = False
    """The files are what they were before; who deletes a file that is committed has undone nothing."""


class Moved(_Argument):
    old_path: str
    path: str


class ReviewDesk:
    """Handlers for `engine.operations`."""

    def __init__(self, engine: Engine, review: Review, commits: CommitOperations) -> None:
        self._engine = engine
        self._review = review
        self._commits = commits

    async def put_sides(self, run: Run, lines: list[Json]) -> None:
        """Tell each listed change in conflict its three sides, as far as they can be found."""
        looks = await look(self._engine, run, [line["id"] for line in lines])
        for line in lines:
            if line["id"] in looks:
                line["conflict"] = conflict_line(looks[line["id"]].conflict)

    async def resolve(self, a: Resolve, face: Face | None) -> Json:
        """Settle conflicts in the user's text, as one edit a run."""
        ids = a.change_ids if a.change_ids is not None else [a.change_id] if a.change_id else []
        if not ids or (a.change_ids and a.change_id):
            raise InvalidArgument("Give changeId, or changeIds, of changes in conflict, and how.")
        decided = await self._review.resolve(ids, a.how, face)
        return answer_of("resolved", decided)

    async def revise(self, a: Revise, _face: Face | None) -> Json:
        """One more task for the agent that made these changes; they wait on until it has landed."""
        runs = {self._review.run_of(i).id for i in a.change_ids}
        if len(runs) > 1:
            raise InvalidArgument("These changes are of different runs: ask for each run on its own.")
        if parked := await self._review.parked(a.change_ids):
            raise Refused(f"{', '.join(parked)}: {next(iter(parked.values()))}")
        run = self._engine.runs[runs.pop()]
        conflicts_only = all(conflicting(run.changes[i]) for i in a.change_ids)
        feedback = a.feedback.strip() or (ASK_AGENT if conflicts_only else "")
        if not feedback:
            raise InvalidArgument("`feedback` is empty: say in a sentence what is to be different.")
        looks = await look(self._engine, run, a.change_ids)
        sides = {i: seen.conflict for i, seen in looks.items()}
        facts = await self._engine.submit(run.id, h.Revise(tuple(a.change_ids), feedback, sides))
        return {"task_id": next(fact.task_id for fact in facts if isinstance(fact, RevisionAsked))}

    async def carried(self, a: Carried, _face: Face | None) -> Json:
        """A text holds these changes: an editor's answer came late, it did again what was undone, or the user
        wrote the same (`typed`). `applied`: what was put in for those in conflict."""
        applied = {i: from_json(value, Applied) for i, value in a.applied.items()}
        by = "typed" if a.typed else "user"
        for run_id, ids in self._review.by_run(await self._at_home(a.change_ids)).items():
            mine = {i: applied[i] for i in ids if i in applied}
            await self._engine.submit(run_id, h.Accepted(tuple(ids), by, applied=mine))
        return {"status": "ok"}

    async def reopen(self, a: Reopen, _face: Face | None) -> Json:
        """A text shows that decisions were taken back, or (`placed`) that changes have their ground again.

        Of two editors' different texts of a file none says that: in the other it may stand as it was decided.
        """
        taken_back = await self._at_home(a.change_ids)
        if a.placed:
            taken_back = await self._review.agreed(taken_back)
        if a.undone:
            made = {i: c.path for i in taken_back if (c := self._change(i)).kind == "create"}
            committed = await self._commits.committed(list(made.values()))
            taken_back = [i for i in taken_back if made.get(i) not in committed]
        for run_id, ids in self._review.by_run(taken_back).items():
            await self._engine.submit(run_id, h.Reopen(tuple(ids), a.placed))
        return {"status": "ok"}

    async def moved(self, a: Moved, _face: Face | None) -> Json:
        """The user gave a file or folder another name; the changes of the branch at hand go with it, and what
        agents at work do to it."""
        async with self._engine.deciding:  # a decision that is being carried out speaks of the old name
            for run in list(self._engine.runs.values()):
                going_on = run.status not in OVER and not run.away
                if (run.changes or going_on) and not await self._review.parked(list(run.changes)):
                    await self._engine.submit(run.id, h.Moved(FileMoved(a.old_path, a.path)))
        return {"status": "ok"}

    def _change(self, change_id: str) -> Change:
        return self._review.run_of(change_id).changes[change_id].change

    async def follow(self, _a: BaseModel, _face: Face | None) -> Json:
        """Take changes along to where files are that were renamed while no editor looked on."""
        look = Renames(self._engine)
        moved: list[Json] = []
        unsure: dict[str, Sequence[str]] = {}
        for run_id in list(self._engine.runs):
            run = self._engine.runs[run_id]
            if not waiting(run) or await self._review.parked(list(run.changes)):
                continue
            found = await look.of(run)
            for old, new in found.moved:
                await self.moved(Moved(old_path=old, path=new), None)
                moved.append({"old_path": old, "path": new})
            unsure |= found.unsure
        return {"moved": moved, "unsure": [{"path": p, "candidates": list(c)} for p, c in unsure.items()]}

    async def _at_home(self, ids: list[str]) -> list[str]:
        """Those of the branch that is checked out: another branch's text says nothing of a change."""
        parked = await self._review.parked(ids)
        return [i for i in ids if i not in parked]


def answer_of(word: str, decided: Decided) -> Json:
    """What came of a decision, under the word for it."""
    needs = {i: {"needs": list(others)} for i, others in decided.needs.items()}
    refused = [{"id": i, "why": why} | needs.get(i, {}) for i, why in decided.refused]
    return {word: decided.done, "refused": refused, "unsaved": decided.unsaved}
