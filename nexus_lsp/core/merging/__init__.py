"""Merging by structure: two sides' additions to one file, where a merge by lines sees a conflict.

    merge("a.py", base, ours, theirs)   the merged text, or None where it is not sure

`tree` is what all is read into, `three_way` merges rows of anything, `weaving` merges trees, `coexisting`
says what two sides may both add at one place, `guard` counts words. A reader a language: `python` (with
`python_checks`, `brackets`), `data` (JSON and TOML), `markup` (Markdown), `rows` (requirements and the like);
all others by `code`, from the `syntax` of a parser and the table of `grammars`, with `code_names`,
`code_rules` and `code_checks`.

**Invariant:** nothing is merged that is not sure: the result parses, holds every word that a side added, none
that a side took away, and no name twice that stood once on either side; else it is None, a conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from nexus_lsp.core.merging import code, code_checks, data, grammars, markup, python, python_checks, rows
from nexus_lsp.core.merging.guard import conserved, doubled
from nexus_lsp.core.merging.syntax import Grammar, Parse
from nexus_lsp.core.merging.three_way import either, merge_text
from nexus_lsp.core.merging.tree import Conflict, Group, together
from nexus_lsp.core.merging.weaving import weave

LONGEST = 2_000_000
"""Characters of one side; longer files are conflicts."""

Sound = Callable[[str, str, str, str], bool]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came out of a merge.

    Attributes:
        text: the merged file.
        by_structure: lines alone would not have done.
    """

    text: str
    by_structure: bool


@dataclass(frozen=True, slots=True)
class Language:
    """How a kind of file is read, and what is asked of (base, ours, theirs, merged) at the end."""

    read: Callable[[str], Group]
    sound: Sound


def _anything(_base: str, _ours: str, _theirs: str, _merged: str) -> bool:
    return True


PYTHON = Language(python.module, python_checks.sound)
JSON = Language(data.json_document, data.json_sound)
TOML = Language(data.toml_document, data.toml_sound)
MARKDOWN = Language(markup.document, _anything)
REQUIREMENTS = Language(rows.requirements, _anything)
IGNORED = Language(rows.ignored, _anything)

_BY_END = {
    ".py": PYTHON,
    ".pyi": PYTHON,
    ".json": JSON,
    ".toml": TOML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
}


def _by_grammar(grammar: Grammar, parse: Parse) -> Language:
    once = cache(parse)
    return Language(code.reader(grammar, once), partial(code_checks.sound, grammar, once))


def language_of(path: str, parse: Parse | None = None) -> Language | None:
    """The language of a file, by its name; None for one that cannot be merged by structure.

    `parse` reads what has a grammar; without it there are no such languages.
    """
    name = path.rsplit("/", 1)[-1].lower()
    if name in (".gitignore", ".dockerignore"):
        return IGNORED
    if "requirements" in name and name.endswith(".txt"):
        return REQUIREMENTS
    end = name[name.rfind(".") :] if "." in name else ""
    if parse is not None and (grammar := grammars.BY_END.get(end)):
        return _by_grammar(grammar, parse)
    return _BY_END.get(end)


def merge(path: str, base: str, ours: str, theirs: str, parse: Parse | None = None) -> Merged | None:
    """The merge of two texts over their base; None for a conflict, or where it is not sure."""
    language = language_of(path, parse)
    if language is None or max(map(len, (base, ours, theirs))) > LONGEST:
        return None
    try:
        whole = either(base, ours, theirs)
        if whole is not None:
            return Merged(whole, False)
        return _merged(language, base, ours, theirs)
    except (Conflict, SyntaxError, ValueError, RecursionError):
        return None


def _merged(language: Language, base: str, ours: str, theirs: str) -> Merged | None:
    """Byte order marks and the end of the last line are merged for themselves."""
    sides = (base, ours, theirs)
    mark = either(*(text.startswith("\ufeff") for text in sides))
    ends = either(*(_ends(text or base) for text in sides))
    newline = "\r\n" if "\r\n" in next((text for text in sides if "\n" in text), "") else "\n"
    b, o, t = (_closed(text.removeprefix("\ufeff"), newline) for text in sides)
    try:
        text, by_structure = merge_text(b, o, t), False
        if doubled(b, o, t):
            return None
    except Conflict:
        text, by_structure = together(weave(*map(language.read, (b, o, t)))), True
    if not conserved(b, o, t, text) or not language.sound(b, o, t, text):
        return None
    text = text if ends else text.removesuffix(newline)
    return Merged("\ufeff" + text if mark else text, by_structure)


def _ends(text: str) -> bool:
    """Whether its last line has an end; where there is no line, none lacks it."""
    return not text or text.endswith(("\n", "\r"))


def _closed(text: str, newline: str) -> str:
    return text if _ends(text) else text + newline
