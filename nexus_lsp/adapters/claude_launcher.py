"""How Claude Code's process is started and ended: environment, hold, directories, credentials.

The SDK starts whatever `cli_path` names, with our whole environment. So `cli_path` is a small script that
keeps the allow-listed variables only and then becomes the CLI, inside bubblewrap where that works.

What holds an agent:
    bwrap   the file system is read-only but for its checkout and its own directory; the user's home and
            `/tmp` are hidden but for toolchains; process ids of its own; it dies with this process.
    reaper  elsewhere (macOS, containers without user namespaces): `claude_reaper.py` stands between us
            and the CLI and ends every descendant when we are gone. Files outside the checkout are guarded
            by Claude Code's own permissions and our answer to them only; a trusted shell can write them.

**Invariant:** no key but Anthropic's own reaches an agent's process, and none at all its shell.

POSIX only: on Windows the SDK takes no script as `cli_path`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psutil

from nexus_lsp.adapters.sandbox import mounts

Hold = Literal["bwrap", "reaper"]

_PASSED = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
    }
)
_CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN")

_SET_BY_SDK = frozenset(
    {"CLAUDE_CODE_ENTRYPOINT", "CLAUDE_AGENT_SDK_VERSION", "CLAUDE_CODE_SDK_READS_SESSION_STATE", "PWD"}
)

_FIXED = {
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "ENABLE_TOOL_SEARCH": "false",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_COLOR": "1",
    "TERM": "dumb",
}

_BWRAP = (
    *("--die-with-parent", "--new-session", "--unshare-user-try", "--unshare-pid", "--unshare-ipc"),
    *("--unshare-uts", "--cap-drop", "ALL"),
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
)


# --- credentials -------------------------------------------------------------------------------------


def has_credentials(env: Mapping[str, str], home: Path) -> tuple[bool, str]:
    """Whether Claude Code can work for this user, and a sentence that says why or what to do."""
    for name in ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"):
        if env.get(name, "").strip():
            return True, f"{name} is set"
    login = _login(home)
    if login is None:
        return False, (
            "Claude Code has no credentials. Set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN"
            " (`claude setup-token`), or log in with `claude`."
        )
    expires = login.get("expiresAt")
    if isinstance(expires, int | float) and expires / 1000 < time.time():
        return False, (
            "Claude Code's login has run out. Start `claude` once to renew it, or set"
            " CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token`), which lasts."
        )
    return True, "Claude Code's login in ~/.claude is used"


def _login(home: Path) -> dict[str, Any] | None:
    """The user's own login, or None."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        text = (home / ".claude" / ".credentials.json").read_text(encoding="utf-8")
        login: dict[str, Any] = json.loads(text)["claudeAiOauth"]
        if login["accessToken"]:
            return login
    return None


def _lend_login(home: Path, config: Path) -> None:
    """Put the login into an agent's configuration, without what would let it renew it.

    A refresh token is good once: an agent that used it would log the user out elsewhere.
    """
    login = _login(home)
    if login is None:
        return
    lent = {key: value for key, value in login.items() if key != "refreshToken"}
    target = config / ".credentials.json"
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"claudeAiOauth": lent}, file)


# --- where an agent lives ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Berth:
    """One agent's own directory: configuration (its sessions too), home, temporary files, launcher."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def orders(self) -> Path:
        """The file with the append to the system prompt: prompts in argv show in `ps`."""
        return self.root / "orders.md"

    @property
    def pid_file(self) -> Path:
        return self.root / "pid"

    def knows(self, session_id: str) -> bool:
        """Whether a conversation can be resumed from here."""
        safe = all(char.isalnum() or char == "-" for char in session_id)
        return safe and any(self.config.glob(f"projects/*/{session_id}.jsonl"))

    def prepare(self) -> None:
        """Make the directories, readable by this user only."""
        for directory in (self.root, self.config, self.home, self.temporary):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> None:
        """Take away what must not lie about between attempts; sessions stay."""
        for path in (self.config / ".credentials.json", self.pid_file):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)


def environment(
    given: Mapping[str, str], berth: Berth, hold: Hold, more: Mapping[str, str]
) -> dict[str, str]:
    """All that an agent's process gets to see of the environment."""
    temporary = "/tmp" if hold == "bwrap" else str(berth.temporary)  # noqa: S108
    kept = {name: value for name, value in given.items() if name in _PASSED or name.startswith("LC_")}
    kept |= {name: given[name] for name in _CREDENTIALS if given.get(name)}
    own = {
        "HOME": str(berth.home),
        "TMPDIR": temporary,
        "CLAUDE_CONFIG_DIR": str(berth.config),
        "CLAUDE_CODE_TMPDIR": temporary,
        "CLAUDE_CODE_SHELL_PREFIX": str(berth.root / "shell"),
    }
    return {**kept, **_FIXED, **own, **more}


