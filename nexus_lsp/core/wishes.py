"""What a request asks for, read by rules anyone can follow: each clause's first verb and its object."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nexus_lsp.core.repo_map import LANGUAGES

Wish = Literal["fix", "repair", "build", "docs", "test", "review", "validate", "question"]

_VERBS: tuple[tuple[Wish, str], ...] = (
    ("fix", r"fix|lint|clean|tidy|format|reformat|moderni[sz]e|autofix|polish|sort"),
    ("repair", r"repair|debug|solve|resolve|mend|diagnose"),
    ("test", r"test|cover"),
    ("review", r"review|analy[sz]e|audit|inspect|assess|examine|scan|investigate|find|look"),
    ("validate", r"run|validate|check|verify|execute|measure"),
    ("docs", r"document"),
    (
        "build",
        r"build|add|implement|create|develop|write|generate|introduce|support|integrate|migrate|refactor",
    ),
    ("build", r"rename|rewrite|port|extend|replace|optimi[sz]e|make|convert|change|remove|delete|move|split"),
    ("build", r"improve|increase|raise|update|upgrade|reduce|design|set up|enable|allow|let|use|speed up"),
)
_QUESTION = re.compile(
    r"(what|why|how|explain|describe|summari[sz]e|tell me)\b"
    r"|(where|which|who|when|is|are|does|do|should|has)\b.*\?"
)
_POLITE = re.compile(
    r"^(please|kindly|now|also|first|finally|can you|could you|would you|i want( you)? to|i want|i need"
    r"|we need to|we need|let'?s|help me( to)?|you should)\s+"
)
_NEGATED = re.compile(r"\b(do not|don'?t|dont|without|no|never|skip|leave out|not)\b")
_TESTS = re.compile(r"\b(tests?|testing|coverage|untested|test suite|unit tests?)\b")
_LINT = re.compile(
    r"\b(lint\w*|format\w*|style|pep ?8|ruff|imports?|warnings?|unused|dead code|syntax|quality)\b"
)
_DOCS = re.compile(r"\b(docs?|documentation|docstrings?|readme|comments?|changelog|tutorial)\b")
_REVIEW = re.compile(
    r"\b(security|vulnerabilit\w+|complexity|structure|architecture|risks?|problems?|smells?|issues?|bottlenecks?)\b"
)
_DEFECT = re.compile(
    r"\b(bugs?|crash\w*|fail\w*|broken|exceptions?|tracebacks?|race|leaks?|deadlock|regressions?|wrong|defect|hangs?"
    r"|vulnerabilit\w+|(unit |integration )?tests?)\b"
)
CLAUSE = re.compile(r"[;\n:!]|,\s|\.(?:\s|$)|\band\b|\bthen\b|\bbut\b|&")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request asks for, and what it asks to leave out ("but write no tests")."""

    wanted: tuple[Wish, ...]
    unwanted: frozenset[Wish] = frozenset()

    def any(self, *wishes: Wish) -> bool:
        """Whether one of these is wanted."""
        return any(wish in self.wanted for wish in wishes)


def read_wishes(request: str, notes: Sequence[str] = ()) -> Wishes:
    """Each clause gives at most one wish, by its first verb and then its object.

    Paths are taken out first (`src/build/run.py` is no verb). From notes (why a plan was rejected, say) only
    what they forbid counts. A request that no rule understands is taken as something to build.
    """
    wanted: list[Wish] = []
    unwanted: set[Wish] = set()
    for at, text in enumerate((request, *notes)):
        for clause in _clauses(text):
            negated, wish = _clause_wish(clause)
            if wish and negated:
                unwanted.add(wish)
            elif wish and at == 0 and wish not in wanted:
                wanted.append(wish)
    kept: list[Wish] = [wish for wish in wanted if wish not in unwanted]
    fallback: Wish = "question" if request.strip().endswith("?") else "build"
    return Wishes(tuple(kept or wanted or (fallback,)), frozenset(unwanted))


def _clauses(text: str) -> list[str]:
    words = [" " if _looks_like_path(word) else word for word in text.split(" ")]
    found = (clause.strip().lower() for clause in CLAUSE.split(" ".join(words)))
    return [clause for clause in found if clause]


