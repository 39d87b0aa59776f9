"""Implementation (Code): ruff's safe fixes in the task's files, and nothing that needs judgement.

The workspace's code is parsed, never run: fixes need no trust; what they broke, the gates find. A repair
attempt takes fixes back in two steps: first the files that the evidence names, or, where it names none of
ours, every rule that rewrites code; then all of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_lsp.adapters.local import ruff
from nexus_lsp.adapters.local.ruff import Finding, RuffFailed
from nexus_lsp.adapters.local.summary_text import NEEDS_CLAUDE, by_rule, counted, listed
from nexus_lsp.adapters.local.withdrawal import Fix, Originals, withdraw
from nexus_lsp.adapters.local.workspace_files import (
    Scope,
    all_files,
    asks_for_invention,
    is_test,
    parse,
    scope_of,
)
from nexus_lsp.core.rules.life import CUT_OFF
from nexus_lsp.ports import Assignment, Outcome, Progress, Reason, Report

GENTLE_RULES = ("E", "W", "I")
"""Layout and the order of imports: what stays when the other fixes are under suspicion."""

LARGEST = 1_000_000
"""Bytes of a file that is fixed."""

NO_PYTHON = (
    "Nothing in scope is Python, and the local team has no tool for other files: nothing is proposed. "
    "This task needs Claude Code."
)
FORGOTTEN = (
    "The fixes of the last attempt cannot be taken back: what they replaced was kept in memory only, and "
    "NEXUS was restarted since. Retry the run to start anew."
)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What one pass of fixes did.

    Attributes:
        fixes: by path, each file that changed.
        rules: how many findings of each rule went away.
        undone: files whose fix no longer parsed and was taken back.
        left: what ruff still finds.
        reasons: what was found on the lines that were changed.
    """

    fixes: Mapping[str, Fix]
    rules: Counter[str]
    undone: tuple[str, ...]
    left: tuple[Finding, ...]
    reasons: tuple[Reason, ...] = ()


async def implement(
    assignment: Assignment, originals: Originals, report: Callable[[Report], None]
) -> Outcome:
    """Fix what can safely be fixed in scope; on a repair attempt take back what broke something."""
    try:
        # an attempt that was only broken off made nothing that there is a fault in
        if assignment.attempt > 1 and assignment.evidence not in ("", CUT_OFF):
            return await _repair(assignment, originals, report)
        return await _first(assignment, originals, report)
    except RuffFailed as error:
        return Outcome("failed", f"Ruff could not work on this workspace: {error}")


async def _first(assignment: Assignment, originals: Originals, report: Callable[[Report], None]) -> Outcome:
    root = assignment.checkout
    scope = scope_of(assignment, await asyncio.to_thread(all_files, root))
    if not scope.paths:
        return Outcome("unable", NO_PYTHON)
    report(Progress(f"Applying ruff's safe fixes to {counted(len(scope.paths), 'file')} ({scope.said})"))
    fixed = await _fix(root, scope.paths, ruff.rule_arguments(root))
    originals.keep(assignment.run_id, assignment.task.id, fixed.fixes)
    report(Progress(f"Fixed {counted(fixed.rules.total(), 'finding')}; looking for security findings", 70))
    security = await ruff.security(root, [path for path in scope.paths if not is_test(path)])
    summary = _summary(root, scope, fixed, security)
    if not fixed.fixes and asks_for_invention(assignment):
        return Outcome("unable", summary)
    return Outcome("done", summary, reasons=fixed.reasons)


async def _fix(root: Path, paths: Sequence[str], arguments: Sequence[str]) -> Fixed:
    before = {path: (root / path).read_bytes() for path in paths if _writable(root / path)}
    found = await ruff.check(root, tuple(before), arguments)
    await ruff.fix(root, tuple(before), arguments)
    fixes: dict[str, Fix] = {}
    undone: list[str] = []
    for path, old in before.items():
        new = (root / path).read_bytes()
        if new == old:
            continue
        if new[:1] in b"\r\n" and old[:1] not in b"\r\n":  # where the first imports went
            new = new.lstrip(b"\r\n")
            (root / path).write_bytes(new)
        if parse(new) is None:
            (root / path).write_bytes(old)
            undone.append(path)
        else:
            fixes[path] = Fix(old, new)
    left = await ruff.check(root, tuple(before), arguments)
    gone = Counter(f.rule for f in found) - Counter(f.rule for f in left)
    reasons = tuple(_reasons(fixes, found))
    return Fixed(fixes, gone if fixes else Counter(), tuple(undone), left, reasons)


