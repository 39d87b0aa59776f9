"""Forecasting: looks at what agents at work have written so far, and says where it may not come together.

A look follows soon on a sign of an agent, and from time to time while somebody works. It writes nothing and
disturbs nobody; texts and touches that did not change are not read again. What is foreseen is a fact when it
changes, a message to the agents concerned once for each pair and file, and what was written tells the
scheduler what a task holds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.forecast import Ground, Touch, between, read
from nexus_lsp.core.merging.syntax import Parse
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import OVER, Run
from nexus_lsp.engine.drafts import Draft, Drafts, Key, Matter, Piece, Text
from nexus_lsp.engine.warning import warn_agents
from nexus_lsp.ports import JournalFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

SOON = 0.5
"""Seconds from a sign of an agent to the look that follows on it."""

EVERY = 3.0
"""Seconds between two looks while nothing is heard."""

SHARE = 10
"""Looks take one part in so many of the time at most."""

NEWS = (
    *(f.TaskStarted, f.TaskSubmitted, f.TaskCompleted, f.TaskFailed, f.TaskCancelled, f.RepairRequested),
    *(f.ChangeAccepted, f.ChangeRejected, f.ChangeOutdated, f.ChangeReopened, f.FileMoved, f.BaseMoved),
    *(f.RunRecovered, f.RunReady, f.RunCompleted, f.RunFailed, f.RunCancelled),
)


class Forecasting:
    """See the module; one for an engine. `touched`: what each task at work has written so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.touched: dict[Key, frozenset[str]] = {}
        self._drafts, self._reader = Drafts(engine), _Reader(engine.adapters.parse)
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._news: set[Key] = set()
        """Whose agents were heard since their checkouts were looked at."""
        self._looked_at_all = 0.0
        self._again = False
        self._cost = 0.0

    # --- when ----------------------------------------------------------------------------------------

    def hear(self, entry: f.Entry, _run: Run) -> None:
        """Look again once something is otherwise than a forecast supposed."""
        if isinstance(entry.fact, NEWS):
            self._soon()

    def heard(self, run_id: str, task_id: str) -> None:
        """An agent gave a sign of life: it may have written."""
        self._news.add((run_id, task_id))
        self._soon()

    def _soon(self) -> None:
        if self._looking is not None:
            self._again = True
        else:
            self._wind(SOON)

    def _wind(self, delay: float) -> None:
        if self._engine.closing:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(delay, self._cost * SHARE)
        if self._timer is not None and self._timer.when() <= due:
            return
        self._stop()
        self._timer = loop.call_at(due, self._begin)

    def _begin(self) -> None:
        self._timer = None
        # one that was only opened to be looked at has yet to take up what its agents left
        if self._looking is None and self._concerned() and not self._engine.at_rest:
            self._looking = asyncio.create_task(self._look_and_rest(), name="forecast")

    def _concerned(self) -> bool:
        runs = self._engine.runs.values()
        return bool(self.touched) or any(
            run.forecast or any(s.working for s in run.tasks.values())
            for run in runs
            if run.status not in OVER
        )

    async def _look_and_rest(self) -> None:
        began = time.monotonic()
        try:
            await self.look()
        except (Refused, JournalFailed) as error:
            log.info("a forecast was not kept: %s", error)
        except Exception:
            log.exception("nothing could be foreseen")
        finally:
            self._looking = None
            self._cost = time.monotonic() - began
        again, self._again = self._again, False
        if self._concerned():
            self._wind(SOON if again else EVERY)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    async def close(self) -> None:
        """Look no more."""
        self._stop()
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    # --- what ----------------------------------------------------------------------------------------

    async def look(self) -> None:
        """One look: at the checkouts, then at who is in whose way."""
        engine = self._engine
        news, self._news = frozenset(self._news), set()
        now = time.monotonic()
        if all_of_them := now - self._looked_at_all >= EVERY:
            self._looked_at_all = now
        drafts = await self._drafts.gather(None if all_of_them else news)
        self._hold(drafts)
        matter = await self._drafts.matter(drafts)
        names = engine.names()
        found = await asyncio.to_thread(self._reader.foresee, matter, names)
        for run in list(engine.runs.values()):
            clashes = found.get(run.id, ())
            if run.status not in OVER and clashes != run.forecast:
                await engine.quietly(run.id, h.Foreseen(clashes))
                await warn_agents(engine, run.id, clashes, names)

    def _hold(self, drafts: Iterable[Draft]) -> None:
        """Tell the scheduler what is being written, where that is news."""
        now = {draft.key: frozenset(draft.files) for draft in drafts if draft.side.state == "at_work"}
        if now != self.touched:
            self.touched = now
            self._engine.reconcile()


