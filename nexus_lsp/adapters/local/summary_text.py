"""Markdown pieces that several summaries share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from nexus_lsp.adapters.local.ruff import Finding

NEEDS_CLAUDE = (
    "Local tools analyse, apply safe automatic fixes, derive tests and measure. Anything in the request "
    "beyond that (new behaviour, redesign, judgement) was not attempted: it needs Claude Code."
)


def counted(number: int, noun: str) -> str:
    """`1 file`, `3 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def by_rule(findings: Iterable[Finding], limit: int = 10) -> str:
    """`F401 ×3, I001 ×1`, the most frequent first."""
    counts = Counter(finding.rule or "syntax" for finding in findings)
    shown = [f"{rule} ×{count}" for rule, count in counts.most_common(limit)]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {counted(rest, 'other rule')}" if rest else "")


def listed(lines: Sequence[str], limit: int = 10) -> list[str]:
    """Markdown list items, and how many were left out."""
    items = [f"- {line}" for line in lines[:limit]]
    return items + ([f"- … and {len(lines) - limit} more"] if len(lines) > limit else [])
