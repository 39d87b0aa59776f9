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
        self.goods.sort()

    def sell(self, name):
        self.goods.remove(name)
        return name


def total(prices, *, tax=0):
    result = sum(prices)
    return result + tax


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    args = parser.parse_args(argv)
    if args.name == "a":
        return 1
    elif args.name == "b":
        return 2
    else:
        return 3
