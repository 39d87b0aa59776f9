"""The review as a state machine: the user and other programs at work between decisions, beside a model.

Every line that somebody writes is a line of its own (`base3`, `agent2`, `user7`), so that the model needs no
text algorithm: it is the set of lines that must be there, and no others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nexus_lsp.core.anchors import place
from nexus_lsp.core.composing import Pending, compose
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import Hunk, apply, edit_text, fits
from nexus_lsp.core.text import Edit, apply_edit, split_lines
from nexus_lsp.core.tracking import settle
from nexus_lsp.lsp.sheet import Sheet

EXAMPLES = int(os.environ.get("NEXUS_EXAMPLES", "100"))
ENDS = ("\n", "\r\n", "\r")


def words(lines: Iterable[str]) -> set[str]:
    return {line.rstrip("\r\n") for line in lines}


class Reviewed(RuleBasedStateMachine):
    """One file: what is on disk, what the editor shows, and the changes that wait in it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.base: list[str] = []
        self.waiting: dict[str, Hunk] = {}
        self.accepted: dict[str, Hunk] = {}
        self.rejected: dict[str, Hunk] = {}
        self.model: set[str] = set()
        """The lines that must be there, all of them; no two are alike."""
        self.past: list[tuple[str, set[str], dict[str, Hunk], dict[str, Hunk]]] = []
        self.sheet = Sheet("", True)
        self.disk = ""

    def fresh(self, who: str) -> str:
        self.count += 1
        return f"{who}{self.count}"

    # --- the beginning -------------------------------------------------------------------------------

    @initialize(
        size=st.integers(0, 14),
        end=st.sampled_from(ENDS),
        ended=st.booleans(),
        steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=5),
    )
    def proposed(self, size: int, end: str, ended: bool, steps: list[tuple[int, int, int]]) -> None:
        self.end = end
        self.base = [f"base{n}{end}" for n in range(size)]
        if self.base and not ended:
            self.base[-1] = self.base[-1].removesuffix(end)
        self.disk = "".join(self.base)
        self.sheet = Sheet(self.disk, True)
        self.model = words(self.base)
        new: list[str] = []
        at = 0
        for gap, removed, added in steps:
            new += self.base[at : at + gap]
            at = min(len(self.base), at + gap)
            if new and not new[-1].endswith(end):
                break
            new += [f"{self.fresh('agent')}{end}" for _ in range(added)]
            at = min(len(self.base), at + removed)
        new += self.base[at:]
        for hunk in diff(self.base, new):
            self.waiting[self.fresh("change")] = hunk
        self.place()

    def place(self) -> None:
        """What the desk does when a file is laid out: those without a place are looked for."""
        live = self.sheet.lines
        self.sheet.placed = {i: p for i, p in self.sheet.placed.items() if i in self.waiting}
        missing = [i for i in self.waiting if i not in self.sheet.placed]
        for i, line in zip(missing, place([self.waiting[i] for i in missing], self.base, live), strict=True):
            if line is not None:
                self.sheet.placed[i] = settle(self.waiting[i], line, live)

    # --- the user ------------------------------------------------------------------------------------

    def change(self, start: int, end: int, text: str) -> None:
        edit = Edit(start, end, text)
        self.sheet.edited([edit], apply_edit(self.sheet.text, edit))

    def remember(self) -> None:
        state = (set(self.model), dict(self.waiting), dict(self.accepted))
        self.past.append((self.sheet.text, *state))

    @rule(at=st.integers(0, 30), lines=st.integers(1, 3))
    def types_lines(self, at: int, lines: int) -> None:
        self.remember()
        live = self.sheet.lines
        start = sum(len(line) for line in live[: min(at, len(live))])
        mine = [self.fresh("user") for _ in range(lines)]
        text = "".join(f"{word}{self.end}" for word in mine)
        if start and self.sheet.text[start - 1] not in "\r\n":
            text = self.end + text
        self.change(start, start, text)
        self.model |= set(mine)

    @rule(at=st.integers(0, 30))
    def retypes_a_line(self, at: int) -> None:
        live = self.sheet.lines
        if not live:
            return
        self.remember()
        at %= len(live)
        start = sum(len(line) for line in live[:at])
        body = live[at].rstrip("\r\n")
        word = self.fresh("user")
        self.change(start, start + len(body), word)
        self.model = self.model - {body} | {word}

    @rule(at=st.integers(0, 30), size=st.integers(1, 4))
    def deletes_lines(self, at: int, size: int) -> None:
        live = self.sheet.lines
        if not live:
            return
        self.remember()
        at %= len(live)
        start = sum(len(line) for line in live[:at])
        taken = live[at : at + size]
        self.change(start, start + sum(map(len, taken)), "")
        self.model -= words(taken)

    @precondition(lambda self: self.past)
    @rule()
    def undoes(self) -> None:
        """The editor's own undo: of typing, or of an acceptance."""
        text, self.model, waiting, accepted = self.past.pop()
        back = {i: h for i, h in waiting.items() if i in self.accepted}
        again = {i for i in accepted if i in self.waiting}
        old = self.sheet.text
        top = next(
            (n for n, (a, b) in enumerate(zip(old, text, strict=False)) if a != b), min(len(old), len(text))
        )
        while top and old[top - 1 : top] in ("\r",):
            top -= 1
        self.change(top, len(old), text[top:])
        assert self.sheet.text == text
        self.waiting |= back
        self.accepted = {i: h for i, h in self.accepted.items() if i not in back}
        self.accepted |= {i: self.waiting.pop(i) for i in again}
        self.place()

    @rule()
    def saves(self) -> None:
        self.disk = self.sheet.text

    @rule()
    def closes_and_opens(self) -> None:
        """What was not saved the user has given up; nothing is tracked any more."""
        if self.sheet.text == self.disk:
            self.past.clear()
            self.sheet = Sheet(self.disk, True)
            self.place()

    @rule(at=st.integers(0, 30))
    def another_program_writes(self, at: int) -> None:
        """A line on disk; the editor, which has no unsaved text, loads the file anew."""
        if self.sheet.text != self.disk:
            return
        live = list(self.sheet.lines)
        word = self.fresh("user")
        if live and not live[-1].endswith(("\r", "\n")):
            live[-1] += self.end
        live.insert(min(at, len(live)), f"{word}{self.end}")
        self.model.add(word)
        self.past.clear()
        self.disk = "".join(live)
        self.sheet = Sheet(self.disk, True)
        self.place()

    # --- decisions -----------------------------------------------------------------------------------

    def placed(self) -> list[str]:
        return [i for i, p in self.sheet.placed.items() if i in self.waiting and p.line is not None]

    @precondition(lambda self: self.placed())
    @rule(data=st.data())
    def accepts(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.placed())), min_size=1, unique=True))
        live = self.sheet.lines
        found = [(self.sheet.placed[i].line or 0, self.waiting[i]) for i in ids]
        try:
            edits = edit_text(live, found)
        except ValueError:
            assert len(ids) > 1, "one that is shown can be accepted"
            return
        self.remember()
        starts = [0]
        for line in live:
            starts.append(starts[-1] + len(line))
        for edit in reversed(edits):
            self.change(starts[edit.start_line], starts[edit.end_line], edit.new_text)
        for i in ids:
            self.accepted[i] = self.waiting.pop(i)
            self.model = self.model - words(self.accepted[i].before) | words(self.accepted[i].after)
        self.place()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def rejects(self, data: st.DataObject) -> None:
        before = self.sheet.text
        change = data.draw(st.sampled_from(sorted(self.waiting)))
        self.rejected[change] = self.waiting.pop(change)
        self.past.clear()
        self.place()
        assert self.sheet.text == before

    @rule(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=3))
    def a_later_task_lands(self, steps: list[tuple[int, int, int]]) -> None:
        """On the user's text with all that waits and has a place; the rest is outdated."""
        live = self.sheet.lines
        standing = [(i, p.line) for i in self.placed() if (p := self.sheet.placed[i]).line is not None]
        pending: list[Pending] = []
        end = -1
        for i, line in sorted(standing, key=lambda item: (item[1], len(self.waiting[item[0]].before))):
            hunk = Hunk(line, self.waiting[i].before, self.waiting[i].after)
            if line > end:
                pending.append(Pending(i, hunk))
                end = hunk.end
        middle = apply(live, [item.hunk for item in pending])
        after: list[str] = []
        at = 0
        for gap, removed, added in steps:
            after += middle[at : at + gap]
            at = min(len(middle), at + gap)
            if after and not after[-1].endswith(("\r", "\n")):
                break
            after += [f"{self.fresh('agent')}{self.end}" for _ in range(added)]
            at = min(len(middle), at + removed)
        after += middle[at:]
        found = compose(pending, live, diff(middle, after))
        kept = {item.id: item.hunk for item in pending if item.id in found.kept}
        new = {self.fresh("change"): each.hunk for each in found.new}
        hunks = [*kept.values(), *new.values()]
        assert apply(live, hunks) == after, "what waits is what the task left"
        self.base, self.waiting = list(live), kept | new
        self.sheet.placed = {}
        self.past.clear()
        self.place()
        assert sorted(self.placed()) == sorted(i for i, h in self.waiting.items() if fits(h, live, h.line))

    # --- what always holds ---------------------------------------------------------------------------

    @invariant()
    def the_file_holds_what_was_written_and_accepted_and_nothing_else(self) -> None:
        """So nothing of the user's is lost, accepted text is there, rejected text never comes back."""
        assert sorted(self.model) == sorted(line.rstrip("\r\n") for line in self.sheet.lines)

    @invariant()
    def every_placed_hunk_fits(self) -> None:
        live = self.sheet.lines
        assert live == split_lines(self.sheet.text)
        for i in self.placed():
            assert fits(self.waiting[i], live, self.sheet.placed[i].line or 0)


TestReviewed = Reviewed.TestCase
TestReviewed.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
