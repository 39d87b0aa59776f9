"""Releases of this project's own dependencies, one after another, as commits: pip brings them, as wheels.

A wheel is only unpacked; an sdist would run its build on the way.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

from tests.review.cases import Case, File, Tree

KEPT = Path(__file__).parents[2] / ".cache" / "releases"

PACKAGES = (
    "pygls", "lsprotocol", "cattrs", "pydantic", "openai", "aiosqlite", "watchfiles", "platformdirs", "rich",
    "httpx", "redis", "hypothesis", "pytest", "coverage", "jsonschema", "pytest-asyncio", "pytest-lsp",
    "pytest-xdist", "inline-snapshot", "import-linter",
)  # fmt: skip

AT_ONCE = 4
"""Runs of pip side by side."""


def pip(*arguments: str) -> str:
    """What pip prints; nothing where it fails."""
    command = (sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def versions(package: str, most: int) -> list[str]:
    """The newest releases, the oldest of them first."""
    for line in pip("index", "versions", package).splitlines():
        if line.startswith("Available versions:"):
            return line.removeprefix("Available versions:").replace(" ", "").split(",")[:most][::-1]
    return []


def wheel(package: str, version: str) -> Path | None:
    """Kept from the last time, or brought now; None for a release that has no wheel for this machine."""
    place = KEPT / f"{package}-{version}"
    if not list(place.glob("*.whl")):
        pip("download", "--no-deps", "--only-binary", ":all:", "-d", str(place), f"{package}=={version}")
    return next(place.glob("*.whl"), None)


def pairs(count: int) -> list[tuple[str, Path, Path]]:
    """About so many (name, a release's wheel, the next one's)."""
    each = count // len(PACKAGES) + 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = list(pool.map(lambda package: versions(package, each), PACKAGES))
        wanted = [(p, v) for p, found in zip(PACKAGES, numbers, strict=True) for v in found]
        wheels = list(pool.map(lambda one: wheel(*one), wanted))
    here = [(p, v, place) for (p, v), place in zip(wanted, wheels, strict=True) if place]
    found = [(f"{a[0]} {a[1]} to {b[1]}", a[2], b[2]) for a, b in pairwise(here) if a[0] == b[0]]
    return found[:count]


def tree(wheel: Path) -> dict[str, File]:
    """Every file of a wheel."""
    with ZipFile(wheel) as packed:
        return {
            i.filename: File(packed.read(i), bool(i.external_attr >> 16 & 0o100))
            for i in packed.infolist()
            if not i.is_dir()
        }


def case(name: str, before: Path, after: Path) -> Case:
    """What differs from one release to the next."""
    old, new = tree(before), tree(after)
    base: Tree = {path: entry for path, entry in old.items() if new.get(path) != entry}
    lands: Tree = {path: entry for path, entry in new.items() if old.get(path) != entry}
    return Case(name, base, lands, "", lands)
