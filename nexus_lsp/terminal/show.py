"""How runs, facts and changes look in a terminal. Gives rich renderables; prints nothing itself."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]

STATUS_STYLE = {
    "completed": "green",
    "ready": "green",
    "in_progress": "cyan",
    "failed": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "awaiting_approval": "yellow",
    "accepted": "green",
    "rejected": "red",
    "outdated": "yellow",
    "pending": "cyan",
}


def _hidden() -> dict[int, str]:
    named = (*range(0x7F, 0xA0), 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    controls = {code: f"^{chr(code + 64)}" for code in range(32) if chr(code) not in "\t\n"}
    stray_bytes = {code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)}
    return controls | {code: f"<U+{code:04X}>" for code in named} | stray_bytes


HIDDEN = _hidden()
"""How characters that a terminal obeys, or that turn the reading direction, are shown."""


def visible(value: Any) -> Any:
    """The same JSON value with every control character made visible.

    Files, models and agents could otherwise write escape sequences, or turn the reading direction, and show a
    reviewer something else than what is accepted.
    """
    if isinstance(value, str):
        return value.replace("\r\n", "\n").translate(HIDDEN)
    if isinstance(value, dict):
        return {key: visible(item) for key, item in cast("Json", value).items()}
    if isinstance(value, list):
        return [visible(item) for item in cast("list[Any]", value)]
    return value


class Narrator:
    """Turns events into lines; `names` gives each agent's name by its id."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._titles: dict[str, tuple[str, str]] = {}

    def line(self, event: Json) -> RenderableType | None:
        """What the user sees of one event; None where it says nothing new to a person."""
        tell = getattr(self, f"_{event['type']}", None)
        return tell(visible(event)) if tell else None

    def _who(self, agent_id: str) -> str:
        return f"[bold]{escape(self._names.get(agent_id, agent_id)):<6}[/]"

    def _of(self, task_id: str | None) -> tuple[str, str]:
        agent, title = self._titles.get(task_id or "", ("", task_id or "the whole run"))
        return self._who(agent) if agent else f"{'':<6}", escape(title)

    def _run_started(self, e: Json) -> RenderableType:
        trust = "its code may be run" if e["trusted"] else "its code is not run (`nexus-lsp trust` allows it)"
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("NEXUS", "bold"), Text(e["request"]))
        table.add_row("", Text(f"{e['workspace']}: {trust}", "dim"))
        table.add_row("", Text(f"team: {e['team']} ({e['team_why'].rstrip('.')})", "dim"))
        return table

    def _snapshot_taken(self, e: Json) -> RenderableType | None:
        return Group(*(Text(f"       note: {note}", "yellow") for note in e["notes"])) if e["notes"] else None

    def _plan_proposed(self, e: Json) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for task in e["plan"]["tasks"]:
            self._titles[task["id"]] = (task["agent"], task["title"])
            after = ", ".join(task["depends_on"])
            table.add_row(
                Text(task["id"]),
                Text.from_markup(self._who(task["agent"])),
                Text(task["type"]),
                Text(task["title"]),
                Text(f"after {after}" if after else "", "dim"),
            )
        head = Table.grid(padding=(0, 2))
        head.add_row(Text("Plan ", "bold"), Text(e["plan"]["summary"]))
        head.add_row("", Text(f"planner: {e['source']} ({e['why']})", "dim"))
        return Group(Text(), head, Padding(table, (0, 0, 1, 7)))

    def _task_started(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        again = f" [yellow](attempt {e['attempt']})[/]" if e["attempt"] > 1 else ""
        return Text.from_markup(f"  [cyan]▸[/] {who} {title}{again}")

    def _task_progress(self, e: Json) -> RenderableType:
        percent = f" {e['percent']} %" if e["percent"] is not None else ""
        line = Text.from_markup(f"    {self._who(e['agent_id'])} [dim]{escape(e['message'])}{percent}[/]")
        line.no_wrap, line.overflow = True, "ellipsis"
        return Padding(line, 0)  # the console joins bare texts, and the new one wraps again

    def _task_submitted(self, e: Json) -> RenderableType | None:
        return Group(*(Text(f"           note: {n}", "yellow") for n in e["notes"])) if e["notes"] else None

    def _task_completed(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        files = f" [dim]({_count(len(e['paths']), 'file')})[/]" if e["paths"] else ""
        head = Text.from_markup(f"  [green]✓[/] {who} {title}{files}")
        if not e["summary"].strip():
            return head
        return Group(head, _said(e["summary"]))

    def _task_failed(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        mark = "[yellow]–[/]" if e["unable"] else "[red]✗[/]"
        head = Text.from_markup(f"  {mark} {who} {title}")
        return Group(head, _said(e["reason"]))

    def _task_cancelled(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        return Text.from_markup(f"  [yellow]–[/] {who} {title}: {escape(e['reason'])}")

    def _task_repair(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        first = escape(e["evidence"].strip().splitlines()[0]) if e["evidence"].strip() else ""
        return Text.from_markup(f"  [yellow]↻[/] {who} {title}: {e['cause']}. {first}")

    def _gate_baseline(self, e: Json) -> RenderableType:
        if not e["measured"]:
            return Text.from_markup(
                f"  [yellow]○[/] gate   {e['gate']}: not measured before: {escape(e['why'])}"
            )
        return Text.from_markup(
            f"  [dim]○ gate   {e['gate']} before: {_measured(e, len(e['passed']), len(e['failed']))}[/]"
        )

    def _gate_passed(self, e: Json) -> RenderableType:
        fixed = f", {len(e['fixed'])} fixed" if e["fixed"] else ""
        told = _measured(e, e["passed"], e["failed"])
        return Text.from_markup(f"  [green]●[/] gate   {e['gate']}: {told}{fixed}{_where(e)}")

    def _gate_failed(self, e: Json) -> RenderableType:
        head = Text.from_markup(
            f"  [red]●[/] gate   {e['gate']}: {len(e['broken'])} broken: {escape(', '.join(e['broken'][:5]))}"
        )
        return Group(
            head, Padding(Text("\n".join(e["output"].strip().splitlines()[-15:]), "dim"), (0, 2, 0, 11))
        )

    def _gate_not_measured(self, e: Json) -> RenderableType:
        return Text.from_markup(f"  [yellow]○[/] gate   {e['gate']}: not measured: {escape(e['why'])}")

    def _change_outdated(self, e: Json) -> RenderableType | None:
        if e["superseded_by"]:
            return None
        told = escape(f"change {e['change_id']} is outdated: {e['why']}")
        return Text.from_markup(f"  [yellow]–[/] {told}")

    def _run_paused(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Paused[/] {escape(e['reason'])}")

    def _ask_opened(self, e: Json) -> RenderableType:
        return Text.from_markup(
            f"[bold yellow]?[/] {escape(e['question'])} [dim]({escape(' / '.join(e['options']))})[/]"
        )

    def _budget_warning(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Budget[/] ${e['usd']:.2f} of ${e['max_usd']:.2f} is spent")

    def _run_ready(self, e: Json) -> RenderableType:
        return Text.from_markup(f"\n[bold green]Ready[/]  {escape(e['summary'])}")

    def _run_failed(self, e: Json) -> RenderableType:
        return Text.from_markup(f"\n[bold red]Failed[/] {escape(e['reason'])}")

    def _run_cancelled(self, _e: Json) -> RenderableType:
        return Text.from_markup("\n[bold yellow]Cancelled[/]")

    def _run_completed(self, e: Json) -> RenderableType:
        return Text.from_markup(
            f"[bold green]Done[/]   {e['accepted']} accepted, {e['rejected']} rejected, "
            f"{e['outdated']} outdated"
        )


def _said(text: str) -> RenderableType:
    """What an agent says, as Markdown in which a line end is a line end."""
    return Padding(Markdown(text.replace("\n", "  \n")), (0, 2, 1, 11))


def _where(e: Json) -> str:
    return "" if e["task_id"] else " [dim]on your files as they are now[/]"


def _measured(e: Json, passed: int, failed: int) -> str:
    cover = f", coverage {e['coverage']:.0f} %" if e.get("coverage") is not None else ""
    if e["gate"] == "lint":
        return "no error" if not failed else _count(failed, "error")
    return f"{passed} passed, {failed} failed{cover} [dim]({e['seconds']:.1f} s)[/]"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def change(line: Json, names: Mapping[str, str]) -> RenderableType:
    """A change as a coloured diff with who made it and why."""
    return Group(_file_head(line), _one(line, names))


def changes(lines: Sequence[Json], names: Mapping[str, str], at_most: int | None = None) -> RenderableType:
    """Changes under the heads of their files; only the first `at_most` with their text."""
    shown: list[RenderableType] = []
    left = len(lines) if at_most is None else at_most
    for path in dict.fromkeys(line["path"] for line in lines):
        mine = [line for line in lines if line["path"] == path]
        shown.append(_file_head(mine[0]))
        shown += [_one(line, names) for line in mine[:left]]
        if len(mine) > left:
            shown.append(
                Padding(
                    Text(f"… {_count(len(mine) - left, 'more change')} in this file", "dim"), (0, 0, 1, 2)
                )
            )
        left = max(0, left - len(mine))
    return Group(*shown)


def _file_head(line: Json) -> RenderableType:
    old = f"{line['old_path']} → " if line["old_path"] else ""
    kind = "" if line["kind"] == "edit" else f"  [dim]{line['kind']}[/]"
    return Text.from_markup(f"[bold]{escape(old + line['path'])}[/]{kind}")


def _one(line: Json, names: Mapping[str, str]) -> RenderableType:
    who = ", ".join(names.get(a, a) for a in line["agent_ids"])
    at = f"line {line['line'] + 1}  " if line["kind"] == "edit" else ""
    head = Text.from_markup(f"  [cyan]{at}[/]{escape(who)}: {escape(line['why'])}\n  [dim]{line['id']}[/]")
    return Group(head, Padding(_diff(line), (0, 0, 1, 4)))


def _diff(line: Json) -> RenderableType:
    if line["kind"] == "binary":
        return Text("binary file", "dim")
    if line["kind"] == "mode":
        return Text(f"mode {line['before_mode']} → {line['after_mode']}", "dim")
    if line["kind"] == "edit":
        rows = ["-" + row for row in line["before"].splitlines()]
        rows += ["+" + row for row in line["after"].splitlines()]
    else:
        rows = list(
            difflib.unified_diff(line["before"].splitlines(), line["after"].splitlines(), lineterm="", n=2)
        )[2:]
    shown = rows if len(rows) <= 80 else [*rows[:80], f"… {len(rows) - 80} more lines"]
    return Group(*(Text(row, _row_style(row)) for row in shown))


def _row_style(row: str) -> str:
    return {"+": "green", "-": "red", "@": "cyan"}.get(row[:1], "dim")


def runs_table(runs: list[Json]) -> RenderableType:
    """A list of runs, newest first."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("run", "status", "tasks", "to review", "request"):
        table.add_column(name, style="" if name == "request" else None)
    for run in runs:
        style = STATUS_STYLE.get(run["status"], "")
        table.add_row(
            run["run_id"],
            Text(run["status"], style),
            f"{run['tasks_done']}/{run['tasks_total']}",
            str(run["changes_pending"]),
            Text(visible(" ".join(run["request"].split())), overflow="ellipsis", no_wrap=True),
        )
    return table
