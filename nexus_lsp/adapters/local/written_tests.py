"""What came of generating tests, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus_lsp.adapters.local.mutants import Mutant, described
from nexus_lsp.adapters.local.summary_text import NEEDS_CLAUDE, counted, listed
from nexus_lsp.ports import Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """One test file, or why there is none.

    Attributes:
        path: where it stands, "" for none; `why` then says why.
        killed, tried: mutants noticed and mutants tried; `survivors` are some of the others.
        crashes: calls that ended in an exception the function does not raise itself.
    """

    module: str
    path: str = ""
    why: str = ""
    tests: int = 0
    cases: int = 0
    killed: int = 0
    tried: int = 0
    survivors: tuple[Mutant, ...] = ()
    crashes: tuple[str, ...] = ()


def outcome_of(results: Sequence[Written], late: Sequence[str], modules: int) -> Outcome:
    """The summary over all modules; "unable" where no file was written. `late` were not begun in time."""
    written = [result for result in results if result.path]
    without = [result for result in results if not result.path]
    crashes = [crash for result in results for crash in result.crashes]
    lines = [_headline(written, modules)]
    for result in written:
        lines.append(
            f"- `{result.path}`: {counted(result.tests, 'test')}, {counted(result.cases, 'case')}; "
            f"they pass, and fail on {result.killed} of {result.tried} mutants of `{result.module}`"
        )
        if result.survivors:
            lines.append(f"  - not noticed: {described(result.survivors, 4)}")
    lines += [f"- No test for `{result.module}`: {result.why}." for result in without]
    if late:
        lines.append(f"- Not reached in time: {', '.join(f'`{path}`' for path in late[:8])}")
    if crashes:
        lines += ["Calls that ended in an exception the function does not raise itself (not pinned):"]
        lines += listed(_one_per_function(crashes), 6)
    lines += ["", "The tests pin today's behaviour; whether it is right, a person decides. " + NEEDS_CLAUDE]
    return Outcome("done" if written else "unable", "\n".join(lines))


def _one_per_function(crashes: Sequence[str]) -> list[str]:
    return list({crash.split("(")[0]: crash for crash in reversed(crashes)}.values())[::-1]


def _headline(written: Sequence[Written], modules: int) -> str:
    if not written:
        return f"No test is proposed for the {counted(modules, 'module')} in scope."
    return f"Wrote {counted(len(written), 'test file')}; each was run alone, twice, and passed."
