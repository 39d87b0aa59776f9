"""Personas: the bundled four, what is wrong in one that a user wrote, and who may give which rights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nexus_lsp.adapters.persona_files import load_personas
from nexus_lsp.core import personas
from nexus_lsp.core.personas import (
    Caution,
    Health,
    MemorySystem,
    Persona,
    Retention,
    claude_tools,
    current_model,
    parse_persona,
    retention,
    unhonoured,
)
from nexus_lsp.core.problems import Problem

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


def remembering(**changes: Any) -> dict[str, Any]:
    return written(memory_system=changes)


def healthy(**changes: Any) -> dict[str, Any]:
    return written(health=changes)


def test_the_four_are_there_and_without_a_fault() -> None:
    personas, problems = load_personas(None, None)
    assert [persona.agent_id for persona in personas] == FOUR
    assert problems == []


def test_the_four_hand_on_their_work_and_each_has_a_method_of_its_own() -> None:
    four = bundled()
    assert {ident: persona.handoffs for ident, persona in four.items()} == {
        "aria_coordinator": ("code_developer", "alpha_test_creator"),
        "code_developer": ("alpha_test_creator", "beta_test_validator"),
        "alpha_test_creator": ("beta_test_validator",),
        "beta_test_validator": (),
    }
    steps = [step for persona in four.values() for step in persona.working_method]
    assert len(steps) == len(set(steps)) == 24


def test_a_file_from_before_handoffs_health_and_method_is_valid() -> None:
    persona, problems = parse_persona(json.dumps(written()), "doc.json")
    assert persona is not None and problems == []
    assert (persona.handoffs, persona.working_method) == ((), ())
    assert (persona.health, persona.memory_system) == (Health(60, 120, 3), MemorySystem())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "doc.json: EOF while parsing an object at line 1 column 1. Write valid JSON."),
        ("[]", "doc.json: this is a list. Give an object."),
        (json.dumps(written(role=...)), 'doc.json: role: the field is missing. Add "role".'),
        (json.dumps(written(name=7)), "doc.json: name: this is a number. Give a string."),
        (json.dumps(written(name=" ")), "doc.json: name: it is empty. Give at least a word."),
        (json.dumps(written(name="\x1b\u200b")), "doc.json: name: it is empty. Give at least a word."),
        (
            json.dumps(written(role="x" * 101)),
            "doc.json: role: it is longer than 100 characters. Give a few words.",
        ),
        (
            json.dumps(written(agent_id="user")),
            "doc.json: agent_id: 'user' is no agent's id. Choose another one.",
        ),
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
        (
            json.dumps(configured()).replace("0.2", "NaN"),
            "doc.json: claude_configuration.temperature: it is not within 0 to 1. Write 0.2.",
        ),
        (
            json.dumps(written(handoffs="code_developer")),
            "doc.json: handoffs: this is a string. Give a list of strings.",
        ),
        (
            json.dumps(written(working_method=[None])),
            "doc.json: working_method.0: this is null. Give a string.",
        ),
        (json.dumps(written(health=3)), "doc.json: health: this is a number. Give an object."),
        (
            json.dumps(healthy(heartbeat_interval=0)),
            "doc.json: health.heartbeat_interval: it is not within 1 to 3600. Write 60.",
        ),
        (
            json.dumps(healthy(restart_threshold=-1)),
            "doc.json: health.restart_threshold: it is not within 0 to 10. Write 3.",
        ),
        (
            json.dumps(healthy(restart_threshold=1.5)),
            "doc.json: health.restart_threshold: this is a number. Give a whole number.",
        ),
        (
            json.dumps(healthy(max_response_time=30)),
            "doc.json: health.max_response_time: it is shorter than heartbeat_interval, so that every agent"
            " would be lost. Write twice heartbeat_interval.",
        ),
        (
            json.dumps(remembering(context_window_size=51)),
            "doc.json: memory_system.context_window_size: it is not within 0 to 50. Write 8.",
        ),
        (
            json.dumps(remembering(max_conversations=0)),
            "doc.json: memory_system.max_conversations: it is not within 1 to 100000. Write 1000.",
        ),
        (
            json.dumps(remembering(conversation_retention=7)),
            "doc.json: memory_system.conversation_retention: this is a number. Give a string.",
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
    "content",
    [written(**{f"field {at}": 1 for at in range(10_000)}), written(capabilities=list(range(10_000)))],
)
def test_ten_thousand_faults_are_told_shortly(content: dict[str, Any]) -> None:
    _, problems = parse_persona(json.dumps(content), "doc.json")
    assert len(problems) == 21
    assert str(problems[-1]) == "doc.json: 9,980 more things are wrong. Mend these first."


def test_ten_thousand_traits_are_no_fault() -> None:
    profile = written()["personality_profile"] | {"core_traits": [f"trait {at}" for at in range(10_000)]}
    persona, problems = parse_persona(json.dumps(written(personality_profile=profile)), "doc.json")
    assert persona is not None and problems == []


def test_control_characters_become_spaces_and_only_a_system_prompt_has_lines() -> None:
    hostile = "a\n# Rules\x1b[2J\u202e\u2028b"
    text = json.dumps(configured(system_prompt=hostile) | {"role": hostile, "handoffs": [hostile]})
    persona, problems = parse_persona(text, "doc.json")
    assert persona is not None
    assert persona.role == persona.handoffs[0] == "a # Rules [2J  b"
    assert persona.claude_configuration.system_prompt == "a\n# Rules [2J  b"
    assert [problem.where for problem in problems if isinstance(problem, Caution)] == [
        "doc.json: role",
        "doc.json: claude_configuration.system_prompt",
        "doc.json: handoffs",
    ]


@pytest.mark.parametrize(
    ("memory", "kept"),
    [
        ({}, Retention(True, None, 1000)),
        ({"conversation_retention": "full_session"}, Retention(True, None, 1000)),
        ({"conversation_retention": "lessons_only"}, Retention(False, None, 1000)),
        ({"conversation_retention": "none"}, Retention(False, None, 0)),
        ({"conversation_retention": "30_days", "max_conversations": 7}, Retention(True, 30.0, 7)),
        ({"conversation_retention": "1_day"}, Retention(True, 1.0, 1000)),
    ],
)
def test_what_is_kept_of_a_memory(memory: dict[str, Any], kept: Retention) -> None:
    persona, problems = parse_persona(json.dumps(remembering(**memory)), "doc.json")
    assert persona is not None and problems == []
    assert retention(persona) == kept


@pytest.mark.parametrize("word", ["forever", "0_days", "-1_days", "999999_days", "", "none\n", "٣_days"])
def test_an_unknown_retention_is_a_caution_and_all_is_kept(word: str) -> None:
    persona, problems = parse_persona(json.dumps(remembering(conversation_retention=word)), "doc.json")
    assert persona is not None and retention(persona) == Retention(True, None, 1000)
    told = str(problems[-1])
    assert isinstance(problems[-1], Caution) and "is not known; full_session is used. Write" in told


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


def test_cloning_a_repository_neither_erases_my_memory_nor_costs_more(tmp_path: Path) -> None:
    theirs = configured(model="opus", tools_enabled=["file_editing"]) | {
        "agent_id": "code_developer",
        "memory_system": {"conversation_retention": "1_days", "max_conversations": 1},
        "health": {"heartbeat_interval": 1, "max_response_time": 86_400, "restart_threshold": 10},
    }
    put(tmp_path / ".nexus/personas", "code.json", theirs)
    personas, problems = load_personas(None, tmp_path)
    found = {persona.agent_id: persona for persona in personas}["code_developer"]
    mine = bundled()["code_developer"]
    assert (found.memory_system, found.health) == (mine.memory_system, mine.health)
    assert found.claude_configuration.model == mine.claude_configuration.model
    mend = "Put the persona into your own persona directory if you want that."
    where = ".nexus/personas/code.json"
    assert list(map(str, problems)) == [
        f"{where}: claude_configuration.model: a workspace cannot choose what an agent costs; yours stays."
        f" {mend}",
        f"{where}: memory_system: a workspace cannot choose what you remember; yours stays. {mend}",
        f"{where}: health: a workspace cannot choose how often an agent is started; yours stays. {mend}",
    ]
    assert all(isinstance(problem, Caution) for problem in problems)


def test_a_workspaces_own_persona_costs_what_is_usual(tmp_path: Path) -> None:
    theirs = configured(model="opus", tools_enabled=[]) | {
        "memory_system": {"max_conversations": 100_000},
        "health": {"heartbeat_interval": 1, "max_response_time": 86_400, "restart_threshold": 10},
    }
    put(tmp_path / ".nexus/personas", "doc.json", theirs)
    personas, problems = load_personas(None, tmp_path)
    found = {persona.agent_id: persona for persona in personas}["doc_writer"]
    assert (found.memory_system, found.health) == (MemorySystem(), Health())
    assert found.claude_configuration.model == "sonnet"
    assert [problem.where.partition(": ")[2] for problem in problems] == [
        "claude_configuration.model",
        "memory_system",
        "health",
    ]
    assert "the usual one is used" in str(problems[0])


def test_a_workspace_that_says_nothing_of_memory_and_names_the_same_model_is_not_warned_of(
    tmp_path: Path,
) -> None:
    model = bundled()["code_developer"].claude_configuration.model
    put(tmp_path / ".nexus/personas", "a.json", configured(model=model) | {"agent_id": "code_developer"})
    personas, problems = load_personas(None, tmp_path)
    found = {persona.agent_id: persona for persona in personas}["code_developer"]
    assert problems == []
    assert found.memory_system == bundled()["code_developer"].memory_system


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


TESTER = configured(tools_enabled=["file_editing"]) | {"role": "test_creator"}
READER = configured(tools_enabled=["test_runners"]) | {"role": "test_creator"}


@pytest.mark.parametrize(
    ("files", "tester"),
    [
        ({}, "alpha_test_creator"),
        ({"work": TESTER | {"agent_id": "aaa"}}, "alpha_test_creator"),
        ({"work": TESTER | {"agent_id": "alpha_test_creator"}}, "alpha_test_creator"),
        ({"work": READER | {"agent_id": "alpha_test_creator"}}, None),
        ({"work": TESTER | {"agent_id": "alpha_test_creator"}, "user": TESTER}, "doc_writer"),
        ({"user": READER | {"agent_id": "aaa"}}, "alpha_test_creator"),
        ({"work": TESTER | {"agent_id": "alpha_test_creator", "role": "poet"}}, None),
        ({"work": TESTER | {"agent_id": "aria_coordinator"}}, "alpha_test_creator"),
    ],
)
def test_missing_tests_are_written_by_one_who_can(
    tmp_path: Path, files: dict[str, dict[str, Any]], tester: str | None
) -> None:
    places = {"user": tmp_path / "user", "work": tmp_path / "work/.nexus/personas"}
    for place, content in files.items():
        put(places[place], "a.json", content)
    assert personas.tester_of(load_personas(tmp_path / "user", tmp_path / "work")[0]) == tester


@pytest.mark.parametrize("content", ["{", "\0" * 300_000, json.dumps({"agent_id": "code_developer"})])
def test_a_broken_override_leaves_the_bundled_one(tmp_path: Path, content: str) -> None:
    put(tmp_path / ".nexus/personas", "code_developer.json", content)
    personas, problems = load_personas(None, tmp_path)
    assert tuple(personas) == load_personas(None, None)[0]
    assert problems and problems[0].where.startswith(".nexus/personas/code_developer.json")


def test_two_files_of_one_id_the_later_name_counts(tmp_path: Path) -> None:
    put(tmp_path, "a.json", written(name="First"))
    put(tmp_path, "b.json", written(name="Second"))
    personas, problems = load_personas(tmp_path, None)
    assert {persona.agent_id: persona for persona in personas}["doc_writer"].name == "Second"
    assert [str(problem) for problem in problems] == [
        "personas/b.json: personas/a.json has the same agent_id 'doc_writer'; this file is used. Remove"
        " one of the two, or give it an id of its own."
    ]


# --- handoffs ----------------------------------------------------------------------------------------


def handing(agent_id: str, *handoffs: str) -> dict[str, Any]:
    return written(agent_id=agent_id, handoffs=list(handoffs))


@pytest.mark.parametrize(
    ("files", "kept", "told"),
    [
        ({"user/a": handing("a", "b"), "user/b": handing("b")}, {"a": ("b",), "b": ()}, ""),
        (
            {"user/a": handing("a", "nobody", "code_developer")},
            {"a": ("code_developer",)},
            "personas/a.json: handoffs: there is no agent 'nobody'; it is left out. Use the agent_id of a"
            " persona that is there.",
        ),
        (
            {"user/a": handing("a", "a")},
            {"a": ()},
            "personas/a.json: handoffs: they go round in a circle: a -> a; a -> a is left out. Take one of"
            " these handoffs out.",
        ),
        (
            {"user/a": handing("a", "b"), "user/b": handing("b", "c", "b2"), "user/b2": handing("b2")}
            | {"user/c": handing("c", "a")},
            {"a": ("b",), "b": ("c", "b2"), "c": ()},
            "personas/c.json: handoffs: they go round in a circle: c -> a -> b -> c; c -> a is left out. Take"
            " one of these handoffs out.",
        ),
        (
            {"user/a": handing("a", "w"), "work/w": handing("w", "a")},
            {"a": ("w",), "w": ()},
            ".nexus/personas/w.json: handoffs: they go round in a circle: w -> a -> w; w -> a is left out."
            " Take one of these handoffs out.",
        ),
        (
            {"work/alpha": handing("alpha_test_creator", "code_developer")},
            {"alpha_test_creator": (), "code_developer": ("alpha_test_creator", "beta_test_validator")},
            ".nexus/personas/alpha.json: handoffs: they go round in a circle: alpha_test_creator ->"
            " code_developer -> alpha_test_creator; alpha_test_creator -> code_developer is left out."
            " Take one of these handoffs out.",
        ),
    ],
)
def test_handoffs_lead_somewhere_and_not_in_a_circle(
    tmp_path: Path, files: dict[str, dict[str, Any]], kept: dict[str, tuple[str, ...]], told: str
) -> None:
    places = {"user": tmp_path / "user", "work": tmp_path / "work/.nexus/personas"}
    for name, content in files.items():
        place, stem = name.split("/")
        put(places[place], f"{stem}.json", content)
    personas, problems = load_personas(tmp_path / "user", tmp_path / "work")
    found = {persona.agent_id: persona.handoffs for persona in personas}
    assert {ident: found[ident] for ident in kept} == kept
    said = [problem for problem in problems if "handoffs" in problem.where]
    assert [str(problem) for problem in said] == ([told] if told else [])
    assert all(isinstance(problem, Caution) != ("circle" in problem.what) for problem in said)
    assert all(isinstance(problem, Problem) for problem in said)


def test_two_hundred_personas_that_hand_on_to_all_the_others_are_settled(tmp_path: Path) -> None:
    everybody = [f"p{at}" for at in range(200)]
    for ident in everybody:
        put(tmp_path, f"{ident}.json", handing(ident, *everybody))
    personas, problems = load_personas(tmp_path, None)
    found = {persona.agent_id: persona.handoffs for persona in personas}
    assert max(len(found[ident]) for ident in everybody) == 10
    assert any("there are 200; the first 10 are used" in str(problem) for problem in problems)
    assert all(ident not in onward(found, ident) for ident in everybody)


def onward(handoffs: dict[str, tuple[str, ...]], start: str) -> set[str]:
    """Everybody to whom the work of one may come."""
    reached: set[str] = set()
    left = list(handoffs[start])
    while left:
        here = left.pop()
        if here not in reached:
            reached.add(here)
            left += handoffs[here]
    return reached
