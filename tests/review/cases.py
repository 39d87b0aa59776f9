"""Everything a commit can hold, as a table: what stood there, what the agents left, what an accept leaves.

`§` in a content is the case's own name: no two cases hold the same text, so that git finds no renames between
them where they stand in one workspace.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

BOM = "\ufeff"


@dataclass(frozen=True)
class File:
    """Bytes, and whether they can be run."""

    content: bytes
    runs: bool = False


@dataclass(frozen=True)
class Link:
    """A symbolic link; its target need not be there."""

    target: str


@dataclass(frozen=True)
class Repo:
    """A git repository of its own (a submodule once the repository around it is committed)."""

    files: Mapping[str, str]


Entry = File | Link | Repo
Tree = Mapping[str, Entry]
Told = str | bytes | Entry


@dataclass(frozen=True)
class Case:
    """See the module.

    Attributes:
        lands: what stands there after all is accepted, where that is not `after`; paths with None: not there.
        shown: kinds of the changes that are proposed.
        note: what the user reads where something is not carried out.
        editor_note: the same in an editor, where that says something else.
    """

    name: str
    base: Tree
    after: Tree
    shown: str
    lands: Tree
    note: str = ""
    editor_note: str = ""
    user: Tree = field(default_factory=dict[str, Entry])
    """Files of the user's that git does not track; they stay as they are."""

    @property
    def slug(self) -> str:
        return "".join(c if c.isalnum() and c.isascii() else "-" for c in self.name)


def program(content: str) -> File:
    return File(content.encode(), runs=True)


def _entry(told: Told, name: str) -> Entry:
    if isinstance(told, str):
        told = told.encode()
    if isinstance(told, bytes):
        told = File(told)
    if isinstance(told, File):
        return File(told.content.replace("§".encode(), name.encode()), told.runs)
    return told


def _tree(told: Mapping[str, Told], name: str) -> Tree:
    return {path: _entry(entry, name) for path, entry in told.items()}


def case(
    name: str,
    base: Mapping[str, Told],
    after: Mapping[str, Told],
    shown: str,
    lands: Mapping[str, Told] | None = None,
    user: Mapping[str, Told] | None = None,
    note: str = "",
    editor_note: str = "",
) -> Case:
    trees = [_tree(t, name) for t in (base, after, after if lands is None else lands, user or {})]
    return Case(name, trees[0], trees[1], shown, trees[2], note, editor_note, trees[3])


def one(name: str, before: Told, after: Told, shown: str = "edit", **more: str) -> Case:
    """One file that changes."""
    return case(name, {"f.txt": before}, {"f.txt": after}, shown, **more)  # type: ignore[arg-type]


