"""What no merge may do, whatever made it: lose, keep or repeat a word that a side added or took away."""

from __future__ import annotations

import re
from collections import Counter

from nexus_lsp.core.text import split_lines

_WORD = re.compile(r"\w+|[^\w\s,]")
"""Commas and white space are not counted: an entry behind the last one needs a comma more."""


def conserved(base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether each word stands in the merge as often as both sides' changes together ask for.

    What both sides added may be one and the same addition, and what both took away one deletion; so where
    both did, there is a range.
    """
    b, o, t, m = (Counter(_WORD.findall(text)) for text in (base, ours, theirs, merged))
    for word in {*b, *o, *t, *m}:
        more = max(o[word] - b[word], 0), max(t[word] - b[word], 0)
        less = max(b[word] - o[word], 0), max(b[word] - t[word], 0)
        least = b[word] + max(more) - sum(less)
        most = b[word] + sum(more) - max(less)
        if not least <= m[word] <= most:
            return False
    return True


_ENOUGH = 3
"""Lines of words that two people do not write alike by chance, in one place and another."""


def doubled(base: str, ours: str, theirs: str) -> bool:
    """Whether both sides put in the same lines: where lines alone merge, they would stand there twice."""
    b, o, t = (Counter(line.strip() for line in split_lines(text)) for text in (base, ours, theirs))
    both = (o - b) & (t - b)
    return sum(n for line, n in both.items() if len(_WORD.findall(line)) > 3) >= _ENOUGH
