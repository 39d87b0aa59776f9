"""The faces that cases are tried through: the disk, and an editor over stdio.

All cases stand in one workspace, each in a folder of its own, and come in one proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakes import done, task

from nexus_lsp.core.run import Run
from nexus_lsp.ports import Assignment
from nexus_lsp.ports import Outcome as AgentOutcome
from tests.engine.engine_house import House
from tests.lsp.editor_client import EarlierRun, TestEditor
from tests.review.cases import BOM, Case, Entry, File
from tests.review.trial import Decided, Desk, Seen, commit, lay, relay, walk


def lay_out(root: Path, cases: Sequence[Case]) -> None:
    """The workspace that all cases begin in."""
    root.mkdir(parents=True)
    for case in cases:
        lay(root / case.slug, case.base)
    commit(root)
    for case in cases:
        lay(root / case.slug, case.user)


def propose(checkout: Path, cases: Sequence[Case]) -> None:
    """What the agent leaves."""
    for case in cases:
        (checkout / case.slug).mkdir(exist_ok=True)
        relay(checkout / case.slug, case.after)


# --- the disk ----------------------------------------------------------------------------------------


async def disk_house(place: Path, cases: Sequence[Case]) -> tuple[House, Run]:
    """An engine with all cases proposed and no editor."""
    lay_out(place / "workspace", cases)
    house = House(place / "workspace", place / "state")
    await house.open()

    def work(assignment: Assignment) -> AgentOutcome:
        propose(assignment.checkout, cases)
        return done()

    run = await house.run(task("a"), a=work)
    assert run.status == "ready", run.reason
    return house, run


def disk_desk(house: House, run: Run, case: Case) -> Desk:
    """One case's changes, decided on without an editor."""

    async def pending() -> list[dict[str, Any]]:
        mine = [c for c in house.now(run).pending_changes if c.path.startswith(f"{case.slug}/")]
        return [{"id": c.id, "kind": c.kind} for c in mine]

    async def accept(ids: list[str]) -> Decided:
        found = await house.review.accept(ids, None)
        return Decided(found.done, dict(found.refused))

    async def undo(ids: list[str]) -> Decided:
        found = await house.review.undo(ids, None)
        return Decided(found.done, dict(found.refused))

    async def reject(ids: list[str]) -> Decided:
        found = await house.review.reject(ids, "")
        return Decided(found.done, dict(found.refused))

    return Desk(pending, accept, undo, reject, lambda: walk(house.workspace / case.slug))


# --- an editor ---------------------------------------------------------------------------------------


def editor_house(place: Path, cases: Sequence[Case]) -> TestEditor:
    """An editor on a workspace where all cases wait, with every text of them open."""
    lay_out(place / "workspace", cases)
    earlier = EarlierRun(place / "workspace", place / "state")
    earlier.propose(("code_developer", "Change them all", lambda checkout: propose(checkout, cases)))
    return TestEditor(earlier.root, earlier.state)


def editor_desk(editor: TestEditor, case: Case) -> Desk:
    """One case's changes, decided on in the editor; its texts are open, but for those that become none."""
    assert editor.root
    folder = editor.root / case.slug
    for path, entry in case.base.items():
        if _is_text(entry) and _is_text(case.after.get(path, entry)):
            editor.open(f"{case.slug}/{path}")

    async def pending() -> list[dict[str, Any]]:
        mine = [c for c in editor.changes() if _path(editor, c).startswith(f"{case.slug}/")]
        return [c for c in mine if c["status"] == "pending"]

    def decide(name: str, word: str, ids: list[str]) -> Decided:
        answer = editor.command(f"review.{name}", changeIds=ids)
        return Decided(answer[word], {r["id"]: r["why"] for r in answer["refused"]})

    async def accept(ids: list[str]) -> Decided:
        return decide("accept", "accepted", ids)

    async def undo(ids: list[str]) -> Decided:
        return decide("undo", "reopened", ids)

    async def reject(ids: list[str]) -> Decided:
        return decide("reject", "rejected", ids)

    return Desk(pending, accept, undo, reject, lambda: _shown(editor, folder), _without_marks)


def _path(editor: TestEditor, change: dict[str, Any]) -> str:
    from tests.lsp.editor_client import file_of

    return str(file_of(change["uri"]).relative_to(editor.root or ""))


def _is_text(entry: Entry) -> bool:
    try:
        return isinstance(entry, File) and "\0" not in entry.content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _shown(editor: TestEditor, folder: Path) -> Seen:
    """The files, with what is open as the editor would save it; a byte order mark is the editor's own."""
    found = walk(folder)
    for path, (kind, _) in found.items():
        document = editor.documents.get(editor.uri(str((folder / path).relative_to(editor.root or ""))))
        if document and kind != "link":
            found[path] = (kind, document.text.encode())
    return _without_marks(found)


def _without_marks(seen: Seen) -> Seen:
    return {path: (kind, content.removeprefix(BOM.encode())) for path, (kind, content) in seen.items()}
