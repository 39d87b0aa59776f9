from shop import b


def test_b():
    assert b
