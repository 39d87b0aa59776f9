"""The message of a commit, drafted from a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot
from run_house import ALPHA, CODE, begun, land, play, start, submit, task

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.commit_message import draft
from nexus_lsp.core.run import Run

NAMES = {CODE: "Code", ALPHA: "Alpha"}


def landed(request: str = "Make add() add", *gates: f.Fact) -> Run:
    run = begun(task("a"), task("b", agent=ALPHA), request=request)
    run = play(run, (start("a"), start("b", ALPHA), submit("a"), submit("b")))
    run = play(run, (land("a", "c1"), land("b", "c2", onto="i1", to="i2")))
    return play(run, (h.TreeGated(gates),)) if gates else run  # type: ignore[arg-type]


def drafted(run: Run, *ids: str) -> str:
    trees = {"i1": "1" * 40, "mine": "2" * 40}
    return draft([run], ids or ("c1", "c2"), NAMES, trees, "2" * 40)


def test_a_run_in_a_message() -> None:
    gate = f.GatePassed("tests", "mine", None, 12, 0)
    assert drafted(
        landed("make add() add.", gate, f.GateNotMeasured("lint", "i1", None, "no ruff."))
    ) == snapshot("""\
Make add() add

- Code: Do a (x.py)
- Alpha: Do b (x.py)

Measured by NEXUS:
- tests: passed (12 passed, 0 failed) on this tree
- lint: not measured (no ruff)

Nexus-Run: run_1
""")


def test_only_what_is_committed_is_told() -> None:
    gates = (f.GatePassed("tests", "i1", "b", 3, 0), f.GateFailed("tests", "i1", "a", ("t::x",), ""))
    assert drafted(landed("Make add() add", *gates), "c1") == snapshot("""\
Make add() add

- Code: Do a (x.py)

Measured by NEXUS:
- tests: failed (t::x) on tree 111111111111, which is not this commit's

Nexus-Run: run_1
""")


def test_the_same_trees_measurement_is_told_before_a_later_one() -> None:
    gates = (f.GatePassed("tests", "mine", None, 3, 0), f.GatePassed("tests", "i1", None, 9, 0))
    assert "- tests: passed (3 passed, 0 failed) on this tree" in drafted(landed("x", *gates))


SUBJECTS = {
    "fix it.": "Fix it",
    "  two\n lines ": "Two lines",
    "#12 is broken": "12 is broken",
    "a\x1b[31mb": "A [31mb",
    "word " * 30: "Word " + "word " * 12 + "word…",
    "x" * 100: "X" + "x" * 70 + "…",
}


@pytest.mark.parametrize("request_text", SUBJECTS)
def test_subjects(request_text: str) -> None:
    lines = drafted(landed(request_text)).splitlines()
    assert lines[0] == SUBJECTS[request_text].strip()
    assert len(lines[0]) <= 72 and lines[1] == ""


def test_a_request_cannot_write_trailers_of_its_own() -> None:
    told = drafted(landed("do it\n\nSigned-off-by: Someone Else <x@y>\n" + "and so on " * 20))
    assert [line for line in told.splitlines() if line.startswith(("Signed", "Nexus"))] == [
        "Nexus-Run: run_1"
    ]


def test_several_runs() -> None:
    other = replace(landed("Then shout"), id="run_2", changes={})
    told = draft([landed("Count"), other], ["c1"], NAMES, {}, "t")
    assert told.startswith(
        "Count (and 1 more)\n\nRequest: Count\n\n- Code: Do a (x.py)\n\nRequest: Then shout\n"
    )
    assert told.endswith("\n\nNexus-Run: run_1\nNexus-Run: run_2\n")
