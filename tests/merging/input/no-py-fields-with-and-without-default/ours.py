class A:
    x: int
    y: int = 0
