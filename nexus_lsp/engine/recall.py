"""Memory at work: what a plan and a prompt are reminded of, and what a run leaves behind.

What is to be learned stands in the run's state (`core.learning`); here it is put into the store, and the fact
follows. A store that cannot be used costs a run its memory, never its work: the user is told, once a run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.memory import MemoryItem, MemoryKind, MemoryQuery, Recalled, kept
from nexus_lsp.core.personas import Persona, retention
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import Run, TaskState
from nexus_lsp.ports import JournalFailed, Memory, MemoryFailed, Reminder

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

FOR_A_PLAN = 8
"""Items that a planner is reminded of."""

_SHOWN = 300
"""Characters of an item in the fact that says an agent was shown it."""

DAY = 86_400.0

RETRY_AFTER = 30.0
"""Seconds until a store that could not be used is tried again."""

PATIENCE = 2.0
"""Seconds that closing, or a question about memory, waits for what is being learned."""


class Recall:
    """See the module; one for an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._opened: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._told: set[str] = set()

    @property
    def _memory(self) -> Memory:
        return self._engine.adapters.memory

    async def ready(self) -> Memory:
        """The store, opened when it is first needed; MemoryFailed where it cannot be used."""
        if self._opened is None:
            self._opened = asyncio.create_task(self._memory.open(), name="open memory")
        try:
            await asyncio.shield(self._opened)
        except MemoryFailed:
            self._opened = None  # what locks it now may be gone at the next try
            raise
        return self._memory

    async def tell(self, run_id: str) -> None:
        """Say in a run, once, that it has no memory, or that what it had could not be read."""
        try:
            await self.ready()
            why = self._memory.notice
        except MemoryFailed as error:
            why = f"{error} This run goes on without memory."
        if why and run_id not in self._told:
            self._told.add(run_id)
            await self._engine.quietly(run_id, h.MemoryLost(why))

    # --- what is remembered --------------------------------------------------------------------------

    async def search(self, text: str, agent_id: str | None, limit: int) -> tuple[Recalled, ...]:
        """What memory holds on a text; MemoryFailed."""
        memory = await self.ready()
        now = self._engine.adapters.now()
        return await memory.search(MemoryQuery(text, now, agent_id=agent_id, limit=limit))

    async def for_task(self, run: Run, state: TaskState, persona: Persona) -> tuple[Reminder, ...]:
        """What an agent is reminded of at its start; it is noted, and later counted as useful or not.

        Nothing for the local team: its tools heed no words.
        """
        if run.started.team == "local":
            return ()
        most = persona.memory_system.context_window_size
        task = state.task
        words = f"{task.title}\n{task.description}\n{run.started.request}"
        paths = (*task.writes, *run.started.focus, *state.paths)
        found = await self._found(run, words, persona.agent_id, paths, most)
        if found:
            lines = tuple(_line(one.item) for one in found)
            await self._engine.quietly(run.id, h.Reminded(f.MemoryRecalled(task.id, task.agent, lines)))
        return tuple(map(_reminder, found))

    async def for_plan(self, run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(the user's own words, everything else) of earlier runs that a planner should know."""
        request, focus = run.started.request, run.started.focus
        found = await self._found(run, request, None, focus, FOR_A_PLAN, ("lesson", "decision", "note"))
        known = {one.item.id for one in found}
        # Which paths a plan will touch is not known yet, so what the user decided lately belongs in any case.
        decided = await self._found(run, "", None, (), FOR_A_PLAN, ("decision",))
        kept = [*found, *(one for one in decided if one.item.id not in known)][:FOR_A_PLAN]
        if kept:
            lines = tuple(_line(one.item) for one in kept)
            await self._engine.quietly(run.id, h.Reminded(f.MemoryRecalled("", "nexus_prime", lines)))
        told = [(_worded(one.item), one.item.source == "user") for one in kept]
        return tuple(t for t, own in told if own), tuple(t for t, own in told if not own)

    async def _found(
        self,
        run: Run,
        text: str,
        agent_id: str | None,
        paths: Sequence[str],
        most: int,
        kinds: tuple[MemoryKind, ...] = (),
    ) -> tuple[Recalled, ...]:
        """What belongs here, each text once; nothing of the same run, which its agents are told otherwise."""
        if most == 0:
            return ()
        query = MemoryQuery(text, self._engine.adapters.now(), agent_id, tuple(paths), kinds, 2 * most)
        try:
            memory = await self.ready()
            found = await memory.search(query)
        except MemoryFailed as error:
            log.warning("nothing was recalled: %s", error)
            return ()
        # a rejection of several hunks is kept for each of them, so that each can be taken back
        texts = {one.item.text: one for one in reversed(found) if one.item.run_id != run.id}
        return tuple(reversed(texts.values()))[:most]

    # --- what is learned -----------------------------------------------------------------------------

    def look(self) -> None:
        """Put into memory what the runs have to leave there."""
        due = [run for run in self._engine.runs.values() if run.team.to_learn or run.team.to_forget]
        now = asyncio.get_running_loop().time()
        if due and self._learning is None and now >= self._not_before and not self._engine.closing:
            self._learning = asyncio.create_task(self._learn(), name="learn")

    async def settle(self) -> None:
        """Learn what there is to learn, now, so that whoever looks into memory next finds it."""
        for _ in range(2):  # what came while something was being learned is learned after it
            self._not_before = 0.0
            self.look()
            if self._learning:
                await asyncio.wait({self._learning}, timeout=PATIENCE)

    async def _learn(self) -> None:
        try:
            for run in list(self._engine.runs.values()):
                if run.team.to_forget:
                    await self._forget(run)
                if run.team.to_learn:
                    await self._keep_lessons(run)
        except MemoryFailed as error:
            self._not_before = asyncio.get_running_loop().time() + RETRY_AFTER  # the run's state has it
            log.warning("nothing is learned: %s", error)
        except (Refused, JournalFailed) as error:  # the next engine learns it: the run's state has it
            log.info("what was learned could not be noted: %s", error)
        finally:
            self._learning = None

    async def _keep_lessons(self, run: Run) -> None:
        personas = {p.agent_id: p for p in self._engine.adapters.personas()}
        wanted = [i for i in run.team.to_learn.values() if _keeps(personas.get(i.agent_id), i)]
        await self.keep(run.id, list(run.team.to_learn.values()), wanted)
        for agent_id in {item.agent_id for item in wanted}:
            await self._trim(personas.get(agent_id), agent_id)

    async def keep(
        self, run_id: str, items: list[MemoryItem], wanted: list[MemoryItem] | None = None
    ) -> None:
        """Store items, and note that they are stored; those not `wanted` are only noted as dealt with."""
        memory = await self.ready()
        items = [kept(item) for item in items]  # the journal keeps no key either
        chosen = items if wanted is None else wanted
        if chosen:
            await memory.store(chosen)
        await self._engine.submit(run_id, h.Remembered(tuple(items)))

    async def _forget(self, run: Run) -> None:
        memory = await self.ready()
        ids = tuple(run.team.to_forget)
        await memory.forget(ids)
        await self._engine.submit(run.id, h.Forgotten(ids, "the decision was taken back"))

    async def _trim(self, persona: Persona | None, agent_id: str) -> None:
        kept = retention(persona) if persona else None
        most = kept.most if kept else 1000
        older = self._engine.adapters.now() - kept.days * DAY if kept and kept.days is not None else None
        await (await self.ready()).trim(agent_id, most, older)

    # --- what helped ---------------------------------------------------------------------------------

    def hear(self, entry: f.Entry, run: Run) -> None:
        """A task ended: what its agent had been reminded of helped it to land at once, or did not."""
        if isinstance(entry.fact, f.TaskCompleted | f.TaskFailed):
            state = run.tasks[entry.fact.task_id]
            ids = run.team.recalled.get(state.task.id, ())
            useful = isinstance(entry.fact, f.TaskCompleted) and not state.repairs
            if ids:
                self._engine.spawn(self._note_use(ids, useful), "note what helped")

    async def _note_use(self, ids: tuple[str, ...], useful: bool) -> None:
        try:
            await (await self.ready()).used(ids, useful=useful)
        except MemoryFailed as error:
            log.info("what helped could not be noted: %s", error)

    async def close(self) -> None:
        """Give back the store; what was not learned by now is learned by the next engine."""
        if self._learning:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        if self._opened:
            await asyncio.gather(self._opened, return_exceptions=True)
            await self._memory.close()


def _keeps(persona: Persona | None, item: MemoryItem) -> bool:
    return persona is None or item.kind != "interaction" or retention(persona).keeps_interactions


def _line(item: MemoryItem) -> f.MemoryLine:
    text = " ".join(item.text.split())
    return f.MemoryLine(item.id, item.kind, text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _worded(item: MemoryItem) -> str:
    about = f"about {', '.join(item.paths[:5])}: " if item.paths else ""
    return about + item.text


def _reminder(found: Recalled) -> Reminder:
    item = found.item
    day = datetime.fromtimestamp(item.at, UTC).date().isoformat()
    return Reminder(item.text, item.source, item.paths, day)
