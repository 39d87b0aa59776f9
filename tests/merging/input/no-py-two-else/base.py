def f(x):
    if x == 1:
        y = 1
