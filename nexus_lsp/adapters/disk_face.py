"""The disk as a face: decisions are carried out on files, atomically, when no editor has them open.

Also writes what no workspace edit can carry (modes, symlinks, binary files) on behalf of editors. Before a
file is replaced its bytes are kept in a backup directory in the state directory.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from nexus_lsp.adapters.same_file import is_spelled, one_file
from nexus_lsp.adapters.scratch_files import ScratchFiles
from nexus_lsp.core.changes import Change, ChangeKind
from nexus_lsp.core.proposals import text_of
from nexus_lsp.core.review import decide_text, edits_by_path
from nexus_lsp.ports import CarriedOut, Repository

KEPT_BACKUPS = 200


class DiskFace:
    """`ports.Face` for a workspace's files. `accepted` gives the changes that the files hold by now."""

    def __init__(
        self,
        workspace: Path,
        repository: Repository,
        backups: Path,
        accepted: Callable[[], Iterable[Change]] = tuple,
    ) -> None:
        self._workspace = workspace
        self._repository = repository
        self._backups = backups
        self._scratch = ScratchFiles(backups.with_name("unfinished"))
        self._accepted = accepted

    def sweep(self) -> None:
        """Remove the scratch files that a killed process left beside the user's."""
        self._scratch.sweep(self._workspace)

    async def open_texts(self) -> Mapping[str, str]:
        """Nothing: what is on disk is seen by every snapshot."""
        return {}

    def can_carry(self, kind: ChangeKind) -> bool:
        """Every kind: files can hold anything."""
        return True

    async def carry_out(self, changes: Sequence[Change], undo: bool = False) -> CarriedOut:
        """Apply changes to files, each file at once or not at all."""
        applied: list[str] = []
        refused: list[tuple[str, str]] = []
        held = edits_by_path(self._accepted())
        for path, edits in edits_by_path(changes).items():
            done, not_done = await self._edit(path, edits, undo, held.get(path, ()))
            applied += done
            refused += not_done
        for change in changes:
            if change.kind != "edit":
                why = await self._whole(change, undo)
                if why:
                    refused.append((change.id, why))
                else:
                    applied.append(change.id)
        return CarriedOut(tuple(applied), tuple(refused))

    # --- text ----------------------------------------------------------------------------------------

    async def _edit(
        self, path: str, changes: list[Change], undo: bool, held: Sequence[Change]
    ) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
        file = self._workspace / path
        content = await asyncio.to_thread(_read, file)
        live = text_of(content) if content is not None and not file.is_symlink() else None
        if content is None or live is None:
            return (), [(c.id, f"{path} is gone or is no longer text") for c in changes]
        bases = {base: await self._base(base) for base in {c.base or "" for c in changes}}
        decision = decide_text(changes, bases, live, undo, held)
        if decision.text == live:
            return decision.carried, decision.refused
        why = await asyncio.to_thread(self._replace, file, content, decision.text.encode())
        if why:
            return (), [*decision.refused, *((i, why) for i in decision.carried)]
        return decision.carried, decision.refused

    async def _base(self, blob: str) -> str:
        return (await self._repository.read(blob)).decode("utf-8")

    # --- whole files ---------------------------------------------------------------------------------

    async def _whole(self, change: Change, undo: bool) -> str:
        """Carry out one whole-file change; "" or the reason why not."""
        old, new = _sides(change)
        before, after = (new, old) if undo else (old, new)
        if change.kind == "mode":
            return await asyncio.to_thread(self._chmod, before, after)
        wanted = await self._content(after.blob)
        expected = await self._content(before.blob)
        return await asyncio.to_thread(self._swap, before, expected, after, wanted)

    async def _content(self, blob: str | None) -> bytes | None:
        return None if blob is None else await self._repository.read(blob)

    def _swap(self, before: _Side, expected: bytes | None, after: _Side, wanted: bytes | None) -> str:
        source, target = self._workspace / before.path, self._workspace / after.path
        for file, path in ((source, before.path), (target, after.path)):
            if not _inside(self._workspace, file):
                return f"{path} leads out of the workspace"
        if _is(target, after, wanted) and (target == source or _gone(source, target)):
            return ""  # a crash came between the file and the journal
        if expected is not None and not _is(source, before, expected):
            return f"{before.path} is not what it was when this was proposed"
        if expected is not None and _locked(source):
            return _unlock_first(Path(before.path))
        other = expected is None or target != source
        if other and not one_file(source, target) and _in_the_way(target, source):
            return f"{after.path} exists already"
        return _guarded(lambda: self._put(source, expected, target, wanted, after.mode))

    def _chmod(self, before: _Side, after: _Side) -> str:
        """The bytes stay as they are by now: another change of the same file may have gone before."""
        file = self._workspace / after.path
        if not _inside(self._workspace, file):
            return f"{after.path} leads out of the workspace"
        if not file.is_file() or file.is_symlink() or _mode(file) not in (before.mode, after.mode):
            return f"{after.path} is not what it was when this was proposed"
        return _guarded(lambda: file.chmod(_permissions(file, after.mode or "100644")))

    def _put(
        self, source: Path, expected: bytes | None, target: Path, wanted: bytes | None, mode: str | None
    ) -> None:
        if expected is not None:
            self._keep(source, expected)
        if wanted is not None and mode is not None:
            if target in source.parents or source in target.parents or one_file(source, target):
                _trade_places(self._scratch, source, target, wanted, mode)
                return
            _clear(target)
            _write(self._scratch, target, wanted, mode, None if target != source else expected)
        if wanted is None or target != source:
            if expected is not None and _read(source) != expected:
                raise _Changed
            source.unlink(missing_ok=True)

    def _replace(self, file: Path, expected: bytes, wanted: bytes) -> str:
        if not _inside(self._workspace, file):
            return f"{file.name} leads out of the workspace"
        if _locked(file):
            return _unlock_first(file.relative_to(self._workspace))

        def put() -> None:
            self._keep(file, expected)
            _write(self._scratch, file, wanted, _mode(file), expected)

        return _guarded(put)

    def _keep(self, file: Path, content: bytes) -> None:
        """A copy of what is about to be replaced; the oldest go when there are too many."""
        self._backups.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._backups / f"{time.time_ns()}-{file.name[:100]}").write_bytes(content)
        for old in sorted(self._backups.iterdir())[:-KEPT_BACKUPS]:
            old.unlink(missing_ok=True)


