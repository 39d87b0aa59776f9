"""A thousand waiting changes in a document of twenty thousand lines, while the user types in it."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types as lsp
from pygls.workspace import PositionCodec

from benchmarks.client import Client
from benchmarks.pending import PATH, PendingEngine
from benchmarks.stage import BARE, Stage
from benchmarks.tables import Samples, ratio, show
from nexus_lsp.core.anchors import place
from nexus_lsp.core.hunks import Hunk
from nexus_lsp.core.text import split_lines
from nexus_lsp.core.tracking import settle
from nexus_lsp.lsp.desk import Desk
from nexus_lsp.lsp.documents import Document, Documents

KEY_EVERY = 0.1
"""Seconds between keystrokes: a fast typist."""

GIVEN_UP = 60.0
"""Seconds after which the server counts as gone."""


async def measure_review(stage: Stage) -> None:
    """Table 6."""
    sizes = ((1_000, 50),) if stage.quick else ((2_000, 100), (50_000, 1_000), (50_000, 2_000))
    lines, count = sizes[-1]
    rows = await _functions(stage, lines, count)
    for size in sizes:
        rows += await _served(stage, *size)
    title = f"6. {count:,} waiting changes in an open document of {lines:,} lines (ms)"
    head = ("what", "p50", "p99", "max", "times", "to bare pygls")
    show(title, head, rows, "functions: in this process; served: over stdio, marks published meanwhile")


# --- core functions ------------------------------------------------------------------------------------


async def _functions(stage: Stage, lines: int, count: int) -> list[list[str]]:
    rounds, keys = (2, 10) if stage.quick else (7, 200)
    engine = PendingEngine(lines, count)
    base = split_lines(engine.text)
    hunks = [Hunk(c["line"], (c["before"],), (c["after"],)) for c in engine.changes]
    edited = [line for at, line in enumerate(base) if at % 97 != 5]
    placed = place(hunks, base, base)
    found = {
        "place all, text as it was": _repeat(rounds, lambda: place(hunks, base, base)),
        "place all, 1 % of lines removed": _repeat(rounds, lambda: place(hunks, base, edited)),
        "begin to track all": _repeat(
            rounds,
            lambda: [settle(h, at, base) for h, at in zip(hunks, placed, strict=True) if at is not None],
        ),
    }
    for name, line, text in (
        ("key beside a change", 5, "x"),
        ("key in a change", 1, "x"),
        ("Enter at the top", 0, "\n"),
    ):
        desk, document = await opened_desk(engine)
        found[name] = await keys_in(desk, document, keys, line, text)
        desk.close()
    return [[f"function: {name}", *samples.tail(), "–"] for name, samples in found.items()]


def _repeat(rounds: int, work: Callable[[], object]) -> Samples:
    took: list[float] = []
    for _ in range(rounds):
        gc.collect()
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1e3)
    return Samples(tuple(took))


async def opened_desk(engine: PendingEngine) -> tuple[Desk, Document]:
    """A review desk with everything placed, and the document it is about."""
    desk = Desk(Path("/"), engine.execute, lambda _path: None)
    await desk.reload()
    desk.opened(PATH, engine.text)
    await desk.lay_out(PATH)
    assert all(desk.placed(c["id"], PATH) for c in engine.changes)
    documents = Documents(None, position_encoding=lsp.PositionEncodingKind.Utf16)
    documents.put_text_document(lsp.TextDocumentItem("file:///long.py", "python", 1, engine.text))
    document = documents.opened("file:///long.py")
    assert document is not None and isinstance(document.position_codec, PositionCodec)
    return desk, document


async def keys_in(desk: Desk, document: Document, keys: int, line: int, text: str) -> Samples:
    took: list[float] = []
    for version in range(2, keys + 2):
        at = lsp.Position(line, 0)
        change = lsp.TextDocumentContentChangePartial(range=lsp.Range(at, at), text=text)
        began = time.perf_counter()
        document.change(version, [change])
        desk.edited(PATH, document.edits, document.source)
        took.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0)
    return Samples(tuple(took))


# --- over the wire -------------------------------------------------------------------------------------


async def _served(stage: Stage, lines: int, count: int) -> list[list[str]]:
    """The whole server over an engine that knows of nothing but the changes; bare pygls beside it."""
    keys = 10 if stage.quick else 60
    root = stage.place(f"review-{lines}")
    text = PendingEngine(lines, count).text
    (root / PATH).write_text(text)
    ours = (sys.executable, "-m", "benchmarks.review_server", str(lines), str(count))
    shown, key = await type_in(stage, ours, root, text, count, keys)
    _, bare = await type_in(stage, BARE, root, text, 0, keys)
    size = f"{count:,} in {lines:,} lines"
    return [
        [f"served, {size}: didOpen → all marks shown", *_tail(shown), "–"],
        [f"served, {size}: a key, then a command", *_tail(key), ratio(key, bare)],
        [f"bare pygls, {lines:,} lines: a key, then a command", *_tail(bare), "1.00 ×"],
    ]


def _tail(samples: Samples) -> list[str]:
    """Where there is no value, the server did not answer in time."""
    return samples.tail() if samples.values else [f"> {GIVEN_UP * 1e3:,.0f}", "", "", "0"]


async def type_in(
    stage: Stage, command: tuple[str, ...], root: Path, text: str, marks: int, keys: int
) -> tuple[Samples, Samples]:
    """Milliseconds until the marks show, and for each key until the command sent after it is answered."""
    client = await Client.start(command, stage.env("review"), root)
    try:
        await client.initialize(root)
        client.tell("initialized", {})
        echo = "nexus.runs" if marks else "bench.echo"
        await client.command(echo)
        uri = (root / PATH).as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        began, start = time.perf_counter(), len(client.heard)
        client.tell("textDocument/didOpen", {"textDocument": item})
        shown: list[float] = []
        if marks:
            try:
                at = await _marked(client, start, marks)
            except TimeoutError:
                return Samples(()), Samples(())
            shown.append((at - began) * 1e3)
        return Samples(tuple(shown)), await _type(client, uri, keys, echo)
    finally:
        await client.end()


async def _marked(client: Client, start: int, marks: int) -> float:
    at, _ = await client.until(
        lambda method, params: (
            method == "textDocument/publishDiagnostics"
            and params.get("version") == 1
            and len(params["diagnostics"]) == marks
        ),
        start,
        GIVEN_UP,
    )
    return at


async def _type(client: Client, uri: str, keys: int, echo: str) -> Samples:
    """What the user feels: how long the server is away from a key until it answers the next question."""
    took: list[float] = []
    end = time.perf_counter() + GIVEN_UP
    for version in range(2, keys + 2):
        place = {"line": 5, "character": 0}
        change = {"range": {"start": place, "end": place}, "text": "x"}
        document = {"uri": uri, "version": version}
        began = time.perf_counter()
        client.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        ms, _ = await client.command(echo)
        took.append(ms)
        await asyncio.sleep(max(0.0, KEY_EVERY - (time.perf_counter() - began)))
        if time.perf_counter() > end:
            break
    return Samples(tuple(took))
