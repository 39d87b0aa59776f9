"""Warning agents at work of what is foreseen: a message from NEXUS Prime, once for each pair and file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nexus_lsp.core.facts import Clash, ClashSide
from nexus_lsp.core.forecast import named
from nexus_lsp.core.messages import Message, Party, iso
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import OVER
from nexus_lsp.core.team import USER, instance_of
from nexus_lsp.core.wire import to_json
from nexus_lsp.engine.mailroom import PRIME_PARTY
from nexus_lsp.ports import JournalFailed

if TYPE_CHECKING:
    from nexus_lsp.engine.engine import Engine

log = logging.getLogger(__name__)

_LISTED = 5


async def warn_agents(
    engine: Engine, run_id: str, clashes: Sequence[Clash], names: Mapping[str, str]
) -> None:
    """Tell each agent at work in this run who is in its way, where it was not told before."""
    for (mine, other, path), here in _by_pair(run_id, clashes).items():
        run = engine.runs[run_id]
        message_id = f"msg_forecast_{_digest(run_id, mine.task_id, other.run_id, other.task_id, path)}"
        if run.status in OVER or message_id in run.team.messages:
            continue
        message = Message(
            message_id=message_id,
            timestamp=iso(engine.adapters.now()),
            sender=PRIME_PARTY,
            to=Party(agent_id=mine.agent_id, instance_id=instance_of(mine.agent_id, mine.task_id)),
            message_type="information",
            priority="high",
            payload={"text": _told(mine, other, path, here, names), "forecast": [to_json(c) for c in here]},
            conversation_thread=f"thread_{run_id}_forecast",
        )
        try:
            await engine.mailroom.post(run_id, message, (instance_of(mine.agent_id, mine.task_id),))
        except (Refused, JournalFailed) as error:
            log.info("an agent was not warned: %s", error)


def _by_pair(run_id: str, clashes: Sequence[Clash]) -> dict[tuple[ClashSide, ClashSide, str], list[Clash]]:
    found: dict[tuple[ClashSide, ClashSide, str], list[Clash]] = {}
    for clash in clashes:
        for mine, other in (clash.sides, clash.sides[::-1]):
            if mine.run_id == run_id and mine.state == "at_work":
                found.setdefault((mine, other, clash.path), []).append(clash)
    return found


def _told(
    mine: ClashSide, other: ClashSide, path: str, clashes: Sequence[Clash], names: Mapping[str, str]
) -> str:
    who = "The user" if other.agent_id == USER else names.get(other.agent_id, other.agent_id)
    near = other.run_id == mine.run_id
    who += "" if near or other.agent_id == USER else " (in another run)"
    doing = {
        "at_work": "is at work on it at the same time as you",
        "waits": "has finished work on it that is about to land",
        "landed": "has changed it since you began",
        "proposed": "has proposed changes of it that wait for the user",
        "accepted": "has changed it with the user's consent since you began",
    }[other.state]
    places = "; ".join(_place(clash) for clash in clashes[:_LISTED])
    reachable = near and other.state == "at_work"
    address = instance_of(other.agent_id, other.task_id)
    ask = f", or send a message to {address} to agree on who does what" if reachable else ""
    return f"{path}: {who} {doing}, and you meet at {places}. Keep your change away from there{ask}."


def _place(clash: Clash) -> str:
    first, last = clash.line + 1, clash.line + max(clash.count, 1)
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    kind = {"symbol": ", the same function", "contract": ", how it is called"}.get(clash.kind, "")
    return f"{lines} ({named(clash.symbols)}{kind})" if clash.symbols else lines


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:20]
