"""Merges by structure, a folder each: `base`, `ours`, `theirs`, `expected`, or it is a conflict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nexus_lsp.adapters.grammars import parse
from nexus_lsp.core.merging import merge

CASES = Path(__file__).parent / "input"
NAMES = sorted(place.name for place in CASES.iterdir())
FILE_NAMES = {".txt": "requirements.txt", ".gitignore": ".gitignore"}


def texts(name: str) -> tuple[str, dict[str, str]]:
    """(the file's name, texts by part)."""
    files = [file for file in sorted((CASES / name).iterdir()) if file.is_file()]
    ends = {file.suffix for file in files}
    [end] = ends
    return FILE_NAMES.get(end, f"file{end}"), {file.stem: file.read_bytes().decode() for file in files}


def check(name: str) -> None:
    path, text = texts(name)
    got = merge(path, text["base"], text["ours"], text["theirs"], parse)
    assert (got.text if got else None) == text.get("expected")
    other = merge(path, text["base"], text["theirs"], text["ours"], parse)
    assert words(other.text if other else None) == words(got.text if got else None), "the other way round"


def words(text: str | None) -> list[str] | None:
    return sorted(re.findall(r"\w+|[^\w\s,]", text)) if text is not None else None


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    check(name)


def test_there_are_dozens_of_both_kinds() -> None:
    merged = [name for name in NAMES if "expected" in texts(name)[1]]
    assert len(merged) >= 24 and len(NAMES) - len(merged) >= 24


LAST_LINES = {
    "one emptied the file": ("import ant\n", "", "import ant\nimport bee\n", "import bee\n"),
    "no end of the last line": ("import ant", "", "import ant\nimport bee", "import bee"),
    "one line in the base, CRLF beside": ("import ant", "", "import ant\r\nimport bee", "import bee"),
    "an end that one side added": (
        "import ant", "import ant\n", "import ant\nimport bee", "import ant\nimport bee\n",
    ),
    "a new file with and without": ("", "import ant\n", "import bee", "import ant\nimport bee"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAST_LINES)
def test_the_end_of_the_last_line(name: str) -> None:
    base, ours, theirs, expected = LAST_LINES[name]
    for one, other in ((ours, theirs), (theirs, ours)):
        got = merge("file.py", base, one, other)
        assert got and "".join(sorted(got.text)) == "".join(sorted(expected))
        assert got.text.endswith("\n") == expected.endswith("\n")
