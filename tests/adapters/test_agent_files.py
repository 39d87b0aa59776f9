"""Agent files: those of Claude Code and GitHub Copilot as personas, and what is wrong in one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_lsp.adapters.agent_files import agent_id_of, parse_agent
from nexus_lsp.adapters.persona_files import load_personas
from nexus_lsp.core.personality import trade_of
from nexus_lsp.core.personas import Caution, Origin, Persona, claude_tools
from nexus_lsp.core.problems import Problem

CLAUDE = """\
---
name: sql-reviewer
description: Expert database reviewer. Use after every migration, for schema design and slow queries.
tools: Read, Grep, Glob, Bash
model: opus
color: red
---

You review migrations.

Look at the locks first.
"""

COPILOT = """\
---
name: API Architect
description: 'Designs HTTP interfaces: resources, errors, versions'
tools: ['read', 'search', 'edit', 'web', 'todo', 'github/*']
model: ['GPT-5 (copilot)', 'Claude Sonnet 4.5 (copilot)']
handoffs:
  - label: Build it
    agent: code-developer
    prompt: Build what was designed.
  - label: Ask
    agent: ask
---
You design interfaces.
"""


def put(directory: Path, name: str, content: str | bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / os.fsdecode(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def agent(name: str = "helper", more: str = "", body: str = "You help.") -> str:
    return f"---\nname: {name}\ndescription: A helper\n{more}---\n{body}\n"


def imported(user: Path | None, workspace: Path | None) -> tuple[dict[str, Persona], list[str]]:
    """The personas that are not bundled, and what is wrong."""
    bundled = {persona.agent_id for persona in load_personas(None, None)[0]}
    personas, problems = load_personas(user, workspace)
    return {p.agent_id: p for p in personas if p.agent_id not in bundled}, list(map(str, problems))


def read(text: str, origin: Origin = "user") -> tuple[Persona | None, list[Problem]]:
    return parse_agent(text, "a.md", "a", origin)


# --- what comes of one -------------------------------------------------------------------------------


def test_a_claude_code_agent_of_the_user(tmp_path: Path) -> None:
    put(tmp_path, "sql-reviewer.md", CLAUDE)
    found, problems = imported(tmp_path, None)
    persona = found["sql_reviewer"]
    assert problems == []
    assert (persona.name, persona.role) == ("Sql Reviewer", "expert database reviewer")
    assert persona.expertise_areas == (
        "Expert database reviewer",
        "for schema design and slow queries",
    )
    assert persona.claude_configuration.system_prompt == "You review migrations.\n\nLook at the locks first."
    assert persona.claude_configuration.model == "opus"
    assert claude_tools(persona, trusted=True) == ("Bash", "Glob", "Grep", "Read")
    assert (persona.origin, trade_of(persona)) == ("user", "validator")


def test_a_copilot_agent_of_a_workspace_only_reads(tmp_path: Path) -> None:
    put(tmp_path / ".github/agents", "architect.agent.md", COPILOT)
    put(tmp_path / ".github/agents", "notes.md", "# Not an agent\n")
    found, problems = imported(None, tmp_path)
    persona = found["api_architect"]
    assert (persona.name, persona.role) == ("API Architect", "API Architect".lower())
    assert persona.handoffs == ("code_developer",)
    assert persona.claude_configuration.model == "sonnet"
    assert claude_tools(persona, trusted=True) == ("Glob", "Grep", "Read")
    assert persona.origin == "workspace"
    where = ".github/agents/architect.agent.md: tools"
    assert [line.partition(". ")[0] for line in problems] == [
        f"{where}: these are not tools of NEXUS and are left out: github/*",
        f"{where}: a workspace cannot give itself file_editing, web_search",
    ]


def test_a_workspaces_agent_cannot_choose_a_dearer_model(tmp_path: Path) -> None:
    put(tmp_path / ".claude/agents", "helper.md", agent(more="model: opus\n"))
    found, problems = imported(None, tmp_path)
    assert found["helper"].claude_configuration.model == "sonnet"
    assert problems == [
        ".claude/agents/helper.md: model: a workspace cannot choose what an agent costs; the usual one is"
        " used. Put the persona into your own persona directory if you want that."
    ]


@pytest.mark.parametrize("tools", ["", "tools: Read, Edit, Write, Bash, WebSearch\n", "tools: '*'\n"])
@pytest.mark.parametrize("folder", [".claude/agents", ".github/agents"])
def test_a_workspaces_agent_never_gets_more_than_reading(tmp_path: Path, folder: str, tools: str) -> None:
    put(tmp_path / folder, "helper.agent.md", agent(more=tools))
    found, _ = imported(None, tmp_path)
    assert claude_tools(found["helper"], trusted=True) == ("Glob", "Grep", "Read")


@pytest.mark.parametrize(
    ("fields", "tools"),
    [
        ("", ("Bash", "Edit", "Glob", "Grep", "Read", "WebSearch", "Write")),
        ("tools:\n", ("Bash", "Edit", "Glob", "Grep", "Read", "WebSearch", "Write")),
        ("tools: []\n", ("Glob", "Grep", "Read")),
        ("tools: Read, Grep, Glob\n", ("Glob", "Grep", "Read")),
        ("tools: [Edit, WebSearch]\n", ("Edit", "Glob", "Grep", "Read", "WebSearch", "Write")),
        ("tools: 'Bash'\n", ("Bash", "Glob", "Grep", "Read")),
        ("tools: [edit/editFiles]\n", ("Edit", "Glob", "Grep", "Read", "Write")),
        ("tools: Agent(helper), TodoWrite\n", ("Glob", "Grep", "Read")),
        ("disallowedTools: Bash, Write\n", ("Glob", "Grep", "Read", "WebSearch")),
    ],
)
def test_tools_of_the_users_agent(fields: str, tools: tuple[str, ...]) -> None:
    persona, problems = read(agent(more=fields))
    assert persona is not None and [p for p in problems if "tools" in p.where] == []
    assert claude_tools(persona, trusted=True) == tools


@pytest.mark.parametrize(
    ("model", "used", "told"),
    [
        ("inherit", "sonnet", ""),
        ("haiku", "haiku", ""),
        ("Claude Opus 4.1 (copilot)", "opus", ""),
        ("claude-opus-4-1-20250805", "claude-opus-4-1-20250805", ""),
        ("gpt-5", "sonnet", "'gpt-5' is no model of Claude Code; sonnet is used"),
        ("3", "sonnet", ""),
    ],
)
def test_models(model: str, used: str, told: str) -> None:
    persona, problems = read(agent(more=f"model: {model}\n"))
    assert persona is not None and persona.claude_configuration.model == used
    assert [problem.what for problem in problems] == ([told] if told else [])


@pytest.mark.parametrize(
    ("name", "ident"),
    [
        ("code-reviewer", "code_reviewer"),
        ("API Architect!", "api_architect"),
        ("Prüfer", "prufer"),
        ("../../etc/passwd", "etc_passwd"),
        ("x" * 200, "x" * 64),
        ("コード", ""),
    ],
)
def test_ids(name: str, ident: str) -> None:
    assert agent_id_of(name) == ident


@pytest.mark.parametrize(
    ("description", "role"),
    [
        ("Expert code reviewer. Use after changes.", "expert code reviewer"),
        ("You are a security auditor who knows OWASP", "security auditor"),
        ("Use this agent when tests fail", "sql helper"),
        ("Reviews pull requests for style", "sql helper"),
        ("An x" + "y" * 500 + "er", "sql helper"),
    ],
)
def test_the_role_is_what_the_description_says_or_else_the_name(description: str, role: str) -> None:
    persona, _ = read(f"---\nname: sql-helper\ndescription: {description}\n---\nYou help.")
    assert persona is not None and persona.role == role


def test_the_file_name_stands_in_for_a_name() -> None:
    persona, _ = parse_agent("---\ndescription: A helper\n---\nYou help.", "x", "my-helper", "user")
    assert persona is not None and (persona.agent_id, persona.name) == ("my_helper", "My Helper")


# --- who comes first ---------------------------------------------------------------------------------


def test_who_is_there_already_stays(tmp_path: Path) -> None:
    put(tmp_path / "user", "mine.md", agent("helper", body="The user's."))
    put(tmp_path / "work/.claude/agents", "a.md", agent("helper", body="The workspace's."))
    put(tmp_path / "work/.claude/agents", "b.md", agent("Code Developer", body="You may push."))
    put(tmp_path / "work/.claude/agents", "c.md", agent("other", body="Claude's."))
    put(tmp_path / "work/.github/agents", "d.agent.md", agent("other", body="Copilot's."))
    found, problems = imported(tmp_path / "user", tmp_path / "work")
    assert {ident: p.claude_configuration.system_prompt for ident, p in found.items()} == {
        "helper": "The user's.",
        "other": "Claude's.",
    }
    assert problems == [
        ".claude/agents/a.md: personas/mine.md has the id 'helper' already and stays. Give this agent another"
        " name.",
        ".claude/agents/b.md: personas/code_developer.json has the id 'code_developer' already and stays."
        " Give this agent another name.",
        ".github/agents/d.agent.md: .claude/agents/c.md has the id 'other' already and stays. Give this agent"
        " another name.",
    ]
    assert load_personas(tmp_path / "user", tmp_path / "work")[0][3] == load_personas(None, None)[0][3]


def test_of_a_thousand_files_fifty_are_imported(tmp_path: Path) -> None:
    for at in range(1000):
        put(tmp_path / ".claude/agents", f"a{at:04}.md", agent(f"a{at:04}"))
    put(tmp_path / ".github/agents", "z.agent.md", agent("z"))
    found, problems = imported(None, tmp_path)
    assert list(found) == [f"a{at:04}" for at in range(50)]
    assert problems == [
        ".claude/agents: the last 950 of 1,000 files .md by name are not read. Move those you do not use"
        " somewhere else.",
        ".github/agents: the last 1 of 1 files .agent.md by name are not read. Move those you do not use"
        " somewhere else.",
    ]


# --- what is wrong -----------------------------------------------------------------------------------

HELPER = "name: helper\ndescription: A helper\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "# Notes\n",
            "it does not begin with front matter, so it is no agent. Begin it with the lines: ---, name: …,"
            " description: …, ---.",
        ),
        ("", "it does not begin with front matter"),
        (f"---\n{HELPER}You help.", "its front matter has no end. Add a line --- below it."),
        ("---\nname: [helper\n---\nYou help.", "its front matter is not YAML in line "),
        (
            "---\nname: helper\ndescription: Use it: always\n---\nYou help.",
            "its front matter is not YAML in line 3 (mapping values are not allowed",
        ),
        ("---\n- helper\n---\nYou help.", "its front matter holds no fields. Write lines such as name: "),
        ("---\n---\nYou help.", "its front matter holds no fields"),
        ("---\nname: helper\n---\nYou help.", "description is missing. Say in a sentence what the agent is"),
        ("---\nname: helper\ndescription: [a]\n---\nYou help.", "description is missing"),
        (f"---\n{HELPER}---\n \n", "the text below the front matter is missing. Write there what the agent"),
        ("---\nname: user\ndescription: I am\n---\nObey.", "agent_id: 'user' is no agent's id. Choose"),
        (f"---\n{HELPER}a: &a [x, x]\nb: [*a, *a]\n---\nYou help.", "its front matter holds aliases or tags"),
        (f"---\n{HELPER}a: !!python/object/apply:os.system [x]\n---\nx", "its front matter holds aliases or"),
        (
            f"---\n{HELPER}a: {'[' * 8}{']' * 8}\n---\nYou help.",
            "its front matter holds more values than any",
        ),
        (f"---\n{HELPER}a: [{'b, ' * 3000}]\n---\nYou help.", "its front matter holds more values than any"),
        (f"---\n{HELPER}a: {'b' * 20_000}\n---\nYou help.", "its front matter is longer than 16,384 char"),
        (f"---\n{HELPER}a: 2024-13-45\n---\nYou help.", "its front matter is not YAML (month must be in"),
        (f"---\n{HELPER}disable-model-invocation: true\n---\nYou help.", "it is to be chosen by hand only"),
        ("\0" * 300_000, "it is no file of up to 256 KiB. Give a smaller text file."),
        (b"---\nname: \xff\n---\nx", "it cannot be read ('utf-8' codec can't decode byte 0xff"),
        (agent(body="a\0b"), "it is binary. Save it as readable UTF-8 text."),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_mend(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    put(tmp_path / ".claude/agents", "broken.md", content)
    put(tmp_path / ".claude/agents", "sound.md", agent("sound"))
    found, problems = imported(None, tmp_path)
    assert list(found) == ["sound"]
    assert len(problems) == 1 and problems[0].startswith(f".claude/agents/broken.md: {told}")


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path, where: str) -> None:
    put(tmp_path / "outside", "secret.md", agent("secret"))
    agents = tmp_path / "work/.claude/agents"
    if where == "file":
        put(agents, "mine.md", agent("mine"))
        (agents / "secret.md").symlink_to(tmp_path / "outside/secret.md")
        (agents / "mine_too.md").symlink_to(agents / "mine.md")
    else:
        agents.parent.mkdir(parents=True)
        agents.symlink_to(tmp_path / "outside")
    found, problems = imported(None, tmp_path / "work")
    assert "secret" not in found and ("mine" in found) == (where == "file")
    said = ".claude/agents/secret.md: it leads out of the workspace. Put the file itself here."
    assert said in problems


def test_odd_things_in_the_folder_are_no_exceptions(tmp_path: Path) -> None:
    agents = tmp_path / ".claude/agents"
    put(agents, "sound.md", agent("sound"))
    put(agents, os.fsdecode(b"bad\xff\n.md"), agent("odd-name"))
    put(agents, "README.md", "# How our agents work\n")
    put(agents, "notes.txt", "no agent")
    (agents / "folder.md").mkdir()
    os.mkfifo(agents / "pipe.md")
    (agents / "loop.md").symlink_to(agents / "loop.md")
    (agents / "gone.md").symlink_to(agents / "nowhere.md")
    found, problems = imported(None, tmp_path)
    assert sorted(found) == ["odd_name", "sound"]
    assert sorted(line.partition(": ")[0] for line in problems) == [
        f".claude/agents/{name}.md" for name in ("folder", "gone", "loop", "pipe")
    ]


@pytest.mark.parametrize("place", ["user", "work/.claude", "work/.claude/agents", "work/.github/agents"])
def test_a_file_where_a_folder_is_looked_for_is_nothing(tmp_path: Path, place: str) -> None:
    put((tmp_path / place).parent, (tmp_path / place).name, "x")
    assert imported(tmp_path / "user", tmp_path / "work") == ({}, [])


PIECES = [
    "---\n",
    "name: a\n",
    "description: b\n",
    "tools: ",
    "model: ",
    "handoffs:\n- agent: x\n",
    "[",
    "{",
    "- ",
]
PIECES += [
    "? ",
    ": ",
    "&a ",
    "*a ",
    "!!binary ",
    "0x_",
    "1e999",
    "2024-02-30",
    "<<: ",
    "=",
    "'",
    '"',
    "|\n ",
    "\n",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join), st.booleans())
def test_no_text_raises(text: str, whole: bool) -> None:
    given_text = text if whole else f"---\nname: a\ndescription: b\n{text}\n---\nYou help."
    persona, problems = read(given_text, "workspace")
    assert persona is not None or problems
    if persona is not None:
        assert all(isinstance(problem, Caution) for problem in problems)
        assert replace(persona, origin="user").role.isprintable()
