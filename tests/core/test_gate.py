"""What a measurement means, as a table: baseline and candidate in, verdict out."""

from __future__ import annotations

import pytest

from nexus_lsp.core.facts import GatePlace
from nexus_lsp.core.gate import WHOLE_RUN, Measured, Verdict, evidence, judge


def measured(passed: str = "", failed: str = "", gate: str = "tests") -> Measured:
    return Measured(gate, True, passed=tuple(passed.split()), failed=tuple(failed.split()))


NOT = Measured("tests", False, "no tests were found")

TABLE = [
    # what, baseline, candidate, changed, new tests block, expected
    ("nothing changed", measured("t::a"), measured("t::a"), "", False, Verdict("tests", "passed")),
    (
        "a test that worked fails",
        measured("t::a t::b"),
        measured("t::a", "t::b"),
        "",
        False,
        Verdict("tests", "failed", broken=("t::b",)),
    ),
    (
        "what failed before does not block",
        measured("t::a", "t::b"),
        measured("t::a", "t::b"),
        "",
        False,
        Verdict("tests", "passed", still_failing=("t::b",)),
    ),
    (
        "a failing test is fixed",
        measured("", "t::b"),
        measured("t::b"),
        "",
        False,
        Verdict("tests", "passed", fixed=("t::b",)),
    ),
    (
        "a new test fails before its task has landed",
        measured("t::a"),
        measured("t::a", "n::x"),
        "n",
        False,
        Verdict("tests", "passed", new_failing=("n::x",)),
    ),
    (
        "a new test fails after its task has landed",
        measured("t::a"),
        measured("t::a", "n::x"),
        "n",
        True,
        Verdict("tests", "failed", broken=("n::x",)),
    ),
    (
        "a new case fails in a test file that nobody changed",
        measured("t::a[1]"),
        measured("t::a[1]", "t::a[2]"),
        "src",
        False,
        Verdict("tests", "failed", broken=("t::a[2]",)),
    ),
    (
        "a test file no longer loads",
        measured("t.py::a t.py::b u.py::c"),
        measured("u.py::c", "t.py"),
        "t.py",
        False,
        Verdict("tests", "failed", broken=("t.py",)),
    ),
    (
        "a deleted test is named and does not block",
        measured("t::a t::b"),
        measured("t::a"),
        "t",
        False,
        Verdict("tests", "passed", vanished=("t::b",)),
    ),
    (
        "the run died",
        measured("t::a t::b"),
        measured("t::a", WHOLE_RUN),
        "",
        False,
        Verdict("tests", "failed", broken=(WHOLE_RUN,)),
    ),
    (
        "the run died before already",
        measured("t::a", WHOLE_RUN),
        measured("t::a", WHOLE_RUN),
        "",
        False,
        Verdict("tests", "passed", still_failing=(WHOLE_RUN,)),
    ),
    (
        "not measured is not passed",
        measured("t::a"),
        NOT,
        "",
        False,
        Verdict("tests", "not_measured", "no tests were found"),
    ),
    (
        "a command that fails where nothing was measured before",
        NOT,
        measured("", "make-test"),
        "a.py",
        False,
        Verdict("tests", "not_measured", "no test passed, before or now (make-test): nothing could break"),
    ),
    (
        "a lint fault in a new file blocks at once",
        measured("a.py", gate="lint"),
        measured("a.py", "b.py:F821:x", gate="lint"),
        "b.py",
        False,
        Verdict("lint", "failed", broken=("b.py:F821:x",)),
    ),
    (
        "a lint fault that was there",
        measured("", "b.py:F821:x", gate="lint"),
        measured("", "b.py:F821:x", gate="lint"),
        "b.py",
        True,
        Verdict("lint", "passed", still_failing=("b.py:F821:x",)),
    ),
]


@pytest.mark.parametrize(
    ("baseline", "candidate", "changed", "new_tests_block", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_verdict(
    baseline: Measured, candidate: Measured, changed: str, new_tests_block: bool, expected: Verdict
):
    assert judge(baseline, candidate, changed.split(), new_tests_block=new_tests_block) == expected


def test_evidence_names_what_broke_and_stays_within_its_bounds():
    broken = tuple(f"tests/test_a.py::test_{number}" for number in range(500))
    verdict = Verdict("tests", "failed", broken=broken, places=(GatePlace("a.py", 4, "ValueError: x"),))
    text = evidence(verdict, "x" * 100_000 + "\nthe last line")
    assert "- tests/test_a.py::test_0\n" in text
    assert "… and 470 more" in text
    assert "a.py:5: ValueError: x" in text
    assert text.endswith("the last line")
    assert len(text) < 6_100


def test_tests_that_never_ran_are_not_called_passed():
    """A dead baseline (a missing plugin, a broken conftest) and a dead candidate: nothing is known."""
    dead = Measured("tests", True, failed=("pytest",))
    verdict = judge(dead, dead, ())
    assert (verdict.status, verdict.why) == (
        "not_measured",
        "no test passed, before or now (pytest): nothing could break",
    )


def test_a_candidate_that_no_longer_runs_is_red_where_tests_passed_before():
    before = Measured("tests", True, passed=("test_a.py::test_1",))
    assert judge(before, Measured("tests", True, failed=("pytest",)), ()).status == "failed"
