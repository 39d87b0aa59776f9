"""A scripted service that speaks OpenAI's Chat Completions on loopback, for the real openai client.

In a test:

    async with ScriptedOpenAI(plan=PLAN) as server:
        OpenAIPlanner(api_key="sk-test", base_url=server.base_url)

From another process, `python -m tests.scripted.openai_server --port 0 --plan plan.json` prints the port on a
line of its own and serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Answer = tuple[int, Any]
"""(HTTP status, JSON body; bytes go out as they are)."""

PLAN: dict[str, Any] = {
    "summary": "Analyse, then change.",
    "tasks": [
        {
            "id": "analyse",
            "title": "Analyse the request",
            "agent": "aria_coordinator",
            "type": "analysis",
            "description": "Read the code.",
            "depends_on": [],
            "writes": [],
            "acceptance": ["Findings name files."],
        },
        {
            "id": "code",
            "title": "Make the change",
            "agent": "code_developer",
            "type": "implementation",
            "description": "Change the code.",
            "depends_on": ["analyse"],
            "writes": ["src/*.py"],
            "acceptance": ["It works."],
        },
    ],
}


@dataclass(slots=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def response_format(self) -> str:
        """The type of the response format it asked for, or "text"."""
        return self.body.get("response_format", {"type": "text"})["type"]

    @property
    def texts(self) -> list[str]:
        """The messages' texts."""
        return [message["content"] for message in self.body.get("messages", [])]


def completion(
    content: str | None, finish_reason: str = "stop", refusal: str | None = None
) -> dict[str, Any]:
    """A whole chat completion around one answer."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "logprobs": None,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _error(status: int, message: str, code: str | None = None) -> Answer:
    return status, {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    }


@dataclass
class ScriptedOpenAI:
    """The service. `behaviour` is one of `BEHAVIOURS`; `plan` is the answer where one is given.

    Attributes:
        requests: all that was asked, in order.
        base_url: what goes into OPENAI_BASE_URL, once it runs.
    """

    behaviour: str = "plan"
    plan: dict[str, Any] | None = None
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        """With `/v1`, as OpenAI's own."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> ScriptedOpenAI:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._ended.set()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    request = await _read(reader)
                    await self._reply(request, writer)
        finally:
            del self._open[task]
            writer.close()

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if not request.path.endswith("/chat/completions"):
            return await _write(writer, *_error(404, f"no route {request.path}"))
        self.requests.append(request)
        if self.behaviour == "never":
            await self._ended.wait()
        if self.behaviour == "cut-off":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
            writer.close()
            return None
        return await _write(writer, *BEHAVIOURS[self.behaviour](self, request))

    def answer(self) -> Answer:
        """The plan, as the model would give it."""
        return 200, completion(json.dumps(self.plan or PLAN))


def _refuse_schema(server: ScriptedOpenAI, request: Request) -> Answer:
    if request.response_format == "json_schema":
        return _error(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported")
    return server.answer()


def _text_only(server: ScriptedOpenAI, request: Request) -> Answer:
    if request.response_format != "text":
        return _error(400, "response_format is not supported by this server")
    _, body = server.answer()
    plan = json.dumps(server.plan or PLAN, indent=1)
    body["choices"][0]["message"]["content"] = f"<think>{{hm}}</think>Here:\n```json\n{plan}\n```\nGood luck!"
    return 200, body


def _second_time(first: Answer) -> Callable[[ScriptedOpenAI, Request], Answer]:
    return lambda server, _: first if len(server.requests) == 1 else server.answer()


def _circle() -> Answer:
    plan = json.loads(json.dumps(PLAN))
    plan["tasks"][0]["depends_on"] = ["code"]
    plan["tasks"][1]["agent"] = "code_developer"
    return 200, completion(json.dumps(plan))


def _always(answer: Answer) -> Callable[[ScriptedOpenAI, Request], Answer]:
    return lambda _server, _request: answer


def _echoed_key(_: ScriptedOpenAI, request: Request) -> Answer:
    key = request.headers["authorization"].removeprefix("Bearer ")
    return _error(400, f"bad request with key {key} in it")


BEHAVIOURS: dict[str, Callable[[ScriptedOpenAI, Request], Answer]] = {
    "plan": lambda server, _: server.answer(),
    "refuse-schema": _refuse_schema,
    "text-only": _text_only,
    "nonsense": _always((200, completion("I would rather talk about the weather."))),
    "nonsense-then-plan": _second_time((200, completion("Sure! {not json"))),
    "circle-then-plan": _second_time(_circle()),
    "never": lambda server, _: server.answer(),
    "cut-off": lambda server, _: server.answer(),
    "401": _always(_error(401, "Incorrect API key provided: sk-te****cret.", "invalid_api_key")),
    "403": _always(_error(403, "Project does not have access to this model.")),
    "404": _always(_error(404, "The model does not exist.", "model_not_found")),
    "429": _always(_error(429, "Rate limit reached.", "rate_limit_exceeded")),
    "429-then-plan": _second_time(_error(429, "Rate limit reached.", "rate_limit_exceeded")),
    "no-credit": _always(_error(429, "You exceeded your current quota.", "insufficient_quota")),
    "500": _always(_error(500, "The server had an error.")),
    "echoed-key": _echoed_key,
    "truncated": _always((200, completion('{"summary": "Ana', "length"))),
    "filtered": _always((200, completion(None, "content_filter"))),
    "refusal": _always((200, completion(None, refusal="I can't help with that."))),
    "empty": _always((200, {"id": "x", "object": "chat.completion", "choices": []})),
    "not-openai": _always((200, b"<html>Welcome to nginx</html>")),
    "huge": _always((200, completion("x" * 3_000_000))),
    "deep": _always((200, completion('{"tasks": ' + "[" * 200_000))),
}


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = first.split(" ")
    return Request(method, path, headers, json.loads(body or b"{}"))


async def _write(writer: asyncio.StreamWriter, status: int, body: Any) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    # retry-after-ms keeps the client's own retries, which are part of what is tested, from taking seconds.
    head = (
        f"HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nretry-after-ms: 1\r\n"
        f"content-length: {len(payload)}\r\n\r\n"
    )
    writer.write(head.encode() + payload)
    await writer.drain()


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plan", type=Path, help="a JSON file with the plan to answer with")
    parser.add_argument("--behaviour", choices=sorted(BEHAVIOURS), default="plan")
    options = parser.parse_args()
    plan = json.loads(options.plan.read_text()) if options.plan else None
    async with ScriptedOpenAI(options.behaviour, plan, port=options.port) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
