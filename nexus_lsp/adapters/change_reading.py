"""Relating the changes of a run without holding anything up: large texts in a process of their own.

A parser lets no other thread run while it is at work, and a text can be made so that it never ends, or takes
the process with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from nexus_lsp.core.changes import Relation
from nexus_lsp.core.relating import Given, relate
from nexus_lsp.core.wire import from_json

SECONDS = 10.0
"""After which nothing is said of how the changes stand to each other."""

SMALL = 12_000
"""Characters that are read in this process: some milliseconds."""

_START = (
    "import json, sys; sys.path += json.loads(sys.argv[1]); "
    "from nexus_lsp.adapters import change_reader; change_reader.main()"
)


class ReadingFailed(Exception):
    """The process ended before it had answered; the message is for the log."""


async def relate_apart(given: Given) -> tuple[Relation, ...]:
    """`core.relating.relate`. Raises ReadingFailed, or TimeoutError after `SECONDS`."""
    if sum(len(file.old or "") + len(file.new or "") for file in given.files) <= SMALL:
        return relate(given)
    asked = await asyncio.to_thread(pickle.dumps, given)
    process = await asyncio.create_subprocess_exec(*_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(SECONDS):
            answer, _ = await process.communicate(asked)
        if process.returncode:
            raise ReadingFailed(f"the reader of changes ended early (exit status {process.returncode})")
        return await asyncio.to_thread(_relations, answer)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _relations(answer: bytes) -> tuple[Relation, ...]:
    return from_json(json.loads(answer), tuple[Relation, ...])


def _command() -> list[str]:
    """Isolated (`-I`), so that neither the working directory nor the environment adds modules."""
    own = str(Path(__file__).parents[2])
    paths = [own, *(path for path in sys.path if Path(path).is_absolute() and path != own)]
    return [sys.executable, "-I", "-c", _START, json.dumps(paths)]
