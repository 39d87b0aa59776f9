"""Commits in the user's own repository, for the user who asks for one.

**Invariant:** no other file of ours writes below the user's `.git`, and nothing here does so without an
operation that the user called. Work tree and HEAD are git's to touch, never ours.

A commit is made by `git commit` with an index of its own (HEAD and the chosen hunks), as git itself does for
`git commit -- PATH`: author, signing, message clean-up, hooks and the reflog are the user's. Meanwhile the
user's index is locked, and where the commit succeeds the new entries of its paths come into place with the
lock's release; where it does not, the index is as it was.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from nexus_lsp.adapters.git_command import Done, Git, failed, shown
from nexus_lsp.adapters.git_command import stop as end_all
from nexus_lsp.adapters.git_commit_files import Files, GitFiles, on_disk
from nexus_lsp.core.problems import Refused
from nexus_lsp.ports import Blamed, Head, Made

NOTES = "refs/notes/nexus"
MOST_SAID = 8_000
"""Characters of what hooks said that are shown (the end of it)."""

NOT_FOR_HOOKS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "NEXUS_REDIS_URL")
_OF_ANOTHER_REPOSITORY = frozenset(
    f"GIT_{name}"
    for name in (
        "ALTERNATE_OBJECT_DIRECTORIES",
        "COMMON_DIR",
        "CONFIG",
        "CONFIG_COUNT",
        "CONFIG_PARAMETERS",
        "DIR",
        "GRAFT_FILE",
        "IMPLICIT_WORK_TREE",
        "INDEX_FILE",
        "INTERNAL_SUPER_PREFIX",
        "NAMESPACE",
        "NO_REPLACE_OBJECTS",
        "OBJECT_DIRECTORY",
        "PREFIX",
        "REPLACE_REF_BASE",
        "SHALLOW_FILE",
        "WORK_TREE",
    )
)
"""What `git rev-parse --local-env-vars` lists: set by a hook or a shell for a repository of theirs."""

_IN_PROGRESS = (
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
)


class GitCommits:
    """`ports.Commits` on the git command."""

    def __init__(self, workspace: Path, scratch: Path) -> None:
        self._workspace = workspace
        self._scratch = scratch

    # --- looking -------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """See the port."""
        files = await self._files()
        git = files.git
        named = await git.attempt("symbolic-ref", "-q", "HEAD")
        commit = await git.attempt("rev-parse", "-q", "--verify", "HEAD^{commit}")
        there = await asyncio.gather(*(self._place(git, name) for name, _ in _IN_PROGRESS))
        doing = next((told for (_, told), at in zip(_IN_PROGRESS, there, strict=True) if at.exists()), "")
        return Head(
            named.line() if named.code == 0 else None, commit.line() if commit.code == 0 else None, doing
        )

    async def tip(self, ref: str) -> str | None:
        """See the port."""
        found = await (await self._files()).git.attempt("rev-parse", "-q", "--verify", f"{ref}^{{commit}}")
        return found.line() if found.code == 0 else None

    async def unreached(self, head: str | None, commits: Iterable[str]) -> frozenset[str]:
        """See the port. Objects that git has thrown away by now are not reached either."""
        asked = frozenset(commits)
        if not asked or head is None:
            return asked
        git = (await self._files()).git
        names = "".join(f"{commit}\n" for commit in sorted(asked))
        there = await git.run("cat-file", "--batch-check=%(objectname)", stdin=names.encode())
        gone = {row.split()[0] for row in there.out.decode().splitlines() if row.endswith(" missing")}
        known = "".join(f"{commit}\n" for commit in sorted(asked - gone))
        beside = await git.run("rev-list", "--stdin", stdin=f"{known}^{head}\n".encode())
        return asked & (gone | set(beside.out.decode().split()))

    async def files(self, commit: str | None, paths: Sequence[str]) -> Files:
        """See the port."""
        return await (await self._files()).of_commit(commit, paths)

    async def staged(self, paths: Sequence[str]) -> Files:
        """See the port."""
        return await (await self._files()).of_index(paths)

    async def on_disk(self, paths: Sequence[str]) -> Files:
        """See the port."""
        return await asyncio.to_thread(lambda: {path: on_disk(self._workspace / path) for path in paths})

    async def tree(self, commit: str | None, files: Files) -> str:
        """See the port. Its objects are forgotten: the user has asked for nothing yet."""
        user = await self._files()
        with self._folder() as folder:
            (folder / "objects").mkdir()
            real = await self._place(user.git, "objects")
            git = user.git.with_env(
                GIT_OBJECT_DIRECTORY=str(folder / "objects"),
                GIT_ALTERNATE_OBJECT_DIRECTORIES=str(real),
            )
            return await self._tree(replace(user, git=git), folder, commit, files)

    async def _tree(self, user: GitFiles, folder: Path, commit: str | None, files: Files) -> str:
        git = user.git.at(folder / "index")
        await git.run("read-tree", *([commit] if commit else ["--empty"]))
        await user.put(git, files)
        return (await git.run("write-tree")).line()

    # --- a commit on the current branch --------------------------------------------------------------

    async def commit(self, head: Head, files: Files, index: Files, message: str, stop: asyncio.Event) -> Made:
        """See the port."""
        user = await self._files()
        real = await self._place(user.git, "index")
        with self._folder() as folder, _locked(real) as lock:
            now = await self.head()
            if now != head:
                raise Refused("The branch moved just now; look at the message again and commit then.")
            own, next_index = folder / "own", folder / "next"
            for copy in (own, next_index):
                if real.exists():
                    await asyncio.to_thread(shutil.copy2, real, copy)
            git = user.git.at(own)
            # keeps what the user's index knows of the files' times: a hook then reads no others
            await git.run("read-tree", *(["-i", "--reset", head.commit] if head.commit else ["--empty"]))
            await user.put(git, files)
            code, said = await self._commit(own, folder, message, stop)
            commit = (await user.git.attempt("rev-parse", "-q", "--verify", "HEAD")).line()
            if code and not (stop.is_set() and commit != head.commit and await _holds(git, commit)):
                if stop.is_set():
                    raise Refused("It was stopped before the commit was made, and nothing was changed.")
                raise Refused(_not_committed(said, "" if commit == (head.commit or "") else commit))
            # a hook may have put in more (a formatter); what was not staged otherwise follows the commit
            await user.follow(user.git.at(next_index), head.commit, commit, index)
            await asyncio.to_thread(_into_place, next_index, lock, real)
        tree = (await user.git.run("rev-parse", f"{commit}^{{tree}}")).line()
        return Made(commit, tree, said)

    async def _commit(self, index: Path, folder: Path, message: str, stop: asyncio.Event) -> tuple[int, str]:
        """Run `git commit`; gives its exit code, and what it and the hooks said."""
        text = folder / "message"
        text.write_text(message, "utf-8", errors="surrogateescape")
        process = await asyncio.create_subprocess_exec(
            *("git", "commit", "-F", str(text)),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=self._workspace,
            env=_as_the_user() | {"GIT_INDEX_FILE": str(index), "GIT_TERMINAL_PROMPT": "0"},
            process_group=0,
        )
        end, stopped = asyncio.ensure_future(process.communicate()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((end, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not end.done():
                await end_all(process)
            out, _ = await end
        except BaseException:
            await end_all(process)
            raise
        finally:
            stopped.cancel()
        return process.returncode or 0, out.decode("utf-8", "replace").strip()[-MOST_SAID:]

    # --- a branch, notes -----------------------------------------------------------------------------

    async def free_branch(self, name: str) -> None:
        """See the port."""
        git = (await self._files()).git
        if (await git.attempt("check-ref-format", "--branch", name)).code or name.startswith("-"):
            raise Refused(f"{shown(name)!r} is no name for a branch: write one such as nexus/fix-add.")
        if (await git.attempt("rev-parse", "-q", "--verify", f"refs/heads/{name}")).code == 0:
            raise Refused(f"There is a branch {shown(name)} already: choose another name.")

    async def branch(self, name: str, base: str | None, files: Files, message: str) -> Made:
        """See the port."""
        await self.free_branch(name)
        with self._folder() as folder:
            tree = await self._tree(await self._files(), folder, base, files)
        git = Git((), _as_the_user() | {"GIT_TERMINAL_PROMPT": "0"}, self._workspace)
        signed = (await git.attempt("config", "--type=bool", "--get", "commit.gpgSign")).line() == "true"
        words = [*(["-S"] if signed else []), *(["-p", base] if base else []), "-F", "-", tree]
        made = await git.attempt("commit-tree", *words, stdin=os.fsencode(message))
        if made.code:
            raise Refused(f"git did not make the commit. It said:\n{made.err.strip()}")
        # an empty old value: it must not exist
        put = await git.attempt("update-ref", "-m", "nexus: proposed", f"refs/heads/{name}", made.line(), "")
        if put.code:
            raise Refused(f"The branch {shown(name)} was not made. git said: {put.err.strip()}")
        return Made(made.line(), tree)

    async def note(self, commit: str, text: str) -> None:
        """See the port."""
        git = Git((), _as_the_user() | {"GIT_TERMINAL_PROMPT": "0"}, self._workspace)
        words = ("notes", f"--ref={NOTES}", "add", "-f", "-F", "-", commit)
        done = await git.attempt(*words, stdin=text.encode("utf-8", "surrogateescape"))
        if done.code:
            raise Refused(f"The commit is made, its note is not. git said: {done.err.strip()}")

    async def read_note(self, commit: str) -> str | None:
        """See the port."""
        done = await self._look("notes", f"--ref={NOTES}", "show", commit)
        return done.out.decode("utf-8", "surrogateescape") if done.code == 0 else None

    async def blame(self, path: str, line: int, text: str | None) -> Blamed | None:
        """See the port."""
        live = [] if text is None else ["--contents", "-"]
        words = ("blame", "--porcelain", "-L", f"{line},{line}", *live, "--", path)
        done = await self._look(*words, stdin=(text or "").encode("utf-8", "surrogatepass"))
        rows = done.out.split(b"\n")
        if done.code or not rows[0]:
            return None
        commit, number, *_ = rows[0].decode().split(" ")
        named = next((row for row in rows if row.startswith(b"filename ")), b"filename " + os.fsencode(path))
        if not commit.strip("0"):
            return None
        prefix = (await self._files()).prefix
        old = os.fsdecode(_unquoted(named.removeprefix(b"filename "))).removeprefix(prefix)
        return Blamed(commit, old, int(number))

    async def _look(self, *words: str, stdin: bytes = b"") -> Done:
        return await Git.of_the_user(self._workspace).attempt(*words, stdin=stdin)

    # --- places --------------------------------------------------------------------------------------

    async def _files(self) -> GitFiles:
        env = _as_the_user() | {"GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
        git = Git((), env, self._workspace, self._workspace)
        top = await git.attempt("rev-parse", "--show-toplevel")
        if top.code:
            raise Refused(
                "This workspace is in no git repository, so nothing can be committed: `git init` makes one."
            )
        return GitFiles(git, self._workspace, Path(top.line()))

    async def _place(self, git: Git, name: str) -> Path:
        found = await git.run("rev-parse", "--path-format=absolute", "--git-path", name)
        return Path(found.line())

    @contextmanager
    def _folder(self) -> Generator[Path]:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="commit-", dir=self._scratch) as name:
            yield Path(name)


async def _holds(git: Git, commit: str) -> bool:
    """Whether a commit is of just this index: then it was made, though a later hook was ended."""
    tree = await git.attempt("rev-parse", "-q", "--verify", f"{commit}^{{tree}}")
    return tree.code == 0 and tree.line() == (await git.run("write-tree")).line()


def _as_the_user() -> dict[str, str]:
    """The user's own environment, without keys that hooks need not see."""
    without = _OF_ANOTHER_REPOSITORY.union(NOT_FOR_HOOKS)
    return {name: value for name, value in os.environ.items() if name not in without}


