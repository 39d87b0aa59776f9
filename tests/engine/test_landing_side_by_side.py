"""Two tasks that touch one file at the same time: both land, or the agent and the user read who disagreed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from engine_house import House, house, workspace
from fakes import Brake, Step, puts, task

from nexus_lsp.core import facts as f
from nexus_lsp.core.run import Run

__all__ = ["house", "workspace"]

BASE = '''"""Shapes."""

import math

SHAPES = {"circle": 1}


def circle(r):
    return math.pi * r * r
'''
SQUARE = BASE.replace("import math\n", "import math\nimport operator\n").replace("1}", '1, "square": 2}')
SQUARE += "\n\ndef square(a):\n    return operator.mul(a, a)\n"
EDGE = BASE.replace("import math\n", "import math\nimport sys\n").replace("1}", '1, "edge": 3}')
EDGE += "\n\ndef edge(a):\n    print(a, file=sys.stderr)\n    return a\n"
RUBBISH = "def circle(r):\n    return 3\n"


async def side_by_side(house: House, first: Step, second: Sequence[Step]) -> Run:
    """Both begin on the same text; `first` lands, then `second`."""
    a, b = Brake(first), Brake(second[0])
    house.plays(task("a", writes=["x"]), task("b", writes=["y"]), a=a, b=[b, *second[1:]])
    run_id = await house.delegate()
    await asyncio.wait_for(asyncio.gather(a.reached.wait(), b.reached.wait()), 20)
    a.go.set()
    await house.until(run_id, lambda run: run.tasks["a"].status == "completed")
    b.go.set()
    return await house.rests(run_id)


async def begin(house: House, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        house.types(path, text)


async def test_two_functions_with_their_imports_land_without_another_attempt(house: House) -> None:
    await begin(house, {"shapes.py": BASE})
    run = await side_by_side(house, puts({"shapes.py": SQUARE}), [puts({"shapes.py": EDGE})])
    assert [a.attempt for a in house.backend.attempts("b")] == [1]
    assert run.status == "ready" and house.facts(run, f.RepairRequested) == []
    landed = [
        fact.by_structure for fact in house.facts(run, f.TaskCompleted) if isinstance(fact, f.TaskCompleted)
    ]
    assert landed == [(), ("shapes.py",)]

    text = (await house.tree(run.integration))["shapes.py"]
    assert all(text.count(f"def {name}(") == 1 for name in ("circle", "square", "edge"))
    assert 'SHAPES = {"circle": 1, "square": 2, "edge": 3}' in text
    assert "import math\nimport operator\nimport sys\n" in text
    await house.accept(run)
    assert house.user_texts()["shapes.py"] == text


async def test_two_functions_in_typescript_land_without_another_attempt(house: House) -> None:
    base = 'import { a } from "./a";\n\nexport const few = [a];\n'
    texts = [
        base.replace("\n\n", f'\nimport {{ {name} }} from "./{name}";\n\n', 1)
        + f"\nexport function use_{name}(): void {{\n  {name}();\n}}\n"
        for name in ("b", "c")
    ]
    await begin(house, {"shapes.ts": base})
    first, second = (puts({"shapes.ts": text}) for text in texts)
    run = await side_by_side(house, first, [second])
    assert run.status == "ready" and house.facts(run, f.RepairRequested) == []
    text = (await house.tree(run.integration))["shapes.ts"]
    assert 'from "./a";\nimport { b } from "./b";\nimport { c } from "./c";\n' in text
    assert [text.count(f"function use_{name}()") for name in ("b", "c")] == [1, 1]


async def test_what_was_merged_by_structure_is_gated(house: House) -> None:
    def one_too_many(texts: Mapping[str, str]) -> Mapping[str, bool]:
        text = texts.get("shapes.py", "")
        return {"tests/test_shapes.py::test_few": not ("square" in text and "edge" in text)}

    await begin(house, {"shapes.py": BASE})
    await house.reopen(one_too_many)
    edge, square = puts({"shapes.py": EDGE}), puts({"shapes.py": SQUARE})
    run = await side_by_side(house, square, [edge, square])
    [repair] = house.facts(run, f.RepairRequested)
    assert isinstance(repair, f.RepairRequested) and repair.cause == "gate"
    assert "test_few" in repair.evidence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (puts({"shapes.py": BASE.replace("r * r", "r ** 2")}), puts({"shapes.py": RUBBISH})),
        (puts({"shapes.py": None}), puts({"shapes.py": SQUARE})),
        (puts({"shapes.py": "\0"}), puts({"shapes.py": "\0\1"})),
    ],
    ids=["the same function", "deleted and changed", "binary"],
)
async def test_what_is_not_sure_goes_back_to_its_agent(house: House, first: Step, second: Step) -> None:
    await begin(house, {"shapes.py": BASE})
    run = await side_by_side(house, first, [second, puts({"shapes.py": BASE, "n.txt": "n\n"})])
    [repair] = house.facts(run, f.RepairRequested)
    assert isinstance(repair, f.RepairRequested) and repair.cause == "conflict"


TOLD = [
    "Your work and what landed meanwhile change the same lines of: shapes.py."
    " It is “Do b” against “Do a”. Where: shapes.py, line 9.",
    "Landing now: b, “Do b” by code_developer",
    "Landed before (shapes.py): a, “Do a” by code_developer",
]
CUBE, POWER = (puts({"shapes.py": BASE.replace("r * r", new)}) for new in ("r ** 3", "r ** 2"))


async def test_an_agent_reads_which_two_tasks_disagree_and_where(house: House) -> None:
    await begin(house, {"shapes.py": BASE})
    await side_by_side(house, CUBE, [POWER, POWER])
    assert house.backend.attempts("b")[1].evidence.splitlines() == TOLD


async def test_the_user_reads_which_two_tasks_disagree_when_no_round_is_left(house: House) -> None:
    house.settings = replace(house.settings, repair_rounds=0)
    await house.reopen()
    await begin(house, {"shapes.py": BASE})
    run = await side_by_side(house, CUBE, [POWER])
    assert run.status == "failed"
    assert "it still conflicts with what landed" in run.reason
    assert TOLD[0] in run.reason
    assert run.tasks["b"].summary.splitlines()[1:] == TOLD[1:]
