def f(x):
    x = x.strip()
    return x
