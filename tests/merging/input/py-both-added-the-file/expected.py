from shop import a, b


def test_a():
    assert a


def test_b():
    assert b
