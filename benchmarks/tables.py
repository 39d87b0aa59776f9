"""Samples and the tables they are shown in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured values of one thing, all in one unit; empty where it could not be measured."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def at(self, share: float) -> float:
        """A percentile by nearest rank: `at(0.99)`."""
        return sorted(self.values)[max(0, math.ceil(share * len(self.values)) - 1)]

    def spread(self) -> list[str]:
        """Median, least, most."""
        if not self.values:
            return ["–", "–", "–"]
        return [number(self.median), number(min(self.values)), number(max(self.values))]

    def tail(self) -> list[str]:
        """p50, p99, most, how many."""
        if not self.values:
            return ["–", "–", "–", "0"]
        return [number(x) for x in (self.median, self.at(0.99), max(self.values))] + [str(len(self.values))]


def number(value: float) -> str:
    """Three figures that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(mine: Samples, peer: Samples) -> str:
    """How many times the peer's median."""
    if not mine.values or not peer.values or not peer.median:
        return "–"
    return f"{mine.median / peer.median:.2f} ×"


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> None:
    """Print one table: the first column left, all others right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    print(f"\n{title}")
    print("  " + "─" * (sum(widths) + 3 * (len(widths) - 1)))
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        print("  " + "   ".join(cells).rstrip())
    for note in notes:
        print(f"  · {note}")


def aim(told: str, holds: bool) -> str:
    """A line that says whether an aim is met."""
    return f"aim: {told}: {'met' if holds else 'MISSED'}"
