"""What an agent's shell command reaches beyond its checkout, and whether the user has to be asked first.

A help to the user, not the wall: that is the sandbox, and a program can do what its name does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nexus_lsp.core.merging.syntax import Parse, Syntax
from nexus_lsp.core.quoting import one_line, visible

Permissions = Literal["ask", "askAll", "allow", "deny"]
"""What happens before a command that reaches beyond the checkout: `askAll` asks before every command that
Claude Code's own rules do not let pass."""

ONCE, THIS_RUN, DENY = "Allow once", "Allow for this run", "Deny"

MOST_COMMAND = 2_000
"""Characters of a command that can be shown to somebody who has to decide on it."""


class Reach(NamedTuple):
    """A program that reaches out: `pip install` and why that is worth asking, as the end of a sentence."""

    program: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user has to be asked; `grants` is what “for this run” would allow."""

    question: str
    why: str
    grants: tuple[str, ...]


_FETCHES = "reaches the network"
_INSTALLS = "brings in code from the network"
_ACTS = "acts on more than the checkout"

_ANY: dict[str, str] = {
    **dict.fromkeys(
        (
            *("curl", "wget", "aria2c", "http", "https", "ftp", "sftp", "scp", "ssh", "rsync", "telnet"),
            *("nc", "ncat", "netcat", "socat", "gh", "glab", "aws", "gcloud", "az", "twine", "rclone"),
        ),
        _FETCHES,
    ),
    **dict.fromkeys(
        (
            *("npx", "bunx", "pnpx", "uvx", "pipx", "apt", "apt-get", "dnf", "yum", "apk", "pacman"),
            *("zypper", "brew", "snap", "easy_install"),
        ),
        _INSTALLS,
    ),
    **dict.fromkeys(
        (
            *("sudo", "doas", "su", "docker", "podman", "docker-compose", "kubectl", "helm", "terraform"),
            *("ansible", "ansible-playbook", "systemctl", "service", "launchctl", "crontab", "mount"),
            *("umount", "shutdown", "reboot"),
        ),
        _ACTS,
    ),
}
_INSTALL = ("install", "i", "add", "ci", "update", "upgrade", "download", "sync", "exec", "dlx", "publish")
_SOME: dict[str, tuple[tuple[str, ...], str]] = {
    "git": (("push", "fetch", "pull", "clone", "ls-remote", "submodule", "send-email"), _FETCHES),
    "go": (("get", "install", "mod"), _INSTALLS),
    "cargo": ((*_INSTALL, "fetch", "search"), _INSTALLS),
    "composer": ((*_INSTALL, "require"), _INSTALLS),
    "conda": ((*_INSTALL, "create"), _INSTALLS),
    "mamba": ((*_INSTALL, "create"), _INSTALLS),
    "poetry": ((*_INSTALL, "lock"), _INSTALLS),
    "uv": ((*_INSTALL, "lock", "tool"), _INSTALLS),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun", "pdm", "gem", "bundle", "bundler"), (_INSTALL, _INSTALLS)),
    **dict.fromkeys(("pip", "pip3"), (("install", "download", "wheel"), _INSTALLS)),
}
_AROUND = frozenset(
    {
        *("env", "nohup", "nice", "ionice", "timeout", "time", "xargs", "exec", "command", "builtin"),
        *("sudo", "doas", "stdbuf", "setsid", "coproc", "watch", "find", "parallel", "script", "unbuffer"),
    }
)
"""Programs that start another, which their arguments name."""

_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "eval"})

_DEEPEST = 5
"""Shells within shells that are read."""


def permission(
    command: str, purpose: str, mode: Permissions, granted: Iterable[str], parse: Parse | None
) -> Wanted | str:
    """What is to be asked; "" where it may run, and a sentence for the agent where it may not.

    Args:
        purpose: what the agent says it is for.
        granted: what the user allowed for this run.
    """
    if mode == "allow":
        return ""
    programs, sure = _programs(command, parse)
    reaching = [one for one in programs if one.why]
    if not sure:
        reaching.append(Reach(one_line(command, MOST_COMMAND), "cannot be read for what it does"))
    asked = programs if mode == "askAll" and sure else reaching
    open_ones = [one for one in dict.fromkeys(asked) if one.program not in set(granted)]
    if not open_ones:
        return ""
    if mode == "deny":
        return f"The user's settings forbid commands like {_listed(open_ones)}. Do without, and say so."
    if len(command) > MOST_COMMAND:
        return f"A command of {len(command):,} characters cannot be shown to the user. Run its parts."
    return Wanted(_question(command), _why(purpose, open_ones, sure), tuple(one.program for one in open_ones))


def _question(command: str) -> str:
    lines = [" ".join(line.split()) for line in visible(command).strip().split("\n")]
    return f"May I run `{' ⏎ '.join(line for line in lines if line)}`?"


def _why(purpose: str, asked: Sequence[Reach], sure: bool) -> str:
    said = one_line(purpose, 300)
    if said and said[-1] not in ".!?":
        said += "."
    reasons = [f"`{one.program}` {one.why}" for one in asked if one.why] if sure else [f"It {asked[-1].why}"]
    told = "; ".join(reasons)
    scope = f"“{THIS_RUN}” covers every {_listed(asked)}." if sure else ""
    return " ".join(part for part in (said, f"{told}." if told else "", scope) if part)


def _listed(asked: Sequence[Reach]) -> str:
    *rest, last = dict.fromkeys(f"`{one.program}`" for one in asked)
    return f"{', '.join(rest)} and {last}" if rest else last


# --- reading a command -------------------------------------------------------------------------------


def _programs(command: str, parse: Parse | None, depth: int = 0) -> tuple[list[Reach], bool]:
    """The programs that it names, in their order, and whether all of it could be read."""
    tree = parse("bash", command) if parse and depth < _DEEPEST else None
    if tree is None or tree.faulty:
        return [], False
    found: list[Reach] = []
    sure = True
    for node in tree.all():
        if node.kind != "command":
            continue
        words = list(_words(node, command))
        inner = _script(words)
        if inner is None:
            found += _reached(words)
        else:
            more, read = _programs(inner, parse, depth + 1)
            found, sure = [*found, *more], sure and read
    if "/dev/tcp/" in command or "/dev/udp/" in command:
        found.append(Reach("/dev/tcp", _FETCHES))
    return found, sure


def _words(node: Syntax, text: str) -> Iterator[str]:
    for child in node.children:
        if child.role in ("name", "argument"):
            yield _unquoted(text[child.start : child.end])


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        word = word[1:-1]
    return word.replace("\\", "").replace("''", "").replace('""', "")


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def _script(words: Sequence[str]) -> str | None:
    """What a shell is told to run: `bash -c '…'`, `eval …`."""
    for at, word in enumerate(words):
        name = _name(word)
        if name == "eval":
            return " ".join(words[at + 1 :])
        if name in _SHELLS:
            flags = [i for i, w in enumerate(words[at + 1 :], at + 1) if w.startswith("-") and "c" in w[1:]]
            return words[flags[0] + 1] if flags and flags[0] + 1 < len(words) else None
        if name not in _AROUND and at == 0:
            return None
    return None


def _reached(words: Sequence[str]) -> Iterator[Reach]:
    """The program, and the one that it starts."""
    if not words:
        return
    name, rest = _name(words[0]), list(words[1:])
    if "-m" in rest and (name.startswith("python") or "$" in words[0]):
        yield from _reached(rest[rest.index("-m") + 1 :])
        return
    if name in _ANY:
        yield Reach(_with_package(name, rest), _ANY[name])
    elif name in _SOME:
        yield _subcommand(name, rest)
    else:
        yield Reach(name)
    if name in _AROUND:
        inner = [at for at, word in enumerate(rest) if _name(word) in {*_ANY, *_SOME, *_AROUND}]
        yield from _reached(rest[inner[0] :]) if inner else ()


def _subcommand(name: str, rest: Sequence[str]) -> Reach:
    reaching, why = _SOME[name]
    found = next((word for word in rest if word in reaching), None)
    if found is None and name == "yarn" and not rest:
        found = "install"  # what it does on its own
    return Reach(f"{name} {found}", why) if found else Reach(name)


def _with_package(name: str, rest: Sequence[str]) -> str:
    """`npx` of one package says nothing about another's."""
    package = next((word for word in rest if not word.startswith("-")), "")
    return f"{name} {package}".strip() if name in ("npx", "bunx", "pnpx", "uvx") else name
