"""The tools that an agent gets from its team: names, arguments, and what a call means.

`TOOLS` is what a model is offered; `parse_call` gives the call as a value, or the sentence that the model is
answered instead. What a call does is the engine's (`engine.team_desk`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nexus_lsp.core.messages import AgentFeedback, TaskResult

MOST_TEXT = 20_000
"""Characters of a message, a note, a question."""

LONGEST_WAIT = 120
"""Seconds that an agent may wait for a message; it holds its place meanwhile."""


def _worded(value: object) -> object:
    """Models write a bare string where a list of strings is meant."""
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
_Texts = Annotated[list[str], BeforeValidator(_worded), Field(max_length=50)]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is offered it; `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    read_only: bool = False


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SendMessage(_Call):
    """Say something to a member of the team. Talk where it helps: an interface that changes, a question whose
    answer decides your work, a danger for others. It is read at the receiver's next step, or when its task
    begins."""

    to: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="A task id, an agent's id or name, `team`, `nexus_prime`, or `user`.",
        ),
    ]
    text: _Text
    kind: Annotated[
        Literal["information", "question", "answer", "handoff", "alert"],
        Field(
            description="`alert` to nexus_prime says that the plan does not work; it may be changed then.",
        ),
    ] = "information"
    priority: Literal["low", "medium", "high", "critical"] = "medium"
    reply_to: Annotated[
        str | None, Field(max_length=100, description="The id of the message that this one answers.")
    ] = None
    thread: Annotated[
        str | None,
        Field(max_length=200, description="A subject to go on with; a new one is made without it."),
    ] = None


class ReadMessages(_Call):
    """Read what came for you since you last looked. New messages are also shown to you as you work; with
    `wait_seconds` you wait for an answer that you cannot work without."""

    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT)] = 0


class TeamStatus(_Call):
    """See the shared list of tasks (who does what, how far it is, what came of it) and the scratchpad."""


class WriteNote(_Call):
    """Write on the run's scratchpad, which everybody in this run reads: an interface that was settled, a fact
    that others would have to find out again. Short."""

    text: Annotated[str, Field(min_length=1, max_length=4_000)]


class ReportProgress(_Call):
    """Tell the user how far you are, at real steps of your work."""

    percent: Annotated[int, Field(ge=0, le=100)]
    note: Annotated[str, Field(min_length=1, max_length=300)]


class Remember(_Call):
    """Keep something for later runs in this workspace: what was hard to find out and will matter again. Never
    what anybody can read in the code, and no secrets."""

    text: Annotated[str, Field(min_length=1, max_length=4_000)]
    paths: _Texts = []
    shared: Annotated[bool, Field(description="For the whole team, not only for you.")] = True


class SearchMemory(_Call):
    """Search what earlier runs in this workspace left: lessons, decisions of the user, records of tasks."""

    query: Annotated[str, Field(min_length=1, max_length=2_000)]
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class AskUser(_Call):
    """Ask the user, and wait for the answer. Only what cannot be found out and would be costly to guess
    wrong; where nobody answers in time you are told so, and take the careful way."""

    question: Annotated[str, Field(min_length=1, max_length=2_000)]
    options: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=2, max_length=6, description="Answers to choose from; other words are possible."),
    ]
    why: Annotated[str, Field(min_length=1, max_length=1_000, description="What depends on the answer.")]


class SubmitResult(_Call):
    """Hand in your work, at its end: what the user and those who go on from it must know. Claim nothing that
    you did not see; the team measures tests and coverage itself."""

    summary: Annotated[str, Field(min_length=1, max_length=8_000)]
    deliverables: Annotated[
        dict[str, str],
        Field(max_length=50, description="What you made, by name: path or part, and what it is."),
    ] = {}
    recommendations: _Texts = []
    next_steps: _Texts = []
    confidence_score: Annotated[
        float | None, Field(ge=0, le=1, description="How sure you are that it is right, from 0 to 1.")
    ] = None
    clarity_rating: Annotated[
        int | None, Field(ge=1, le=10, description="How clear the assignment was, from 1 to 10.")
    ] = None
    complexity_rating: Annotated[int | None, Field(ge=1, le=10)] = None
    additional_questions: _Texts = []

    def payload(self) -> dict[str, Any]:
        """The payload of the seed's response."""
        result = TaskResult(
            summary=self.summary,
            confidence_score=self.confidence_score,
            deliverables=self.deliverables,
            recommendations=tuple(self.recommendations),
            next_steps=tuple(self.next_steps),
        )
        feedback = AgentFeedback(
            clarity_rating=self.clarity_rating,
            complexity_rating=self.complexity_rating,
            additional_questions=tuple(self.additional_questions),
        )
        return {
            "task_result": result.model_dump(mode="json"),
            "agent_feedback": feedback.model_dump(mode="json"),
        }


Call = (
    SendMessage
    | ReadMessages
    | TeamStatus
    | WriteNote
    | ReportProgress
    | Remember
    | SearchMemory
    | AskUser
    | SubmitResult
)

_KINDS: dict[str, type[Call]] = {
    "send_message": SendMessage,
    "read_messages": ReadMessages,
    "team_status": TeamStatus,
    "write_note": WriteNote,
    "report_progress": ReportProgress,
    "remember": Remember,
    "search_memory": SearchMemory,
    "ask_user": AskUser,
    "submit_result": SubmitResult,
}

_READ_ONLY = frozenset({"team_status", "search_memory"})


def _spec(name: str, kind: type[Call]) -> ToolSpec:
    schema = kind.model_json_schema()
    parameters = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return ToolSpec(name, " ".join((kind.__doc__ or "").split()), parameters, name in _READ_ONLY)


TOOLS: tuple[ToolSpec, ...] = tuple(_spec(name, kind) for name, kind in _KINDS.items())


def parse_call(name: str, arguments: Mapping[str, Any]) -> Call | str:
    """The call as a value, or what to tell the agent instead."""
    kind = _KINDS.get(name)
    if kind is None:
        return f"There is no tool {name!r}. There are: {', '.join(_KINDS)}."
    try:
        return kind.model_validate(dict(arguments))
    except ValidationError as error:
        return _sentence(kind, error)


def _sentence(kind: type[Call], error: ValidationError) -> str:
    faults = [
        f"`{'.'.join(str(part) for part in one['loc']) or 'the call'}`: {one['msg']}"
        for one in error.errors(include_url=False)[:5]
    ]
    return f"{'; '.join(faults)}. The arguments are: {', '.join(kind.model_fields) or 'none'}."
