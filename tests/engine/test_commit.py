"""`nexus.review.commit`: exactly what was accepted, on the user's branch, beside all else the user did."""

from __future__ import annotations

from pathlib import Path

import pytest
from commit_house import Desk, hook
from engine_house import FILES, House, as_face, git, house, manifest, workspace
from engine_house import OpenBuffers as Buffers
from fakes import task, writes

from nexus_lsp.core import facts as f

__all__ = ["house", "workspace"]

A = FILES["a.txt"]
FIVE = A.replace("five", "FIVE")


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_the_accepted_hunk_is_committed_and_nothing_else(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE)
    answer = await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.status() == []
    assert answer["commit"] == desk.git("rev-parse", "HEAD")
    assert answer["branch"] == "main" and not answer["left"]
    assert desk.git("log", "-1", "--format=%an <%ae>") == "Ada User <ada@example.org>"
    assert desk.git("log", "-1", "--format=%B") == answer["message"].strip()
    assert f"Nexus-Run: {run.id}" in answer["message"]
    [fact] = desk.house.facts(run, f.ChangesCommitted)
    assert isinstance(fact, f.ChangesCommitted) and fact.commit == answer["commit"]
    assert await desk.refused() == "Nothing is accepted and not committed yet: accept changes first."


async def test_own_edits_in_the_same_file_stay_out(desk: Desk) -> None:
    """Those from before the run, and those typed after it."""
    desk.types("a.txt", A.replace("one", "mine"))
    await desk.accepts(a_DOT_txt=A.replace("one", "mine").replace("five", "FIVE"))
    desk.types("a.txt", "top\n" + A.replace("one", "mine").replace("five", "FIVE"))
    desk.types("b.txt", "also mine\n")
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.diff("a.txt") == ["-one", "+top", "+mine"]
    assert desk.status() == [" M a.txt", " M b.txt"]
    assert desk.diff("--cached") == []


