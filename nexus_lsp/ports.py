"""Ports: what the engine needs from the outside, as small protocols named for their role.

Each port has its real adapter in `adapters/` and a fake in `tests/fakes.py`; one conformance suite
runs against both. Values that cross a port are frozen and could travel in a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.memory import MemoryItem, MemoryQuery, Recalled
from nexus_lsp.core.personas import Persona
from nexus_lsp.core.plan import Plan, Task
from nexus_lsp.core.replanning import Revision, Trouble
from nexus_lsp.core.team_tools import ToolSpec

if TYPE_CHECKING:
    from nexus_lsp.core.personality import Situation
    from nexus_lsp.core.quality import Scrutiny

# --- the repository (quarantine) ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The workspace as the editor shows it, as a commit in the quarantine.

    Attributes:
        commit: its object id; its parent is the previous snapshot of the same run, if any.
        notes: sentences about what could not be taken along (a nested repository, a socket, …).
    """

    commit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Harvest:
    """What an agent left in its checkout, committed by the server.

    Attributes:
        commit: child of the commit the agent started from (equal to it where nothing changed).
        paths: what differs, workspace-relative.
        notes: sentences about what was left out (ignored files, an escaped symlink, a socket, …).
    """

    commit: str
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """A three-way merge; the base is the commits' own merge base.

    Attributes:
        commit: a commit with both as parents; where files conflict it holds conflict markers.
        conflicts: the paths in conflict, empty for a clean merge.
    """

    commit: str
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that differs between two commits. `old_path` is set for an exact or edited rename.

    Blobs and modes are None on the side where the file does not exist.
    """

    path: str
    old_blob: str | None
    new_blob: str | None
    old_mode: str | None
    new_mode: str | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file to put into a tree: its bytes and its git mode."""

    content: bytes
    mode: str = "100644"


class RepositoryFailed(Exception):
    """The quarantine could not do its work; the text is a sentence that the user can act on.

    Raised for the machine's faults (no git, a full disk, a state directory that cannot be written) and
    for a commit that is not there. The user's workspace is as it was.
    """


class Repository(Protocol):
    """The quarantine of one workspace: a bare repository of our own, outside the workspace."""

    async def snapshot(self, open_texts: Mapping[str, str], parents: Sequence[str] = ()) -> Snapshot:
        """Take the workspace as it is now, with the texts of unsaved buffers (by path) laid over it."""
        ...

    async def checkout(self, commit: str, name: str) -> Path:
        """A fresh, isolated checkout of `commit`, with a git directory of its own. `name` is unique."""
        ...

    async def harvest(self, checkout: Path, start: str, message: str) -> Harvest:
        """Commit what stands in the checkout, as a child of `start`. Runs nothing the agent configured."""
        ...

    async def discard(self, checkout: Path) -> None:
        """Remove a checkout and all it holds."""
        ...

    async def merge(self, ours: str, theirs: str, message: str) -> Merge:
        """Merge two commits without a work tree."""
        ...

    async def with_files(
        self, commit: str, files: Mapping[str, FileContent | None], parents: Sequence[str], message: str
    ) -> str:
        """A commit whose tree is that of `commit` with these files put in, replaced or (None) removed."""
        ...

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """The files that differ, by path; renames found."""
        ...

    async def read(self, blob: str) -> bytes:
        """A blob's bytes; KeyError where there is none."""
        ...

    async def find(self, commit: str, path: str) -> tuple[str, str] | None:
        """(blob, mode) of a file of a commit, or None."""
        ...

    async def find_checkout(self, name: str) -> Path | None:
        """The checkout of this name, if it is still there (after a crash)."""
        ...

    async def read_file(self, commit: str, path: str) -> FileContent | None:
        """A file of a commit, or None."""
        ...

    async def files(self, commit: str) -> tuple[tuple[str, int], ...]:
        """(path, bytes) of every file of a commit."""
        ...

    async def keep(self, name: str, commit: str) -> None:
        """Point `refs/nexus/<name>` at the commit, so that it outlives housekeeping."""
        ...

    async def user_head(self) -> str | None:
        """What the user's HEAD names (`refs/heads/main` or an object id); None without git."""
        ...


