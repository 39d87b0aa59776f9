"""The same through the engine and the disk: another program writes, moves and deletes the file meanwhile.

What is refused leaves every byte as it was; what is done changes its own lines and no others.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from fakes import puts, task
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.engine.engine_house import House, new_workspace

EXAMPLES = max(8, int(os.environ.get("NEXUS_EXAMPLES", "100")) // 10)
NAMES = ("a.txt", "moved.txt")


class Decided(RuleBasedStateMachine):
    """One file of a workspace, wherever it is by now, and one run's changes to it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.count = 0
        self.model: list[str] | None = []
        """The lines that must be there, whatever their order; None while the file is deleted."""
        self.kept = b""
        self.name = NAMES[0]

    # --- the beginning and the end -------------------------------------------------------------------

    @initialize(
        size=st.integers(2, 12),
        steps=st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5
        ),
    )
    def proposed(self, size: int, steps: list[tuple[int, int, int]]) -> None:
        base = [f"base{n}\n" for n in range(size)]
        new: list[str] = []
        at = 0
        for gap, removed, added in steps:
            new += base[at : at + gap]
            at = min(size, at + gap)
            new += [self.fresh("agent") for _ in range(added)]
            at = min(size, at + removed)
        new += base[at:]
        place = Path(self.folder.name)
        self.workspace = new_workspace(place / "workspace", {NAMES[0]: "".join(base), "other": "other\n"})
        self.house = House(self.workspace, place / "state")
        self.run = self.runner.run(self.propose("".join(new)))
        self.model = list(base)

    async def propose(self, text: str) -> Any:
        await self.house.open()
        return await self.house.run(task("t"), t=puts({NAMES[0]: text}))

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.runner.run(self.house.close())
        self.runner.close()
        self.folder.cleanup()

    def fresh(self, who: str) -> str:
        self.count += 1
        return f"{who}{self.count}\n"

    @property
    def file(self) -> Path:
        return self.workspace / self.name

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines(keepends=True) if self.file.exists() else []

    def write(self, lines: list[str]) -> None:
        self.file.write_text("".join(lines))

    # --- another program -----------------------------------------------------------------------------

    @precondition(lambda self: self.model is not None)
    @rule(at=st.integers(0, 20))
    def writes_a_line(self, at: int) -> None:
        lines, mine = self.lines(), self.fresh("user")
        lines.insert(min(at, len(lines)), mine)
        self.write(lines)
        self.model = [*(self.model or []), mine]

    @precondition(lambda self: self.model)
    @rule(at=st.integers(0, 20))
    def takes_a_line(self, at: int) -> None:
        lines = self.lines()
        gone = lines.pop(at % len(lines))
        self.write(lines)
        self.model = [line for line in self.model or [] if line != gone]

    @precondition(lambda self: self.model is not None)
    @rule()
    def moves_the_file(self) -> None:
        old, self.name = self.file, NAMES[1 - NAMES.index(self.name)]
        old.rename(self.file)

    @precondition(lambda self: self.model is not None)
    @rule()
    def deletes_the_file(self) -> None:
        self.kept, self.kept_model = self.file.read_bytes(), self.model
        self.file.unlink()
        self.model = None

    @precondition(lambda self: self.model is None)
    @rule()
    def brings_it_back(self) -> None:
        self.file.write_bytes(self.kept)
        self.model = self.kept_model

    # --- decisions -----------------------------------------------------------------------------------

    def with_status(self, *statuses: str) -> list[str]:
        return [i for i, s in self.house.now(self.run).changes.items() if s.status in statuses]

    def decide(self, how: str, change_id: str) -> None:
        before = self.file.read_bytes() if self.model is not None else None
        change = self.house.now(self.run).changes[change_id].change
        argument = {"change_ids": [change_id], "anyway": True}
        answer = self.runner.run(self.house.operations.execute(f"review.{how}", argument))
        done = bool(answer["accepted" if how == "accept" else "reopened"])
        old, new = (change.before, change.after) if how == "accept" else (change.after, change.before)
        if done and self.model is not None:
            gone = set(old.splitlines(keepends=True))
            kept = [line for line in self.model if line not in gone]
            come = [line for line in new.splitlines(keepends=True) if line not in kept]
            self.model = kept + come
        elif not done:
            assert (self.file.read_bytes() if self.model is not None else None) == before

    @precondition(lambda self: self.with_status("pending", "outdated"))
    @rule(data=st.data())
    def accepts(self, data: st.DataObject) -> None:
        self.decide("accept", data.draw(st.sampled_from(self.with_status("pending", "outdated"))))

    @precondition(lambda self: self.with_status("accepted"))
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        self.decide("undo", data.draw(st.sampled_from(self.with_status("accepted"))))

    @precondition(lambda self: self.with_status("pending"))
    @rule(data=st.data())
    def rejects(self, data: st.DataObject) -> None:
        change_id = data.draw(st.sampled_from(self.with_status("pending")))
        self.runner.run(self.house.operations.execute("review.reject", {"change_ids": [change_id]}))
        assert self.house.now(self.run).changes[change_id].status == "rejected"

    # --- what always holds ---------------------------------------------------------------------------

    @invariant()
    def the_file_holds_what_was_written_and_accepted_and_nothing_else(self) -> None:
        if not hasattr(self, "house"):
            return
        assert self.file.exists() == (self.model is not None)
        assert sorted(self.lines()) == sorted(self.model or [])
        elsewhere = self.workspace / NAMES[1 - NAMES.index(self.name)]
        assert not elsewhere.exists(), "nothing is written where the file no longer is"
        assert (self.workspace / "other").read_text() == "other\n"


TestDecided = Decided.TestCase
TestDecided.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
