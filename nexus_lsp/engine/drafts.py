"""Drafts: what agents have written and not landed yet, and the texts that it is to be compared with.

All that is read here is read from checkouts as they stand and from the quarantine; nothing is written.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_lsp.core.anchors import place
from nexus_lsp.core.changes import Change
from nexus_lsp.core.facts import ClashSide
from nexus_lsp.core.forecast import Work
from nexus_lsp.core.hunks import Lines, apply
from nexus_lsp.core.proposals import hunk_of, text_of
from nexus_lsp.core.run import OVER, ChangeState, Run, TaskState
from nexus_lsp.core.team import USER
from nexus_lsp.core.text import split_lines
from nexus_lsp.engine.work import checkout_name
from nexus_lsp.ports import Repository, RepositoryFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""(run id, task id)."""

MOST_FILES = 200
"""Files of one draft that are compared; more is a sweep, which nobody is warned of line by line."""

LARGEST = 2**20
"""Bytes; a larger file counts as one line, as does one that is no text."""

_REMEMBERED = 500
"""Texts of blobs that are remembered."""


@dataclass(frozen=True, slots=True)
class Text:
    """A file's lines, None where there is no file; equal signs mean equal texts."""

    sign: str | None
    lines: Lines | None


NO_FILE = Text(None, None)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a task that has yet to land has made so far.

    Attributes:
        base: the commit that it is compared with; `tree`: the commit whose files stand where none is changed.
        files: path → stamp of what differs from `base`; "" for a file of `tree`.
        checkout: where its agent is at work; None for one that waits to land.
    """

    run: Run
    side: ClashSide
    base: str
    tree: str
    files: Mapping[str, str]
    checkout: Path | None = None

    @property
    def key(self) -> Key:
        """Run and task."""
        return self.side.run_id, self.side.task_id


@dataclass(frozen=True, slots=True)
class Piece:
    """One side's work in one file, and what it was read from."""

    work: Work
    sign: tuple[str | None, ...]


@dataclass(slots=True)
class Matter:
    """All that is to be compared.

    Attributes:
        grounds: path → the user's text, as the newest run saw it last.
        against: (drafting side, path) → what that side alone is to be compared with.
    """

    drafting: frozenset[ClashSide]
    pieces: list[Piece] = field(default_factory=list[Piece])
    grounds: dict[str, Text] = field(default_factory=dict[str, Text])
    against: dict[tuple[ClashSide, str], list[Piece]] = field(
        default_factory=dict[tuple[ClashSide, str], "list[Piece]"]
    )


