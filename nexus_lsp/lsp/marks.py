"""What an editor shows of waiting changes: diagnostics, code actions, hovers, lenses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lsprotocol import types as lsp

from nexus_lsp.core.conflicts import ASK_AGENT as PUT_TOGETHER
from nexus_lsp.core.conflicts import Conflict
from nexus_lsp.core.text import Units, body, split_lines, width
from nexus_lsp.core.tracking import Placed
from nexus_lsp.lsp.needing import Needing

Json = dict[str, Any]

SOURCE = "nexus"
SHOWN_LINES = 30
SHORT = 10
"""Characters of a commit's name: those that a person compares."""
OWN_GATES = ("tests", "lint")
"""What the user's own tree is measured by (see `engine.evidence`)."""
ACCEPT, REJECT = "quickfix.nexus.accept", "quickfix.nexus.reject"
UNDO, REVISE = "quickfix.nexus.undo", "quickfix.nexus.revise"
ACCEPT_FILE, REJECT_FILE = "source.nexus.acceptFile", "source.nexus.rejectFile"
ACCEPT_RUN, REJECT_RUN = "source.nexus.acceptRun", "source.nexus.rejectRun"
KEEP_MINE, TAKE_THEIRS = "quickfix.nexus.keepMine", "quickfix.nexus.takeTheirs"
TAKE_BOTH, ASK_AGENT = "quickfix.nexus.takeBoth", "quickfix.nexus.askAgent"
KINDS = (
    ACCEPT,
    REJECT,
    REVISE,
    UNDO,
    KEEP_MINE,
    TAKE_THEIRS,
    TAKE_BOTH,
    ASK_AGENT,
    ACCEPT_FILE,
    REJECT_FILE,
    ACCEPT_RUN,
    REJECT_RUN,
)


def whole_lines(lines: Sequence[str], start: int, count: int, units: Units) -> lsp.Range:
    """From the start of a line to the end of the last of `count` lines."""
    last = start + count - 1
    end = width(body(lines[last]), units) if 0 <= last < len(lines) else 0
    return lsp.Range(lsp.Position(start, 0), lsp.Position(max(last, 0), end))


def shown_range(change: Json, placed: Placed | None, lines: Sequence[str], units: Units) -> lsp.Range | None:
    """Where a change shows; None where it has no place.

    A replacement on its own lines, an insertion on the whole line before it (on the first line at the top),
    everything else on line 0.
    """
    if change["kind"] != "edit":
        return whole_lines(lines, 0, 1, units)
    if placed is not None and placed.line is None and change.get("conflict"):
        # the user types in it right now; its sides are looked at anew when that rests
        return whole_lines(lines, placed.start, max(1, placed.end - placed.start), units)
    if placed is None or placed.line is None:
        return None
    line, count = placed.line, len(placed.hunk.before)
    return whole_lines(lines, line, count, units) if count else whole_lines(lines, max(line - 1, 0), 1, units)


def edit_range(placed: Placed, lines: Sequence[str], units: Units) -> lsp.Range | None:
    """The exact place of an `edit`: the replaced lines, or the empty range that it is put into."""
    if placed.line is None:
        return None
    count = len(placed.hunk.before)
    end = placed.line + count
    if count and end >= len(lines) and not lines[-1].endswith(("\n", "\r")):
        return lsp.Range(lsp.Position(placed.line, 0), lsp.Position(end - 1, width(lines[-1], units)))
    return lsp.Range(lsp.Position(placed.line, 0), lsp.Position(end, 0))


def diagnostic(change: Json, place: lsp.Range, exact: lsp.Range | None, names: Mapping[str, str]) -> Json:
    """A waiting change as a diagnostic on the wire, as the contract has it, but for related information.

    Plain, as there may be thousands: to make JSON of lsprotocol's own values costs many times as much.
    """
    data: Json = {
        "changeId": change["id"],
        "runId": change["run_id"],
        "taskId": change["task_id"],
        "agentId": change["agent_id"],
    }
    if exact is not None:
        data["editRange"] = plain(exact)
    return {
        "range": plain(place),
        "message": message(change, names),
        "severity": int(lsp.DiagnosticSeverity.Information),
        "code": change["id"],
        "source": SOURCE,
        "data": data,
    }


def warning(place: lsp.Range, told: str) -> Json:
    """A warning on the wire."""
    severity = int(lsp.DiagnosticSeverity.Warning)
    return {"range": plain(place), "message": told, "severity": severity, "source": SOURCE}


def conflict(change: Json, place: lsp.Range, sides: Conflict, names: Mapping[str, str]) -> Json:
    """A conflict as a diagnostic on the wire: a warning where it stands, its three sides in its data."""
    mark = diagnostic(change, place, None, names)
    data = mark["data"] | {"conflict": {"range": plain(place)} | three_sides(sides)}
    told = f"{message(change, names)} (conflict: you changed these lines too)"
    return mark | {"message": told, "severity": int(lsp.DiagnosticSeverity.Warning), "data": data}


