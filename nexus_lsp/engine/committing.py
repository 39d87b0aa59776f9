"""Commits and branches of changes, when the user asks: in the user's own words, or in a draft's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Change
from nexus_lsp.core.commit_message import Measured, draft
from nexus_lsp.core.commit_note import note
from nexus_lsp.core.grafting import Graft, Held, graft, standing, whole_files, with_staged
from nexus_lsp.core.problems import Refused, Unknown
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.core.wire import Json
from nexus_lsp.engine import sparse
from nexus_lsp.ports import Commits, Head, Made

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

HEADS = "refs/heads/"
Files = Mapping[str, Held | None]


class Committing:
    """One commit at a time; the user's text is read while no decision is carried out in it."""

    def __init__(self, engine: Engine, commits: Commits) -> None:
        self._engine = engine
        self._commits = commits
        self._turn = asyncio.Lock()

    # --- a commit on the current branch --------------------------------------------------------------

    async def commit(
        self, run_ids: Sequence[str], message: str | None, notes: bool, whole: bool, dry_run: bool
    ) -> Json:
        """Commit the accepted changes of these runs (none: of all on this branch) that the files hold."""
        async with self._turn:
            head = await self._ready()
            states = await self._accepted(run_ids, head)
            changes = [state.change for state in states]
            base = await self._commits.files(head.commit, _paths(changes))
            made = await self._standing(base, changes, whole)
            lost = _lost(made, states)
            ids = made.ids
            if not ids:
                if not dry_run:
                    await self._settle(made.had, head)
                raise Refused(_nothing(made, lost))
            files = {path: file.held for path, file in made.files.items()}
            if whole:
                files |= await self._commits.on_disk(list(files))
            runs = self._runs_of(ids)
            tree = await self._commits.tree(head.commit, files)
            trees = await self._trees(runs)
            text = message if message and message.strip() else draft(runs, ids, self._names(), trees, tree)
            answer = self._told(made, files, text) | {"branch": _short(head.ref or "")}
            if dry_run:
                return answer | {"commit": None, "output": ""}
            index = files if whole else await self._index(made, base)
            stop = asyncio.Event()

            async def carry_out() -> Json:
                done = await self._commits.commit(head, files, index, text, stop)
                noted = notes and await self._note(done, runs, made, trees, answer)
                await self._remember(done, _short(head.ref or ""), ids, noted)
                await self._settle(made.had, head)
                return answer | {"commit": done.commit, "output": done.said}

            return await _to_its_end(carry_out(), stop)

    async def _ready(self) -> Head:
        head = await self._commits.head()
        if head.doing:
            raise Refused(f"{head.doing.capitalize()} is in progress: finish it (or abort it), then commit.")
        if head.ref is None:
            raise Refused("HEAD is detached, so a commit would be on no branch: switch to one first.")
        return head

    async def _accepted(self, run_ids: Sequence[str], head: Head) -> list[ChangeState]:
        """What no commit that the branch has by now holds, in the order in which it was accepted."""
        runs = [self._run(i) for i in run_ids] or list(self._engine.runs.values())
        for run in runs if run_ids else ():
            if run.head is not None and run.head != head.ref:
                raise Refused(
                    f"{run.id} belongs to {_short(run.head)}, and you are on {_short(head.ref or '')}: "
                    "switch back first."
                )
        here = {run.id: run for run in runs if run.head in (None, head.ref)}
        states = {i: s for run in here.values() for i, s in run.changes.items() if s.status == "accepted"}
        known = {s.commit for s in states.values() if s.commit is not None}
        gone = {None, *await self._commits.unreached(head.commit, known)}
        wanted = {i for i, s in states.items() if s.commit in gone}
        if not wanted:
            what = "of this run " if run_ids else ""
            raise Refused(f"Nothing {what}is accepted and not committed yet: accept changes first.")
        order = {
            e.fact.change_id: e.seq for e in self._engine.entries if isinstance(e.fact, f.ChangeAccepted)
        }
        return [states[i] for i in sorted(wanted, key=lambda i: order.get(i, 0))]

    async def _standing(self, base: Files, changes: Sequence[Change], whole: bool) -> Graft:
        blobs = await self._blobs(changes)
        async with self._engine.deciding:
            live = await self._commits.on_disk(list(base))
            opened = await self._engine.open_texts()
        made = await asyncio.to_thread(whole_files if whole else standing, base, changes, blobs, live)
        gone = {c.path for c in changes if c.id in made.left}
        unsaved = [path for path in sorted(gone & opened.keys()) if _differs(live.get(path), opened[path])]
        if unsaved:
            raise Refused(f"Save first: what you accepted is not in the file yet ({', '.join(unsaved)}).")
        return made

    async def _index(self, made: Graft, base: Files) -> Files:
        """What the user's index holds afterwards: what was staged stays staged."""
        staged = await self._commits.staged(list(made.files))
        index: dict[str, Held | None] = {}
        for path, file in made.files.items():
            try:
                index[path] = with_staged(file, base[path], staged[path])
            except ValueError:
                raise Refused(
                    f"You have staged edits of the same lines of {path}: commit or unstage them first "
                    f"(git restore --staged), or commit the files as they are (--whole-files)."
                ) from None
        return index

    async def _settle(self, had: Sequence[str], head: Head) -> None:
        """What the last commit has already is committed, whoever did it."""
        if had and head.commit:
            await self._remember(Made(head.commit, ""), _short(head.ref or ""), had, False)

    # --- a branch ------------------------------------------------------------------------------------

    async def branch(self, changes: Sequence[Change], name: str, message: str | None, notes: bool) -> Json:
        """A new branch that holds these waiting changes on the commit that they belong to."""
        async with self._turn:
            await self._commits.free_branch(name)
            runs = self._runs_of([c.id for c in changes])
            base = await self._base_of(runs)
            there = await self._commits.files(base, _paths(changes))
            onto = [c for c in changes if there[c.path] is not None]
            unseen = await sparse.unseen(self._engine.adapters.repository, onto)
            chosen = [c for c in changes if c.id not in unseen]
            made = await asyncio.to_thread(graft, there, chosen, await self._blobs(chosen))
            made.left |= unseen
            ids = made.ids
            if not ids:
                raise Refused(_nothing(made, ()))
            files = {path: file.held for path, file in made.files.items()}
            runs = self._runs_of(ids)
            trees, tree = await self._trees(runs), await self._commits.tree(base, files)
            text = message if message and message.strip() else draft(runs, ids, self._names(), trees, tree)
            done = await self._commits.branch(name, base, files, text)
            answer = self._told(made, files, text) | {"branch": name, "commit": done.commit}
            noted = notes and await self._note(done, runs, made, trees, answer)
            await self._remember(done, name, ids, noted)
            return answer

    async def _base_of(self, runs: Sequence[Run]) -> str | None:
        heads = dict.fromkeys(run.head for run in runs)
        if len(heads) > 1:
            told = " and ".join(_short(head or "no branch") for head in heads)
            raise Refused(f"These changes belong to {told}: put each run on a branch of its own.")
        ref = next(iter(heads))
        return await self._commits.tip(ref) if ref else (await self._commits.head()).commit

    # --- what both need ------------------------------------------------------------------------------

    def _run(self, run_id: str) -> Run:
        run = self._engine.runs.get(run_id)
        if run is None:
            raise Unknown(f"There is no run {run_id!r}. `nexus-lsp runs` lists them.")
        return run

    def _runs_of(self, ids: Iterable[str]) -> list[Run]:
        mine = set(ids)
        return [run for run in self._engine.runs.values() if mine & run.changes.keys()]

    def _names(self) -> dict[str, str]:
        return self._engine.names()

    async def _blobs(self, changes: Sequence[Change]) -> dict[str, bytes]:
        named = {b for c in changes for b in (c.base, c.before_blob, c.after_blob) if b is not None}
        read = self._engine.adapters.repository.read
        return {blob: await read(blob) for blob in sorted(named)}

    async def _trees(self, runs: Sequence[Run]) -> dict[str, str]:
        commits = {gate.commit for run in runs for gate in run.gates if isinstance(gate, Measured)}
        repository = self._engine.adapters.repository
        return {commit: await repository.tree(commit) for commit in sorted(commits)}

    def _told(self, made: Graft, files: Files, message: str) -> Json:
        left = [{"id": i, "why": why} for i, why in made.left.items()]
        return {"message": message, "change_ids": list(made.ids), "left": left, "paths": sorted(files)}

    async def _note(
        self, done: Made, runs: Sequence[Run], made: Graft, trees: Mapping[str, str], answer: Json
    ) -> bool:
        told = note(runs, made.files, self._names(), trees, done.tree)
        try:
            await self._commits.note(done.commit, json.dumps(told, ensure_ascii=False, indent=1))
        except Refused as error:
            answer["warning"] = str(error)
            return False
        return True

    async def _remember(self, done: Made, branch: str, ids: Sequence[str], noted: bool) -> None:
        for run in self._runs_of(ids):
            mine = tuple(i for i in ids if i in run.changes)
            await self._engine.submit(
                run.id, h.Committed(f.ChangesCommitted(done.commit, branch, mine, noted))
            )


