"""Merging by structure: how many pairs of features land beside git alone, and a long file."""

from __future__ import annotations

import time

from benchmarks.stage import Stage
from benchmarks.tables import Samples, aim, number, show
from nexus_lsp.core.merging import merge
from tests.merging.features.landing import PAIRS, land_all

LINES = 5_000


async def measure_merging(stage: Stage) -> None:
    """Table 9."""
    chosen = PAIRS[:6] if stage.quick else PAIRS
    landed = await land_all(stage.place("features"), chosen)
    right, wrong = len(landed.right), len(landed.together) - len(landed.right)
    times = Samples(tuple(1e3 * seconds for seconds in landed.merge_seconds.values()))
    long = Samples(tuple(_long_file() for _ in range(2 if stage.quick else 10)))
    rows = [
        ["git alone", f"{len(landed.clean & landed.right)} of {len(chosen)}", "", ""],
        ["git alone, notes left out", f"{len(landed.clean_code)} of {len(chosen)}", "", ""],
        ["by structure", f"{right} of {len(chosen)}", number(times.median), number(max(times.values))],
        [f"a file of {LINES:,} lines", "", number(long.median), number(max(long.values))],
    ]
    show(
        "9. Pairs of features written apart for one code base",
        ("merged", "land", "p50 ms", "most ms"),
        rows,
        aim("by structure lands nine of ten", right >= 0.9 * len(chosen)),
        f"{wrong} merged, but a test of the pair is red: a gate sends it back to its agent",
        "land: every test of the base and of both features passes; ms: what merging takes beyond git's own",
    )


def _long_file() -> float:
    """Milliseconds for two functions, imports and entries added at one place of a long file."""
    functions = "".join(f"\n\ndef f{at}(x):\n    y = x + {at}\n    return y\n" for at in range(LINES // 5))
    base = "import json\n\nTABLE = {\n    'a': 1,\n}\n" + functions
    ours, theirs = (
        base.replace("json\n", f"json\nimport {module}\n", 1).replace(
            "1,\n", f"1,\n    '{module}': {module},\n", 1
        )
        + f"\n\ndef {module}_new(x):\n    return {module}\n"
        for module in ("os", "sys")
    )
    began = time.perf_counter()
    merged = merge("long.py", base, ours, theirs)
    assert merged is not None and merged.by_structure
    return (time.perf_counter() - began) * 1e3
