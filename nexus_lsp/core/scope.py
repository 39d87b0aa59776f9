"""Where the work is: the places of a repository that a request names, in whatever words it names them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nexus_lsp.core.repo_map import LANGUAGES, PROSE_AND_DATA, File, language, own
from nexus_lsp.core.wishes import CLAUSE

_TOKEN = re.compile(r"[`'\"]?([\w.*?\[\]/@+-]*[\w*\]/])[`'\"]?")
_EVERYTHING = re.compile(r"\b(whole|entire|everything|all files|every file|all modules|codebase|code base)\b")
_EXCEPT = re.compile(
    r"\b(except|excluding|exclude|ignore|ignoring|apart from|but not|not in|leave|don'?t touch)\b"
)
_TOO_COMMON = frozenset({
    "test", "tests", "docs", "src", "lib", "app", "main", "code", "init", "index", "package", "module",
    "the", "file", "files", "run", "check", "build", "format", "lint", "review", "fix", "security",
    "coverage", "and",
})  # fmt: skip
"""Words that name a file or directory only when quoted or written as a path."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the work is.

    Attributes:
        files: the project's own files the work is about.
        named: the places the request named and that exist, each with its files (`billing/` -> …).
        left_out: the places the request excepts.
        missing: paths in the request that nothing answers to: mistyped, or yet to be made.
        symbols: quoted names in the request that are no path: functions, classes.
    """

    files: tuple[File, ...]
    named: tuple[tuple[str, tuple[File, ...]], ...] = ()
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


def find_scope(request: str, files: Sequence[File], focus: Sequence[str] = ()) -> Scope:
    """Paths, directories, globs, modules and languages named in the request; else the focus; else all."""
    mine = tuple(sorted(file for file in files if own(file[0])))
    index = _Index.of(mine, files)
    named: dict[str, tuple[File, ...]] = {}
    left_out: dict[str, tuple[File, ...]] = {}
    missing: list[str] = []
    symbols: list[str] = []
    for hit in _TOKEN.finditer(request):
        place, found = index.find(hit.group(1), quoted=hit.group(0) != hit.group(1))
        if found and _EXCEPT.search(CLAUSE.split(request[: hit.start()].lower())[-1]):
            left_out[place] = found
        elif found:
            named[place] = found
        elif "/" in hit.group(1) or language(hit.group(1)) != "other":
            missing.append(hit.group(1))
        elif hit.group(0) != hit.group(1) or "_" in hit.group(1):
            symbols.append(hit.group(1))
    barred = {path for found in left_out.values() for path, _ in found}
    places = tuple((place, _without(found, barred)) for place, found in _outermost(named).items())
    chosen = {file for _, found in places for file in found} or _focused(request, mine, focus) or set(mine)
    kept = _of_language(request, _without(sorted(chosen), barred))
    return Scope(kept, places, tuple(left_out), tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(symbols)))


def _without(files: Iterable[File], barred: Collection[str]) -> tuple[File, ...]:
    return tuple(file for file in files if file[0] not in barred)


def _outermost(named: dict[str, tuple[File, ...]]) -> dict[str, tuple[File, ...]]:
    """Places that lie in no other named place: `billing/` swallows `billing/invoice.py`."""
    sets = {place: set(found) for place, found in named.items()}
    return {
        place: found
        for place, found in named.items()
        if not any(sets[place] < other for name, other in sets.items() if name != place)
    }


def _focused(request: str, mine: Sequence[File], focus: Sequence[str]) -> set[File]:
    if _EVERYTHING.search(request.lower()):
        return set()
    return {file for file in mine if any(_inside(file[0], place) for place in focus)}


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _of_language(request: str, files: tuple[File, ...]) -> tuple[File, ...]:
    """Only the languages the request names, where it names one that is there ("the Python code")."""
    words = set(re.findall(r"[\w#+]+", request.lower()))
    spoken = {
        name for name in set(LANGUAGES.values()) - PROSE_AND_DATA if len(name) > 2 and name.lower() in words
    }
    return tuple(file for file in files if language(file[0]) in spoken) or files


@dataclass(slots=True)
class _Index:
    """Files by every name a request may call them."""

    files: tuple[File, ...]
    paths: dict[str, File] = field(default_factory=dict[str, File])
    dirs: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    names: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    stems: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    leaves: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])

    @staticmethod
    def of(files: tuple[File, ...], everything: Sequence[File]) -> _Index:
        """Read every path once. Foreign files are found by their whole path only."""
        index = _Index(files, {file[0]: file for file in everything})
        for file in files:
            *parts, name = file[0].split("/")
            index.names.setdefault(name, []).append(file)
            index.stems.setdefault(fold(name.partition(".")[0]), []).append(file)
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                index.dirs.setdefault(path, []).append(file)
                index.leaves.setdefault(fold(parts[depth - 1]), set()).add(path)
        return index

    def find(self, token: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        """(place, files), or ("", ()); the place is a path, a directory with a slash, or a glob."""
        token = token.partition("::")[0].removeprefix("./").rstrip(".")
        if "*" in token or "?" in token:
            return token, tuple(file for file in self.files if fnmatchcase(file[0], token))
        for name in (token.rstrip("/"), token.replace(".", "/") + ".py", token.replace(".", "/")):
            if name in self.paths:
                return name, (self.paths[name],)
            if name in self.dirs and ("/" in token or quoted or name.lower() not in _TOO_COMMON):
                return name + "/", tuple(self.dirs[name])
        return self._by_tail(token, quoted)

    def _by_tail(self, token: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        """A path's end (`core/plan.py`), a bare name (`plan.py`, `billing`) or a dotted symbol's module."""
        if "/" in token:
            tail = "/" + token.strip("/")
            if dirs := [path for path in self.dirs if path.endswith(tail)]:
                inside = {file for path in dirs for file in self.dirs[path]}
                return (dirs[0] if len(dirs) == 1 else tail[1:]) + "/", tuple(sorted(inside))
            return _unambiguous([file for file in self.files if file[0].endswith(tail)])
        if token in self.names:
            return _unambiguous(self.names[token])
        if "." in token:
            outer = token.rpartition(".")[0]
            return self.find(outer, quoted) if outer and not outer.endswith(".") else ("", ())
        return self._by_word(token, quoted)

    def _by_word(self, word: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        folded = fold(word)
        if len(folded) < 3 or (not quoted and word.lower() in _TOO_COMMON):
            return "", ()
        dirs = self.leaves.get(folded, set())
        if len(dirs) == 1:
            place = next(iter(dirs))
            return place + "/", tuple(self.dirs[place])
        # README and CHANGELOG, written so, are files; "guide" or "data" are words.
        found = self.stems.get(folded, [])
        return _unambiguous([f for f in found if word.isupper() or language(f[0]) not in PROSE_AND_DATA])


def fold(name: str) -> str:
    """`PaymentGateway`, `payment_gateway` and `payment-gateway` are one name."""
    return re.sub(r"[_-]", "", name).lower()


def _unambiguous(found: Sequence[File]) -> tuple[str, tuple[File, ...]]:
    return (found[0][0], (found[0],)) if len(found) == 1 else ("", ())