def three_sides(sides: Conflict) -> Json:
    """The texts of a conflict on the wire."""
    named = {"base": sides.base, "yours": sides.yours, "theirs": sides.theirs}
    return {name: "".join(lines) for name, lines in named.items()}


def plain(place: lsp.Range) -> Json:
    """A range on the wire."""
    start, end = place.start, place.end
    return {
        "start": {"line": start.line, "character": start.character},
        "end": {"line": end.line, "character": end.character},
    }


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


def fixes(
    changes: Sequence[Json],
    diagnostics: Sequence[lsp.Diagnostic],
    names: Mapping[str, str],
    known: Needing,
    revise: str = "",
) -> list[lsp.CodeAction]:
    """Accept and reject for each waiting change, four ways out of each conflict, undo for each accepted one,
    with what belongs to it.

    `revise` is a command of the editor that asks the user what is to be different; without one it is not
    offered, as nobody could say.
    """
    found: list[lsp.CodeAction] = []
    by_id = {str(d.code): d for d in diagnostics}
    for change in (c for c in changes if c["status"] == "pending"):
        mine = [by_id[change["id"]]] if change["id"] in by_id else None
        told = f"{who(change, names)}: {shortened(change['why'])}"
        how, accept = accepting(change, known)
        reject: Json = {"changeIds": [change["id"]]}
        for kind, verb, name, argument in (
            (ACCEPT, how, "accept", accept),
            (REJECT, "Reject", "reject", reject),
        ):
            title = f"{verb} “{told}”"
            run = command(title, f"nexus.review.{name}", argument)
            sure = kind == ACCEPT and "anyway" not in argument
            found.append(lsp.CodeAction(title, kind, diagnostics=mine, command=run, is_preferred=sure))
        if revise:
            title = f"Ask {who(change, names)} to do it in another way…"
            run = lsp.Command(title, revise, arguments=[change["id"]])
            found.append(lsp.CodeAction(title, REVISE, diagnostics=mine, command=run))
    for change in (c for c in changes if c.get("conflict")):
        mine = [by_id[change["id"]]] if change["id"] in by_id else None
        found += _settling(change, mine, names)
    for change in (c for c in changes if c["status"] == "accepted"):
        how, undo = taking_back(change, known)
        title = f"{how} “{who(change, names)}: {shortened(change['why'])}”"
        run = command(title, "nexus.review.undo", undo)
        found.append(lsp.CodeAction(title, UNDO, command=run))
    return found


SETTLE = (
    (KEEP_MINE, "Keep mine", "mine"),
    (TAKE_THEIRS, "Take theirs", "theirs"),
    (TAKE_BOTH, "Take both", "both"),
)
"""What settles a conflict: kind, title, and how."""


def _settling(
    change: Json, mine: list[lsp.Diagnostic] | None, names: Mapping[str, str]
) -> list[lsp.CodeAction]:
    found: list[lsp.CodeAction] = []
    told = f"{who(change, names)}: {shortened(change['why'])}"
    for kind, verb, how in SETTLE:
        run = command(f"{verb} “{told}”", "nexus.review.resolve", {"changeIds": [change["id"]], "how": how})
        found.append(lsp.CodeAction(run.title, kind, diagnostics=mine, command=run))
    ask = command(f"Ask {who(change, names)} to put both together", *_asking(change))
    return [*found, lsp.CodeAction(ask.title, ASK_AGENT, diagnostics=mine, command=ask)]


def _asking(change: Json) -> tuple[str, Json]:
    return "nexus.review.revise", {"changeIds": [change["id"]], "feedback": PUT_TOGETHER}


def accepting(change: Json, known: Needing) -> tuple[str, Json]:
    """How a waiting change can be accepted, in words and as the command's argument."""
    lack = known.needed_by(change)
    if lack.gone:
        return "Accept without what it needs", {"changeIds": [change["id"]], "anyway": True}
    with_it = f" with the {_many(len(lack.waiting), 'change')} it needs" if lack.waiting else ""
    return f"Accept{with_it}", {"changeIds": [change["id"], *lack.waiting]}


def taking_back(change: Json, known: Needing) -> tuple[str, Json]:
    """The same for taking an accepted one back."""
    users = known.needing(change)
    more = f" with the {_many(len(users), 'change')} that {'needs' if len(users) == 1 else 'need'} it"
    return f"Take back{more if users else ''}", {"changeIds": [change["id"], *users]}


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sources(changes: Sequence[Json], uri: str) -> list[lsp.CodeAction]:
    """Accept and reject for the whole file, and for the runs, of waiting changes; nothing for none."""
    waiting = [c for c in changes if c["status"] == "pending"]
    return _of_file(uri) + _of_runs(waiting) if waiting else []


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


