"""What follows when the user settles conflicts and asks for another version, in facts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from run_house import ALPHA, CODE, begun, land, measured, play, start, submit, task, told

from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Applied
from nexus_lsp.core.conflicts import KEPT_MINE, LOST_GROUND, Conflict
from nexus_lsp.core.run import Run

PUT = Applied("live", 4, "mine\n", "mine\nb\n")
LOST = h.Outdate(("c1",), f"{LOST_GROUND} since")
RESOLVED = h.Accepted(("c1",), applied={"c1": PUT})


def ready(*more: h.Happening, **started: object) -> Run:
    """A run with two changes, c1 and c2, of one task, all of it landed."""
    landed = (start("a"), submit("a"), land("a", "c1", "c2"), measured())
    return play(begun(task("a"), **started), (*landed, *more))


def revise(*ids: str, feedback: str = "shorter") -> h.Revise:
    return h.Revise(ids, feedback)


def shown(run: Run, change_id: str = "c1") -> str:
    s = run.changes[change_id]
    return f"{s.status} {s.change.base} {s.change.line} {s.change.before!r} -> {s.change.after!r}"


PROPOSED = "blob 0 'a\\n' -> 'b\\n'"
STATES: Mapping[str, tuple[tuple[h.Happening, ...], str]] = {
    "in conflict": ((LOST,), f"outdated {PROPOSED}"),
    "settled": ((LOST, RESOLVED), "accepted live 4 'mine\\n' -> 'mine\\nb\\n'"),
    "settled before anybody noticed": ((RESOLVED,), "accepted live 4 'mine\\n' -> 'mine\\nb\\n'"),
    "taken back": ((LOST, RESOLVED, h.Reopen(("c1",))), f"outdated {PROPOSED}"),
    "taken back, said twice": (
        (LOST, RESOLVED, h.Reopen(("c1",)), h.Reopen(("c1",))),
        f"outdated {PROPOSED}",
    ),
    "done again by the editor": (
        (LOST, RESOLVED, h.Reopen(("c1",)), h.Accepted(("c1",))),
        "accepted live 4 'mine\\n' -> 'mine\\nb\\n'",
    ),
    "taken back, and then the base is back": (
        (LOST, RESOLVED, h.Reopen(("c1",)), h.Reopen(("c1",), placed=True), h.Accepted(("c1",))),
        f"accepted {PROPOSED}",
    ),
    "taken back, and then written by the user": (
        (LOST, RESOLVED, h.Reopen(("c1",)), h.Accepted(("c1",), "typed")),
        f"accepted {PROPOSED}",
    ),
    "mine is kept": ((LOST, h.Reject(("c1",), KEPT_MINE)), f"rejected {PROPOSED}"),
    "mine is kept, and that taken back": (
        (LOST, h.Reject(("c1",), KEPT_MINE), h.Reopen(("c1",))),
        f"outdated {PROPOSED}",
    ),
    "another rejection taken back": ((h.Reject(("c1",), "ugly"), h.Reopen(("c1",))), f"pending {PROPOSED}"),
}


@pytest.mark.parametrize("name", STATES)
def test_what_a_change_in_conflict_says(name: str) -> None:
    happenings, wanted = STATES[name]
    assert shown(ready(*happenings)) == wanted


REVISED = ["revision_asked revise-1", "plan_revised: shorter"]
ASKED: Mapping[str, tuple[Run, h.Revise, list[str]]] = {
    "a ready run": (ready(), revise("c1"), REVISED),
    "two changes": (ready(), revise("c1", "c2"), REVISED),
    "a completed run, of a conflict": (ready(LOST, h.Reject(("c2",))), revise("c1"), REVISED),
    "a run at work": (
        play(begun(task("a"), task("b")), (start("a"), submit("a"), land("a", "c1"))),
        revise("c1"),
        REVISED,
    ),
    "a cancelled run": (
        play(ready(revise("c1")), (h.Cancel(),)),
        revise("c1"),
        ["refused: This run is cancelled and nobody works in it any more: delegate what you want anew."],
    ),
    "an accepted change": (
        ready(h.Accepted(("c1",))),
        revise("c1"),
        ["refused: c1 is accepted already: undo that first."],
    ),
    "a rejected change": (
        ready(h.Reject(("c1",))),
        revise("c1"),
        ["refused: c1 is rejected already: undo that first."],
    ),
    "a change that went with its file": (
        ready(h.Outdate(("c1",), "x.py is gone")),
        revise("c1"),
        ["refused: c1 is outdated (x.py is gone): there is nothing left to revise."],
    ),
    "one that is at work already": (
        ready(revise("c1")),
        revise("c1"),
        ["refused: c1 is being done in another way already: revise-1 is at it."],
    ),
    "one that is not there": (
        ready(),
        h.Revise(("c1", "c2", "nope"), "x"),
        ["refused: There is no change 'nope'."],
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_asking_for_another_version(name: str) -> None:
    run, what, wanted = ASKED[name]
    assert told(run, what) == wanted


def test_the_run_is_at_work_again_and_the_changes_wait() -> None:
    run = ready(revise("c1"))
    assert (run.status, run.changes["c1"].status) == ("in_progress", "pending")
    assert (run.tasks["revise-1"].task.agent, run.tasks["revise-1"].task.writes) == (CODE, ("x.py",))


def test_a_conflict_is_over_once_its_agent_has_looked_at_it_again() -> None:
    sides = {"c1": Conflict(0, ("a\n",), ("mine\n",), ("b\n",))}
    run = ready(LOST, h.Revise(("c1",), "both", sides))
    description = run.tasks["revise-1"].task.description
    assert [side in description for side in ("\na\n", "\nmine\n", "\nb\n")] == [True] * 3
    done = (start("revise-1"), submit("revise-1"))
    run = play(run, (*done, land("revise-1", "c9", onto="i1", to="i2", decisions=run.decisions)))
    assert (run.changes["c1"].status, run.changes["c1"].superseded_by) == ("outdated", "c9")


def test_what_the_proposal_says_cannot_leave_its_quotation() -> None:
    run = ready()
    description = play(run, (revise("c1"),)).tasks["revise-1"].task.description
    inside = description[description.index("<quoted-") :]
    assert inside.count("</quoted-") == inside.count("<quoted-") == 2 and "shorter" not in inside


def test_forty_tasks_are_the_most() -> None:
    tasks = [task(f"t{n}", agent=ALPHA if n else CODE) for n in range(40)]
    run = play(begun(*tasks), (start("t0"), submit("t0"), land("t0", "c1")))
    assert told(run, revise("c1")) == ["refused: This cannot be asked for: tasks: 41 tasks. Give at most 40."]
