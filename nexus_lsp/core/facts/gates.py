"""Facts of gates: what the server measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class GatePlace:
    """A line that makes a gate fail; `line` is 0-based in the measured tree."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class BaselineMeasured:
    """The snapshot's own gates, before any agent's work: what failed before does not block."""

    type: ClassVar[str] = "gate_baseline"
    gate: str
    commit: str
    measured: bool
    why: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    coverage: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GatePassed:
    """A gate measured a tree and nothing that worked before is broken."""

    type: ClassVar[str] = "gate_passed"
    gate: str
    commit: str
    task_id: str | None
    passed: int
    failed: int
    fixed: tuple[str, ...] = ()
    coverage: float | None = None
    seconds: float = 0.0
    output: str = ""


@dataclass(frozen=True, slots=True)
class GateFailed:
    """A gate measured a tree and found what worked before broken."""

    type: ClassVar[str] = "gate_failed"
    gate: str
    commit: str
    task_id: str | None
    broken: tuple[str, ...]
    output: str
    places: tuple[GatePlace, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GateNotMeasured:
    """A gate could not measure, and says why: never green."""

    type: ClassVar[str] = "gate_not_measured"
    gate: str
    commit: str
    task_id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class GateWarned:
    """Something in tests is questionable: it blocks nothing, and is shown on its lines.

    An empty `places` says that the gate looked and found nothing (any more).
    """

    type: ClassVar[str] = "gate_warning"
    gate: str
    commit: str
    task_id: str | None
    places: tuple[GatePlace, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Changed lines of a source file that no test executes; 1-based, in the measured tree."""

    path: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QualityMeasured:
    """Figures of all that landed, against the user's text; measured by the server, never an agent's word.

    Attributes:
        commit: the tree that was measured.
        coverage: percent of all executable lines; `changed_coverage`: of the `changed_lines` that the run
            added or changed, of which `covered_lines` were executed. None where not measured.
        lint_errors, complexity: after the run; `..._before` before it. Complexity is the sum of the
            cyclomatic figures of the changed files, `worst` names the most complex function in them.
        tests, new_tests: test functions after the run, and the new ones; a parametrised one is one.
        rounds: further attempts that gates and conflicts cost in this run.
        notes: what could not be measured, and why.
    """

    type: ClassVar[str] = "gate_quality"
    commit: str
    coverage: float | None = None
    changed_coverage: float | None = None
    changed_lines: int | None = None
    covered_lines: int | None = None
    uncovered: tuple[Uncovered, ...] = ()
    lint_errors: int | None = None
    lint_errors_before: int | None = None
    complexity: int | None = None
    complexity_before: int | None = None
    worst: str = ""
    tests: int | None = None
    new_tests: int | None = None
    rounds: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
