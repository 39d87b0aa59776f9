"""The engine of one workspace: one loop, one journal, many runs.

Everything that happens comes through one bounded queue, one at a time: decide → journal → evolve → tell the
faces → start what is due. Effects run beside the loop as asyncio tasks and report back through the queue.

**Invariant:** a fact is in the journal before any face hears of it and before any effect follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Facts, Limits, decide
from nexus_lsp.core.evolve import begin, evolve
from nexus_lsp.core.merging.syntax import Parse
from nexus_lsp.core.personas import Persona, tester_of
from nexus_lsp.core.problems import Refused, Unknown
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.core.schedule import Effect, due, next_starts
from nexus_lsp.core.settings import Settings
from nexus_lsp.engine import effects, roster
from nexus_lsp.engine.baseline import Baseline
from nexus_lsp.engine.clock import Clock
from nexus_lsp.engine.feedback import Feedback
from nexus_lsp.engine.forecasting import Forecasting
from nexus_lsp.engine.heads import Heads
from nexus_lsp.engine.integration import Away, Integration
from nexus_lsp.engine.mailroom import Mailroom
from nexus_lsp.engine.pulses import Pulses
from nexus_lsp.engine.recall import Recall
from nexus_lsp.engine.relating import Relate, in_a_thread
from nexus_lsp.engine.ward import Ward
from nexus_lsp.engine.work import work
from nexus_lsp.ports import (
    AgentBackend,
    Bus,
    Face,
    Gates,
    Journal,
    JournalFailed,
    Memory,
    Planner,
    Repository,
    RepositoryFailed,
)

log = logging.getLogger(__name__)

QUEUE_SIZE = 1000
RETRY_AFTER = 5.0
"""Seconds until what could not be journalled, or could not start, is tried again."""

SLOW_TURN = 0.1
"""Seconds; a turn of the loop that takes longer is logged."""

ENDED = "NEXUS' engine has ended; what was under way goes on when it is opened again."

Listener = Callable[[f.Entry, Run], None]
Watcher = Callable[[dict[str, Any]], None]
"""Hears of what is said and not kept: `{"type": "said" | "disk_changed", …}`."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """What the wiring gives an engine.

    Attributes:
        team: which backend a `team` setting means here and now, and why.
        planner: the planner for a backend's name, and why this one.
        backend: the backend of a name, made when it is first asked for.
        trusted: whether the user lets this workspace's code run, besides what the editor says.
        personas: who is there; asked anew for each run, so that edits of persona files count.
        now: Unix seconds. new_id: a fresh id with this prefix.
        parse: reads what has a grammar; without it such files are merged by lines.
    """

    repository: Repository
    journal: Journal
    gates: Gates
    bus: Bus
    memory: Memory
    team: Callable[[str], tuple[str, str]]
    planner: Callable[[str], tuple[Planner, str]]
    backend: Callable[[str], AgentBackend]
    personas: Callable[[], tuple[Persona, ...]]
    persona_notes: Callable[[], tuple[str, ...]]
    """What the user should know of them before a run: files that cannot be used, and whose words are a
    workspace's."""
    project_text: Callable[[], str]
    trusted: Callable[[], bool]
    now: Callable[[], float]
    new_id: Callable[[str], str]
    relate: Relate = in_a_thread
    parse: Parse | None = None
    stands: Callable[[], bool] = lambda: True  # false once the state's folder was deleted under us


@dataclass(frozen=True, slots=True)
class _Turn:
    run_id: str
    happening: h.Happening | f.RunStarted
    done: asyncio.Future[Facts] | None