CHANGED = "the file changed on disk just now; try again"


class _Changed(Exception):
    """Another program wrote the file meanwhile."""


class _Side:
    __slots__ = ("blob", "mode", "path")

    def __init__(self, path: str, blob: str | None, mode: str | None) -> None:
        self.path, self.blob, self.mode = path, blob, mode


def _sides(change: Change) -> tuple[_Side, _Side]:
    old = _Side(change.old_path or change.path, change.before_blob, change.before_mode)
    return old, _Side(change.path, change.after_blob, change.after_mode)


def _guarded(put: Callable[[], None]) -> str:
    try:
        put()
    except _Changed:
        return CHANGED
    except FileExistsError as error:
        return f"{Path(str(error.filename2 or error.filename)).name} exists already"
    except OSError as error:
        return f"it could not be written: {error.strerror or error}"
    return ""


def _read(file: Path) -> bytes | None:
    """A file's bytes, a link's target as it is written (pathlib would take `./` away), or None."""
    try:
        return os.readlink(os.fsencode(file)) if file.is_symlink() else file.read_bytes()  # noqa: PTH115
    except OSError:
        return None


def _is(file: Path, side: _Side, content: bytes | None) -> bool:
    """Whether the file is this side of a change."""
    if content is None:
        return not os.path.lexists(file)
    return _read(file) == content and _mode(file) == side.mode


def _gone(source: Path, target: Path) -> bool:
    """Whether a file that moved to `target` is no longer at `source`."""
    return not os.path.lexists(source) or (one_file(source, target) and is_spelled(target))


def _in_the_way(target: Path, source: Path) -> bool:
    """Whether something stands at `target`: folders that hold no file but `source` do not count."""
    if not target.is_dir() or target.is_symlink():
        return os.path.lexists(target)
    return any(place != source and (place.is_symlink() or not place.is_dir()) for place in target.rglob("*"))


def _clear(target: Path) -> None:
    """Remove the empty folders that stand where a file is to be."""
    if target.is_dir() and not target.is_symlink():
        for place in sorted(target.rglob("*"), reverse=True):
            place.rmdir()
        target.rmdir()


def _trade_places(scratch: ScratchFiles, source: Path, target: Path, wanted: bytes, mode: str) -> None:
    """A file goes to where a name of its own stands in the way.

    Into a folder of its name, to the name of the folder that it alone was in, or, where case makes no
    difference, to its name in another case.
    """
    aside = source.parent
    while aside == target or target in aside.parents:
        aside = aside.parent
    aside = aside / f".nexus-{time.time_ns()}"
    source.rename(aside)
    try:
        _clear(target)
        _write(scratch, target, wanted, mode, None)
    except BaseException:
        source.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(source)
        raise
    aside.unlink()


def _mode(file: Path) -> str:
    if file.is_symlink():
        return "120000"
    return "100755" if file.stat().st_mode & 0o100 else "100644"


def _locked(file: Path) -> bool:
    """Whether its owner may not write it, as editors judge a file: root's own rights say nothing of that."""
    try:
        mode = file.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and not mode & stat.S_IWUSR


def _unlock_first(path: Path) -> str:
    return f"{path} is read-only; `chmod u+w {shlex.quote(str(path))}` first"


def _inside(workspace: Path, file: Path) -> bool:
    """A directory of the path may be a link that leads elsewhere."""
    return file.parent.resolve().is_relative_to(workspace.resolve())


def _write(scratch: ScratchFiles, file: Path, content: bytes, mode: str, expected: bytes | None) -> None:
    """Put bytes in place in one step; an existing file's permissions stay but for the executable bit.

    What is there is looked at once more right before that step: to write and sync takes a while, and another
    program may be at the file. `expected` is what has to be there; None: no file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        if expected is not None and _read(file) != expected:
            raise _Changed
        _link(scratch, file, os.fsdecode(content), new=expected is None)
        return
    permissions = _permissions(file, mode)
    with scratch.beside(file) as part:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.chmod(permissions)
        if expected is None:
            _put_new(part, file)
            return
        if _read(file) != expected:
            raise _Changed
        part.replace(file)


def _permissions(file: Path, mode: str) -> int:
    there = file.is_file() and not file.is_symlink()
    permissions = file.stat().st_mode & 0o7777 if there else _new_mode()
    return permissions | (permissions & 0o444) >> 2 if mode == "100755" else permissions & ~0o111


def _put_new(scratch: Path, file: Path) -> None:
    """Unlike a rename, a hard link never takes the place of a file that came meanwhile."""
    try:
        file.hardlink_to(scratch)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(file):
            raise FileExistsError(0, "exists", str(file)) from None
        scratch.replace(file)
    else:
        scratch.unlink()


def _link(scratch: ScratchFiles, file: Path, target: str, new: bool) -> None:
    if new:
        file.symlink_to(target)
        return
    with scratch.beside(file) as part:
        part.symlink_to(target)
        part.replace(file)


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