# --- the planner -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Brief:
    """What a planner knows.

    Attributes:
        request: the user's words.
        files: (path, bytes) of the repository, all of them; the planner picks what it shows a model.
        personas: who is there, by `agent_id`.
        team: "claude" or "local": what the agents can do.
        focus: paths the request points at (the open file, a selection).
        context: the user's own additions (the seed's `context` object), as JSON text, or "".
        notes: what is to be heeded (the user's own words about earlier work).
        lessons: what memory holds of earlier runs that may matter, as material.
        records: by `agent_id`, how that persona did in this workspace so far, in words and measured figures.
        excerpts: (path, text) of a few files worth showing (README, pyproject, package.json), bounded.
    """

    request: str
    files: tuple[tuple[str, int], ...]
    personas: tuple[Persona, ...]
    team: str
    focus: tuple[str, ...] = ()
    context: str = ""
    notes: tuple[str, ...] = ()
    excerpts: tuple[tuple[str, str], ...] = ()
    lessons: tuple[str, ...] = ()
    records: tuple[tuple[str, str], ...] = ()


class PlanFailed(Exception):
    """No plan came of it; the text is a sentence the user can act on."""


class Planner(Protocol):
    """Makes a plan from a brief. `source` names it in progress lines ("OpenAI gpt-…", "built-in")."""

    source: str

    async def plan(self, brief: Brief) -> Plan:
        """A plan that `core.plan.plan_problems` finds no fault with, or PlanFailed."""
        ...

    async def replan(self, brief: Brief, trouble: Trouble) -> Revision:
        """Another way while the run is at work; PlanFailed, with the reason, where there is none."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


# --- agents ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """What a piece of work cost, as its backend measured it."""

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished task hands to the tasks that depend on it."""

    task_id: str
    agent_id: str
    title: str
    summary: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """A memory item as an agent is shown it; `at_day` is its date (2026-05-26)."""

    text: str
    source: str
    paths: tuple[str, ...]
    at_day: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as an agent is shown it: who says what kind of thing, in which thread."""

    sender: str
    kind: str
    text: str
    thread: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Jotting:
    """A note on the run's scratchpad."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that one attempt at one task needs: a value plus a checkout.

    Attributes:
        attempt: 1 for the first; more for repairs and retries.
        checkout: where to work; nothing outside it may be written.
        request: the user's words for the whole run; `plan_summary`: the plan in a sentence.
        results: results of the tasks this one depends on.
        evidence: why the last attempt did not do (gate output, conflicting files), or "".
        notes: what the user rejected, with reasons, and other things to heed.
        project_text: the repository's own AGENTS.md / CLAUDE.md, untrusted, to be quoted as such.
        trusted: whether the workspace's code may be run.
        changed_paths: workspace paths that differ from the user's text at this point of the run.
        situation: how urgent and how strained things are, who gets the result, what this persona has learned.
        memories: what the team remembers that may matter; letters: messages that came before the start;
        scratchpad: the run's notes.
        session_id: the backend's session to resume after a crash, or None.
        max_usd: budget for this attempt, or None.
        timeout: seconds after which the attempt is broken off.
    """

    run_id: str
    task: Task
    attempt: int
    persona: Persona
    checkout: Path
    request: str
    plan_summary: str
    results: tuple[TaskResult, ...] = ()
    evidence: str = ""
    notes: tuple[str, ...] = ()
    project_text: str = ""
    trusted: bool = False
    changed_paths: tuple[str, ...] = ()
    session_id: str | None = None
    max_usd: float | None = None
    timeout: float = 3600.0
    situation: Situation | None = None
    memories: tuple[Reminder, ...] = ()
    letters: tuple[Letter, ...] = ()
    scratchpad: tuple[Jotting, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """A line for the user while an agent works; `percent` only where it is known."""

    message: str
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The backend's session id, as soon as there is one, for resuming after a crash."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign of life, at most one a second: the tokens this attempt has used by now."""

    tokens: int = 0