def _reasons(fixes: Mapping[str, Fix], found: Sequence[Finding]) -> Iterator[Reason]:
    lines = {path: fix.before.decode("utf-8", "replace").split("\n") for path, fix in fixes.items()}
    for finding in found:
        if finding.fixable and finding.path in lines and 0 < finding.line <= len(lines[finding.path]):
            text = lines[finding.path][finding.line - 1].rstrip("\r")
            yield Reason(finding.path, text, f"{finding.message} ({finding.rule})")


def _writable(path: Path) -> bool:
    """Only what parses now is touched: ruff may mend around a syntax error that it reads differently.

    Nor what is too large to be anyone's source: its fixes would be thousands of hunks that nobody reads.
    """
    if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
        return False
    return parse(path.read_bytes()) is not None


def _summary(root: Path, scope: Scope, fixed: Fixed, security: Sequence[Finding]) -> str:
    rules = "the workspace's own ruff configuration"
    if not ruff.own_config(root):
        rules = f"{', '.join(ruff.DEFAULT_RULES)} for {ruff.target_version(root)}"
    lines = [_headline(fixed, scope), f"Rules: {rules}; safe fixes only."]
    lines += [*listed([f"`{path}`" for path in fixed.fixes]), ""]
    if fixed.undone:
        lines.append("Taken back because the result did not parse: " + ", ".join(fixed.undone))
    unparsed = [finding for finding in fixed.left if not finding.rule]
    rest = [finding for finding in fixed.left if finding.rule]
    skipped = sorted({path for path in scope.paths if path.endswith((".py", ".pyi"))} & _unread(root, scope))
    if skipped or unparsed:
        names = sorted({*skipped, *(finding.path for finding in unparsed)})
        why = "Not touched, since they do not parse or are larger than 1 MB: "
        lines.append(why + ", ".join(f"`{name}`" for name in names))
    if rest:
        lines.append(f"{counted(len(rest), 'finding')} left for a person or Claude Code: {by_rule(rest)}")
    if security:
        lines.append(f"{counted(len(security), 'security finding')}, none fixed automatically:")
        lines += listed([str(finding) for finding in security])
    return "\n".join([*lines, "", NEEDS_CLAUDE])


def _unread(root: Path, scope: Scope) -> set[str]:
    return {path for path in scope.paths if not _writable(root / path)}


def _headline(fixed: Fixed, scope: Scope) -> str:
    if not fixed.fixes:
        return f"Nothing to fix safely in {counted(len(scope.paths), 'Python file')} ({scope.said})."
    counts = ", ".join(f"{rule} ×{count}" for rule, count in fixed.rules.most_common(12))
    return (
        f"Fixed {counted(fixed.rules.total(), 'finding')} in {counted(len(fixed.fixes), 'file')} "
        f"({scope.said}): {counts}."
    )


# --- repair ------------------------------------------------------------------------------------------


async def _repair(assignment: Assignment, originals: Originals, report: Callable[[Report], None]) -> Outcome:
    fixes = originals.of(assignment.run_id, assignment.task.id)
    if fixes is None:
        return Outcome("failed", FORGOTTEN)
    root = assignment.checkout
    named = [path for path in fixes if path in assignment.evidence]
    suspects = [path for path in named if not is_test(path)]
    last = assignment.attempt > 2
    chosen = list(fixes) if last or not suspects else suspects
    report(Progress(f"Taking back the fixes in {counted(len(chosen), 'file')}"))
    done, stuck = await asyncio.to_thread(withdraw, root, fixes, chosen)
    if stuck:
        names = ", ".join(f"`{path}`" for path in stuck)
        return Outcome("failed", f"The fixes in {names} cannot be taken back: others built on them.")
    kept = [path for path in fixes if path not in done]
    again = Fixed({}, Counter(), (), ())
    if not last and not suspects:
        again = await _fix(root, chosen, ruff.rule_arguments(root, GENTLE_RULES))
    originals.keep(assignment.run_id, assignment.task.id, {**fixes, **again.fixes})
    return Outcome("done", _repair_summary(done, [*kept, *again.fixes], bool(again.fixes)))


def _repair_summary(withdrawn: Sequence[str], kept: Sequence[str], gentle: bool) -> str:
    lines = [
        "The gate or the merge refused the fixes; taken back were those in "
        f"{counted(len(withdrawn), 'file')}:"
    ]
    lines += listed([f"`{path}`" for path in withdrawn])
    if gentle:
        rules = ", ".join(GENTLE_RULES)
        lines.append(f"Of the rules only {rules} (layout, order of imports) were applied again.")
    lines.append(f"Fixes in {counted(len(kept), 'file')} stay." if kept else "No fix of this task is left.")
    return "\n".join(lines)
