"""Unsaved text as bytes: what an editor would write, or nothing where the file already says it."""

from __future__ import annotations

import codecs
import re

_ENDS = re.compile(r"\r\n|\r|\n")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def buffer_bytes(text: str, on_disk: bytes | None) -> bytes | None:
    """The bytes of a buffer that lies over a file; None where the file's own bytes count.

    Editors hold the text without its byte order mark, and may have made mixed line ends uniform when
    they opened the file: neither is a change. A file's mark and its UTF-16 are kept in what is written.
    """
    if on_disk is None:
        return text.encode("utf-8", "surrogatepass")
    if any(_same(text, held) for held in _readings(on_disk)):
        return None
    return _encoded(text, on_disk)


def _readings(content: bytes) -> list[str]:
    """Every text an editor may have made of the bytes, guessing the encoding or being told."""
    if content.startswith(_WIDE):
        return [content.decode("utf-16", "replace")]
    try:
        return [content.decode("utf-8-sig"), content.decode("utf-8")]
    except UnicodeDecodeError:
        return [content.decode(name, "replace") for name in ("utf-8-sig", "latin-1", "cp1252")]


def _same(text: str, held: str) -> bool:
    if text == held:
        return True
    if len(set(_ENDS.findall(held))) < 2 or len(set(_ENDS.findall(text))) > 1:
        return False
    return _ENDS.split(text) == _ENDS.split(held)


def _encoded(text: str, on_disk: bytes) -> bytes:
    body = text.removeprefix("\ufeff")
    if on_disk.startswith(_WIDE):
        little = on_disk.startswith(codecs.BOM_UTF16_LE)
        name, mark = ("utf-16-le", _WIDE[0]) if little else ("utf-16-be", _WIDE[1])
        return mark + body.encode(name, "surrogatepass")
    if on_disk.startswith(codecs.BOM_UTF8):
        return codecs.BOM_UTF8 + body.encode("utf-8", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")
