"""How changes look in a terminal: coloured diffs under the heads of their files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nexus_lsp.terminal.show import count

Json = dict[str, Any]


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
                Padding(Text(f"… {count(len(mine) - left, 'more change')} in this file", "dim"), (0, 0, 1, 2))
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
    asked = [Padding(Text(f"? {told}", "yellow"), (0, 0, 0, 4)) for told in line.get("questions", ())]
    return Group(head, *asked, Padding(_diff(line), (0, 0, 1, 4)))


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