def _looks_like_path(word: str) -> bool:
    bare = word.strip("`'\"(),:;!?").rstrip(".")
    ending = bare.rpartition(".")[2].lower()
    return "/" in bare or "*" in bare or "_" in bare or ("." in bare and ending in LANGUAGES)


def _clause_wish(clause: str) -> tuple[bool, Wish | None]:
    """(negated, wish)."""
    while (shorter := _POLITE.sub("", clause)) != clause:
        clause = shorter
    negation = _NEGATED.search(clause)
    if negation:
        return True, _forbidden(clause[negation.end() :].strip())
    if _QUESTION.match(clause):
        return False, "question"
    return False, _wish(clause)


def _forbidden(rest: str) -> Wish | None:
    """What "no new tests" or "don't run anything" forbids; "don't break the tests" forbids nothing."""
    verb, _ = _first_verb(rest)
    if verb:
        return _wish(rest)
    bare = re.match(r"(?:(?:any|new|more|extra|unit|the)\s+)*(tests?|review|analysis|validation)\b", rest)
    nouns: dict[str, Wish] = {"review": "review", "analysis": "review", "validation": "validate"}
    return nouns.get(bare[1], "test") if bare else None


def _wish(clause: str) -> Wish | None:
    verb, rest = _first_verb(clause)
    if verb is None:
        return _noun_wish(clause)
    match verb:
        case "build":
            return _built_thing(clause.removesuffix(rest), rest)
        case "fix" | "repair":
            linting = verb == "fix" and (_LINT.search(rest) or not _DEFECT.search(rest))
            return "fix" if linting else "repair"
        case "validate" | "review":
            return _looked_at(verb, rest)
        case _:
            return verb


def _first_verb(clause: str) -> tuple[Wish | None, str]:
    """The wish of the verb that stands first, and what follows it."""
    hits: list[tuple[re.Match[str], Wish]] = [
        (hit, wish) for wish, verbs in _VERBS if (hit := _verb(verbs, clause))
    ]
    if not hits:
        return None, clause
    hit, wish = min(hits, key=lambda found: found[0].start())
    return wish, clause[hit.end() :]


def _verb(verbs: str, clause: str) -> re.Match[str] | None:
    # "the tests", "a format option": after an article or adjective it is a noun, not a verb.
    return re.search(
        rf"(?<!the )(?<!a )(?<!an )(?<!our )(?<!unit )(?<!failing )\b(?:{verbs})(?:ing)?\b", clause
    )


def _built_thing(verb: str, thing: str) -> Wish:
    if re.search(r"\bpass\b|\bwork again\b", thing):
        return "repair"
    for pattern, wish in _THINGS:
        # "Remove unused imports" is tidying; "add a date format" is not.
        if pattern.match(thing) and (wish != "fix" or _TIDYING.search(verb)):
            return wish
    return "build"


_TIDYING = re.compile(r"\b(improve|increase|raise|reduce|remove|delete|update|upgrade)$")
_SMALL_WORDS = r"\s*(?:(?!for\b|to\b|with\b|in\b|that\b|which\b|of\b)[\w-]+\s+){0,4}?"
_THINGS: tuple[tuple[re.Pattern[str], Wish], ...] = (
    (re.compile(_SMALL_WORDS + _TESTS.pattern), "test"),
    (re.compile(_SMALL_WORDS + _DOCS.pattern), "docs"),
    (re.compile(_SMALL_WORDS + _LINT.pattern), "fix"),
)
"""What is built, when it stands within five words of the verb and before any "for", "to", "with" …"""


def _looked_at(verb: Wish, thing: str) -> Wish:
    if verb == "validate" and not _TESTS.search(thing) and (_REVIEW.search(thing) or _LINT.search(thing)):
        return "review"
    return verb


def _noun_wish(clause: str) -> Wish | None:
    table: tuple[tuple[re.Pattern[str], Wish], ...] = (
        (_REVIEW, "review"),
        (_TESTS, "test"),
        (_LINT, "fix"),
        (_DOCS, "docs"),
        (_DEFECT, "repair"),
    )
    return next((wish for pattern, wish in table if pattern.search(clause)), None)
