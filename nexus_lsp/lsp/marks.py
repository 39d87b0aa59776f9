"""What an editor shows of waiting changes: diagnostics, code actions, hovers, lenses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.text import Units, body, width
from nexus_lsp.lsp.desk import hunk_of_line

Json = dict[str, Any]

SOURCE = "nexus"
ACCEPT, REJECT = "quickfix.nexus.accept", "quickfix.nexus.reject"
ACCEPT_FILE, REJECT_FILE = "source.nexus.acceptFile", "source.nexus.rejectFile"
ACCEPT_RUN, REJECT_RUN = "source.nexus.acceptRun", "source.nexus.rejectRun"
KINDS = (ACCEPT, REJECT, ACCEPT_FILE, REJECT_FILE, ACCEPT_RUN, REJECT_RUN)


def whole_lines(lines: Sequence[str], start: int, count: int, units: Units) -> lsp.Range:
    """From the start of a line to the end of the last of `count` lines."""
    last = start + count - 1
    end = width(body(lines[last]), units) if 0 <= last < len(lines) else 0
    return lsp.Range(lsp.Position(start, 0), lsp.Position(max(last, 0), end))


def shown_range(change: Json, line: int | None, lines: Sequence[str], units: Units) -> lsp.Range | None:
    """Where a change shows; None where it has no place.

    A replacement on its own lines, an insertion on the whole line before it (on the first line at the top),
    everything else on line 0.
    """
    if change["kind"] != "edit":
        return whole_lines(lines, 0, 1, units)
    if line is None:
        return None
    count = len(hunk_of_line(change).before)
    return whole_lines(lines, line, count, units) if count else whole_lines(lines, max(line - 1, 0), 1, units)


def edit_range(change: Json, line: int, lines: Sequence[str], units: Units) -> lsp.Range:
    """The exact place of an `edit`: the replaced lines, or the empty range that it is put into."""
    count = len(hunk_of_line(change).before)
    end = line + count
    if end >= len(lines) and count and not lines[-1].endswith(("\n", "\r")):
        return lsp.Range(lsp.Position(line, 0), lsp.Position(end - 1, width(lines[-1], units)))
    return lsp.Range(lsp.Position(line, 0), lsp.Position(end, 0))


def diagnostic(
    change: Json, place: lsp.Range, exact: lsp.Range | None, names: Mapping[str, str], related: Iterable[Any]
) -> lsp.Diagnostic:
    """A waiting change as a diagnostic, as the contract has it."""
    data: Json = {
        "changeId": change["id"],
        "runId": change["run_id"],
        "taskId": change["task_id"],
        "agentId": change["agent_id"],
    }
    if exact is not None:
        data["editRange"] = {
            "start": {"line": exact.start.line, "character": exact.start.character},
            "end": {"line": exact.end.line, "character": exact.end.character},
        }
    return lsp.Diagnostic(
        range=place,
        message=message(change, names),
        severity=lsp.DiagnosticSeverity.Information,
        code=change["id"],
        source=SOURCE,
        related_information=list(related) or None,
        data=data,
    )


def message(change: Json, names: Mapping[str, str]) -> str:
    """`<Agent>: <why>`, and for a whole file what is to become of it."""
    told = f"{who(change, names)}: {change['why']}"
    verb = {"create": "new file", "delete": "delete this file", "rename": "rename", "binary": "binary file"}
    verb |= {"mode": "file mode", "symlink": "symbolic link"}
    what = verb.get(change["kind"])
    return f"{told} ({what})" if what else told


def who(change: Json, names: Mapping[str, str]) -> str:
    """The agents' names."""
    return " and ".join(names.get(agent, agent) for agent in change["agent_ids"])


def command(title: str, name: str, argument: Json) -> lsp.Command:
    """A command of ours."""
    return lsp.Command(title=title, command=name, arguments=[argument])


def actions(
    changes: Sequence[Json], diagnostics: Sequence[lsp.Diagnostic], uri: str, names: Mapping[str, str]
) -> list[lsp.CodeAction]:
    """Accept and reject, for each change at hand, for their file, and for their runs."""
    found: list[lsp.CodeAction] = []
    by_id = {str(d.code): d for d in diagnostics}
    for change in changes:
        mine = [by_id[change["id"]]] if change["id"] in by_id else None
        told = f"{who(change, names)}: {_short(change['why'])}"
        for kind, verb, name in ((ACCEPT, "Accept", "accept"), (REJECT, "Reject", "reject")):
            title = f"{verb} “{told}”"
            run = command(title, f"nexus.review.{name}", {"changeIds": [change["id"]]})
            found.append(
                lsp.CodeAction(title, kind, diagnostics=mine, command=run, is_preferred=kind == ACCEPT)
            )
    if changes:
        found += _of_file(uri) + _of_runs(changes)
    return found


def _of_file(uri: str) -> list[lsp.CodeAction]:
    pairs = (
        (ACCEPT_FILE, "Accept all changes of this file", "accept"),
        (REJECT_FILE, "Reject all changes of this file", "reject"),
    )
    return [_source(kind, title, name, {"uri": uri}) for kind, title, name in pairs]


def _of_runs(changes: Sequence[Json]) -> list[lsp.CodeAction]:
    runs = dict.fromkeys(c["run_id"] for c in changes)
    pairs = (
        (ACCEPT_RUN, "Accept all changes of this run", "accept"),
        (REJECT_RUN, "Reject all changes of this run", "reject"),
    )
    return [_source(kind, title, name, {"runId": run}) for run in runs for kind, title, name in pairs]


def _source(kind: str, title: str, name: str, argument: Json) -> lsp.CodeAction:
    return lsp.CodeAction(f"NEXUS: {title}", kind, command=command(title, f"nexus.review.{name}", argument))


def _short(text: str, limit: int = 50) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def lenses(changes: Sequence[tuple[Json, lsp.Range]], names: Mapping[str, str]) -> list[lsp.CodeLens]:
    """Who proposes what, with accept and reject, above each waiting change."""
    found: list[lsp.CodeLens] = []
    for change, place in changes:
        ids = {"changeIds": [change["id"]]}
        title = f"{who(change, names)}: {_short(change['why'], 60)}"
        at = lsp.Range(place.start, place.start)
        found.append(lsp.CodeLens(at, command(f"✓ Accept — {title}", "nexus.review.accept", ids)))
        found.append(lsp.CodeLens(at, command("✗ Reject", "nexus.review.reject", ids)))
    return found


def hover(change: Json, names: Mapping[str, str], evidence: str) -> str:
    """Markdown: which agent, which task, why, the change itself, and the gates' evidence."""
    old = "".join(f"-{line}\n" for line in change["before"].splitlines()[:30])
    new = "".join(f"+{line}\n" for line in change["after"].splitlines()[:30])
    diff = f"```diff\n{old}{new}```\n" if change["kind"] in ("edit", "create") else ""
    state = "" if change["status"] == "pending" else f" *({change['status']})*"
    return f"**{who(change, names)}**{state}: {change['why']}\n\n{diff}\n{evidence}"
