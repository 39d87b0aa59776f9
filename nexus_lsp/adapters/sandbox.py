"""Sandbox: how a command that runs a workspace's code is started, watched and ended.

With bubblewrap the command sees the file system read-only, an empty home with only toolchains in it, a
fresh `/tmp`, no network but loopback, and process ids of its own. Without it, it still gets a scrubbed
environment, a home of its own and a process group; `setpriv` lets its first process die with ours.

**Invariant:** when `run` returns, raises or is cancelled, nothing that it started is alive.

POSIX only.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from nexus_lsp.adapters.bounded_output import BoundedOutput
from nexus_lsp.ports import Readiness

Kind = Literal["bwrap", "setpriv", "group"]

_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL")
_MARK = "NEXUS_SANDBOX"
"""Environment variable by which the descendants of a command are found, wherever they went."""

TOOLCHAINS = (
    ".asdf",
    ".bun/bin",
    ".cargo/bin",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".local/bin",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/uv",
    ".m2/repository",
    ".nvm",
    ".pyenv",
    ".rustup",
    ".sdkman",
    ".volta",
    "go/pkg/mod",
)
"""What of the user's home a command or an agent may read: tools, none of them a place for credentials."""

_BWRAP = (
    *("--die-with-parent", "--unshare-user-try", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
    *("--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"),
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),  # noqa: S108
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What this machine offers: `program` is the wrapper's path ("" for none), `why` why not better."""

    kind: Kind
    program: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended.

    Attributes:
        exit_code: its exit status; negative or above 128 for a signal; -9 after a timeout.
        output: stdout and stderr together, the middle left out where it was too long.
        seconds: wall time.
    """

    exit_code: int
    output: str
    seconds: float
    timed_out: bool = False


@functools.cache
def find_sandbox() -> Sandbox:
    """The best kind that works here, tried out once a process (some tens of milliseconds)."""
    bwrap = shutil.which("bwrap")
    why = "bubblewrap (bwrap) is not installed"
    if bwrap is not None:
        why = _bwrap_fault(bwrap)
        if not why:
            return Sandbox("bwrap", bwrap)
    setpriv = shutil.which("setpriv")
    if setpriv is not None and _succeeds([setpriv, "--pdeathsig", "KILL", "--", "true"]):
        return Sandbox("setpriv", setpriv, why)
    return Sandbox("group", "", why)


def describe(sandbox: Sandbox | None = None) -> Readiness:
    """The line for `nexus-lsp doctor`."""
    found = sandbox or find_sandbox()
    if found.kind == "bwrap":
        return Readiness("sandbox", True, f"{found.program}: tests run without network, home or writes")
    weaker = "a scrubbed environment and a process group only: network and files stay reachable"
    mend = "Install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`) and allow user namespaces."
    return Readiness("sandbox", False, f"{found.why}; tests of trusted workspaces run in {weaker}", mend)


def clean_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a workspace's code: no key, token or agent socket of the user's, then `extra`."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    kept |= {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
    return kept | dict(extra or {})


def interpreter_paths(python: Path) -> tuple[Path, ...]:
    """The directories an interpreter needs: its environment, its base, and every link between.

    Found by reading links and `pyvenv.cfg`; nothing is executed.
    """
    paths = {python.parent.parent} if (python.parent.parent / "pyvenv.cfg").exists() else set[Path]()
    hop = python
    for _ in range(20):
        paths.add(hop.parent)
        if not hop.is_symlink():
            break
        hop = hop.parent / hop.readlink()
    paths |= {python.resolve().parent.parent, *_venv_home(python.parent.parent / "pyvenv.cfg")}
    return tuple(sorted({*paths, *(path.resolve() for path in paths)}))


async def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,  # noqa: ASYNC109
    on_output: Callable[[str], None] | None = None,
    max_output: int = 200_000,
    writable: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    sandbox: Sandbox | None = None,
) -> Completed:
    """Run a command to its end, in `cwd`, which it may write, as it may `writable`.

    `env` is the whole environment but for HOME and TMPDIR (default `clean_env()`); `readable` names what
    it needs of the user's home or `/tmp`; `timeout` is in seconds, `max_output` in bytes; `on_output` gets
    lines as they come, thinned out once more than `max_output` has passed. OSError where the command
    cannot be started at all.
    """
    found = sandbox or await asyncio.to_thread(find_sandbox)
    mark = uuid.uuid4().hex
    with _home(found) as home:
        given = {**(clean_env() if env is None else env), "HOME": str(home), _MARK: mark}
        if found.kind != "bwrap":
            given["TMPDIR"] = str(home)
        wrapped = _wrap(found, argv, cwd, (cwd, *writable), readable)
        output = BoundedOutput(max_output, on_output)
        began = time.monotonic()
        end = functools.partial(_end, mark)
        code, timed_out = await _run(wrapped, cwd, given, timeout, output=output, end=end)
        return Completed(code, output.text(), time.monotonic() - began, timed_out)


async def _run(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    limit: float,
    *,
    output: BoundedOutput,
    end: Callable[[int], None],
) -> tuple[int, bool]:
    """(exit code, timed out). The pipe is our own, since asyncio's would tie `wait` to whoever holds it."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", buffering=0) as source:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        reading = asyncio.create_task(_read(source, output))
        try:
            timed_out = not await _ended(process, limit)
        finally:
            end(process.pid)
            await process.wait()
            await asyncio.wait({reading}, timeout=5)
            reading.cancel()
    return process.returncode or 0, timed_out


async def _ended(process: asyncio.subprocess.Process, limit: float) -> bool:
    try:
        await asyncio.wait_for(process.wait(), limit)
    except TimeoutError:
        return False
    return True


async def _read(source: object, output: BoundedOutput) -> None:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), source
    )
    try:
        while chunk := await stream.read(1 << 16):
            output.add(chunk)
        output.finish()
    finally:
        transport.close()


