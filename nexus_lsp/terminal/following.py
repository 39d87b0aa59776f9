"""Files that the user renamed while their changes waited: the changes go along, and that is said."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from nexus_lsp.ports import EngineApi
from nexus_lsp.terminal import show


async def follow(api: EngineApi, console: Console | None) -> None:
    """Before anything is shown or decided; nothing is said without a console."""
    answer = show.visible(await api.execute("review.follow", {}))
    if console is None:
        return
    for one in answer["moved"]:
        console.print(Text(f"{one['old_path']} is {one['path']} by now: its changes went with it."))
    for one in answer["unsure"]:
        may_be = f"{one['path']} is gone; it may be {' or '.join(one['candidates'])} by now"
        console.print(Text(f"{may_be}, but that is not sure: rename it back to decide on its changes."))
