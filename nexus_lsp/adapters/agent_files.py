"""Agent files: Claude Code's and GitHub Copilot's agents (Markdown with YAML front matter), as personas.

Formats: code.claude.com/docs/en/sub-agents, docs.github.com/en/copilot/reference/custom-agents-configuration,
code.visualstudio.com/docs/agents/reference/custom-agent-file-reference. Hooks, MCP servers, skills and
permission modes in such files are not read.

**Invariant:** no file raises; one that cannot be used is a problem with a mend, and the others are read.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from nexus_lsp.core.personas import (
    CLAUDE_TOOLS,
    READ_ONLY_TOOLS,
    READING,
    Caution,
    ClaudeConfiguration,
    Origin,
    Persona,
    PersonalityProfile,
    checked,
)
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.quoting import one_line

MOST_AGENTS = 50
"""Agents imported from the user's directory, and from a workspace."""

_MAX_BYTES = 256 * 1024
"""A file larger than this is no persona; a workspace could fill memory with it."""

_MAX_HEAD, _MOST_EVENTS, _DEEPEST = 16 * 1024, 2_000, 8
"""Characters, YAML events and levels of front matter: PyYAML takes seconds for a file made to be slow."""

_MAX_BODY = 30_000
"""Characters of a system prompt, as GitHub documents them."""

_MOST_SEEN = 10_000
"""Directory entries that are looked at."""


# --- files -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where persona files stand.

    Attributes:
        label: what messages call the directory.
        suffix: what the names of its files end in.
        root: links that lead out of this directory are not followed; None: all are.
    """

    directory: Path
    label: str
    suffix: str
    origin: Origin
    root: Path | None = None


def read_shelf(shelf: Shelf, most: int, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """(where, name without suffix, text) of its files by name; what cannot be read becomes a problem."""
    names = _names(shelf, problems)
    if len(names) > most:
        told = f"the last {len(names) - most:,} of {len(names):,} files {shelf.suffix} by name are not read"
        problems.append(Caution(shelf.label, told, "Move those you do not use somewhere else."))
    for name in names[:most]:
        shown = one_line(name.encode("utf-8", "replace").decode(), 100)
        where = f"{shelf.label}/{shown}"
        text = _text(shelf, name, where, problems)
        if text is not None:
            yield where, shown.removesuffix(shelf.suffix), text


def _names(shelf: Shelf, problems: list[Problem]) -> list[str]:
    try:
        with os.scandir(shelf.directory) as entries:
            names = [entry.name for entry in islice(entries, _MOST_SEEN)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(Problem(shelf.label, f"it cannot be listed ({error.strerror})", "Make it readable."))
        return []
    return sorted(n for n in names if n.endswith(shelf.suffix) and n.lower() != "readme.md")


def _text(shelf: Shelf, name: str, where: str, problems: list[Problem]) -> str | None:
    """The file's text; None, and a problem, for what is no readable, regular, small file of text."""
    path = shelf.directory / name
    try:
        if shelf.root is not None and not path.resolve().is_relative_to(shelf.root.resolve()):
            problems.append(Caution(where, "it leads out of the workspace", "Put the file itself here."))
            return None
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            problems.append(Problem(where, "it is no file of up to 256 KiB", "Give a smaller text file."))
            return None
        text = path.read_bytes().decode("utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        told = f"it cannot be read ({one_line(str(error), 200)})"
        problems.append(Problem(where, told, "Save it as readable UTF-8 text."))
        return None
    if "\0" in text:
        problems.append(Problem(where, "it is binary", "Save it as readable UTF-8 text."))
        return None
    return text.removeprefix("\ufeff")


# --- agents ------------------------------------------------------------------------------------------


def import_agents(shelf: Shelf, most: int, problems: list[Problem]) -> Iterator[tuple[str, Persona]]:
    """(where, persona) of the shelf's agents, by file name. A workspace's only read."""
    for where, stem, text in read_shelf(shelf, most, problems):
        persona, found = parse_agent(text, where, stem, shelf.origin)
        problems += found
        if persona is not None:
            yield where, persona


def parse_agent(text: str, where: str, stem: str, origin: Origin) -> tuple[Persona | None, list[Problem]]:
    """A persona from an agent file, and what is wrong with it; `stem` names it where the file does not.

    None where it cannot be used, or is not to be: `Caution`s alone then say why.
    """
    head, body = _split(text)
    if head is None:
        told = "it does not begin with front matter, so it is no agent"
        return None, [Caution(where, told, "Begin it with the lines: ---, name: …, description: …, ---.")]
    if body is None:
        return None, [Problem(where, "its front matter has no end", "Add a line --- below it.")]
    fields, problem = _front_matter(head, where)
    if problem is not None:
        return None, [problem]
    if fields.get("disable-model-invocation") is True or fields.get("infer") is False:
        told = "it is to be chosen by hand only, and a planner chooses here"
        return None, [Caution(where, told, "Take disable-model-invocation and infer out to import it.")]
    name, description = _string(fields, "name") or stem, _string(fields, "description")
    for field, given, mend in (
        ("description", description, "Say in a sentence what the agent is for."),
        ("the text below the front matter", body, "Write there what the agent is told."),
    ):
        if not given:
            return None, [Problem(where, f"{field} is missing", mend)]
    tools, cautions = _tools(fields, where, origin)
    model, doubt = _model(fields.get("model"), where)
    if len(body) > _MAX_BODY:
        told = f"its text has {len(body):,} characters; the first {_MAX_BODY:,} are used"
        cautions.append(Caution(where, told, "Shorten it."))
    persona = Persona(
        agent_id=agent_id_of(name) or agent_id_of(stem),
        name=one_line(name.replace("-", " ").title() if name == name.lower() else name, 60),
        role=_role(description, name),
        personality_profile=PersonalityProfile((), "", "", "", ""),
        expertise_areas=_clauses(description),
        capabilities=(one_line(description, 300),),
        claude_configuration=ClaudeConfiguration(model, 8000, 0.0, body[:_MAX_BODY], tools),
        handoffs=_handoffs(fields.get("handoffs")),
        origin=origin,
    )
    sound, found = checked(persona, where)
    return sound, [*cautions, *doubt, *found] if sound is not None else found


def agent_id_of(name: str) -> str:
    """The `agent_id` that a name gives: a-z, 0-9 and _, at most 64; "" where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name[:200]).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:64].rstrip("_")


# --- front matter ------------------------------------------------------------------------------------


def _split(text: str) -> tuple[str | None, str | None]:
    """Front matter, None where there is none; what stands below it, None where it has no end."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        return None, text
    for at, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:at]), "\n".join(lines[at + 1 :]).strip()
    return text, None


