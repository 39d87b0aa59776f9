def f(x):
    y = 1
    if x > 1:
        return 2
    return y
