"""A scripted Anthropic Messages API on loopback: the real Claude Code CLI talks to it as if to a model.

A script decides what the model "says" from what it was really sent:

    async with ScriptedAnthropic([write("a.py", "x = 1\\n"), say("Done.")]) as server:
        ...  # ANTHROPIC_BASE_URL=server.base_url, ANTHROPIC_API_KEY=anything

    def script(request: Request) -> Turn:          # chosen by content; stateless, so retries do no harm
        assert "ship it" in request.prompt
        if request.turn == 0:
            return read("a.py")
        return say(f"{request.task}: it holds {request.result}")

    async with ScriptedAnthropic(script) as server: ...
    async with ScriptedAnthropic({"aria": script, "code": [...]}) as server:
        server.url("aria")                          # .../s/aria: a script of its own for one agent

A list is played in order, one item a request; its items may be functions of the request. `by_task` picks a
list or function by the task id that NEXUS puts into its prompts. Served: `POST /v1/messages` (SSE and
`stream: false`) and `/v1/messages/count_tokens`. A script that raises answers 400 with the text, so the run
fails at once, and the exception is kept in `server.errors`: assert that it is empty.

From a shell: `python -m tests.scripted.anthropic_server --port 0 --script package.module:name` prints the
base URL as its first line; `--log FILE` appends one JSON line a request.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import itertools
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Block = dict[str, Any]

# --- what a script answers ---------------------------------------------------------------------------

_ids = itertools.count(1)


def tool(name: str, **arguments: Any) -> Block:
    """A call of any tool."""
    return {"type": "tool_use", "id": f"toolu_{next(_ids):06d}", "name": name, "input": arguments}


def say(text: str) -> Block:
    """Text; a turn without a tool call ends the agent's work."""
    return {"type": "text", "text": text}


def write(path: str, text: str) -> Block:
    """Write a whole file. A relative path is taken from the agent's working directory."""
    return tool("Write", file_path=path, content=text)


def edit(path: str, old: str, new: str) -> Block:
    """Replace text in a file (the CLI wants the file read before)."""
    return tool("Edit", file_path=path, old_string=old, new_string=new)


def read(path: str) -> Block:
    """Read a file; the next request's `result` is its text."""
    return tool("Read", file_path=path)


def team(name: str, **arguments: Any) -> Block:
    """Call one of the team's tools: `team("send_message", to="Alpha", text="…")`."""
    return tool(f"mcp__team__{name}", **arguments)


def submit(summary: str, **more: Any) -> Block:
    """Hand in the work, as an agent should before it ends its turn."""
    return team("submit_result", summary=summary, **more)


def bash(command: str) -> Block:
    """Run a command (only a trusted assignment has the tool)."""
    return tool("Bash", command=command, description="scripted")


@dataclass(frozen=True)
class Status:
    """An API error. `kind` is guessed from the code."""

    code: int
    message: str = "scripted error"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stall:
    """Silence: before the headers, or (`streaming`) after the first events; `pings` sends those on."""

    seconds: float = 3600.0
    streaming: bool = True
    pings: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection breaks: before the headers, or in the middle of the stream."""

    streaming: bool = False


@dataclass(frozen=True)
class Slow:
    """A turn that takes its time: `seconds` before the first event."""

    seconds: float
    turn: Block | Sequence[Block]


Turn = Block | Sequence[Block] | Status | Stall | Drop | Slow
Step = Turn | Callable[["Request"], "Turn | Awaitable[Turn]"]
Script = Callable[["Request"], "Turn | Awaitable[Turn]"] | Sequence[Step]


# --- what a script is told ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ToolResult:
    """What a tool really returned: the call's name and input, the text, and whether it failed."""

    name: str
    input: dict[str, Any]
    text: str
    is_error: bool


