"""What `review.list` answers: changes, a page of them at a time, and their groups, riskiest first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from nexus_lsp.core import facts as f
from nexus_lsp.core.grouping import Group, group_of, in_order, members
from nexus_lsp.core.problems import InvalidArgument, Unknown
from nexus_lsp.core.questioned import shown_at
from nexus_lsp.core.run import ChangeState, Run
from nexus_lsp.core.wire import Json
from nexus_lsp.engine.projections import change_line, touches

PORTION = 100
"""Groups made in one go."""


class Listing:
    """Remembers each run's groups: a decision makes one of them anew, a landing those that it concerns."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[Run, list[Group]]] = {}
        self._made: dict[str, tuple[list[ChangeState], Group]] = {}

    async def groups(self, run: Run) -> list[Group]:
        """The groups of a run, riskiest first; made in portions, between which others have their turn."""
        known = self._groups.get(run.id)
        if known is None or known[0].changes is not run.changes or known[0].gates is not run.gates:
            found: list[Group] = []
            for at, (group_id, states) in enumerate(members(run, asked_about_tests(run)), 1):
                found.append(self._group(run.id, group_id, states))
                if at % PORTION == 0:
                    await asyncio.sleep(0)
            known = self._groups[run.id] = (run, in_order(found))
        return known[1]

    def _group(self, run_id: str, group_id: str, states: list[ChangeState]) -> Group:
        known = self._made.get(group_id)
        if known is None or known[0] != states:
            known = self._made[group_id] = (states, group_of(run_id, group_id, states))
        return known[1]

    async def group(self, runs: Iterable[Run], group_id: str) -> Group:
        """A group by its id; Unknown where there is none."""
        for run in list(runs):
            for group in await self.groups(run):
                if group.id == group_id:
                    return group
        raise Unknown(f"There is no group {group_id!r}. `nexus.review.list` lists them.")

    async def listed(
        self,
        runs: Sequence[Run],
        path: str | None = None,
        group_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        grouped: bool = True,
    ) -> Json:
        """The changes of these runs that are asked for, oldest first, and the groups that they are of.

        `after` of the answer is what to ask for the next page with; null after the last. Not `grouped`: for
        those who have the groups already.
        """
        groups = [group for run in runs for group in await self.groups(run)] if grouped else []
        if group_id is not None:
            groups = [await self.group(runs, group_id)]
        of = {i: group for group in groups for i in group.change_ids}
        wanted = [
            (run, state)
            for run in runs
            for i, state in run.changes.items()
            if (path is None or touches(state.change, path)) and (group_id is None or i in of)
        ]
        page, more = _page(wanted, limit, after)
        asked = {i: told for run in runs for i, told in asked_about_tests(run).items()}
        lines: list[Json] = []
        for run, state in page:
            line, group = change_line(run, state), of.get(state.change.id)
            line |= {"group": group.id if group else None, "questions": asked.get(state.change.id, [])}
            lines.append(line)
        if path is not None:
            mine = {state.change.id for _, state in wanted}
            groups = [group for group in groups if not mine.isdisjoint(group.change_ids)]
        return {"changes": lines, "groups": [group_line(group) for group in groups], "after": more}


def _page(
    wanted: list[tuple[Run, ChangeState]], limit: int | None, after: str | None
) -> tuple[list[tuple[Run, ChangeState]], str | None]:
    start = 0
    if after is not None:
        ids = [state.change.id for _, state in wanted]
        if after not in ids:
            raise InvalidArgument(
                f"`after`: {after!r} is none of these changes. Give what the last page said."
            )
        start = ids.index(after) + 1
    if limit is None:
        return wanted[start:], None
    page = wanted[start : start + limit]
    more = len(wanted) > start + limit and bool(page)
    return page, page[-1][1].change.id if more else None


def group_line(group: Group) -> Json:
    """A group for a face; its changes are named, not told."""
    return {
        "id": group.id,
        "run_id": group.run_id,
        "summary": group.summary,
        "risk": group.risk,
        "risk_why": group.risk_why,
        "change_ids": list(group.change_ids),
        "paths": list(group.paths),
        "counts": dict(group.counts),
    }


def asked_about_tests(run: Run) -> dict[str, list[str]]:
    """By change id, what is asked about the tests in it."""
    asked = next((gate for gate in reversed(run.gates) if isinstance(gate, f.GateWarned)), None)
    places = asked.places if asked else ()
    lines: dict[str, list[Json]] = {place.path: [] for place in places}
    for state in run.changes.values() if lines else ():
        if state.change.path in lines:
            lines[state.change.path].append(change_line(run, state))
    found: dict[str, list[str]] = {}
    for place in places:
        hit = shown_at(place.line, lines[place.path])
        if hit is not None and hit[0] is not None:
            found.setdefault(hit[0]["id"], []).append(place.message)
    return found