@contextmanager
def _locked(index: Path) -> Generator[Path]:
    """Hold git's own lock of an index, as a partial `git commit` does."""
    lock = index.with_name(index.name + ".lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        raise Refused(
            "Another git command is at work in this repository. Try again when it is done; where there is "
            f"none, remove {shown(lock)}."
        ) from None
    except OSError as error:
        raise failed("git commit", str(error), index.parent) from error
    try:
        yield lock
    finally:
        with suppress(FileNotFoundError):
            lock.unlink()


def _into_place(made: Path, lock: Path, real: Path) -> None:
    shutil.copyfile(made, lock)
    if real.exists():
        shutil.copymode(real, lock)
    lock.replace(real)


def _unquoted(name: bytes) -> bytes:
    """A path as git writes it where it holds odd bytes: in double quotes, with C's escapes."""
    if not name.startswith(b'"'):
        return name
    return name[1:-1].decode("unicode_escape").encode("latin-1")


def _not_committed(said: str, elsewhere: str) -> str:
    told = f"It said:\n{said or 'nothing'}"
    if not elsewhere:
        return f"git did not commit, and nothing was changed. {told}"
    where = f"a hook or another program committed meanwhile ({elsewhere[:12]})"
    return f"git did not commit: {where}. Look at that commit, then commit again what it has not. {told}"
