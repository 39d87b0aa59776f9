"""Every case of the table, through the disk and through an editor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from nexus_lsp.core.run import Run
from tests.engine.engine_house import House
from tests.lsp.editor_client import TestEditor
from tests.review.cases import CASES, Case
from tests.review.faces import disk_desk, disk_house, editor_desk, editor_house
from tests.review.trial import STEPS, Outcome, attempt

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def disk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[House, Run]]:
    house, run = await disk_house(tmp_path_factory.mktemp("disk"), CASES)
    yield house, run
    await house.close()


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestEditor]:
    opened = editor_house(tmp_path_factory.mktemp("editor"), CASES)
    yield opened
    try:
        opened.end()
    finally:
        opened.kill()


def check(case: Case, outcome: Outcome, note: str) -> None:
    told = "; ".join(outcome.notes)
    assert {step: outcome.steps[step] for step in STEPS} == dict.fromkeys(STEPS, ""), told
    assert outcome.shown == case.shown
    assert told == note


@by_name
@pytest.mark.asyncio(loop_scope="module")
async def test_through_the_disk(disk: tuple[House, Run], case: Case) -> None:
    check(case, await attempt(case, disk_desk(*disk, case)), case.note)


@by_name
async def test_through_an_editor(editor: TestEditor, case: Case) -> None:
    editor.faults.clear()
    check(case, await attempt(case, editor_desk(editor, case)), case.editor_note or case.note)
    assert editor.faults == []
