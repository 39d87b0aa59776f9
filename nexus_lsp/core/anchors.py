"""Finding hunks again in a text that was changed meanwhile: on open, after a restart, after a change on disk.

A line of the base has a *sure* place in the live text if every best alignment of the two texts puts it
there. Lines that occur once on either side are fixed points; between two of them all best alignments are
weighed exactly (longest common subsequences, within the band that the number of differences allows).
So a pasted duplicate of a block beside the block is seen as what it is: two places, none of them sure.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus_lsp.core.diff import matching, unique_anchors
from nexus_lsp.core.hunks import Hunk, Lines, find_lines, fits

MAX_BAND = 100
"""Lines deleted and inserted between two fixed points at most; past it no line there has a sure place.

The work goes with the lines of the file times this: a second for 20,000 lines at the very worst.
"""

EDGE = 3
"""An insertion at an end of the file holds to that end while one of so many lines there still stands."""

Sure = list[int | None]
"""For each line of the base: its line in the live text, None where it has none or it is not certain."""


def sure_lines(base: Lines, live: Lines) -> Sure:
    """The sure place of each line of `base` in `live`."""
    if list(base) == list(live):
        return list(range(len(base)))
    sure: Sure = [None] * len(base)
    points = unique_anchors(base, live)
    starts = [(-1, -1), *points]
    ends = [*points, (len(base), len(live))]
    for (i0, j0), (i1, j1) in zip(starts, ends, strict=True):
        if i0 >= 0:
            sure[i0] = j0
        sure[i0 + 1 : i1] = _sure_between(base[i0 + 1 : i1], live[j0 + 1 : j1], j0 + 1)
    return sure


def _sure_between(base: Lines, live: Lines, offset: int) -> Sure:
    if len(base) == len(live) and list(base) == list(live):
        return list(range(offset, offset + len(live)))
    matched = sum(size for _, _, size in matching(base, live))
    deleted, inserted = len(base) - matched, len(live) - matched
    if not matched or deleted + inserted > MAX_BAND:
        return [None] * len(base)
    return _in_all_alignments(base, live, offset, _Band(len(live), deleted, inserted))


class _Band:
    """The columns that an alignment with at most so many deleted and inserted lines can visit in a row."""

    def __init__(self, columns: int, deleted: int, inserted: int) -> None:
        self.columns, self.deleted, self.inserted = columns, deleted, inserted

    def row(self, i: int) -> range:
        return range(max(0, i - self.deleted), min(self.columns, i + self.inserted) + 1)


def _in_all_alignments(base: Lines, live: Lines, offset: int, band: _Band) -> Sure:
    ahead = _common_lengths(base, live, band)
    behind = _common_lengths(base[::-1], live[::-1], band)[::-1]
    columns = len(live)
    total = ahead[-1][columns]
    sure: Sure = []
    for i, line in enumerate(base):
        row, rest = ahead[i], behind[i + 1]
        skipped = any(row[j] + rest.get(columns - j, -1) == total for j in band.row(i))
        places = [
            j
            for j in band.row(i)
            if j < columns and live[j] == line and row[j] + 1 + rest.get(columns - j - 1, -2) == total
        ]
        sure.append(offset + places[0] if len(places) == 1 and not skipped else None)
    return sure


def _common_lengths(base: Lines, live: Lines, band: _Band) -> list[dict[int, int]]:
    """For each i, and each j in the band: the length of the longest common subsequence of the first i, j."""
    table = [dict.fromkeys(band.row(0), 0)]
    for i, line in enumerate(base, start=1):
        above, row, left = table[-1], dict[int, int](), 0
        for j in band.row(i):
            best = max(left, above.get(j, 0))
            if j and live[j - 1] == line:
                best = max(best, above.get(j - 1, 0) + 1)
            row[j] = left = best
        table.append(row)
    return table


def place(hunks: Sequence[Hunk], base: Lines, live: Lines) -> list[int | None]:
    """Where each hunk of `base` stands in `live`; None = outdated there.

    - Its own lines must all have a sure place, one after the other. Edits right above or below them do
      not matter.
    - An insertion needs one intact neighbour: it stands below the line above it or, where that is gone,
      above the line below it; so what a user typed just at its place stays beneath it. At line 0 the line
      below goes first. At the ends of the file see `EDGE`. Where its text stands already: None.
    - It must fit (`hunks.fits`), so that applying it there changes no other line.
    """
    sure = sure_lines(base, live)
    found = (_stand(hunk, sure) if hunk.before else _insertion_point(hunk, sure, live) for hunk in hunks)
    return [
        line if line is not None and fits(hunk, live, line) else None
        for hunk, line in zip(hunks, found, strict=True)
    ]


def _stand(hunk: Hunk, sure: Sure) -> int | None:
    first = sure[hunk.line]
    if first is None or sure[hunk.line : hunk.end] != list(range(first, first + len(hunk.before))):
        return None
    return first


def _insertion_point(hunk: Hunk, sure: Sure, live: Lines) -> int | None:
    above = sure[hunk.line - 1] if hunk.line else None
    below = sure[hunk.line] if hunk.line < len(sure) else None
    if above is None and below is None:
        return _at_edge(hunk, sure, live)
    # Between the neighbours, or as far beside the only one as the insertion is long, may stand the same.
    top = above + 1 if above is not None else max(0, (below or 0) - len(hunk.after)) if hunk.line else 0
    bottom = below if below is not None else min(len(live), top + len(hunk.after))
    if find_lines(hunk.after, live[top:bottom]) is not None:
        return None
    return above + 1 if above is not None else below


def _at_edge(hunk: Hunk, sure: Sure, live: Lines) -> int | None:
    if not sure:
        return None if live else 0
    if hunk.line == 0 and any(line is not None for line in sure[:EDGE]):
        return None if find_lines(hunk.after, live[: len(hunk.after)]) == 0 else 0
    if hunk.line == len(sure) and any(line is not None for line in sure[-EDGE:]):
        return None if find_lines(hunk.after, live[-len(hunk.after) :]) == 0 else len(live)
    return None


def already_there(hunk: Hunk, sure: Sure, live: Lines) -> int | None:
    """The line of `live` where the hunk's `after` stands in the place of its `before`; None = it does not.

    The lines around the hunk must have sure places (an end of the file counts as one), and between them
    must be exactly `after`. `sure` is `sure_lines` of the hunk's base in `live`.
    """
    above = sure[hunk.line - 1] if hunk.line else -1
    below = sure[hunk.end] if hunk.end < len(sure) else len(live)
    if above is None or below is None or tuple(live[above + 1 : below]) != hunk.after:
        return None
    return above + 1
