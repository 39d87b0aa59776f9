"""The parser of other languages: plain trees, places in code points, what is said where one is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise

import pytest

from nexus_lsp.adapters import grammars
from nexus_lsp.adapters.grammars import check, parse
from nexus_lsp.core.merging import merge
from nexus_lsp.core.merging.grammars import BY_END

CASES = {
    "a.js": "const s = 'ä😀';\nf(s);\n",
    "a.ts": "let s: string = '😀';\n",
    "a.tsx": "const a = <b>ü</b>;\n",
    "a.go": "package a // é\n\nvar s = 1\n",
    "a.rs": "// ß\nconst A: u8 = 1;\n",
    "A.java": "/* ñ */ class A {}\n",
    "A.cs": "// ñ\nclass A {}\n",
    "a.css": "/* ñ */ .a { margin: 0; }\n",
    "a.yaml": "é: 1\nb: 2\n",
}


@pytest.fixture
def without_java(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "tree_sitter_java", None)
    grammars._language.cache_clear()
    yield
    grammars._language.cache_clear()


@pytest.mark.parametrize("path", CASES)
def test_places_count_code_points(path: str) -> None:
    text = CASES[path]
    root = parse(BY_END[path[path.rindex(".") :]].name, text)
    assert root is not None and not root.faulty and root.end == len(text)
    tokens = [text[n.start : n.end] for n in root.all() if not n.children and n.kind == text[n.start : n.end]]
    assert tokens, "a token that is called by its text has it at its place"
    leaves = [n for n in root.all() if not n.children]
    assert all(a.end <= b.start for a, b in pairwise(leaves))


def test_what_is_wrong_is_a_broken_node() -> None:
    root = parse("go", "package a\n\nfunc f( {\n")
    assert root is not None and root.faulty and any(node.broken for node in root.all())


def test_every_language_has_its_grammar() -> None:
    commands = {"bash"}
    assert {grammar.name for grammar in BY_END.values()} | commands == set(grammars._WHERE)
    assert (check().ok, check().mend) == (True, "")


def test_a_missing_grammar_is_a_conflict_and_the_doctor_says_what_to_do(without_java: None) -> None:
    base, ours, theirs = "class A {}\n", "class B {}\nclass A {}\n", "class C {}\nclass A {}\n"
    assert merge("A.java", base, ours, theirs, parse) is None
    assert merge("A.cs", base, ours, theirs, parse) is not None
    line = check()
    assert line.detail == "tree_sitter_java cannot be imported: such files are merged by lines only"
    assert line.mend == "`pip install --upgrade tree-sitter tree-sitter-java`."
