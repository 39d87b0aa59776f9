"""Rules of the user's HEAD: a run's changes belong to the branch on which it began.

While HEAD is elsewhere the run is *away*: nothing of it starts or lands, and its changes are parked, neither
shown nor acceptable, since the text that they speak of is not there. Coming back ends that unasked.
"""

from __future__ import annotations

import re

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.rules.limits import Facts, short
from nexus_lsp.core.run import OVER, Run

HERE, WAIT, STOP = "Go on here", "Wait until I am back", "Cancel the run"

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
DIGITS = 10
"""Of an object id, as people read it."""

SWITCHED = "HEAD was switched"
"""Why a run is paused that goes on by itself once HEAD is back."""


def head_seen(run: Run, what: h.HeadSeen) -> Facts:
    """A switch of the user's HEAD is asked about once; a switch back needs no answer."""
    if run.snapshot is None or what.head == run.head_seen:
        return []
    if run.status in OVER:
        return [f.HeadMoved(what.head)] if run.pending_changes else []
    back = what.head == run.head
    stale = [a for a in run.open_asks if a.kind == "head_moved"]
    told: Facts = [f.AskAnswered(a.ask_id, HERE if back else a.default, "engine") for a in stale]
    moved: Facts = [f.HeadMoved(what.head), *told]
    if back:
        waits = run.status != "paused" or run.reason != SWITCHED or len(stale) < len(run.holding_asks)
        return moved if waits else [*moved, f.RunResumed()]
    paused: Facts = [] if run.status in ("paused", "ready") else [f.RunPaused(SWITCHED)]
    return [*moved, *paused, *_asked(run, what)]


def _asked(run: Run, what: h.HeadSeen) -> Facts:
    if not what.ask_id:
        return []
    beside = (
        f" ({what.others} more {'run waits' if what.others == 1 else 'runs wait'} too)" if what.others else ""
    )
    question = (
        f"HEAD was {branch(run.head)} when “{short(run.started.request)}” began and is "
        f"{branch(what.head)} now{beside}. Go on with it here?"
    )
    return [f.AskOpened(what.ask_id, "head_moved", question, (HERE, WAIT, STOP), WAIT, what.expires)]


def taken_along(run: Run) -> Facts:
    """The changes of a run that is not at work belong to where HEAD is from now on."""
    if run.head_seen is None or not run.away:
        return []
    return [f.HeadTaken(run.head_seen)]


def branch(head: str | None) -> str:
    """What HEAD names, in the user's words: a branch, or a commit by its first digits."""
    name = (head or "nothing").removeprefix("refs/heads/")
    return name[:DIGITS] if head == name and _OBJECT_ID.fullmatch(name) else name
