"""What a conversation with Claude Code tells us, in our own words, and lines for the user from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_lsp.ports import Spent


@dataclass(frozen=True, slots=True)
class Begun:
    """The conversation has an id."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Used:
    """The model called a tool."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Returned:
    """A tool has answered."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Said:
    """The model said something."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The service failed and the CLI will ask again; `status` is HTTP's, None for no answer at all."""

    status: int | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of life: a piece of an answer, or (`ping`) only an open line. Tokens as they are counted.

    `begins`: the model begins an answer.
    """

    ping: bool = False
    begins: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The CLI's own last word on the prompt.

    Attributes:
        ok: whether it worked; the CLI says "success" for failed calls too, so this is its `is_error`.
        text: what the model said last, or the error.
        reason: the CLI's word for why it ended (`success`, `error_max_budget_usd`, `refusal`, …).
        status: the HTTP status of the failed call, if one failed.
    """

    ok: bool
    text: str
    reason: str
    status: int | None = None
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True, slots=True)
class Lost:
    """The process is gone or talks nonsense; `why` is the SDK's text, `stderr` the CLI's last lines."""

    why: str
    stderr: str = ""


Event = Begun | Used | Returned | Said | Retrying | Sign | Ended | Lost


_VERBS = {"Read": "reads", "Edit": "edits", "Write": "writes", "Glob": "looks for", "Grep": "searches for"}
_WIDTH = 120
_TEAM = "mcp__team__"


NOTHING_SAID = "No response requested."
"""What the CLI puts into an agent's mouth where it goes on with a conversation."""


def line_for(event: Used | Said, checkout: Path) -> str:
    """One line for the user: `reads src/a.py`."""
    match event:
        case Said(text):
            lines = [] if text.strip() == NOTHING_SAID else text.strip().splitlines()
            return _short(lines[0]) if lines else ""
        case Used(_, "Bash", arguments):
            return f"runs {_short(str(arguments.get('command', '')))}"
        case Used(_, "WebSearch", arguments):
            return f"searches the web for {_short(str(arguments.get('query', '')))}"
        case Used(_, tool, arguments) if tool.startswith(_TEAM):
            return _team_line(tool.removeprefix(_TEAM), arguments)
        case Used(_, tool, arguments):
            what = arguments.get("file_path") or arguments.get("pattern") or ""
            return f"{_VERBS.get(tool, f'uses {tool} on')} {_short(_relative(str(what), checkout))}".rstrip()


def _team_line(tool: str, arguments: Mapping[str, Any]) -> str:
    """What of its team's tools is worth a line; the rest shows in events of its own."""
    match tool:
        case "search_memory":
            return f"searches memory for {_short(str(arguments.get('query', '')))}"
        case "read_messages" if arguments.get("wait_seconds"):
            return "waits for an answer"
        case _:
            return ""


def _relative(path: str, checkout: Path) -> str:
    for base in (checkout, checkout.resolve()):
        if path.startswith(f"{base}/"):
            return path[len(str(base)) + 1 :]
    return path


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def refusal(tool: str, arguments: Mapping[str, Any], granted: tuple[str, ...], checkout: Path) -> str | None:
    """Why a tool call that Claude Code asks about is denied; None where it may go ahead.

    Asked about is what its own rules do not settle: shell commands, and paths outside the checkout or in
    places it holds for delicate.
    """
    if tool not in granted:
        return f"{tool} is not among your tools."
    named = arguments.get("file_path") or arguments.get("path") or arguments.get("notebook_path")
    if named is None:
        return None
    base = checkout.resolve()
    target = (base / str(named)).resolve()
    if not target.is_relative_to(base):
        return f"{named} is outside your checkout {base}. Read and write inside it only."
    if target.is_relative_to(base / ".git") and tool in {"Edit", "Write"}:
        return "The checkout's .git directory is not yours to write."
    return None
