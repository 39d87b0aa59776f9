"""Which change needs which: read off the texts with and without them, and only where that is sure."""
# ruff: noqa: E501 - whole files stand in the table

from __future__ import annotations

import random

import pytest
from relating_house import Files, needs, proposed

from nexus_lsp.core.relating import file_given, keep
from nexus_lsp.core.text import split_lines

GAP = "\n\n\n"


def lines(*parts: str) -> str:
    """Definitions with blank lines between them, so that each change is a hunk of its own."""
    return GAP.join(part.strip("\n") for part in parts) + "\n"


USE = "def use():\n    return 1"
KEPT = "def kept():\n    pass"

# what changes: files before, files after, and who needs whom
TABLE: dict[str, tuple[Files, Files, dict[str, str]]] = {
    "a call of a new function": (
        {"a.py": lines(KEPT, USE)},
        {"a.py": lines("def new():\n    pass", KEPT, "def use():\n    return new()")},
        {"a.py:6": "a.py:1"},
    ),
    "a use of a new constant, class and import": (
        {"a.py": lines("import os", KEPT, USE)},
        {"a.py": lines("import os\nimport re", KEPT, "LIMIT = 1", USE.replace("1", "re.match(LIMIT)"))},
        {"a.py:9": "a.py:2 a.py:8"},
    ),
    "a use of what is there already": (
        {"a.py": lines("import os", KEPT, USE)},
        {"a.py": lines("import os\nimport re", KEPT, USE.replace("1", "kept()"))},
        {},
    ),
    "a local name": (
        {"a.py": "def f():\n    a()\n    b()\n    c()\n    return 1\n"},
        {"a.py": "def f():\n    x = a()\n    b()\n    c()\n    return x\n"},
        {"a.py:5": "a.py:2"},
    ),
    "a parameter": (
        {"a.py": "def f(a):\n    a()\n    a()\n    return 1\n"},
        {"a.py": "def f(a, b):\n    a()\n    a()\n    return b\n"},
        {"a.py:4": "a.py:1"},
    ),
    "a name of another function is another name": (
        {"a.py": lines("def f():\n    a()", "def g():\n    return 1")},
        {"a.py": lines("def f():\n    x = a()", "def g():\n    return x")},
        {},
    ),
    "a name bound by two changes is not sure": (
        {"a.py": "if a:\n    1\nelse:\n    2\nb()\nc()\n"},
        {"a.py": "if a:\n    x = 1\nelse:\n    x = 2\nb()\nc(x)\n"},
        {},
    ),
    "a method and an attribute": (
        {"a.py": "class A:\n    def f(self):\n        self.a = 1\n        b()\n        return 1\n"},
        {
            "a.py": "class A:\n    def new(self):\n        pass\n\n    def f(self):\n        self.a = 1\n        self.c = 2\n        b()\n        return self.new() + self.c + self.a\n"
        },
        {"a.py:5": "a.py:2 a.py:4"},
    ),
    "a method that a base class may have": (
        {"a.py": "class A(B):\n    def f(self):\n        b()\n        return 1\n"},
        {
            "a.py": "class A(B):\n    def new(self):\n        pass\n\n    def f(self):\n        b()\n        return self.new()\n"
        },
        {},
    ),
    "a removed function needs its users to be gone": (
        {"a.py": lines("def old():\n    pass", KEPT, "def use():\n    return old()")},
        {"a.py": lines(KEPT, "def use():\n    return 1")},
        {"a.py:1": "a.py:10"},
    ),
    "a renamed function and its users are one set": (
        {"a.py": lines("def old():\n    pass", KEPT, "def use():\n    return old()")},
        {"a.py": lines("def new():\n    pass", KEPT, "def use():\n    return new()")},
        {"a.py:1": "a.py:10", "a.py:10": "a.py:1"},
    ),
    "an import that is moved": (
        {"a.py": "import os\na()\nb()\nc()\nos.x()\n"},
        {"a.py": "a()\nb()\nc()\nimport os\nos.x()\n"},
        {"a.py:1": "a.py:5"},
    ),
    "a new module and its import": (
        {"a.py": lines("import os", USE)},
        {"a.py": lines("import os\nimport new", USE.replace("1", "new.go()")), "new.py": "def go():\n    pass\n"},
        {"a.py:2": "new.py", "a.py:5": "a.py:2 new.py"},
    ),
    "a new function of another module": (
        {"a.py": lines("from pkg.b import old", USE), "pkg/b.py": lines("def old():\n    pass", KEPT)},
        {
            "a.py": lines("from pkg.b import new, old", USE.replace("1", "new()")),
            "pkg/b.py": lines("def old():\n    pass", "def new():\n    pass", KEPT),
        },
        {"a.py:1": "pkg/b.py:5", "a.py:5": "a.py:1"},
    ),
    "the same by a relative import, and by the module": (
        {
            "pkg/__init__.py": "",
            "pkg/a.py": lines("from . import b", USE),
            "pkg/b.py": lines("def old():\n    pass", KEPT),
            "pkg/c.py": lines("from .b import old", USE),
        },
        {
            "pkg/__init__.py": "",
            "pkg/a.py": lines("from . import b", USE.replace("1", "b.new()")),
            "pkg/b.py": lines("def old():\n    pass", "def new():\n    pass", KEPT),
            "pkg/c.py": lines("from .b import new", USE.replace("1", "new()")),
        },
        {"pkg/a.py:5": "pkg/b.py:5", "pkg/c.py:1": "pkg/b.py:5", "pkg/c.py:5": "pkg/c.py:1"},
    ),
    "a module of that name in two places is not sure": (
        {"a.py": USE + "\n", "src/new.py": "old = 1\n"},
        {"a.py": "import new\n\n\n" + USE + "\n", "src/new.py": "old = 1\n", "lib/new.py": "x = 1\n"},
        {},
    ),
    "a test of new code": (
        {"shop/cart.py": lines(KEPT), "shop/__init__.py": ""},
        {
            "shop/cart.py": lines(KEPT, "def total():\n    return 1"),
            "shop/__init__.py": "",
            "tests/test_cart.py": "from shop.cart import total\n\n\ndef test_total():\n    assert total() == 1\n",
        },
        {"tests/test_cart.py": "shop/cart.py:3"},
    ),
    "a deleted module needs its imports to be gone": (
        {"a.py": lines("import old", USE), "old.py": "x = 1\n"},
        {"a.py": lines(USE), "old.py": None},
        {"old.py": "a.py:1"},
    ),
    "a call with a new parameter": (
        {"a.py": lines("from b import go", "def use():\n    go(1)"), "b.py": lines("def go(x):\n    pass", KEPT)},
        {
            "a.py": lines("from b import go", "def use():\n    go(1, deep=True)"),
            "b.py": lines("def go(x, deep=False):\n    pass", KEPT),
        },
        {"a.py:5": "b.py:1"},
    ),
    "a parameter that callers must give": (
        {"a.py": lines("from b import go", "def use():\n    go(1)"), "b.py": lines("def go(x):\n    pass", KEPT)},
        {
            "a.py": lines("from b import go", "def use():\n    go(1, 2)"),
            "b.py": lines("def go(x, y):\n    pass", KEPT),
        },
        {"a.py:5": "b.py:1", "b.py:1": "a.py:5"},
    ),
    "a call of a decorated function is not sure": (
        {"a.py": lines("@wraps\ndef go(x):\n    pass", KEPT, "def use():\n    go(1)")},
        {"a.py": lines("@wraps\ndef go(x, y):\n    pass", KEPT, "def use():\n    go(1, 2)")},
        {},
    ),
    "a try and its except": (
        {"a.py": "def f():\n    a()\n    b()\n    c()\n    d()\n"},
        {"a.py": "def f():\n    try:\n        a()\n        b()\n        c()\n    except E:\n        pass\n    d()\n"},
        {},
    ),
    "lines that only parse together": (
        {"a.py": "x = 1\ny = 2\nz = 3\n"},
        {"a.py": "x = (1 +\ny := 2\n)\nz = 3\n".replace("y := 2", "y = 2").replace("x = (1 +", "x = f(1,")},
        {"a.py:1": "a.py:3", "a.py:3": "a.py:1"},
    ),
    "a byte order mark and CRLF": (
        {"a.py": "\ufeff" + lines(KEPT, USE).replace("\n", "\r\n")},
        {"a.py": "\ufeff" + lines("def new():\n    pass", KEPT, "def use():\n    return new()").replace("\n", "\r\n")},
        {"a.py:6": "a.py:1"},
    ),
    "a star import is not sure": (
        {"a.py": lines("from b import old", USE), "b.py": "from c import *\nold = 1\n"},
        {"a.py": lines("from b import new", USE), "b.py": "from c import *\nold = 1\nx = 1\nnew = 2\n"},
        {},
    ),
    "a file that does not parse says nothing": (
        {"a.py": "def f(:\n" + lines(KEPT, USE)},
        {"a.py": "def f(:\n" + lines("def new():\n    pass", KEPT, "def use():\n    return new()")},
        {},
    ),
    "another language: the file that is imported": (
        {"src/a.ts": "import { x } from './x';\nf();\n"},
        {"src/a.ts": "import { x } from './x';\nimport { y } from \"./deep/y\";\nf();\n", "src/deep/y.ts": "export const y = 1;\n"},
        {"src/a.ts:2": "src/deep/y.ts"},
    ),
    "another language: nothing else is sure": (
        {"a.go": "func use() {\n}\n\nvar x = 1\n"},
        {"a.go": "func fresh() {\n}\n\nfunc use() {\n\tfresh()\n}\n\nvar x = 1\n"},
        {},
    ),
    "not Python, not text": ({"a.txt": "a\nb\nc\n"}, {"a.txt": "A\nb\nC\n"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_who_needs_whom(name: str) -> None:
    before, after, expected = TABLE[name]
    found = proposed(before, after).relations()
    assert needs(found) == expected


def test_a_moved_module_and_its_imports_are_one_set() -> None:
    before = {"old.py": "x = 1\n", "a.py": "import old\n\n\nf()\n"}
    after = {"new.py": "x = 1\n", "a.py": "import new\n\n\nf()\n"}
    found = proposed(before, after, {"old.py": "new.py"}).relations()
    assert needs(found) == {"new.py": "a.py:1", "a.py:1": "new.py"}


def test_what_was_accepted_is_still_needed_and_nothing_of_the_users() -> None:
    before, after, _ = TABLE["a use of a new constant, class and import"]
    made = proposed(before, after)
    use, brought, constant = "a.py:9", "a.py:2", "a.py:8"
    assert {i: c.id for i, c in enumerate(made.changes)} == {0: brought, 1: constant, 2: use}
    for accepted in ((brought,), (brought, constant), (constant, use), (brought, constant, use)):
        assert needs(made.relations(*accepted)) == {use: f"{brought} {constant}"}


def test_a_change_of_accepted_lines_needs_them() -> None:
    one = proposed({"a.py": "a\nb\nc\n"}, {"a.py": "a\nB\nc\n"}).changes[0]
    [two] = proposed({"a.py": "a\nB\nc\n"}, {"a.py": "a\nBB\nc\n"}).changes
    given = file_given("a.py", [(one, True), (two, False)], {"a.py": "a\nb\nc\n"}, "a\nB\nc\n")
    assert (given.old, given.new, given.stacked) == ("a\nb\nc\n", "a\nBB\nc\n", ((two.id, one.id),))


def test_any_of_the_changes_can_be_kept() -> None:
    chance = random.Random(7)
    for _ in range(200):
        before = [chance.choice("abc") + "\n" for _ in range(12)]
        after = [chance.choice([line, line, "x\n", line + "y\n", ""]) for line in before]
        old, new = "".join(before), "".join(after)
        made = proposed({"f": old}, {"f": new})
        given = file_given("f", [(c, False) for c in made.changes], {}, old)
        assert (given.old, given.new) == (old, new)
        assert len(given.removed) == len(split_lines(old)) and len(given.added) == len(split_lines(new))
        ids = [c.id for c in made.changes]
        assert (keep(given, frozenset()), keep(given, frozenset(ids))) == (old, new)
        for one in ids:
            assert keep(given, frozenset({one})) == made._user("f", {one})
