"""NEXUS Prime on an OpenAI model, or on any service that speaks Chat Completions.

The only file that imports `openai`, and only once a plan is asked for (the import takes about a second).

**Invariant:** the key is in no error text and no log line of this file; what a service says is scrubbed.
**Invariant:** a `plan()` always ends: two answers at most, each within the timeout, each of bounded size.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from nexus_lsp.adapters.planner_answer import (
    Mode,
    plan_schema,
    read_plan,
    read_revision,
    response_format,
    revision_schema,
    short,
    text_of,
)
from nexus_lsp.adapters.planner_prompt import Message, mend, prompt, replan_prompt
from nexus_lsp.core.plan import Plan
from nexus_lsp.core.problems import Problem
from nexus_lsp.core.replanning import Revision, Trouble
from nexus_lsp.ports import Brief, PlanFailed

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_log = logging.getLogger(__name__)

T = TypeVar("T")

DEFAULT_MODEL = "gpt-5.5"
RETIRED = {
    "gpt-4-turbo-preview": DEFAULT_MODEL,
    "gpt-4-0125-preview": DEFAULT_MODEL,
    "gpt-4-32k": DEFAULT_MODEL,
}
"""Models that are shut down (the seed's configuration names the first), and what is used instead."""

MAX_ANSWER = 1_000_000
"""Bytes of an answer that are read: forty long tasks fit in a tenth of it."""

_WEAKER: dict[Mode, Mode] = {"schema": "json", "json": "text"}
_known_mode: dict[tuple[str, str], Mode] = {}
"""What (service, model) was found to accept; for the life of the process."""


def planner_model(configured: str | None = None) -> str:
    """The model to ask: NEXUS_PLANNER_MODEL, else `configured`, else the default; retired ones mapped."""
    name = os.environ.get("NEXUS_PLANNER_MODEL", "").strip() or (configured or "").strip() or DEFAULT_MODEL
    return RETIRED.get(name, name)


class OpenAIPlanner:
    """Asks a model for a plan, checks the answer, and lets the model mend it once."""

    def __init__(
        self,
        model: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = 120.0,
        max_retries: int = 2,
    ) -> None:
        """`timeout`: seconds for one answer, retries included; `max_retries`: after 408, 409, 429, 5xx."""
        self._model = planner_model(model)
        self._key = (api_key or "").strip()
        self._base_url = (base_url or "").strip() or None
        self._timeout = timeout
        self._max_retries = max_retries
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self.source = f"OpenAI {self._model}"

    async def plan(self, brief: Brief) -> Plan:
        """A checked plan; PlanFailed with what to do about it."""
        agents = [persona.agent_id for persona in brief.personas]
        return await self._read(prompt(brief), plan_schema(agents), lambda said: read_plan(said, agents))

    async def replan(self, brief: Brief, trouble: Trouble) -> Revision:
        """Another way, checked in form; PlanFailed where there is none, or no answer to be used."""
        agents = [persona.agent_id for persona in brief.personas]
        messages, schema = replan_prompt(brief, trouble), revision_schema(agents)
        found = await self._read(messages, schema, lambda said: read_revision(said, agents))
        if not found.tasks:
            raise PlanFailed(f"{self._model} sees no other way: {short(found.why, 500)}")
        return found

    async def _read(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        read: Callable[[str], tuple[T | None, list[Problem]]],
    ) -> T:
        """The answer as a value; a wrong one is sent back once, with all that is wrong with it."""
        answer = await self._answer(messages, schema)
        found, problems = read(answer)
        if found is None:
            _log.info("the plan of %s is sent back once: %s", self._model, problems[0])
            found, problems = read(await self._answer([*messages, *mend(answer, problems)], schema))
        if found is None:
            raise PlanFailed(
                f"{self._model} gave no usable plan in two tries ({short(str(problems[0]), 300)}). Ask "
                "again, say the request in other words, or set NEXUS_PLANNER_MODEL to another model."
            )
        return found

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # --- one answer ----------------------------------------------------------------------------------

    async def _answer(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """The text of one answer, in the strictest form the service takes."""
        client = await self._opened()
        try:
            async with asyncio.timeout(self._timeout):
                return text_of(await self._asked(client, messages, schema), self._model)
        except TimeoutError:
            raise PlanFailed(
                f"{self._model} at {self._host()} gave no answer within {self._timeout:g} seconds. Ask "
                "again, set NEXUS_PLANNER_MODEL to a faster model, or unset OPENAI_API_KEY to plan "
                "without a model."
            ) from None

    async def _asked(
        self, client: AsyncOpenAI, messages: Sequence[Message], schema: Mapping[str, Any]
    ) -> bytes:
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        mode = _known_mode.get(self._service(), "schema")
        while True:
            try:
                return await self._body(client, messages, response_format(mode, schema))
            except APIStatusError as error:
                if mode == "text" or not _refuses_format(error):
                    raise PlanFailed(self._status_sentence(error)) from None
                mode = _WEAKER[mode]
                _known_mode[self._service()] = mode
                _log.info("%s does not take the response format; asking in mode %s", self._model, mode)
            except APITimeoutError:
                raise TimeoutError from None
            except APIConnectionError as error:
                raise PlanFailed(self._connection_sentence(error)) from None
            except OpenAIError as error:
                raise PlanFailed(f"The OpenAI client failed: {self._scrubbed(str(error))}.") from None

    async def _body(
        self, client: AsyncOpenAI, messages: Sequence[Message], response_format: Mapping[str, Any] | None
    ) -> bytes:
        """The raw answer, of which no more than MAX_ANSWER bytes are ever held."""
        request = client.chat.completions.with_streaming_response.create(
            model=self._model,
            messages=list[Any](messages),
            extra_body={"response_format": response_format} if response_format else None,
        )
        async with request as response:
            return await self._capped(response.iter_bytes())

    async def _capped(self, chunks: AsyncIterator[bytes]) -> bytes:
        body = bytearray()
        try:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise PlanFailed(
                        f"{self._model} sent more than {MAX_ANSWER:,} bytes, which is no plan. Ask for "
                        "less at once, or set NEXUS_PLANNER_MODEL to another model."
                    )
        except (PlanFailed, TimeoutError):
            raise
        except Exception as error:
            # The HTTP library's own errors: httpx under openai 2, httpx2 under openai 3; not ours to import.
            raise PlanFailed(
                f"The connection to {self._host()} broke off ({type(error).__name__}). Ask again."
            ) from None
        return bytes(body)

    async def _opened(self) -> AsyncOpenAI:
        if not self._key and not self._base_url:
            raise PlanFailed(
                "There is no OpenAI key. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a service without keys."
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise PlanFailed("OPENAI_API_KEY holds characters no key has; copy it again.")
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connected)
        return self._client

    def _connected(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=self._max_retries,
        )

    # --- what went wrong, as a sentence to act on ----------------------------------------------------

    def _service(self) -> tuple[str, str]:
        return (self._base_url or "", self._model)

    def _host(self) -> str:
        parts = urlsplit(self._base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com")
        return parts.hostname or "the address in OPENAI_BASE_URL"

    def _scrubbed(self, text: str) -> str:
        """What a service said: short, on one line, without the key (some echo it, some mask half of it)."""
        text = text.replace(self._key, "[key]") if self._key else text
        return short(re.sub(r"\bsk-[\w*.-]+", "[key]", text), 300)

    def _status_sentence(self, error: APIStatusError) -> str:
        said = self._scrubbed(_said(error))
        match error.status_code:
            case 401:
                return f"{self._host()} does not accept the key. Set OPENAI_API_KEY to a valid one."
            case 403:
                return f"The key may not use {self._model} ({said}). Use another, or set NEXUS_PLANNER_MODEL."
            case 404:
                return (
                    f"{self._host()} knows no model {self._model!r} ({said}). Set NEXUS_PLANNER_MODEL to "
                    "one that your account has, and check OPENAI_BASE_URL if you set it."
                )
            case 429 if error.code == "insufficient_quota":
                return "The OpenAI account has no credit left. Add some, or use another OPENAI_API_KEY."
            case 429:
                return f"{self._host()} limits the rate ({said}). Wait a little and ask again."
            case status if status >= 500:
                return f"{self._host()} failed with status {status} ({said}). Ask again in a while."
            case status:
                return (
                    f"{self._host()} refused the request with status {status} ({said}). Check "
                    "NEXUS_PLANNER_MODEL and OPENAI_BASE_URL."
                )

    def _connection_sentence(self, error: Exception) -> str:
        why = self._scrubbed(str(error.__cause__ or error))
        return (
            f"{self._host()} cannot be reached ({why}). Check the network, the proxy and OPENAI_BASE_URL, or "
            "unset OPENAI_API_KEY to plan without a model."
        )


def _said(error: APIStatusError) -> str:
    """The service's own message; its whole body where it has none."""
    body = error.body
    if isinstance(body, Mapping):
        message = cast("Mapping[str, object]", body).get("message")
        return message if isinstance(message, str) else json.dumps(body, default=str)
    return str(body or error.message)


def _refuses_format(error: APIStatusError) -> bool:
    words = (
        "response_format",
        "response format",
        "json_schema",
        "json_object",
        "json mode",
        "structured output",
    )
    return error.status_code in (400, 422) and any(word in _said(error).lower() for word in words)
