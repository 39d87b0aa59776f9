from shop import total


def test_total():
    assert total([1, 2]) == 3


def test_a():
    result = total([1])
    assert result == 1
