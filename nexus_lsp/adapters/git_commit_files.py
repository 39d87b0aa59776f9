"""Files of the user's repository as they stand in a work tree: of a commit, of the index, on disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_lsp.adapters.git_command import Git, shown
from nexus_lsp.core.grafting import Held
from nexus_lsp.core.problems import Refused

Files = Mapping[str, Held | None]
Entry = tuple[str, str]
"""(mode, object id)."""

LINK, SUBMODULE, FOLDER = "120000", "160000", "040000"
_AT_ONCE = 8
"""Processes of git at a time."""
_NONE = "0" * 40


@dataclass(frozen=True, slots=True)
class GitFiles:
    """See the module. `git` stands in the workspace, which may lie below the repository's `top`."""

    git: Git
    workspace: Path
    top: Path

    @property
    def prefix(self) -> str:
        """What stands before a workspace-relative path in the repository's own: "" or `sub/`."""
        below = os.path.relpath(self.workspace.resolve(), self.top.resolve())
        return "" if below == "." else f"{below}/"

    async def of_commit(self, commit: str | None, paths: Sequence[str]) -> Files:
        """See `ports.Commits.files`."""
        entries = await self.tree_entries(commit, paths) if commit else {}
        return await self._read(paths, entries)

    async def of_index(self, paths: Sequence[str]) -> Files:
        """See `ports.Commits.staged`."""
        return await self._read(paths, await self.index_entries(self.git, paths))

    async def tree_entries(self, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
        """(mode, blob) of those files that a commit has."""
        asked = dict.fromkeys(step for path in paths for step in (*_above(path), path))
        found: dict[str, Entry] = {}
        for some in _portions(list(asked)):
            done = await self.git.run("ls-tree", "-z", commit, "--", *some)
            for field in done.fields():
                head, _, name = field.partition(b"\t")
                mode, _, blob = head.decode().split(" ")
                found[os.fsdecode(name)] = (mode, blob)
        self._no_submodule(found)
        return {path: found[path] for path in paths if path in found and found[path][0] != FOLDER}

    async def index_entries(self, git: Git, paths: Sequence[str]) -> dict[str, Entry]:
        """The same of an index; Refused where a file is not merged."""
        found: dict[str, Entry] = {}
        for some in _portions(paths):
            for field in (await git.run("ls-files", "-s", "-z", "--", *some)).fields():
                head, _, name = field.partition(b"\t")
                mode, blob, stage = head.decode().split(" ")
                path = os.fsdecode(name)
                if stage != "0":
                    raise Refused(f"{shown(path)} is not merged: settle the conflict first.")
                found[path] = (mode, blob)
        self._no_submodule(found)
        return {path: found[path] for path in paths if path in found}

    def _no_submodule(self, entries: Mapping[str, Entry]) -> None:
        for path, (mode, _) in entries.items():
            if mode == SUBMODULE:
                raise Refused(f"{shown(path)} is a submodule: commit in it by itself.")

    async def _read(self, paths: Sequence[str], entries: Mapping[str, Entry]) -> Files:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(path: str) -> Held | None:
            if path not in entries:
                return None
            mode, blob = entries[path]
            async with slots:
                how = ("blob", blob) if mode == LINK else ("--filters", f"--path={self.prefix}{path}", blob)
                content = (await self.git.run("cat-file", *how)).out
                return Held(content if mode == LINK else await self._as_it_stands(path, blob, content), mode)

        return dict(zip(paths, await asyncio.gather(*map(one, paths)), strict=True))

    async def _as_it_stands(self, path: str, blob: str, content: bytes) -> bytes:
        """With the line ends of the file on disk, where these make no difference to git."""
        other = _with_ends_of(content, on_disk(self.workspace / path))
        if other == content:
            return content
        same = (await self.git.run("hash-object", "--stdin", f"--path={path}", stdin=other)).line() == blob
        return other if same else content

    async def put(self, git: Git, files: Files) -> None:
        """Put these files into the index of `git`, as blobs of the user's repository."""
        await self._set(git, await self._entries(files))

    async def follow(self, git: Git, old: str | None, new: str, index: Files) -> None:
        """Bring an index from the commit `old` to `new`: `index` at these paths, elsewhere only what was not
        staged otherwise. Flags of the entries stay."""
        changed = await self._changed(old, new)
        stood = await self.index_entries(git, [*changed, *index])
        wanted: dict[str, Entry | None] = {
            path: after for path, (before, after) in changed.items() if stood.get(path) == before
        }
        staged = {path: held for path, held in index.items() if path not in wanted}
        wanted |= await self._entries(staged)
        flags = await self._flags(git, [path for path, entry in wanted.items() if entry])
        await self._set(git, wanted)
        for flag, mine in flags.items():
            await git.run("update-index", "-z", flag, "--stdin", stdin=b"\0".join(map(os.fsencode, mine)))
        await git.attempt("update-index", "-q", "--refresh")

    async def _changed(self, old: str | None, new: str) -> dict[str, tuple[Entry | None, Entry | None]]:
        if old is None:
            fields = (await self.git.run("ls-tree", "-r", "-z", new)).fields()
            rows = [(head.decode().split(" "), os.fsdecode(n)) for head, _, n in (_halves(f) for f in fields)]
            return {path: (None, (mode, blob)) for (mode, _, blob), path in rows}
        done = await self.git.run("diff-tree", "-r", "-z", "--relative", "--no-renames", old, new)
        fields = done.fields()
        found: dict[str, tuple[Entry | None, Entry | None]] = {}
        for head, name in zip(fields[::2], fields[1::2], strict=True):
            mode, new_mode, blob, new_blob, _ = head.decode().removeprefix(":").split(" ")
            before = (mode, blob) if blob.strip("0") else None
            found[os.fsdecode(name)] = (before, (new_mode, new_blob) if new_blob.strip("0") else None)
        return found

    async def _flags(self, git: Git, paths: Sequence[str]) -> dict[str, list[str]]:
        """`update-index`'s option → paths whose entries have that flag."""
        found: dict[str, list[str]] = {}
        for some in _portions(paths):
            for field in (await git.run("ls-files", "-v", "-z", "--", *some)).fields():
                tag, name = field[:1].decode(), os.fsdecode(field[2:])
                if tag.upper() == "S":
                    found.setdefault("--skip-worktree", []).append(name)
                if tag.islower():
                    found.setdefault("--assume-unchanged", []).append(name)
        return found

    async def _entries(self, files: Files) -> dict[str, Entry | None]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(path: str, held: Held) -> Entry:
            how = ["--no-filters"] if held.mode == LINK else [f"--path={path}"]
            async with slots:
                done = await self.git.run("hash-object", "-w", "--stdin", *how, stdin=held.content)
            return held.mode, done.line()

        there = {path: held for path, held in files.items() if held}
        made = await asyncio.gather(*(one(path, held) for path, held in there.items()))
        return {**dict.fromkeys(files), **dict(zip(there, made, strict=True))}

    async def _set(self, git: Git, entries: Mapping[str, Entry | None]) -> None:
        rows = [
            f"{mode} {blob}\t".encode() + os.fsencode(self.prefix + path)
            for path, (mode, blob) in ((p, e or ("0", _NONE)) for p, e in _gone_first(entries))
        ]
        if rows:
            stdin = b"".join(row + b"\0" for row in rows)
            await git.run("update-index", "-z", "--add", "--replace", "--index-info", stdin=stdin)


def _gone_first(entries: Mapping[str, Entry | None]) -> Iterable[tuple[str, Entry | None]]:
    """Removals before what may take their place (a folder for a file)."""
    return sorted(entries.items(), key=lambda item: item[1] is not None)


def _portions(paths: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """So many as a command line takes."""
    return (paths[at : at + size] for at in range(0, len(paths), size))


def _halves(field: bytes) -> tuple[bytes, bytes, bytes]:
    return field.partition(b"\t")


def _above(path: str) -> list[str]:
    """`a/b/c` → `a`, `a/b`."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _with_ends_of(content: bytes, file: Held | None) -> bytes:
    """All CRLF or all LF, as the file has them; as it is where either has both."""
    ends = [_ends(content), _ends(file.content) if file else None]
    match ends:
        case [b"\n", b"\r\n"]:
            return content.replace(b"\n", b"\r\n")
        case [b"\r\n", b"\n"]:
            return content.replace(b"\r\n", b"\n")
        case _:
            return content


def _ends(content: bytes) -> bytes | None:
    all_of_them, dos = content.count(b"\n"), content.count(b"\r\n")
    return {0: b"\n", all_of_them: b"\r\n"}.get(dos) if all_of_them else None


def on_disk(file: Path) -> Held | None:
    """A file of the work tree; None where there is none."""
    try:
        if file.is_symlink():
            return Held(os.fsencode(file.readlink()), LINK)
        return Held(file.read_bytes(), "100755" if file.stat().st_mode & 0o100 else "100644")
    except OSError:
        return None
