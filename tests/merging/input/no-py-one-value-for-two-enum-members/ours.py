from enum import Enum


class E(Enum):
    A = 1
    C = 3
    B = 2