@dataclass(frozen=True)
class Request:
    """One `POST /v1/messages`, and what can be read from it.

    Attributes:
        name: the `/s/<name>` prefix, or "".
        at: `time.monotonic()` when it arrived.
        number: how many requests with this name came before.
    """

    name: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    at: float
    number: int

    @property
    def system(self) -> str:
        """The system prompt, joined."""
        return _text(self.body.get("system", ""))

    @property
    def tools(self) -> list[str]:
        """Names of the tools the model may call."""
        return [t["name"] for t in self.body.get("tools", [])]

    @property
    def prompts(self) -> list[str]:
        """Every user message that is not a tool's answer."""
        return [_text(m["content"]) for m in self._users() if _is_prompt(m)]

    @property
    def prompt(self) -> str:
        """The newest user message that is not a tool's answer: the task, as NEXUS words it."""
        return self.prompts[-1] if self.prompts else ""

    @property
    def reminder(self) -> str:
        """What kept the agent from ending its turn, if that is why it is asked again; else ""."""
        last = self._users()[-1]
        return _text(last["content"]) if _is_reminder(last) else ""

    @property
    def last_words(self) -> str:
        """The text that the model said last."""
        said = [_text(m["content"]) for m in self.body["messages"] if m["role"] == "assistant"]
        return next((text for text in reversed(said) if text.strip()), "")

    @property
    def text(self) -> str:
        """All that was sent, system and messages, for plain `in` checks."""
        return self.system + "\n" + "\n".join(_text(m["content"]) for m in self.body["messages"])

    @property
    def task(self) -> str:
        """The task id in the newest prompt, or ""."""
        found = re.search(r"^Task id: (\S+)", self.prompt, re.MULTILINE)
        return found[1] if found else ""

    @property
    def agent(self) -> str:
        """The persona's agent_id in the system prompt, or ""."""
        found = re.search(r"^Your agent id: (\S+)", self.system, re.MULTILINE)
        return found[1] if found else ""

    @property
    def attempt(self) -> int:
        """The attempt named in the newest prompt; 1 where none is."""
        found = re.search(r"^Attempt: (\d+)", self.prompt, re.MULTILINE)
        return int(found[1]) if found else 1

    @property
    def turn(self) -> int:
        """How many times the model has answered since the newest prompt: 0 at its first answer."""
        count = 0
        for message in reversed(self.body["messages"]):
            if message["role"] == "assistant":
                count += 1
            elif message["role"] == "user" and _is_prompt(message):
                break
        return count

    @property
    def results(self) -> list[ToolResult]:
        """What every tool called since the newest prompt returned, in order."""
        start = 0
        for at, message in enumerate(self.body["messages"]):
            if message["role"] == "user" and _is_prompt(message):
                start = at
        return self._results(self.body["messages"][start:])

    @property
    def result(self) -> str:
        """What the last tool returned; a Read's text comes without the line numbers. "" without one."""
        if not self.results:
            return ""
        last = self.results[-1]
        return _without_line_numbers(last.text) if last.name == "Read" else last.text

    def _users(self) -> list[dict[str, Any]]:
        return [m for m in self.body["messages"] if m["role"] == "user"]

    def _results(self, messages: Sequence[dict[str, Any]]) -> list[ToolResult]:
        calls: dict[str, Block] = {}
        found: list[ToolResult] = []
        for message in messages:
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block["type"] == "tool_use":
                    calls[block["id"]] = block
                elif block["type"] == "tool_result":
                    call = calls.get(block["tool_use_id"], {"name": "?", "input": {}})
                    text = _text(block.get("content", ""))
                    found.append(ToolResult(call["name"], call["input"], text, bool(block.get("is_error"))))
        return found


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = [_text(b.get("text", b.get("content", ""))) for b in content or () if isinstance(b, dict)]
    return "\n".join(p for p in parts if p)


def _tool_results(message: Mapping[str, Any]) -> list[Block]:
    content = message["content"]
    return [] if isinstance(content, str) else [b for b in content if b["type"] == "tool_result"]


def _is_reminder(message: Mapping[str, Any]) -> bool:
    return message["role"] == "user" and "Stop hook feedback:" in _text(message["content"])


def _is_prompt(message: Mapping[str, Any]) -> bool:
    return not _tool_results(message) and not _is_reminder(message)


def _without_line_numbers(text: str) -> str:
    text = re.sub(r"\n*<system-reminder>.*?</system-reminder>\n*", "", text, flags=re.DOTALL)
    return "\n".join(re.sub(r"^\s*\d+[\t→]", "", line) for line in text.split("\n"))