Report = Progress | SessionStarted | Heard


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answers; `is_error` where the call was wrong, and the text says what to do instead."""

    text: str
    is_error: bool = False


class Line(Protocol):
    """What binds an agent at work to its team: tools to call, messages that come, and a way to be stopped."""

    tools: tuple[ToolSpec, ...]
    stopped: asyncio.Event
    """Set once the agent has to end; the backend then ends the attempt as `broken`, with what it cost."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Carry out a tool. Never raises for what the agent did wrong."""
        ...

    async def incoming(self) -> str:
        """What has come for the agent since it was last asked, to be put before the model; "" for nothing."""
        ...

    async def before_end(self) -> str:
        """Why the agent should not end its turn yet, or ""; says so a few times at most."""
        ...

    def waited(self) -> tuple[bool, float]:
        """Whether a tool waits for a person now, and the seconds spent so in this attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one line was changed: `line` is its old text without the line end."""

    path: str
    line: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        status: "done"; "failed" (the work); "unable" (the backend cannot do such work, and says so);
            "broken" (the backend: key, network, crash, time).
        summary: for the user and for dependent tasks, a few sentences or Markdown.
        retryable: for "broken": whether the same again may work.
        reasons: why single lines were changed, where the backend knows.
        fault: for "broken": whose it was. `service` and `program` count against the backend; after `hung` the
            conversation is not gone on with; `stopped` is nobody's.
        response_seconds: how long the model took to begin an answer, on average; None where not measured.
    """

    status: Literal["done", "failed", "unable", "broken"]
    summary: str
    spent: Spent = field(default_factory=Spent)
    session_id: str | None = None
    retryable: bool = False
    reasons: tuple[Reason, ...] = ()
    fault: Literal["", "service", "program", "hung", "stopped"] = ""
    response_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One line of `nexus-lsp doctor`: `mend` says what to do where `ok` is False."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


class AgentBackend(Protocol):
    """Does tasks. `work` is cancelled by cancelling its asyncio task and then leaves no process behind."""

    name: str

    async def work(self, assignment: Assignment, report: Callable[[Report], None], line: Line) -> Outcome:
        """Do the task in its checkout. Never raises for what the work or the service did wrong."""
        ...

    async def check(self) -> Sequence[Readiness]:
        """What is there and what is missing."""
        ...

    async def close(self) -> None:
        """End every process this backend started."""
        ...


# --- gates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate measured on one tree.

    Attributes:
        gate: "tests", "lint".
        status: "measured", or "not_measured" with the reason in `why`.
        passed, failed: ids of checks (`tests/test_a.py::test_b`; `pkg/a.py:F821`). For tests also those
            that could not be collected, as failed.
        output: the tool's own output, bounded to the part that matters.
        coverage: percent of lines, where measured.
        covered: source paths that the passing tests executed.
        places: (path, 0-based line, message) of failures, where the tool names them.
    """

    gate: str
    status: Literal["measured", "not_measured"]
    why: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    output: str = ""
    seconds: float = 0.0
    coverage: float | None = None
    covered: tuple[str, ...] = ()
    places: tuple[tuple[str, int, str], ...] = ()


class Gates(Protocol):
    """Measures trees of one workspace, one at a time, in an environment of its own."""

    async def measure(
        self, commit: str, trusted: bool, test_command: str | None, on_output: Callable[[str], None]
    ) -> tuple[GateResult, ...]:
        """Run every gate on the commit's tree. Nothing of the workspace's code runs unless trusted."""
        ...

    async def scrutinise(
        self,
        base: str,
        head: str,
        trusted: bool,
        test_command: str | None,
        on_output: Callable[[str], None],
    ) -> Scrutiny:
        """Quality and honesty of the change from `base` to `head`; a figure not measured is None, and noted.

        Without trust, or with a test command, only what the texts say. It may take minutes.
        """
        ...

    async def close(self) -> None:
        """End what runs and remove the gate checkout."""
        ...


# --- the journal -------------------------------------------------------------------------------------


class JournalFailed(Exception):
    """Facts cannot be kept; the text is a sentence the user can act on."""


class Journal(Protocol):
    """Every fact of an engine, in order."""

    async def open(self) -> list[Entry]:
        """Every entry so far; JournalFailed where the store cannot be used."""
        ...

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        """Keep facts (all or none) and give them their sequence numbers; JournalFailed where it cannot."""
        ...

    async def close(self) -> None:
        """Give back the store."""
        ...


# --- messages between agents -------------------------------------------------------------------------


