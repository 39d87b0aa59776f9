"""Operations: what faces can ask of an engine, one table for editors, terminals and sockets.

Arguments and answers are JSON values in snake_case with workspace-relative paths; each face translates at
its own door. Every operation answers at once; work goes on behind it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nexus_lsp.core import happenings as h
from nexus_lsp.core.addresses import recipients
from nexus_lsp.core.changes import Change
from nexus_lsp.core.facts import Priority, RunStarted
from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.core.review import select
from nexus_lsp.core.run import OVER, SETTLED, Run
from nexus_lsp.core.settings import settings_over
from nexus_lsp.core.team import USER
from nexus_lsp.core.wire import Json, entry_to_json
from nexus_lsp.engine.arguments import deadline_of, parsed, plan_of
from nexus_lsp.engine.commit_operations import CommitOperations
from nexus_lsp.engine.engine import Engine
from nexus_lsp.engine.listing import Listing
from nexus_lsp.engine.memory_desk import MemoryDesk
from nexus_lsp.engine.projections import (
    estimate,
    run_detail,
    run_messages,
    run_summary,
    touches,
)
from nexus_lsp.engine.review import Review
from nexus_lsp.engine.review_desk import (
    MOST_FEEDBACK,
    Carried,
    Moved,
    Reopen,
    Resolve,
    ReviewDesk,
    Revise,
    answer_of,
)
from nexus_lsp.ports import Face

MOST_SAID = 20_000
"""Characters of a message to an agent."""

STATE_GONE = (
    "NEXUS' state folder was deleted or moved while it ran, so nothing could be remembered and nothing was "
    "done: restart NEXUS (reload the editor's window). Your files are as you see them."
)
LOOKS = frozenset({"runs", "run", "run.messages", "agents", "events", "review.list", "settings"})
"""Operations on what is in memory: they work on when the state folder is gone."""

MAX_REQUEST = 100_000
"""Characters; a longer request is a mistake (a pasted file), and no model reads it."""


class _Argument(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Nothing(_Argument):
    pass


class _Delegate(_Argument):
    request: str = Field(max_length=MAX_REQUEST)
    paths: list[str] = []
    range: dict[str, Any] | None = None
    priority: Priority = "medium"
    deadline: str | None = None
    context: dict[str, Any] | None = None
    team: Literal["auto", "claude", "local"] | None = None
    approval: Literal["auto", "ask"] | None = None
    settings: dict[str, Any] | None = None
    """Those of the face that asks (`core.settings.Settings`); never from outside NEXUS."""


class _OfRun(_Argument):
    run_id: str


class _Approve(_OfRun):
    plan: dict[str, Any] | None = None


class _RejectPlan(_OfRun):
    reason: str = Field(default="", max_length=MOST_FEEDBACK)


class _List(_Argument):
    run_id: str | None = None
    path: str | None = None
    sides: bool = False
    """Look up what the user has in the place of changes in conflict; an editor knows it by itself."""
    group_id: str | None = None
    limit: int | None = Field(default=None, ge=0)
    after: str | None = None
    grouped: bool = True


class _Chosen(_Argument):
    change_ids: list[str] | None = None
    path: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    group_id: str | None = None


class _Accept(_Chosen):
    anyway: bool = False


class _Reject(_Chosen):
    reason: str = Field(default="", max_length=MOST_FEEDBACK)


class _Ids(_Argument):
    change_ids: list[str]


class _Undo(_Ids):
    anyway: bool = False


class _Answer(_Argument):
    ask_id: str
    answer: str
    unattended: bool = False
    """Nobody is there: the ask's own default counts, as it would in the end."""


class _Events(_OfRun):
    after_seq: int = 0


class _Blob(_Argument):
    change_id: str
    blob: str | None = None
    """What a conflict was settled on; else the change's own base."""


class _Outdate(_Ids):
    why: str


class _Say(_OfRun):
    to: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=MOST_SAID)


class _Search(_Argument):
    query: str = Field(max_length=MAX_REQUEST)
    agent_id: str | None = None
    limit: int = Field(default=10, ge=1, le=100)


class _Forget(_Argument):
    ids: list[str] = []
    agent_id: str | None = None
    everything: bool = False


class _Settings(BaseModel):
    model_config = ConfigDict(extra="allow")


Handler = Callable[[Any, Face | None], Awaitable[Json]]


