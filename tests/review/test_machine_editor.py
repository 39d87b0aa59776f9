"""The same with an editor: the user types, saves, reverts, closes, renames and undoes between decisions,
another program writes, moves and deletes, and later tasks land.

The server is the product's own, from the protocol to git and the disk (`window`); only the pipe is replaced,
as a process for every example would take a second. Every line that somebody writes is a word of its own, so
the model of a text is the set of its words; a text has the changes that it had when it last was that text.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes import Brake, done, task
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nexus_lsp.core.run import Run
from nexus_lsp.ports import Assignment, Outcome
from tests.engine.engine_house import QUIET, House, new_workspace
from tests.lsp.editor_client import Document, Json, WireError
from tests.review.window import Window, no_pauses

SLOW = "NEXUS_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("NEXUS_EXAMPLES", "20"))
pytestmark = pytest.mark.timeout(6 * 3600 if SLOW else 240)
"""An example takes most of a second."""
FILES = ("a", "b")
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=4)


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@dataclass
class File:
    """What the model knows of a file.

    Attributes:
        shown: the words that the user must see, in the buffer where it is open, else in the file.
        disk: the file's text; None while it is deleted.
        held: text → the accepted changes that it had.
        lost: what it had when it was deleted.
        unsaved: what was accepted into the buffer since it was last saved.
    """

    name: str
    shown: set[str]
    disk: str | None
    held: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    lost: str = ""
    unsaved: set[str] = field(default_factory=set[str])


class Scripts(dict[str, Any]):
    """What agents do: tasks that nobody planned (revisions) do the same as the later ones."""

    def __missing__(self, task_id: str) -> Any:
        return self["later"]


class Edited(RuleBasedStateMachine):
    """Two files of a workspace in an editor, and one run's changes to them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.stack = asyncio.Runner(), ExitStack()
        self.place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack.enter_context(no_pauses())
        self.count = itertools.count(1)
        self.files: dict[str, File] = {}
        self.strangers: dict[str, str] = {}
        """Files that hold no change: saved under another name. Where the one they were saved from is deleted,
        git takes that for a renaming, and what agents did to it may come to them (`heirs`)."""
        self.heirs: set[str] = set()
        self.copies: dict[str, str] = {}
        """Strangers → the key of the file that they were saved from."""
        self.changes: dict[str, Json] = {}
        self.rejected: dict[str, frozenset[str]] = {}
        """Rejected changes → the words that they would have brought."""
        self.steps: list[tuple[int, int, int]] = []
        self.brakes: list[Brake] = []

    def fresh(self, who: str) -> str:
        return f"{who}{next(self.count)}\n"

    # --- the beginning and the end -------------------------------------------------------------------

    @initialize(size=st.integers(2, 10), steps=STEPS, unopened=st.sampled_from(("open", "disk")))
    def proposed(self, size: int, steps: list[tuple[int, int, int]], unopened: str) -> None:
        texts = {f"{key}.txt": "".join(f"{key}{n}\n" for n in range(size)) for key in FILES}
        self.files = {name[0]: File(name, set(lines(text)), text) for name, text in texts.items()}
        self.steps = steps
        workspace = new_workspace(self.place / "workspace", {**texts, "other": "other\n"})
        self.house = House(workspace, self.place / "state")
        self.runner.run(self.begin())
        self.window.unopened = unopened

    async def begin(self) -> None:
        await self.house.open()
        self.house.backend.script = Scripts(later=self.works, a=self.works)
        self.brakes = [Brake(self.works), Brake(self.works)]
        self.held = tuple(self.brakes)
        script = {f"l{n}": brake for n, brake in enumerate(self.brakes)}
        self.house.plays(task("a"), task("l0", "a"), task("l1", "l0"), **script)
        self.run_id = await self.house.delegate(team="scripted")
        await self.house.until(self.run_id, lambda run: _over(run, "a"))
        self.window = Window(
            self.house, lambda: sum(b.reached.is_set() and not b.go.is_set() for b in self.held)
        )
        await self.window.open_window()
        await self.look()

    def works(self, assignment: Assignment) -> Outcome:
        """An agent's work: the steps, each (lines kept, taken out, put in), in every file that is there."""
        for place in sorted(assignment.checkout.glob("[ab]*.txt")):
            base, new, at = _settled(place.read_text()), list[str](), 0
            for gap, removed, added in self.steps:
                new += base[at : at + gap]
                at = min(len(base), at + gap)
                new += [self.fresh("agent") for _ in range(added)]
                at = min(len(base), at + removed)
            place.write_text("".join([*new, *base[at:]]))
        return done()

    def teardown(self) -> None:
        if hasattr(self, "window"):
            self.runner.run(self.end())
        self.runner.close()
        self.stack.close()

    async def end(self) -> None:
        await self.window.close_window()
        await self.house.close()

    # --- looking -------------------------------------------------------------------------------------

    @property
    def now(self) -> Run:
        return self.house.engine.runs[self.run_id]

    async def look(self) -> None:
        await self.window.quiet()
        self.changes = {c["id"]: c for c in (await self.window.tell("review.list"))["changes"]}

    def document(self, file: File) -> Document | None:
        return self.window.documents.get(self.window.uri(file.name))

    def text(self, file: File) -> str:
        document = self.document(file)
        return document.text if document else file.disk or ""

    def dirty(self, file: File) -> bool:
        document = self.document(file)
        return document is not None and document.text != file.disk

    def accepted(self) -> frozenset[str]:
        return frozenset(i for i, c in self.changes.items() if c["status"] == "accepted")

    def with_status(self, *statuses: str) -> list[str]:
        """Edits; a file that an agent brings back after it was deleted is another story (`cases`), and so is
        what comes to an heir."""
        heirs = {self.window.uri(name) for name in self.heirs}
        mine = {i: c for i, c in self.changes.items() if c["kind"] == "edit" and c["uri"] not in heirs}
        return [i for i, c in mine.items() if c["status"] in statuses]

    def note(self, file: File) -> None:
        """This text has these changes."""
        mine = {i for held in file.held.values() for i in held} | set(self.of(file))
        file.held[self.text(file)] = frozenset(mine) & self.accepted()

    def of(self, file: File) -> list[str]:
        return [i for i, c in self.changes.items() if c["uri"] == self.window.uri(file.name)]

    def do(self, what: Callable[[], Any]) -> None:
        """Something that happens, and all that follows from it."""

        async def run() -> None:
            found = what()
            if asyncio.iscoroutine(found):
                await found
            await self.look()

        self.runner.run(run())

    def becomes(self, file: File, what: Callable[[], Any]) -> None:
        """The text becomes one that it may have been before: then it has what it had."""
        before = dict(self.changes)
        self.do(what)
        text = self.text(file)
        file.shown = set(lines(text))
        if text not in file.held:
            return
        held, known = file.held[text], {i for each in file.held.values() for i in each}
        for i in known:
            if self.changes[i]["uri"] != self.window.uri(file.name):
                continue  # two files have just this text: a renaming that nobody told of is not followed
            was, now = before[i]["status"], self.changes[i]["status"]
            if was == "accepted" and i not in held:
                assert now != "accepted", f"{i} is no longer in the text"
            if was == "pending" and i in held:
                assert now == "accepted", f"{i} is in the text again, and {now}"

    def gives_up(self, file: File, what: Callable[[], Any]) -> None:
        """The text becomes what is on disk, whoever wrote that: nothing that it has not is accepted."""
        self.becomes(file, what)
        text, unsaved = self.text(file), file.unsaved & self.accepted()
        file.unsaved = set()
        for change in (self.changes[i] for i in unsaved):
            out, new = _words(change, False)
            gone = change["before"] and change["before"] in text and not new & file.shown
            assert not (out and gone), f"{change['id']} was given up"

    # --- the user ------------------------------------------------------------------------------------

    def is_open(self, key: str) -> File | None:
        file = self.files[key]
        return file if self.document(file) else None

    @rule(key=st.sampled_from(FILES))
    def opens(self, key: str) -> None:
        file = self.files[key]
        if self.document(file) is None and file.disk is not None:
            self.do(lambda: self.window.open(file.name))
            self.note(file)

    @rule(
        key=st.sampled_from("aab"),
        at=st.integers(0, 12),
        size=st.integers(0, 3),
        new=st.integers(0, 2),
    )
    def types(self, key: str, at: int, size: int, new: int) -> None:
        """Lines in the place of lines: beside changes, in them and across them."""
        if (file := self.is_open(key)) is None:
            return
        live = lines(self.text(file))
        at = min(at, len(live))
        taken, mine = live[at : at + size], [self.fresh("user") for _ in range(new)]
        if not (taken or mine):
            return
        start = sum(map(len, live[:at]))
        self.replace(file, start, start + sum(map(len, taken)), "".join(mine))
        file.shown = file.shown - set(taken) | set(mine)

    @rule(key=st.sampled_from("aab"), at=st.integers(0, 12))
    def types_a_word_at_the_end_of_a_line(self, key: str, at: int) -> None:
        file = self.is_open(key)
        if file is None or not (live := lines(self.text(file))):
            return
        at %= len(live)
        end = sum(map(len, live[: at + 1])) - 1
        mine = f" {self.fresh('user')}"[:-1]
        self.replace(file, end, end, mine)
        file.shown = file.shown - {live[at]} | {live[at][:-1] + mine + "\n"}

    def replace(self, file: File, start: int, end: int, new: str) -> None:
        self.do(lambda: self.window.replace(self.window.uri(file.name), [(start, end, new)]))

    @rule(key=st.sampled_from("aab"))
    def saves(self, key: str) -> None:
        if file := self.is_open(key):
            self.do(lambda: self.window.save(file.name))
            file.disk = self.text(file)
            file.unsaved = set()
            self.note(file)

    @rule(key=st.sampled_from("aab"))
    def reverts(self, key: str) -> None:
        """The editor loads the file anew, whatever was not saved."""
        file = self.is_open(key)
        if file and file.disk is not None and self.dirty(file):
            self.gives_up(file, lambda: self.reload(file))

    def reload(self, file: File) -> None:
        text = self.text(file)
        self.window.replace(self.window.uri(file.name), [(0, len(text), file.disk or "")])

    @rule(key=st.sampled_from(FILES))
    def closes(self, key: str) -> None:
        """What is not saved is given up."""
        file = self.is_open(key)
        if file and file.disk is not None:
            self.gives_up(file, lambda: self.window.close(file.name))

    @rule(key=st.sampled_from("aab"), back=st.booleans())
    def undoes(self, key: str, back: bool) -> None:
        file = self.is_open(key)
        if file is None:
            return
        document = self.document(file)
        assert document
        if back and document.redo:
            self.becomes(file, lambda: self.window.redo(file.name))
        elif document.undo:
            self.becomes(file, lambda: self.window.undo(file.name))

    @rule(key=st.sampled_from(FILES), tell=st.booleans())
    def renames(self, key: str, tell: bool) -> None:
        file = self.files[key]
        if file.disk is None:
            return
        old, file.name = file.name, f"{key}{next(self.count)}.txt"
        self.rests()
        shown = self.marked(old)

        def gives_it_another_name() -> None:
            self.window.rename(old, file.name, tell)
            if not tell:  # what the watcher says
                self.window.touched(file.name, kind=1)
                self.window.touched(old, kind=3)

        self.do(gives_it_another_name)
        self.rests()
        if tell:  # else it is followed where the text says so
            assert self.marked(file.name) == shown, "the same changes are shown under the new name"

    def marked(self, name: str) -> set[str]:
        """A file that an agent would make anew is none that has another name now."""
        marks = {m["code"] for m in self.window.shown_marks().get(name, [])}
        return {i for i in marks if self.changes[i]["kind"] == "edit"}

    @rule(key=st.sampled_from(FILES))
    def saves_under_another_name(self, key: str) -> None:
        file = self.is_open(key)
        if file is None or file.disk is None:
            return
        copy = f"copy{next(self.count)}.txt"
        self.strangers[copy] = self.text(file)
        self.copies[copy] = key
        self.becomes(file, lambda: self.window.save_as(file.name, copy))
        self.rests()

    # --- another program -----------------------------------------------------------------------------

    @rule(key=st.sampled_from(FILES), at=st.integers(0, 12))
    def another_program_writes(self, key: str, at: int) -> None:
        """An editor without unsaved text loads the file anew."""
        file = self.files[key]
        if file.disk is None:
            return
        clean, live, mine = not self.dirty(file), lines(file.disk), self.fresh("other")
        live.insert(min(at, len(live)), mine)
        file.disk = "".join(live)

        def writes() -> None:
            self.window.write(file.name, file.disk or "")
            if clean and self.document(file):
                self.reload(file)

        self.do(writes)
        if clean:
            file.shown.add(mine)

    @rule(key=st.sampled_from(FILES))
    def another_program_moves(self, key: str) -> None:
        file = self.files[key]
        if file.disk is None or self.document(file):
            return
        old, file.name = file.name, f"{key}{next(self.count)}.txt"

        def moves() -> None:
            (self.house.workspace / old).rename(self.house.workspace / file.name)
            self.window.touched(file.name, kind=1)
            self.window.touched(old, kind=3)

        self.do(moves)
        self.rests()

    @rule(key=st.sampled_from(FILES))
    def another_program_deletes_or_brings_back(self, key: str) -> None:
        file = self.files[key]
        if self.document(file):
            return
        if file.disk is None:
            text = file.lost
            self.do(lambda: self.window.write(file.name, text))
            file.disk = text
        else:
            file.lost = file.disk
            (self.house.workspace / file.name).unlink()
            self.do(lambda: self.window.touched(file.name, kind=3))
            file.disk = None
            self.heirs |= {copy for copy, of in self.copies.items() if of == key}

    # --- decisions -----------------------------------------------------------------------------------

    def decide(self, name: str, word: str, **argument: Any) -> list[str]:
        """What was done; no text changes by anything else."""
        texts = {key: self.text(file) for key, file in self.files.items()}
        for file in self.files.values():
            self.note(file)
        answer: Json = {}

        async def asks() -> None:
            answer.update(await self.window.tell(f"review.{name}", **argument))

        before = self.changes
        self.do(asks)
        done, changes = answer[word], before
        for key, file in self.files.items():
            mine = [changes[i] for i in done if changes[i]["uri"] == self.window.uri(file.name)]
            if name == "accept" and self.document(file):
                file.unsaved |= {c["id"] for c in mine}
            mine = [c for c in mine if changes[c["id"]]["status"] != "rejected"]
            put = [_words(c, name == "undo") for c in mine] if name != "reject" else []
            if name == "undo":  # of unsaved text that was given up nothing is left to be taken out
                there = set(lines(texts[key]))
                put = [(out, new) for out, new in put if out <= there and not (new and new <= there)]
            self.follow(file, texts[key], put)
        return done

    def follow(self, file: File, before: str, put: Iterable[tuple[set[str], set[str]]]) -> None:
        """The text is what it was, but for these lines (taken out, put in)."""
        gone, come = set[str](), set[str]()
        for out, new in put:
            gone, come = gone | (out - come), (come - out) | new
        if not self.document(file) and (gone or come) and file.disk is not None:
            file.disk = (self.house.workspace / file.name).read_text()
            self.do(lambda: self.window.touched(file.name))
        old, now = lines(before), lines(self.text(file))
        assert [x for x in old if x not in gone] == [x for x in now if x not in come]
        file.shown = file.shown - gone | come
        self.note(file)

    def chosen(self, data: st.DataObject, *statuses: str) -> dict[str, Any]:
        """One change, those of a file, or all."""
        found = self.with_status(*statuses)
        one = data.draw(st.sampled_from(found))
        how = data.draw(st.sampled_from(("one", "one", "file", "all")))
        kinds = {c["kind"] for c in self.changes.values() if c["uri"] == self.changes[one]["uri"]}
        if how == "file" and kinds == {"edit"}:
            return {"uri": self.changes[one]["uri"]}
        if how == "all" and all(c["kind"] == "edit" for c in self.changes.values()):
            return {"runId": self.run_id}
        return {"changeIds": [one] if how == "one" else found}

    @precondition(lambda self: self.with_status("pending"))
    @rule(data=st.data(), carry=st.sampled_from(("apply", "apply", "apply", "tell last", "refuse")))
    def accepts(self, data: st.DataObject, carry: str) -> None:
        self.window.carry = carry
        chosen = self.chosen(data, "pending")
        before = {key: self.text(file) for key, file in self.files.items()}
        found = self.decide("accept", "accepted", **chosen)
        if carry == "refuse":
            for key, file in self.files.items():
                assert self.document(file) is None or self.text(file) == before[key]
        assert all(self.changes[i]["status"] == "accepted" for i in found)

    @precondition(lambda self: self.with_status("pending"))
    @rule(data=st.data())
    def rejects(self, data: st.DataObject) -> None:
        chosen = self.chosen(data, "pending")
        for i in self.decide("reject", "rejected", **chosen, reason="no"):
            taken, put = _words(self.changes[i], False)
            self.rejected[i] = frozenset(put - taken)

    @precondition(lambda self: self.with_status("accepted", "rejected"))
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        self.window.carry = "apply"
        one = data.draw(st.sampled_from(self.with_status("accepted", "rejected")))
        for i in self.decide("undo", "reopened", changeIds=[one]):
            self.rejected.pop(i, None)

    # --- agents --------------------------------------------------------------------------------------

    @precondition(lambda self: self.brakes)
    @rule(steps=STEPS)
    def a_later_task_lands(self, steps: list[tuple[int, int, int]]) -> None:
        self.steps, brake, number = steps, self.brakes.pop(0), 1 - len(self.brakes)

        async def lands() -> None:
            name = f"l{number}"
            await self.house.until(self.run_id, lambda run: _over(run, name) or run.tasks[name].working)
            brake.go.set()
            await self.house.until(self.run_id, lambda run: _over(run, name))

        self.do(lands)

    @precondition(lambda self: self.with_status("pending"))
    @rule(data=st.data(), steps=STEPS)
    def asks_for_another_way(self, data: st.DataObject, steps: list[tuple[int, int, int]]) -> None:
        self.steps = steps
        one = data.draw(st.sampled_from(self.with_status("pending")))

        async def asks() -> None:
            try:
                answer = await self.window.tell("review.revise", changeIds=[one], feedback="shorter")
            except WireError as error:
                assert error.code == -32803, error  # a sentence says why not
                return
            await self.house.until(self.run_id, lambda run: _over(run, answer["taskId"]))

        self.do(asks)

    @rule()
    def rests(self) -> None:
        self.do(self.window.rest)

    # --- what always holds ---------------------------------------------------------------------------

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        if not hasattr(self, "window"):
            return
        window = self.window
        assert window.faults == [] and window.wrong.told == []
        window.same_texts()
        for file in self.files.values():
            live = lines(self.text(file))
            if file.disk is not None or self.document(file):
                assert sorted(live) == sorted(file.shown), "nothing is lost, nothing comes of itself"
        root = self.house.workspace
        on_disk = {str(p.relative_to(root)): p.read_text() for p in root.iterdir() if p.is_file()}
        mine = {f.name: f.disk for f in self.files.values() if f.disk is not None}
        assert on_disk == {**mine, **self.strangers, "other": "other\n"}, "files change by saving only"
        for name, text in self.strangers.items():
            assert (document := window.documents.get(window.uri(name))) is None or document.text == text
        self.marks_are_right()

    def marks_are_right(self) -> None:
        here = {f.name: f for f in self.files.values()}
        for name, marks in self.window.shown_marks().items():
            if name not in here:
                kinds = {self.changes[mark["code"]]["kind"] for mark in marks}
                assert kinds == {"create"} or name in self.heirs, f"there are marks on {name}"
                continue
            live = self.text(here[name])
            for mark in marks:
                change = self.changes[mark["code"]]
                assert (change["status"], change["uri"]) == ("pending", self.window.uri(name))
                if change["kind"] == "edit":
                    at = mark["data"]["editRange"]
                    spots = [_offset(live, at[end]) for end in ("start", "end")]
                    assert live[spots[0] : spots[1]] == change["before"]
                    assert not set(lines(change["after"])) & here[name].shown
        for i, words in self.rejected.items():
            assert self.changes[i]["status"] == "rejected", "what was rejected stays so"
            waiting = [c for c in self.changes.values() if c["status"] == "pending" and c["kind"] == "edit"]
            again = [c["id"] for c in waiting if words & set(lines(c["after"]))]
            assert again == [], f"what {i} would have brought comes back"


def _words(change: Mapping[str, Any], back: bool) -> tuple[set[str], set[str]]:
    """(taken out, put in) by a decision."""
    old, new = set(lines(change["before"])), set(lines(change["after"]))
    return (new - old, old - new) if back else (old - new, new - old)


def _over(run: Run, task_id: str) -> bool:
    """Whether nothing more is to be expected of a task."""
    state = run.tasks.get(task_id)
    return run.status in QUIET or (state is not None and state.status in ("completed", "failed", "cancelled"))


def _settled(text: str) -> list[str]:
    """A text without conflict markers: an agent that is sent back takes what the user has."""
    found, side = list[str](), ""
    for line in lines(text):
        if line[:7] in ("<<<<<<<", "|||||||", "=======", ">>>>>>>"):
            side = "" if line[0] == ">" else line[0]
        elif side in ("", "<"):
            found.append(line)
    return found


def _offset(text: str, at: Json) -> int:
    live = lines(text)
    assert at["line"] <= len(live)
    return sum(map(len, live[: at["line"]])) + at["character"]


TestEdited = Edited.TestCase
TestEdited.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
