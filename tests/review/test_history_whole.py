"""Whole commits of real history through the engine and the disk: what they made, deleted and moved, too.

Each commit comes in as the proposal on its parent; then every step of `trial.attempt`, byte for byte.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.review.cases import Case, File, Link, Tree
from tests.review.faces import disk_desk, disk_house
from tests.review.test_history import COMMITS, commits, git
from tests.review.trial import Decided, Outcome, attempt

MOST_LINES = 1500
"""Of a commit's diff; hunks are accepted one by one."""

WHOLE = max(1, COMMITS // 4)


def files(commit: str, paths: list[str]) -> Tree:
    """These paths of a commit, as far as it has them."""
    found: Tree = {}
    for path in paths:
        row = git("ls-tree", "-z", commit, "--", path).decode(errors="surrogateescape")
        if not row:
            continue
        mode, _, blob = row.split("\t")[0].split()
        content = git("cat-file", "blob", blob)
        found[path] = Link(os.fsdecode(content)) if mode == "120000" else File(content, mode == "100755")
    return found


def cases() -> list[Case]:
    found: list[Case] = []
    for commit in commits():
        lines = [row.split(b"\t") for row in git("diff", "--numstat", f"{commit}^", commit).splitlines()]
        if sum(int(n) for row in lines for n in row[:2] if n != b"-") > MOST_LINES:
            continue
        fields = git("diff", "-z", "--name-only", "--no-renames", f"{commit}^", commit).split(b"\0")
        paths = [os.fsdecode(path) for path in fields if path]
        before, after = files(f"{commit}^", paths), files(commit, paths)
        if before:
            found.append(Case(commit[:10], before, after, "", after))
    return found[:WHOLE]


CASES = cases()


async def replayed(place: Path, case: Case, most: int = 10**6) -> Outcome:
    """All steps, on the disk; a change that needs another is decided on without it."""
    house, run = await disk_house(place, [case])

    async def accept(ids: list[str]) -> Decided:
        found = await house.review.accept(ids, None, anyway=True)
        return Decided(found.done, dict(found.refused))

    async def undo(ids: list[str]) -> Decided:
        found = await house.review.undo(ids, None, anyway=True)
        return Decided(found.done, dict(found.refused))

    try:
        return await attempt(case, replace(disk_desk(house, run, case), accept=accept, undo=undo), most)
    finally:
        await house.close()


@pytest.mark.skipif(not CASES, reason="a shallow clone has no history")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_commit_is_accepted_taken_back_and_rejected(tmp_path: Path, case: Case) -> None:
    outcome = await replayed(tmp_path, case)
    assert outcome.good, f"{outcome.steps} {outcome.notes}"
