"""A file pasted where a sentence belongs: what the user reads, and that nothing came of it."""

from __future__ import annotations

import pytest
from engine_house import House, house, workspace
from fakes import task, writes

from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.core.run import Run

__all__ = ["house", "workspace"]


async def check(house: House, run: Run, name: str, told: str, **argument: object) -> None:
    """The operation is refused with just this sentence, and the run is what it was."""
    with pytest.raises(InvalidArgument) as error:
        await house.operations.execute(name, argument)
    assert str(error.value) == told
    assert house.now(run) == run


TOLD = "`{}` has {:,} characters; {:,} are allowed: say it in fewer words."


async def test_as_the_reason_that_a_plan_is_rejected_for(house: House) -> None:
    run = await house.run(task("t"), started={"approval": "ask"}, t=writes(b="B\n"))
    assert run.status == "awaiting_approval"
    told = TOLD.format("reason", 20_001, 20_000)
    await check(house, run, "plan.reject", told, run_id=run.id, reason="x" * 20_001)
    await house.operations.execute("plan.reject", {"run_id": run.id, "reason": "x" * 20_000})
    assert house.now(run).status == "cancelled"


@pytest.mark.parametrize(("name", "word"), [("review.reject", "reason"), ("review.revise", "feedback")])
async def test_as_what_is_wrong_with_a_change(house: House, name: str, word: str) -> None:
    run = await house.run(task("t"), t=writes(b="B\n"))
    told = TOLD.format(word, 20_001, 20_000)
    await check(house, run, name, told, change_ids=list(run.changes), **{word: "x" * 20_001})


async def test_as_a_request(house: House) -> None:
    run = await house.run(task("t"), t=writes(b="B\n"))
    await check(house, run, "delegate", TOLD.format("request", 100_001, 100_000), request="x" * 100_001)
