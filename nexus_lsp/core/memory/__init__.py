"""Memory: what a team keeps across runs, as values.

How items are ranked is `core.memory.ranking`, what words they are found by is `words`.

**Invariant:** an item says where it came from (`source`), and no item becomes an instruction: whoever shows
one to a model quotes it as material (`core.prompts`), but for the user's own words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from nexus_lsp.core.memory.scrubbing import scrubbed

MemoryKind = Literal["interaction", "lesson", "decision", "note"]
"""`interaction`: a task and what came of it; `lesson`: what failed and what mended it; `decision`: what the
user turned down or answered; `note`: what an agent chose to remember."""

MemorySource = Literal["user", "gate", "server", "agent"]
"""Whose words an item holds: the user's own, a gate's output, the server's record, or an agent's claim."""

MEMORY_KINDS: tuple[str, ...] = get_args(MemoryKind)
MEMORY_SOURCES: tuple[str, ...] = get_args(MemorySource)

MAX_TEXT = 8_000
"""Characters of one item's text."""


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One thing remembered.

    Attributes:
        id: made by the writer, so that storing it again changes nothing.
        agent_id: whose memory it is; "" for the project's, which every agent shares.
        text: what is remembered, at most MAX_TEXT characters; `paths`: workspace paths it concerns.
        source: whose words these are.
        run_id, task_id: where it comes from; `at`: Unix seconds.
        used, useful: how often it was shown to an agent, and how often that agent's work then landed at once.
    """

    id: str
    agent_id: str
    kind: MemoryKind
    text: str
    source: MemorySource
    at: float
    paths: tuple[str, ...] = ()
    run_id: str = ""
    task_id: str = ""
    used: int = 0
    useful: int = 0


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """What is looked for.

    Attributes:
        text: words, in any order; "" finds by paths and age alone.
        agent_id: that agent's items and the project's; None for everybody's.
        paths: items that concern these, or stand in the same directory, come first.
        kinds: only these; empty for all.
        now: Unix seconds; recent items weigh more.
    """

    text: str
    now: float
    agent_id: str | None = None
    paths: tuple[str, ...] = ()
    kinds: tuple[MemoryKind, ...] = ()
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Recalled:
    """An item that was found, best first. `why`: `words`, `meaning`, `path`, in any combination."""

    item: MemoryItem
    score: float
    why: tuple[str, ...]


def kept(item: MemoryItem) -> MemoryItem:
    """The item as it may be stored: secrets out of its text, the text cut to MAX_TEXT, and valid Unicode."""
    text = scrubbed(item.text[: 8 * MAX_TEXT])  # first, so that no half of a key is left at the cut
    text = text.encode("utf-8", "replace").decode()
    return replace(item, text=text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…")
