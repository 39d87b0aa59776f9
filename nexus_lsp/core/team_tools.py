"""The tools that an agent gets from its team: names, arguments, and what a call means.

`TOOLS` is what a model is offered; `parse_call` gives the call as a value, or the sentence that the model is
answered instead. What a call does is the engine's (`engine.team_desk`).

**Invariant:** nothing is refused that a model plainly means: null for what is optional, a string for a list
of one, a number as text, a field that is not known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from nexus_lsp.core.messages import AgentFeedback, TaskResult

MOST_TEXT = 20_000
"""Characters of a message, a note, a question."""

LONGEST_WAIT = 120
"""Seconds that an agent may wait for a message; it holds its place meanwhile."""


# --- what is plainly meant ---------------------------------------------------------------------------


def worded(value: object) -> object:
    """A list of strings from what models write where one is meant; what is no list comes back as it is."""
    value = _unpacked(value)
    if isinstance(value, str):
        return [value] if value.strip() else []
    if not isinstance(value, list):
        return value
    return [_words(item) for item in cast("list[object]", value) if item is not None]


def cut(most: int) -> Callable[[object], object]:
    """What cuts a text of more than `most` characters, with a note of how much is missing."""

    def cutting(value: object) -> object:
        if not isinstance(value, str) or len(value) <= most:
            return value
        kept = most - 32  # room for the note
        return f"{value[:kept]} [… {len(value) - kept:,} cut off here]"

    return cutting


def _unpacked(value: object) -> object:
    """Some models write a list or an object as text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


_NAMES = ("name", "label", "title", "path", "file")
_TELLING = ("description", "text", "summary", "content", "what")
"""Fields in which models put the name of a thing, and what it is."""


def _words(value: object) -> str:
    """A value as words; of an object what it says, else its fields."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_words, cast("list[object]", value)))
    if not isinstance(value, dict):
        return str(value)
    fields = cast("dict[str, object]", value)
    known = [fields[key] for key in (*_NAMES, *_TELLING) if isinstance(fields.get(key), str)]
    if known:
        return ": ".join(map(str, known))
    return ", ".join(f"{key}: {_words(one)}" for key, one in fields.items())


def _things(value: object) -> object:
    """What was made, by name, from an object, a list of names or objects, or one name."""
    value = _unpacked(value)
    if isinstance(value, str):
        value = [value] if value.strip() else []
    if isinstance(value, dict):
        return {name: _words(what) for name, what in cast("dict[str, object]", value).items()}
    if not isinstance(value, list):
        return value
    made: dict[str, str] = {}
    for item in cast("list[object]", value):
        for name, what in _named(item).items():
            made[name] = "; ".join(dict.fromkeys(part for part in (made.get(name, ""), what) if part))
    return made


def _named(item: object) -> dict[str, str]:
    if not isinstance(item, dict):
        return {_words(item): ""} if item is not None else {}
    fields = cast("dict[str, object]", item)
    name = next((key for key in _NAMES if isinstance(fields.get(key), str)), None)
    if name is None:
        return {key: _words(what) for key, what in fields.items()}
    return {str(fields[name]): _words({key: what for key, what in fields.items() if key != name})}


def _number(value: object) -> object:
    """A number, also from text; None where the text is empty. A percent sign says what it says."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        return float(text) if text else None
    except ValueError:
        return value


def _share(value: object) -> object:
    text = value.strip() if isinstance(value, str) else ""
    part = _number(text.removesuffix("%"))
    return part / 100 if text.endswith("%") and isinstance(part, float) else _number(value)


def _whole(most: float = math.inf) -> Callable[[object], object]:
    """What rounds a number, and takes `most` for all that is more."""

    def rounding(value: object) -> object:
        number = _number(value.strip().removesuffix("%") if isinstance(value, str) else value)
        if isinstance(number, int | float) and math.isfinite(number):
            return round(min(number, most))
        return value if isinstance(number, str) else number

    return rounding


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


_Text = Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
_Texts = Annotated[list[str], Field(max_length=50), BeforeValidator(worded)]
_Rating = Annotated[int | None, Field(ge=1, le=10), BeforeValidator(_whole())]


# --- the tools ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is offered it; `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    read_only: bool = False


