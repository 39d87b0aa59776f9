"""Which new tests may do what one did that is gone: those that speak of the same things."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from nexus_lsp.core.integrity.cases import Case
from nexus_lsp.core.integrity.checks import Check
from nexus_lsp.core.integrity.pairs import Loss, losses

MOST = 12
"""New tests that are looked at for one that is gone."""

MAX_PAIRS = 1_000_000
"""Pairs of checks that are compared in one file; past it no heir is found (about 1 µs each)."""

_COMMON = 50
"""Tests that may have a word in common before it says nothing."""

Fresh = tuple[Case, Sequence[Check]]


class Heirs:
    """The new tests of a file, in its order, found by the words of their names and checks."""

    def __init__(self, fresh: Sequence[Fresh]) -> None:
        self._fresh = fresh
        self._left = MAX_PAIRS
        self._having: dict[str, list[int]] = {}
        for at, (case, found) in enumerate(fresh):
            for word in _words(case, found):
                self._having.setdefault(word, []).append(at)

    def of(self, case: Case, lost: Sequence[Check], place: float) -> tuple[Case, list[Loss]] | None:
        """The test that asserts most of what is lost, and what it does not.

        `place` says where in its file the test stood, 0 first and 1 last: where nothing else tells, a file
        that was rewritten keeps its order.
        """
        best: tuple[Case, list[Loss]] | None = None
        fewest = len(lost) + 1
        for each, found in self._likely(case, lost, place):
            self._left -= len(lost) * len(found)
            if self._left < 0:
                break
            tried = losses(lost, found)
            removed = sum(loss.instead is None for loss in tried)
            if removed < fewest:
                best, fewest = (each, tried), removed
            if not removed:
                break
        return best

    def _likely(self, case: Case, lost: Sequence[Check], place: float) -> Iterator[Fresh]:
        if len(self._fresh) <= MOST:
            yield from self._fresh
            return
        scores: defaultdict[int, float] = defaultdict(float)
        for word in _words(case, lost):
            having = self._having.get(word, ())
            if len(having) <= _COMMON:
                for at in having:
                    scores[at] += 1 / len(having)
        middle = round(place * (len(self._fresh) - 1))
        near = range(max(0, middle - MOST // 2), min(len(self._fresh), middle + MOST // 2))
        ranked = sorted({*scores, *near}, key=lambda at: (-scores.get(at, 0.0), abs(at - middle), at))
        yield from (self._fresh[at] for at in ranked[:MOST])


def _words(case: Case, found: Sequence[Check]) -> set[str]:
    words = {f"{word} in its name" for word in re.findall(r"[a-z]+|[A-Z][a-z]*|\d+", case.name)}
    for check in found:
        words |= check.form.names | check.form.constants | {check.form.expected}
    return words
