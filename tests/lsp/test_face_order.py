"""Changes that need each other, and groups of them, in an editor: what is offered, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus_lsp.lsp import marks

from .editor_client import EarlierRun, TestEditor, WireError

SHOP = "def total(cart):\n    return sum(cart)\n"
NEW = "def taxed(cart):\n    return total(cart) * 1.2\n\n\n"
USE = "from shop import total\n\n\ndef bill(cart):\n    return total(cart)\n"
NAMES = ("one", "two", "three")
"""Each has a shop of its own, so that no test disturbs another."""


def _work(checkout: Path) -> None:
    for name in NAMES:
        (checkout / name / "shop.py").write_text(NEW + SHOP)
        text = USE.replace("import total", "import taxed").replace("return total", "return taxed")
        (checkout / name / "use.py").write_text(text)
    (checkout / "README.md").write_text("Taxes are known.\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EarlierRun:
    directory = tmp_path_factory.mktemp("order")
    root = directory / "ws"
    for name in NAMES:
        (root / name).mkdir(parents=True)
        (root / name / "shop.py").write_text(SHOP)
        (root / name / "use.py").write_text(USE)
    (root / "README.md").write_text("A shop.\n")
    earlier = EarlierRun(root, directory / "state")
    earlier.propose(("code_developer", "Know taxes", _work))
    return earlier


@pytest.fixture(scope="module")
def shared(run: EarlierRun) -> Iterator[TestEditor]:
    editor = TestEditor(run.root, run.state, rest=0.4, answer=2.0)
    yield from editor.until_its_end()


@pytest.fixture
def editor(shared: TestEditor) -> Iterator[TestEditor]:
    yield shared
    assert shared.faults == []


def test_the_code_action_accepts_what_is_needed_too(editor: TestEditor):
    editor.open("one/use.py")
    (definition,) = editor.wait_marks("one/shop.py", 1)
    imported, used = editor.wait_marks("one/use.py", 2)
    [alone] = editor.actions("one/shop.py", 0, ["quickfix.nexus.accept"])
    assert alone["title"] == "Accept “Code: Know taxes”"
    # the import takes the old name away, so that it needs the use, too
    [action] = editor.actions("one/use.py", 0, ["quickfix.nexus.accept"])
    assert action["title"] == "Accept with the 2 changes it needs “Code: Know taxes”"
    assert action["isPreferred"]
    answer = editor.run_action(action)
    assert sorted(answer["accepted"]) == sorted([definition["code"], imported["code"], used["code"]])
    assert editor.text("one/use.py").endswith("return taxed(cart)\n")
    assert editor.text("one/shop.py") == NEW + SHOP

    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": editor.uri("one/use.py")}})
    told = [lens["command"]["title"] for lens in lenses]
    assert told[0].startswith("↶ Take back with the 1 change that needs it — ")
    [undo] = editor.actions("one/shop.py", 0, ["quickfix.nexus.undo"])
    assert undo["title"].startswith("Take back with the 2 changes that need it")
    [refused] = editor.command("review.undo", changeIds=[definition["code"]])["refused"]
    assert sorted(refused["needs"]) == sorted([imported["code"], used["code"]])
    assert len(editor.run_action(undo)["reopened"]) == 3
    assert (editor.text("one/use.py"), editor.text("one/shop.py")) == (USE, SHOP)


def test_what_was_turned_down_is_told_and_the_user_may_insist(editor: TestEditor):
    editor.open("two/use.py")
    (definition,) = editor.wait_marks("two/shop.py", 1)
    imported, _ = editor.wait_marks("two/use.py", 2)
    editor.command("review.reject", changeIds=[definition["code"]])
    editor.wait_status(definition["code"], "rejected")
    [refused] = editor.command("review.accept", changeIds=[imported["code"]])["refused"]
    assert refused["id"] == imported["code"] and "which is rejected" in refused["why"]
    [action] = editor.actions("two/use.py", 0, ["quickfix.nexus.accept"])
    assert action["title"] == "Accept without what it needs “Code: Know taxes”"
    assert not action["isPreferred"]
    assert editor.run_action(action)["accepted"] == [imported["code"]]
    assert editor.text("two/use.py").startswith("from shop import taxed\n")


def test_a_lens_offers_what_is_needed(editor: TestEditor):
    uri = editor.open("three/use.py")
    editor.wait_marks("three/use.py", 2)
    lenses = editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert lenses[2]["command"]["title"].startswith("✓ Accept with the 2 changes it needs — ")
    assert len(lenses[2]["command"]["arguments"][0]["changeIds"]) == 3


def test_the_list_has_groups_and_pages(editor: TestEditor, run: EarlierRun):
    listed = editor.command("review.list", runId=run.run_id)
    readme = next(g for g in listed["groups"] if g["paths"] == ["README.md"])
    [line] = editor.changes("README.md")
    assert readme == {
        "id": line["group"],
        "runId": run.run_id,
        "summary": "documents: README.md; 1 change",
        "risk": "docs",
        "riskWhy": "a document, by its path",
        "changeIds": [line["id"]],
        "paths": ["README.md"],
        "counts": {"pending": 1},
    }
    first = editor.command("review.list", limit=4)
    assert (len(first["changes"]), first["after"]) == (4, first["changes"][-1]["id"])
    rest = editor.command("review.list", after=first["after"])
    assert len(rest["changes"]) == len(listed["changes"]) - 4 and rest["after"] is None
    assert editor.command("review.accept", groupId=readme["id"])["accepted"] == [line["id"]]
    assert editor.text("README.md") == "Taxes are known.\n"
    with pytest.raises(WireError, match="no group 'g'"):
        editor.command("review.accept", groupId="g")


# --- evidence ----------------------------------------------------------------------------------------


def gate(name: str, status: str, task: str | None, commit: str, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {"gate": name, "status": status, "task_id": task, "commit": commit * 20}
    return plain | {"why": "", "output": "", "baseline": False} | more


GATES = [
    gate("tests", "passed", None, "b0", baseline=True),
    gate("tests", "failed", "t", "a1", why="test_a", output="E assert 0"),
    gate("tests", "passed", "t", "a2"),
    gate("tests", "passed", "other", "a3"),
    gate("test_integrity", "warning", None, "a4"),
    gate("tests", "failed", None, "c1", why="test_b"),
    gate("tests", "passed", None, "c2"),
    gate("lint", "not_measured", None, "c2", why="no linter"),
]
TASKS = (
    "- gate `tests`: failed: test_a *(tree a1a1a1a1a1)*\n\n```\nE assert 0\n```\n"
    "- gate `tests`: passed *(tree a2a2a2a2a2)*\n"
)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("pending", TASKS),
        (
            "accepted",
            TASKS + "- gate `tests`: passed *(your files, tree c2c2c2c2c2)*\n"
            "- gate `lint`: not measured: no linter *(your files, tree c2c2c2c2c2)*\n",
        ),
    ],
)
def test_every_piece_of_evidence_names_its_tree(status: str, told: str):
    assert marks.evidence({"status": status, "task_ids": ["t"]}, GATES) == told
