"""A Redis server as the bus needs it: scripts, a time limit for all that is asked, an ear for channels.

Whatever goes wrong is a BusFailed that names the server by host and port. No user name and no password of the
URL is in a text of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from nexus_lsp.ports import BusFailed

if TYPE_CHECKING:
    from redis.asyncio import Redis

OLDEST = (6, 2)
"""The first version with XAUTOCLAIM."""

_CONNECTIONS = 16

_RECONNECT = 0.2
"""Seconds until the ear tries to connect again."""

_UNREADABLE = (
    "The address of Redis cannot be read. Write redis://user:password@host:6379/0 (rediss:// with TLS, "
    "unix:///path with a socket), and in the password %2F for /, %40 for @, %23 for #, %3F for ?."
)

Heard = Callable[[str, bytes], None]


class RedisServer:
    """One server, by URL. `timeout`: seconds that all has which is asked within one `answering`."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._client: Redis | None = None
        self._scripts: dict[str, Any] = {}
        self._ear: asyncio.Task[None] | None = None
        self.place = _place(url)
        self.notice = ""

    async def open(self, channels: Sequence[str], heard: Heard, gap: Callable[[], None]) -> None:
        """Connect, and hear channels from now on; BusFailed.

        `gap` is called whenever something may have been missed: the connection broke, or is there again.
        """
        self._client = self._connect()
        there = asyncio.Event()
        try:
            async with self.answering():
                self._check(await self.ask("INFO"))
                self._ear = asyncio.create_task(self._listen(channels, heard, gap, there))
                await there.wait()
        except BaseException:
            await self.close()
            raise

    def _connect(self) -> Redis:
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise BusFailed(
                f"The Python package for Redis cannot be used ({error}). Run: pip install 'nexus-lsp[redis]'."
            ) from error

        options = {
            "max_connections": _CONNECTIONS,
            "timeout": self._timeout,
            "socket_timeout": self._timeout,
            "socket_connect_timeout": self._timeout,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        if not self.place:
            raise BusFailed(_UNREADABLE)
        try:
            pool: Any = cast("Any", BlockingConnectionPool).from_url(self._url, **options)
            pool.make_connection()  # finds options in the URL that there are not
        except (ValueError, TypeError):
            raise BusFailed(_UNREADABLE) from None  # the cause may quote a part of the password
        return Redis.from_pool(pool)

    def _check(self, info: Mapping[str, Any]) -> None:
        version = str(info.get("redis_version", ""))
        parts = version.split(".")[:2]
        if all(part.isdecimal() for part in parts) and tuple(map(int, parts)) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise BusFailed(f"Redis at {self.place} has version {version}. Update it to {oldest} or newer.")
        if info.get("aof_enabled") == 0:
            self.notice = (
                f"Redis at {self.place} has appendonly off, so messages are lost when it ends. "
                "Set appendonly to yes."
            )

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncGenerator[None]:
        """All that is asked in here must be answered within `timeout`; what fails is a BusFailed."""
        self._open_client()
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (TimeoutError, OSError, RedisError) as error:
            raise BusFailed(self._told(error)) from error

    def _told(self, error: Exception) -> str:
        from redis import exceptions as wrong

        if isinstance(error, wrong.AuthenticationError | wrong.AuthorizationError):
            return f"Redis at {self.place} does not accept the user name or the password. Correct its URL."
        if isinstance(error, wrong.ResponseError):
            return f"Redis at {self.place} did not do it: {error}. See its settings and its log."
        why = str(error).rstrip(".") or f"no answer within {self._timeout:g} s"
        return f"Redis at {self.place} cannot be reached ({why}). Start it, or correct its URL."

    async def ask(self, *command: str) -> Any:
        """Send one command; to be called while `answering`."""
        return await cast("Any", self._open_client()).execute_command(*command)

    async def run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes]) -> Any:
        """Run a script, which is sent only where the server does not have it (any more); as `ask`."""
        if script not in self._scripts:
            self._scripts[script] = self._open_client().register_script(script)
        return await self._scripts[script](keys, values)

    def _open_client(self) -> Redis:
        if self._client is None:
            raise BusFailed("The bus is closed. Open it first.")
        return self._client

    async def _listen(
        self, channels: Sequence[str], heard: Heard, gap: Callable[[], None], there: asyncio.Event
    ) -> None:
        from redis.exceptions import RedisError

        client = cast("Any", self._open_client())
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with client.pubsub() as line:
                    await line.subscribe(*channels)
                    async for item in line.listen():
                        if item["type"] == "message":
                            heard(item["channel"].decode(), item["data"])
                        elif item["data"] == len(channels):
                            there.set()
                            gap()
            gap()
            await asyncio.sleep(_RECONNECT)

    async def close(self) -> None:
        """Give back every connection."""
        client, ear = self._client, self._ear
        self._client, self._ear, self._scripts = None, None, {}
        if client is None:
            return
        from redis.exceptions import RedisError

        if ear is not None:
            ear.cancel()
            await asyncio.wait([ear])
        with contextlib.suppress(RedisError, OSError):
            await client.aclose()


def _place(url: str) -> str:
    """Host and port of a URL, or its socket's path; "" for a URL that cannot be read safely."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return parts.path
        if parts.scheme not in ("redis", "rediss") or "@" in parts.path + parts.query + parts.fragment:
            return ""  # an @ so late: the password has a / in it, and what looks like the host is part of it
        host = parts.hostname or "localhost"
        return f"{f'[{host}]' if ':' in host else host}:{parts.port or 6379}"
    except ValueError:
        return ""
