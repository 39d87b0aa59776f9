"""`make cases`: the table of cases as Markdown, with what each did through the disk and through an editor."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.review.cases import CASES, Case
from tests.review.faces import disk_desk, disk_house, editor_desk, editor_house
from tests.review.trial import STEPS, Outcome, attempt


def main() -> int:
    """Prints the table; 1 where a case did not leave what it should."""
    with tempfile.TemporaryDirectory() as folder:
        disk = asyncio.run(_disk(Path(folder) / "disk"))
        editor = asyncio.run(_editor(Path(folder) / "editor"))
    print("| case | changes | disk | editor | note |\n|---|---|---|---|---|")
    for case in CASES:
        print(_row(case, disk[case.name], editor[case.name]))
    print(f"\nEach: {', '.join(STEPS)}; ✓ where every step left the bytes and modes that it should.")
    return 0 if all(o.good for o in (*disk.values(), *editor.values())) else 1


async def _disk(place: Path) -> dict[str, Outcome]:
    house, run = await disk_house(place, CASES)
    try:
        return {case.name: await attempt(case, disk_desk(house, run, case)) for case in CASES}
    finally:
        await house.close()


async def _editor(place: Path) -> dict[str, Outcome]:
    editor = await asyncio.to_thread(editor_house, place, CASES)
    try:
        return {case.name: await attempt(case, editor_desk(editor, case)) for case in CASES}
    finally:
        editor.kill()


def _row(case: Case, disk: Outcome, editor: Outcome) -> str:
    kinds = {kind: disk.shown.split().count(kind) for kind in disk.shown.split()}
    shown = ", ".join(kind if count == 1 else f"{kind} ×{count}" for kind, count in kinds.items())
    notes = "; ".join(dict.fromkeys((*disk.notes, *editor.notes)))
    return f"| {case.name} | {shown or 'none'} | {_mark(disk)} | {_mark(editor)} | {notes} |"


def _mark(outcome: Outcome) -> str:
    wrong = [f"{step}: {why}" for step, why in outcome.steps.items() if why]
    return "✓" if not wrong else "✗ " + "; ".join(wrong).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
