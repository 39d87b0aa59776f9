"""A git note beside a commit of accepted changes: who made which lines, why, and what was measured.

JSON in snake_case, so that a line can be explained where the journal is gone: by a colleague who fetched
`refs/notes/nexus`, after a clone, years later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from nexus_lsp.core import facts as f
from nexus_lsp.core.commit_message import Evidence, evidence_of
from nexus_lsp.core.grafting import Grafted
from nexus_lsp.core.run import Run
from nexus_lsp.core.wire import Json

VERSION = 1
MOST_OUTPUT = 1_500
"""Characters of a failed gate's output that are kept (the end of it)."""


def note(
    runs: Iterable[Run],
    files: Mapping[str, Grafted],
    names: Mapping[str, str],
    trees: Mapping[str, str],
    tree: str,
) -> Json:
    """What is known of a commit's lines.

    `lines` are the first and the last line, 1-based in the committed file; both are null for a deletion and
    for what concerns the whole file.
    """
    ids = [i for file in files.values() for i in file.ids]
    told = [_run(run, ids, files, names, trees, tree) for run in runs]
    return {"version": VERSION, "tree": tree, "runs": told}


def _run(
    run: Run,
    ids: Sequence[str],
    files: Mapping[str, Grafted],
    names: Mapping[str, str],
    trees: Mapping[str, str],
    tree: str,
) -> Json:
    changes: list[Json] = []
    for path, file in files.items():
        spots = [(i, None) for i in file.whole]
        spots += [(i, (r.start + 1, r.end) if r.after else None) for r in file.regions for i in r.ids]
        changes += [_change(run, i, path, at, names) for i, at in spots if i in run.changes]
    gates = [_gate(evidence) for evidence in evidence_of(run, ids, trees, tree)]
    return {"run_id": run.id, "request": run.started.request, "changes": changes, "gates": gates}


def _gate(evidence: Evidence) -> Json:
    gate = evidence.gate
    told: Json = {"gate": gate.gate, "tree": evidence.tree, "same_tree": evidence.same, "output": ""}
    match gate:
        case f.GatePassed():
            return told | {"status": "passed", "why": "", "passed": gate.passed, "failed": gate.failed}
        case f.GateFailed():
            output = gate.output[-MOST_OUTPUT:]
            return told | {"status": "failed", "why": ", ".join(gate.broken), "output": output}
        case f.GateNotMeasured():
            return told | {"status": "not_measured", "why": gate.why}


def _change(
    run: Run, change_id: str, path: str, lines: tuple[int, int] | None, names: Mapping[str, str]
) -> Json:
    change = run.changes[change_id].change
    tasks = [{"id": i, "title": run.tasks[i].task.title} for i in change.task_ids if i in run.tasks]
    return {
        "id": change_id,
        "path": path,
        "kind": change.kind,
        "lines": list(lines) if lines else None,
        "tasks": tasks,
        "agents": [{"id": a, "name": names.get(a, a)} for a in change.agent_ids],
        "why": change.why,
    }


def explained(text: str, path: str, line: int) -> list[Json]:
    """The changes of a note that made a line (1-based) of a file, each with its run's gates; [] for none.

    What is no note of ours says nothing.
    """
    try:
        told: Any = json.loads(text)
    except ValueError:
        return []
    found: list[Json] = []
    for run in _list(told, "runs"):
        for change in _list(run, "changes"):
            if change.get("path") == path and _within(line, change.get("lines")):
                found.append(change | {"run_id": str(run.get("run_id", "")), "gates": _list(run, "gates")})
    return found


def _list(value: Any, key: str) -> list[Json]:
    held: Any = cast("Json", value).get(key) if isinstance(value, dict) else None
    return [cast("Json", item) for item in cast("list[Any]", held or []) if isinstance(item, dict)]


def _within(line: int, lines: Any) -> bool:
    match lines:
        case [int() as first, int() as last]:
            return first <= line <= last
        case _:
            return False
