"""Forecasts: from what two have written so far, where their work may not come together.

`read` makes a touch of one side's work in one file, on the lines of the user's text; `between` compares two
touches. So what did not change since the last look is not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nexus_lsp.core.diff import diff, matching
from nexus_lsp.core.facts import Clash, ClashKind, ClashSide
from nexus_lsp.core.hunks import Hunk, Lines
from nexus_lsp.core.merging import merge
from nexus_lsp.core.merging.syntax import Parse
from nexus_lsp.core.symbols import Called, Parameters, Symbol, around, called_in, python_symbols, symbols_of

MOST_PLACES = 10
"""Places of one pair in one file; past these it is plain that the two are in each other's way."""

LONGEST_MERGED = 200_000
"""Characters of a side; of a longer file the warning comes, whether a merge by structure would do or not."""

ANCHOR = 3
"""Lines by which a place is found again in a text that moved."""

Whole = Literal["", "created", "removed"]

A, B = "\0", "\1"
"""Stand for the two in a sentence, as nothing in a text does."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one side has made of a file: its lines at the start and now, None where there is no file."""

    side: ClashSide
    path: str
    base: Lines | None
    now: Lines | None


@dataclass(frozen=True, slots=True)
class Ground:
    """The text that two sides are compared on: the user's, as the newer run saw it last."""

    path: str
    lines: Lines
    symbols: tuple[Symbol, ...] = field(repr=False, default=())

    @classmethod
    def of(cls, path: str, lines: Lines) -> Ground:
        """A text with its symbols."""
        return cls(path, lines, symbols_of(path, lines))


@dataclass(frozen=True, slots=True)
class Span:
    """Lines [start, end) of the ground become `after`; an insertion stands before `start`.

    `functions`: name → line of the ground, of those that a changed line is of.
    """

    start: int
    end: int
    after: tuple[str, ...]
    functions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Touch:
    """One side's work in one file.

    Attributes:
        now: the lines it has made of it; None where it removed the file.
        contracts: name → line, of functions that it took away or that take other parameters now.
        called: what its new lines call.
    """

    side: ClashSide
    path: str
    whole: Whole
    now: Lines | None
    spans: tuple[Span, ...] = ()
    contracts: Mapping[str, int] = field(default_factory=dict[str, int])
    called: Called = field(default_factory=Called)


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    start: int
    end: int
    kind: ClashKind
    symbols: tuple[str, ...]
    told: str
    """With `A` and `B` for the two."""


def read(work: Work, ground: Ground) -> Touch:
    """Work on the lines of the ground."""
    path, base, now = work.path, work.base, work.now
    if base is None or now is None:
        made = called_in(path, now, [(0, len(now))]) if now is not None else Called()
        gone = {s.name: s.line for s in ground.symbols if s.parameters is not None} if now is None else {}
        return Touch(work.side, path, "removed" if now is None else "created", now, (), gone, made)
    hunks = diff(base, now)
    symbols = ground.symbols if base == ground.lines else symbols_of(path, base)
    to_ground = _Carrier(base, ground.lines)
    return Touch(
        work.side,
        path,
        "",
        now,
        tuple(to_ground.span(hunk, around(symbols, hunk.line, hunk.end)) for hunk in hunks),
        {s.name: to_ground.line(s.line) for s in _broken(symbols, python_symbols(path, now))},
        called_in(path, now, _new_ranges(hunks)),
    )


def between(
    a: Touch,
    b: Touch,
    ground: Ground,
    names: Mapping[str, str],
    home: str | None = None,
    parse: Parse | None = None,
) -> tuple[Clash, ...]:
    """Where two touches may not come together, by the line. `ground` is that of `a`'s path.

    `names` gives the agents' names by their ids; `home` is the run that it is told in (that of `a` unless
    said). Touches of different files clash by contract alone, where `a` changed the function: so ask both
    ways round. Lines that would be merged by structure are in nobody's way; `parse` reads what has a grammar.
    """
    found = [*_contracts(a, b, A, B)]
    if a.path == b.path:
        found = [*_wholes(a, b), *_lines(a, b, ground, parse), *found, *_contracts(b, a, B, A)]
    found.sort(key=lambda one: (one.start, one.end))
    who = _who(a.side, b.side, names, a.side.run_id if home is None else home)
    return tuple(_clash(one, a.side, b.side, ground, who) for one in found[:MOST_PLACES])


# --- reading -----------------------------------------------------------------------------------------


