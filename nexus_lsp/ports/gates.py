"""Gates: what the server measures on a tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from nexus_lsp.core.quality import Scrutiny


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate measured on one tree.

    Attributes:
        gate: "tests", "lint".
        status: "measured", or "not_measured" with the reason in `why`.
        passed, failed: ids of checks (`tests/test_a.py::test_b`; `pkg/a.py:F821`). For tests also those
            that could not be collected, as failed.
        output: the tool's own output, bounded to the part that matters.
        coverage: percent of lines, where measured.
        covered: source paths that the passing tests executed.
        places: (path, 0-based line, message) of failures, where the tool names them.
    """

    gate: str
    status: Literal["measured", "not_measured"]
    why: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    output: str = ""
    seconds: float = 0.0
    coverage: float | None = None
    covered: tuple[str, ...] = ()
    places: tuple[tuple[str, int, str], ...] = ()


class Gates(Protocol):
    """Measures trees of one workspace, one at a time, in an environment of its own."""

    async def measure(
        self, commit: str, trusted: bool, test_command: str | None, on_output: Callable[[str], None]
    ) -> tuple[GateResult, ...]:
        """Run every gate on the commit's tree. Nothing of the workspace's code runs unless trusted."""
        ...

    async def scrutinise(
        self,
        base: str,
        head: str,
        trusted: bool,
        test_command: str | None,
        on_output: Callable[[str], None],
    ) -> Scrutiny:
        """Quality and honesty of the change from `base` to `head`; a figure not measured is None, and noted.

        Without trust, or with a test command, only what the texts say. It may take minutes.
        """
        ...

    async def close(self) -> None:
        """End what runs and remove the gate checkout."""
        ...
