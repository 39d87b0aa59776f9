"""Messages: the seed's JSON envelope, version 1.0, and the response to an assignment.

What comes from outside (an agent's tool call, another program on the bus) is read by `parse_message`, which
gives the message or everything that is wrong with it. Fields that are not known here are kept as they came.

Import this module only where messages are at hand: pydantic is no part of the server's start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, cast, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

from nexus_lsp.core.mailbox import MAX_MESSAGE, json_text
from nexus_lsp.core.problems import Problem

PROTOCOL = "1.0"

MessageType = Literal[
    "task_assignment",
    "question",
    "answer",
    "information",
    "handoff",
    "feedback",
    "alert",
    "status_update",
]
MESSAGE_TYPES: tuple[str, ...] = get_args(MessageType)

Urgency = Literal["low", "medium", "high", "critical"]
AgentType = Literal["orchestrator", "claude_code_agent", "local_agent", "user"]
ResultStatus = Literal["completed", "failed", "partial"]


class _Open(BaseModel):
    """Unknown fields are kept; nothing is converted silently."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class Party(_Open):
    """Who sends or receives. `instance_id` tells several instances of one persona apart."""

    agent_id: str = Field(min_length=1, max_length=100)
    agent_type: AgentType = "claude_code_agent"
    instance_id: str | None = Field(default=None, max_length=200)
    session_id: str | None = Field(default=None, max_length=200)


_SENDER: Any = Field(validation_alias=AliasChoices("from", "sender"), serialization_alias="from")
"""`from` is no name in Python."""

_Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]
_Thread = Annotated[str, Field(min_length=1, max_length=200)]
_Sentences = Annotated[tuple[str, ...], Field(max_length=100, strict=False)]


class _Dated(_Open):
    message_id: _Id
    timestamp: str

    @field_validator("timestamp")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("write an ISO 8601 time such as 2025-05-25T18:45:30.123Z") from error
        return value


class Message(_Dated):
    """The envelope of everything that is said between members of the team.

    `timeout_seconds` counts from `timestamp`: a message that was not read by then is a dead letter.
    `response_to` names the message that this one answers.
    """

    protocol_version: Literal["1.0"] = PROTOCOL
    sender: Party = _SENDER
    to: Party
    message_type: MessageType
    priority: Urgency = "medium"
    payload: dict[str, Any]
    response_expected: bool = False
    timeout_seconds: float | None = Field(default=None, gt=0, le=7 * 86_400)
    conversation_thread: _Thread
    response_to: _Id | None = None

    @property
    def text(self) -> str:
        """What is said in words, where the payload has words."""
        words = self.payload.get("text", "")
        return words if isinstance(words, str) else ""


class TaskResult(_Open):
    """What an agent says of its own work. `confidence_score` is its claim, no measurement."""

    summary: str = Field(min_length=1, max_length=20_000)
    confidence_score: float | None = Field(default=None, ge=0, le=1, strict=False)
    deliverables: dict[str, str] = Field(default_factory=dict, max_length=50)
    recommendations: _Sentences = ()
    next_steps: _Sentences = ()


class AgentFeedback(_Open):
    """What an agent says of its assignment; ratings from 1 to 10."""

    clarity_rating: int | None = Field(default=None, ge=1, le=10)
    complexity_rating: int | None = Field(default=None, ge=1, le=10)
    additional_questions: _Sentences = ()


class ResponsePayload(_Open):
    """The two halves of a response: of the work, and of the assignment."""

    task_result: TaskResult
    agent_feedback: AgentFeedback | None = None


class TaskResponse(_Dated):
    """An agent's response to a `task_assignment`."""

    response_to: _Id
    sender: Party = _SENDER
    status: ResultStatus
    execution_time_seconds: float = Field(ge=0, strict=False)
    payload: ResponsePayload
    conversation_thread: _Thread


M = TypeVar("M", bound=_Dated)


def parse_message(raw: str | bytes | Mapping[str, Any]) -> tuple[Message | None, list[Problem]]:
    """A message from JSON (text or value), or None and all that is wrong with it."""
    return _parsed(raw, Message)


def parse_response(raw: str | bytes | Mapping[str, Any]) -> tuple[TaskResponse | None, list[Problem]]:
    """A response from JSON, or None and all that is wrong with it."""
    return _parsed(raw, TaskResponse)


def message_json(message: _Dated) -> dict[str, Any]:
    """The message as every wire has it: the seed's names, unknown fields and all, unset ones left out."""
    return message.model_dump(mode="json", by_alias=True, exclude_none=True)


def iso(at: float) -> str:
    """Unix seconds as the seed writes a timestamp."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix(timestamp: str) -> float:
    """A message's timestamp as Unix seconds."""
    when = datetime.fromisoformat(timestamp)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


# --- what is wrong with one --------------------------------------------------------------------------


def _parsed(raw: str | bytes | Mapping[str, Any], kind: type[M]) -> tuple[M | None, list[Problem]]:
    value, problems = _json_of(raw)
    if problems:
        return None, problems
    try:
        return kind.model_validate(value), []
    except ValidationError as error:
        return None, [_problem(dict(detail)) for detail in error.errors(include_url=False)]


def _json_of(raw: str | bytes | Mapping[str, Any]) -> tuple[object, list[Problem]]:
    try:
        if isinstance(raw, Mapping):
            size, value = len(json_text(raw).encode()), raw
        else:
            size = len(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
            value = cast("object", json.loads(raw)) if size <= MAX_MESSAGE else None
    except (ValueError, TypeError, RecursionError) as error:
        return None, [Problem("message", f"it is not JSON ({error})", "Send one JSON object.")]
    if size > MAX_MESSAGE:
        told = f"it has {size:,} bytes, {MAX_MESSAGE:,} are allowed"
        return None, [Problem("message", told, "Put the long part into a file and name the file.")]
    return value, []


def _problem(detail: Mapping[str, Any]) -> Problem:
    place = ".".join(str(part) for part in detail["loc"]) or "message"
    if place == "message_type" and detail["type"] == "literal_error":
        known = ", ".join(MESSAGE_TYPES)
        return Problem(place, f"there is no type {detail['input']!r}", f"Known types: {known}.")
    if place == "protocol_version":
        return Problem(place, f"{detail['input']!r} is not spoken here", f"Write {PROTOCOL!r}.")
    if detail["type"] == "missing":
        return Problem(place, "the field is missing", f'Add "{detail["loc"][-1]}".')
    return Problem(place, str(detail["msg"]).rstrip("."), "See docs/message.schema.json.")