# --- the launcher ------------------------------------------------------------------------------------


def find_cli() -> Path | None:
    """The CLI the SDK bundles, else the one on PATH; None where there is none. Imports nothing."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "_bundled" / "claude"
        if bundled.is_file():
            return bundled
    found = shutil.which("claude")
    return Path(found) if found else None


class Found(NamedTuple):
    """What can hold an agent on this machine, and where it is or why there is nothing better."""

    hold: Hold
    detail: str


def find_hold() -> Found:
    """The best hold, tried out once a process (some tens of milliseconds)."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Found("reaper", "bubblewrap (bwrap) is not installed")
    fault = _bwrap_fault(bwrap)
    if fault:
        return Found("reaper", f"bubblewrap does not work here ({fault})")
    return Found("bwrap", bwrap)


@functools.cache
def _bwrap_fault(program: str) -> str:
    try:
        done = subprocess.run(
            [program, *_BWRAP, "--", "true"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip()[:200] or f"exit {done.returncode}"


def board(
    berth: Berth,
    *,
    cli: Path,
    hold: Hold,
    checkout: Path,
    env: Mapping[str, str],
    home: Path,
    orders: str,
    readable: Sequence[Path] = (),
) -> Path:
    """Make a berth ready for an attempt and return the launcher to give to the SDK as `cli_path`."""
    berth.prepare()
    if not env.get("ANTHROPIC_API_KEY") and not env.get("CLAUDE_CODE_OAUTH_TOKEN"):
        _lend_login(home, berth.config)
    berth.orders.write_text(orders, encoding="utf-8")
    secrets = " ".join(name for name in _CREDENTIALS if name != "ANTHROPIC_BASE_URL")
    _script(berth.root / "shell", f'unset {secrets} CLAUDE_CODE_MESSAGING_TOKEN\nexec /bin/bash -c "$1"\n')
    plan = {
        "keep": sorted({*env, *_SET_BY_SDK}),
        "pid_file": str(berth.pid_file),
        "command": _in_bwrap(berth, checkout, cli, home, readable) if hold == "bwrap" else [str(cli)],
        "reap": hold == "reaper",
    }
    (berth.root / "launch.json").write_text(json.dumps(plan), encoding="utf-8")
    reaper = Path(__file__).with_name("claude_reaper.py")
    words = [sys.executable, "-I", *(() if hold == "reaper" else ("-S",)), reaper, berth.root / "launch.json"]
    return _script(berth.root / "launch", f'exec {shlex.join(map(str, words))} "$@"\n')


def _script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}", encoding="utf-8")
    path.chmod(0o700)
    return path


def _in_bwrap(berth: Berth, checkout: Path, cli: Path, home: Path, readable: Sequence[Path]) -> list[str]:
    cli = cli.resolve()
    places = _mounts(berth, checkout, (cli, cli.parent, *readable), home.resolve())
    bwrap = shutil.which("bwrap") or "bwrap"
    return [bwrap, *_BWRAP, *places, "--chdir", str(checkout.resolve()), "--", str(cli)]


def _mounts(berth: Berth, checkout: Path, readable: Sequence[Path], home: Path) -> Iterator[str]:
    """The berth's `/tmp` (on disk, private, its path short enough for the CLI's sockets), then the rest."""
    yield from ("--bind", str(berth.temporary.resolve()), "/tmp")  # noqa: S108
    interpreter = (Path(sys.prefix), Path(sys.base_prefix))
    names = (Path("/run/systemd/resolve"), Path("/run/resolvconf"))
    writable = (checkout, berth.config, berth.home, berth.temporary)
    yield from mounts(home, (*readable, *interpreter, *names, berth.root.resolve()), writable)


# --- the end -----------------------------------------------------------------------------------------


def end_tree(berth: Berth) -> int:
    """Kill whatever was launched from a berth, with every descendant; how many processes that were.

    It waits up to a second for the descendants, but never for the first: that is asyncio's own child, and
    whoever else waits for it takes its exit code away.
    """
    try:
        root = psutil.Process(int(berth.pid_file.read_text()))
        if str(berth.root) not in " ".join(root.cmdline()):
            return 0  # the number was given to another process since
        below = root.children(recursive=True)
    except (OSError, ValueError, psutil.Error):
        return 0
    for process in (*below, root):
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(below, timeout=1)
    return len(below) + 1