_Sign = tuple[str | None, ...]
_Which = tuple[f.ClashSide, f.ClashSide | None, str]
"""Whose work, compared with whom alone, in which file."""


class _Reader:
    """Reads pieces and compares them, in a thread; remembers what it read at the last look."""

    def __init__(self, parse: Parse | None) -> None:
        self._parse = parse
        self._grounds: dict[str, tuple[str | None, Ground]] = {}
        self._touches: dict[_Which, tuple[_Sign, Touch]] = {}
        self._told: dict[tuple[int, int, int, str], tuple[Touch, Touch, Ground, tuple[f.Clash, ...]]] = {}
        """By the identities of what was compared, which are kept along so that they stay theirs."""

    def foresee(self, matter: Matter, names: Mapping[str, str]) -> dict[str, tuple[f.Clash, ...]]:
        """Clashes by the run that they are told in."""
        grounds = {path: self._ground(path, text) for path, text in matter.grounds.items()}
        self._grounds = {path: (matter.grounds[path].sign, ground) for path, ground in grounds.items()}
        read_now: dict[_Which, tuple[_Sign, Touch]] = {}

        def touch(piece: Piece, alone: f.ClashSide | None = None) -> Touch:
            path = piece.work.path
            which, sign = (piece.work.side, alone, path), (*piece.sign, matter.grounds[path].sign)
            known = self._touches.get(which)
            read_now[which] = known if known and known[0] == sign else (sign, read(piece.work, grounds[path]))
            return read_now[which][1]

        drafts = [touch(piece) for piece in matter.pieces]
        pairs = [*_pairs(drafts)]
        for a in drafts:
            pairs += [(a, touch(piece, a.side)) for piece in matter.against.get((a.side, a.path), ())]
        self._touches = read_now
        found: dict[str, dict[f.Clash, None]] = {}
        told_now = dict(self._told)
        self._told = {}
        for a, b in pairs:
            ground = grounds[a.path]
            for home in {side.run_id for side in (a.side, b.side) if side in matter.drafting}:
                which = id(a), id(b), id(ground), home
                known = told_now.get(which) or (a, b, ground, between(a, b, ground, names, home, self._parse))
                self._told[which] = known
                found.setdefault(home, {}).update(dict.fromkeys(known[3]))
        return {run_id: tuple(sorted(some, key=_place)) for run_id, some in found.items()}

    def _ground(self, path: str, text: Text) -> Ground:
        known = self._grounds.get(path)
        return known[1] if known and known[0] == text.sign else Ground.of(path, text.lines or ())


def _pairs(drafts: Sequence[Touch]) -> Iterator[tuple[Touch, Touch]]:
    """Each two that may be in each other's way, once; of different files where a contract may be broken."""
    for at, a in enumerate(drafts):
        yield from ((a, b) for b in drafts[at + 1 :] if b.path == a.path and b.side != a.side)
        if a.contracts:
            yield from ((a, b) for b in drafts if b.path != a.path and b.side != a.side)


def _place(clash: f.Clash) -> tuple[str, int, int, str, str]:
    return clash.path, clash.line, clash.count, clash.kind, clash.message
