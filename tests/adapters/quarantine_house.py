"""A workspace to try the quarantine on, and a manifest that shows every byte and time of it."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nexus_lsp.adapters.quarantine import Quarantine

IDENTITY = ("-c", "user.name=User", "-c", "user.email=user@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Git as the user or an agent runs it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, input=stdin, capture_output=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return os.fsdecode(done.stdout).rstrip("\n")


def write(folder: Path, **files: str | bytes) -> None:
    """Write files; `__` in a name is a slash, `_DOT_` a dot."""
    for name, content in files.items():
        put(folder, name.replace("__", "/").replace("_DOT_", "."), content)


def put(folder: Path, path: str, content: str | bytes) -> Path:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def manifest(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Path -> (what it holds, mode, time of change in nanoseconds) of everything, `.git` included."""
    found: dict[str, tuple[str, int, int]] = {}
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files, ""):
            place = Path(top, name)
            about = place.lstat()
            found[str(place)] = (_content(place, about.st_mode), about.st_mode, about.st_mtime_ns)
    return found


def _content(place: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return str(place.readlink())
    return hashlib.sha256(place.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the user's own, so that this machine's git configuration plays no part."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def plain(tmp_path: Path, home: Path) -> Path:
    """A workspace without git."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def workspace(plain: Path) -> Path:
    """A workspace with git and one commit: `a.txt` ("a\\n") and `src/b.py` ("b = 1\\n")."""
    git(plain, "init", "-q", "-b", "main")
    write(plain, a_DOT_txt="a\n", src__b_DOT_py="b = 1\n")
    git(plain, "add", "-A")
    git(plain, "commit", "-qm", "first")
    return plain


@pytest_asyncio.fixture
async def quarantine(plain: Path, tmp_path: Path) -> AsyncIterator[Quarantine]:
    """The quarantine of `plain` (which is `workspace`, too)."""
    opened = await Quarantine.open(plain, tmp_path / "state")
    yield opened
    await opened.close()


async def tree(quarantine: Quarantine, commit: str) -> dict[str, bytes]:
    """Path -> bytes of a commit."""
    found: dict[str, bytes] = {}
    for path, size in await quarantine.files(commit):
        file = await quarantine.read_file(commit, path)
        assert file is not None and len(file.content) == size
        found[path] = file.content
    return found
