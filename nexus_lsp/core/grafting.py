"""Changes put onto other texts than the user's own: those of HEAD, for a commit or a branch.

The user's file holds the accepted changes and whatever else the user did. A commit of the accepted alone is
HEAD's file with their hunks placed on it, one group of a common base after the other, in the order in which
they were accepted. A region is what became of one or several of them there; it knows what stood in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nexus_lsp.core.anchors import Sure, place, sure_lines
from nexus_lsp.core.changes import Change
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, Lines, find_lines
from nexus_lsp.core.proposals import hunk_of, text_of
from nexus_lsp.core.text import split_lines

NO_PLACE = "its lines rest on edits that are not committed"
NO_FILE = "the file itself is not committed yet: commit it first, or commit it whole (--whole-files)"
ANOTHER = "the last commit has another version of this file"
CHANGED_SINCE = "your file does not hold it as it was accepted: you changed these lines since"

Blobs = Mapping[str, bytes]
"""The bytes of every blob that the changes name."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file: its bytes as they stand in a work tree, and its git mode."""

    content: bytes
    mode: str = "100644"

    @property
    def lines(self) -> list[str] | None:
        """Its lines; None where it is no text."""
        text = None if self.mode == "120000" else text_of(self.content)
        return None if text is None else split_lines(text)


Files = Mapping[str, Held | None]


@dataclass(frozen=True, slots=True)
class Region:
    """Lines of a grafted text, what stood in their place before, and the changes that made them."""

    start: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def end(self) -> int:
        """Index of the first line after it."""
        return self.start + len(self.after)


