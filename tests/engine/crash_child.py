"""The process that test_crash kills: an engine that ends itself with SIGKILL after so many facts.

`python crash_child.py WORKSPACE STATE LOG FACTS`: goes through the whole story of `crash_story`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from crash_story import play  # noqa: E402
from engine_house import House  # noqa: E402
from fakes import Ids  # noqa: E402

from nexus_lsp.adapters.sqlite_journal import SqliteJournal  # noqa: E402
from nexus_lsp.core.facts import Entry, Fact  # noqa: E402


class KillingJournal(SqliteJournal):
    """Kills this process as soon as a fact is kept that is one too many; 0 = never."""

    def __init__(self, path: Path, facts: int) -> None:
        super().__init__(path)
        self._facts = facts

    async def append(self, run_id: str, facts: Sequence[Fact], at: float) -> list[Entry]:
        entries = await super().append(run_id, facts, at)
        if self._facts and entries[-1].seq >= self._facts:
            os.kill(os.getpid(), signal.SIGKILL)
        return entries


async def main(workspace: str, state: str, log: str, facts: str) -> None:
    journal = KillingJournal(Path(state) / "journal.db", int(facts))
    house = House(Path(workspace), Path(state), journal=journal, ids=Ids(os.getpid() * 10_000))
    await play(house, Path(log))
    await house.close()


asyncio.run(main(*sys.argv[1:]))
