"""The team's memory: one suite over the fake and over the file, there with and without an embedder."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fake_memory import FakeMemory
from memory_house import DAY, NOW, item

from nexus_lsp.adapters.memory.embeddings import find_embedder
from nexus_lsp.adapters.memory.sqlite_memory import SqliteMemory
from nexus_lsp.core.memory import MAX_TEXT, MemoryItem, MemoryQuery
from nexus_lsp.ports import Memory, MemoryFailed

Open = Callable[[], Awaitable[Memory]]


@pytest_asyncio.fixture(params=["fake", "words", "words and meaning"])
async def again(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens memories on one store; each is closed before the next is opened."""
    if request.param == "words and meaning" and importlib.util.find_spec("wordllama") is None:
        pytest.skip("the extra `embeddings` is missing")
    kept: dict[str, MemoryItem] = {}
    made: list[Memory] = []

    def make() -> Memory:
        if request.param == "fake":
            return FakeMemory(kept, now=lambda: NOW)
        embedder = find_embedder() if request.param == "words and meaning" else None
        return SqliteMemory(tmp_path / "deep" / "memory.db", embedder, now=lambda: NOW)

    async def opened() -> Memory:
        for old in made:
            await old.close()
        made.append(make())
        await made[-1].open()
        return made[-1]

    yield opened
    for old in made:
        await old.close()


async def found(memory: Memory, text: str = "", **more: Any) -> str:
    """What a search gives: ids, best first."""
    return " ".join(one.item.id for one in await memory.search(MemoryQuery(text, NOW, **more)))


async def worded(memory: Memory, text: str) -> str:
    """What is found by its words."""
    hits = await memory.search(MemoryQuery(text, NOW))
    return " ".join(one.item.id for one in hits if "words" in one.why)


async def keep(memory: Memory, items: Sequence[MemoryItem]) -> None:
    """Store, and wait until all of it can be found in every way."""
    await memory.store(items)
    if isinstance(memory, SqliteMemory):
        await memory.settled()


async def ids(memory: Memory) -> str:
    return " ".join(one.id for one in await memory.export())


# --- kept --------------------------------------------------------------------------------------------


async def test_what_is_stored_is_there_again_as_it_was_oldest_first(again: Open) -> None:
    memory = await again()
    whole = item(
        "m1",
        "Ümläute, 🍜 and\0 \n\t all",
        kind="lesson",
        source="gate",
        days=3,
        paths=("src/a b.py", "caf\udce9.py"),
        run_id="run_1",
        task_id="t2",
        used=4,
        useful=3,
    )
    await memory.store([item("m2", days=1), whole])
    await memory.store([item("m0", days=9)])
    await memory.store([])
    expected = [item("m0", days=9), whole, item("m2", days=1)]
    assert await memory.export() == expected
    memory = await again()
    assert await memory.export() == expected
    assert memory.notice == ""


async def test_storing_again_changes_nothing(again: Open) -> None:
    memory = await again()
    await memory.store([item("m1", "first"), item("m1", "second")])
    await memory.used(["m1"], useful=True)
    await memory.store([item("m1", "third"), item("m2")])
    assert [(one.text, one.used) for one in await memory.export()] == [("first", 1), ("text", 0)]
    assert await worded(memory, "third") == ""


async def test_secrets_are_not_kept_and_texts_have_a_size(again: Open) -> None:
    memory = await again()
    await memory.store([item("m1", "use sk-ant-api03-abcDEF1234567890xyz here"), item("m2", "x" * 9_000)])
    [one, other] = await memory.export()
    assert (one.text, len(other.text)) == ("use [secret] here", MAX_TEXT)
    assert await worded(memory, "sk-ant-api03-abcDEF1234567890xyz") == ""


async def test_a_closed_memory_says_so(again: Open) -> None:
    memory = await again()
    await memory.close()
    await memory.close()
    calls = (
        memory.store([item()]),
        memory.search(MemoryQuery("x", NOW)),
        memory.used(["m1"], useful=True),
        memory.forget(["m1"]),
        memory.export(),
        memory.trim("ada", 1),
    )
    for call in calls:
        with pytest.raises(MemoryFailed, match="The memory is closed"):
            await call


# --- found -------------------------------------------------------------------------------------------

SHOP = [
    item("cookie", "The session_cookie needs SameSite=Lax.", paths=("shop/auth/session.py",), kind="lesson"),
    item("vat", "VAT is rounded per line, half up.", agent="bob", paths=("shop/billing/tax.py",), days=2),
    item("style", "The user wants short functions.", agent="", kind="decision", source="user", days=5),
    item("old", "Sessions were kept in files once.", days=400, paths=("shop/auth/store.py",)),
]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"text": "SessionCookie is lost"}, "cookie"),
        ({"text": "how is VAT rounded?"}, "vat"),
        ({"text": "VAT", "agent_id": "ada"}, "no vat"),
        ({"text": "VAT", "agent_id": "bob"}, "vat"),
        ({"text": "short functions", "agent_id": "ada"}, "style"),
        ({"text": "sessions", "kinds": ("lesson",)}, "cookie"),
        ({"text": "sessions", "kinds": ("note",)}, "old"),
        ({"text": "kept in files", "paths": ("shop/auth/session.py",)}, "old"),
        ({"text": "", "paths": ("shop/billing/tax.py",)}, "vat"),
        ({"text": "", "paths": ("shop/billing/other.py",)}, "vat"),
        ({"text": "", "paths": ("shop/billing/tax.py",), "agent_id": "ada"}, ""),
        ({"text": "", "kinds": ("decision", "lesson"), "agent_id": "bob"}, "style"),
        ({"text": "sessions", "limit": 0}, ""),
    ],
)
async def test_what_comes_first(again: Open, asked: dict[str, Any], first: str) -> None:
    memory = await again()
    await keep(memory, SHOP)
    told = await found(memory, **asked)
    if first.startswith("no "):
        assert first.removeprefix("no ") not in told.split()
    else:
        assert told.partition(" ")[0] == first


