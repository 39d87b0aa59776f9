"""Which calls become cases: those that reach something new, then the fewest that notice every mutant."""

from __future__ import annotations

from collections.abc import Sequence

from nexus_lsp.adapters.local.test_file_text import Case, Draft, Key, name_of_test

CASES = 8
"""Cases of a function that mutants choose among."""


def telling(cases: Sequence[Case]) -> list[Case]:
    """At most `CASES`: first those that reach new arcs, then those with new results."""
    chosen: list[Case] = []
    reached: set[tuple[int, int]] = set()
    results: set[str] = set()
    for case in cases:
        if not case.arcs <= reached and len(chosen) < CASES:
            chosen.append(case)
            reached |= case.arcs
            results.add(case.value or "")
    for case in cases:
        if len(chosen) >= CASES:
            break
        if not case.raises and (case.value or "") not in results:
            chosen.append(case)
            results.add(case.value or "")
    return chosen


def by_test(cases: Sequence[Case]) -> dict[str, tuple[Case, ...]]:
    found: dict[str, tuple[Case, ...]] = {}
    for case in cases:
        name = name_of_test(case.function, case.raises)
        found[name] = (*found.get(name, ()), case)
    return found


def per_test(kills: dict[Key, set[int]], keys: set[Key]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for key in keys:
        found.setdefault(key[0], set()).update(kills[key])
    return found


def smallest_set(kills: dict[Key, set[int]], owners: dict[int, str], draft: Draft) -> set[Key]:
    """A small set of cases that fails on every mutant some case fails on (greedy).

    Properties that notice anything stay: they say more than examples do; "does not raise" counts as none.
    Then each test's cases are asked about the mutants of their own function, so that it keeps results and
    refusals of its own even where a caller's test would notice as much.
    """
    properties = {(p.name, 0) for p in draft.properties if not p.name.startswith("test_fuzz_")}
    keys: set[Key] = {key for key in properties if kills.get(key)}
    for test, cases in draft.cases.items():
        own = {k: {m for m in found if owners[m] == cases[0].function} for k, found in kills.items()}
        keys |= _greedy({k: found for k, found in own.items() if k[0] == test}, set())
    covered = {mutant for key in keys for mutant in kills[key]}
    return keys | _greedy(kills, covered)


def _greedy(kills: dict[Key, set[int]], covered: set[int]) -> set[Key]:
    chosen: set[Key] = set()
    covered = set(covered)
    left = dict(kills)
    while left:
        best = max(left, key=lambda k: (len(left[k] - covered), -k[1]))
        gained = left.pop(best) - covered
        if not gained:
            break
        chosen.add(best)
        covered |= gained
    return chosen