def _front_matter(head: str, where: str) -> tuple[Mapping[str, Any], Problem | None]:
    import yaml

    if len(head) > _MAX_HEAD:
        return {}, Problem(where, f"its front matter is longer than {_MAX_HEAD:,} characters", "Shorten it.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # where libyaml is there: ten times as fast
    try:
        if told := _too_much(cast("Any", yaml).parse(head, Loader=loader)):
            return {}, Problem(where, f"its front matter holds {told}", "Write each value out, shortly.")
        fields = yaml.load(head, Loader=loader)  # noqa: S506 (a safe one)
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        why = one_line(str(getattr(error, "problem", None) or error), 150)
        place = f" in line {line + 2}" if isinstance(line, int) else ""
        mend = "Put texts that hold a colon or begin with a sign into quotes."
        return {}, Problem(where, f"its front matter is not YAML{place} ({why})", mend)
    if not isinstance(fields, dict):
        return {}, Problem(where, "its front matter holds no fields", "Write lines such as name: reviewer.")
    return cast("Mapping[str, Any]", fields), None


def _too_much(events: Iterator[Any]) -> str:
    """What of YAML is not read here: aliases stand for more values than memory holds, nesting takes long."""
    import yaml

    depth = 0
    for at, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            return "aliases or tags, which are not read here"
        if depth > _DEEPEST or at > _MOST_EVENTS:
            return "more values than any agent needs"
    return ""


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _strings(value: object) -> list[str]:
    """The words of a list, or of a text with commas."""
    if isinstance(value, str):
        value = value.split(",")
    items = cast("list[object]", value)[:200] if isinstance(value, list) else []
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]


