"""The house is in order: names agree, documents are up to date and name nothing that is not there."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from docs.generate import documents, settings_schema, subcommands
from nexus_lsp.core import changes, facts, plan, run
from nexus_lsp.core.personas import parse_persona
from nexus_lsp.core.settings import Settings
from nexus_lsp.lsp.server import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nexus_lsp"
EXTENSION = ROOT / "vscode-extension"


MOST_LINES, MOST_FUNCTION_LINES = 400, 70
LONG_FILES = {
    "core/happenings.py": (490, "the closed union of happenings; nothing but frozen values"),
    "engine/engine.py": (510, "one loop: queue, journal, effects and starts are read together"),
}
"""Files that may be longer than the others: up to how many lines, and why."""

LONG_FUNCTIONS = {
    "core/evolve.py:evolve": (150, "the one table from facts to states"),
    "core/decide.py:_first": (95, "the one table from happenings to rules"),
}

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(EXTENSION / name for name in ("README.md", "CHANGELOG.md")),
]


# --- modules -----------------------------------------------------------------------------------------


def modules(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"node_modules", "input", "expected"} & set(path.parts)
    ]


def test_every_module_says_what_it_knows() -> None:
    found = modules("nexus_lsp", "docs", "tests", "benchmarks")
    assert len(found) > 100
    silent = [m for m in found if not ast.get_docstring(ast.parse(m.read_text()))]
    marks = [
        m
        for m in silent
        if m.name == "__init__.py" and m.is_relative_to(ROOT / "tests") and not m.read_text()
    ]
    assert [str(m.relative_to(ROOT)) for m in silent if m not in marks] == []


def test_every_module_is_on_the_map() -> None:
    told = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = Counter(m.stem for m in modules("nexus_lsp") if not m.stem.startswith("__"))
    assert {name for name, count in rooms.items() if told.count(f"`{name}`") < count} == set()


def test_no_file_is_too_long() -> None:
    found: list[str] = []
    for path in modules("nexus_lsp"):
        name, lines = str(path.relative_to(PACKAGE)), len(path.read_text().splitlines())
        most, _ = LONG_FILES.get(name, (MOST_LINES, ""))
        found += [f"{name}: {lines} lines, {most} are allowed"] if lines > most else []
    assert found == []


def test_no_function_is_too_long() -> None:
    found: list[str] = []
    for path in modules("nexus_lsp"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path.relative_to(PACKAGE)}:{node.name}"
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                most, _ = LONG_FUNCTIONS.get(name, (MOST_FUNCTION_LINES, ""))
                found += [f"{name}: {lines} lines, {most} are allowed"] if lines > most else []
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "personas").glob("*.json")), ids=lambda path: path.stem)
def test_every_persona_parses(path: Path) -> None:
    persona, problems = parse_persona(path.read_text(), path.name)
    assert persona is not None
    assert (persona.agent_id, problems) == (path.stem, [])


# --- the extension and the server --------------------------------------------------------------------

LSP_EXT = (EXTENSION / "src/lspExt.ts").read_text()
MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text())


def interface(name: str) -> set[str]:
    """The keys of a TypeScript interface."""
    found = re.search(rf"interface {name} \{{\n(.*?)\n\}}", LSP_EXT, re.S)
    assert found, name
    return set(re.findall(r'^  "?([\w.]+)"?\??:', found[1], re.M))


def union(name: str) -> set[str]:
    """The words of a TypeScript union of strings."""
    found = re.search(rf"type {name} =(.*?);", LSP_EXT, re.S)
    assert found, name
    return set(re.findall(r'"(\w+)"', found[1]))


def test_commands_are_the_same() -> None:
    server, extension = {f"nexus.{name}" for name in COMMANDS}, interface("Commands")
    assert extension == server


def test_events_are_the_same() -> None:
    server, extension = set(facts.FACTS), interface("EventFields")
    assert extension - server == set()
    assert server - extension == set()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("RunStatus", get_args(run.RunStatus)),
        ("TaskStatus", get_args(run.TaskStatus)),
        ("TaskType", get_args(plan.TaskType)),
        ("ChangeKind", get_args(changes.ChangeKind)),
        ("ChangeStatus", get_args(changes.ChangeStatus)),
        ("Risk", get_args(changes.Risk)),
        ("Approval", get_args(facts.Approval)),
        ("Priority", get_args(facts.Priority)),
    ],
)
def test_words_on_the_wire_are_the_same(name: str, words: tuple[str, ...]) -> None:
    assert union(name) == set(words)


def test_settings_have_the_same_defaults() -> None:
    wanted: dict[str, Any] = settings_schema()["properties"]
    given: dict[str, Any] = MANIFEST["contributes"]["configuration"]["properties"]
    shared = {name.removeprefix("nexus."): prop for name, prop in given.items() if name[6:] in wanted}
    assert set(shared) == interface("Settings") - {"trusted"}
    assert {name: prop["default"] for name, prop in shared.items()} == {
        name: wanted[name]["default"] for name in shared
    }
    assert {n: set(p["enum"]) for n, p in shared.items() if "enum" in p} == {
        n: set(wanted[n]["enum"]) for n in shared if "enum" in wanted[n]
    }
    assert len(wanted) == len(fields(Settings))


# --- documents ---------------------------------------------------------------------------------------


def test_generated_documents_are_up_to_date() -> None:
    stale = [name for name, text in documents().items() if (ROOT / "docs" / name).read_text() != text]
    assert stale == [], "run `make docs`"


def code(path: Path) -> Iterator[str]:
    """Every line of a fenced block and every code span of a document."""
    text = path.read_text()
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.S | re.M)
    for block in fenced:
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


def named(pattern: str) -> set[str]:
    """What the documents' code names by a pattern, with the document."""
    return {
        f"{doc.name}: {hit}" for doc in DOCUMENTS for line in code(doc) for hit in re.findall(pattern, line)
    }


