"""One conversation with one Claude Code process: the only file that imports `claude_agent_sdk`.

The SDK binds a client to the task that connected it, so `converse` is run as a task of its own, is never
cancelled, and is told to stop through an event. What happens reaches the caller as `claude_events`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_lsp.adapters.claude_events import (
    Begun,
    Ended,
    Event,
    Lost,
    Retrying,
    Returned,
    Said,
    Sign,
    Used,
    refusal,
)
from nexus_lsp.core.team_tools import ToolSpec
from nexus_lsp.ports import Line, Spent

if TYPE_CHECKING:
    import claude_agent_sdk as sdk
    from claude_agent_sdk.types import HookEvent

_MAX_LINE = 64 * 2**20
"""Bytes of one message; the SDK's own limit of 1 MB is reached by one large file read."""

_INTERRUPT = 1.5
"""Seconds the CLI gets to break off and to say what it spent."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What is needed to talk: the launcher, its environment, and the terms.

    Attributes:
        orders: file with the append to the system prompt.
        tools: Claude Code's names; nothing else is offered to the model but the team's tools.
        resume: session to go on with, or None.
        line: to the team: its tools become an MCP server in this process, what comes over it is put before
            the model after each tool, and an end of the turn that comes too early is put off.
    """

    launcher: Path
    env: Mapping[str, str]
    checkout: Path
    orders: Path
    prompt: str
    model: str
    tools: tuple[str, ...]
    line: Line
    resume: str | None = None
    max_usd: float | None = None


async def converse(
    talk: Talk, emit: Callable[[Event], None], stop: asyncio.Event, end: Callable[[], Awaitable[object]]
) -> None:
    """Ask once and emit what happens, until the answer is complete, the CLI is gone or `stop` is set.

    The last event is `Ended` or `Lost`, unless stopped. `end` kills the process; it is called where the
    conversation does not end by itself. Never raises for what the CLI does.
    """
    from claude_agent_sdk import ClaudeSDKClient

    stderr: deque[str] = deque(maxlen=20)
    client = ClaudeSDKClient(_options(talk, stderr.append))
    try:
        await client.connect()
        if not stop.is_set():
            await client.query(talk.prompt)
            await _listen(client, emit, stop)
    except Exception as error:  # the SDK raises bare Exception too; a lost process is an event, not a fault
        emit(Lost(str(error), "\n".join(stderr)))
    finally:
        if stop.is_set():
            await end()
        with contextlib.suppress(Exception):
            await client.disconnect()
        await asyncio.sleep(0.01)  # asyncio closes a killed process's pipes a turn later


async def _listen(client: sdk.ClaudeSDKClient, emit: Callable[[Event], None], stop: asyncio.Event) -> None:
    reading = asyncio.create_task(_read(client, emit))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.interrupt(), _INTERRUPT)
            await asyncio.wait({reading}, timeout=_INTERRUPT)
        if reading.done():
            reading.result()
    finally:
        stopping.cancel()
        reading.cancel()
        await asyncio.gather(reading, stopping, return_exceptions=True)


async def _read(client: sdk.ClaudeSDKClient, emit: Callable[[Event], None]) -> None:
    async for message in client.receive_response():
        for event in _events(message):
            emit(event)
            if isinstance(event, Ended):
                return
    emit(Lost("Claude Code ended without an answer"))


def _options(talk: Talk, on_stderr: Callable[[str], object]) -> sdk.ClaudeAgentOptions:
    from claude_agent_sdk import ClaudeAgentOptions, PermissionResultAllow, PermissionResultDeny

    own = frozenset(f"mcp__{TEAM}__{tool.name}" for tool in talk.line.tools)

    async def may(
        tool: str, arguments: dict[str, Any], _context: sdk.ToolPermissionContext
    ) -> sdk.PermissionResult:
        if tool in own:
            return PermissionResultAllow()
        why = refusal(tool, arguments, talk.tools, talk.checkout)
        if why is None and tool == "Bash":
            said = (str(arguments.get(name, "")) for name in ("command", "description"))
            why = await talk.line.permitted(*said)
        return PermissionResultDeny(message=why) if why else PermissionResultAllow()

    return ClaudeAgentOptions(
        cli_path=talk.launcher,
        cwd=talk.checkout,
        env=dict(talk.env),
        model=talk.model,
        tools=list(talk.tools),
        mcp_servers={TEAM: _team_server(talk.line)},
        hooks=_hooks(talk.line),
        disallowed_tools=["Bash(git push)", "Bash(git push *)"],
        can_use_tool=may,
        permission_mode="acceptEdits",
        system_prompt={"type": "preset", "preset": "claude_code"},
        extra_args={"append-system-prompt-file": str(talk.orders), "system-prompt-snapshot": "off"},
        setting_sources=[],  # None would run hooks from the repository's own .claude/settings.json
        strict_mcp_config=True,
        verbatim_prompts=True,  # an "@/etc/passwd" in quoted text must not be read into the prompt
        include_partial_messages=True,  # the watchdog's heartbeat
        max_buffer_size=_MAX_LINE,
        max_budget_usd=talk.max_usd,
        resume=talk.resume,
        stderr=lambda line: (on_stderr(line), None)[1],
    )


