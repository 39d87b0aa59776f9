"""Changes that need each other, and groups of them, in a whole run: listed, refused, offered, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from engine_house import House, house, workspace
from fakes import Step, puts, task

from nexus_lsp.adapters import change_reading
from nexus_lsp.core import facts as f
from nexus_lsp.core.problems import InvalidArgument, Unknown
from nexus_lsp.core.run import Run

__all__ = ["house", "workspace"]

C = "def c():\n    return 1\n"
HELP = "def helped():\n    return 2\n\n\n"
USE = "from src.c import helped\n\n\ndef use():\n    return helped()\n"


def works(**files: str) -> Step:
    return puts({path.replace("__", "/") + ".py": text for path, text in files.items()})


def named(run: Run) -> dict[str, str]:
    """What waits or was decided: a readable name → id; `src/c.py:1` for an edit."""
    return {
        f"{s.change.path}:{s.change.line + 1}" if s.change.kind == "edit" else s.change.path: i
        for i, s in run.changes.items()
        if not s.superseded_by
    }


class Desk:
    """The operations of a house, as a face calls them."""

    def __init__(self, house: House) -> None:
        self._operations = house.operations

    async def __call__(self, name: str, **argument: Any) -> Any:
        return await self._operations.execute(f"review.{name}", argument)


async def proposal(house: House) -> tuple[Run, dict[str, str], Desk]:
    """A new function in `src/c.py`, and a new module that uses it."""
    run = await house.run(task("t"), t=works(src__c=HELP + C, use=USE))
    return run, named(run), Desk(house)


async def test_accepting_one_alone_is_refused_and_the_set_is_offered(house: House) -> None:
    _, ids, review = await proposal(house)
    use, helped = ids["use.py"], ids["src/c.py:1"]
    answer = await review("accept", change_ids=[use])
    told = {"id": use, "why": f"it needs {helped}: accept them together", "needs": [helped]}
    assert answer == {"accepted": [], "refused": [told], "unsaved": []}
    assert "use.py" not in house.user_texts()
    answer = await review("accept", change_ids=[use, *told["needs"]])
    assert sorted(answer["accepted"]) == sorted([use, helped])
    assert house.user_texts()["use.py"] == USE


async def test_accepting_a_file_leaves_out_what_it_needs(house: House) -> None:
    _, ids, review = await proposal(house)
    answer = await review("accept", path="use.py")
    assert (answer["accepted"], answer["refused"][0]["needs"]) == ([], [ids["src/c.py:1"]])
    answer = await review("accept", path="src/c.py")
    assert answer["accepted"] == [ids["src/c.py:1"]]
    assert (await review("accept", path="use.py"))["accepted"] == [ids["use.py"]]


async def test_what_was_turned_down_stands_in_the_way_until_the_user_insists(house: House) -> None:
    _, ids, review = await proposal(house)
    use, helped = ids["use.py"], ids["src/c.py:1"]
    await review("reject", change_ids=[helped])
    [refused] = (await review("accept", change_ids=[use]))["refused"]
    assert (
        refused["why"]
        == f"it needs {helped}, which is rejected: take that back (`undo`) first, or accept it anyway"
    )
    assert "needs" not in refused
    assert (await review("accept", change_ids=[use], anyway=True))["accepted"] == [use]
    assert house.user_texts()["src/c.py"] == C


async def test_what_accepted_changes_need_is_taken_back_only_with_them(house: House) -> None:
    run, ids, review = await proposal(house)
    use, helped = ids["use.py"], ids["src/c.py:1"]
    await review("accept", run_id=run.id)
    [refused] = (await review("undo", change_ids=[helped]))["refused"]
    assert refused == {"id": helped, "why": f"it is needed by {use}: take them back together", "needs": [use]}
    answer = await review("undo", change_ids=[helped, *refused["needs"]])
    assert sorted(answer["reopened"]) == sorted([use, helped])
    assert house.user_texts()["src/c.py"] == C and "use.py" not in house.user_texts()


async def test_a_later_task_takes_the_place_of_what_is_needed(house: House) -> None:
    """The second task changes the new function: what needs it needs the change that brings it now."""
    more = HELP.replace("return 2", "return 22")
    run = await house.run(
        task("t"), task("u", "t"), t=works(src__c=HELP + C, use=USE), u=works(src__c=more + C)
    )
    ids, review = named(run), Desk(house)
    [old] = [i for i, s in run.changes.items() if s.superseded_by]
    assert run.changes[ids["use.py"]].change.depends_on == (ids["src/c.py:1"],)
    assert old not in run.changes[ids["use.py"]].change.depends_on
    [refused] = (await review("accept", change_ids=[ids["use.py"]]))["refused"]
    assert refused["needs"] == [ids["src/c.py:1"]]


async def test_a_later_task_needs_what_waits_and_what_was_accepted(house: House) -> None:
    step = works(test_use="from use import use\n\n\ndef test_use():\n    assert use() == 2\n")
    run = await house.run(task("t"), task("u", "t"), t=works(src__c=HELP + C, use=USE), u=step)
    ids, review = named(run), Desk(house)
    [refused] = (await review("accept", change_ids=[ids["test_use.py"]]))["refused"]
    assert refused["needs"] == [ids["src/c.py:1"], ids["use.py"]]
    await review("accept", change_ids=[ids["src/c.py:1"], ids["use.py"]])
    assert (await review("accept", change_ids=[ids["test_use.py"]]))["accepted"] == [ids["test_use.py"]]
    [refused] = (await review("undo", change_ids=[ids["src/c.py:1"]]))["refused"]
    assert refused["needs"] == [ids["use.py"], ids["test_use.py"]]


async def test_relations_outlive_a_restart(house: House) -> None:
    run, ids, _ = await proposal(house)
    await house.reopen()
    assert house.now(run).changes == run.changes
    [refused] = (await Desk(house)("accept", change_ids=[ids["use.py"]]))["refused"]
    assert refused["needs"] == [ids["src/c.py:1"]]


async def test_a_proposal_whose_relations_cannot_be_read_is_a_proposal_still(house: House) -> None:
    async def breaks(_given: object) -> Any:
        raise change_reading.ReadingFailed("it died")

    house.engine.adapters = type(house.engine.adapters)(
        **{
            **{n: getattr(house.engine.adapters, n) for n in house.engine.adapters.__slots__},
            "relate": breaks,
        }
    )
    run, ids, review = await proposal(house)
    assert house.facts(run, f.ChangesRelated) == []
    [group] = (await review("list", path="use.py"))["groups"]
    assert group["risk_why"] == "no rule has looked at it"
    assert (await review("accept", change_ids=[ids["use.py"]]))["accepted"] == [ids["use.py"]]


async def test_large_texts_are_read_by_a_process_that_says_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    async def both(it: Any) -> Any:
        given.append(it)
        return await change_reading.relate_apart(it)

    adapters = house.engine.adapters
    house.engine.adapters = type(adapters)(
        **{**{n: getattr(adapters, n) for n in adapters.__slots__}, "relate": both}
    )
    monkeypatch.setattr(change_reading, "SMALL", 0)
    run, ids, _ = await proposal(house)
    assert run.changes[ids["use.py"]].change.depends_on == (ids["src/c.py:1"],)
    here = change_reading.relate(given[0])
    assert await change_reading.relate_apart(given[0]) == here


# --- groups and pages --------------------------------------------------------------------------------


async def test_groups_come_riskiest_first_and_can_be_decided_on(house: House) -> None:
    files = {"src/c.py": "def c(x):\n    return 1\n", "b.txt": "B\n", "use.py": USE.replace("helped", "c")}
    run = await house.run(task("t"), t=puts(files))
    ids, review = named(run), Desk(house)
    listed = await review("list")
    assert [(g["risk"], g["risk_why"], g["summary"]) for g in listed["groups"]] == [
        ("public_api", "changes the signature of public `c`", "changes `c` in c.py; 1 change"),
        ("code", "no rule for anything riskier holds", "adds `use` to use.py; 1 change"),
        ("docs", "a document, by its path", "documents: b.txt; 1 change"),
    ]
    of = {line["id"]: line["group"] for line in listed["changes"]}
    docs = listed["groups"][2]
    assert of[ids["b.txt:1"]] == docs["id"] and docs["change_ids"] == [ids["b.txt:1"]]
    assert (await review("list", group_id=docs["id"]))["changes"][0]["path"] == "b.txt"
    assert (await review("accept", group_id=docs["id"]))["accepted"] == [ids["b.txt:1"]]
    assert house.user_texts()["b.txt"] == "B\n"
    rejected = await review("reject", group_id=listed["groups"][0]["id"], reason="keep it")
    assert rejected["rejected"] == [ids["src/c.py:1"]]
    after = (await review("list"))["groups"]
    assert [(g["id"], g["counts"]) for g in after] == [
        (listed["groups"][1]["id"], {"pending": 1}),
        (listed["groups"][0]["id"], {"rejected": 1}),
        (docs["id"], {"accepted": 1}),
    ]


async def test_a_long_list_comes_in_pages(house: House) -> None:
    numbers = [f"{n}\n" for n in range(500)]
    house.types("src/c.py", "".join(numbers))
    step = works(src__c="".join(n if at % 2 else f"{at + 1000}\n" for at, n in enumerate(numbers)))
    run = await house.run(task("t"), t=step)
    review = Desk(house)
    whole = (await review("list"))["changes"]
    assert len(whole) == 250
    pages, after = [], None
    while True:
        page = await review("list", limit=100, grouped=False, **({"after": after} if after else {}))
        pages.append([line["id"] for line in page["changes"]])
        if (after := page["after"]) is None:
            break
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [i for page in pages for i in page] == [line["id"] for line in whole]
    empty = await review("list", limit=0, run_id=run.id)
    assert (empty["changes"], empty["after"], len(empty["groups"])) == ([], None, 1)


@pytest.mark.parametrize(
    ("name", "argument", "error", "told"),
    [
        ("list", {"group_id": "group_x"}, Unknown, "There is no group 'group_x'"),
        ("accept", {"group_id": "group_x"}, Unknown, "There is no group 'group_x'"),
        ("accept", {"group_id": "g", "run_id": "r"}, InvalidArgument, "exactly one of"),
        ("list", {"after": "change_x"}, InvalidArgument, "is none of these changes"),
        ("list", {"limit": -1}, InvalidArgument, "`limit`"),
    ],
)
async def test_a_wrong_argument(
    house: House, name: str, argument: dict[str, Any], error: type[Exception], told: str
) -> None:
    _, _, review = await proposal(house)
    with pytest.raises(error, match=told):
        await review(name, **argument)
