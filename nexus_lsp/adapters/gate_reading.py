"""What the texts of a change say, read in a process of its own.

Why not a thread: reading is computing, which would hold up the editor's answers, and a thread cannot be
ended. A process can, in the middle of anything, and what it had said by then stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.gate_change import MAX_BYTES, Change, SourceChange
from nexus_lsp.adapters.gate_place import Place
from nexus_lsp.core.integrity import Question, TestChange
from nexus_lsp.core.integrity.cases import is_test_module
from nexus_lsp.core.quality import Complexity, Quality, Worst

SECONDS = 20.0
"""For reading all texts of a change, and again for making faults in them."""

_LONGEST = 1 << 26
"""Bytes of one answer: a long source file's lines."""

_SHOWN = 3
_START = (
    "import json, sys; sys.path += json.loads(sys.argv[1]); "
    "from nexus_lsp.adapters import gate_reader; gate_reader.main()"
)


@dataclass(frozen=True, slots=True)
class Read:
    """What the texts say; where time was up, what was known by then, and a note that says what is missing.

    `sources` is None where not all were read, since a figure of some of them would be wrong.
    """

    quality: Quality
    questions: tuple[Question, ...]
    tests: tuple[TestChange, ...]
    sources: tuple[SourceChange, ...] | None
    notes: tuple[str, ...]


async def read_texts(change: Change, place: Place) -> Read:
    """Read the texts and count the tree's tests, for at most `SECONDS`."""
    found = _Found({text.path: text.new or "" for text in change.texts})
    why = ""
    try:
        async with asyncio.timeout(SECONDS), contextlib.aclosing(answers(_lines(change, place))) as said:
            async for kind, value in said:
                found.take(kind, value)
    except TimeoutError:
        why = f"was stopped after {SECONDS:g} s"
    except ReaderDied as death:
        why = str(death)
    return found.read(why)


def _lines(change: Change, place: Place) -> Iterator[Any]:
    python = [(path, size) for path, size in place.files if path.endswith(".py")]
    tests = [path for path, size in python if is_test_module(path) and size <= MAX_BYTES]
    yield {"job": "honesty", "root": str(place.root), "tests": tests, "python": bool(python)}
    yield from ([text.path, text.old, text.new, text.old_path] for text in change.texts)


class ReaderDied(Exception):
    """The process ended before it had said all; the message goes on after "Reading the changed texts"."""


async def answers(lines: Iterable[Any]) -> AsyncGenerator[tuple[str, Any]]:
    """What `gate_reader` says to these lines, as (kind, value); closed, or cancelled, it ends the process."""
    process = await asyncio.create_subprocess_exec(
        *_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST
    )
    try:
        assert process.stdout is not None
        await _ask(process, lines)
        while line := await process.stdout.readline():
            for kind, value in json.loads(line).items():
                yield kind, value
        if code := await process.wait():
            raise ReaderDied(f"ended early (exit status {code})")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _command() -> list[str]:
    """Isolated (`-I`), so that neither the working directory nor the environment adds modules."""
    own = str(Path(__file__).parents[2])
    paths = [own, *(path for path in sys.path if Path(path).is_absolute() and path != own)]
    return [sys.executable, "-I", "-c", _START, json.dumps(paths)]


async def _ask(process: Process, lines: Iterable[Any]) -> None:
    """One line after another, since writing JSON holds up everything else meanwhile."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for value in lines:
            process.stdin.write(json.dumps(value).encode() + b"\n")
            await process.stdin.drain()
            await asyncio.sleep(0)
    process.stdin.close()


@dataclass(slots=True)
class _Found:
    """What was said so far; `waiting` holds the texts of the files that are not read to their end."""

    texts: dict[str, str]
    waiting: list[str] = field(init=False)
    quality: Quality = field(default_factory=Quality)
    questions: list[Question] = field(default_factory=list[Question])
    tests: list[TestChange] = field(default_factory=list[TestChange])
    sources: list[SourceChange] = field(default_factory=list[SourceChange])
    sources_known: bool = False

    def __post_init__(self) -> None:
        self.waiting = list(self.texts)

    def take(self, kind: str, value: Any) -> None:
        match kind:
            case "question":
                self.questions.append(Question(**value))
            case "test":
                self.tests.append(TestChange(**value))
            case "source":
                path, lines = value["path"], value["lines"]
                self.sources.append(SourceChange(path, self.texts[path], dict(lines)))
            case "read":
                self.waiting.remove(value)
            case "sources_known":
                self.sources_known = True
            case "tests_known":
                self.quality = replace(self.quality, tests_added=sum(test.new for test in self.tests))
            case _:
                self.quality = replace(self.quality, **{name: _figure(each) for name, each in value.items()})

    def read(self, why: str) -> Read:
        """All of it; `why` says how it came to an end before its time."""
        notes: list[str] = []
        if why:
            shown = ", ".join(f"`{path}`" for path in self.waiting[:_SHOWN])
            more = f" and {len(self.waiting) - _SHOWN} more" if len(self.waiting) > _SHOWN else ""
            missing = f"Not looked at, or not wholly: {shown}{more}" if shown else "Some figures are missing"
            notes.append(f"Reading the changed texts {why}. {missing}.")
        asked = sorted(dict.fromkeys(self.questions), key=lambda question: (question.path, question.line))
        sources = tuple(self.sources) if self.sources_known else None
        return Read(self.quality, tuple(asked), tuple(self.tests), sources, tuple(notes))


def _figure(value: Any) -> int | Complexity:
    """A count, or a complexity."""
    if isinstance(value, int):
        return value
    given: dict[str, Any] = {**value, "worst": value["worst"] and Worst(**value["worst"])}
    return Complexity(**given)