def without(found: set[str], known: set[str]) -> set[str]:
    return {line for line in found if line.partition(": ")[2] not in known}


def test_documents_name_only_commands_that_exist() -> None:
    found = named(r"(?:^|[\s/\"(])nexus-lsp ([a-z]\w*)")
    assert {line.partition(": ")[2] for line in found} >= {"demo", "doctor", "serve"}
    assert without(found, set(subcommands())) == set()


def test_documents_name_only_options_that_exist() -> None:
    known = {o for parser in subcommands().values() for a in parser._actions for o in a.option_strings}
    assert without(named(r"nexus-lsp .*?(--[a-z-]+)"), known | {"--version"}) == set()


def test_documents_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    found = named(r"(?:^|\s)make ([a-z]+)")
    assert {line.partition(": ")[2] for line in found} >= {"demo", "test"}
    assert without(found, targets) == set()


def test_documents_name_only_settings_and_editor_commands_that_exist() -> None:
    contributed = MANIFEST["contributes"]
    known = {f"nexus.{name}" for name in (*COMMANDS, *settings_schema()["properties"])}
    known |= set(contributed["configuration"]["properties"])
    known |= {command["command"] for command in contributed["commands"]}
    known |= {"nexus.{}"}
    found = named(r"(?<![\w./-])(nexus\.[a-zA-Z]+(?:\.[a-zA-Z]+)*)")
    assert found
    assert without(found, known) == set()


def test_documents_name_only_variables_that_the_code_reads() -> None:
    sources = "".join(m.read_text() for m in modules("nexus_lsp", "tests"))
    found = named(r"\b(NEXUS_[A-Z_0-9]+)\b")
    assert {line for line in found if line.partition(": ")[2] not in sources} == set()


def test_documents_name_only_files_that_exist() -> None:
    pattern = r"^((?:core|engine|adapters|lsp|terminal|tests|docs|personas|vscode-extension)/[\w./-]+\.\w+)$"
    missing = without(named(pattern), set())
    assert {
        line
        for line in missing
        if not any((base / line.partition(": ")[2]).exists() for base in (ROOT, PACKAGE))
    } == set()


# --- what was left lying about -----------------------------------------------------------------------

PRIVATE = re.compile(r"/(?:home|Users)/(?!(?:me|u|you|user)\b)\w|/root\b")
"""Somebody's own directories."""

PICTOGRAM = re.compile("[\U00010000-\U0010ffff]")
"""Characters of four bytes: pictograms, mostly. Tests of positions need some."""


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    own = "tests/test_tidy.py"
    return [name for name in listed.stdout.split("\0") if name and name != own and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content and not name.endswith("package-lock.json"):
            yield name, content.decode("utf-8", "replace")


def test_nothing_of_a_workbench_is_left_in_a_file() -> None:
    found = {name: sorted(set(PRIVATE.findall(text))) for name, text in texts()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_no_pictograms_but_in_tests() -> None:
    assert [name for name, text in texts() if not name.startswith("tests/") and PICTOGRAM.search(text)] == []
