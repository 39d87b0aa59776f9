"""`nexus-lsp doctor`: what is there, what is missing, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from nexus_lsp.ports import Readiness


def show_readiness(lines: Sequence[Readiness]) -> int:
    """Print one line a thing; 0 where nothing is missing, else 1."""
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for line in lines:
        mark = Text("✓", "green") if line.ok else Text("✗", "red")
        told = Text(line.detail)
        if line.mend:
            told.append(f"\n→ {line.mend}", "yellow" if not line.ok else "dim")
        table.add_row(mark, Text.from_markup(f"[bold]{escape(line.name)}[/]"), told)
    console.print(table)
    missing = sum(1 for line in lines if not line.ok)
    console.print("All is well." if not missing else f"{missing} to mend.")
    return 1 if missing else 0
