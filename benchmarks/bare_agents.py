"""The six calls of `scripts.LAYERS` straight through claude_agent_sdk: no checkout, no gate, no review.

A line on the input is one round; its seconds come back as a line of JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query

from benchmarks.scripts import LAYERS
from nexus_lsp.adapters.claude_launcher import find_cli
from nexus_lsp.adapters.persona_files import load_personas
from nexus_lsp.core.personas import claude_tools, current_model
from nexus_lsp.core.prompts import standing_orders

QUIET = {
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "ENABLE_TOOL_SEARCH": "false",
}


async def call(task: str, place: Path) -> None:
    """One task, with the options our agents get."""
    persona = next(p for p in load_personas(None, None)[0] if p.agent_id == "code_developer")
    here = place / task
    here.mkdir(parents=True)
    orders = place / f"{task}.md"
    orders.write_text(standing_orders(persona, trusted=False))
    options = ClaudeAgentOptions(
        cli_path=find_cli(),
        cwd=here,
        env={**QUIET, "CLAUDE_CONFIG_DIR": str(place / f"{task}-config")},
        model=current_model(persona.claude_configuration.model),
        tools=list(claude_tools(persona, trusted=False)),
        permission_mode="acceptEdits",
        system_prompt={"type": "preset", "preset": "claude_code"},
        extra_args={"append-system-prompt-file": str(orders), "system-prompt-snapshot": "off"},
        setting_sources=[],
        strict_mcp_config=True,
        include_partial_messages=True,
    )
    async for message in query(prompt=f"Task id: {task}\n\nWrite made/{task}.py.", options=options):
        if isinstance(message, ResultMessage):
            assert not message.is_error, message.result
    assert (here / "made" / f"{task}.py").is_file()


async def main(place: Path) -> None:
    """Rounds until the input ends."""
    for number in itertools.count():
        if not await asyncio.to_thread(sys.stdin.readline):
            return
        began = time.perf_counter()
        for layer in LAYERS:
            await asyncio.gather(*(call(task, place / str(number)) for task in layer))
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    os.umask(0o077)
    asyncio.run(main(Path(sys.argv[1])))
