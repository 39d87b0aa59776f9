"""What a change needs by now: its dependencies, followed through everything that became of them.

Where a later task's change took a dependency's place, that one is needed; where a later task just took it
back, nothing is. What the user turned down or typed over cannot be had any more: it stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_lsp.core.changes import ChangeStatus, Relation, Traits

if TYPE_CHECKING:
    from nexus_lsp.core.run import ChangeState, Run

SUPERSEDED = "a later task changed it"
"""The reason of a change whose place a later task's change took, or that a later task took back."""


@dataclass(frozen=True, slots=True)
class Node:
    """A change as far as it matters here."""

    status: ChangeStatus
    depends_on: tuple[str, ...]
    superseded_by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """What a change needs and has not.

    Attributes:
        waiting: ids of changes that wait and have to be accepted with it, each before what needs it.
        gone: (id, status) of changes that cannot be accepted any more.
    """

    waiting: tuple[str, ...] = ()
    gone: tuple[tuple[str, ChangeStatus], ...] = ()


Find = Callable[[str], Node | None]


def node_of(state: ChangeState) -> Node:
    """A change of a run."""
    return Node(state.status, state.change.depends_on, state.superseded_by, state.note)


def missing(change_id: str, find: Find) -> Missing:
    """What a waiting change needs and has not, over as many steps as it takes."""
    waiting: dict[str, None] = {}
    gone: dict[str, ChangeStatus] = {}
    seen: set[str] = {change_id}
    stack: list[tuple[str, bool]] = [(change_id, False)]
    while stack:
        current, done = stack.pop()
        if done:
            waiting[current] = None
            continue
        if current != change_id:
            stack.append((current, True))
        node = find(current)
        for needed in reversed(node.depends_on if node else ()):
            last, there = latest(needed, find)
            if there is None or last in seen:
                continue
            seen.add(last)
            if there.status == "pending":
                stack.append((last, False))
            elif there.status == "rejected" or (there.status == "outdated" and not _taken_back(there)):
                gone[last] = there.status
    return Missing(tuple(waiting), tuple(gone.items()))


def latest(change_id: str, find: Find) -> tuple[str, Node | None]:
    """The change that is in this one's place by now."""
    node = find(change_id)
    while node and node.status == "outdated" and node.superseded_by:
        change_id, node = node.superseded_by, find(node.superseded_by)
    return change_id, node


def _taken_back(node: Node) -> bool:
    return node.note.startswith(SUPERSEDED)


def users_of(accepted: Iterable[str], find: Find) -> dict[str, list[str]]:
    """By id of what is needed, those of these accepted changes that need it themselves."""
    users: dict[str, list[str]] = {}
    for change_id in accepted:
        node = find(change_id)
        for needed in node.depends_on if node else ():
            users.setdefault(latest(needed, find)[0], []).append(change_id)
    return users


def reached(start: str, users: Mapping[str, list[str]]) -> tuple[str, ...]:
    """All that need a change, over as many steps as it takes."""
    found: dict[str, None] = {}
    open_ends = [start]
    while open_ends:
        for user in users.get(open_ends.pop(), ()):
            if user != start and user not in found:
                found[user] = None
                open_ends.append(user)
    return tuple(found)


# --- new relations over old ones ---------------------------------------------------------------------


def changed_relations(run: Run, fresh: Iterable[Relation]) -> tuple[Relation, ...]:
    """Those of the fresh relations that say something new.

    They are read off the changes that wait and those that were accepted. What a change needed of one that was
    turned down stays needed, until another brings the same names; and an accepted one, whose lines the user
    may have changed since, keeps what it was known for.
    """
    told = [(relation, run.changes.get(relation.change_id)) for relation in fresh]
    known: dict[str, Traits | None] = {i: s.traits for i, s in run.changes.items()}
    known |= {relation.change_id: relation.traits for relation, state in told if state is None}
    found: list[Relation] = []
    for relation, state in told:
        if state is None:
            found.append(relation)
            continue
        old = state.change.depends_on
        stays = tuple(
            i for i in old if i not in relation.depends_on and _stays(run, state, i, relation, known)
        )
        traits = state.traits if state.status == "accepted" and state.traits else relation.traits
        new = Relation(relation.change_id, (*relation.depends_on, *stays), traits)
        if (set(new.depends_on), new.traits) != (set(old), state.traits):
            found.append(new)
    return tuple(found)


def _stays(
    run: Run, state: ChangeState, needed: str, fresh: Relation, known: dict[str, Traits | None]
) -> bool:
    other = run.changes.get(needed)
    if other is None or other.superseded_by:
        return False
    if state.status == "accepted":
        return True
    if other.status == "accepted":
        return False
    if other.status == "pending" or _taken_back(node_of(other)):
        return False
    gone = known.get(needed)
    brought = {name for i in fresh.depends_on if (t := known.get(i)) for name in t.adds}
    return not (gone and brought & set(gone.adds))
