"""Features written apart for one code base land together, with the tests of both, or not at all."""

from __future__ import annotations

from pathlib import Path

from tests.merging.features.landing import PAIRS, land_all
from tests.merging.features.shop import FEATURES

CANNOT = {"shout+separator": "both change the line that joins the names"}
"""Pairs that no merge of texts can put together, and why."""


async def test_pairs_of_features_land_with_both_features_tests(tmp_path: Path) -> None:
    landed = await land_all(tmp_path)
    base = 7
    own = {name: landed.passed[name] - base for name in FEATURES}
    assert min(own.values()) >= 1, own
    wanted = {f"{a}+{b}": base + own[a] + own[b] for a, b in PAIRS}
    together = {name: count for name, count in landed.passed.items() if "+" in name}
    by_git = {name for name in landed.clean if together[name] == wanted[name]}
    wrong = {name: count for name, count in together.items() if count != wanted[name]}
    print(f"{len(PAIRS)} pairs: git alone lands {len(by_git)}, NEXUS {len(together)}; wrongly: {wrong}")
    assert {name: count for name, count in wrong.items() if name not in landed.clean} == {}
    assert len(together) >= 0.9 * len(PAIRS) > 3 * len(by_git)
    assert not set(CANNOT) & set(together)
