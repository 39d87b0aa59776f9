"""Scrubbing: keys, tokens and passwords leave a text before it is kept or shown to another service.

Rules know the shapes that services publish, and assignments whose name says that a secret follows. What
looks like code or prose that merely names one (`token = request.headers[...]`) stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place

_SHAPES = (
    r"sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{16,}",  # GitLab
    r"xox[a-z]-[A-Za-z0-9-]{10,}",  # Slack
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"AIza[A-Za-z0-9_-]{30,}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"(?:npm|hf|dop_v1|shpat|glc)_[A-Za-z0-9]{20,}",
    r"pypi-Ag[A-Za-z0-9_-]{20,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",  # a JSON web token
)
_SHAPE = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(_SHAPES)})")

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_IN_ADDRESS = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)")
_IN_HEADER = re.compile(
    r"(\b(?:Bearer|Basic|Authorization: *Token) +)([A-Za-z0-9+/=._~-]{8,})", re.IGNORECASE
)
_NAMED = re.compile(
    r"""((?:passwords?|passwd|passphrase|pwd|secrets?|tokens?|credentials?
        |(?:api|access|private|secret|encryption|signing|totp|auth)[_-]?keys?)
        ["']?\ ?(?::=|=|:|(?<=[a-z]\ )is\b|(?<=--password)\ |(?<=--token)\ )\ ?)
        ("[^"\n]{1,500}"|'[^'\n]{1,500}'|[^\s"',;)\]}]{1,500})""",
    re.IGNORECASE | re.VERBOSE,
)
_CODE = re.compile(
    r"[A-Za-z_][\w.]*[(\[]|[$<{%\[]|(?:os|env|process|self|settings|config|request)\.|[.~]*/[\w.-]+/"
)
"""A call, a variable, an attribute, a path: where a secret comes from, not one."""
_COUNTED = re.compile(r"\d+[-_]?[a-z]*$")
"""`30min`, `8-character`: what prose says of a password's length or a token's life."""

_SHORTEST_KEY = 16
"""Characters of a key or token that stands behind its name in prose; passwords may be shorter."""


def scrubbed(text: str) -> str:
    """The text with `[secret]` in place of what looks like a key, a token or a password."""
    text = _KEY_BLOCK.sub(SECRET, text)
    text = _IN_ADDRESS.sub(rf"\1{SECRET}", text)
    text = _SHAPE.sub(SECRET, text)
    text = _IN_HEADER.sub(_keeping_name(lambda _, value: _is_mixed(value)), text)
    return _NAMED.sub(_keeping_name(_is_secret), text)


def _keeping_name(judge: Callable[[str, str], bool]) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if SECRET in value or not judge(name, value):
            return found[0]
        quote = value[0] if value[0] in "\"'" else ""
        return f"{name}{quote}{SECRET}{quote}"

    return replaced


def _is_secret(name: str, value: str) -> bool:
    bare = value.strip("\"'")
    if _CODE.match(bare) or _COUNTED.match(bare):
        return False
    assigned = name.rstrip().endswith("=")
    if assigned and name.rstrip("= :").isupper():  # DB_PASSWORD=…, as in a file of the environment
        return len(bare) >= 3
    if "pass" in name.casefold() or "pwd" in name.casefold():
        return len(bare) >= 6 and (_is_mixed(bare) or value != bare)
    return _is_mixed(bare) and len(bare) >= (8 if assigned or value != bare else _SHORTEST_KEY)


def _is_mixed(value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