class _Call(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _given(cls, fields: Any) -> Any:
        return {name: value for name, value in fields.items() if value is not None}


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
        BeforeValidator(_lower),
    ] = "information"
    priority: Annotated[Literal["low", "medium", "high", "critical"], BeforeValidator(_lower)] = "medium"
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

    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT), BeforeValidator(_whole(LONGEST_WAIT))] = 0


class TeamStatus(_Call):
    """See the shared list of tasks (who does what, how far it is, what came of it) and the scratchpad."""


class WriteNote(_Call):
    """Write on the run's scratchpad, which everybody in this run reads: an interface that was settled, a fact
    that others would have to find out again. Short."""

    text: Annotated[str, Field(min_length=1, max_length=4_000)]


class ReportProgress(_Call):
    """Tell the user how far you are, at real steps of your work."""

    percent: Annotated[int, Field(ge=0, le=100), BeforeValidator(_whole())]
    note: Annotated[str, Field(min_length=1, max_length=300), BeforeValidator(cut(300))]


class Remember(_Call):
    """Keep something for later runs in this workspace: what was hard to find out and will matter again. Never
    what anybody can read in the code, and no secrets."""

    text: Annotated[str, Field(min_length=1, max_length=4_000)]
    paths: _Texts = []
    shared: Annotated[bool, Field(description="For the whole team, not only for you.")] = True


class SearchMemory(_Call):
    """Search what earlier runs in this workspace left: lessons, decisions of the user, records of tasks."""

    query: Annotated[str, Field(min_length=1, max_length=2_000)]
    limit: Annotated[int, Field(ge=1, le=20), BeforeValidator(_whole(20))] = 5


class AskUser(_Call):
    """Ask the user, and wait for the answer. Only what cannot be found out and would be costly to guess
    wrong; where nobody answers in time you are told so, and take the careful way."""

    question: Annotated[str, Field(min_length=1, max_length=2_000)]
    options: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=2, max_length=6, description="Answers to choose from; other words are possible."),
        BeforeValidator(worded),
    ]
    why: Annotated[str, Field(min_length=1, max_length=1_000, description="What depends on the answer.")]


class SubmitResult(_Call):
    """Hand in your work, at its end: what the user and those who go on from it must know. Claim nothing that
    you did not see; the team measures tests and coverage itself."""

    summary: Annotated[str, Field(min_length=1, max_length=8_000), BeforeValidator(cut(8_000))]
    deliverables: Annotated[
        dict[str, str],
        Field(max_length=50, description="What you made, by name: path or part, and what it is."),
        BeforeValidator(_things),
    ] = {}
    recommendations: _Texts = []
    next_steps: _Texts = []
    confidence_score: Annotated[
        float | None,
        Field(ge=0, le=1, allow_inf_nan=False, description="How sure you are that it is right, from 0 to 1."),
        BeforeValidator(_share),
    ] = None
    clarity_rating: Annotated[_Rating, Field(description="How clear the assignment was, 1 to 10.")] = None
    complexity_rating: _Rating = None
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


_TAKEN = {
    "array": ["array", "string"],
    "object": ["object", "array", "string"],
    "integer": ["number", "string"],
    "number": ["number", "string"],
    "boolean": ["boolean", "string"],
    "string": ["string", "number"],
}
"""What is taken besides where a form of JSON is wanted."""


def _spec(name: str, kind: type[Call]) -> ToolSpec:
    """The form that a model is to follow, beside what is taken as well.

    An SDK that checks calls by the form would otherwise refuse what `parse_call` understands.
    """
    schema = kind.model_json_schema()
    needed = schema.get("required", [])
    fields = {field: _offered(form, field in needed) for field, form in schema.get("properties", {}).items()}
    parameters = {"type": "object", "properties": fields, "required": needed}
    return ToolSpec(name, " ".join((kind.__doc__ or "").split()), parameters, name in _READ_ONLY)


def _offered(form: Mapping[str, Any], needed: bool) -> dict[str, Any]:
    told = {key: form[key] for key in ("description", "default") if form.get(key) is not None}
    wanted: dict[str, Any] = form["anyOf"][0] if "anyOf" in form else dict(form)
    wanted = {key: value for key, value in wanted.items() if key not in ("title", "description", "default")}
    taken = [*_TAKEN[wanted["type"]], *([] if needed else ["null"])]
    return {**told, "anyOf": [wanted, {"type": taken}]}


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
