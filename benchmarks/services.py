"""The scripted model services in a process of their own: `python -m benchmarks.services six|busy`.

Prints their URLs as one JSON line and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from benchmarks.scripts import BUSY_PLAN, SIX_PLAN, busy, flat_out, six
from tests.scripted.anthropic_server import Script, ScriptedAnthropic
from tests.scripted.openai_server import ScriptedOpenAI

SCRIPTS: dict[str, tuple[Script, dict[str, Any]]] = {
    "six": (six, SIX_PLAN),
    "busy": (busy, BUSY_PLAN),
    "flat-out": (flat_out, BUSY_PLAN),
}


async def serve(name: str) -> None:
    """Serve one script and its plan."""
    script, plan = SCRIPTS[name]
    async with ScriptedAnthropic(script) as anthropic, ScriptedOpenAI(plan=plan) as openai:
        print(json.dumps({"anthropic": anthropic.base_url, "openai": openai.base_url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
