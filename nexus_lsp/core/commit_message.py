"""The message of a commit of accepted changes, drafted from the journal: nothing else is claimed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nexus_lsp.core import facts as f
from nexus_lsp.core.changes import Change
from nexus_lsp.core.run import Run, TaskState

SUBJECT = 72
"""Characters of the first line, and of the lines below."""
NAMED_PATHS = 5


Measured = f.GatePassed | f.GateFailed | f.GateNotMeasured


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a gate measured, and on which tree (a git object id); `same` where that is the commit's own."""

    gate: Measured
    tree: str
    same: bool


def draft(
    runs: Sequence[Run],
    ids: Sequence[str],
    names: Mapping[str, str],
    trees: Mapping[str, str],
    tree: str,
) -> str:
    """The message for these changes of these runs.

    Args:
        names: agents' ids → their names.
        trees: measured commits → their trees. tree: the commit's own.
    """
    first, *more = [_line(run.started.request) for run in runs]
    tail = f" (and {len(more)} more)" if more else ""
    subject = _short(_capital(first.rstrip(". ")), SUBJECT - len(tail)) + tail
    parts = [subject]
    for run, request in zip(runs, [first, *more], strict=True):
        if more or len(request) > SUBJECT:
            parts.append(_wrapped(f"Request: {request}"))
        parts.append("\n".join(_done(run, ids, names)))
        told = [_told(evidence) for evidence in evidence_of(run, ids, trees, tree)]
        parts += ["\n".join(["Measured by NEXUS:", *told])] if told else []
    parts.append("\n".join(f"Nexus-Run: {run.id}" for run in runs))
    return "\n\n".join(part for part in parts if part) + "\n"


def evidence_of(run: Run, ids: Iterable[str], trees: Mapping[str, str], tree: str) -> list[Evidence]:
    """The newest measurement of each gate that concerns these changes; the same tree's where there is one."""
    tasks = {task for i in ids if i in run.changes for task in run.changes[i].change.task_ids}
    found: dict[str, Evidence] = {}
    for gate in run.gates:
        if not isinstance(gate, Measured) or not (gate.task_id is None or gate.task_id in tasks):
            continue
        on = trees.get(gate.commit, gate.commit)
        old = found.get(gate.gate)
        if old is None or on == tree or not old.same:
            found[gate.gate] = Evidence(gate, on, on == tree)
    return list(found.values())


def tasks_of(run: Run, ids: Iterable[str]) -> list[tuple[TaskState, list[Change]]]:
    """The tasks that made these changes, in the plan's order, each with its changes."""
    mine = [run.changes[i].change for i in ids if i in run.changes]
    found = [(state, [c for c in mine if task_id in c.task_ids]) for task_id, state in run.tasks.items()]
    return [(state, changes) for state, changes in found if changes]


def _done(run: Run, ids: Sequence[str], names: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for state, changes in tasks_of(run, ids):
        paths = list(dict.fromkeys(c.path for c in changes))
        more = f" and {len(paths) - NAMED_PATHS} more" if len(paths) > NAMED_PATHS else ""
        where = ", ".join(map(_line, paths[:NAMED_PATHS])) + more
        who = _line(names.get(state.task.agent, state.task.agent))
        lines.append(_wrapped(f"- {who}: {_line(state.task.title)} ({where})", "  "))
    return lines


def _told(evidence: Evidence) -> str:
    gate = evidence.gate
    match gate:
        case f.GatePassed():
            state = f"passed ({gate.passed} passed, {gate.failed} failed)"
        case f.GateFailed():
            state = f"failed ({', '.join(gate.broken[:3])})"
        case f.GateNotMeasured():
            return _wrapped(f"- {gate.gate}: not measured ({_line(gate.why).rstrip('.')})", "  ")
    on = "this tree" if evidence.same else f"tree {evidence.tree[:12]}, which is not this commit's"
    return _wrapped(f"- {gate.gate}: {state} on {on}", "  ")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, SUBJECT, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _line(text: str) -> str:
    """On one line, without characters that a log would not show; no `#` begins it, git may cut that."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split())).strip().lstrip("#").strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rpartition(" ")[0] or head).rstrip(",;:. ") + "…"