class _Carrier:
    """Finds lines of one text in another; a line that is not there is where its neighbours are."""

    def __init__(self, old: Lines, new: Lines) -> None:
        self._blocks = None if old == new else [*matching(old, new), (len(old), len(new), 0)]

    def span(self, hunk: Hunk, symbols: Iterable[Symbol]) -> Span:
        start, end = self._after(hunk.line), self._before(hunk.end)
        if not hunk.before:  # below the line above it, or above the line below it
            start = end = start if self._held(hunk.line - 1) or not self._held(hunk.line) else end
        functions = tuple((s.name, self.line(s.line)) for s in symbols if s.is_function)
        return Span(start, max(start, end), hunk.after, functions)

    def line(self, line: int) -> int:
        return self._after(line + 1) - 1 if self._held(line) else self._after(line)

    def _held(self, line: int) -> bool:
        return self._blocks is None or any(i <= line < i + size for i, _, size in self._blocks)

    def _after(self, line: int) -> int:
        """The place right behind the last line above `line` that stands in both."""
        if self._blocks is None:
            return line
        below = [(i, j, size) for i, j, size in self._blocks if size and i < line]
        if not below:
            return 0
        i, j, size = below[-1]
        return j + min(line - i, size)

    def _before(self, line: int) -> int:
        """The place right before the first line from `line` on that stands in both."""
        if self._blocks is None:
            return line
        i, j, _ = next(block for block in self._blocks if block[0] + block[2] > line or not block[2])
        return j + max(line - i, 0)


def _broken(before: Sequence[Symbol], after: Sequence[Symbol] | None) -> Iterator[Symbol]:
    """Functions that whoever calls them has to call otherwise now; nothing of a text that is half written."""
    if after is None:
        return
    now: dict[str, Parameters | None] = {s.name: s.parameters for s in after}
    for s in before:
        if s.parameters is not None and now.get(s.name) != s.parameters:
            yield s


def _new_ranges(hunks: Sequence[Hunk]) -> Iterator[tuple[int, int]]:
    shift = 0
    for hunk in hunks:
        start = hunk.line + shift
        yield start, start + len(hunk.after)
        shift += len(hunk.after) - len(hunk.before)


# --- comparing ---------------------------------------------------------------------------------------


def _wholes(a: Touch, b: Touch) -> Iterator[_Found]:
    if a.now == b.now or not (a.whole or b.whole):
        return
    if a.whole == "removed":
        told = f"{A} removes this file, which {B} changes"
    elif b.whole == "removed":
        told = f"{B} removes this file, which {A} changes"
    else:
        told = f"{A} and {B} both make this file"
    yield _Found(a.path, 0, 0, "overlap", (), told)


def _lines(a: Touch, b: Touch, ground: Ground, parse: Parse | None) -> Iterator[_Found]:
    told: set[str] = set()
    meetings = [*_meetings(a.spans, b.spans)]
    if meetings and _come_together(a, b, ground, parse):
        meetings = []
    for kind, start, end in meetings:
        near = tuple(dict.fromkeys(s.name for s in around(ground.symbols, start, end)))
        told.update(near)
        yield _Found(a.path, start, end, kind, near, _of_lines(kind, near, start == end))
    ours, theirs = _functions(a.spans, b.spans), _functions(b.spans, a.spans)
    for name in ours.keys() & theirs.keys() - told:
        line = ours[name]
        words = f"{A} and {B} both change {named((name,))}, at different lines"
        yield _Found(a.path, line, line + 1, "symbol", (name,), words)


def _come_together(a: Touch, b: Touch, ground: Ground, parse: Parse | None) -> bool:
    """Whether a landing would merge the two by structure."""
    sizes = (sum(map(len, lines or ())) for lines in (ground.lines, a.now, b.now))
    if max(sizes) > LONGEST_MERGED:
        return False
    ours, theirs = ("".join(_on(ground.lines, touch.spans)) for touch in (a, b))
    return merge(a.path, "".join(ground.lines), ours, theirs, parse) is not None


def _on(lines: Lines, spans: Sequence[Span]) -> Iterator[str]:
    at = 0
    for span in spans:
        yield from lines[at : span.start]
        yield from span.after
        at = max(at, span.end)
    yield from lines[at:]


def _functions(spans: Sequence[Span], but: Sequence[Span]) -> dict[str, int]:
    """Name → line, of the functions that one changes and not just as the other does."""
    same = set(but)
    return dict(function for span in spans if span not in same for function in span.functions)


