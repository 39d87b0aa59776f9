"""Who hears the broadcasts of a bus in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

Hear = Callable[[Mapping[str, Any]], None]


class Hearers:
    """The listeners of one bus."""

    def __init__(self) -> None:
        self._hearers: dict[object, Hear] = {}

    def add(self, hear: Hear) -> Callable[[], None]:
        """Let one more hear; the answer ends it."""
        key = object()
        self._hearers[key] = hear

        def end() -> None:
            self._hearers.pop(key, None)

        return end

    def tell(self, text: str | bytes) -> None:
        """Tell each of them a status, as JSON text; what is no JSON object is passed over."""
        try:
            told = json.loads(text)
        except ValueError:
            return
        if not isinstance(told, dict):
            return
        for hear in tuple(self._hearers.values()):
            try:
                hear(cast("Mapping[str, Any]", told))
            except Exception as error:  # one listener's fault must not make the others deaf
                context = {"message": "A listener of the bus failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