def _end(mark: str, pid: int) -> None:
    """Kill the process group, then whoever left it: marked processes, until none is found.

    Twice none, since a process that forks and exits during a search is missed by it.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    empty = 0
    for _ in range(20):
        left = list(_marked(mark))
        empty = 0 if left else empty + 1
        if empty == 2:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.2)


def _marked(mark: str) -> Iterator[psutil.Process]:
    own = os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = process.uids().real == own and process.environ().get(_MARK) == mark
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process


@contextlib.contextmanager
def _home(sandbox: Sandbox) -> Generator[Path]:
    """In bubblewrap the user's own home, emptied; else a directory that is removed afterwards."""
    if sandbox.kind == "bwrap":
        yield Path.home()
        return
    directory = Path(tempfile.mkdtemp(prefix="nexus-home-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _wrap(
    sandbox: Sandbox,
    argv: Sequence[str | Path],
    cwd: Path,
    writable: Sequence[Path],
    readable: Sequence[Path],
) -> list[str]:
    command = [str(word) for word in argv]
    match sandbox.kind:
        case "bwrap":
            places = mounts(Path.home().resolve(), (*readable, *_on_path()), writable)
            return [sandbox.program, *_BWRAP, *places, "--chdir", str(cwd.resolve()), "--", *command]
        case "setpriv":
            return [sandbox.program, "--pdeathsig", "KILL", "--", *command]
        case "group":
            return command


def mounts(home: Path, readable: Iterable[Path], writable: Iterable[Path]) -> Iterator[str]:
    """bubblewrap's options over a read-only `/`: `/run` and the home hidden, tools and these paths shown.

    Hide first, then show: outer directories before inner ones, so that none covers another. The home itself,
    or a directory above it, is never shown.
    """
    for hidden in ("/run", str(home)):
        if Path(hidden).is_dir() and hidden != "/":
            yield from ("--tmpfs", hidden)
    kinds = dict.fromkeys(_shown(readable, home), "--ro-bind")
    kinds |= {path.resolve(): "--bind" for path in writable}
    for path in sorted(kinds, key=lambda path: len(path.parts)):
        yield from (kinds[path], str(path), str(path))


def _shown(readable: Iterable[Path], home: Path) -> Iterator[Path]:
    """What exists of these and of the toolchains; never the home itself or one above it."""
    tools = (home / name for name in TOOLCHAINS)
    system = Path("/run/current-system")  # NixOS keeps its programs there
    for path in (*readable, *tools, system):
        if path.is_absolute() and path.exists() and not home.is_relative_to(path.resolve()):
            yield path


def _on_path() -> Iterator[Path]:
    return (Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry)


def _venv_home(config: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in config.read_text().splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home" and value.strip():
                yield Path(value.strip()).parent


def _bwrap_fault(program: str) -> str:
    """Why bubblewrap does not work here, or ""."""
    try:
        done = subprocess.run(
            [program, *_BWRAP, "--", "true"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work here ({error})"
    return "" if done.returncode == 0 else f"bubblewrap does not work here ({done.stderr.strip()[:200]})"


def _succeeds(argv: Sequence[str]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