def by_task(scripts: Mapping[str, Script], default: Script | None = None) -> Script:
    """One script that picks another by the task id in the prompt; `default` for all others."""
    players = {task: _Player(script) for task, script in scripts.items()}
    other = _Player(default if default is not None else _no_script)

    async def pick(request: Request) -> Turn:
        return await players.get(request.task, other).answer(request)

    return pick


def _no_script(request: Request) -> Turn:
    raise LookupError(f"no script for name {request.name!r}, task {request.task!r}")


class _Player:
    """Plays a script: calls a function, or goes through a list, one item a request."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._at = 0

    async def answer(self, request: Request) -> Turn:
        step: Step
        if callable(self._script):
            step = self._script
        else:
            if self._at >= len(self._script):
                raise LookupError(f"the script has only {self._at} turns; name {request.name!r}")
            step = self._script[self._at]
            self._at += 1
        while callable(step):
            found = step(request)
            step = await found if inspect.isawaitable(found) else found
        return step


# --- the server --------------------------------------------------------------------------------------


class ScriptedAnthropic:
    """The server, as an async context manager.

    Attributes:
        requests: every messages request so far.
        errors: what scripts raised (an `assert` in a script ends up here).
        base_url: `http://127.0.0.1:PORT`; `url(name)` adds `/s/<name>`.
        key: where set, any other API key or bearer token gets a 401.
        latency: seconds before every answer, as a model would take (for benchmarks).
        reminders: whether scripts answer reminders to hand in the result themselves; else an agent that only
            says its last words hands these in, as a model would that is reminded.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Script],
        *,
        port: int = 0,
        key: str | None = None,
        latency: float = 0.0,
        log: Path | None = None,
        reminders: bool = False,
    ) -> None:
        scripts = script if isinstance(script, Mapping) else {"": script}
        self._players = {name: _Player(s) for name, s in scripts.items()}
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.key = key
        self.latency = latency
        self.reminders = reminders
        self._log = log
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ScriptedAnthropic:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, limit=2**26)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def url(self, name: str) -> str:
        """The base URL whose requests go to the script of that name."""
        return f"{self.base_url}/s/{name}"

    def of(self, *, name: str | None = None, task: str | None = None) -> list[Request]:
        """The requests of one agent or task."""
        return [
            r for r in self.requests if (name is None or r.name == name) and (task is None or r.task == task)
        ]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._connection(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one_request(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {key.strip().lower(): value.strip() for key, _, value in pairs}
        payload = await reader.readexactly(int(headers.get("content-length", "0")))
        path, name = _route(target)
        if method != "POST" or not path.startswith("/v1/messages"):
            _send(writer, 404 if method != "HEAD" else 200, {"type": "error", "path": path})
            return True
        body = json.loads(payload)
        if path.endswith("/count_tokens"):
            _send(writer, 200, {"input_tokens": len(payload) // 4})
            return True
        return await self._messages(Request(name, body, headers, time.monotonic(), 0), writer)

    async def _messages(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        request = self._record(request)
        turn = await self._turn(request)
        if self.latency:
            await asyncio.sleep(self.latency)
        if isinstance(turn, Slow):
            await asyncio.sleep(turn.seconds)
            turn = turn.turn
        match turn:
            case Status():
                _send(writer, turn.code, _error(turn), turn.headers)
                return True
            case Drop(streaming=False):
                return False
            case Stall(streaming=False):
                await asyncio.sleep(turn.seconds)
                return False
            case Drop() | Stall():
                await _begin_and_stop(turn, request, writer)
                return False
            case _:
                blocks = [turn] if isinstance(turn, dict) else list(turn)
        message = _message(request, blocks)
        if request.body.get("stream"):
            _start_stream(writer)
            for event in _events(message):
                writer.write(_sse(event))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            _send(writer, 200, message)
        return True

    def _record(self, request: Request) -> Request:
        number = sum(r.name == request.name for r in self.requests)
        request = Request(request.name, request.body, request.headers, request.at, number)
        self.requests.append(request)
        if self._log:
            line = {"name": request.name, "task": request.task, "agent": request.agent, "body": request.body}
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
        return request

    async def _turn(self, request: Request) -> Turn:
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        if self.key is not None and given.removeprefix("Bearer ") != self.key:
            return Status(401, "invalid x-api-key")
        player = self._players.get(request.name) or self._players.get("") or _Player(_no_script)
        if not self.reminders and (ending := _ending(request)):
            return ending
        try:
            return await player.answer(request)
        except (
            Exception
        ) as error:  # a script's own fault or failed assertion: told at once, kept for the test
            self.errors.append(error)
            return Status(400, f"the script failed: {type(error).__name__}: {error}")


def _ending(request: Request) -> Turn | None:
    """What a model does that is reminded to hand in its work, and then that it has."""
    if request.reminder and "submit_result" in request.reminder:
        return submit(request.last_words or "Done.")
    results = request.results
    if results and results[-1].name == "mcp__team__submit_result" and not results[-1].is_error:
        return say(request.last_words or "Done.")
    return None


def _route(target: str) -> tuple[str, str]:
    path = target.partition("?")[0]
    found = re.match(r"/s/([^/]+)(/.*)", path)
    return (found[2], found[1]) if found else (path, "")


_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _error(status: Status) -> Block:
    kind = _KINDS.get(status.code, "api_error")
    return {"type": "error", "error": {"type": kind, "message": status.message}}


def _send(
    writer: asyncio.StreamWriter, code: int, body: Block, extra: Mapping[str, str] | None = None
) -> None:
    data = json.dumps(body).encode()
    head = [f"HTTP/1.1 {code} Scripted", "content-type: application/json", f"content-length: {len(data)}"]
    head += [f"{key}: {value}" for key, value in (extra or {}).items()]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)


def _start_stream(writer: asyncio.StreamWriter) -> None:
    head = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n")


def _sse(event: Block) -> bytes:
    data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _begin_and_stop(turn: Drop | Stall, request: Request, writer: asyncio.StreamWriter) -> None:
    _start_stream(writer)
    for event in _events(_message(request, [say("Let me see")]))[:3]:
        writer.write(_sse(event))
    await writer.drain()
    if isinstance(turn, Drop):
        return
    end = time.monotonic() + turn.seconds
    while time.monotonic() < end:
        await asyncio.sleep(min(0.5, turn.seconds))
        if turn.pings:
            writer.write(_sse({"type": "ping"}))
            await writer.drain()


def _message(request: Request, blocks: Sequence[Block]) -> Block:
    """The whole message; tokens are a quarter of the characters sent and said."""
    calls = any(block["type"] == "tool_use" for block in blocks)
    said = sum(len(json.dumps(block)) for block in blocks)
    return {
        "id": f"msg_{next(_ids):06d}",
        "type": "message",
        "role": "assistant",
        "model": request.body.get("model", "scripted"),
        "content": list(blocks),
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": len(request.text) // 4 + 1, "output_tokens": said // 4 + 1},
    }


def _events(message: Block) -> list[Block]:
    begun = {**message, "content": [], "stop_reason": None}
    begun["usage"] = {**message["usage"], "output_tokens": 1}
    events: list[Block] = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(message["content"]):
        events += _block_events(at, block)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": message["usage"]})
    events.append({"type": "message_stop"})
    return events


def _block_events(at: int, block: Block) -> list[Block]:
    if block["type"] == "text":
        empty: Block = {"type": "text", "text": ""}
        delta: Block = {"type": "text_delta", "text": block["text"]}
    else:
        empty = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    return [
        {"type": "content_block_start", "index": at, "content_block": empty},
        {"type": "content_block_delta", "index": at, "delta": delta},
        {"type": "content_block_stop", "index": at},
    ]


# --- from a shell ------------------------------------------------------------------------------------


def _load(spec: str) -> Script | Mapping[str, Script]:
    module, _, name = spec.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    return getattr(importlib.import_module(module), name or "script")


async def _serve(arguments: argparse.Namespace) -> None:
    server = ScriptedAnthropic(
        _load(arguments.script),
        port=arguments.port,
        key=arguments.key,
        latency=arguments.latency,
        log=arguments.log,
    )
    async with server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed; prints the base URL first."""
    parser = argparse.ArgumentParser(prog="python -m tests.scripted.anthropic_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", required=True, help="package.module:name of a function, list or mapping")
    parser.add_argument("--key", default=None)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--log", type=Path, default=None)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
