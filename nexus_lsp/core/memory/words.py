r"""Words: what a text is found by. One way for what is kept and for what is asked, so that the two agree.

`session_cookie`, `SessionCookie` and `sessionCookies` each give `session`, `cooky` and the whole name as one
word; endings are cut (`expired`, `expiry` → `expir`), accents and case are folded, and scripts that put no
spaces between words give pairs of characters.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

MOST_WORDS = 40
"""Different words of one query that are looked up: title and description of a task; the first count."""

LONGEST_WORD = 64
"""Characters; what is longer (base64, minified code) is no word that anybody looks for."""

_PAIRED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_NAME = re.compile(rf"[{_PAIRED}]+|(?:(?![{_PAIRED}])\w)+")
_PARTS = re.compile(r"_+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_ROOT = "(?=.*[aeiouy])(.{3,}?)"
_ENDING = re.compile(
    rf"{_ROOT}(?:ingly|edly|ments?|ness|ances?|ences?|able|ible|ings?|ions?|ors?|ers?|ed|ly|al)"
)
_VERB = re.compile("(.{5,})ate?")
"""`validat(e)`, from `validate` as from `validation`."""

_PLURALS = (("sses", "ss"), ("ies", "y"), ("ied", "y"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", ""))

_COMMON = """
a about after all also although an and any are as at be because been before being below between both but
by can cannot could did do does done down during each few for from further get gets had has have having he
her here how i if in into is it its itself just let like made make makes making may me might more most
must my need needs no nor not now of off on once one only onto or other our out over own per please same
she should since so some still such than that the their them then there these they this those through to
too under until up upon us use used uses using very was we were what when where whether which while who
whom whose why will with within without would yet you your
"""


def words(text: str) -> list[str]:
    """The words of a text in their order, each as often as it stands there."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    return [word for name in _NAME.findall(text) for word in _of_name(name)]


def asked_words(text: str) -> tuple[str, ...]:
    """The different words of a query, at most MOST_WORDS, the common ones left out where others are there."""
    found = dict.fromkeys(words(text))
    telling = [word for word in found if word not in _common()]
    return tuple((telling or list(found))[:MOST_WORDS])


@functools.lru_cache(maxsize=20_000)
def _of_name(name: str) -> tuple[str, ...]:
    if "\u3040" <= name[0] <= "\ufaff":
        return tuple(name[at : at + 2] for at in range(max(1, len(name) - 1)))
    parts = [part for part in _PARTS.split(name) if part]
    whole = ["".join(parts)] if len(parts) > 1 else []
    return tuple(_root(part.casefold()) for part in [*parts, *whole] if len(part) <= LONGEST_WORD)


def _root(word: str) -> str:
    """The word without its English endings. Crude on purpose: forms of one word need only agree."""
    if len(word) < 4 or not word.isascii():
        return word
    word = _singular(word)
    while found := _ENDING.fullmatch(word):
        word = found[1]
    if found := _VERB.fullmatch(word):
        word = found[1]
    word = word[:3] + word[3:].rstrip("eiy")
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _singular(word: str) -> str:
    for ending, instead in _PLURALS:
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            return word.removesuffix(ending) + instead
    return word


@functools.cache
def _common() -> frozenset[str]:
    return frozenset(words(_COMMON))


# --- marks: what an item is found by besides its words --------------------------------------------------

_AGENT, _KIND, _PATH, _FOLDER = "\ue000", "\ue001", "\ue002", "\ue003"
"""Private characters, which no word holds."""


def indexed(agent_id: str, kind: str, text: str, paths: Sequence[str]) -> list[str]:
    """All that an item is found by: the words of its text and of its paths, then its marks."""
    marks = (agent_mark(agent_id), kind_mark(kind), *path_marks(paths), *folder_marks(paths))
    return [*words(text), *words(" ".join(paths)), *marks]


def agent_mark(agent_id: str) -> str:
    """What every item of an agent is found by; an agent's id may hold any character."""
    return _AGENT + agent_id.encode("utf-8", "surrogatepass").hex()


def kind_mark(kind: str) -> str:
    """What every item of a kind is found by."""
    return _KIND + kind


def path_marks(paths: Iterable[str]) -> list[str]:
    """What items that concern exactly these paths are found by."""
    return [_PATH + path.encode("utf-8", "surrogatepass").hex() for path in paths]


def folder_marks(paths: Iterable[str]) -> list[str]:
    """What items are found by whose paths lie in the same directory, or are that directory."""
    folders = dict.fromkeys(folder for path in paths for folder in (folder_of(path), path) if folder)
    return [_FOLDER + folder.encode("utf-8", "surrogatepass").hex() for folder in folders]


def folder_of(path: str) -> str:
    """The directory of a workspace path; "" at the top."""
    return path.rpartition("/")[0]
