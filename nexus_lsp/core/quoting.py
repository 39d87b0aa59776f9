"""Quoting: texts of others, made so that they can neither leave their quotation nor hide what they say."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_MAX_QUOTE = 24_000
"""Characters of one quotation; the middle goes, since the ends of a log say most."""


def quoted(text: str, source: str, limit: int = _MAX_QUOTE) -> str:
    """The text between markers that it does not contain, and cannot have been written to contain.

    The marker comes from a hash of the text, so whoever writes the text cannot know it before. Characters
    that cannot be seen are shown by their numbers: they can hide words from a reader that a model sees.
    """
    text = visible(shortened(text, limit))
    plain = unicodedata.normalize("NFKC", text).casefold()
    seed = text
    while True:
        mark = "quoted-" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        if mark not in plain:
            return f'<{mark} source="{_attribute(source)}">\n{text}\n</{mark}>'
        seed += "."


def shortened(text: str, limit: int) -> str:
    """The text, or its two ends with a note of how much is missing between them."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-limit // 2 :]
    return f"{head}\n… {len(text) - limit} characters left out …\n{tail}"


def one_line(text: str, limit: int = 1_000) -> str:
    """The text as one line of at most `limit` characters, with spaces for what cannot be seen."""
    line = " ".join(without_unseen(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without_unseen(text: str, kept: str = "") -> str:
    """The text with a space for each character that cannot be seen, but for those of `kept`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char not in kept and _unseen(char) else char for char in text)


def _unseen(char: str) -> bool:
    """Whether a character is a control, a line or paragraph separator, or an invisible format character.

    The two joiners are not: Persian, Indic scripts and emoji cannot be read without them. The 240 variation
    selectors beyond those of emoji are: a row of them can carry a whole text.
    """
    if "\U000e0100" <= char <= "\U000e01ef":
        return True
    return unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in "\u200c\u200d"


def visible(text: str) -> str:
    """The text with the code point in words for each character that cannot be seen."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    hidden = (char for char in set(text) if char not in "\n\t" and _unseen(char))
    return text.translate({ord(char): f"⟨U+{ord(char):04X}⟩" for char in hidden})


def _attribute(text: str) -> str:
    return re.sub(r'["<>&]', "'", one_line(text, 120))