def _of_lines(kind: ClashKind, symbols: tuple[str, ...], is_insertion: bool) -> str:
    if kind == "adjoining":
        return f"{A} and {B} change lines side by side here" + (f" ({named(symbols)})" if symbols else "")
    if symbols:
        return f"{A} and {B} both change {named(symbols)} here"
    return f"{A} and {B} both put lines in here" if is_insertion else f"{A} and {B} both change these lines"


def _meetings(ours: Sequence[Span], theirs: Sequence[Span]) -> Iterator[tuple[ClashKind, int, int]]:
    first = 0
    for a in ours:
        while first < len(theirs) and theirs[first].end < a.start:
            first += 1
        for b in theirs[first:]:
            if b.start > a.end:
                break
            if a == b:
                continue
            if _overlap(a, b):
                yield "overlap", max(a.start, b.start), min(a.end, b.end)
            else:
                yield "adjoining", min(a.start, b.start), max(a.end, b.end)


def _overlap(a: Span, b: Span) -> bool:
    start, end = max(a.start, b.start), min(a.end, b.end)
    if start < end:
        return True
    empty = a.start == a.end, b.start == b.end
    if empty == (True, True):
        return a.start == b.start
    inner, outer = (a, b) if empty[0] else (b, a)
    return True in empty and outer.start < inner.start < outer.end


def _contracts(a: Touch, b: Touch, who: str, other: str) -> Iterator[_Found]:
    """Functions that `a` (`who`) changed for whoever calls them, which new lines of `b` do."""
    for name, line in a.contracts.items():
        if _calls(b, name, a.path):
            where = "" if b.path == a.path else f" in {b.path}"
            told = f"{who} changes how {named((name,))} is called, and {other}'s new lines{where} call it"
            yield _Found(a.path, line, line + 1, "contract", (name,), told)


def _calls(touch: Touch, name: str, path: str) -> bool:
    owner, _, short = name.rpartition(".")
    owner = owner.rpartition(".")[2]
    here, called = touch.path == path, touch.called
    if owner and short == "__init__":
        return owner in called.names | called.attributes and (here or owner in called.known)
    if owner:
        return short in called.attributes and (here or owner in called.known)
    bare = short in called.names and (here or short in called.known)
    return bare or (short in called.attributes and bool(_module(path) & called.known))


def _module(path: str) -> set[str]:
    *folders, file = path.split("/")
    stem = file.rpartition(".")[0]
    return {folders[-1] if stem == "__init__" and folders else stem}


# --- saying ------------------------------------------------------------------------------------------


def _clash(found: _Found, a: ClashSide, b: ClashSide, ground: Ground, who: tuple[str, str]) -> Clash:
    top = min(found.start, len(ground.lines))
    end = min(max(found.end, top), len(ground.lines))
    first, second = who
    told = found.told.replace(A, first).replace(B, second) + _since(a, first) + _since(b, second)
    told += f": {_DOUBT[found.kind]}"
    return Clash(
        path=found.path,
        line=top,
        count=end - top,
        anchor=tuple(ground.lines[top : min(top + ANCHOR, max(end, top + 1))]),
        kind=found.kind,
        symbols=found.symbols,
        sides=(a, b),
        message=told.replace("you", "You", 1) if told.startswith("you ") else told,
    )


_DOUBT: Mapping[ClashKind, str] = {
    "overlap": "their work may not merge",
    "adjoining": "their work may not merge",
    "symbol": "it may merge and not fit together",
    "contract": "their work may not fit together",
}


def _since(side: ClashSide, name: str) -> str:
    told = {
        "landed": f" ({name}'s work has landed meanwhile)",
        "proposed": f" ({name}'s change waits for you)",
        "accepted": f" (you accepted {name}'s change)",
    }
    return "" if side.agent_id == "user" else told.get(side.state, "")


def _who(a: ClashSide, b: ClashSide, names: Mapping[str, str], home: str) -> tuple[str, str]:
    first, second = ("you" if s.agent_id == "user" else names.get(s.agent_id, s.agent_id) for s in (a, b))
    if a.run_id == b.run_id and first == second:
        return f"{first} ({a.task_id})", f"{second} ({b.task_id})"
    away = [" (another run)" if s.run_id != home else "" for s in (a, b)]
    return first + away[0], second + away[1]


def named(symbols: Iterable[str]) -> str:
    """A few symbols as a sentence has them."""
    some = list(symbols)
    more = f" and {len(some) - 3} more" if len(some) > 3 else ""
    return ", ".join(f"`{name}`" for name in some[:3]) + more
