/** A small shop with things to tidy and nothing tested: what the first run is tried on. */

export const SAMPLE = {
  request: "Fix the lint problems and write tests for what is untested",
  files: {
    "README.md": "# Shop\n\nA sample to try NEXUS on. Delegate a request, look at the changes, accept what you like.\n",
    "till.py": `"""Sums for the till."""

import os
import sys


def total(prices: list[int]) -> int:
    """The sum of prices, in cents."""
    return sum(prices)


def discount(price: int, percent: int) -> int:
    """A price with a discount, in cents, rounded down."""
    return price * (100 - percent) // 100
`,
    "receipt.py": `"""What the customer takes home."""

import datetime


def title() -> str:
    return f"Receipt"


def footer(name: str) -> str:
    if name == None:
        return "Thank you!"
    return "Thank you, " + name + "!"
`,
  },
} as const;
