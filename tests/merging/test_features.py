"""Features written apart for one code base land together, with the tests of both, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.merging.features.landing import OWN_TESTS, PAIRS, land_all
from tests.merging.features.shop import FEATURES

NEVER = {"shout+separator": "both change the line that joins the names"}
"""Pairs that no merge of texts can put together."""

RED = {
    "first+rename": "git itself merges shop/store.py, where one calls by its old name what the other renamed"
}
"""Pairs that merge, but a gate turns them back."""


@pytest.mark.long
@pytest.mark.timeout(400)  # some ninety runs of pytest
async def test_pairs_of_features_land_with_both_features_tests(tmp_path: Path) -> None:
    landed = await land_all(tmp_path)
    assert min(landed.passed[name] for name in FEATURES) > OWN_TESTS, "every feature has a test of its own"
    assert set(landed.together) - landed.right == set(RED)
    by_git = landed.clean & landed.right
    print(f"{len(PAIRS)} pairs: git alone lands {len(by_git)}, NEXUS {len(landed.right)}")
    assert len(by_git) * 3 < len(PAIRS) and len(landed.right) >= 0.9 * len(PAIRS)
    assert not set(NEVER) & set(landed.together)
