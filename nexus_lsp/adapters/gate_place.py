"""Where tests run: a tree in the gate checkout, an interpreter, and what both may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.pytest_run import PytestRun, launch, run_pytest
from nexus_lsp.adapters.sandbox import Sandbox

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A commit's tree at `root`, its (path, bytes), and with what its tests run.

    `workspace` is shown to them read-only, for the environment in it; `timeout` is in seconds, for one run.
    """

    commit: str
    root: Path
    files: tuple[tuple[str, int], ...]
    python: Path
    workspace: Path
    timeout: float
    sandbox: Sandbox | None

    async def pytest(
        self,
        tests: Sequence[str] = (),
        *,
        coverage: bool = False,
        contexts: Sequence[str] | None = None,
        only: Sequence[str] = (),
        limit: float | None = None,
        say: Say | None = None,
    ) -> PytestRun:
        """`run_pytest` here; `limit` in seconds where it is to be shorter than `timeout`."""
        return await run_pytest(
            self.root,
            self.python,
            tests,
            coverage=coverage,
            contexts=contexts,
            only=only,
            timeout=min(self.timeout, limit or self.timeout),
            on_output=say,
            readable=[self.workspace],
            sandbox=self.sandbox,
        )

    async def mutate(self, wish: Mapping[str, Any], limit: float) -> tuple[list[dict[str, Any]], str]:
        """(events, output) of `pytest_mutants` on `wish`; `limit` in seconds."""
        done, events = await launch(
            self.root,
            self.python,
            (),
            wish,
            timeout=limit,
            readable=[self.workspace],
            sandbox=self.sandbox,
        )
        return events, done.output
