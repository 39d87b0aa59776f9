"""Small made-up workspaces and assignments for the local team."""

from __future__ import annotations

import textwrap
from pathlib import Path

from fake_line import ScriptedLine

from nexus_lsp.adapters.local_team import LocalTeam
from nexus_lsp.core.personas import ClaudeConfiguration, Persona, PersonalityProfile
from nexus_lsp.core.plan import Task, TaskType
from nexus_lsp.ports import Assignment, Outcome, Progress, Report

PERSONA = Persona(
    "code_developer",
    "Code",
    "developer",
    PersonalityProfile((), "", "", "", ""),
    (),
    (),
    ClaudeConfiguration("any", 1, 0.0, "", ()),
)


def tree(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(textwrap.dedent(text).lstrip("\n").encode())
    return root


def assignment(root: Path, kind: TaskType, **given) -> Assignment:
    task = Task(
        "t1", "Tidy", "code_developer", kind, given.pop("says", "Tidy up"), (), given.pop("writes", ())
    )
    given = {"attempt": 1, "request": "Clean up the code", "plan_summary": ""} | given
    return Assignment(run_id="r1", task=task, persona=PERSONA, checkout=root, **given)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def work(team: LocalTeam, given: Assignment) -> tuple[Outcome, list[str]]:
    heard: list[Report] = []
    outcome = await team.work(given, heard.append, ScriptedLine())
    return outcome, [report.message for report in heard if isinstance(report, Progress)]
