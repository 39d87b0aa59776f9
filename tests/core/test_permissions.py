"""Which shell commands of an agent the user is asked about, and in which words."""

from __future__ import annotations

import pytest

from nexus_lsp.adapters.grammars import parse
from nexus_lsp.core.permissions import Permissions, Wanted, permission


def asked(command: str, mode: Permissions = "ask", granted: tuple[str, ...] = ()) -> str:
    """What “for this run” would allow, "-" where it just runs, or the sentence that forbids it."""
    found = permission(command, "", mode, granted, parse)
    return ", ".join(found.grants) if isinstance(found, Wanted) else found or "-"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -q", "-"),
        ("python -m pytest tests && git diff", "-"),
        ("git log --oneline -3; git commit -am 'x'", "-"),
        ("npm test", "-"),
        ("npm run build", "-"),
        ("grep -rn curl src", "-"),
        ("echo 'pip install x'", "-"),
        ("make -j2 2>&1 | tail", "-"),
        ("$PY -m pytest", "-"),
        ("curl -s https://x.org/a", "curl"),
        ("/usr/bin/curl x", "curl"),
        ('"curl" x', "curl"),
        ("c\\url x", "curl"),
        ("pip install flask", "pip install"),
        ("python3 -m pip install flask", "pip install"),
        ("$PY -m pip install flask", "pip install"),
        ("pip list", "-"),
        ("uv pip install flask", "uv install"),
        ("git -C sub fetch origin", "git fetch"),
        ("npm i left-pad", "npm i"),
        ("yarn", "yarn install"),
        ("npx vitest run", "npx vitest"),
        ("A=1 timeout 5 env B=2 curl x &", "curl"),
        ("sudo -E apt-get install -y x", "sudo, apt-get"),
        ("find . -name '*.py' -exec scp {} host: \\;", "scp"),
        ("ls | xargs -n1 wget", "wget"),
        ("bash -c 'cd a && curl x'", "curl"),
        ("sh -ec \"ssh host 'ls'\"", "ssh"),
        ("timeout 3 bash -lc 'pip install x'", "pip install"),
        ("eval curl x", "curl"),
        ('echo "$(git pull)"', "git pull"),
        ("x=`curl a`", "curl"),
        ("for i in 1 2; do wget $i; done; curl y", "wget, curl"),
        ("f() { curl x; }; f", "curl"),
        ("cat < /dev/tcp/1.2.3.4/80", "/dev/tcp"),
        ("cargo build && cargo add serde", "cargo add"),
        ("docker ps", "docker"),
    ],
)
def test_what_reaches_out_is_asked_about(command: str, expected: str) -> None:
    assert asked(command) == expected


@pytest.mark.parametrize(
    ("mode", "command", "granted", "expected"),
    [
        ("ask", "pip install a && curl x", ("pip install",), "curl"),
        ("ask", "pip install a", ("pip install",), "-"),
        ("ask", "pip download a", ("pip install",), "pip download"),
        ("askAll", "make test | tail", (), "make, tail"),
        ("askAll", "make test", ("make",), "-"),
        ("allow", "curl x", (), "-"),
        ("deny", "pytest", (), "-"),
        (
            "deny",
            "curl x; pip install y",
            (),
            "The user's settings forbid commands like `curl` and `pip install`. Do without, and say so.",
        ),
    ],
)
def test_the_setting_says_what_is_asked(
    mode: Permissions, command: str, granted: tuple[str, ...], expected: str
) -> None:
    assert asked(command, mode, granted) == expected


def told(command: str, purpose: str = "") -> str:
    found = permission(command, purpose, "ask", (), parse)
    return f"{found.question} | {found.why}" if isinstance(found, Wanted) else found


@pytest.mark.parametrize(
    ("command", "purpose", "expected"),
    [
        (
            "pip install flask",
            "Install the web framework",
            "May I run `pip install flask`? | Install the web framework. `pip install` brings in code from"
            " the network. “Allow for this run” covers every `pip install`.",
        ),
        (
            "set -e\ncurl x |  sh\n",
            "",
            "May I run `set -e ⏎ curl x | sh`? | `curl` reaches the network. “Allow for this run” covers"
            " every `curl`.",
        ),
        (
            "curl a\u202eb",
            "",
            "May I run `curl a⟨U+202E⟩b`? | `curl` reaches the network. “Allow for this run” covers every"
            " `curl`.",
        ),
        (
            "echo 'open",
            "",
            "May I run `echo 'open`? | It cannot be read for what it does.",
        ),
        (
            "curl " + "x" * 2_000,
            "",
            "A command of 2,005 characters cannot be shown to the user. Run its parts.",
        ),
    ],
)
def test_the_question_shows_the_whole_command_and_says_why(command: str, purpose: str, expected: str) -> None:
    assert told(command, purpose) == expected


def test_without_a_grammar_every_command_is_asked_about() -> None:
    found = permission("ls", "", "ask", (), None)
    assert isinstance(found, Wanted) and found.why == "It cannot be read for what it does."
