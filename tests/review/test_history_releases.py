"""The dependencies' history replayed: each release comes in as a proposal on the one before it.

Only `make test-slow` asks for it: `NEXUS_RELEASES` says how many, and pip brings them from the registry.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from nexus_lsp.core.proposals import text_of
from tests.review.cases import Case, File
from tests.review.releases import case, pairs
from tests.review.test_history import changes_of, check, step_by_step
from tests.review.test_history_whole import replayed

RELEASES = int(os.environ.get("NEXUS_RELEASES", "0"))
MOST_TURNS = 25
"""In which a release is accepted, and taken back, in random order."""

pytestmark = [
    pytest.mark.skipif(not RELEASES, reason="downloads the dependencies' releases; `make test-slow` runs it"),
    pytest.mark.timeout(3600),
]


@cache
def releases() -> dict[str, tuple[Path, Path]]:
    return {name: (before, after) for name, before, after in pairs(RELEASES)}


def cases() -> list[Case]:
    return [case(name, *wheels) for name, wheels in releases().items()]


def changed(found: Case) -> list[tuple[str, bytes, bytes]]:
    """(path, before, after) of each file that both releases have."""
    both = [(path, found.base[path], found.after[path]) for path in found.base if path in found.after]
    return [(p, a.content, b.content) for p, a, b in both if isinstance(a, File) and isinstance(b, File)]


def test_each_file_accepted_is_the_next_release_and_taken_back_the_one_before() -> None:
    assert sum(check(*file) for found in cases() for file in changed(found) if file[1] != file[2]) > 0


def test_in_random_order_each_hunk_goes_in_or_says_that_its_place_is_not_sure() -> None:
    texts = [
        file
        for found in cases()
        for file in changed(found)
        if file[1] != file[2] and None not in (text_of(file[1]), text_of(file[2]))
    ]
    count = sum(len(changes_of(*file)) for file in texts)
    refused = [(file[0], step_by_step(*file)) for file in texts]
    assert sum(len(ids) for _, ids in refused) <= count // 100, [r for r in refused if r[1]]


async def test_a_release_is_accepted_taken_back_and_rejected(tmp_path: Path) -> None:
    found = cases()
    assert len(found) >= RELEASES * 2 // 3, "the registry gave too few releases"
    wrong: dict[str, str] = {}
    for number, one in enumerate(found):
        outcome = await replayed(tmp_path / str(number), one, MOST_TURNS)
        if not outcome.good:
            wrong[one.name] = f"{outcome.steps} {outcome.notes}"
    assert wrong == {}