# --- the team, as the SDK takes it -------------------------------------------------------------------

TEAM = "team"
"""The MCP server's name: the model knows its tools as `mcp__team__…`."""


def _team_server(line: Line) -> sdk.McpSdkServerConfig:
    import claude_agent_sdk as sdk

    def offered(tool: ToolSpec) -> sdk.SdkMcpTool[Any]:
        async def call(arguments: dict[str, Any]) -> dict[str, Any]:
            answer = await line.call(tool.name, arguments)
            content = [{"type": "text", "text": answer.text}]
            return {"content": content, "is_error": True} if answer.is_error else {"content": content}

        hints = sdk.ToolAnnotations(readOnlyHint=tool.read_only)
        return sdk.tool(tool.name, tool.description, dict(tool.parameters), hints)(call)

    return sdk.create_sdk_mcp_server(TEAM, tools=[offered(tool) for tool in line.tools])


def _hooks(line: Line) -> dict[HookEvent, list[sdk.HookMatcher]]:
    from claude_agent_sdk import HookMatcher

    async def after_tool(
        _given: sdk.HookInput, _call: str | None, _context: sdk.HookContext
    ) -> sdk.HookJSONOutput:
        news = await line.incoming()
        if not news:
            return {}
        return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": news}}

    async def at_end(
        _given: sdk.HookInput, _call: str | None, _context: sdk.HookContext
    ) -> sdk.HookJSONOutput:
        why = await line.before_end()
        return {"decision": "block", "reason": why} if why else {}

    return {"PostToolUse": [HookMatcher(hooks=[after_tool])], "Stop": [HookMatcher(hooks=[at_end])]}


# --- the SDK's messages, in our words ----------------------------------------------------------------


def _events(message: sdk.Message) -> Iterator[Event]:
    import claude_agent_sdk as sdk

    match message:
        case sdk.SystemMessage(subtype="init", data=data):
            yield Begun(str(data.get("session_id", "")))
        case sdk.SystemMessage(subtype="api_retry", data=data):
            status = data.get("error_status")
            yield Retrying(status if isinstance(status, int) else None)
        case sdk.AssistantMessage(content=content):
            yield from _said_and_used(content)
        case sdk.UserMessage(content=content) if not isinstance(content, str):
            for block in content:
                if isinstance(block, sdk.ToolResultBlock):
                    yield Returned(block.tool_use_id)
        case sdk.StreamEvent(event=event):
            yield _sign(event)
        case sdk.ResultMessage():
            yield _ended(message)
        case _:
            yield Sign()


def _said_and_used(content: list[sdk.ContentBlock]) -> Iterator[Event]:
    import claude_agent_sdk as sdk

    for block in content:
        match block:
            case sdk.TextBlock(text=text):
                yield Said(text)
            case sdk.ToolUseBlock(id=call_id, name=name, input=arguments):
                yield Used(call_id, name, arguments)
            case _:
                yield Sign()


def _sign(event: Mapping[str, Any]) -> Sign:
    """A piece of the service's own stream; the counts stand at its start and at its end."""
    match event.get("type"):
        case "ping":
            return Sign(ping=True)
        case "message_start":
            return Sign(begins=True, input_tokens=_input_tokens(event["message"].get("usage") or {}))
        case "message_delta":
            usage: Mapping[str, Any] = event.get("usage") or {}
            return Sign(output_tokens=int(usage.get("output_tokens") or 0))
        case _:
            return Sign()


def _ended(result: sdk.ResultMessage) -> Ended:
    usage = result.usage or {}
    spent = Spent(
        usd=result.total_cost_usd or 0.0,
        input_tokens=_input_tokens(usage),
        output_tokens=int(usage.get("output_tokens") or 0),
        seconds=result.duration_ms / 1000,
    )
    reason = result.subtype
    if reason == "success":
        reason = "refusal" if result.stop_reason == "refusal" else result.terminal_reason or reason
    return Ended(
        ok=not result.is_error and result.subtype == "success" and reason != "refusal",
        text=result.result or "; ".join(result.errors or ()),
        reason=reason,
        status=result.api_error_status,
        spent=spent,
    )


def _input_tokens(usage: Mapping[str, Any]) -> int:
    kinds = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(int(usage.get(kind) or 0) for kind in kinds)
