"""Operations on the user's own repository: commit, branch, and what is known of a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.core.wire import Json
from nexus_lsp.engine.committing import Committing
from nexus_lsp.engine.engine import Engine
from nexus_lsp.engine.explaining import Explaining
from nexus_lsp.engine.proposing import Proposing, waiting
from nexus_lsp.ports import Commits, Face

MAX_MESSAGE = 100_000
"""Characters of a commit's message."""


class _Argument(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Commit(_Argument):
    run_ids: list[str] = []
    message: str | None = Field(default=None, max_length=MAX_MESSAGE)
    notes: bool = False
    whole_files: bool = False
    dry_run: bool = False


class _Branch(_Argument):
    name: str = Field(min_length=1, max_length=200)
    run_id: str | None = None
    change_ids: list[str] | None = None
    message: str | None = Field(default=None, max_length=MAX_MESSAGE)
    notes: bool = False


class _Why(_Argument):
    path: str
    line: int = Field(ge=0)
    """0-based."""


class _Meant(_Argument):
    path: str | None = None
    run_id: str | None = None
    change_ids: list[str] | None = None


class _Preview(_Meant):
    as_files: bool = False
    """Read-only files with the texts are made, and named."""


Handler = Callable[[Any, Face | None], Awaitable[Json]]
PutPreview = Callable[[str, str, str], Awaitable[str]]
"""Makes a read-only file (subject, path, text) and gives its name."""


class CommitOperations:
    """Rows of `engine.operations`' table."""

    def __init__(self, engine: Engine, commits: Commits, put_preview: PutPreview) -> None:
        self._engine = engine
        self._commits = commits
        self._committing = Committing(engine, commits)
        self._explaining = Explaining(engine, commits)
        self._proposing = Proposing(engine, commits)
        self._put_preview = put_preview
        self.table: Mapping[str, tuple[type[BaseModel], Handler]] = {
            "review.commit": (_Commit, self._commit),
            "review.branch": (_Branch, self._branch),
            "review.why": (_Why, self._why),
            "review.preview": (_Preview, self._preview),
            "review.diff": (_Meant, self._diff),
        }

    async def committed(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of these files that the user's last commit has; none without a repository."""
        try:
            head = await self._commits.head()
            files = await self._commits.files(head.commit, paths)
        except Refused:
            return frozenset()
        return frozenset(path for path, held in files.items() if held is not None)

    async def _commit(self, a: _Commit, _face: Face | None) -> Json:
        return await self._committing.commit(a.run_ids, a.message, a.notes, a.whole_files, a.dry_run)

    async def _why(self, a: _Why, _face: Face | None) -> Json:
        return await self._explaining.why(a.path, a.line)

    async def _preview(self, a: _Preview, _face: Face | None) -> Json:
        await self._engine.heads.look()
        changes = waiting(self._engine, a.run_id, a.change_ids, a.path)
        answer = await self._proposing.texts(changes, [a.path] if a.path is not None else [])
        if a.as_files:
            subject = a.run_id or ("chosen" if a.change_ids is not None else "all")
            for file in answer["files"]:
                if file["text"] is not None:
                    file["file"] = await self._put_preview(subject, file["path"], file["text"])
        return answer

    async def _diff(self, a: _Meant, _face: Face | None) -> Json:
        await self._engine.heads.look()
        return await self._proposing.patch(waiting(self._engine, a.run_id, a.change_ids, a.path))

    async def _branch(self, a: _Branch, _face: Face | None) -> Json:
        if (a.run_id is None) == (a.change_ids is None):
            raise InvalidArgument("Give exactly one of changeIds and runId.")
        states = {i: s for run in self._engine.runs.values() for i, s in run.changes.items()}
        if a.run_id is not None:
            if a.run_id not in self._engine.runs:
                raise Unknown(f"There is no run {a.run_id!r}. `nexus-lsp runs` lists them.")
            mine = self._engine.runs[a.run_id].changes
            ids = [i for i, s in mine.items() if s.status == "pending"]
        else:
            ids = list(dict.fromkeys(a.change_ids or ()))
        for change_id in ids:
            if change_id not in states:
                raise Unknown(f"There is no change {change_id!r}. `nexus.review.list` lists them.")
            if states[change_id].status != "pending":
                raise Refused(f"{change_id} is {states[change_id].status}: a branch takes changes that wait.")
        if not ids:
            raise Refused(
                "Nothing waits there to be put on a branch; `nexus-lsp review list` shows what does."
            )
        return await self._committing.branch([states[i].change for i in ids], a.name, a.message, a.notes)
