"""Changes of pytest's configuration after which it runs fewer tests, or counts fewer failures."""

from __future__ import annotations

import ast
import configparser
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

from nexus_lsp.core.integrity.bindings import assigned
from nexus_lsp.core.integrity.cases import FunctionNode, dotted, flat, parse, text_of

NAMES = frozenset({"pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg"})
"""Files in which pytest looks for settings; `conftest.py` is read, too."""

_DESELECTING = {
    **{"-k": "-k", "-m": "-m", "--deselect": "--deselect", "--ignore": "--ignore"},
    **{"--ignore-glob": "--ignore-glob", "--collect-only": "--collect-only", "--co": "--collect-only"},
}
_DEFAULTS = {
    "testpaths": (),
    "norecursedirs": (),
    "python_files": ("test_*.py", "*_test.py"),
    "python_classes": ("Test",),
    "python_functions": ("test",),
}
_LEAVING = frozenset({"skip", "skipif", "xfail", "skipTest", "pytest_deselected", "remove", "clear", "pop"})
_OUTCOMES = frozenset({"outcome", "exitstatus", "wasxfail"})

Doubt = tuple[int, str]
"""(0-based line of the new text, what is left out by it)."""


def settings_doubts(name: str, old: str, new: str) -> Iterator[Doubt]:
    """What a changed `pyproject.toml` or `pytest.ini` (by its name) leaves out; nothing if unreadable."""
    before, now = settings(name, old), settings(name, new)
    if now is None:
        return
    before = before or {}
    known = _options(before.get("addopts", ""))
    for option, value in _options(now.get("addopts", "")):
        if (option, value) not in known:
            yield (
                _line(new, "addopts", value),
                f"`addopts` now says `{' '.join(filter(None, (option, value)))}`",
            )
    for key, default in _DEFAULTS.items():
        was, is_now = _list(before.get(key)) or default, _list(now.get(key)) or default
        if lost := _lost(key, was, is_now):
            shown = ", ".join(f"`{each}`" for each in lost)
            yield _line(new, key, ""), f"`{key}` no longer holds {shown}"


def settings(name: str, text: str) -> Mapping[str, Any] | None:
    """pytest's own table of such a file, {} where it has none, None where it cannot be read."""
    try:
        if name.endswith(".toml"):
            tables = tomllib.loads(text)
            pytest = tables.get("tool", {}).get("pytest", {}) if name == "pyproject.toml" else tables
            return pytest.get("ini_options", pytest.get("pytest", pytest))
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        section = "tool:pytest" if name == "setup.cfg" else "pytest"
        return dict(parser[section]) if parser.has_section(section) else {}
    except (tomllib.TOMLDecodeError, configparser.Error, AttributeError, RecursionError):
        return None


def conftest_doubts(old: str, new: str) -> Iterator[Doubt]:
    """What a changed `conftest.py` leaves out: `collect_ignore`, hooks that skip or change outcomes."""
    tree, before = parse(new), parse(old)
    if tree is None:
        return
    known = _conftest(before) if before is not None else {}
    for what, line in _conftest(tree).items():
        if what not in known:
            yield line, what


def _conftest(tree: ast.Module) -> dict[str, int]:
    """What is left out -> line."""
    found: dict[str, int] = {}
    for node in flat(tree.body):
        for name, value in assigned(node):
            if name in ("collect_ignore", "collect_ignore_glob") and not _is_empty(value):
                found[f"`{name} = {text_of(value)}` leaves files out"] = node.lineno - 1
        if isinstance(node, ast.Expr) and dotted(node.value).startswith("collect_ignore"):
            found[f"`{text_of(node)}` leaves files out"] = node.lineno - 1
        if isinstance(node, FunctionNode) and node.name.startswith("pytest_"):
            found |= {what: line for line, what in _hook(node)}
    return found


def _hook(node: FunctionNode) -> Iterator[Doubt]:
    choosing = node.name in ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup")
    if node.name in ("pytest_ignore_collect", "pytest_collect_file", "pytest_pycollect_makeitem"):
        yield node.lineno - 1, f"`{node.name}` decides which files and tests are collected"
    for part in ast.walk(node):
        if choosing and isinstance(part, ast.Attribute) and part.attr in _LEAVING:
            yield node.lineno - 1, f"`{node.name}` skips or removes tests"
        if isinstance(part, ast.Assign):
            for target in part.targets:
                if choosing and isinstance(target, ast.Subscript):
                    yield node.lineno - 1, f"`{node.name}` chooses among the tests"
                if isinstance(target, ast.Attribute) and target.attr in _OUTCOMES:
                    yield part.lineno - 1, f"`{node.name}` sets `{target.attr}` and so changes what counts"


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and not node.elts


def _options(value: Any) -> list[tuple[str, str]]:
    """The options of `addopts` that leave tests out, with their values."""
    try:
        listed = list(_list(value)) if isinstance(value, list) else shlex.split(str(value))
    except ValueError:
        return []
    found: list[tuple[str, str]] = []
    for at, word in enumerate(listed):
        option, sign, given = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
        if option in _DESELECTING:
            follows = listed[at + 1] if at + 1 < len(listed) and not (sign or given) else given
            found.append((_DESELECTING[option], "" if "co" in option[2:4] else follows))
    return found


def _list(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in cast("list[Any]", value))
    return tuple(str(value).split()) if value is not None else ()


def _lost(key: str, before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Entries of before that nothing of now stands for; `norecursedirs` leaves out what it names."""
    if key == "norecursedirs":
        return []
    if key == "testpaths":
        return [each for each in before if now and not any(_holds(other, each) for other in now)]
    return [each for each in before if not any(fnmatchcase(each, f"{other}*") for other in now)]


def _holds(folder: str, path: str) -> bool:
    outer, inner = folder.strip("./").rstrip("/"), path.strip("./").rstrip("/")
    return not outer or inner == outer or inner.startswith(outer + "/") or fnmatchcase(inner, outer)


def _line(text: str, key: str, value: str) -> int:
    """The 0-based line on which a setting says this; 0 where it is not found."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if line.strip().strip('"').startswith(key)]
    first = starts[0] if starts else 0
    holding = [at for at in range(first, len(lines)) if value and value in lines[at]]
    return holding[0] if holding else first
