"""The hunks between two texts, so that a reader recognises what was changed.

Why not a library: `patiencediff` is under the GPL and gives up on a stretch without unique lines;
`rapidfuzz` gives the shortest script, which pairs stray blank lines and braces; `difflib` alone is quadratic
in the file (or, with its popularity heuristic, blind to lines that repeat). So: common ends are trimmed, the
lines that are unique on both sides are the fixed points (Bram Cohen's patience), and `difflib` pairs what
little is left between them, or Myers' algorithm where that repeats too much. Last, an insertion or deletion
that could as well stand a few lines up or down is moved to where a block begins, as git's indent heuristic
does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from nexus_lsp.core.hunks import Hunk, Lines, common_ends

Block = tuple[int, int, int]
"""(line in the old text, line in the new text, number of equal lines from there)."""

Region = tuple[int, int, int, int]
"""(first, end) in the old text, (first, end) in the new text."""

MAX_DEPTH = 40
"""Patience within patience within …: each level costs one pass, so the whole stays linear in practice."""

MAX_PAIRS = 300_000
"""Equal pairs of lines in one stretch that `difflib` may look at (about 0.1 s)."""

MAX_EDITS = 300
"""Single lines inserted and deleted in a stretch too repetitive for `difflib`; past it, all is replaced."""

MAX_SLIDE = 100
"""Lines an insertion or deletion is moved at most to find its best place (git's figure)."""


def diff(old: Lines, new: Lines) -> list[Hunk]:
    """Hunks that turn `old` into `new`: ordered, disjoint, at least one unchanged line between two."""
    hunks: list[Hunk] = []
    at_old = at_new = 0
    for i, j, size in [*matching(old, new), (len(old), len(new), 0)]:
        if at_old < i or at_new < j:
            hunks.append(Hunk(at_old, tuple(old[at_old:i]), tuple(new[at_new:j])))
        at_old, at_new = i + size, j + size
    return _settled(old, hunks)


def matching(old: Lines, new: Lines) -> list[Block]:
    """Runs of equal lines, ascending on both sides, as a reader would pair them."""
    blocks: list[Block] = []
    open_regions: list[tuple[Region, int]] = [((0, len(old), 0, len(new)), 0)]
    while open_regions:
        region, depth = open_regions.pop()
        found, (a0, a1, b0, b1) = _trim_ends(old, new, region)
        blocks += found
        if a0 == a1 or b0 == b1:
            continue
        points = unique_anchors(old[a0:a1], new[b0:b1]) if depth < MAX_DEPTH else []
        if points:
            cuts = [(a0, b0), *((a0 + i, b0 + j) for i, j in points), (a1, b1)]
            open_regions += [((p[0], q[0], p[1], q[1]), depth + 1) for p, q in pairwise(cuts)]
        else:
            blocks += [(a0 + i, b0 + j, n) for i, j, n in _leaf(old[a0:a1], new[b0:b1])]
    return sorted(blocks)


def _trim_ends(old: Lines, new: Lines, region: Region) -> tuple[list[Block], Region]:
    a0, a1, b0, b1 = region
    top, low = common_ends(old[a0:a1], new[b0:b1])
    blocks = [(a0, b0, top), (a1 - low, b1 - low, low)]
    return [block for block in blocks if block[2]], (a0 + top, a1 - low, b0 + top, b1 - low)


def unique_anchors(old: Lines, new: Lines) -> list[tuple[int, int]]:
    """The longest ascending run of pairs of lines that occur exactly once on either side."""
    in_old, in_new = Counter(old), Counter(new)
    where_new = {line: j for j, line in enumerate(new) if in_new[line] == 1}
    pairs = [(i, where_new[line]) for i, line in enumerate(old) if in_old[line] == 1 and line in where_new]
    return _longest_ascending(pairs)


def _longest_ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Patience sorting: `pairs` ascend in the first number; picks the most that ascend in the second."""
    tops: list[int] = []
    top_at: list[int] = []
    below: list[int] = []
    for at, (_, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        below.append(top_at[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        top_at[pile : pile + 1] = [at]
    picked: list[tuple[int, int]] = []
    at = top_at[-1] if top_at else -1
    while at >= 0:
        picked.append(pairs[at])
        at = below[at]
    return picked[::-1]


def _leaf(old: Lines, new: Lines) -> Iterable[Block]:
    in_old, in_new = Counter(old), Counter(new)
    pairs = sum(count * in_new[line] for line, count in in_old.items())
    if pairs > MAX_PAIRS:
        return _few_edits(old, new)
    return SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()[:-1] if pairs else []


def _few_edits(old: Lines, new: Lines) -> list[Block]:
    """Myers' greedy algorithm for a long stretch of repeated lines; nothing where it takes `MAX_EDITS`."""
    reach = {1: 0}
    rounds: list[dict[int, int]] = []
    for edits in range(MAX_EDITS):
        rounds.append(reach)
        reach = dict(reach)
        for k in range(-edits, edits + 1, 2):
            i = reach[k + 1] if _inserts(reach, k, edits) else reach[k - 1] + 1
            while i < len(old) and 0 <= i - k < len(new) and old[i] == new[i - k]:
                i += 1
            reach[k] = i
            if (i, i - k) == (len(old), len(new)):
                return _walked_back(rounds, len(old), len(new))
    return []


def _inserts(reach: dict[int, int], k: int, edits: int) -> bool:
    """Whether diagonal k (line of old - line of new) is best entered by an insertion, else by a deletion."""
    return k == -edits or (k != edits and reach[k - 1] < reach[k + 1])


def _walked_back(rounds: list[dict[int, int]], i: int, j: int) -> list[Block]:
    blocks: list[Block] = []
    for edits in range(len(rounds) - 1, 0, -1):
        k, reach = i - j, rounds[edits]
        inserts = _inserts(reach, k, edits)
        start = reach[k + 1] if inserts else reach[k - 1] + 1
        blocks.append((start, start - k, i - start))
        i, j = (start, start - k - 1) if inserts else (start - 1, start - k)
    return [block for block in [(0, 0, i), *reversed(blocks)] if block[2]]


def _settled(old: Lines, hunks: list[Hunk]) -> list[Hunk]:
    """Each pure insertion or deletion at its most readable place, never up against another hunk."""
    placed: list[Hunk] = []
    for at, hunk in enumerate(hunks):
        lowest = placed[-1].end + 1 if placed else 0
        highest = hunks[at + 1].line - 1 if at + 1 < len(hunks) else len(old)
        placed.append(hunk if hunk.before and hunk.after else _best_place(old, hunk, lowest, highest))
    return placed


def _best_place(old: Lines, hunk: Hunk, lowest: int, highest: int) -> Hunk:
    """The hunk moved within `lowest <= line` and `end <= highest` to where it begins a block."""
    block, span = hunk.before or hunk.after, len(hunk.before)
    up = down = 0
    while (
        up < MAX_SLIDE and hunk.line - up > lowest and old[hunk.line - up - 1] == block[-1 - up % len(block)]
    ):
        up += 1
    while down < MAX_SLIDE and hunk.end + down < highest and old[hunk.end + down] == block[down % len(block)]:
        down += 1
    best = min(range(-up, down + 1), key=lambda by: _start_score(old, block, hunk.line, by))
    turn = best % len(block)
    turned = block[turn:] + block[:turn]
    return Hunk(hunk.line + best, turned if span else (), () if span else turned)


def _start_score(old: Lines, block: Lines, line: int, by: int) -> tuple[bool, int, bool, int]:
    """Lower is better: begins with text, far left, after a blank line, as low down as it goes."""
    first = block[by % len(block)]
    text = first.lstrip()
    above = old[line + by - 1] if line + by else ""
    return not text, len(first) - len(text), bool(above.strip()), -by