TEN = "".join(f"line {n} of §\n" for n in range(10))
TWO_HUNKS = TEN.replace("line 2", "LINE 2").replace("line 7", "LINE 7")
LONG = [f"value_{n} = {n} # §\n" for n in range(50_000)]
LONG_AFTER = [line.upper() if n % 12_500 == 7 else line for n, line in enumerate(LONG)]
FIVE_MB = "x§ " * (5_000_000 // 30)
NFC, NFD = (unicodedata.normalize(form, "café.txt") for form in ("NFC", "NFD"))

FILES = [
    case("new file", {"k": "§\n"}, {"k": "§\n", "new.txt": "new §\n"}, "create"),
    case("new program", {"k": "§\n"}, {"k": "§\n", "go": program("#!/bin/sh\n# §\n")}, "create"),
    case("nested new folders", {"k": "§\n"}, {"k": "§\n", "a/b/c/d.txt": "§ d\n"}, "create"),
    case("deleted file", {"k": "§\n", "old.txt": TEN}, {"k": "§\n"}, "delete"),
    case("deleted program", {"k": "§\n", "old": program(TEN)}, {"k": "§\n"}, "delete"),
    case("last file of a folder deleted", {"k": "§\n", "d/old.txt": TEN}, {"k": "§\n"}, "delete"),
    case("renamed file", {"a.txt": TEN}, {"b.txt": TEN}, "rename"),
    case("moved file", {"a.txt": TEN}, {"deep/er/a.txt": TEN}, "rename"),
    case("renamed and edited", {"a.txt": TEN}, {"b.txt": TWO_HUNKS}, "rename"),
    case("renamed program", {"a": program(TEN)}, {"b": program(TEN)}, "rename"),
    case("renamed and made runnable", {"a": TEN}, {"b": program(TEN)}, "rename"),
    case("renamed by case only", {"Read.txt": TEN}, {"README.txt": TEN}, "rename"),
    case(
        "two files change names",
        {"a.txt": TEN, "b.txt": "b §\n" * 9},
        {"a.txt": "b §\n" * 9, "b.txt": TEN},
        "edit edit",
    ),
    case("copied file", {"a.txt": TEN}, {"a.txt": TEN, "b.txt": TEN}, "create"),
    case("empty new file", {"k": "§\n"}, {"k": "§\n", "__init__.py": ""}, "create"),
    case("empty file deleted", {"k": "§\n", "__init__.py": ""}, {"k": "§\n"}, "delete"),
    case("file becomes a folder", {"a": TEN}, {"a/b.txt": "b §\n"}, "create delete"),
    case("folder becomes a file", {"a/b.txt": TEN}, {"a": "a §\n"}, "create delete"),
    case("file moves into a folder of its name", {"a": TEN}, {"a/a": TEN}, "rename"),
    case("only file of a folder takes its name", {"a/a": TEN}, {"a": TEN}, "rename"),
]

MODES = [
    one("made runnable", TEN, program(TEN), "mode"),
    one("made not runnable", program(TEN), TEN, "mode"),
    one("made runnable and edited", TEN, program(TWO_HUNKS), "edit edit mode"),
    one("runnable and edited", program(TEN), program(TWO_HUNKS), "edit edit"),
    one("binary made runnable", b"\0\x01 mode", File(b"\0\x01 mode", True), "binary"),
]

LINKS = [
    case("new link to a file", {"f": "§\n"}, {"f": "§\n", "l": Link("./f")}, "symlink"),
    case("new link to a folder", {"d/f": "§\n"}, {"d/f": "§\n", "l": Link("d")}, "symlink"),
    case("new link to nothing", {"f": "§\n"}, {"f": "§\n", "l": Link("not there")}, "symlink"),
    case("link changed", {"f": "§\n", "l": Link(".//f")}, {"f": "§\n", "l": Link("g")}, "symlink"),
    case("link deleted", {"f": "§\n", "l": Link("././f")}, {"f": "§\n"}, "symlink"),
    case("link renamed", {"f": "§\n", "l": Link("f 1")}, {"f": "§\n", "m": Link("f 1")}, "symlink"),
    case("file becomes a link", {"f": "§\n", "g": TEN}, {"f": "§\n", "g": Link("f")}, "symlink"),
    case("link becomes a file", {"f": "§\n", "g": Link("f")}, {"f": "§\n", "g": TEN}, "symlink"),
    case(
        "new link out of the workspace",
        {"f": "§\n"},
        {"f": "§\n", "l": Link("/etc/passwd"), "m": Link("../../../up")},
        "",
        lands={"f": "§\n"},
    ),
    case(
        "the user's link out of the workspace, edited through",
        {"f": "§\n", "l": Link("/etc/passwd")},
        {"f": "§ f\n", "l": Link("/etc/passwd")},
        "edit",
    ),
    case(
        "a file behind the user's link to a folder",
        {"d/f": "§\n", "l": Link("d")},
        {"d/f": "§ d\n", "l": Link("d")},
        "edit",
    ),
]

BYTES = [
    one("binary edited", b"\0\x01\x02", b"\0\x01\x03", "binary"),
    case("binary new", {"k": "§\n"}, {"k": "§\n", "i.png": b"\x89PNG\r\n\x1a\n\0" + b"new" * 50}, "binary"),
    case("binary deleted", {"k": "§\n", "i": b"\x89PNG\r\n\x1a\n\0" + b"old" * 50}, {"k": "§\n"}, "delete"),
    case("binary renamed", {"i": b"\0\xff" * 99}, {"j": b"\0\xff" * 99}, "binary"),
    one("text becomes binary", TEN, b"\0 was text", "binary"),
    one("binary becomes text", b"\0 will be text", TEN, "binary"),
    one("latin-1", "gr\xfc\xdf\n".encode("latin-1"), "gr\xfc\xdfe\n".encode("latin-1"), "binary"),
    one("utf-16", "one\ntwo\n".encode("utf-16"), "one\nTWO\n".encode("utf-16"), "binary"),
    one("latin-1 becomes utf-8", "gr\xfc\xdf §".encode("latin-1"), "gr\xfc\xdf §\n", "binary"),
    one("a NUL in a text", "a §\nb\n", "a §\n\0b\n", "binary"),
    one("emptied", TEN, ""),
    one("filled", "", TEN),
]

ENDS = [
    one(f"end of the file: {a} -> {b}", f"one §\ntwo\nlast{x}", f"one §\nTWO\nLAST{y}", "edit")
    for (a, x), (b, y) in itertools.product({"none": "", "LF": "\n", "CRLF": "\r\n"}.items(), repeat=2)
] + [
    one("only the last line end goes", "one §\nlast\n", "one §\nlast"),
    one("only a last line end comes", "one §\nlast", "one §\nlast\n"),
    one("a line after a last one without end", "one §\nlast", "one §\nlast\nmore"),
    one("CRLF", TEN.replace("\n", "\r\n"), TWO_HUNKS.replace("\n", "\r\n"), "edit edit"),
    one("lone CR", TEN.replace("\n", "\r"), TWO_HUNKS.replace("\n", "\r"), "edit edit"),
    one("mixed ends", "one §\r\ntwo\nthree\rfour\r\n", "ONE §\r\ntwo\nthree\rFOUR\r\n", "edit edit"),
    one("LF becomes CRLF", TEN, TEN.replace("\n", "\r\n")),
    one("one line's end becomes CRLF", TEN, TEN.replace("4 of §\n", "4 of §\r\n")),
    one("a CR before an LF line end", "one §\ntwo\nthree\n", "one §\ntwo\r\nthree\n"),
    one("an empty line between CR and LF", "one §\r\r\ntwo\n", "one §\r\rmid\r\ntwo\n"),
]

CHARACTERS = [
    one("BOM kept", BOM + TEN, BOM + TWO_HUNKS, "edit edit"),
    one("BOM, its line edited", BOM + TEN, BOM + TEN.replace("line 0", "LINE 0")),
    one("BOM put on", TEN, BOM + TEN),
    one("BOM taken off", BOM + TEN, TEN),
    case("BOM on a new file", {"k": "§\n"}, {"k": "§\n", "n": BOM + "new §\n"}, "create"),
    one("form feed", "a\f§\n\fb\nc\nd\n", "a\f§\n\fB\nc\nD\n", "edit edit"),
    one("U+2028 and U+0085 in lines", "a\u2028§\nb\x85b\nc\n", "a\u2028§\nb\x85B\nc\n"),
    one("vertical tab and file separator", "a\v§\nb\x1cb\nc\n", "a\v§\nb\x1cB\nc\n"),
    one("emoji and astral characters", "👩‍👩‍👧 §\n𝒳 = 1\nc\n", "👩‍👩‍👧 §\n𝒳 = 2\nc😀\n"),
    one("combining and right to left", "e\u0301 §\nשלום\nc\n", "é §\nשלום!\nc\n"),
    one("no lines but spaces", "  \n\t\n", "  \n \t\n"),
]

SIZES = [
    one("50,000 lines", "".join(LONG), "".join(LONG_AFTER), " ".join(["edit"] * 4)),
    one("one line of 5 MB", FIVE_MB + "\nlast\n", FIVE_MB + "y\nlast\n"),
    one("one line of 5 MB, no end", FIVE_MB, FIVE_MB + "y"),
]

NAMES = [
    case(f"name: {what}", {name: TEN}, {name: TWO_HUNKS}, "edit edit")
    for what, name in {
        "spaces": "a  b.txt",
        "newline": "a\nb.txt",
        "unicode": "größe-日本.txt",
        "NFC": NFC,
        "NFD": NFD,
        "leading dash": "-rf",
        "leading dot": ".env.example",
        "quote and backslash": 'a"b\\c.txt',
        "glob": "[a]*?.txt",
        "colon": ":(top)a.txt",
        "percent and hash": "a%20b#c?d.txt",
        "tab": "a\tb.txt",
    }.items()
] + [
    case("name: not UTF-8", {"k": "§\n"}, {"k": "§\n", "\udcff.txt": "new §\n"}, "create"),
    case("NFC becomes NFD", {NFC: TEN}, {NFD: TEN}, "rename"),
    case("new name with newline", {"k": "§\n"}, {"k": "§\n", "a\nb": "new §\n"}, "create"),
    case("new name with leading dash", {"k": "§\n"}, {"k": "§\n", "--help": "new §\n"}, "create"),
]

SPECIAL = [
    case(
        "ignored files",
        {".gitignore": "*.log\n# §\n"},
        {".gitignore": "*.log\n# §\n", "new.log": "log\n", "new.txt": "§ new\n"},
        "create",
        lands={".gitignore": "*.log\n# §\n", "new.txt": "§ new\n"},
        user={"mine.log": "mine\n"},
    ),
    case(
        "no longer ignored",
        {".gitignore": "*.log\n# §\n"},
        {".gitignore": "# §\n", "new.log": "§ log\n"},
        "create edit",
        user={"mine.log": "mine\n"},
    ),
    case(
        "a new file where an ignored one of the user's is",
        {".gitignore": "*.log\n# §\n"},
        {".gitignore": "# §\n", "mine.log": "theirs §\n"},
        "create edit",
        lands={".gitignore": "# §\n"},
        user={"mine.log": "mine §\n"},
        note="mine.log exists already",
    ),
    case(
        "submodule edited",
        {"f": "§\n", "sub": Repo({"in.txt": "inner\n"})},
        {"f": "§ f\n", "sub/in.txt": "edited §\n"},
        "create edit",
        lands={"f": "§ f\n", "sub": Repo({"in.txt": "inner\n"})},
        note="sub/in.txt exists already",
    ),
    case(
        "submodule left alone",
        {"f": "§\n", "sub": Repo({"in.txt": "inner\n"})},
        {"f": "§ f\n"},
        "edit",
        lands={"f": "§ f\n", "sub": Repo({"in.txt": "inner\n"})},
    ),
    case(
        "a new repository in the workspace",
        {"f": "§\n"},
        {"f": "§\n", "sub": Repo({"in.txt": "a new inner\n"})},
        "create",
        lands={"f": "§\n", "sub/in.txt": "a new inner\n"},
    ),
    case(
        "many files at once",
        {f"f{n}": f"{n} §\n" for n in range(12)},
        {f"f{n}": f"{n + 1} §\n" for n in range(12)},
        " ".join(["edit"] * 12),
    ),
]

CASES = [*FILES, *MODES, *LINKS, *BYTES, *ENDS, *CHARACTERS, *SIZES, *NAMES, *SPECIAL]
