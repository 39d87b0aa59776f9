"""Another program writes files: the editor says nothing, and the changes move or go all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor_client import EarlierRun, TestEditor

TEXT = "".join(f"line {n}\n" for n in range(1, 11))


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[TestEditor]:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "a.txt").write_text(TEXT)

    def work(checkout: Path) -> None:
        (checkout / "a.txt").write_text(TEXT.replace("line 5\n", "LINE 5\n"))

    earlier = EarlierRun(root, tmp_path / "state")
    earlier.propose(("code_developer", "Shout", work))
    editor = TestEditor(root, earlier.state)
    editor.wait_marks("a.txt", 1)
    yield editor
    try:
        editor.end()
    finally:
        editor.kill()


def test_lines_put_above_by_another_program_move_the_mark(editor: TestEditor) -> None:
    assert [m["range"]["start"]["line"] for m in editor.marks("a.txt")] == [4]
    Path(editor.root, "a.txt").write_text("new\nnew\n" + TEXT)
    editor.wait(lambda: [m["range"]["start"]["line"] for m in editor.marks("a.txt")] == [6], "the mark moves")


def test_a_line_rewritten_by_another_program_is_in_conflict_with_its_change_until_it_is_back(
    editor: TestEditor,
) -> None:
    (change,) = editor.changes("a.txt")
    Path(editor.root, "a.txt").write_text(TEXT.replace("line 5\n", "mine\n"))
    editor.wait_status(change["id"], "outdated")
    said = "Code: Shout (conflict: you changed these lines too)"
    editor.wait(lambda: [m["message"] for m in editor.marks("a.txt")] == [said], "the mark says so")
    Path(editor.root, "a.txt").write_text(TEXT)
    editor.wait_status(change["id"], "pending")
    editor.wait(lambda: [m["message"] for m in editor.marks("a.txt")] == ["Code: Shout"], "it waits again")


def test_a_persona_put_into_the_workspace_is_there_at_once(editor: TestEditor) -> None:
    personas = Path(editor.root, ".nexus/personas")
    personas.mkdir(parents=True)
    bundled = (Path(__file__).parents[2] / "personas/code_developer.json").read_text()
    mine = bundled.replace('"code_developer"', '"docs_writer"').replace('"Code"', '"Dora"')
    (personas / "docs_writer.json").write_text(mine)

    def names() -> list[str]:
        return [a["name"] for a in editor.command("agents")["agents"]]

    editor.wait(lambda: "Dora" in names(), "Dora is one of the agents")
