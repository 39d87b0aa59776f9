"""Renamings that nobody told of: which are sure, and when it was the folder."""

from __future__ import annotations

import pytest

from nexus_lsp.core.renames import Pair, sure, whole_folder


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ("a>x b>y", "a>x b>y"),
        ("a>x a>y b>z", "b>z"),
        ("a>x b>x b>y c>z", "c>z"),
        ("", ""),
    ],
)
def test_neither_may_be_another(pairs: str, told: str) -> None:
    given = [(old, new) for old, new in (word.split(">") for word in pairs.split())]
    assert [f"{old}>{new}" for old, new in sure(given)] == told.split()


@pytest.mark.parametrize(
    ("before", "after", "pair", "told"),
    [
        pytest.param("p/a p/b", "q/a q/b", "p/a>q/a", "p>q", id="a folder"),
        pytest.param("p/d/a p/b", "q/d/a q/b", "p/d/a>q/d/a", "p>q", id="with what is below"),
        pytest.param("s/p/a s/c", "s/q/a s/c", "s/p/a>s/q/a", "s/p>s/q", id="beside others"),
        pytest.param("p/a", "s/p/a", "p/a>s/p/a", "p>s/p", id="into another"),
        pytest.param("p/a p/b", "q/a p/b", "p/a>q/a", "p/a>q/a", id="one file of it"),
        pytest.param("p/a p/b", "q/a", "p/a>q/a", "p/a>q/a", id="another file of it is gone"),
        pytest.param("p/a q/c", "q/a q/c", "p/a>q/a", "p/a>q/a", id="into one that was there"),
        pytest.param("p/a p/b", "q/x q/b", "p/a>q/x", "p/a>q/x", id="another name as well"),
        pytest.param("a", "b", "a>b", "a>b", id="no folder"),
    ],
)
def test_the_folder_was_renamed(before: str, after: str, pair: str, told: str) -> None:
    old, new = pair.split(">")
    found: Pair = whole_folder((old, new), frozenset(before.split()), frozenset(after.split()))
    assert ">".join(found) == told
