from enum import Enum


class E(Enum):
    A = 1
    B = 2
    C = 3
