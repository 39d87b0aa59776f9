import pytest


@pytest.mark.parametrize("x, y", [(1, 2), (2, 4), (3, 6), (0, 0)])
def test_twice(x, y):
    assert twice(x) == y