async def test_nothing_asked_gives_what_is_newest_and_weighs_most(again: Open) -> None:
    memory = await again()
    await keep(memory, [item(f"m{n}", days=30 * n) for n in range(9)])
    assert await found(memory, limit=4) == "m0 m1 m2 m3"
    assert await found(memory, " \n", limit=2) == "m0 m1"


async def test_why_something_was_found(again: Open) -> None:
    memory = await again()
    await keep(memory, SHOP)
    query = MemoryQuery("session_cookie", NOW, paths=("shop/auth/session.py", "shop/billing/a.py"))
    why = {one.item.id: set(one.why) - {"meaning"} for one in await memory.search(query)}
    assert (why["cookie"], why["vat"]) == ({"words", "path"}, {"path"})


async def test_scores_fall(again: Open) -> None:
    memory = await again()
    await keep(memory, SHOP)
    scores = [one.score for one in await memory.search(MemoryQuery("sessions of the user", NOW))]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'); DROP TABLE items; --",
        'vat" OR "x',
        "vat*",
        "NEAR(vat, 2) AND NOT x",
        "words : vat ^ - + {a b}",
        "vat\0vat",
        "vat \ud800",
        "🍜 vat",
        "(" * 5_000,
        "vat " * 25_000,
        "\ue000vat",
        "x" * 100_000,
        "OR AND NOT",
        "%_?",
    ],
    ids=lambda text: repr(text)[:30],
)
async def test_any_text_may_be_asked(again: Open, text: str) -> None:
    memory = await again()
    await keep(memory, SHOP)
    assert ("vat" in (await found(memory, text)).split()) or "vat" not in text
    await found(memory, "vat", paths=(text, text.encode("utf-8", "replace").decode()))
    await found(memory, text, agent_id=text)


async def test_what_helped_comes_before_what_did_not(again: Open) -> None:
    memory = await again()
    await keep(memory, [item("a", "cookie one"), item("b", "cookie two"), item("c", "cookie three")])
    for _ in range(5):
        await memory.used(["b", "unknown"], useful=True)
        await memory.used(["a"], useful=False)
    assert await found(memory, "cookie") == "b c a"
    assert [(one.id, one.used, one.useful) for one in await memory.export()] == [
        ("a", 5, 0),
        ("b", 5, 5),
        ("c", 0, 0),
    ]


# --- forgotten ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "gone", "left"),
    [
        ({"ids": ["vat", "unknown"]}, 1, "old style cookie"),
        ({"ids": []}, 0, "old style vat cookie"),
        ({}, 0, "old style vat cookie"),
        ({"agent_id": "ada"}, 2, "style vat"),
        ({"agent_id": ""}, 1, "old vat cookie"),
        ({"agent_id": "nobody"}, 0, "old style vat cookie"),
        ({"everything": True}, 4, ""),
    ],
)
async def test_what_is_forgotten(again: Open, what: dict[str, Any], gone: int, left: str) -> None:
    memory = await again()
    await keep(memory, SHOP)
    await found(memory, "session vat user")
    assert await memory.forget(**what) == gone
    assert await ids(memory) == left
    for text in ("session cookie", "VAT", "functions of the user", "files"):
        assert set((await found(memory, text)).split()) <= set(left.split())
    memory = await again()
    assert await ids(memory) == left
    await keep(memory, SHOP)
    assert len(await memory.export()) == 4


@pytest.mark.parametrize(
    ("most", "days", "left"),
    [
        (3, None, "vat style m1 m2 said"),
        (1, None, "vat style said"),
        (0, None, "vat style"),
        (99, 2.5, "vat style m1 m2"),
        (1, 2.5, "vat style m1"),
        (99, None, "vat style m1 m2 m3 m4 said"),
    ],
)
async def test_retention_of_one_agent(again: Open, most: int, days: float | None, left: str) -> None:
    memory = await again()
    said = item("said", kind="lesson", source="user", days=300)
    own = [*(item(f"m{n}", days=n) for n in range(1, 5)), said]
    await keep(memory, [*own, *(one for one in SHOP if one.agent_id != "ada")])
    gone = await memory.trim("ada", most, None if days is None else NOW - days * DAY)
    assert gone == 7 - len(left.split())
    assert sorted((await ids(memory)).split()) == sorted(left.split())


# --- at once -----------------------------------------------------------------------------------------


async def test_many_at_once(again: Open) -> None:
    memory = await again()

    async def work(n: int) -> None:
        own = [item(f"m{n}.{at}", f"cookie number {n} {at}", agent=f"agent{n}") for at in range(20)]
        await memory.store(own)
        for at in range(0, 20, 2):
            await memory.forget([f"m{n}.{at}"])
            await memory.used([f"m{n}.{at + 1}"], useful=True)
            mine = await memory.search(MemoryQuery("cookie", NOW, agent_id=f"agent{n}", limit=50))
            assert len(mine) == 20 - at // 2 - 1
        await memory.trim(f"agent{n}", 5)

    await asyncio.gather(*(work(n) for n in range(6)))
    assert len(await memory.export()) == 30