class Operations:
    """The table; `execute` is its only way in."""

    def __init__(self, engine: Engine, review: Review, commits: CommitOperations) -> None:
        self._engine = engine
        self._review = review
        self._memory = MemoryDesk(engine)
        self._desk = ReviewDesk(engine, review, commits)
        self._listing = Listing()
        self._table: Mapping[str, tuple[type[BaseModel], Handler]] = {
            "delegate": (_Delegate, self._delegate),
            "plan.approve": (_Approve, self._approve),
            "plan.reject": (_RejectPlan, self._reject_plan),
            "run.cancel": (_OfRun, self._happens(h.Cancel())),
            "run.pause": (_OfRun, self._happens(h.Pause())),
            "run.resume": (_OfRun, self._resume),
            "run.retry": (_OfRun, self._happens(h.Retry())),
            "runs": (_Nothing, self._runs),
            "run": (_OfRun, self._one_run),
            "run.messages": (_OfRun, self._messages),
            "agents": (_Nothing, self._agents),
            "review.list": (_List, self._list),
            "review.accept": (_Accept, self._accept),
            "review.reject": (_Reject, self._reject),
            "review.undo": (_Undo, self._undo),
            "review.resolve": (Resolve, self._desk.resolve),
            "review.revise": (Revise, self._desk.revise),
            "review.outdate": (_Outdate, self._outdate),
            "review.reopen": (Reopen, self._desk.reopen),
            "review.moved": (Moved, self._desk.moved),
            "review.follow": (_Nothing, self._desk.follow),
            "review.base": (_Blob, self._base),
            "review.carried": (Carried, self._desk.carried),
            "message.send": (_Say, self._say),
            "memory.search": (_Search, self._memory.search),
            "memory.export": (_Nothing, self._memory.export),
            "memory.forget": (_Forget, self._memory.forget),
            "settings": (_Settings, self._settings),
            "answer": (_Answer, self._answer),
            "events": (_Events, self._events),
            **commits.table,
        }

    async def execute(self, name: str, argument: Mapping[str, Any], face: Face | None = None) -> Json:
        """Carry out one operation. Raises InvalidArgument, Unknown or Refused, each with a sentence."""
        if name not in self._table:
            raise Unknown(f"There is no operation {name!r}. There are: {', '.join(sorted(self._table))}.")
        if name not in LOOKS and not self._engine.adapters.stands():
            raise Refused(STATE_GONE)
        kind, handler = self._table[name]
        return await handler(parsed(kind, argument), face)

    # --- runs ----------------------------------------------------------------------------------------

    async def _delegate(self, a: _Delegate, _face: Face | None) -> Json:
        request = a.request.strip()
        if not request:
            raise InvalidArgument("The request is empty: say in a sentence what the team is to do.")
        engine = self._engine
        settings = settings_over(engine.settings, a.settings or {})
        team, why = engine.adapters.team(a.team or settings.team)
        context = dict(a.context or {}) | ({"range": a.range} if a.range else {})
        run_id = await engine.delegate(
            RunStarted(
                request=request,
                workspace=engine.workspace,
                team=team,
                team_why=why,
                approval=a.approval or settings.approval,
                priority=a.priority,
                deadline=deadline_of(a.deadline),
                trusted=settings.trusted or engine.adapters.trusted(),
                focus=tuple(a.paths),
                context=json.dumps(context) if context else "",
                budgets=settings.all_budgets,
                test_command=settings.test_command,
            )
        )
        return {"run_id": run_id, "status": "accepted", "assigned_agents": [], "estimated_completion": None}

    def _happens(self, what: h.Happening) -> Handler:
        async def happens(a: _OfRun, _face: Face | None) -> Json:
            await self._engine.submit(a.run_id, what)
            return {"status": self._engine.runs[a.run_id].status}

        return happens

    async def _resume(self, a: _OfRun, _face: Face | None) -> Json:
        """Go on, or take what waits along to where HEAD is by now."""
        await self._engine.heads.look()
        return await self._happens(h.Resume())(a, None)

    async def _approve(self, a: _Approve, _face: Face | None) -> Json:
        await self._engine.submit(a.run_id, h.ApprovePlan(plan_of(a.plan) if a.plan else None))
        return {"status": self._engine.runs[a.run_id].status}

    async def _reject_plan(self, a: _RejectPlan, _face: Face | None) -> Json:
        await self._engine.submit(a.run_id, h.RejectPlan(a.reason))
        return {"status": self._engine.runs[a.run_id].status}

    async def _runs(self, _a: _Nothing, _face: Face | None) -> Json:
        await self._engine.heads.look()
        return {"runs": [run_summary(run) for run in reversed(self._engine.runs.values())]}

    async def _one_run(self, a: _OfRun, _face: Face | None) -> Json:
        await self._engine.heads.look()
        run = self._run(a.run_id)
        open_tasks = [s for s in run.tasks.values() if not s.replaced]
        left = sum(1 for s in open_tasks if s.status in ("pending", "in_progress"))
        seconds = estimate(self._engine.runs.values(), left)
        return run_detail(run) | {"estimated_seconds": seconds}

    async def _messages(self, a: _OfRun, _face: Face | None) -> Json:
        return run_messages(self._run(a.run_id))

    async def _agents(self, _a: _Nothing, _face: Face | None) -> Json:
        return self._engine.agents()

    async def _answer(self, a: _Answer, _face: Face | None) -> Json:
        for run in self._engine.runs.values():
            if a.ask_id in run.asks:
                by = "timeout" if a.unattended and a.answer == run.asks[a.ask_id].ask.default else "user"
                await self._engine.submit(run.id, h.Answer(a.ask_id, a.answer, by))
                if run.asks[a.ask_id].ask.kind == "head_moved":
                    await self._engine.heads.answered(a.answer)
                return {"status": self._engine.runs[run.id].status}
        raise Unknown(f"There is no ask {a.ask_id!r}.")

    async def _say(self, a: _Say, _face: Face | None) -> Json:
        """The user says something to agents; they read it at their next step, or when they begin."""
        run = self._run(a.run_id)
        there = ["team", *(i for i, s in run.tasks.items() if s.status not in SETTLED)]
        if run.status in OVER or there == ["team"]:
            raise Refused(f"This run is {run.status}; nobody is at work in it who could read that.")
        found = recipients(run, a.to, USER, self._engine.names())
        if isinstance(found, str):
            raise InvalidArgument(f"Nobody at work is called {a.to!r}. There are: {', '.join(there)}.")
        if USER in found:
            raise InvalidArgument(f"That is you. Say it to one of: {', '.join(there)}.")
        return {"message_id": await self._engine.mailroom.tell(run, found, a.text)}

    async def _events(self, a: _Events, _face: Face | None) -> Json:
        self._run(a.run_id)
        wanted = [e for e in self._engine.entries if e.run_id == a.run_id and e.seq > a.after_seq]
        return {"events": [entry_to_json(e) for e in wanted]}

    def _run(self, run_id: str) -> Run:
        run = self._engine.runs.get(run_id)
        if run is None:
            raise Unknown(f"There is no run {run_id!r}. `nexus-lsp runs` lists them.")
        return run

    # --- review --------------------------------------------------------------------------------------

    async def _list(self, a: _List, _face: Face | None) -> Json:
        if a.path is None:  # who asks for one file has looked before, and hears where HEAD goes
            await self._engine.heads.look()
        runs = [self._run(a.run_id)] if a.run_id else list(self._engine.runs.values())
        listed = await self._listing.listed(runs, a.path, a.group_id, a.limit, a.after, a.grouped)
        for run in runs if a.sides else ():
            await self._desk.put_sides(run, [c for c in listed["changes"] if c["run_id"] == run.id])
        return listed

    async def _accept(self, a: _Accept, face: Face | None) -> Json:
        decided = await self._review.accept(await self._ids(a, ("pending",)), face, a.anyway)
        return answer_of("accepted", decided)

    async def _reject(self, a: _Reject, _face: Face | None) -> Json:
        decided = await self._review.reject(await self._ids(a, ("pending",)), a.reason)
        return answer_of("rejected", decided)

    async def _undo(self, a: _Undo, face: Face | None) -> Json:
        return answer_of("reopened", await self._review.undo(a.change_ids, face, a.anyway))

    async def _outdate(self, a: _Outdate, _face: Face | None) -> Json:
        parked = await self._review.parked(a.change_ids)
        for change_id in (i for i in a.change_ids if i not in parked):
            await self._engine.submit(self._review.run_of(change_id).id, h.Outdate((change_id,), a.why))
        return {"status": "ok"}

    async def _settings(self, a: _Settings, _face: Face | None) -> Json:
        """New settings; they count from the next run, task or decision on."""
        self._engine.settings = settings_over(self._engine.settings, a.model_extra or {})
        return {"status": "ok"}

    async def _base(self, a: _Blob, _face: Face | None) -> Json:
        """The text that a change's `line` and `before` speak of."""
        change = self._review.run_of(a.change_id).changes[a.change_id].change
        if change.base is None:
            raise Refused(f"{a.change_id} is not an edit of a text.")
        blob = a.blob or change.base
        content = await self._engine.adapters.repository.read(blob)
        return {"base": blob, "text": content.decode("utf-8")}

    async def _ids(self, a: _Chosen, statuses: tuple[str, ...]) -> list[str]:
        given = [x for x in (a.change_ids, a.path, a.agent_id, a.run_id, a.group_id) if x is not None]
        if len(given) != 1:
            raise InvalidArgument("Give exactly one of changeIds, uri, agentId, groupId and runId.")
        if a.change_ids is not None:
            return a.change_ids
        runs = self._engine.runs.values()
        if a.group_id is not None:
            mine = frozenset((await self._listing.group(runs, a.group_id)).change_ids)
            return select(runs, lambda _, change: change.id in mine, statuses)
        if a.run_id is not None:
            self._run(a.run_id)
        return select(runs, lambda run, change: _meant(a, run, change), statuses)


def _meant(a: _Chosen, run: Run, change: Change) -> bool:
    if a.run_id is not None:
        return run.id == a.run_id
    if a.path is not None:
        return touches(change, a.path)
    return a.agent_id in change.agent_ids