@dataclass(frozen=True, slots=True)
class Grafted:
    """One path after the changes: `held` is None where there is no file any more.

    Attributes:
        regions: for text: what the changes made of it, disjoint, from top to bottom.
        whole: ids of changes that concern the file as a whole.
    """

    held: Held | None
    regions: tuple[Region, ...] = ()
    whole: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Every change in it."""
        return tuple(dict.fromkeys([*self.whole, *(i for r in self.regions for i in r.ids)]))


@dataclass(slots=True)
class Graft:
    """What became of some files, and of the changes: `had` stood there before, `left` have no place."""

    files: dict[str, Grafted] = field(default_factory=dict[str, Grafted])
    had: list[str] = field(default_factory=list[str])
    left: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def ids(self) -> tuple[str, ...]:
        """The changes that are in the files now."""
        return tuple(dict.fromkeys(i for file in self.files.values() for i in file.ids))


def graft(base: Files, changes: Sequence[Change], blobs: Blobs) -> Graft:
    """`base` (every path that the changes name) with the changes, given in the order of their acceptance."""
    made = Graft({path: Grafted(held) for path, held in base.items()})
    seen: set[tuple[str, str | None]] = set()
    for change in changes:
        if change.kind != "edit":
            _whole(made, change, blobs)
        elif (change.path, change.base) not in seen:
            seen.add((change.path, change.base))
            same = [c for c in changes if (c.kind, c.path, c.base) == ("edit", change.path, change.base)]
            _edits(made, change.path, same, blobs)
    made.files = {path: file for path, file in made.files.items() if file.ids}
    return made


def standing(base: Files, changes: Sequence[Change], blobs: Blobs, live: Files) -> Graft:
    """As `graft`, with only those changes that the `live` files hold as they were accepted."""
    chosen, gone = list(changes), dict[str, str]()
    while True:
        made = graft(base, chosen, blobs)
        missing = {i for path, file in made.files.items() for i in _missing(file, live.get(path))}
        if not missing:
            made.left |= gone
            return made
        gone |= dict.fromkeys(missing, CHANGED_SINCE)
        chosen = [c for c in chosen if c.id not in missing]


def whole_files(base: Files, changes: Sequence[Change], blobs: Blobs, live: Files) -> Graft:
    """As `standing`, for files that are committed as they are: what rests on edits of the user's is in them,
    so where a change has no place on `base` it is looked for on the text that it was made for."""
    made = standing(base, changes, blobs, live)
    resting = [c for c in changes if made.left.get(c.id) in (NO_FILE, NO_PLACE) and c.kind == "edit"]
    paths = {c.path: c.base or "" for c in reversed(resting)}
    if not paths:
        return made
    own = {
        path: Held(blobs[paths[path]], (held or live.get(path) or Held(b"")).mode) if path in paths else held
        for path, held in base.items()
    }
    had = set(made.had)
    again = standing(own, [c for c in changes if c.id not in had], blobs, live)
    again.had = made.had
    return again


def with_staged(grafted: Grafted, base: Held | None, staged: Held | None) -> Held | None:
    """What an index that held `staged` over `base` holds over the grafted file: the same edits as before.

    Raises:
        ValueError: the staged edits and the changes are of the same lines.
    """
    now = grafted.held
    if staged in (base, now):
        return now
    old, mine, new = (held.lines if held else [] for held in (base, staged, now))
    if staged is None or now is None or old is None or mine is None or new is None:
        if staged is None and base is not None:
            return None  # its removal is staged
        raise ValueError("staged otherwise")
    sure = sure_lines(new, mine)
    pairs = zip(grafted.regions, _forward(grafted.regions), strict=True)
    hunks = [hunk for region, hunk in pairs if not _stands(region, sure, mine)]
    found = place(hunks, old, mine)
    if None in found:
        raise ValueError("staged edits of the same lines")
    for line, hunk in sorted(zip(found, hunks, strict=True), key=lambda item: -(item[0] or 0)):
        at = line or 0
        mine[at : at + len(hunk.before)] = hunk.after
    mode = now.mode if base and staged.mode == base.mode else staged.mode
    return Held("".join(mine).encode(), mode)


def _forward(regions: Sequence[Region]) -> list[Hunk]:
    """The regions as hunks on the text before them."""
    grown, hunks = 0, list[Hunk]()
    for region in regions:
        hunks.append(Hunk(region.start - grown, region.before, region.after))
        grown += len(region.after) - len(region.before)
    return hunks


# --- what stands in a text ---------------------------------------------------------------------------


def _missing(file: Grafted, live: Held | None) -> Iterable[str]:
    """The changes of a file that the live one does not hold."""
    if file.held == live:
        return ()
    if file.held is None or live is None:
        return file.ids
    new, now = file.held.lines, live.lines
    if new is None or now is None:
        return file.ids
    sure = sure_lines(new, now)
    broken = [i for r in file.regions if not _stands(r, sure, now) for i in r.ids]
    return [*broken, *(file.whole if live.mode != file.held.mode else ())]


def _stands(region: Region, sure: Sure, live: Lines) -> bool:
    """Whether every line of the region is in the live text, or for a deletion none of what is gone.

    Lines that were put between them belong to somebody else, and do not matter.
    """
    if region.after:
        return all(line is not None for line in sure[region.start : region.end])
    above = next((at for n in range(region.start - 1, -1, -1) if (at := sure[n]) is not None), -1)
    below = next((at for n in range(region.end, len(sure)) if (at := sure[n]) is not None), len(live))
    between, said = live[above + 1 : below], [line for line in region.before if line.strip()]
    return not any(line in between for line in said) if said else find_lines(region.before, between) is None


# --- edits -------------------------------------------------------------------------------------------


def _edits(made: Graft, path: str, changes: Sequence[Change], blobs: Blobs) -> None:
    file = made.files[path]
    live = file.held.lines if file.held else None
    base = text_of(blobs[changes[0].base or ""])
    if file.held is None and not file.ids:
        made.left |= {c.id: NO_FILE for c in changes}
        return
    if file.held is None or live is None or base is None:
        made.left |= {c.id: NO_PLACE for c in changes}
        return
    old, hunks = split_lines(base), [hunk_of(c) for c in changes]
    as_it_was = old == live
    sure: Sure = [] if as_it_was else sure_lines(old, live)
    places = [hunk.line for hunk in hunks] if as_it_was else place(hunks, old, live)
    placed: list[tuple[Hunk, str]] = []
    for change, hunk, line in zip(changes, hunks, places, strict=True):
        if line is not None:
            placed.append((replace(hunk, line=line), change.id))
        elif _in_place(hunk, sure, live):
            made.had.append(change.id)
        else:
            made.left[change.id] = NO_PLACE
    made.files[path] = _put_all(made, file, live, placed)


def _in_place(hunk: Hunk, sure: Sure, live: Lines) -> bool:
    """Whether exactly `after` stands between the sure places of the lines around the hunk."""
    above = sure[hunk.line - 1] if hunk.line else -1
    below = sure[hunk.end] if hunk.end < len(sure) else len(live)
    return above is not None and below is not None and tuple(live[above + 1 : below]) == hunk.after


def _put_all(made: Graft, file: Grafted, lines: list[str], placed: list[tuple[Hunk, str]]) -> Grafted:
    """From the bottom up, so that no place moves before its turn."""
    assert file.held is not None
    below, lowest = _Below(lines, file.regions), len(lines)
    for hunk, change_id in sorted(placed, key=lambda p: (p[0].line, len(p[0].before)), reverse=True):
        if hunk.end > lowest:
            made.left[change_id] = NO_PLACE
            continue
        lowest = hunk.line
        below.put(hunk, change_id)
    held = Held("".join(below.lines).encode(), file.held.mode)
    return Grafted(held, below.regions(), file.whole)


class _Below:
    """A text that takes hunks from its bottom up. Regions below count from the end, which no hunk moves."""

    def __init__(self, lines: Lines, regions: Sequence[Region]) -> None:
        self.lines = list(lines)
        self._above = list(regions)
        self._below: list[Region] = []
        """From the bottom up; each one's `start` is its distance from the end of the text."""

    def put(self, hunk: Hunk, change_id: str) -> None:
        """Apply a hunk; regions that it meets become one with it."""
        while self._above and self._above[-1].start >= hunk.end and not _meet(self._above[-1], hunk):
            self._lower(self._above.pop())
        met: list[Region] = []
        while self._above and _meet(self._above[-1], hunk):
            met.insert(0, self._above.pop())
        while self._below and _meet(region := self._placed(self._below[-1]), hunk):
            met.append(region)
            self._below.pop()
        start = min([hunk.line, *(r.start for r in met)])
        end = max([hunk.end, *(r.end for r in met)])
        before, at = list[str](), start
        for region in met:
            before += [*self.lines[at : region.start], *region.before]
            at = region.end
        before += self.lines[at:end]
        after = (*self.lines[start : hunk.line], *hunk.after, *self.lines[hunk.end : end])
        ids = tuple(dict.fromkeys([*(i for r in met for i in r.ids), change_id]))
        self.lines[start:end] = after
        self._lower(Region(start, tuple(before), after, ids))

    def regions(self) -> tuple[Region, ...]:
        """All of them, from top to bottom."""
        return (*self._above, *(self._placed(region) for region in reversed(self._below)))

    def _lower(self, region: Region) -> None:
        self._below.append(replace(region, start=len(self.lines) - region.start))

    def _placed(self, region: Region) -> Region:
        return replace(region, start=len(self.lines) - region.start)


