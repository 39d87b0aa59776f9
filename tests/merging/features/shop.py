"""A small code base, and features written apart for it: each with its code, tests and notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

BASE: Mapping[str, str] = {
    "shop/__init__.py": '''"""A shop."""

from shop.model import Item
from shop.store import Store

__all__ = ["Item", "Store"]
''',
    "shop/model.py": '''"""What is sold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A thing with a price in cents."""

    name: str
    price: int
    tags: tuple[str, ...] = ()

    def label(self) -> str:
        return f"{self.name}: {self.price}"
''',
    "shop/store.py": '''"""Where it is kept."""

from shop.model import Item


class Store:
    """Items by name."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        self.items[item.name] = item

    def names(self) -> list[str]:
        return sorted(self.items)
''',
    "shop/report.py": '''"""How it is shown."""

import json

from shop.store import Store


def as_text(store: Store) -> str:
    lines = [item.label() for item in store.items.values()]
    return "\\n".join(lines)


def as_json(store: Store) -> str:
    rows = {item.name: item.price for item in store.items.values()}
    return json.dumps(rows)


FORMATS = {
    "text": as_text,
    "json": as_json,
}
''',
    "shop/cli.py": '''"""The command line."""

import argparse

from shop.model import Item
from shop.report import FORMATS
from shop.store import Store


def sample() -> Store:
    store = Store()
    store.add(Item("pen", 200, ("desk",)))
    store.add(Item("cup", 700, ("desk", "kitchen")))
    return store


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser("shop")
    parser.add_argument("command")
    parser.add_argument("--format", default="text")
    args = parser.parse_args(argv)
    store = sample()
    if args.command == "list":
        return ",".join(store.names())
    elif args.command == "report":
        return FORMATS[args.format](store)
    else:
        raise SystemExit(f"unknown command {args.command}")
