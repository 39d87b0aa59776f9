"""`nexus-lsp review` on changes that belong together: groups first, and what one of them needs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import House

from tests.lsp.editor_client import EarlierRun

SHOP = "def total(cart):\n    return sum(cart)\n"
TAXED = "def taxed(cart):\n    return total(cart) * 1.2\n\n\n" + SHOP
BILL = "from shop import taxed\n\n\ndef bill(cart):\n    return taxed(cart)\n"
BEFORE = {"shop.py": SHOP, "README.md": "A shop.\n"}
AFTER = {"shop.py": TAXED, "bill.py": BILL, "README.md": "Taxes are known.\n"}


def proposed(tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str]) -> House:
    house = House(tmp_path)
    for path, text in before.items():
        (house.workspace / path).write_text(text)

    def work(checkout: Path) -> None:
        for path, text in after.items():
            (checkout / path).write_text(text)

    EarlierRun(house.workspace, tmp_path / "state").propose(("code_developer", "Know taxes", work))
    return house


@pytest.fixture
def shop(tmp_path: Path) -> House:
    return proposed(tmp_path, BEFORE, AFTER)


async def test_a_list_shows_groups_the_riskiest_first(shop: House) -> None:
    said = (await shop.run("review", "list")).text
    heads = re.findall(r"■ (.*?)\s{2,}(.*)\n\s+(group_\w+)  by rule: (.*)", said)
    assert [(risk, summary, why) for risk, summary, _, why in heads] == [
        (
            "code",
            "adds `taxed`, `bill` to shop.py, bill.py; 2 changes in 2 files",
            "no rule for anything riskier holds",
        ),
        ("docs", "documents: README.md; 1 change", "a document, by its path"),
    ]
    assert "3 waiting in 2 groups" in said and "+def taxed(cart):" in said
    one = (await shop.run("review", "list", heads[1][2])).text
    assert "+Taxes are known." in one and "taxed" not in one
    nothing = await shop.run("review", "list", "group_nope")
    assert nothing.code == 1 and "Nothing waits under 'group_nope'" in nothing.text


async def test_one_alone_is_refused_and_accepted_with_what_it_needs(shop: House) -> None:
    said = await shop.run("review", "accept", "bill.py")
    assert said.code == 1 and "accept them together" in said.text
    assert "`--with-needed` accepts all of them together" in said.text
    assert shop.text("shop.py") == SHOP
    said = await shop.run("review", "accept", "bill.py", "--with-needed")
    assert (said.code, shop.text("shop.py"), shop.text("bill.py")) == (0, TAXED, BILL)
    said = await shop.run("review", "undo", "shop.py")
    assert said.code == 1 and "`--with-needed` takes back all of them together" in said.text
    said = await shop.run("review", "undo", "shop.py", "--with-needed")
    assert (said.code, shop.text("shop.py")) == (0, SHOP)
    assert not (shop.workspace / "bill.py").exists()


async def test_a_path_is_one_from_where_the_user_stands(tmp_path: Path) -> None:
    (tmp_path / "ws" / "src").mkdir(parents=True)
    before = {f"src/{name}.txt": f"{name}\n" for name in "abcd"}
    after = {path: text.upper() for path, text in before.items()}
    house = await asyncio.to_thread(proposed, tmp_path, before, after)
    top = ("--workspace", str(house.workspace))
    for word in ("a.txt", "./b.txt", str(house.workspace / "src/c.txt"), "src/d.txt"):
        said = await house.run("review", "accept", word, *top, within="src")
        assert said.code == 0, said.text
    assert [house.text(path) for path in before] == ["A\n", "B\n", "C\n", "D\n"]


async def test_a_user_may_insist(shop: House) -> None:
    assert (await shop.run("review", "reject", "shop.py")).code == 0
    said = await shop.run("review", "accept", "bill.py", "--with-needed")
    assert said.code == 1 and "which is rejected" in said.text
    said = await shop.run("review", "accept", "bill.py", "--anyway")
    assert (said.code, shop.text("bill.py"), shop.text("shop.py")) == (0, BILL, SHOP)


async def test_a_group_is_accepted_by_its_id(shop: House) -> None:
    said = (await shop.run("review", "list", "README.md")).text
    [group] = re.findall(r"(group_\w+)", said)
    assert (await shop.run("review", "accept", group)).code == 0
    assert (shop.text("README.md"), shop.text("shop.py")) == (AFTER["README.md"], SHOP)


ANSWERS: dict[str, tuple[str, dict[str, str]]] = {
    "the first group, then leave": ("g\nq\n", {"shop.py": TAXED, "README.md": BEFORE["README.md"]}),
    "not the first, but the second": ("x\nnot now\ny\n", {"shop.py": SHOP, "README.md": AFTER["README.md"]}),
    "leave the first group": ("s\ny\n", {"shop.py": SHOP, "README.md": AFTER["README.md"]}),
    "all": ("a\n", AFTER),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_person_decides_group_by_group(shop: House, name: str) -> None:
    typed, expected = ANSWERS[name]
    said = await shop.run("review", stdin=typed)
    assert said.code == 0, said.text
    assert {path: shop.text(path) for path in expected} == expected


async def test_a_person_is_asked_for_what_a_change_needs(tmp_path: Path) -> None:
    """What is needed is asked about first; left as it is, it is offered with what needs it."""
    before = "def bill(cart):\n    return 1\n\n\ndef other():\n    pass\n"
    after = before.replace("return 1", "return taxed(cart)") + "\n\ndef taxed(cart):\n    return 2\n"
    house = await asyncio.to_thread(proposed, tmp_path, {"a.py": before}, {"a.py": after})
    said = await house.run("review", stdin="?\ny\ny\n")
    assert "It needs 1 other change" in said.text
    assert (said.code, house.text("a.py")) == (0, after)


async def test_of_many_changes_only_the_groups_are_listed(tmp_path: Path) -> None:
    numbers = [f"def f{n}():\n    return {n}\n\n\n" for n in range(60)]
    before = "".join(numbers)
    house = await asyncio.to_thread(
        proposed, tmp_path, {"a.py": before}, {"a.py": before.replace("return", "yield")}
    )
    said = (await house.run("review", "list")).text
    assert said.count("■") == 1 and "puts `yield` in the place of `return`; 60 changes" in said
    assert "+    yield" not in said and "`nexus-lsp review list GROUP` shows one group's changes" in said
    assert (await house.run("review", "list", "--all")).text.count("+    yield") == 60
