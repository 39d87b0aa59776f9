"""What arguments of the command line may be."""

from __future__ import annotations

import argparse


def dollars(text: str) -> float:
    """US dollars, more than 0."""
    amount = float(text)
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no budget: give US dollars, more than 0")
    return amount


def amount(text: str) -> int:
    """A number above 0."""
    amount = int(text)
    if amount <= 0:
        raise argparse.ArgumentTypeError(f"{text} is no budget: give a number above 0")
    return amount