@dataclass(slots=True)
class Engine:
    """See the module. `open` first; `close` leaves nothing running."""

    workspace: str
    settings: Settings
    adapters: Adapters
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    entries: list[f.Entry] = field(default_factory=list[f.Entry])
    faces: list[Face] = field(default_factory=list[Face])
    listeners: list[Listener] = field(default_factory=list[Listener])
    watchers: list[Watcher] = field(default_factory=list[Watcher])
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a decision is carried out in the user's text, and while that text is read for a run."""
    _queue: asyncio.Queue[_Turn] = field(default_factory=lambda: asyncio.Queue(QUEUE_SIZE))
    _effects: dict[Effect, asyncio.Task[None]] = field(default_factory=dict[Effect, "asyncio.Task[None]"])
    _starting: dict[tuple[str, str], asyncio.Task[None]] = field(
        default_factory=dict[tuple[str, str], "asyncio.Task[None]"]
    )
    _integrations: dict[str, Integration] = field(default_factory=dict[str, Integration])
    _baseline: Baseline | None = None
    _loop: asyncio.Task[None] | None = None
    _held: asyncio.TimerHandle | None = None
    _errands: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])
    mailroom: Mailroom = field(init=False)
    recall: Recall = field(init=False)
    pulses: Pulses = field(init=False)
    ward: Ward = field(init=False)
    forecasting: Forecasting = field(init=False)
    heads: Heads = field(init=False)
    _clock: Clock = field(init=False)
    at_rest: bool = False
    """Opened only to be looked at and decided in: no work starts until `wake`."""
    _waking: asyncio.Task[None] | None = None
    closing: bool = False
    """Set for good by `close`: what is broken off from then on is gone on with at the next open."""

    def __post_init__(self) -> None:
        self.mailroom, self.recall, self.forecasting = Mailroom(self), Recall(self), Forecasting(self)
        self.pulses, self.ward, self._clock = Pulses(self), Ward(self), Clock(self)
        self.heads = Heads(self)

    # --- life ----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Replay the journal, then go on with what was under way. JournalFailed where it cannot be read."""
        for entry in await self.adapters.journal.open():
            self._remember(entry)
        self.listeners += [Feedback(self).hear, self.recall.hear, self.forecasting.hear]
        await self.mailroom.open()
        self._baseline = Baseline(self.adapters.repository, self.adapters.gates)
        self._loop = asyncio.create_task(self._run_loop(), name="nexus engine")
        if not self.at_rest:
            self.at_rest = True
            await self._wake()

    def wake(self) -> None:
        """Go on with what was under way: somebody came who waits for it."""
        if self.at_rest and self._waking is None:
            self._waking = asyncio.create_task(self._wake(), name="wake the engine")

    async def _wake(self) -> None:
        # every run is recovered before the first effect starts: it would clear away what is to be salvaged
        for run in list(self.runs.values()):
            await self._recover(run)
        self.spawn(self.heads.look(), "look at HEAD")
        self.at_rest = False
        self.reconcile()

    async def close(self) -> None:
        """End every effect and give back every adapter. What was under way is recovered at the next open."""
        if self._loop and self._held is None:
            await self.recall.settle()
        self.closing = True
        if self._held:
            self._held.cancel()
        self._clock.stop()
        self.pulses.close()
        await self.forecasting.close()
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        tasks = [*self._effects.values(), *self._starting.values(), *self._errands]
        tasks += [self._waking] if self._waking else []
        await self.mailroom.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while not self._queue.empty():
            self._give(self._queue.get_nowait(), Refused(ENDED))
        await self.recall.close()
        await self.adapters.gates.close()
        await self.adapters.bus.close()
        await self.adapters.journal.close()

    async def _recover(self, run: Run) -> None:
        """Take up what a run's agents left when the last engine ended."""
        integration = self.integration(run.id)
        cut_off: list[tuple[str, str | None]] = []
        try:
            for task_id, state in run.tasks.items():
                if state.working:
                    cut_off.append((task_id, await integration.salvage(state)))
            await integration.sweep()
        except Exception:
            log.exception("what agents of %s left could not be taken up", run.id)
            taken = {task_id for task_id, _ in cut_off}
            cut_off += [(i, None) for i, s in run.tasks.items() if s.working and i not in taken]
        if run.status in OVER:
            return
        left = run.status == "pending" or any(
            s.status in ("pending", "in_progress") for s in run.tasks.values()
        )
        paid = left and run.started.team != "local"
        ask = self.adapters.new_id("ask") if paid and self.settings.resume == "ask" else None
        if cut_off or ask or run.active_since is not None:
            last = next((e.at for e in reversed(self.entries) if e.run_id == run.id), None)
            await self.submit(run.id, h.Recovered(tuple(cut_off), ask, last))

    # --- the loop ------------------------------------------------------------------------------------

    async def delegate(self, started: f.RunStarted) -> str:
        """Take a request on; gives the run's id once the fact is journalled."""
        self.wake()
        run_id = self.adapters.new_id("run")
        await self._put(run_id, started)
        return run_id

    async def submit(self, run_id: str, happening: h.Happening) -> Facts:
        """Let something happen to a run; gives the facts that followed, or raises Refused."""
        if run_id not in self.runs:
            raise Unknown(f"There is no run {run_id!r}. `nexus-lsp runs` lists them.")
        return await self._put(run_id, happening)

    async def deliver(self, run_id: str, happening: h.Happening) -> None:
        """As `submit`, again and again while the journal cannot be written: paid work is not thrown away."""
        while True:
            try:
                await self.submit(run_id, happening)
                return
            except JournalFailed:
                await asyncio.sleep(RETRY_AFTER)

    def report(self, run_id: str, happening: h.Happening) -> None:
        """As `submit`, without waiting: for progress. A full queue drops it."""
        try:
            self._queue.put_nowait(_Turn(run_id, happening, None))
        except asyncio.QueueFull:
            log.warning("the engine's queue is full: a progress report was dropped")

    async def quietly(self, run_id: str, happening: h.Happening) -> None:
        """As `submit`, for what is worth saying but changes nothing: what cannot be kept is logged."""
        try:
            await self.submit(run_id, happening)
        except (Refused, JournalFailed) as error:
            log.info("%s was not kept: %s", type(happening).__name__, error)

    async def when(self, run_id: str, holds: Callable[[Run], bool]) -> None:
        """Wait until something holds of a run."""
        changed = asyncio.Event()

        def hear(_entry: f.Entry, run: Run) -> None:
            if run.id == run_id:
                changed.set()

        self.listeners.append(hear)
        try:
            while not holds(self.runs[run_id]):
                changed.clear()
                await changed.wait()
        finally:
            self.listeners.remove(hear)

    def spawn(self, errand: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside the loop; it is cancelled when the engine closes."""
        task = asyncio.create_task(errand, name=name)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        task.add_done_callback(_logged)

    def names(self) -> dict[str, str]:
        """The personas' names, by their ids."""
        return {p.agent_id: p.name for p in self.adapters.personas()}

    def accepted(self) -> Iterator[Change]:
        """The changes of all runs that the user's text holds."""
        for run in self.runs.values():
            yield from (s.change for s in run.changes.values() if s.status == "accepted")

    def agents(self) -> dict[str, Any]:
        """How the team stands (`engine.roster`)."""
        adapters = self.adapters
        return roster.agents(self.runs.values(), adapters.personas(), adapters.now(), self.pulses.silence)

    def say(self, run_id: str, task_id: str, message: str) -> None:
        """A progress line that is shown and not kept (a gate's output as it comes)."""
        self.announce({"type": "said", "run_id": run_id, "task_id": task_id, "message": message})

    def announce(self, event: dict[str, Any]) -> None:
        """Tell every face something that is not a fact of a run."""
        for watcher in list(self.watchers):
            watcher(event)

    async def _put(self, run_id: str, happening: h.Happening | f.RunStarted) -> Facts:
        if self.closing:
            raise Refused(ENDED)
        done: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Turn(run_id, happening, done))
        return await done

    async def _run_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            turn = await self._queue.get()
            began = loop.time()
            try:
                facts = await self._take(turn)
                if turn.done and not turn.done.done():
                    turn.done.set_result(facts)
            except Refused as error:
                self._give(turn, error)
            except JournalFailed as error:
                self._hold(error)
                self._give(turn, error)
            except asyncio.CancelledError:
                self._give(turn, Refused(ENDED))
                raise
            except Exception as error:
                log.exception("a turn of the engine failed")
                self._give(turn, error)
            self.reconcile()
            if loop.time() - began > SLOW_TURN:
                log.warning(
                    "a turn took %.0f ms: %s", (loop.time() - began) * 1e3, type(turn.happening).__name__
                )

    @staticmethod
    def _give(turn: _Turn, error: Exception) -> None:
        if turn.done and not turn.done.done():
            turn.done.set_exception(error)

    async def _take(self, turn: _Turn) -> Facts:
        what = turn.happening
        if isinstance(what, f.RunStarted):
            facts: Facts = [what]
        else:
            facts = decide(self.runs[turn.run_id], what, self._limits())
        if facts:
            for entry in await self.adapters.journal.append(turn.run_id, facts, self.adapters.now()):
                self._tell(self._remember(entry), entry)
        return facts

    def _remember(self, entry: f.Entry) -> Run:
        old = self.runs.get(entry.run_id)
        run = evolve(old, entry) if old else begin(entry)
        self.runs[entry.run_id] = run
        self.entries.append(entry)
        return run

    def _tell(self, run: Run, entry: f.Entry) -> None:
        for listener in list(self.listeners):
            try:
                listener(entry, run)
            except Exception:
                log.exception("a listener failed")

    def _hold(self, error: JournalFailed) -> None:
        """Start nothing for a while: what follows from it could not be kept."""
        log.error("%s", error)
        if self._held is None and not self.closing:
            self._held = asyncio.get_running_loop().call_later(RETRY_AFTER, self._go_on)
            for run in self.runs.values():
                if run.status not in OVER:
                    self.say(run.id, "", f"{error} It is tried again every {RETRY_AFTER:.0f} seconds.")

    def _go_on(self) -> None:
        self._held = None
        self.reconcile()

    def _limits(self) -> Limits:
        personas, settings = self.adapters.personas(), self.settings
        return Limits(
            repairs=settings.repair_rounds,
            restarts={p.agent_id: p.health.restart_threshold for p in personas},
            agents=frozenset(p.agent_id for p in personas),
            replans=settings.replan_rounds,
            coverage=settings.coverage_target or None,
            tester=tester_of(personas) or "",
        )

    # --- effects -------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Start what is due and not under way; end what belongs to a run that is over."""
        for effect, task in list(self._effects.items()):
            # once: a second cancellation would break off the tidying up after the first
            if self.runs[effect.run_id].status in OVER and not task.cancelling():
                task.cancel()
        if self.closing or self.at_rest or self._held is not None:
            return
        live = [run for run in self.runs.values() if run.status not in OVER]
        for run in live:
            for effect in due(run):
                if effect not in self._effects:
                    self._effects[effect] = asyncio.create_task(self._perform(effect), name=str(effect))
        now = self.adapters.now()
        places, touched = self.ward.places, self.forecasting.touched
        for key in next_starts(live, self.settings.max_agents, self._starting, now, places, touched):
            self._starting[key] = asyncio.create_task(self._start_task(*key), name=f"start {key}")
        self.pulses.look()
        self.mailroom.look()
        self.recall.look()
        self._clock.wind(live, self.ward.wakes())

    async def _perform(self, effect: Effect) -> None:
        try:
            await self._kinds()[effect.kind](effect)
            if effect in due(self.runs[effect.run_id]):
                raise RuntimeError(f"“{effect.kind}” ended without a result; please report this")
        except asyncio.CancelledError:
            raise
        except JournalFailed:
            log.warning("%s is done again when the journal can be written", effect)
        except RepositoryFailed as error:
            await self._fell(effect, error)
        except Exception as error:
            log.exception("%s failed", effect)
            await self._fell(effect, error)
        finally:
            self._effects.pop(effect, None)
            self._after_effect()

    def _after_effect(self) -> None:
        if not self.closing:
            self.reconcile()

    async def _fell(self, effect: Effect, error: Exception) -> None:
        """An effect did not end as effects should: the run (or the task) fails with a sentence.

        Figures that could not be measured are no reason to give up work that has landed.
        """
        what: h.Happening
        told = str(error) or repr(error)
        if effect.kind == "work":
            what = h.Ended(effect.task_id, effect.attempt, "broken", told)
        elif effect.kind == "scrutinise" and (commit := self.runs[effect.run_id].integration):
            what = h.Scrutinised((f.QualityMeasured(commit, notes=(f"Nothing was measured: {told}",)),))
        else:
            what = h.StepFailed(told)
        try:
            await self.deliver(effect.run_id, what)
        except Refused:
            log.exception("%s could not be reported", effect)

    def _kinds(self) -> Mapping[str, Callable[[Effect], Awaitable[None]]]:
        assert self._baseline is not None
        keeper = self._baseline
        return {
            "snapshot": lambda effect: effects.snapshot(self, effect),
            "baseline": lambda effect: effects.baseline(self, effect, keeper),
            "plan": lambda effect: effects.plan(self, effect),
            "replan": lambda effect: effects.replan(self, effect),
            "scrutinise": lambda effect: effects.scrutinise(self, effect),
            "work": lambda effect: work(self, effect.run_id, effect.task_id),
            "land": lambda effect: self.integration(effect.run_id).land(effect.task_id),
        }

    def integration(self, run_id: str) -> Integration:
        """The keeper of a run's integration tree."""
        if run_id not in self._integrations:
            self._integrations[run_id] = Integration(self, run_id)
        return self._integrations[run_id]

    async def open_texts(self) -> dict[str, str]:
        """What every face has open, by path; a later face's text wins where two differ."""
        texts: dict[str, str] = {}
        for opened in await asyncio.gather(*(face.open_texts() for face in self.faces)):
            texts.update(opened)
        return texts

    async def _start_task(self, run_id: str, task_id: str) -> None:
        """Bring the integration tree up to the user's text, then give the task its place."""
        try:
            base = await self.integration(run_id).refresh()
            state = self.runs[run_id].tasks[task_id]
            await self.submit(run_id, h.Start(task_id, state.instance, base))
        except Away:
            log.info("task %s waits: HEAD was switched", task_id)
        except (Refused, JournalFailed):
            log.exception("task %s could not start", task_id)
            await asyncio.sleep(RETRY_AFTER)
        except Exception as error:
            log.exception("task %s could not start", task_id)
            with contextlib.suppress(Refused):
                await self.deliver(run_id, h.StepFailed(f"The task could not be prepared: {error}"))
        finally:
            self._starting.pop((run_id, task_id), None)
            self._after_effect()


def _logged(done: asyncio.Task[None]) -> None:
    if not done.cancelled() and done.exception():
        log.error("%s failed", done.get_name(), exc_info=done.exception())
