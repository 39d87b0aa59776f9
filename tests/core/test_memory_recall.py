"""Recall: by which words a text is found, what comes first, and what goes first when there is too much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_house import DAY, ITEMS, NOW, item

from nexus_lsp.core.memory import MemoryItem, MemoryQuery
from nexus_lsp.core.memory.ranking import (
    HALF_LIFE,
    Rankings,
    by_score,
    closeness,
    fused,
    going,
    rarity,
    recalled,
    usefulness,
    weight,
    word_score,
)
from nexus_lsp.core.memory.words import MOST_WORDS, asked_words, indexed, words

# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("session cookie", "session_cookie was lost"),
        ("session cookie", "class SessionCookie:"),
        ("session cookies", "sessionCookie"),
        ("sessioncookie", "SESSION_COOKIE"),
        ("HTTP server", "HTTPServer2.start()"),
        ("expired", "sessions expire after an hour"),
        ("validating", "validation of forms"),
        ("queries", "one query"),
        ("uber cafe", "Über das Café"),
        ("cafe\u0301", "café"),
        ("认证", "用户认证模块"),
        ("テスト", "テストを書く"),
        ("E1101", "pylint says e1101"),
    ],
)
def test_a_text_is_found_by(asked: str, text: str) -> None:
    assert set(asked_words(asked)) & set(words(text))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("How do I make the login faster?", ("login", "fast")),
        ("what is it", ("what", "is", "it")),
        ("test test tests", ("test",)),
        ("", ()),
        ("🍜 \"* () ' --", ()),
        ("x" * 65, ()),
    ],
)
def test_what_is_asked_for(asked: str, found: tuple[str, ...]) -> None:
    assert asked_words(asked) == found


def test_a_long_query_is_bounded() -> None:
    assert len(asked_words(" ".join(f"word{n}" for n in range(1_000)))) == MOST_WORDS


@given(st.text())
def test_every_word_is_one_token_of_the_index(text: str) -> None:
    found = indexed("an agent\ud800", "note", text, ("src/a b.py",))
    assert all(word and not set(word) & set(" \t\n\"'*()") for word in found)
    assert " ".join(found).split() == found


# --- ranking -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (item(days=0), item(days=30)),
        (item(days=28), item(days=56)),
        (item(used=4, useful=4), item(used=4)),
        (item(), item(used=4)),
        (item(used=9, useful=9), item(used=1, useful=1)),
        (item(source="user"), item(source="gate")),
        (item(source="gate"), item(source="agent")),
        (item(kind="lesson"), item(kind="note")),
        (item(kind="decision"), item(kind="interaction")),
    ],
)
def test_what_weighs_more(more: MemoryItem, less: MemoryItem) -> None:
    assert weight(more, NOW) > weight(less, NOW)


def test_half_of_what_age_takes_is_gone_after_the_half_life() -> None:
    new, half, old = (weight(item(days=days), NOW) for days in (0, HALF_LIFE / DAY, 100_000))
    assert half - old == pytest.approx((new - old) / 2)
    assert weight(item(days=-5), NOW) == new, "a clock that went wrong lifts nothing"


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_use_moves_an_item_by_a_fifth_at_most(used: int, useful: int) -> None:
    assert 0.8 <= usefulness(item(used=used, useful=useful)) <= 1.2


@pytest.mark.parametrize(
    ("paths", "asked", "close"),
    [
        ("src/a.py", "src/a.py", 2),
        ("src/a.py", "src/b.py", 1),
        ("src", "src/b.py", 1),
        ("src/auth/a.py", "src/billing/a.py", 0),
        ("a.py", "b.py", 0),
        ("a.py src/x.py", "src/y.py a.py", 2),
        ("", "src/b.py", 0),
    ],
)
def test_how_close_paths_are(paths: str, asked: str, close: int) -> None:
    assert closeness(paths.split(), asked.split()) == close


@pytest.mark.parametrize(
    ("lists", "order"),
    [
        (["abc"], "abc"),
        (["abc", "bca"], "bac"),
        (["ab", ""], "ab"),
        (["ab", "cd"], "acbd"),
        (["aab"], "ab"),
        ([], ""),
    ],
)
def test_rankings_are_fused(lists: list[str], order: str) -> None:
    scores = fused((ranking, 1.0) for ranking in lists)
    assert "".join(sorted(scores, key=lambda key: (-scores[key], key))) == order


@given(st.lists(st.lists(st.integers(0, 20), unique=True), max_size=4))
def test_a_fused_score_is_at_most_one_and_better_ranks_score_more(lists: list[list[int]]) -> None:
    scores = fused((ranking, 1.0) for ranking in lists)
    assert set(scores) == {key for ranking in lists for key in ranking}
    assert all(0 < score <= 1.000001 for score in scores.values())
    for a in scores:
        for b in scores:
            places = [(r.index(a) if a in r else 99, r.index(b) if b in r else 99) for r in lists if r]
            if all(x <= y for x, y in places):
                assert scores[a] >= scores[b] - 1e-9


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_rarer_word_tells_more_and_none_tells_against(one: float, other: float) -> None:
    assert rarity(min(one, other), 1e6) >= rarity(max(one, other), 1e6) > 0


def test_a_word_counts_more_in_a_short_text_and_less_the_second_time() -> None:
    rare = {"cookie": 2.0}
    texts = ("cookie", "cookie cookie", "cookie " + "x " * 99)
    once, twice, long = (word_score(rare, text.split()) for text in texts)
    assert long < once < twice < 2 * once


def test_what_shares_a_word_or_two_is_left_out() -> None:
    assert by_score({1: 10.0, 2: 3.1, 3: 2.9, 4: 10.0, 5: 0.0}) == [4, 1, 2]


@dataclass(frozen=True)
class Found:
    items: dict[int, MemoryItem]
    rankings: Rankings
    limit: int = 10

    def __str__(self) -> str:
        query = MemoryQuery("x", NOW, limit=self.limit)
        return " ".join(
            f"{one.item.id}:{'+'.join(one.why)}" for one in recalled(self.items, self.rankings, query)
        )


ABC = {n: item(name, days=n) for n, name in enumerate("abc", 1)}
PROVED = replace(ABC[2], source="user", used=9, useful=9)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Found(ABC, Rankings(words=[1, 2])), "a:words b:words"),
        (Found(ABC, Rankings(words=[1, 2], meaning=[2, 3])), "b:words+meaning c:meaning a:words"),
        (Found(ABC, Rankings(words=[], place=[3])), "c:path"),
        (Found(ABC, Rankings(words=[1, 99])), "a:words"),
        (Found(ABC, Rankings(words=[3, 2, 1]), limit=1), "c:words"),
        (Found(ABC, Rankings(words=[1]), limit=0), ""),
        (Found(ABC, Rankings(words=[1]), limit=-1), ""),
        (Found(ABC, Rankings()), "a: b: c:"),
        (Found(ABC | {2: PROVED}, Rankings(words=[1, 2])), "b:words a:words"),
    ],
    ids=str,
)
def test_what_is_recalled(found: Found, told: str) -> None:
    assert str(found) == told


# --- letting go --------------------------------------------------------------------------------------

MANY = [
    item("said", kind="lesson", source="user", days=90),
    item("lesson", kind="lesson", source="gate", days=60),
    item("helped", days=50, used=9, useful=9),
    item("useless", days=5, used=5),
    item("new", days=1),
    item("old", days=40),
]


@pytest.mark.parametrize(
    ("most", "days", "gone"),
    [
        (6, None, ""),
        (5, None, "useless"),
        (4, None, "useless old"),
        (1, None, "useless old new helped lesson"),
        (0, None, "useless old new helped lesson said"),
        (-1, None, "useless old new helped lesson said"),
        (6, 45, "said lesson helped"),
        (2, 45, "said lesson helped useless"),
        (6, 0.5, "said lesson helped old useless new"),
    ],
)
def test_what_goes(most: int, days: float | None, gone: str) -> None:
    older_than = None if days is None else NOW - days * DAY
    assert " ".join(one.id for one in going(MANY, most, older_than, NOW)) == gone


@given(st.lists(ITEMS, unique_by=lambda one: one.id), st.integers(0, 5), st.none() | st.floats(-1e14, 1e14))
def test_what_stays_is_as_much_as_may(items: list[MemoryItem], most: int, older_than: float | None) -> None:
    gone = {one.id for one in going(items, most, older_than, NOW)}
    stays = [one for one in items if one.id not in gone]
    young = [one for one in items if older_than is None or one.at >= older_than]
    assert len(stays) == min(most, len(young))
    assert all(one in young for one in stays)
    if any(one.source == "user" for one in young if one.id in gone):
        assert all(one.source == "user" for one in stays), "the user's own words go last"
