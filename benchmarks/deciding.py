"""How the review bears 10 to 10,000 waiting changes in a file: keystroke, publish, accept one, accept all."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pending import PATH, PendingEngine
from benchmarks.review import keys_in, opened_desk, type_in
from benchmarks.stage import Stage
from benchmarks.tables import Samples, aim, number, show
from nexus_lsp.adapters.disk_face import DiskFace
from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Facts, Limits, apply, decide
from nexus_lsp.core.evolve import begin
from nexus_lsp.core.review import acceptable, decide_text
from nexus_lsp.core.run import Run
from nexus_lsp.engine.projections import change_line

HUNKS = (10, 100, 1_000, 10_000)
LINES = 50_000
KEY_AIM = 5.0
"""Milliseconds that 99 of 100 keys take at most, with a thousand changes waiting."""


async def measure_deciding(stage: Stage) -> None:
    """Table 10."""
    rows: list[list[str]] = []
    tail = Samples(())
    for count in HUNKS[:2] if stage.quick else HUNKS:
        cells, keys = await _measured(stage, count)
        rows.append([f"{count:,}", number(keys.median), number(keys.at(0.99)), *map(number, cells)])
        tail = keys if count <= 1_000 else tail
    head = ("waiting", "key p50", "key p99", "publish", "list", "accept one", "accept all", "reject all")
    title = f"10. Waiting changes in an open document of {LINES:,} lines (ms)"
    told = aim(f"a key's p99 below {KEY_AIM:g} ms with 1,000 waiting", tail.at(0.99) < KEY_AIM)
    show(
        title,
        head,
        rows,
        "publish: over stdio; accept: decided, written to disk, journalled facts told",
        told,
    )


async def _measured(stage: Stage, count: int) -> tuple[list[float], Samples]:
    engine = PendingEngine(LINES, count)
    desk, document = await opened_desk(engine)
    keys = await keys_in(desk, document, 20 if stage.quick else 200, 1, "x")
    desk.close()
    root = stage.place(f"deciding-{count}")
    (root / PATH).write_text(engine.text)
    ours = (sys.executable, "-m", "benchmarks.review_server", str(LINES), str(count))
    shown, _ = await type_in(stage, ours, root, engine.text, count, 1)
    run = _run(engine)
    listed = _took(lambda: [change_line(run, state) for state in run.changes.values()])
    one = await _accepted(engine, run, 1)
    every = await _accepted(engine, run, count)
    turned_down = _took(lambda: _told(run, h.Reject(tuple(run.changes), "no")))
    return [shown.values[0] if shown.values else float("inf"), listed, one, every, turned_down], keys


def _run(engine: PendingEngine) -> Run:
    began = f.Entry(1, 0.0, "run_1", f.RunStarted("do it", "/w", "local"))
    proposed = [
        f.ChangeProposed(
            Change(c["id"], ("t",), ("a",), PATH, "edit", "", "blob", c["line"], c["before"], c["after"])
        )
        for c in engine.changes
    ]
    return apply(begin(began), proposed)


def _told(run: Run, what: h.Happening) -> Run:
    """The run after this, each fact told with the state it led to, as the engine does."""
    facts: Facts = decide(run, what, Limits())
    for fact in facts:
        run = apply(run, [fact])
    return run


async def _accepted(engine: PendingEngine, run: Run, count: int) -> float:
    """Milliseconds to accept so many changes without an editor."""

    class Blobs:
        async def read(self, blob: str) -> bytes:
            return engine.text.encode()

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "w"
        root.mkdir()
        (root / PATH).write_text(engine.text)
        face = DiskFace(root, Blobs(), Path(folder) / "backups")  # type: ignore[arg-type]
        began = time.perf_counter()
        choice = acceptable([run], list(run.changes)[:count])
        done = await face.carry_out(choice.changes)
        _told(run, h.Accepted(done.applied))
        took = (time.perf_counter() - began) * 1e3
        assert len(done.applied) == count, done.refused[:1]
        changes = [run.changes[i].change for i in list(run.changes)[:count]]
        assert decide_text(changes, {"blob": engine.text}, engine.text).text == (root / PATH).read_text()
    return took


def _took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3
