"""An engine at work on a workspace with git: real quarantine and disk, scripted planner, agents and gates."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from fake_bus import MemoryBus
from fake_memory import FakeMemory
from fakes import (
    AGENTS,
    Clock,
    Ids,
    MemoryJournal,
    ScriptedBackend,
    ScriptedGates,
    ScriptedPlanner,
    Step,
    Verdicts,
    persona,
    plan,
    put,
)

from nexus_lsp.adapters.disk_face import DiskFace
from nexus_lsp.adapters.git_commit import GitCommits
from nexus_lsp.adapters.grammars import parse
from nexus_lsp.adapters.preview_files import PreviewFiles
from nexus_lsp.adapters.quarantine import Quarantine
from nexus_lsp.core.facts import Fact, RunStarted
from nexus_lsp.core.plan import Task
from nexus_lsp.core.run import Run
from nexus_lsp.core.settings import Settings
from nexus_lsp.engine.commit_operations import CommitOperations
from nexus_lsp.engine.engine import Adapters, Engine
from nexus_lsp.engine.operations import Operations
from nexus_lsp.engine.review import Decided, Review
from nexus_lsp.ports import Face, Journal

QUIET = frozenset({"ready", "completed", "failed", "cancelled", "paused", "awaiting_approval"})
PATIENCE = 30.0

FILES: Mapping[str, str] = {
    "a.txt": "one\ntwo\nthree\nfour\nfive\n",
    "b.txt": "b\n",
    "src/c.py": "def c():\n    return 1\n",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=User", "-c", "user.email=user@example.org")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, env=env, check=True
    )
    return done.stdout.decode().strip()


def manifest(folder: Path) -> dict[str, tuple[str, int]]:
    """Path -> (hash or link target, mode) of everything, `.git` included; directories left out."""
    found: dict[str, tuple[str, int]] = {}
    for top, folders, files in os.walk(folder):
        links = [name for name in folders if Path(top, name).is_symlink()]
        for name in (*files, *links):
            place = Path(top, name)
            mode = place.lstat().st_mode
            content = os.readlink(place).encode() if stat.S_ISLNK(mode) else place.read_bytes()
            found[str(place.relative_to(folder))] = (hashlib.sha256(content).hexdigest(), mode)
    return found


def texts(folder: Path) -> dict[str, str]:
    """Path -> text of the user's files."""
    return {
        str(place.relative_to(folder)): place.read_bytes().decode("utf-8", "replace")
        for place in sorted(folder.rglob("*"))
        if place.is_file() and ".git" not in place.parts
    }


class OpenBuffers:
    """A face with unsaved text in it, which it never changes by itself."""

    def __init__(self, opened: Mapping[str, str]) -> None:
        self.opened = dict(opened)

    async def open_texts(self) -> Mapping[str, str]:
        return self.opened


