"""The stores of the suites over the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from bus_house import House, memory, redis, sqlite

from tests.scripted.redis_program import REDIS, RedisProgram, redis_program


@pytest.fixture(scope="session")
def bus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProgram | None]:
    if REDIS is None:
        yield None
        return
    with redis_program(tmp_path_factory.mktemp("redis")) as program:
        yield program


@pytest_asyncio.fixture(params=["memory", "sqlite", "redis"])
async def house(
    request: pytest.FixtureRequest, tmp_path: Path, bus_server: RedisProgram | None
) -> AsyncIterator[House]:
    if request.param == "redis" and bus_server is None:
        pytest.skip("redis-server is not installed")
    stores = {
        "memory": memory,
        "sqlite": lambda: sqlite(tmp_path / "deep" / "bus.db"),
        "redis": lambda: redis(bus_server.url),  # type: ignore[union-attr]
    }
    made = House(stores[request.param]())
    yield made
    await made.close()
