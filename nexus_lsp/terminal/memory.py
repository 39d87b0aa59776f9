"""`nexus-lsp memory`: what the team remembers of this workspace: searched, exported, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nexus_lsp.core.mailbox import json_text
from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal.review import names_of
from nexus_lsp.terminal.show import count, visible

Json = dict[str, Any]


async def search(api: EngineApi, console: Console, query: str, agent_id: str | None) -> int:
    """Print what memory holds on a query, best first."""
    given = {"query": query} | ({"agent_id": agent_id} if agent_id else {})
    items = _noticed(console, await api.execute("memory.search", given))["items"]
    names = await names_of(api)
    console.print(
        Group(*(_item(visible(item), names) for item in items)) if items else "Nothing is remembered on that."
    )
    return 0


async def export(api: EngineApi, console: Console) -> int:
    """Print every item as one line of JSON."""
    for item in _noticed(console, await api.execute("memory.export", {}))["items"]:
        print(json_text(item))
    return 0


async def forget(
    api: EngineApi, console: Console, ids: Sequence[str], agent_id: str | None, everything: bool
) -> int:
    """Remove items for good."""
    if sum((bool(ids), agent_id is not None, everything)) != 1:
        raise InvalidArgument("Say what is to be forgotten: ids of items, --agent AGENT, or --everything.")
    given: Json = {"ids": list(ids), "everything": everything}
    given |= {"agent_id": agent_id} if agent_id else {}
    gone = _noticed(console, await api.execute("memory.forget", given))["forgotten"]
    console.print(f"{count(gone, 'item')} forgotten. What runs said of them stays in their transcripts.")
    return 0 if gone or everything else 1


def _noticed(console: Console, answer: Json) -> Json:
    """Say how the store was found, beside what was asked for."""
    if answer["notice"]:
        Console(stderr=True, no_color=console.no_color).print(Text(answer["notice"], "yellow"))
    return answer


def _item(item: Json, names: dict[str, str]) -> RenderableType:
    day = datetime.fromtimestamp(item["at"], UTC).date().isoformat()
    whose = names.get(item["agent_id"], item["agent_id"]) or "everybody"
    where = f"  {', '.join(item['paths'][:3])}" if item["paths"] else ""
    head = Text.from_markup(
        f"[bold]{item['kind']}[/]  {day}  {escape(whose)}, said by {item['source']}[cyan]{escape(where)}[/]\n"
        f"[dim]{escape(item['id'])}[/]"
    )
    return Group(head, Padding(Text(item["text"]), (0, 0, 1, 2)))
