"""How groups of changes look in a terminal: the summary first, diffs where there are few."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nexus_lsp.terminal import diffs
from nexus_lsp.terminal.show import count

Json = dict[str, Any]

SHOWN_CHANGES = 20
"""Changes that are shown with their text unasked; of more, only what their groups say."""

SHOWN_GROUPS = 40
STYLE = {
    **dict.fromkeys(("public_api", "security", "concurrency"), "red"),
    **dict.fromkeys(("tests_weakened", "configuration", "file_deleted"), "yellow"),
    "code": "cyan",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for review, in the order in which it is best read: (group, its waiting changes)."""

    groups: tuple[tuple[Json, tuple[Json, ...]], ...]

    @property
    def changes(self) -> list[Json]:
        """All of them, by group."""
        return [line for _, lines in self.groups for line in lines]

    def without(self, ids: Collection[str]) -> Waiting:
        """What else waits."""
        kept = [(group, tuple(c for c in lines if c["id"] not in ids)) for group, lines in self.groups]
        return Waiting(tuple((group, lines) for group, lines in kept if lines))

    def __iter__(self) -> Iterator[tuple[Json, tuple[Json, ...]]]:
        return iter(self.groups)


def is_open(line: Json) -> bool:
    """Whether it waits, and can be decided on where the user is."""
    return line["status"] == "pending" and not line["parked"]


def waiting_in(listed: Json) -> Waiting:
    """What waits of an answer of `review.list`."""
    by_id = {line["id"]: line for line in listed["changes"] if is_open(line)}
    found = [
        (group, tuple(by_id[i] for i in group["change_ids"] if i in by_id)) for group in listed["groups"]
    ]
    return Waiting(tuple((group, lines) for group, lines in found if lines))


def head(group: Json, waiting: int) -> RenderableType:
    """One group: what it does, and its risk with the rule that says so."""
    style = STYLE.get(group["risk"], "dim")
    risk = escape(group["risk"].replace("_", " "))
    left = "" if waiting == len(group["change_ids"]) else f" [dim]({waiting} waiting)[/]"
    return Text.from_markup(
        f"[{style}]■ {risk:<14}[/] [bold]{escape(group['summary'])}[/]{left}\n"
        f"  [dim]{escape(group['id'])}  by rule: {escape(group['risk_why'])}[/]"
    )


def overview(waiting: Waiting, names: Mapping[str, str], whole: bool = False) -> RenderableType:
    """What waits: with its text where that is not too much or `whole` is asked for, else by group alone."""
    changes = waiting.changes
    shown: list[RenderableType] = []
    if whole or len(changes) <= SHOWN_CHANGES:
        for group, lines in waiting:
            shown += [head(group, len(lines)), Padding(diffs.changes(lines, names), (0, 0, 0, 2))]
        return Group(*shown)
    shown += [head(group, len(lines)) for group, lines in waiting.groups[:SHOWN_GROUPS]]
    if (more := len(waiting.groups) - SHOWN_GROUPS) > 0:
        shown.append(Text(f"… {count(more, 'more group')}", "dim"))
    told = "`nexus-lsp review list GROUP` shows one group's changes, `--all` all of them."
    return Group(*shown, Text(told, "dim"))


def beginning(group: Json, lines: Sequence[Json], names: Mapping[str, str]) -> RenderableType:
    """A group that is about to be decided on, change by change; of a large one, where it is."""
    if len(lines) <= SHOWN_CHANGES:
        return head(group, len(lines))
    files = ", ".join(escape(path) for path in group["paths"][:10])
    more = f" and {len(group['paths']) - 10} more" if len(group["paths"]) > 10 else ""
    return Group(head(group, len(lines)), Text.from_markup(f"  [dim]in {files}{more}[/]"))
