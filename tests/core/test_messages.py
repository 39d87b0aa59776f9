"""The message protocol 1.0: the seed's examples are messages; what is none is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_lsp.core.messages import (
    MAX_MESSAGE,
    MESSAGE_TYPES,
    Message,
    iso,
    message_json,
    parse_message,
    parse_response,
    unix,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "message.schema.json").read_text())

ASSIGNMENT: Mapping[str, Any] = {
    "message_id": "msg_20250525_184530_abc123",
    "timestamp": "2025-05-25T18:45:30.123Z",
    "protocol_version": "1.0",
    "from": {"agent_id": "nexus_prime", "agent_type": "orchestrator", "instance_id": "orch_001"},
    "to": {"agent_id": "aria_coordinator", "agent_type": "claude_code_agent", "instance_id": "claude_001"},
    "message_type": "task_assignment",
    "priority": "high",
    "payload": {
        "task": {
            "task_id": "task_12345",
            "type": "analysis",
            "title": "Analyze user authentication requirements",
            "requirements": {"constraints": {"timeline": "2_hours", "compliance": ["GDPR", "SOX"]}},
            "context": {"existing_systems": ["PostgreSQL", "Node.js", "React"]},
        }
    },
    "response_expected": True,
    "timeout_seconds": 7200,
    "conversation_thread": "thread_auth_analysis_001",
}
"""The seed's example, shortened."""

RESPONSE: Mapping[str, Any] = {
    "message_id": "resp_20250525_184545_def456",
    "response_to": "msg_20250525_184530_abc123",
    "timestamp": "2025-05-25T18:45:45.567Z",
    "from": {
        "agent_id": "aria_coordinator",
        "agent_type": "claude_code_agent",
        "session_id": "claude_session_abc123",
    },
    "status": "completed",
    "execution_time_seconds": 15.4,
    "payload": {
        "task_result": {
            "summary": "Comprehensive authentication analysis completed",
            "confidence_score": 0.95,
            "deliverables": {"technical_specification": "...", "risk_assessment": "..."},
            "recommendations": ["Implement OAuth2 with PKCE"],
            "next_steps": ["Review security recommendations with team"],
        },
        "agent_feedback": {
            "clarity_rating": 9,
            "complexity_rating": 7,
            "additional_questions": ["Should we implement SSO integration?"],
        },
    },
    "conversation_thread": "thread_auth_analysis_001",
}


def without(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def but(**values: Any) -> dict[str, Any]:
    return {**ASSIGNMENT, **values}


def test_the_seeds_examples_are_messages_and_come_back_as_they_were() -> None:
    message, problems = parse_message(ASSIGNMENT)
    assert problems == [] and message is not None
    assert message_json(message) == ASSIGNMENT
    response, problems = parse_response(json.dumps(RESPONSE))
    assert problems == [] and response is not None
    assert message_json(response) == RESPONSE
    for one in (ASSIGNMENT, RESPONSE):
        jsonschema.validate(one, SCHEMA)


def test_fields_that_nobody_knows_are_kept_everywhere() -> None:
    more = but(x_trace="1", payload={"text": "hi", "mood": ["good"]})
    more["to"] = {**ASSIGNMENT["to"], "desk": 4}
    message, _ = parse_message(more)
    assert message is not None and message_json(message) == more


WRONG: Sequence[tuple[str, Any, str]] = [
    ("no JSON", "{", "message: it is not JSON"),
    ("a list", "[]", "message: "),
    ("nothing", "null", "message: "),
    ("bytes that are no text", b"\xff\xfe{", "message: it is not JSON"),
    ("NaN in it", b'{"message_id": NaN}', "message_id: "),
    ("nested without end", "[" * 100_000, "message: it is not JSON"),
    (
        "too large",
        but(payload={"text": "x" * MAX_MESSAGE}),
        "bytes, 262,144 are allowed. Put the long part into",
    ),
    ("no id", without(ASSIGNMENT, "message_id"), 'message_id: the field is missing. Add "message_id".'),
    ("no sender", without(ASSIGNMENT, "from"), 'from: the field is missing. Add "from".'),
    ("no receiver", without(ASSIGNMENT, "to"), "to: the field is missing"),
    ("no thread", without(ASSIGNMENT, "conversation_thread"), "conversation_thread: the field is missing"),
    (
        "an unknown type",
        but(message_type="gossip"),
        "there is no type 'gossip'. Known types: task_assignment,",
    ),
    (
        "another version",
        but(protocol_version="2.0"),
        "protocol_version: '2.0' is not spoken here. Write '1.0'.",
    ),
    ("an id with a path", but(message_id="../../x"), "message_id: String should match pattern"),
    ("a time that is none", but(timestamp="yesterday"), "write an ISO 8601 time"),
    ("a priority that is none", but(priority="asap"), "priority: Input should be 'low'"),
    ("a timeout in the past", but(timeout_seconds=-1), "timeout_seconds: Input should be greater than 0"),
    ("a payload of text", but(payload="do it"), "payload: Input should be a valid dictionary"),
    ("a truth of text", but(response_expected="yes"), "response_expected: Input should be a valid boolean"),
    ("an agent without id", but(to={"agent_type": "user"}), "to.agent_id: the field is missing"),
    (
        "a made-up kind of agent",
        but(to={"agent_id": "x", "agent_type": "boss"}),
        "to.agent_type: Input should be",
    ),
]


@pytest.mark.parametrize(("name", "given", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_message_is_refused_with_what_to_do(name: str, given: Any, expected: str) -> None:
    message, problems = parse_message(given)
    assert message is None
    assert expected in "; ".join(map(str, problems)), problems


def test_known_types_are_named_when_one_is_unknown() -> None:
    _, [problem] = parse_message(but(message_type="gossip"))
    assert all(kind in problem.mend for kind in MESSAGE_TYPES)


BAD_RESPONSES: Sequence[tuple[str, dict[str, Any], str]] = [
    ("sure beyond all", {"confidence_score": 1.5}, "payload.task_result.confidence_score"),
    ("nothing said", {"summary": ""}, "payload.task_result.summary"),
    ("deliverables that are no texts", {"deliverables": {"a": 1}}, "payload.task_result.deliverables.a"),
]


@pytest.mark.parametrize(("name", "result", "where"), BAD_RESPONSES, ids=[row[0] for row in BAD_RESPONSES])
def test_what_is_no_response_says_where(name: str, result: dict[str, Any], where: str) -> None:
    payload = {"task_result": {**RESPONSE["payload"]["task_result"], **result}}
    response, problems = parse_response({**RESPONSE, "payload": payload})
    assert response is None and problems[0].where == where


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_nothing_that_comes_raises(value: Any) -> None:
    for read in (parse_message, parse_response):
        found, problems = read(json.dumps(value))
        assert found is None and problems


@given(st.dictionaries(st.text(min_size=1), _JSON), st.sampled_from(MESSAGE_TYPES))
def test_a_message_survives_the_wire(payload: dict[str, Any], kind: str) -> None:
    first, problems = parse_message(but(payload=payload, message_type=kind))
    assert problems == [] and first is not None
    again, _ = parse_message(json.dumps(message_json(first)))
    assert again == first
    assert isinstance(again, Message)


@given(st.floats(0, 4e9))
def test_times_survive_to_the_millisecond(at: float) -> None:
    assert abs(unix(iso(at)) - at) < 0.0011
