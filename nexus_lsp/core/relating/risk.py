"""Which rung of `RISKS` a change stands on, and the rule that says so.

Words and paths, on the changed lines only: a rule that does not hold promises nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nexus_lsp.core.changes import Change, Risk
from nexus_lsp.core.relating.kinds import is_configuration, is_docs, is_tests
from nexus_lsp.core.text import split_lines

_SECURITY = re.compile(
    r"\b(subprocess|popen|eval|exec|execfile|pickle|marshal|shelve|__import__|yaml\.(?:unsafe_)?load|shell\s*=\s*True"
    r"|os\.(?:system|exec\w*|spawn\w*|chmod|chown|setuid|setgid)|child_process|execSync|innerHTML"
    r"|dangerouslySetInnerHTML|document\.write|verify\s*=\s*False|rejectUnauthorized|InsecureSkipVerify"
    r"|hashlib|hmac|secrets|cryptography|crypto|bcrypt|ssl|jwt|passwords?|passwd|credentials?|private_key|api_key|apikey"
    r"|secret(?:_key)?|access_token|authenticate\w*|authoriz\w*|authoris\w*|log_?in|sudo|permissions?|is_admin|csrf|cors"
    r"|unsafe)\b",
    re.I,
)
_SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\b.+\bSET|DELETE\s+FROM|DROP\s+TABLE|ALTER\s+TABLE)\b"
)
_SECURE_PATH = re.compile(r"(^|[/_.-])(auth|crypto|security|secrets?|permissions?|acl|login)([/_.-]|$)", re.I)
_CONCURRENCY = re.compile(
    r"\b(threading|multiprocessing|concurrent\.futures|asyncio|trio|anyio|Thread\w*|R?Lock|Mutex|RwLock|Semaphore"
    r"|Condition|Barrier|synchronized|volatile|atomic\w*|async|await|run_in_executor|to_thread|gevent|tokio|goroutine"
    r"|chan|sync\.\w+|std::thread|Promise\.(?:all|race)|Worker|spawn)\b"
)
_SIGNATURE = re.compile(
    r"^\s*(?:export\s+(?:default\s+)?(?:async\s+)?(?:function\*?|class|const|interface|type|enum)\s+(\w+)"
    r"|pub\s+(?:async\s+)?(?:fn|struct|enum|trait|const|type)\s+(\w+)"
    r"|public\s+[\w<>\[\], ]+?\s(\w+)\s*\("
    r"|func\s+(?:\([^)]*\)\s*)?([A-Z]\w*))"
)
_TEST_CASE = re.compile(
    r"^\s*(?:async\s+)?(?:def\s+(test\w*)|(?:it|test)\s*\(\s*[\"'`](.+?)[\"'`]|func\s+(Test\w+))"
)
_CHECK = re.compile(r"\b(assert\w*|expect|should|require\.\w+|self\.fail)\b|\bpytest\.raises\b")
_SKIP = re.compile(r"\b(skip\w*|xfail|xit|xdescribe|todo)\b|\.only\b|#\[ignore\]", re.I)
_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*$")


@dataclass(frozen=True, slots=True)
class Seen:
    """A change as its rules see it.

    Attributes:
        format: it changes nothing but layout or comments, as was checked.
        api: what it does to public names, in words; "" for nothing that is known.
    """

    change: Change
    format: bool = False
    api: str = ""


def risk_of(seen: Seen) -> tuple[Risk, str]:
    """The first rung whose rule holds."""
    return next((rung, why) for rung, rule in _LADDER if (why := rule(seen)))


def _api(seen: Seen) -> str:
    if is_tests(seen.change.path) or is_docs(seen.change.path) or seen.format:
        return ""
    return seen.api or _other_api(seen.change)


def _other_api(change: Change) -> str:
    """Languages without a tree of ours: exported lines that are gone or read otherwise."""
    if change.path.endswith((".py", ".pyi")) or change.kind not in ("edit", "delete"):
        return ""
    before, after = _exported(change.before), _exported(change.after)
    for name, line in before.items():
        if name not in after:
            return f"removes public `{name}`"
        if after[name] != line:
            return f"changes the signature of public `{name}`"
    return ""


def _exported(text: str) -> dict[str, str]:
    hits = ((_SIGNATURE.match(line), line) for line in split_lines(text))
    return {next(filter(None, hit.groups())): "".join(line.split()) for hit, line in hits if hit}


def _security(seen: Seen) -> str:
    change = seen.change
    if change.kind == "symlink":
        return "is a symbolic link"
    if change.after_mode == "100755" and change.before_mode != "100755":
        return "makes the file executable"
    if _is_aside(seen) or change.kind == "binary":
        return ""
    lines = _code_lines(change)
    if hit := _first(_SECURITY, lines) or _first(_SQL, lines):
        return f"`{hit}` stands on its lines"
    path = _SECURE_PATH.search(change.path)
    return f"the path says `{path[2]}`" if path else ""


def _concurrency(seen: Seen) -> str:
    if _is_aside(seen) or seen.change.kind == "binary":
        return ""
    hit = _first(_CONCURRENCY, _code_lines(seen.change))
    return f"`{hit}` stands on its lines" if hit else ""


def _is_aside(seen: Seen) -> bool:
    return seen.format or is_tests(seen.change.path) or is_docs(seen.change.path)


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> str:
    return next((" ".join(hit[0].split())[:40] for line in lines if (hit := pattern.search(line))), "")


def _code_lines(change: Change) -> list[str]:
    """The lines that it takes away and brings, without their comments; those on both sides do not count."""
    old = Counter(_COMMENT.sub("", line).strip() for line in split_lines(change.before))
    new = Counter(_COMMENT.sub("", line).strip() for line in split_lines(change.after))
    return [*(new - old), *(old - new)]


def _tests_weakened(seen: Seen) -> str:
    change = seen.change
    if not is_tests(change.path) or seen.format:
        return ""
    if change.kind == "delete":
        return "deletes a file of tests"
    before, after = _cases(change.before), _cases(change.after)
    if gone := [name for name in before if name not in after]:
        return f"removes the test `{gone[0]}`" if len(gone) == 1 else f"removes {len(gone)} tests"
    fewer = _count(_CHECK, change.before) - _count(_CHECK, change.after)
    if fewer > 0:
        return f"has {fewer} fewer {'check' if fewer == 1 else 'checks'} than before"
    if change.kind != "create" and _count(_SKIP, change.after) > _count(_SKIP, change.before):
        return "skips a test"
    return ""


def _cases(text: str) -> list[str]:
    hits = (_TEST_CASE.match(line) for line in split_lines(text))
    return [next(filter(None, hit.groups()), "") for hit in hits if hit]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for line in split_lines(text) if pattern.search(line))


def _configuration(seen: Seen) -> str:
    if is_configuration(seen.change.path) and not seen.format:
        return "dependencies, CI or configuration, by its path"
    return "changes the file's mode" if seen.change.kind == "mode" else ""


def _deleted(seen: Seen) -> str:
    return "deletes a file" if seen.change.kind == "delete" else ""


_LADDER: tuple[tuple[Risk, Callable[[Seen], str]], ...] = (
    ("public_api", _api),
    ("security", _security),
    ("concurrency", _concurrency),
    ("tests_weakened", _tests_weakened),
    ("configuration", _configuration),
    ("file_deleted", _deleted),
    ("format", lambda seen: "nothing but layout or comments" if seen.format else ""),
    ("tests", lambda seen: "a file of tests, by its path" if is_tests(seen.change.path) else ""),
    ("docs", lambda seen: "a document, by its path" if is_docs(seen.change.path) else ""),
    ("code", lambda seen: "no rule for anything riskier holds"),
)
"""The first that holds counts; `RISKS` is the order in which they are read."""
