"""Personas: the bundled four, what is wrong in one that a user wrote, and who may give which rights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nexus_lsp.adapters.persona_files import load_personas
from nexus_lsp.core.personas import Caution, Persona, claude_tools, current_model, parse_persona, unhonoured

FOUR = ["alpha_test_creator", "aria_coordinator", "beta_test_validator", "code_developer"]


def bundled() -> dict[str, Persona]:
    return {persona.agent_id: persona for persona in load_personas(None, None)[0]}


def written(**changes: Any) -> dict[str, Any]:
    """A persona's file as a user would write it, with top-level fields changed; `...` takes one out."""
    given: dict[str, Any] = {
        "agent_id": "doc_writer",
        "name": "Doc",
        "role": "writer",
        "personality_profile": {
            "core_traits": ["clear"],
            "communication_style": "plain",
            "decision_making": "by the reader",
            "collaboration_style": "editor",
            "stress_response": "shortens",
        },
        "expertise_areas": ["prose"],
        "capabilities": ["manuals"],
        "claude_configuration": {
            "model": "sonnet",
            "max_tokens": 8000,
            "temperature": 0.2,
            "system_prompt": "You are Doc.",
            "tools_enabled": ["file_editing"],
        },
    } | changes
    return {key: value for key, value in given.items() if value is not ...}


def configured(**changes: Any) -> dict[str, Any]:
    return written(claude_configuration=written()["claude_configuration"] | changes)


def test_the_four_are_there_and_without_a_fault() -> None:
    personas, problems = load_personas(None, None)
    assert [persona.agent_id for persona in personas] == FOUR
    assert problems == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "doc.json: EOF while parsing an object at line 1 column 1. Write valid JSON."),
        ("[]", "doc.json: this is a list. Give an object."),
        (json.dumps(written(role=...)), 'doc.json: role: the field is missing. Add "role".'),
        (json.dumps(written(name=7)), "doc.json: name: this is a number. Give a string."),
        (json.dumps(written(name=" ")), "doc.json: name: it is empty. Give at least a word."),
        (
            json.dumps(written(agent_id="../x")),
            "doc.json: agent_id: '../x' is not an id. Use a-z, 0-9 and _.",
        ),
        (
            json.dumps(written(capabilities="all")),
            "doc.json: capabilities: this is a string. Give a list of strings.",
        ),
        (
            json.dumps(configured(max_tokens="many")),
            "doc.json: claude_configuration.max_tokens: this is a string. Give a whole number.",
        ),
        (
            json.dumps(configured(temperature=7)),
            "doc.json: claude_configuration.temperature: it is not within 0 to 1. Write 0.2.",
        ),
        (
            json.dumps(configured(tools_enabled=["a", 3])),
            "doc.json: claude_configuration.tools_enabled.1: this is a number. Give a string.",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(text: str, expected: str) -> None:
    persona, problems = parse_persona(text, "doc.json")
    assert persona is None
    assert [str(problem) for problem in problems] == [expected]
    assert not any(isinstance(problem, Caution) for problem in problems)


def test_every_fault_is_told_at_once() -> None:
    _, problems = parse_persona(json.dumps(written(role=..., name=7)), "doc.json")
    assert [problem.where for problem in problems] == ["doc.json: name", "doc.json: role"]


def test_an_unknown_field_is_a_caution_and_the_persona_is_used() -> None:
    persona, problems = parse_persona(json.dumps(written(memory={}, memory_system={"ttl": 1})), "doc.json")
    assert persona is not None and persona.name == "Doc"
    assert [problem.where for problem in problems] == ["doc.json: memory", "doc.json: memory_system.ttl"]
    assert all(isinstance(problem, Caution) for problem in problems)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("claude-3-sonnet-20240229", "sonnet"),
        ("claude-3-opus-20240229", "opus"),
        ("claude-3-5-haiku-latest", "haiku"),
        ("claude-2.1", "sonnet"),
        ("claude-instant-1.2", "haiku"),
        ("claude-opus-4-1-20250805", "opus"),
        ("sonnet", "sonnet"),
        ("claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("claude-opus-5", "claude-opus-5"),
    ],
)
def test_a_retired_model_becomes_its_family(asked: str, given: str) -> None:
    assert current_model(asked) == given


def test_running_code_needs_trust() -> None:
    for persona in bundled().values():
        assert "Bash" not in claude_tools(persona, trusted=False)
        assert {"Read", "Glob", "Grep"} <= set(claude_tools(persona, trusted=False))
    assert "Bash" in claude_tools(bundled()["code_developer"], trusted=True)
    assert "Bash" not in claude_tools(bundled()["aria_coordinator"], trusted=True)
    assert "Edit" not in claude_tools(bundled()["beta_test_validator"], trusted=True)


def test_doctor_hears_what_claude_code_cannot_honour() -> None:
    persona, _ = parse_persona(
        json.dumps(configured(model="claude-2", tools_enabled=["time_travel"])), "doc.json"
    )
    assert persona is not None
    told = [str(problem).partition(": claude_configuration.")[2] for problem in unhonoured(persona)]
    assert [line.partition(":")[0] for line in told] == [
        "temperature",
        "max_tokens",
        "model",
        "tools_enabled",
    ]
    assert "claude-2 is retired; 'sonnet' is used" in told[2]
    assert "there is no tool 'time_travel'" in told[3]


# --- files -------------------------------------------------------------------------------------------


def put(directory: Path, name: str, content: dict[str, Any] | str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_workspace_may_reword_a_persona_but_not_raise_its_rights(tmp_path: Path) -> None:
    beta = configured(tools_enabled=["test_runners", "file_editing"]) | {"agent_id": "beta_test_validator"}
    put(tmp_path / ".nexus/personas", "beta.json", beta)
    personas, problems = load_personas(None, tmp_path)
    found = {persona.agent_id: persona for persona in personas}["beta_test_validator"]
    assert found.name == "Doc"
    assert found.claude_configuration.tools_enabled == ("test_runners",)
    assert "a workspace cannot give itself file_editing" in str(problems[0])


def test_a_workspaces_own_persona_only_reads(tmp_path: Path) -> None:
    put(
        tmp_path / ".nexus/personas",
        "doc.json",
        configured(tools_enabled=["file_analysis", "code_execution"]),
    )
    personas, _ = load_personas(None, tmp_path)
    found = {persona.agent_id: persona for persona in personas}["doc_writer"]
    assert claude_tools(found, trusted=True) == ("Glob", "Grep", "Read")


def test_the_users_own_persona_keeps_its_rights(tmp_path: Path) -> None:
    put(tmp_path, "doc.json", written())
    personas, problems = load_personas(tmp_path, None)
    found = {persona.agent_id: persona for persona in personas}["doc_writer"]
    assert "Edit" in claude_tools(found, trusted=False) and problems == []


@pytest.mark.parametrize("content", ["{", "\0" * 300_000, json.dumps({"agent_id": "code_developer"})])
def test_a_broken_override_leaves_the_bundled_one(tmp_path: Path, content: str) -> None:
    put(tmp_path / ".nexus/personas", "code_developer.json", content)
    personas, problems = load_personas(None, tmp_path)
    assert tuple(personas) == load_personas(None, None)[0]
    assert problems and problems[0].where.startswith("personas/code_developer.json")