def _meet(region: Region, hunk: Hunk) -> bool:
    if region.start == region.end == hunk.line == hunk.end:
        return True
    return region.start < hunk.end and hunk.line < region.end


# --- whole files -------------------------------------------------------------------------------------


def _whole(made: Graft, change: Change, blobs: Blobs) -> None:
    source = change.old_path or change.path
    old = made.files[source]
    wanted = None
    if change.after_blob is not None:
        wanted = Held(blobs[change.after_blob], change.after_mode or "100644")
    if change.kind == "mode":
        _mode(made, change)
    elif old.held == wanted and source == change.path:
        made.had.append(change.id)
    elif change.kind == "delete":
        made.files[source] = Grafted(None, old.regions, (*old.whole, change.id))
    elif change.kind == "create":
        _create(made, change, wanted)
    elif change.kind == "rename":
        _rename(made, change, old, blobs)
    elif source != change.path and made.files[change.path].held is not None:
        made.left[change.id] = ANOTHER
    elif old.held is not None and change.before_blob and blobs[change.before_blob] == old.held.content:
        made.files[source] = Grafted(None, (), (*old.whole, change.id))
        made.files[change.path] = Grafted(wanted, (), (*old.whole, change.id))
    elif old.held is None and change.before_blob is None:
        made.files[change.path] = Grafted(wanted, (), (change.id,))
    else:
        made.left[change.id] = ANOTHER


def _create(made: Graft, change: Change, wanted: Held | None) -> None:
    if made.files[change.path].held is not None or wanted is None:
        made.left[change.id] = ANOTHER
        return
    lines = wanted.lines or []
    regions = (Region(0, (), tuple(lines), (change.id,)),) if lines else ()
    made.files[change.path] = Grafted(wanted, regions, () if lines else (change.id,))


def _rename(made: Graft, change: Change, old: Grafted, blobs: Blobs) -> None:
    """The file as it is moves, then what the rename changed in it is placed."""
    new = made.files[change.path].held
    lines = old.held.lines if old.held else None
    if lines is None or old.held is None or change.old_path is None:
        same = old.held is None and new is not None and new.content == blobs.get(change.after_blob or "")
        made.had += [change.id] if same else []
        made.left |= {} if same else {change.id: ANOTHER}
        return
    base = split_lines(change.before)
    hunks = diff(base, split_lines(change.after))
    found = place(hunks, base, lines)
    if None in found or new is not None:
        made.left[change.id] = NO_PLACE
        return
    moved = Grafted(Held(old.held.content, change.after_mode or old.held.mode), old.regions, old.whole)
    placed = [(replace(h, line=line or 0), change.id) for h, line in zip(hunks, found, strict=True)]
    edited = _put_all(made, moved, lines, placed)
    made.files[change.old_path] = Grafted(None, (), (change.id,))
    made.files[change.path] = replace(edited, whole=(*edited.whole, change.id))


def _mode(made: Graft, change: Change) -> None:
    file = made.files[change.path]
    if file.held is None or file.held.mode not in (change.before_mode, change.after_mode):
        made.left[change.id] = ANOTHER
    elif file.held.mode == change.after_mode:
        made.had.append(change.id)
    else:
        held = replace(file.held, mode=change.after_mode or file.held.mode)
        made.files[change.path] = Grafted(held, file.regions, (*file.whole, change.id))