@dataclass
class House:
    """`open` begins an engine, `run` delegates a request to it and waits until it rests."""

    workspace: Path
    state: Path
    settings: Settings = field(default_factory=lambda: Settings(resume="auto"))
    journal: Journal = field(default_factory=MemoryJournal)
    clock: Clock = field(default_factory=Clock)
    ids: Ids = field(default_factory=Ids)
    planner: ScriptedPlanner = field(default_factory=lambda: ScriptedPlanner(plan()))
    backend: ScriptedBackend = field(default_factory=lambda: ScriptedBackend({}))
    bus: MemoryBus = field(default_factory=MemoryBus)
    memory: FakeMemory = field(default_factory=FakeMemory)
    persona_notes: tuple[str, ...] = ()
    quarantine: Quarantine = field(init=False)
    gates: ScriptedGates = field(init=False)
    engine: Engine = field(init=False)
    review: Review = field(init=False)
    operations: Operations = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # --- life ----------------------------------------------------------------------------------------

    async def open(self, verdicts: Verdicts | None = None) -> None:
        self.quarantine = await Quarantine.open(self.workspace, self.state)
        self.gates = ScriptedGates(self.quarantine, verdicts)
        adapters = Adapters(
            repository=self.quarantine,
            journal=self.journal,
            gates=self.gates,
            bus=self.bus,
            memory=self.memory,
            team=lambda wanted: (wanted, ""),
            planner=lambda _: (self.planner, "the only one"),
            backend=lambda _: self.backend,
            personas=lambda: tuple(map(persona, AGENTS)),
            persona_notes=lambda: self.persona_notes,
            project_text=lambda: "",
            trusted=lambda: True,
            now=self.clock,
            new_id=self.ids,
            parse=parse,
        )
        self.engine = Engine(str(self.workspace), self.settings, adapters)
        self.engine.listeners.append(lambda _entry, _run: self._changed.set())
        disk = DiskFace(self.workspace, self.quarantine, self.state / "backups", self.engine.accepted)
        self.review = Review(self.engine, disk)
        commits = GitCommits(self.workspace, self.state / "scratch")
        previews = PreviewFiles(self.state / "previews")
        own = CommitOperations(self.engine, commits, previews.put)
        self.operations = Operations(self.engine, self.review, own)
        await self.engine.open()

    async def close(self) -> None:
        await self.engine.close()
        await self.quarantine.close()

    async def reopen(self, verdicts: Verdicts | None = None) -> None:
        await self.close()
        await self.open(verdicts)

    # --- runs ----------------------------------------------------------------------------------------

    async def delegate(self, **started: object) -> str:
        values = {"request": "make it good", "workspace": str(self.workspace), "team": "local", **started}
        return await self.engine.delegate(RunStarted(**values))  # type: ignore[arg-type]

    def plays(self, *tasks: Task, **script: Step | Sequence[Step]) -> None:
        """What the planner plans and what the agents do, by task id."""
        self.planner.answer = plan(*tasks)
        self.backend.script |= script

    async def run(
        self, *tasks: Task, started: Mapping[str, object] | None = None, **script: Step | Sequence[Step]
    ) -> Run:
        self.plays(*tasks, **script)
        return await self.rests(await self.delegate(**(started or {})))

    async def until(self, run_id: str, test: Callable[[Run], bool]) -> Run:
        async with asyncio.timeout(PATIENCE):
            while not test(self.engine.runs[run_id]):
                self._changed.clear()
                await self._changed.wait()
        return self.engine.runs[run_id]

    async def rests(self, run_id: str) -> Run:
        return await self.until(run_id, lambda run: run.status in QUIET)

    def now(self, run: Run) -> Run:
        return self.engine.runs[run.id]

    def facts(self, run: Run, *kinds: type[Fact]) -> list[Fact]:
        return [e.fact for e in self.engine.entries if e.run_id == run.id and isinstance(e.fact, kinds)]

    # --- the user ------------------------------------------------------------------------------------

    def types(self, path: str, content: str | bytes | None) -> None:
        """The user saves a file."""
        put(self.workspace, path, content)

    def user_texts(self) -> dict[str, str]:
        return texts(self.workspace)

    async def accept(self, run: Run, *ids: str) -> Decided:
        return await self.review.accept(ids or [c.id for c in self.now(run).pending_changes], None)

    async def reject(self, run: Run, *ids: str, reason: str = "") -> Decided:
        return await self.review.reject(ids or [c.id for c in self.now(run).pending_changes], reason)

    # --- trees ---------------------------------------------------------------------------------------

    async def tree(self, commit: str | None) -> dict[str, str]:
        assert commit is not None
        found: dict[str, str] = {}
        for path, _ in await self.quarantine.files(commit):
            file = await self.quarantine.read_file(commit, path)
            assert file is not None
            found[path] = file.content.decode("utf-8", "replace")
        return found

    def checkouts(self) -> list[str]:
        return sorted(p.name for p in (self.state / "checkouts").iterdir())


def as_face(face: OpenBuffers) -> Face:
    return face  # type: ignore[return-value]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "home").mkdir()
    return new_workspace(tmp_path / "workspace")


def new_workspace(folder: Path, files: Mapping[str, str | bytes] = FILES) -> Path:
    folder.mkdir()
    for path, content in files.items():
        put(folder, path, content)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest_asyncio.fixture
async def house(workspace: Path, tmp_path: Path) -> AsyncIterator[House]:
    built = House(workspace, tmp_path / "state")
    await built.open()
    yield built
    await built.close()