async def _to_its_end(work: Coroutine[Any, Any, Json], stop: asyncio.Event) -> Json:
    """Half a commit is worse than none: who is cancelled says `stop`, and what was made by then counts."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        try:
            made = await task
        except Refused:
            made = None
        asked = asyncio.current_task()
        if made is None or asked is None:
            raise
        asked.uncancel()
        return made


def _paths(changes: Iterable[Change]) -> list[str]:
    return list(dict.fromkeys(p for c in changes for p in (c.old_path, c.path) if p is not None))


def _short(ref: str) -> str:
    return ref.removeprefix(HEADS)


def _lost(made: Graft, states: Iterable[ChangeState]) -> list[str]:
    """Take out what went with its commit: the commits that had those, by what was left out.

    The user threw it away (`git reset --hard`) or amended it to something else: no commit asks for it again.
    """
    gone = {s.change.id: s.commit for s in states if s.commit is not None and s.change.id in made.left}
    made.left = {i: why for i, why in made.left.items() if i not in gone}
    return list(dict.fromkeys(gone.values()))


def _nothing(made: Graft, lost: Sequence[str]) -> str:
    if made.left:
        told = "; ".join(f"{i}: {why}" for i, why in list(made.left.items())[:5])
        return f"None of these changes can be committed by itself. {told}."
    if lost and not made.had:
        which = f"the commit {lost[0][:12]}" if len(lost) == 1 else f"{len(lost)} commits"
        return (
            f"Nothing is accepted and not committed yet. Your branch no longer has {which}, and what was "
            "in it cannot be committed again: your files or the last commit have other lines there by now."
        )
    return "The last commit has all of these changes already."


def _differs(held: Held | None, text: str) -> bool:
    """Whether a buffer's text is another than its file's (editors keep a byte order mark to themselves)."""
    lines = held.lines if held else None
    return lines is None or "".join(lines).removeprefix("\ufeff") != text.removeprefix("\ufeff")
