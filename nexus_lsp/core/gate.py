"""Gates: what a measurement of a candidate means, compared with the baseline.

**Invariant:** only what worked before and is broken now blocks a landing; what was broken already, and
what could not be measured, never does, and what could not be measured is never called passed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from nexus_lsp.core.facts import GatePlace

WHOLE_RUN = "pytest"
"""Id of the check that stands for a whole test run: it fails when the run did not come to its end."""

_EVIDENCE = 6_000
_LISTED = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """One gate on one tree; ids as in `ports.GateResult`. `why` says why where it is not `measured`."""

    gate: str
    measured: bool
    why: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    places: tuple[GatePlace, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says about a candidate.

    Attributes:
        status: "failed" blocks the landing; "not_measured" neither blocks nor recommends it.
        broken: failed ids that block.
        fixed: failed before, pass now.
        new_failing: fail now, unknown before, and do not block (yet).
        still_failing: failed before and now.
        vanished: tests that passed before and did not run to a result now (deleted, renamed, skipped,
            flaky): to be named to the user.
        places: lines of the candidate's tree that failures name.
    """

    gate: str
    status: Literal["passed", "failed", "not_measured"]
    why: str = ""
    broken: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    new_failing: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    places: tuple[GatePlace, ...] = ()


def judge(
    baseline: Measured,
    candidate: Measured,
    changed_paths: Collection[str],
    *,
    new_tests_block: bool = False,
) -> Verdict:
    """Compare a candidate with the baseline of the same gate.

    `changed_paths` are the paths the run has changed. A failing test that the baseline does not know, in a
    file the run has changed, is judged once the tasks it covers have landed: then `new_tests_block` is set.
    An unknown failure elsewhere comes from changed code, and blocks.
    """
    if not candidate.measured:
        return Verdict(candidate.gate, "not_measured", candidate.why)
    if candidate.gate == "tests" and not candidate.passed and not baseline.passed:
        told = f" ({', '.join(candidate.failed[:3])})" if candidate.failed else ""
        return Verdict("tests", "not_measured", f"no test passed, before or now{told}: nothing could break")
    passed, failed = frozenset(baseline.passed), frozenset(baseline.failed)
    now_failed = [check for check in candidate.failed if check not in failed]
    lost = passed.difference(candidate.passed)
    broken = [check for check in now_failed if any(_stands_for(check, before) for before in lost)]
    unknown = [check for check in now_failed if check not in broken]
    may_wait = candidate.gate == "tests" and not new_tests_block
    waiting = [check for check in unknown if may_wait and _is_new(baseline, check, changed_paths)]
    broken += [check for check in unknown if check not in waiting]
    return Verdict(
        candidate.gate,
        "failed" if broken else "passed",
        broken=tuple(broken),
        fixed=tuple(check for check in candidate.passed if check in failed),
        new_failing=tuple(waiting),
        still_failing=tuple(check for check in candidate.failed if check in failed),
        vanished=_vanished(baseline, candidate),
        places=candidate.places,
    )


def evidence(verdict: Verdict, output: str) -> str:
    """What a repair is told: the broken checks, the lines they name, and the end of the gate's output.

    At most about 6,000 characters.
    """
    parts = [f"The gate `{verdict.gate}` failed. These fail now and must not ({len(verdict.broken)}):"]
    parts += [f"- {check}" for check in _listed(verdict.broken)]
    if verdict.places:
        parts.append("Where:")
        places = [f"- {place.path}:{place.line + 1}: {place.message[:200]}" for place in verdict.places]
        parts += _listed(places, 10)
    head = "\n".join(parts)[: _EVIDENCE // 2]
    tail = output.strip()[-(_EVIDENCE - len(head)) :]
    return f"{head}\n\nThe end of its output:\n{tail}" if tail else head


def _stands_for(failed: str, before: str) -> bool:
    """Whether the failure of one check took another with it: a file that no longer loads, a dead run."""
    return failed in (before, WHOLE_RUN) or before.startswith((f"{failed}::", f"{failed}/"))


def _is_new(baseline: Measured, check: str, changed_paths: Collection[str]) -> bool:
    """Whether a failure the baseline does not know may be due to a new test; unmeasured, it knows nothing."""
    return not baseline.measured or check == WHOLE_RUN or check.partition("::")[0] in changed_paths


def _vanished(baseline: Measured, candidate: Measured) -> tuple[str, ...]:
    """Only tests: a lint check names a fault, which is meant to vanish."""
    if baseline.gate != "tests":
        return ()
    seen = {*candidate.passed, *candidate.failed}
    covering = [check for check in candidate.failed if check not in baseline.passed]
    return tuple(
        check
        for check in baseline.passed
        if check not in seen and not any(_stands_for(failed, check) for failed in covering)
    )


def _listed(lines: Collection[str], limit: int = _LISTED) -> list[str]:
    shown = list(lines)[:limit]
    return shown if len(lines) <= limit else [*shown, f"- … and {len(lines) - limit} more"]
