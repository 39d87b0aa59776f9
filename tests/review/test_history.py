"""Real history replayed: each commit of this repository comes in as a proposal on its parent.

In a shallow clone there are few commits or none; then what an installed package holds serves as history: one
file's text becomes the next one's.
"""

from __future__ import annotations

import os
import random
import subprocess
from functools import cache
from importlib.metadata import files
from pathlib import Path

import pytest

from nexus_lsp.core.changes import Change
from nexus_lsp.core.diff import diff
from nexus_lsp.core.proposals import MAX_TEXT, Author, FileState, FileWork, hunk_of, propose, text_of
from nexus_lsp.core.review import decide_text
from nexus_lsp.core.text import split_lines

ROOT = Path(__file__).parents[2]
COMMITS = int(os.environ.get("NEXUS_COMMITS", "40"))
MOST_HUNKS = 60
"""Accepted one by one; a file with more is accepted in so many random groups."""


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


@cache
def commits() -> list[str]:
    """The newest commits with one parent that is here too, spread over the whole history."""
    rows = [line.split() for line in git("log", "--format=%H %P", "HEAD").decode().splitlines()]
    here = {row[0] for row in rows}
    found = [row[0] for row in rows if len(row) == 2 and row[1] in here]
    step = max(1, len(found) // COMMITS)
    return found[::step][:COMMITS]


def history() -> list[tuple[str, list[tuple[str, bytes, bytes]]]]:
    """(name, (path, before, after) of each file that was changed)."""
    return [(sha[:10], _changed(sha)) for sha in commits()] or _packages()


def _changed(sha: str) -> list[tuple[str, bytes, bytes]]:
    fields = git("diff-tree", "-r", "-z", "--no-renames", "--diff-filter=M", f"{sha}^", sha).split(b"\0")
    found: list[tuple[str, bytes, bytes]] = []
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        _, _, old, new, _ = head.decode().split()
        before, after = git("cat-file", "blob", old), git("cat-file", "blob", new)
        found.append((os.fsdecode(path), before, after))
    return found


def _packages() -> list[tuple[str, list[tuple[str, bytes, bytes]]]]:
    sources = [Path(str(f.locate())) for f in files("hypothesis") or () if f.suffix == ".py"][:COMMITS]
    texts = [file.read_bytes() for file in sources]
    pairs = zip(sources, texts, texts[1:], strict=False)
    return [(file.name, [(file.name, before, after)]) for file, before, after in pairs]


def changes_of(path: str, before: bytes, after: bytes) -> list[Change]:
    """What the review proposes for one file."""
    count = iter(range(10**6))
    states = [FileState(name, "100644", text_of(t)) for name, t in (("old", before), ("new", after))]
    work = FileWork(path, base=states[0], ours=states[0], merged=states[1])
    found = propose(work, (), Author("t", "a", "so"), lambda: f"c{next(count)}")
    assert found.superseded == ()
    return list(found.changes)


def decided(changes: list[Change], base: str, live: str, undo: bool = False) -> str:
    decision = decide_text(changes, {"old": base}, live, undo)
    assert decision.refused == (), decision.refused[:3]
    return decision.text


def check(path: str, before: bytes, after: bytes) -> int:
    """All in random order gives `after`, taken back in random order `before`, byte for byte."""
    changes = changes_of(path, before, after)
    base, wanted = text_of(before), text_of(after)
    if base is None or wanted is None:
        assert [c.kind for c in changes] == ["binary"] and len(before) < MAX_TEXT
        return 1
    hunks = [hunk_of(c) for c in changes]
    assert hunks == diff(split_lines(base), split_lines(wanted))
    assert decided(changes, base, base).encode() == after
    assert decided(changes, base, wanted, undo=True).encode() == before
    return len(changes)


def step_by_step(path: str, before: bytes, after: bytes) -> list[str]:
    """Ids that had no sure place when their turn came: refused, and nothing else was touched."""
    changes = changes_of(path, before, after)
    base, live = text_of(before) or "", text_of(before) or ""
    chance = random.Random(path)
    chance.shuffle(changes)
    size = max(1, len(changes) // MOST_HUNKS)
    refused: list[str] = []
    for at in range(0, len(changes), size):
        decision = decide_text(changes[at : at + size], {"old": base}, live)
        live = decision.text
        refused += [i for i, _ in decision.refused]
    if not refused:
        assert live.encode() == after
    return refused


@pytest.mark.timeout(900)
def test_accept_all_is_the_commit_and_taking_all_back_its_parent() -> None:
    replayed = history()
    assert replayed and sum(check(*file) for _, changed in replayed for file in changed) > 0


@pytest.mark.timeout(900)
def test_in_random_order_each_hunk_goes_in_or_says_that_its_place_is_not_sure() -> None:
    texts = [
        f
        for _, changed in history()
        for f in changed
        if text_of(f[1]) is not None and text_of(f[2]) is not None
    ]
    count = sum(len(changes_of(*file)) for file in texts)
    refused = [(file[0], step_by_step(*file)) for file in texts]
    assert sum(len(ids) for _, ids in refused) <= count // 100, [r for r in refused if r[1]]
