"""The deliberate break: shows that a test run really executes the checkout it is started in.

With an editable install, tests in a checkout can quietly import the user's own source; they then stay
green whatever an agent does. So a gate counts only once it has turned red over a source file broken here.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_lsp.adapters.pytest_run import PytestRun

ATTEMPTS = 3
"""Files that are broken in turn before a gate counts as blind."""

_RAISE = b'raise RuntimeError("nexus probe")\n'
_GARBAGE = b"@@ nexus probe: broken on purpose @@\n"
"""A syntax error in every language we know of."""

_LANGUAGES = (
    "js jsx mjs cjs ts tsx vue svelte rs go java kt scala c cc cpp h hpp cs rb php swift ex hs lua dart"
)
_SOURCES = tuple(f".{ending}" for ending in _LANGUAGES.split())
_TEST = re.compile(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_[^/]*$|[._](test|spec)\.[^/]*$|_test\.py$")
_NEVER = re.compile(r"(^|/)(conftest|setup|noxfile|tasks)\.py$|(^|/)docs?/")
_CONFIGS = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "pytest.toml", "conftest.py")


@dataclass(frozen=True, slots=True)
class Target:
    """A source file to break, and the test files that should notice (none: all of them)."""

    path: str
    tests: tuple[str, ...] = ()


def covered_targets(run: PytestRun) -> list[Target]:
    """Covered source files, each with the test file that has the fewest passing tests: quickest first."""
    weight: dict[str, int] = {}
    for test in run.passed:
        file = test.partition("::")[0]
        weight[file] = weight.get(file, 0) + 1
    found: list[tuple[int, str, str]] = []
    for path, tests in run.tests_of.items():
        noticing = [(weight[test], test) for test in tests if test in weight]
        if noticing:
            count, test = min(noticing)
            found.append((count, path, test))
    return [Target(path, (test,)) for _, path, test in sorted(found)]


def likely_targets(root: Path, files: Sequence[tuple[str, int]]) -> list[Target]:
    """Source files that tests most likely execute: those they import, then the largest ones."""
    sizes = {path: size for path, size in files if size and not _NEVER.search(path)}
    sources = {path: size for path, size in sizes.items() if not _TEST.search(path)}
    python = {path: size for path, size in sources.items() if path.endswith(".py")}
    imports = _imports(root, [path for path in sizes if _TEST.search(path) and path.endswith(".py")])
    imported = {path: imports.get(module, ()) for path in python for module in _modules(path)}
    first = [Target(path, tuple(tests)) for path, tests in imported.items() if tests]
    others = python or {path: size for path, size in sources.items() if path.endswith(_SOURCES)}
    rest = sorted(others, key=lambda path: -others[path])
    return [*first, *(Target(path) for path in rest if path not in {target.path for target in first})]


@contextlib.asynccontextmanager
async def broken(root: Path, path: str) -> AsyncGenerator[None]:
    """Hold the file broken; afterwards its bytes and times are what they were."""
    file = root / path
    original = await asyncio.to_thread(file.read_bytes)
    status = await asyncio.to_thread(file.stat)
    await asyncio.to_thread(file.write_bytes, _break(path, original))
    try:
        yield
    finally:
        file.write_bytes(original)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def strangers(run: PytestRun, workspace: Path, interpreter: Path) -> list[tuple[str, str]]:
    """(module, file) of what the tests imported from the user's own workspace instead of the checkout."""
    environment = interpreter.parent.parent
    return [
        (name, path)
        for name, path in run.outside
        if Path(path).is_relative_to(workspace) and not Path(path).is_relative_to(environment)
    ]


def fingerprint(root: Path, interpreter: Path, command: str | None) -> str:
    """Changes whenever the answer of a probe may: interpreter, its packages, command, configuration."""
    digest = hashlib.sha256(f"{interpreter}\0{command}\0".encode(errors="surrogateescape"))
    for packages in sorted(interpreter.parent.parent.glob("lib/python*/site-packages")):
        digest.update(f"{packages}:{packages.stat().st_mtime_ns}\0".encode(errors="surrogateescape"))
    for name in _CONFIGS:
        with contextlib.suppress(OSError):
            digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def _break(path: str, original: bytes) -> bytes:
    if not path.endswith(".py"):
        return _GARBAGE + original
    lines = original.splitlines(keepends=True)
    at = _after_future(original)
    end = b"" if not at or lines[at - 1].endswith((b"\n", b"\r")) else b"\n"
    return b"".join([*lines[:at], end, _RAISE, *lines[at:]])


def _after_future(source: bytes) -> int:
    """Lines up to the last `from __future__` import, before which no statement may stand."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return 0
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    return max((node.end_lineno or node.lineno for node in futures), default=0)


def _imports(root: Path, tests: Collection[str]) -> Mapping[str, list[str]]:
    """Test files by the modules that they import."""
    found: dict[str, list[str]] = {}
    for test in tests:
        for module in _imported(root / test):
            found.setdefault(module, []).append(test)
    return found


def _imported(file: Path) -> frozenset[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _modules(path: str) -> Iterator[str]:
    """The names a file may be imported by: `src/pkg/a.py` as `src.pkg.a`, `pkg.a` or `a`."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    for start in range(min(len(parts), 4)):
        yield ".".join(parts[start:])
