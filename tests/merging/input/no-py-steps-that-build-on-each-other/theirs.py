def f(x):
    x = x.strip()
    x = x.title()
    return x