''',
    "tests/test_model.py": """from shop.model import Item


def test_label():
    item = Item("pen", 200)
    assert item.label() == "pen: 200"
""",
    "tests/test_store.py": """from shop import Item, Store


def test_names():
    store = Store()
    store.add(Item("pen", 200))
    assert store.names() == ["pen"]
""",
    "tests/test_report.py": """from shop.cli import sample
from shop.report import as_json, as_text


def test_text():
    assert as_text(sample()) == "pen: 200\\ncup: 700"


def test_json():
    assert as_json(sample()) == '{"pen": 200, "cup": 700}'
""",
    "tests/test_cli.py": """import pytest

from shop.cli import main


def test_list():
    assert main(["list"]) == "cup,pen"


@pytest.mark.parametrize("name, start", [("text", "pen"), ("json", "{")])
def test_report(name, start):
    assert main(["report", "--format", name]).startswith(start)
""",
    "README.md": """# Shop

Sells things.

## Commands

- `list`: the names
- `report`: everything

## Formats

| name | for |
|---|---|
| text | people |
| json | programs |
""",
    "CHANGELOG.md": """# Changes

## Unreleased

- First version
""",
    "pyproject.toml": """[project]
name = "shop"
version = "0.1"
dependencies = [
  "rich>=13",
]
""",
}

Feature = Callable[[dict[str, str]], None]
"""Changes a copy of the base."""


def behind(files: dict[str, str], path: str, anchor: str, new: str) -> None:
    """Put `new` behind `anchor`; at the end of the file where that is empty."""
    assert anchor in files[path], (path, anchor)
    files[path] = files[path].replace(anchor, anchor + new, 1) if anchor else files[path] + new


def instead(files: dict[str, str], path: str, old: str, new: str) -> None:
    assert old in files[path], (path, old)
    files[path] = files[path].replace(old, new, 1)


def _format(name: str, imports: str, body: str, test: str, use: str) -> Feature:
    """Another format of the report."""

    def feature(files: dict[str, str]) -> None:
        if imports:
            instead(files, "shop/report.py", "import json\n", imports)
        function = f"\n\ndef as_{name}(store: Store) -> str:\n{body}"
        behind(files, "shop/report.py", "return json.dumps(rows)\n", function)
        behind(files, "shop/report.py", '    "json": as_json,\n', f'    "{name}": as_{name},\n')
        names = ", ".join(sorted(("as_json", "as_text", f"as_{name}")))
        instead(files, "tests/test_report.py", "as_json, as_text", names)
        behind(files, "tests/test_report.py", "", f"\n\ndef test_{name}():\n{test}")
        start = use.replace('"', '\\"')
        instead(files, "tests/test_cli.py", '("json", "{")]', f'("json", "{{"), ("{name}", "{start}")]')
        behind(files, "README.md", "| json | programs |\n", f"| {name} | {name} readers |\n")
        behind(files, "CHANGELOG.md", "- First version\n", f"- Reports as {name}\n")

    return feature


def _store(name: str, method: str, test: str, branch: str, said: str) -> Feature:
    """Another thing that a store can do, with its command."""

    def feature(files: dict[str, str]) -> None:
        behind(files, "shop/store.py", "return sorted(self.items)\n", "\n" + method)
        behind(files, "tests/test_store.py", "", f"\n\n{test}")
        behind(
            files,
            "shop/cli.py",
            "return FORMATS[args.format](store)\n",
            f'    elif args.command == "{name}":\n        return {branch}\n',
        )
        behind(
            files,
            "tests/test_cli.py",
            "",
            f'\n\ndef test_{name}():\n    assert main(["{name}"]) == "{said}"\n',
        )
        behind(files, "README.md", "- `report`: everything\n", f"- `{name}`: what its name says\n")
        behind(files, "CHANGELOG.md", "- First version\n", f"- Command `{name}`\n")

    return feature


def _item(method: str, test: str, note: str, imports: str = "") -> Feature:
    """Another thing that an item knows."""

    def feature(files: dict[str, str]) -> None:
        if imports:
            behind(files, "shop/model.py", "from dataclasses import dataclass\n", imports)
        behind(files, "shop/model.py", 'return f"{self.name}: {self.price}"\n', "\n" + method)
        behind(files, "tests/test_model.py", "", f"\n\n{test}")
        behind(files, "CHANGELOG.md", "- First version\n", f"- {note}\n")

    return feature


def _option(files: dict[str, str]) -> None:
    """Upper case on request."""
    behind(
        files,
        "shop/cli.py",
        '"--format", default="text")\n',
        '    parser.add_argument("--shout", action="store_true")\n',
    )
    instead(
        files,
        "shop/cli.py",
        'return ",".join(store.names())',
        'names = ",".join(store.names())\n        return names.upper() if args.shout else names',
    )
    behind(
        files,
        "tests/test_cli.py",
        "",
        '\n\ndef test_shout():\n    assert main(["list", "--shout"]) == "CUP,PEN"\n',
    )
    behind(files, "CHANGELOG.md", "- First version\n", "- Option `--shout`\n")


def _separator(files: dict[str, str]) -> None:
    """Another separator: the same line as `_option` changes, so the two can never both be had."""
    behind(
        files,
        "shop/cli.py",
        '"--format", default="text")\n',
        '    parser.add_argument("--separator", default=",")\n',
    )
    instead(files, "shop/cli.py", '",".join', "args.separator.join")
    test = '\n\ndef test_separator():\n    assert main(["list", "--separator", ";"]) == "cup;pen"\n'
    behind(files, "tests/test_cli.py", "", test)
    behind(files, "CHANGELOG.md", "- First version\n", "- Option `--separator`\n")


def _rename(files: dict[str, str]) -> None:
    """`names` is called `sorted_names`: whoever calls it by its old name cannot be merged with this."""
    instead(files, "shop/store.py", "def names", "def sorted_names")
    instead(files, "shop/cli.py", "store.names()", "store.sorted_names()")
    instead(files, "tests/test_store.py", "store.names()", "store.sorted_names()")
    test = "\n\ndef test_sorted_names_of_none():\n    assert Store().sorted_names() == []\n"
    behind(files, "tests/test_store.py", "", test)
    behind(files, "CHANGELOG.md", "- First version\n", "- `names` is called `sorted_names`\n")


FEATURES: Mapping[str, Feature] = {
    "csv": _format(
        "csv",
        "import csv\nimport io\nimport json\n",
        "    out = io.StringIO()\n    rows = csv.writer(out)\n    for item in store.items.values():\n"
        "        rows.writerow([item.name, item.price])\n    return out.getvalue()\n",
        '    assert as_csv(sample()).split() == ["pen,200", "cup,700"]\n',
        "pen,",
    ),
    "html": _format(
        "html",
        "import html\nimport json\n",
        "    lines = [f'<li>{html.escape(item.label())}</li>' for item in store.items.values()]\n"
        '    return "".join(lines)\n',
        '    assert as_html(sample()).startswith("<li>pen: 200</li>")\n',
        "<li>",
    ),
    "markdown": _format(
        "markdown",
        "",
        '    lines = [f"- {item.label()}" for item in store.items.values()]\n    return "\\n".join(lines)\n',
        '    assert as_markdown(sample()) == "- pen: 200\\n- cup: 700"\n',
        "- pen",
    ),
    "count": _store(
        "count",
        "    def count(self) -> int:\n        return len(self.items)\n",
        "def test_count():\n    store = Store()\n    assert store.count() == 0\n",
        "str(store.count())",
        "2",
    ),
    "total": _store(
        "total",
        "    def total(self) -> int:\n        return sum(item.price for item in self.items.values())\n",
        'def test_total():\n    store = Store()\n    store.add(Item("pen", 200))\n    assert store.total() == 200\n',
        "str(store.total())",
        "900",
    ),
    "tags": _store(
        "tags",
        "    def tags(self) -> list[str]:\n"
        "        return sorted({tag for item in self.items.values() for tag in item.tags})\n",
        'def test_tags():\n    store = Store()\n    store.add(Item("pen", 200, ("b", "a")))\n'
        '    assert store.tags() == ["a", "b"]\n',
        '",".join(store.tags())',
        "desk,kitchen",
    ),
    "first": _store(
        "first",
        "    def first(self) -> str:\n        return self.names()[0]\n",
        'def test_first():\n    store = Store()\n    store.add(Item("pen", 200))\n    assert store.first() == "pen"\n',
        "store.first()",
        "cup",
    ),
    "tax": _item(
        "    def with_tax(self, percent: int) -> int:\n        return ceil(self.price * (100 + percent) / 100)\n",
        'def test_tax():\n    item = Item("pen", 200)\n    assert item.with_tax(10) == 220\n',
        "Tax",
        "from math import ceil\n",
    ),
    "discount": _item(
        "    def discounted(self, percent: int) -> int:\n        return self.price * (100 - percent) // 100\n",
        'def test_discount():\n    item = Item("pen", 200)\n    assert item.discounted(25) == 150\n',
        "Discounts",
    ),
    "floor": _item(
        "    def rounded(self) -> int:\n        return floor(self.price / 100) * 100\n",
        'def test_rounded():\n    item = Item("pen", 250)\n    assert item.rounded() == 200\n',
        "Round prices",
        "from math import floor\n",
    ),
    "shout": _option,
    "separator": _separator,
    "rename": _rename,
}


def with_feature(name: str) -> dict[str, str]:
    """The base with one feature in it."""
    files = dict(BASE)
    FEATURES[name](files)
    return files
