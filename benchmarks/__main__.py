"""`python -m benchmarks [--quick] [--only 1,4]`: measure, print the tables, leave nothing behind."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from benchmarks import peers
from benchmarks.bus import measure_bus
from benchmarks.commands import measure_commands
from benchmarks.deciding import measure_deciding
from benchmarks.memory import measure_recall
from benchmarks.merging import measure_merging
from benchmarks.repository import measure_repository
from benchmarks.review import measure_review
from benchmarks.stage import Stage
from benchmarks.start import measure_memory, measure_start
from benchmarks.team import measure_team

PARTS = (
    measure_start,
    measure_memory,
    measure_commands,
    measure_team,
    measure_repository,
    measure_review,
    measure_bus,
    measure_recall,
    measure_merging,
    measure_deciding,
)
LONGEST = 600.0
"""Seconds after which a part is given up."""


def main() -> int:
    """The exit code: 1 where a part could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small version of everything, under a minute")
    parser.add_argument("--only", default="", metavar="N,…", help="only these tables")
    options = parser.parse_args()
    wanted = {int(n) for n in options.only.split(",") if n} or set(range(1, len(PARTS) + 1))
    notes = peers.missing() if options.quick else peers.install()
    print(f"NEXUS beside its peers. Python {platform.python_version()}, {os.cpu_count()} cores, {_load()}.")
    for note in notes:
        print(f"  · {note}")
    scratch = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
    try:
        failed = asyncio.run(_measure(Stage(scratch, options.quick), wanted))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"\nAt the end: {_load()}.")
    return 1 if failed else 0


async def _measure(stage: Stage, wanted: set[int]) -> int:
    failed = 0
    for number, part in enumerate(PARTS, 1):
        if number not in wanted:
            continue
        try:
            async with asyncio.timeout(LONGEST):
                await part(stage)
        except Exception:
            failed += 1
            print(f"\n{number}. could not be measured:")
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    return failed


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
