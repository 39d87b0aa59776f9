def f(x):
    y = 1
    if x > 0:
        return 3
    return y
