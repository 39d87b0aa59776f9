class A:
    x: int
    z: int