async def test_whole_files_when_the_user_asks(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.types("a.txt", FIVE.replace("one", "mine"))
    await desk.does("commit", whole_files=True)
    assert desk.committed("a.txt") == FIVE.replace("one", "mine").encode()
    assert desk.status() == []


async def test_what_was_staged_stays_staged(desk: Desk) -> None:
    desk.types("a.txt", A.replace("one", "mine"))
    desk.git("add", "a.txt")
    desk.types("b.txt", "staged\n")
    desk.git("add", "b.txt")
    await desk.accepts(a_DOT_txt=A.replace("one", "mine").replace("five", "FIVE"))
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.committed("b.txt") == FILES["b.txt"].encode()
    assert desk.diff("--cached") == ["-one", "+mine", "-b", "+staged"]
    assert desk.diff() == []


async def test_accepted_and_staged_by_the_user(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.git("add", "a.txt")
    desk.types("a.txt", FIVE.replace("one", "mine"))
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.diff("--cached") == []
    assert desk.diff() == ["-one", "+mine"]


async def test_staged_edits_of_the_same_lines_are_refused(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.types("a.txt", A.replace("five", "5"))
    desk.git("add", "a.txt")
    desk.types("a.txt", FIVE)
    before = manifest(desk.folder)
    assert "You have staged edits of the same lines of a.txt" in await desk.refused()
    assert {p: v for p, v in manifest(desk.folder).items() if "/objects/" not in p} == {
        p: v for p, v in before.items() if "/objects/" not in p
    }


async def test_new_deleted_and_executable_files(desk: Desk) -> None:
    await desk.accepts(new__file_DOT_py="x = 1\n", b_DOT_txt=None, raw_DOT_bin=b"\0\1", empty_DOT_txt="")
    desk.types("untracked.txt", "mine\n")
    await desk.does("commit")
    assert desk.git("show", "--name-status", "--format=", "HEAD").splitlines() == [
        "D\tb.txt",
        "A\tempty.txt",
        "A\tnew/file.py",
        "A\traw.bin",
    ]
    assert desk.committed("raw.bin") == b"\0\1"
    assert desk.status() == ["?? untracked.txt"]


async def test_a_renamed_file_with_own_edits(desk: Desk) -> None:
    text = "".join(f"line {n}\n" for n in range(30))
    desk.types("old.txt", text)
    desk.git("add", "-A")
    desk.git("commit", "-qm", "old")
    mine = text.replace("line 3\n", "mine\n")
    desk.types("old.txt", mine)
    await desk.accepts(old_DOT_txt=None, new_DOT_txt=mine.replace("line 20\n", "agent\n"))
    await desk.does("commit")
    assert desk.committed("new.txt") == text.replace("line 20\n", "agent\n").encode()
    assert desk.committed("old.txt") is None
    assert desk.diff() == ["-line 3", "+mine"]


async def test_lines_edited_after_the_accept_are_left_out_with_the_reason(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE.replace("one", "ONE"))
    desk.types("a.txt", FIVE.replace("one", "ONE").replace("FIVE", "5"))
    answer = await desk.does("commit")
    [left] = answer["left"]
    assert "you changed these lines since" in left["why"]
    assert desk.committed("a.txt") == A.replace("one", "ONE").encode()
    assert desk.diff() == ["-five", "+5"]
    assert desk.house.now(run).changes[left["id"]].commit is None


async def test_a_change_that_rests_on_uncommitted_edits_is_left_out(desk: Desk) -> None:
    mine = A.replace("three", "3a\n3b")
    desk.types("a.txt", mine)
    await desk.accepts(a_DOT_txt=mine.replace("3b", "3B").replace("five", "FIVE"))
    answer = await desk.does("commit")
    assert [left["why"] for left in answer["left"]] == ["its lines rest on edits that are not committed"]
    assert desk.committed("a.txt") == FIVE.encode()


async def test_a_second_run_on_top_of_the_first(desk: Desk) -> None:
    """Both accepted, neither committed: one commit has both, whatever lines they share."""
    first = await desk.accepts("Count to five", a_DOT_txt=A + "six\nseven\n")
    second = await desk.accepts("Shout", a_DOT_txt=A + "six\nSEVEN\n")
    assert "its lines rest on" in await desk.refused(run_ids=[second.id])
    answer = await desk.does("commit")
    assert desk.committed("a.txt") == (A + "six\nSEVEN\n").encode()
    assert answer["message"].startswith("Count to five (and 1 more)\n")
    assert f"Nexus-Run: {first.id}\nNexus-Run: {second.id}\n" in answer["message"]


async def test_one_run_of_two(desk: Desk) -> None:
    first = await desk.accepts("Count", a_DOT_txt=FIVE)
    await desk.accepts("Shout", a_DOT_txt=FIVE.replace("one", "ONE"))
    await desk.does("commit", run_ids=[first.id])
    assert desk.committed("a.txt") == FIVE.encode()
    assert desk.diff() == ["-one", "+ONE"]
    await desk.does("commit")
    assert desk.status() == []


async def test_the_users_own_message_and_the_draft(desk: Desk) -> None:
    await desk.accepts("fix the count. ", a_DOT_txt=FIVE)
    before = manifest(desk.folder)
    draft = await desk.does("commit", dry_run=True)
    assert draft["commit"] is None and draft["message"].startswith(
        "Fix the count\n\n- code_developer: Do code (a.txt)\n"
    )
    assert manifest(desk.folder) == before
    await desk.does("commit", message="My words\n")
    assert desk.git("log", "-1", "--format=%B") == "My words"


async def test_a_failing_hook_is_shown_and_nothing_is_lost(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.types("b.txt", "staged\n")
    desk.git("add", "b.txt")
    hook(desk.folder, "pre-commit", "echo 'line too long'; git diff --cached --name-only; exit 1")
    head = desk.git("rev-parse", "HEAD")
    said = await desk.refused()
    assert said == "git did not commit, and nothing was changed. It said:\nline too long\na.txt"
    assert desk.git("rev-parse", "HEAD") == head
    assert desk.status() == [" M a.txt", "M  b.txt"]
    assert not (desk.folder / ".git/index.lock").exists()
    (desk.folder / ".git/hooks/pre-commit").unlink()
    await desk.does("commit")
    assert desk.status() == ["M  b.txt"]


async def test_hooks_see_what_is_committed_and_may_mend_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A formatter that puts its own version in; a hook that words the message; neither sees a key."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    await desk.accepts(a_DOT_txt=FIVE)
    hook(desk.folder, "pre-commit", "sed -i 's/FIVE/FIVE!/' a.txt && git add a.txt && env > seen.txt")
    hook(desk.folder, "commit-msg", 'echo "Ticket: 7" >> "$1"')
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.replace("FIVE", "FIVE!").encode()
    assert desk.status() == ["?? seen.txt"]
    assert desk.git("log", "-1", "--format=%B").endswith("Ticket: 7")
    assert "sk-secret" not in (desk.folder / "seen.txt").read_text()


async def test_not_in_the_middle_of_something(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    (desk.folder / ".git/MERGE_HEAD").write_text(desk.git("rev-parse", "HEAD") + "\n")
    assert await desk.refused() == "A merge is in progress: finish it (or abort it), then commit."
    (desk.folder / ".git/MERGE_HEAD").unlink()
    (desk.folder / ".git/index.lock").touch()
    assert (await desk.refused()).startswith("Another git command is at work in this repository.")
    (desk.folder / ".git/index.lock").unlink()
    desk.git("checkout", "-q", "--detach")
    assert await desk.refused() == "HEAD is detached, so a commit would be on no branch: switch to one first."


async def test_on_another_branch(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE)
    desk.git("checkout", "-qb", "feature")
    assert await desk.refused(run_ids=[run.id]) == (
        f"{run.id} belongs to main, and you are on feature: switch back first."
    )
    assert await desk.refused() == "Nothing is accepted and not committed yet: accept changes first."


async def test_accepted_but_not_saved(desk: Desk) -> None:
    await desk.accepts(a_DOT_txt=FIVE)
    desk.types("a.txt", A)
    desk.house.engine.faces.append(as_face(Buffers({"a.txt": FIVE})))
    assert await desk.refused() == "Save first: what you accepted is not in the file yet (a.txt)."


async def test_without_git(tmp_path: Path, house: House) -> None:
    desk = Desk(house)
    await desk.accepts(a_DOT_txt=FIVE)
    (desk.folder / ".git").rename(tmp_path / "gone")
    assert await desk.refused() == (
        "This workspace is in no git repository, so nothing can be committed: `git init` makes one."
    )


async def test_committed_by_hand_is_committed(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE)
    desk.git("commit", "-qam", "by hand")
    assert await desk.refused() == "The last commit has all of these changes already."
    assert [s.status for s in desk.house.now(run).changes.values()] == ["accepted"]


async def test_undone_after_the_commit_and_accepted_again(desk: Desk) -> None:
    run = await desk.accepts(a_DOT_txt=FIVE)
    await desk.does("commit")
    ids = list(run.changes)
    assert (await desk.does("undo", change_ids=ids))["reopened"] == ids
    assert desk.diff() == ["-FIVE", "+five"]
    desk.git("commit", "-qam", "back")
    await desk.does("accept", change_ids=ids)
    await desk.does("commit")
    assert desk.committed("a.txt") == FIVE.encode()


async def test_the_first_commit_of_a_repository(tmp_path: Path, workspace: Path) -> None:
    git(workspace, "update-ref", "-d", "HEAD")
    git(workspace, "rm", "-rq", "--cached", ".")
    house = House(workspace, tmp_path / "state")
    await house.open()
    try:
        desk = Desk(house)
        await desk.accepts(new_DOT_txt="new\n")
        await desk.does("commit")
        assert desk.git("ls-tree", "--name-only", "HEAD") == "new.txt"
        assert desk.status() == ["?? a.txt", "?? b.txt", "?? src/c.py"]
    finally:
        await house.close()


async def test_a_run_with_gates_says_what_was_measured_on_which_tree(tmp_path: Path, workspace: Path) -> None:
    house = House(workspace, tmp_path / "state")
    await house.open(lambda texts: {"t::five": True})
    try:
        desk = Desk(house)
        await desk.accepts(a_DOT_txt=FIVE)
        told = (await desk.does("commit", dry_run=True))["message"]
        assert "Measured by NEXUS:\n- tests: passed (1 passed, 0 failed) on this tree\n" in told
        desk.types("b.txt", "mine\n")
        run = await house.run(task("two"), two=writes(a_DOT_txt=FIVE.replace("one", "ONE")))
        await house.accept(run)
        told = (await desk.does("commit"))["message"]
        assert "which is not this commit's" in " ".join(told.split())
    finally:
        await house.close()
