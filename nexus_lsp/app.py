"""Wiring: the only place that joins adapters to the engine. No decisions here."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus_lsp.adapters.shared_engine import SharedEngine
from nexus_lsp.adapters.socket_server import SocketServer
from nexus_lsp.adapters.state import Hold, state_root, workspace_of, workspace_state
from nexus_lsp.adapters.trust import TrustStore
from nexus_lsp.core.personas import Caution, Persona
from nexus_lsp.core.problems import Problem, Refused
from nexus_lsp.core.settings import Settings
from nexus_lsp.engine.commit_operations import CommitOperations
from nexus_lsp.engine.engine import Adapters, Engine
from nexus_lsp.engine.evidence import Evidence
from nexus_lsp.engine.local_api import LocalApi
from nexus_lsp.engine.operations import Operations
from nexus_lsp.engine.review import Review
from nexus_lsp.ports import AgentBackend, Bus, EngineApi, Face, Planner, Repository

log = logging.getLogger(__name__)

PROJECT_FILES = ("AGENTS.md", "CLAUDE.md")
AGENT_DIRS = (".nexus/personas/", ".claude/agents/", ".github/agents/")
SETTLING = 1.0
"""Seconds after which a new folder of agents is surely watched."""
"""Where a workspace describes agents."""
PROJECT_TEXT = 16_000
"""Characters of each project file that agents are shown."""


async def connect(
    directory: Path,
    settings: Settings,
    env: Mapping[str, str],
    face: Face | None = None,
    at_rest: bool = False,
) -> EngineApi:
    """The engine of the workspace that `directory` belongs to: in this process, or in the one that holds it.

    `at_rest`: for a look or a decision only; an engine in this process then takes up no work of its own.

    Raises:
        Refused: the workspace is not there, or its state cannot be used; the text says what to do.
    """
    workspace = _workspace(directory)
    state = _state(env, workspace)
    hold = Hold(state)

    async def take(settings: Settings) -> LocalApi | None:
        if not hold.take():
            return None
        try:
            return await _open(workspace, state, settings, env, face, hold, at_rest)
        except BaseException:
            hold.give_back()
            raise

    shared = SharedEngine(state, settings, face, take)
    try:
        await shared.join()
    except BaseException:
        await shared.close()
        raise
    return shared


def _workspace(directory: Path) -> Path:
    try:
        return workspace_of(directory)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Refused(f"There is no workspace at {directory}: give an existing directory.") from error


def _state(env: Mapping[str, str], workspace: Path) -> Path:
    root = state_root(env)
    if root.resolve().is_relative_to(workspace):
        raise Refused(
            f"NEXUS' state directory ({root}) lies inside the workspace, which could then change it. "
            "Set NEXUS_STATE_DIR to a directory outside it."
        )
    try:
        return workspace_state(root, workspace)
    except OSError as error:
        raise Refused(
            f"The state directory cannot be used: {error}. Free disk space, or set NEXUS_STATE_DIR to a "
            "directory you can write."
        ) from error


async def _open(
    workspace: Path,
    state: Path,
    settings: Settings,
    env: Mapping[str, str],
    face: Face | None,
    hold: Hold,
    at_rest: bool,
) -> LocalApi:
    from nexus_lsp.adapters.disk_face import DiskFace
    from nexus_lsp.adapters.git_commit import GitCommits
    from nexus_lsp.adapters.preview_files import PreviewFiles
    from nexus_lsp.adapters.quarantine import Quarantine
    from nexus_lsp.adapters.watching import HEAD, DiskWatch

    repository = await Quarantine.open(workspace, state)
    staff = Staff(workspace, state, env)
    adapters = _adapters(workspace, state, settings, env, repository, staff, hold)
    engine = Engine(str(workspace), settings, adapters, at_rest=at_rest)
    evidence = Evidence(engine)
    disk = DiskFace(workspace, repository, state / "backups", engine.accepted)
    await asyncio.to_thread(disk.sweep)
    commits = GitCommits(workspace, state / "scratch")
    own = CommitOperations(engine, commits, PreviewFiles(state / "previews").put)
    operations = Operations(engine, Review(engine, disk), own)
    watches: list[DiskWatch] = []

    def changed(paths: tuple[str, ...]) -> None:
        if any(path.startswith(AGENT_DIRS) for path in paths):
            staff.reload_personas()
        elif any(folder.startswith(f"{path}/") for path in paths for folder in AGENT_DIRS):
            # a new folder's files may have been there before it was watched
            staff.reload_personas()
            asyncio.get_running_loop().call_later(SETTLING, staff.reload_personas)
        if HEAD in paths:
            engine.spawn(engine.heads.look(), "look at HEAD")
        engine.announce({"type": "disk_changed", "paths": [path for path in paths if path != HEAD]})

    def host(face: Face | None, after: Callable[[], Awaitable[None]] | None = None) -> LocalApi:
        # a terminal reads the disk when it needs it; an editor shows places in files, and has to hear
        if face is not None and not watches:
            watches.append(DiskWatch(workspace, changed))
        if after is None:
            engine.wake()
        return LocalApi(engine, operations, face, after)

    server = SocketServer(state, host)

    async def end() -> None:
        try:
            await server.close()
            for watch in watches:
                await watch.close()
            await evidence.close()
            await engine.close()
            await staff.close()
            await repository.close()
        finally:
            hold.give_back()

    try:
        await engine.open()
        await _serve(server, env)
        return host(face, end)
    except BaseException:
        await end()
        raise


def _adapters(
    workspace: Path,
    state: Path,
    settings: Settings,
    env: Mapping[str, str],
    repository: Repository,
    staff: Staff,
    hold: Hold,
) -> Adapters:
    from nexus_lsp.adapters.change_reading import relate_apart
    from nexus_lsp.adapters.gates import WorkspaceGates
    from nexus_lsp.adapters.grammars import parse
    from nexus_lsp.adapters.memory.embeddings import find_embedder
    from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
    from nexus_lsp.adapters.sqlite_journal import SqliteJournal

    return Adapters(
        repository=repository,
        journal=SqliteJournal(state / "journal.db"),
        gates=WorkspaceGates(repository, workspace),
        bus=_bus(state, settings, env),
        memory=SqliteMemory(state / "memory.db", find_embedder()),
        team=staff.team,
        planner=staff.planner,
        backend=staff.backend,
        personas=staff.personas,
        persona_notes=staff.persona_notes,
        project_text=staff.project_text,
        trusted=lambda: TrustStore(state_root(env)).is_trusted(workspace),
        now=time.time,
        new_id=lambda kind: f"{kind}_{secrets.token_hex(5)}",
        relate=relate_apart,
        parse=parse,
        stands=hold.stands,
    )


def _bus(state: Path, settings: Settings, env: Mapping[str, str]) -> Bus:
    """Redis where the user names one (a password only ever in the environment), else a file."""
    url = env.get("NEXUS_REDIS_URL", "").strip() or settings.redis_url
    if url:
        from nexus_lsp.adapters.bus.redis_bus import RedisBus

        return RedisBus(url, f"nexus:{state.name}")
    from nexus_lsp.adapters.bus.sqlite_bus import SqliteBus

    return SqliteBus(state / "bus.db")


async def _serve(server: SocketServer, env: Mapping[str, str]) -> None:
    try:
        await server.start(env)
    except OSError:
        log.warning("no other window or terminal can attach to this engine", exc_info=True)


@dataclass(slots=True)
class Staff:
    """Who works on a workspace: the planners, the backends and the personas, each made when first needed."""

    workspace: Path
    state: Path
    env: Mapping[str, str]
    _backends: dict[str, AgentBackend] = field(default_factory=dict[str, AgentBackend])
    _planners: dict[str, Planner] = field(default_factory=dict[str, Planner])
    _personas: tuple[tuple[Persona, ...], list[Problem]] | None = None

    def team(self, wanted: str) -> tuple[str, str]:
        """Which team works, and why."""
        from nexus_lsp.adapters.claude_launcher import has_credentials

        if wanted != "auto":
            return wanted, "you chose it"
        ready, why = has_credentials(self.env, Path.home())
        return ("claude" if ready else "local"), why

    def planner(self, _team: str) -> tuple[Planner, str]:
        """OpenAI where a key or a base URL is set, else the built-in planner."""
        if self.env.get("OPENAI_API_KEY") or self.env.get("OPENAI_BASE_URL"):
            return self._planner("openai"), "an OpenAI key or base URL is set"
        return self._planner("built-in"), "no OpenAI key is set"

    def _planner(self, name: str) -> Planner:
        if name not in self._planners:
            if name == "openai":
                from nexus_lsp.adapters.openai_planner import OpenAIPlanner

                key, base_url = self.env.get("OPENAI_API_KEY"), self.env.get("OPENAI_BASE_URL")
                self._planners[name] = OpenAIPlanner(api_key=key, base_url=base_url)
            else:
                from nexus_lsp.adapters.builtin_planner import BuiltinPlanner

                self._planners[name] = BuiltinPlanner()
        return self._planners[name]

    def backend(self, name: str) -> AgentBackend:
        """The backend of this name."""
        if name not in self._backends:
            if name == "claude":
                from nexus_lsp.adapters.claude_code import ClaudeCodeBackend

                self._backends[name] = ClaudeCodeBackend(self.state, self.env)
            else:
                from nexus_lsp.adapters.local_team import LocalTeam

                self._backends[name] = LocalTeam(workspace=self.workspace)
        return self._backends[name]

    def personas(self) -> tuple[Persona, ...]:
        """The personas, with the user's and the workspace's own over the bundled ones."""
        if self._personas is None:
            self._personas = self._load()
        return self._personas[0]

    def persona_problems(self) -> list[Problem]:
        """What is wrong in persona files."""
        self.personas()
        return self._personas[1] if self._personas else []

    def persona_notes(self) -> tuple[str, ...]:
        """What of them the user should know at the start of a run; `nexus-lsp doctor` tells all of it."""
        own = [f"{p.name} ({p.agent_id})" for p in self.personas() if p.origin == "workspace"]
        told = [f"As this workspace describes them: {', '.join(own)}."] if own else []
        wrong = [p for p in self.persona_problems() if not isinstance(p, Caution)]
        more = [f"{len(wrong) - 3} more persona files have problems; `nexus-lsp doctor` lists them."]
        return (*told, *map(str, wrong[:3]), *(more if wrong[3:] else ()))

    def reload_personas(self) -> None:
        """Forget the personas: they are read anew when next needed."""
        self._personas = None

    def _load(self) -> tuple[tuple[Persona, ...], list[Problem]]:
        from nexus_lsp.adapters.persona_files import load_personas

        return load_personas(state_root(self.env) / "personas", self.workspace)

    def project_text(self) -> str:
        """What the repository says to agents, to be quoted as untrusted."""
        root, texts = self.workspace.resolve(), list[str]()
        for name in PROJECT_FILES:
            try:
                file = (root / name).resolve()
                # A link could lead to a key of the user's, or to an .env that is in no checkout, and every
                # prompt would hold it; one to other notes of the repository is usual.
                if not (file.is_relative_to(root) and file.suffix == ".md" and file.is_file()):
                    continue
                with file.open("rb") as content:
                    text = content.read(4 * PROJECT_TEXT).decode("utf-8", "replace")
            except (OSError, RuntimeError):  # not readable; links that go round in a circle
                continue
            texts.append(f"# {name}\n{text[:PROJECT_TEXT]}")
        return "\n\n".join(texts)

    async def close(self) -> None:
        """End every process the team started."""
        for backend in self._backends.values():
            await backend.close()
        for planner in self._planners.values():
            await planner.close()
