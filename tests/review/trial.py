"""A case tried through a face: proposed, accepted, taken back, in random order again, rejected."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.review.cases import Case, Entry, File, Link, Repo, Tree

Seen = dict[str, tuple[str, bytes]]
"""Path -> ("file" | "runs" | "link", content or target)."""

STEPS = ("proposed", "accept all", "undo all", "one by one", "undo one by one", "reject all")


@dataclass(frozen=True)
class Decided:
    """What a command answered: ids it did, and why not the others."""

    done: Sequence[str]
    refused: dict[str, str]


@dataclass(frozen=True)
class Desk:
    """One face, as a trial uses it."""

    pending: Callable[[], Awaitable[list[dict[str, Any]]]]
    accept: Callable[[list[str]], Awaitable[Decided]]
    undo: Callable[[list[str]], Awaitable[Decided]]
    reject: Callable[[list[str]], Awaitable[Decided]]
    seen: Callable[[], Seen]
    normal: Callable[[Seen], Seen] = lambda seen: seen
    """A tree as the face would show it."""


@dataclass(frozen=True)
class Outcome:
    """What a case did. `steps` is "" for each step that left what it should, else what was wrong."""

    shown: str
    steps: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not any(self.steps.values())


async def attempt(case: Case, desk: Desk, most: int = 10**6) -> Outcome:
    """All steps of a case, each from what the one before it left; one by one, or in so many random groups."""
    base, lands = (desk.normal(flat({**tree, **case.user})) for tree in (case.base, case.lands))
    waiting = await desk.pending()
    ids = [change["id"] for change in waiting]
    chance = random.Random(case.name)
    notes: dict[str, None] = {}
    steps = {"proposed": _differs(desk.seen(), base)}

    async def step(name: str, what: Callable[[list[str]], Awaitable[Decided]], wanted: Seen, single: bool):
        left = list(ids)
        if single:
            chance.shuffle(left)
        while left:
            before = len(left)
            size = -(-before // most) if single else before
            for group in [left[at : at + size] for at in range(0, before, size)]:
                decided = await what(group)
                left = [i for i in left if i not in decided.done]
                why = decided.refused
            if len(left) == before:
                if name == "accept all":
                    notes.update(dict.fromkeys(why.values()))
                break
        steps[name] = _differs(desk.seen(), wanted)

    await step("accept all", desk.accept, lands, False)
    await step("undo all", desk.undo, base, False)
    await step("one by one", desk.accept, lands, True)
    await step("undo one by one", desk.undo, base, True)
    await step("reject all", desk.reject, base, False)
    shown = " ".join(sorted(change["kind"] for change in waiting))
    return Outcome(shown, steps, tuple(note.replace(f"{case.slug}/", "") for note in notes))


def _differs(seen: Seen, wanted: Seen) -> str:
    found = [
        f"{path!r} is {_short(seen.get(path))}, not {_short(wanted.get(path))}"
        for path in sorted(seen.keys() | wanted.keys())
        if seen.get(path) != wanted.get(path)
    ]
    return "; ".join(found[:3])


def _short(entry: tuple[str, bytes] | None) -> str:
    return "absent" if entry is None else f"{entry[0]} {entry[1][-60:]!r}"


# --- trees -------------------------------------------------------------------------------------------


def flat(tree: Tree) -> Seen:
    """A tree as `walk` would find it."""
    found: Seen = {}
    for path, entry in tree.items():
        match entry:
            case File():
                found[path] = ("runs" if entry.runs else "file", entry.content)
            case Link():
                found[path] = ("link", entry.target.encode())
            case Repo():
                found |= {f"{path}/{name}": ("file", text.encode()) for name, text in entry.files.items()}
    return found


def walk(folder: Path) -> Seen:
    """Every file and link below a folder, without what git keeps there."""
    found: Seen = {}
    for top, folders, files in os.walk(folder):
        links = [name for name in folders if Path(top, name).is_symlink()]
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*files, *links):
            place = Path(top, name)
            path = str(place.relative_to(folder))
            if place.is_symlink():
                target = os.readlink(os.fsencode(place))
                found[path] = ("link", target)
            else:
                runs = bool(place.stat().st_mode & stat.S_IXUSR)
                found[path] = ("runs" if runs else "file", place.read_bytes())
    return found


def lay(folder: Path, tree: Tree) -> None:
    """Write a tree; repositories are committed."""
    for path, entry in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        _lay(place, entry)


def _lay(place: Path, entry: Entry) -> None:
    match entry:
        case File():
            place.write_bytes(entry.content)
            place.chmod(0o755 if entry.runs else 0o644)
        case Link():
            os.symlink(entry.target, place)
        case Repo():
            lay(place, {name: File(text.encode()) for name, text in entry.files.items()})
            commit(place)


def commit(folder: Path) -> None:
    """Make a folder a repository with one commit of everything in it."""
    user = ("-c", "user.name=User", "-c", "user.email=user@example.org", "-c", "advice.addEmbeddedRepo=false")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *user, *arguments], cwd=folder, env=env, check=True, capture_output=True)


def relay(folder: Path, tree: Tree) -> None:
    """Make a checkout hold this tree, as an agent might."""
    for place in folder.iterdir():
        if place.name == ".git":
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    lay(folder, tree)