def _handoffs(value: object) -> tuple[str, ...]:
    """The agents of VS Code's list of `{label, agent, prompt}`, without its built-in ones."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    agents = [cast("dict[str, object]", item).get("agent") for item in items if isinstance(item, dict)]
    named = [agent for agent in agents if isinstance(agent, str) and agent not in ("agent", "ask", "edit")]
    return tuple(map(agent_id_of, named))


# --- what a description says -------------------------------------------------------------------------


def _role(description: str, name: str) -> str:
    """The first clause of the description where it names somebody ("Expert reviewer"), else the name."""
    first = re.split(r"[.,;:(\n]| - | – | — | who | that ", description, maxsplit=1)[0].strip()
    first = re.sub(r"^(you are )?(an?|the) ", "", first, flags=re.IGNORECASE)
    somebody = re.search(r"(er|or|ist|ert|ect|ian|ant|yst|ead)$", first.lower())
    does = re.match(r"[a-z]+s |use |when |must |agent ", first.lower())
    if not somebody or does or len(first) > 60:
        first = re.sub(r"[-_\s]+", " ", name).strip().lower()
    return one_line(first if first[1:2].isupper() else first[:1].lower() + first[1:], 60)


def _clauses(description: str) -> tuple[str, ...]:
    """Up to eight short clauses of what the agent is for, without those that say when to call it."""
    parts = [one_line(part) for part in re.split(r"[.,;:!?\n]|\\n|<[^>]*>", description[:4_000])]
    wanted = [re.sub(r"^(and|or) ", "", part) for part in parts]
    calls = ("use ", "when ", "must ", "example", "context", "user", "assistant", "call ", "invoke ")
    return tuple(
        part for part in wanted if 3 <= len(part) <= 80 and not part.lower().startswith(calls)
    )[:8]  # fmt: skip


# --- tools and models --------------------------------------------------------------------------------

_TOOLS = {
    "file_analysis": (
        "read grep glob ls notebookread search codebase usages problems changes findtestfiles searchresults"
    ),
    "file_editing": "edit write multiedit notebookedit editfiles new",
    "code_execution": "bash execute shell powershell runcommands runtasks runinterminal",
    "test_runners": "runtests testfailure",
    "web_search": "websearch web",
    "": (
        "agent task custom-agent runsubagent todo todos todowrite skill askuserquestion "
        "vscode terminallastcommand terminalselection"
    ),
}
"""The seed's tools behind those of Claude Code, GitHub Copilot and VS Code, in lower case. Those under "" are
passed over without a word: what they are for is NEXUS' own business."""

_NAMES = {name: seeds for seeds, names in _TOOLS.items() for name in names.split()}

_ALL = tuple(name for name in _TOOLS if name)


def _tools(fields: Mapping[str, Any], where: str, origin: Origin) -> tuple[tuple[str, ...], list[Problem]]:
    """The seed's names for the tools an agent may use; without `tools` a user's own agent gets all."""
    wanted, unknown = _known(_strings(fields.get("tools")))
    if fields.get("tools") is None:
        wanted = set(READ_ONLY_TOOLS) & set(_ALL) if origin == "workspace" else set(_ALL)
    denied, _ = _known(_strings(fields.get("disallowedTools")))
    cautions: list[Problem] = []
    if unknown:
        told = f"these are not tools of NEXUS and are left out: {one_line(', '.join(unknown), 200)}"
        known = ", ".join(sorted({tool for tools in CLAUDE_TOOLS.values() for tool in tools}))
        cautions.append(Caution(f"{where}: tools", told, f"Known tools: {known}."))
    gone = {tool for seed in denied for tool in CLAUDE_TOOLS[seed]} - set(READING)
    kept = {seed for seed in wanted - denied if not gone & set(CLAUDE_TOOLS[seed])}
    return tuple(sorted(kept)), cautions


def _known(given: list[str]) -> tuple[set[str], list[str]]:
    """The seed's names, and what has none: servers of others, and tools limited to some use of them."""
    found: set[str] = set()
    unknown: list[str] = []
    for tool in given:
        head = tool.lower().partition("/")[0]
        limited = re.match(r"(agent|task|skill)\(", head)
        seeds = _NAMES.get(limited[1] if limited else head)
        if tool == "*":
            found.update(_ALL)
        elif seeds is None:
            unknown.append(tool)
        elif seeds:
            found.add(seeds)
    return found, unknown


_FAMILIES = ("opus", "sonnet", "haiku")


def _model(value: object, where: str) -> tuple[str, list[Problem]]:
    """The first model of those named that Claude Code can give; `sonnet` where nothing is named."""
    names = [name.lower() for name in _strings(value)]
    for name in names:
        if re.fullmatch(r"claude-[a-z0-9.\[\]-]{1,60}", name):
            return name, []
        for family in _FAMILIES:
            if re.search(rf"\b{family}\b", name):
                return family, []
    if not names or names == ["inherit"]:
        return "sonnet", []
    told = f"{one_line(names[0], 60)!r} is no model of Claude Code; sonnet is used"
    return "sonnet", [Caution(f"{where}: model", told, "Write opus, sonnet or haiku.")]
