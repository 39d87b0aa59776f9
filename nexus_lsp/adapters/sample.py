"""The demo's repository: the pinned source distribution of a small, well-known package, under git."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tarfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from nexus_lsp.core.problems import Refused

NAME, VERSION = "inflection", "0.5.1"
SHA256 = "1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417"


async def fetch_sample(into: Path) -> Path:
    """Download, unpack and commit the sample; gives its directory. Refused where it cannot be had."""
    pin = into / "requirements.txt"
    pin.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    await _run(into, *pip, "--no-deps", "--no-binary", NAME, "--dest", str(into), "-r", str(pin))
    await asyncio.to_thread(_unpack, into)
    workspace = into / f"{NAME}-{VERSION}"
    git = ("git", "-c", "user.name=NEXUS demo", "-c", "user.email=nexus@localhost")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", f"{NAME} {VERSION}")):
        await _run(workspace, *git, *words)
    return workspace


def _unpack(into: Path) -> None:
    archive = into / f"{NAME}-{VERSION}.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(into, filter="data")
    archive.unlink()
    (into / "requirements.txt").unlink()
    for cache in into.rglob("__pycache__"):
        shutil.rmtree(cache)


async def _run(cwd: Path, *argv: str) -> None:
    process = await asyncio.create_subprocess_exec(*argv, cwd=cwd, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    out, _ = await process.communicate()
    if process.returncode:
        last = out.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Refused(
            f"The sample repository could not be fetched ({' '.join(last)}). Give a folder of your own "
            "instead: `nexus-lsp demo DIR`."
        )