class BusFailed(Exception):
    """The bus cannot be used now; the text is a sentence the user can act on. Nothing was lost by it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in its receiver's hands until it is acknowledged, refused, or its lease runs out.

    Attributes:
        message: the envelope as JSON (`core.messages`), seed's names and unknown fields included.
        attempt: 1 for the first delivery.
    """

    mailbox: str
    message_id: str
    message: Mapping[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that will not be delivered, and why."""

    mailbox: str
    message_id: str
    message: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class BusFigures:
    """Counted since the bus was first opened: `retried` are deliveries after the first of a message."""

    published: int = 0
    delivered: int = 0
    retried: int = 0
    acknowledged: int = 0
    dead: int = 0
    waiting: int = 0


class Bus(Protocol):
    """Mailboxes with at-least-once delivery; what was published survives a crash.

    Within a thread (`conversation_thread`) messages of a mailbox come in the order they were published, also
    after a retry; between threads the one with the most urgent waiting message goes first. A message id is
    taken once a mailbox: publishing it again changes nothing, so senders may repeat themselves.
    """

    @property
    def notice(self) -> str:
        """What the user should know of how the store was found (a broken file was moved aside), or ""."""
        ...

    async def open(self) -> None:
        """Begin; BusFailed where the store cannot be used."""
        ...

    async def publish(self, mailbox: str, message: Mapping[str, Any]) -> bool:
        """Keep an envelope for a mailbox; False where it was published there before. BusFailed."""
        ...

    async def receive(self, mailbox: str, limit: int = 20, wait: float = 0.0) -> tuple[Delivery, ...]:
        """Lease what is to be read next; waits up to `wait` seconds where nothing is there. BusFailed."""
        ...

    async def acknowledge(self, mailbox: str, message_ids: Sequence[str]) -> None:
        """These were read and are done with; unknown ids are passed over."""
        ...

    async def refuse(self, mailbox: str, message_id: str, why: str) -> None:
        """Give a message back: it comes again after a pause, or is a dead letter after too many attempts."""
        ...

    async def bury(self, mailbox: str, why: str) -> tuple[DeadLetter, ...]:
        """Nobody reads this mailbox any more: all that waits in it becomes dead letters, which are given."""
        ...

    async def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        """The newest dead letters, newest first."""
        ...

    async def broadcast(self, status: Mapping[str, Any]) -> None:
        """Tell every listener, of this process or another, how things stand; nothing is kept."""
        ...

    def listen(self, hear: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
        """Hear broadcasts from now on; the answer ends it."""
        ...

    async def figures(self) -> BusFigures:
        """What was counted."""
        ...

    async def close(self) -> None:
        """Give back the store; what was leased is delivered again after the next open."""
        ...


# --- memory ------------------------------------------------------------------------------------------


class MemoryFailed(Exception):
    """Memory cannot be used now; the text is a sentence the user can act on. Nothing stored was deleted."""


class Memory(Protocol):
    """What agents and the project remember across runs."""

    @property
    def notice(self) -> str:
        """What the user should know of how the store was found (a broken file was moved aside), or ""."""
        ...

    async def open(self) -> None:
        """Begin; MemoryFailed where the store cannot be used."""
        ...

    async def store(self, items: Sequence[MemoryItem]) -> None:
        """Keep items; one that is there already (by id) stays as it is. MemoryFailed."""
        ...

    async def search(self, query: MemoryQuery) -> tuple[Recalled, ...]:
        """The best items for a query, best first. MemoryFailed."""
        ...

    async def used(self, ids: Sequence[str], useful: bool) -> None:
        """These were shown to an agent; `useful`: its work then landed at once."""
        ...

    async def forget(
        self, ids: Sequence[str] = (), *, agent_id: str | None = None, everything: bool = False
    ) -> int:
        """Remove items for good, also from the file: by id, all of an agent, or all; how many that were."""
        ...

    async def export(self) -> list[MemoryItem]:
        """Every item, oldest first."""
        ...

    async def trim(self, agent_id: str, most: int, older_than: float | None = None) -> int:
        """Keep at most `most` items of an agent, none from before `older_than` (Unix seconds); how many went.

        The least useful and oldest go first; lessons and decisions go last.
        """
        ...

    async def close(self) -> None:
        """Give back the store."""
        ...


# --- faces -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What came of putting changes into the user's text, all of it one edit.

    Attributes:
        applied: ids of changes that the text holds now.
        refused: (id, why) of changes that were not applied; nothing of them was.
        unsaved: paths whose text is now in an editor buffer that is not saved.
    """

    applied: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    unsaved: tuple[str, ...] = ()


class Face(Protocol):
    """Where the user sees text: an editor, or the disk itself."""

    async def open_texts(self) -> Mapping[str, str]:
        """Text of every open document of the workspace, by path."""
        ...

    def can_carry(self, kind: ChangeKind) -> bool:
        """Whether this face can put such a change into the user's text."""
        ...

    async def carry_out(self, changes: Sequence[Change], undo: bool = False) -> CarriedOut:
        """Apply changes (or take accepted ones back) as one edit of the user's current text."""
        ...


# --- the engine, as faces see it ---------------------------------------------------------------------


class EngineApi(Protocol):
    """An engine, in this process or another: operations in, events out; JSON values in snake_case."""

    async def execute(self, name: str, argument: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an operation of `engine.operations`. Raises its InvalidArgument, Unknown, Refused."""
        ...

    def listen(self, hear: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Hear of every event from now on; the answer ends it."""
        ...

    async def close(self) -> None:
        """Leave the engine; one in this process ends with all it started."""
        ...
