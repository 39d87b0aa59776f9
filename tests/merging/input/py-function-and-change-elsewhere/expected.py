"""Commands."""

import argparse
from shapes import circle, square

__all__ = ["circle", "square"]

SIZES = {
    "small": 1,
    "large": 9,
}
NAMES = ["a", "b"]


class Shop:
    """Sells."""

    def __init__(self, goods):
        self.goods = goods

    def sell(self, name):
        self.goods.remove(name)
        return name


def total(prices, *, tax=0):
    result = sum(prices, 0)
    return result + tax


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--label")
    args = parser.parse_args(argv)
    if args.label == "a":
        return 1
    elif args.label == "b":
        return 2
    else:
        return 3


def one():
    return 1


def two():
    return 2
