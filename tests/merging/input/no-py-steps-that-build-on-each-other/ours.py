def f(x):
    x = x.strip()
    x = x.lower()
    return x