class Drafts:
    """See the module; one for an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blobs: dict[str, Text] = {}
        self._written: dict[tuple[Path, str], Text] = {}
        self._read: dict[tuple[Path, str], Text] = {}
        """What was read in checkouts at the last look, and at this one."""
        self._seen: dict[Path, Mapping[str, str]] = {}
        """Checkout → what had been written there when it was looked at last."""
        self._found: dict[tuple[str, str], tuple[str, str] | None] = {}
        self._changes: dict[str, tuple[Mapping[str, ChangeState], dict[str, list[ChangeState]]]] = {}
        self._standing: dict[tuple[str, str], tuple[str, ...]] = {}
        """(base, start) of repairs → what differs between them."""

    @property
    def _repository(self) -> Repository:
        return self._engine.adapters.repository

    # --- who -----------------------------------------------------------------------------------------

    async def gather(self, only: frozenset[Key] | None = None) -> list[Draft]:
        """The drafts of all tasks at work or waiting to land.

        Of those at work only the checkouts of `only` are looked at anew, where it is given.
        """
        runs = [run for run in self._engine.runs.values() if run.status not in OVER]
        wanted = [(run, s) for run in runs for s in run.tasks.values() if s.working or s.submitted]
        found = await asyncio.gather(*(self._draft(run, state, only) for run, state in wanted))
        drafts = [draft for draft in found if draft is not None]
        places = {draft.checkout for draft in drafts}
        self._seen = {place: seen for place, seen in self._seen.items() if place in places}
        return drafts

    async def _draft(self, run: Run, state: TaskState, only: frozenset[Key] | None) -> Draft | None:
        try:
            if state.submitted:
                return await self._submitted(run, state)
            return await self._at_work(run, state, only is None or (run.id, state.task.id) in only)
        except RepositoryFailed:  # its checkout goes at this moment: the next look will see
            log.debug("nothing is seen of %s", state.task.id, exc_info=True)
            return None

    async def _submitted(self, run: Run, state: TaskState) -> Draft | None:
        base, commit = state.base, state.submitted
        if base is None or commit is None:
            return None
        side = ClashSide(run.id, state.task.id, state.task.agent, "waits")
        return Draft(run, side, base, commit, dict.fromkeys(await self._between(base, commit), ""))

    async def _at_work(self, run: Run, state: TaskState, anew: bool) -> Draft | None:
        base, start = state.base, state.start
        checkout = await self._repository.find_checkout(checkout_name(run.id, state))
        if base is None or start is None or checkout is None:
            return None
        before = dict.fromkeys(await self._between(base, start), "") if start != base else {}
        if anew or checkout not in self._seen:
            self._seen[checkout] = await self._repository.touched(checkout, start)
        written = self._seen[checkout]
        # a file that is gone has no stamp, and is not the one of `start`
        files = {**before, **{path: stamp or "gone" for path, stamp in written.items()}}
        side = ClashSide(run.id, state.task.id, state.task.agent, "at_work")
        return Draft(run, side, base, start, files, checkout)

    async def _between(self, old: str, new: str) -> tuple[str, ...]:
        if (old, new) not in self._standing:
            if len(self._standing) >= _REMEMBERED:
                self._standing.clear()
            diffs = await self._repository.diff(old, new)
            paths = dict.fromkeys(p for d in diffs for p in (d.old_path, d.path) if p)
            self._standing[old, new] = tuple(paths)
        return self._standing[old, new]

    # --- what ----------------------------------------------------------------------------------------

    async def matter(self, drafts: Sequence[Draft]) -> Matter:
        """What these drafts are to be compared on and with; files that nobody else touches are left out."""
        matter = Matter(frozenset(draft.side for draft in drafts))
        for draft in drafts:
            others = [d for d in drafts if d is not draft]
            for path in list(draft.files)[:MOST_FILES]:
                try:
                    await self._file(matter, draft, path, others)
                except (RepositoryFailed, KeyError):
                    log.debug("%s is passed over", path, exc_info=True)
        self._written, self._read = self._read, {}
        return matter

    async def _file(self, matter: Matter, draft: Draft, path: str, others: Sequence[Draft]) -> None:
        shared = any(path in other.files for other in others)
        ground = await self._ground(matter, path, [draft, *others])
        base = await self._at(draft.base, path)
        beside = [*await self._landed(draft, path, base), *await self._decided(draft, path, ground)]
        if not (shared or beside or (others and path.endswith(".py"))):
            return
        matter.grounds[path] = ground
        now = await self._now(draft, path)
        matter.pieces.append(_piece(draft.side, path, base, now))
        matter.against[draft.side, path] = beside

    async def _ground(self, matter: Matter, path: str, drafts: Iterable[Draft]) -> Text:
        if path in matter.grounds:
            return matter.grounds[path]
        newest = max((d.run for d in drafts if path in d.files), key=lambda run: run.started_at)
        return await self._at(newest.snapshot or "", path)

    async def _now(self, draft: Draft, path: str) -> Text:
        stamp = draft.files[path]
        if not stamp or draft.checkout is None:
            return await self._at(draft.tree, path)
        if stamp == "gone":
            return NO_FILE
        known = self._written.get((draft.checkout, path))
        if known is None or known.sign != stamp:
            content = await self._repository.peek(draft.checkout, path)
            known = NO_FILE if content is None else _text(content, stamp)
        self._read[draft.checkout, path] = known
        return known

    async def _at(self, commit: str, path: str) -> Text:
        if (commit, path) not in self._found:
            if len(self._found) >= 10 * _REMEMBERED:
                self._found.clear()
            self._found[commit, path] = await self._repository.find(commit, path)
        found = self._found[commit, path]
        return await self._blob(found[0]) if found else NO_FILE

    async def _blob(self, blob: str) -> Text:
        if blob not in self._blobs:
            if len(self._blobs) >= _REMEMBERED:
                self._blobs.clear()
            self._blobs[blob] = _text(await self._repository.read(blob), blob)
        return self._blobs[blob]

    # --- what came in meanwhile, what waits ------------------------------------------------------------

    async def _landed(self, draft: Draft, path: str, base: Text) -> list[Piece]:
        """What became of a file in the run's tree since the task began."""
        run = draft.run
        if run.integration in (None, draft.base):
            return []
        now = await self._at(run.integration or "", path)
        if now.sign == base.sign:
            return []
        authors = [s for s in run.tasks.values() if s.status == "completed" and path in s.paths]
        author = (authors[-1].task.id, authors[-1].task.agent) if authors else ("", USER)
        return [_piece(ClashSide(run.id, *author, "landed"), path, base, now)]

    async def _decided(self, draft: Draft, path: str, ground: Text) -> list[Piece]:
        """Changes of other runs: those that wait for the user, and those accepted since the task began."""
        began = draft.run.tasks[draft.side.task_id].started_at or 0.0
        found: list[Piece] = []
        for run in self._engine.runs.values():
            if run.id == draft.run.id or not (states := self._of_path(run, path)):
                continue
            fresh = run.ended_at is None or run.ended_at > began
            counting = [s for s in states if s.status == "pending" or (s.status == "accepted" and fresh)]
            for task_id in dict.fromkeys(s.change.task_ids[-1] for s in counting):
                mine = [s for s in counting if s.change.task_ids[-1] == task_id]
                if work := await self._proposed(run, path, mine, ground):
                    found.append(Piece(work, (work.side.state, *sorted(s.change.id for s in mine))))
        return found

    def _of_path(self, run: Run, path: str) -> list[ChangeState]:
        known = self._changes.get(run.id)
        if known is None or known[0] is not run.changes:
            known = self._changes[run.id] = (run.changes, _by_path(run.changes.values()))
        return known[1].get(path, [])

    async def _proposed(
        self, run: Run, path: str, states: Sequence[ChangeState], ground: Text
    ) -> Work | None:
        """Changes of one task in one file, as far as they are not in the user's text already."""
        last = states[-1].change
        waits = any(s.status == "pending" for s in states)
        side = ClashSide(run.id, last.task_ids[-1], last.agent_ids[-1], "proposed" if waits else "accepted")
        if last.kind == "edit" and last.base is not None and ground.lines is not None:
            base = (await self._blob(last.base)).lines or ()
            hunks = [hunk_of(s.change) for s in states if s.change.base == last.base]
            lines = await asyncio.to_thread(place, hunks, base, ground.lines)
            standing = [hunk for hunk, line in zip(hunks, lines, strict=True) if line is not None]
            try:
                return Work(side, path, base, apply(base, standing)) if standing else None
            except ValueError:  # they were proposed one after the other on the same lines
                return None
        if last.kind == "create" and ground.lines is None:
            return Work(side, path, None, split_lines(last.after))
        if (last.kind in ("delete", "rename") and last.path != path) or last.kind == "delete":
            return Work(side, path, ground.lines, None) if ground.lines is not None else None
        return None


def _piece(side: ClashSide, path: str, base: Text, now: Text) -> Piece:
    return Piece(Work(side, path, base.lines, now.lines), (base.sign, now.sign))


def _text(content: bytes, sign: str) -> Text:
    text = text_of(content) if len(content) <= LARGEST else None
    if text is None:
        return Text(sign, (f"{hashlib.sha256(content).hexdigest()}\n",))
    return Text(sign, split_lines(text))


def _by_path(states: Iterable[ChangeState]) -> dict[str, list[ChangeState]]:
    found: dict[str, list[ChangeState]] = {}
    for state in states:
        for path in _paths(state.change):
            found.setdefault(path, []).append(state)
    return found


def _paths(change: Change) -> Iterator[str]:
    yield change.path
    if change.old_path and change.old_path != change.path:
        yield change.old_path