def shortened(text: str, limit: int = 50) -> str:
    """On one line, of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def lenses(changes: Sequence[tuple[Json, lsp.Range]], names: Mapping[str, str], known: Needing) -> list[Json]:
    """Who proposes what, with accept and reject, above each waiting change; who made what, above others.

    Plain, as `diagnostic` is, and for the same reason.
    """
    found: list[Json] = []
    for change, place in changes:
        at = plain(lsp.Range(place.start, place.start))
        title = f"{who(change, names)}: {shortened(change['why'], 60)}"
        if change.get("conflict"):
            found += _conflict_lenses(change, at, title)
            continue
        if change["status"] == "accepted":
            how, undo = taking_back(change, known)
            shown = ((f"↶ {how} — {title}", "undo", undo),)
        else:
            how, accept = accepting(change, known)
            reject: Json = {"changeIds": [change["id"]]}
            shown = ((f"✓ {how} — {title}", "accept", accept), ("✗ Reject", "reject", reject))
        for text, name, argument in shown:
            run = {"title": text, "command": f"nexus.review.{name}", "arguments": [argument]}
            found.append({"range": at, "command": run})
    return found


def _conflict_lenses(change: Json, at: Json, title: str) -> list[Json]:
    """The four ways out of a conflict, above it."""
    given = [
        (verb, "nexus.review.resolve", {"changeIds": [change["id"]], "how": how}) for _, verb, how in SETTLE
    ]
    first = (f"⚠ Conflict — {title}: {given[0][0]}", *given[0][1:])
    shown = (first, *given[1:], ("Ask", *_asking(change)))
    return [
        {"range": at, "command": {"title": text, "command": name, "arguments": [argument]}}
        for text, name, argument in shown
    ]


def hover_conflict(change: Json, sides: Conflict, names: Mapping[str, str], measured: str) -> str:
    """Markdown: who proposes what and why, and the three sides of the conflict with it."""
    texts = three_sides(sides)
    told = (("What the agent saw", "base"), ("What you have", "yours"), ("What is proposed", "theirs"))
    shown = "\n".join(f"{head}:\n\n{_block(texts[name])}" for head, name in told)
    head = f"**{who(change, names)}** *(conflict: you changed these lines too)*: {change['why']}"
    return f"{head}\n\n{shown}\n{measured}"


def _block(text: str) -> str:
    if not text:
        return "*nothing*\n"
    fence = _fence(text)
    return f"{fence}\n{_diff_lines('', text)}{fence}\n"


def hover(change: Json, names: Mapping[str, str], measured: str) -> str:
    """Markdown: which agent, which task, why, the change itself, and the gates' evidence."""
    old, new = _diff_lines("-", change["before"]), _diff_lines("+", change["after"])
    fence = _fence(old + new)
    diff = f"{fence}diff\n{old}{new}{fence}\n" if change["kind"] in ("edit", "create") else ""
    state = "" if change["status"] == "pending" else f" *({change['status']})*"
    return f"**{who(change, names)}**{state}: {change['why']}\n\n{diff}\n{measured}"


def evidence(change: Json, gates: Iterable[Json]) -> str:
    """Markdown: what gates measured of a change's tasks and, once it is accepted, of the user's own files.

    Each with the tree that was measured, and with the end of the output where it is red.
    """
    told: list[str] = []
    for gate in _evidence_of(change, gates):
        state = gate["status"].replace("_", " ")
        why = f": {gate['why']}" if gate["why"] else ""
        tree = "your files, tree" if gate["task_id"] is None else "tree"
        told.append(f"- gate `{gate['gate']}`: {state}{why} *({tree} {gate['commit'][:SHORT]})*\n")
        output = gate["output"].strip()[-1500:] if gate["status"] == "failed" else ""
        if output:
            fence = _fence(output)
            told.append(f"\n{fence}\n{output}\n{fence}\n")
    return "".join(told)


def _evidence_of(change: Json, gates: Iterable[Json]) -> list[Json]:
    """All of the change's tasks, and the newest of each gate on the user's own tree."""
    seen = list(gates)
    own = {
        g["gate"]: g for g in seen if g["task_id"] is None and not g["baseline"] and g["gate"] in OWN_GATES
    }
    mine = [g for g in seen if g["task_id"] in change["task_ids"]]
    return [*mine, *own.values()] if change["status"] == "accepted" else mine


def _diff_lines(sign: str, text: str) -> str:
    lines = [body(line) for line in split_lines(text)]
    more = [f"… {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
    return "".join(f"{sign}{line}\n" for line in lines[:SHOWN_LINES] + more)


def _fence(text: str) -> str:
    """Longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def is_kind(wanted: Any, kind: Any) -> bool:
    """Whether a code action's kind is the one wanted, or below it: kinds are a tree."""
    top, text = (str(getattr(each, "value", each)) for each in (wanted, kind))
    return not top or text == top or text.startswith(top + ".")
