"""How long the parts of a landing take."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from nexus_lsp.core.happenings import LandingTimes


class Spans:
    """One landing, which may look several times; `queued` is when its task was submitted (monotonic)."""

    def __init__(self, queued: float) -> None:
        self._queued = queued
        self._began: float | None = None
        self._refresh = 0.0
        self._gates = 0.0

    def begin(self) -> None:
        """It is this landing's turn."""
        if self._began is None:
            self._began = time.monotonic()

    @contextmanager
    def refreshing(self) -> Generator[None]:
        """While the tree is brought up to the user's text."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._refresh += time.monotonic() - began

    @contextmanager
    def gating(self) -> Generator[None]:
        """While the candidate is measured."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._gates += time.monotonic() - began

    def so_far(self) -> LandingTimes:
        """The seconds until now; what is neither refresh nor gates is merging."""
        now = time.monotonic()
        began = self._began if self._began is not None else now
        merge = now - began - self._refresh - self._gates
        return LandingTimes(self._refresh, merge, began - self._queued)
