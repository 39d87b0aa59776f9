"""The baseline: a snapshot's own gates, before any agent's work. Runs on the same text share it."""

from __future__ import annotations

import asyncio

from nexus_lsp.core.facts import BaselineMeasured
from nexus_lsp.ports import GateResult, Gates, Repository


class Baseline:
    """Measures baselines one at a time and remembers the last one."""

    def __init__(self, repository: Repository, gates: Gates) -> None:
        self._repository = repository
        self._gates = gates
        self._lock = asyncio.Lock()
        self._last: tuple[str, bool, str | None, tuple[BaselineMeasured, ...]] | None = None

    async def measure(
        self, commit: str, trusted: bool, test_command: str | None
    ) -> tuple[BaselineMeasured, ...]:
        """The gates of this commit, measured now or, for the same tree, just before."""
        async with self._lock:
            last = self._last
            if (
                last
                and last[1:3] == (trusted, test_command)
                and not await self._repository.diff(last[0], commit)
            ):
                return last[3]
            results = await self._gates.measure(commit, trusted, test_command, lambda _line: None)
            facts = tuple(_fact(commit, result) for result in results) or (_none(commit),)
            self._last = (commit, trusted, test_command, facts)
            return facts


def _fact(commit: str, result: GateResult) -> BaselineMeasured:
    return BaselineMeasured(
        gate=result.gate,
        commit=commit,
        measured=result.status == "measured",
        why=result.why,
        passed=result.passed,
        failed=result.failed,
        coverage=result.coverage,
        seconds=result.seconds,
    )


def _none(commit: str) -> BaselineMeasured:
    return BaselineMeasured("tests", commit, False, "no gate knows this workspace")
