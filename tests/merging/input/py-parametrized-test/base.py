import pytest


@pytest.mark.parametrize("x, y", [(1, 2), (2, 4)])
def test_twice(x, y):
    assert twice(x) == y
