"""How runs and facts look in a terminal. Gives rich renderables; prints nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
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
        self._claims: dict[str, str] = {}
        """Task -> how sure its agent says it is."""
        self._foreseen: dict[str, set[tuple[str, str]]] = {}
        """Run -> what was said of conflicts that are foreseen."""

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
        table.add_row("", Text(e["run_id"], "dim"))
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

    def _replan_requested(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Replan[/] round {e['round']}: {escape(e['reason'])}")

    def _plan_revised(self, e: Json) -> RenderableType:
        known = set(self._titles)
        for task in e["plan"]["tasks"]:
            self._titles[task["id"]] = (task["agent"], task["title"])
        new = [task for task in e["plan"]["tasks"] if task["id"] not in known]
        rows = [Text.from_markup(f"         + {self._who(t['agent'])} {escape(t['title'])}") for t in new]
        head = Text.from_markup(f"[bold]Plan[/]   {escape(e['why'])} [dim]({escape(e['source'])})[/]")
        return Group(head, *rows)

    def _plan_kept(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Plan[/]   stays as it is: {escape(e['why'])}")

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
        response: Json = e["response"] or {}
        result: Json = response.get("task_result") or {}
        sure = result.get("confidence_score")
        if sure is not None:
            self._claims[e["task_id"]] = f"its own claim: {100 * sure:.0f} % sure"
        return Group(*(Text(f"           note: {n}", "yellow") for n in e["notes"])) if e["notes"] else None

    def _task_completed(self, e: Json) -> RenderableType:
        who, title = self._of(e["task_id"])
        told = [count(len(e["paths"]), "file")] if e["paths"] else []
        told += [f"{escape(', '.join(e['by_structure']))} merged by structure"] if e["by_structure"] else []
        told += [claim] if (claim := self._claims.get(e["task_id"])) else []
        more = f" [dim]({'; '.join(told)})[/]" if told else ""
        head = Text.from_markup(f"  [green]✓[/] {who} {title}{more}")
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

    def _gate_warning(self, e: Json) -> RenderableType | None:
        rows = [
            Text(f"           {p['path']}:{p['line'] + 1}: {p['message']}", "yellow") for p in e["places"]
        ]
        if not rows:
            return None
        return Group(
            Text.from_markup(f"  [yellow]●[/] gate   {e['gate']}: {count(len(rows), 'question')}"), *rows
        )

    def _gate_quality(self, e: Json) -> RenderableType:
        told = ", ".join(figures(e)) or "nothing could be measured"
        head = Text.from_markup(
            f"  [green]●[/] quality {escape(told)} [dim](measured, {e['seconds']:.1f} s)[/]"
        )
        return Group(head, *(Text(f"           note: {note}", "dim") for note in e["notes"]))

    def _gate_not_measured(self, e: Json) -> RenderableType:
        return Text.from_markup(f"  [yellow]○[/] gate   {e['gate']}: not measured: {escape(e['why'])}")

    def _conflict_forecast(self, e: Json) -> RenderableType | None:
        """What is new of it; a place moves while its agents write."""
        told = {(c["path"], c["message"]): c["line"] + 1 for c in e["clashes"]}
        known = self._foreseen.get(e["run_id"], set())
        self._foreseen[e["run_id"]] = set(told)
        if known and not told:
            return Text("    no conflict is foreseen any more", "dim")
        new = [(*what, line) for what, line in told.items() if what not in known]
        rows = [f"    [yellow]![/] {escape(f'{path}:{line}: {said}')}" for path, said, line in new]
        return Group(*map(Text.from_markup, rows)) if rows else None

    def _change_outdated(self, e: Json) -> RenderableType | None:
        if e["superseded_by"]:
            return None
        told = escape(f"change {e['change_id']} is outdated: {e['why']}")
        return Text.from_markup(f"  [yellow]–[/] {told}")

    # --- teamwork ------------------------------------------------------------------------------------

    def _message_sent(self, e: Json) -> RenderableType | None:
        message = e["message"]
        text = message["payload"].get("text")
        if not isinstance(text, str):  # an assignment or a response: its task tells
            return None
        sender = self._address(str(message["from"].get("instance_id") or message["from"]["agent_id"]))
        to = ", ".join(self._address(r) for r in e["recipients"])
        kind = message["message_type"]
        kind = "" if kind == "information" else f" [dim]({escape(kind)})[/]"
        line = f"    [magenta]✉[/] {escape(sender)} → {escape(to)}{kind}: {escape(_line(text))}"
        return Padding(_one_line(line), 0)

    def _message_dead(self, e: Json) -> RenderableType:
        who = escape(self._address(e["recipient"]))
        return Text.from_markup(f"    [yellow]✉[/] a message did not reach {who}: {escape(e['why'])}")

    def _message_delayed(self, e: Json) -> RenderableType:
        return Text.from_markup(f"    [yellow]✉[/] {escape(e['why'])}")

    def _agent_note(self, e: Json) -> RenderableType:
        return Padding(
            _one_line(f"    [magenta]✎[/] {self._who(e['agent_id'])} {escape(_line(e['text']))}"), 0
        )

    def _memory_recalled(self, e: Json) -> RenderableType:
        who = self._who(e["agent_id"]) if e["task_id"] else "[bold]Prime[/] "
        rows = [f"      [dim]{escape(line['kind'])}: {escape(_line(line['text']))}[/]" for line in e["items"]]
        head = f"    [magenta]◆[/] {who} [dim]is reminded of {count(len(rows), 'thing')} from earlier runs[/]"
        return Group(Text.from_markup(head), *(Padding(_one_line(row), 0) for row in rows))

    def _memory_stored(self, e: Json) -> RenderableType | None:
        if e["kind"] == "interaction":
            return None
        return Padding(
            _one_line(f"    [magenta]◆[/] remembered ({escape(e['kind'])}): {escape(_line(e['text']))}"), 0
        )

    def _memory_unavailable(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Memory[/] {escape(e['why'])}")

    def _agent_unavailable(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Waits[/]  {escape(e['why'])}")

    def _agent_available(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[green]Works[/]  {escape(e['backend'])} works again")

    def _address(self, address: str) -> str:
        """A name for a person to read: `Code (t2)`."""
        agent, _, task = address.partition("#")
        name = {"nexus_prime": "Prime", "user": "you"}.get(agent) or self._names.get(agent, agent)
        return f"{name} ({task})" if task else name

    def _run_paused(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Paused[/] {escape(e['reason'])}")

    def _ask_opened(self, e: Json) -> RenderableType:
        who = (
            f"[bold]{escape(self._names.get(e['agent_id'], e['agent_id']))}[/] asks: "
            if e["agent_id"]
            else ""
        )
        why = f"\n  [dim]{escape(e['why'])}[/]" if e["why"] else ""
        options = escape(" / ".join(e["options"]))
        return Text.from_markup(f"[bold yellow]?[/] {who}{escape(e['question'])} [dim]({options})[/]{why}")

    def _ask_answered(self, e: Json) -> RenderableType | None:
        by = {"user": "you", "timeout": "nobody in time", "engine": ""}[e["by"]]
        return Text.from_markup(f"  [dim]answered by {by}: {escape(_line(e['answer']))}[/]") if by else None

    def _budget_warning(self, e: Json) -> RenderableType:
        return Text.from_markup(f"[yellow]Budget[/] {escape(_budget(e))}")

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


def figures(quality: Json) -> list[str]:
    """What was measured of all that landed, in words; what was not is left out."""
    found: list[str] = []
    if quality["changed_coverage"] is not None:
        lines = f"{quality['covered_lines']} of {quality['changed_lines']} changed lines"
        found.append(f"tests execute {lines} ({quality['changed_coverage']:.0f} %)")
    if quality["tests"] is not None:
        found.append(f"{count(quality['tests'], 'test')}, {quality['new_tests'] or 0} new")
    for name, noun in (("complexity", "complexity"), ("lint_errors", "lint errors")):
        before, now = quality[f"{name}_before"], quality[name]
        if before is not None and now is not None:
            found.append(f"{noun} {before} → {now}" if before != now else f"{noun} {now}")
    if quality["rounds"]:
        found.append(count(quality["rounds"], "repair round"))
    return found


def _budget(e: Json) -> str:
    of = {"run": "the run", "task": f"task {e['who']}", "agent": f"agent {e['who']}"}[e["scope"]]
    if e["measure"] == "usd":
        return f"${e['used'] or e['usd']:.2f} of ${e['limit'] or e['max_usd']:.2f} of {of} is spent"
    unit = "tokens" if e["measure"] == "tokens" else "seconds"
    return f"{e['used']:,.0f} of {e['limit']:,.0f} {unit} of {of} are used"


def _line(text: str) -> str:
    return " ".join(text.split())


def _one_line(markup: str) -> Text:
    line = Text.from_markup(markup)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _said(text: str) -> RenderableType:
    """What an agent says, as Markdown in which a line end is a line end."""
    return Padding(Markdown(text.replace("\n", "  \n")), (0, 2, 1, 11))


def _where(e: Json) -> str:
    return "" if e["task_id"] else " [dim]on your files as they are now[/]"


def _measured(e: Json, passed: int, failed: int) -> str:
    cover = f", coverage {e['coverage']:.0f} %" if e.get("coverage") is not None else ""
    if e["gate"] == "lint":
        return "no error" if not failed else count(failed, "error")
    return f"{passed} passed, {failed} failed{cover} [dim]({e['seconds']:.1f} s)[/]"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
