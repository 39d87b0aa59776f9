"""The engine, as faces see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    pass


class EngineApi(Protocol):
    """An engine, in this process or another: operations in, events out; JSON values in snake_case."""

    async def execute(self, name: str, argument: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an operation of `engine.operations`. Raises its InvalidArgument, Unknown, Refused."""
        ...

    def listen(self, hear: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Hear of every event from now on; the answer ends it."""
        ...

    async def close(self) -> None:
        """Leave the engine; one in this process ends with all it started."""
        ...
